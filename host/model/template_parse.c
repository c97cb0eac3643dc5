/* SPDX-License-Identifier: MIT */
/* Statements of a template: tags, and what is between them. */
#include <string.h>

#include "model/template_impl.h"

#define OP TEMPLATE_TOKEN_OP
#define NAME TEMPLATE_TOKEN_NAME

static enum status parse_body(struct template_reader *r, const char *const *ends,
                              const struct template_node **out);

static enum status expect_end(struct template_reader *r)
{
    return template_reader_expect(r, TEMPLATE_TOKEN_TAG_END, NULL);
}

/* "{% end... %}", whose "{%" has been seen but not taken. */
static enum status close_tag(struct template_reader *r, const char *name)
{
    enum status st = template_reader_expect(r, TEMPLATE_TOKEN_TAG, NULL);
    if (!st)
        st = template_reader_expect(r, NAME, name);
    return st ? st : expect_end(r);
}

static bool at_tag(const struct template_reader *r, const char *name)
{
    return r->token->kind == TEMPLATE_TOKEN_TAG && r->token->next->kind == NAME &&
           template_text_is(r->token->next->text, name);
}

static bool skip_tag(struct template_reader *r, const char *name)
{
    const bool is = at_tag(r, name);
    if (is)
        r->token = r->token->next->next;
    return is;
}

/* Names with commas between them, in parentheses or not. */
static enum status parse_targets(struct template_reader *r, struct template_node *loop)
{
    const struct template_node **link = &loop->list;
    const bool in_parentheses = template_reader_skip(r, OP, "(");
    enum status st = STATUS_OK;
    do {
        struct template_node *name;
        if (template_reader_at(r, NAME, "in") || template_reader_at(r, OP, ")")) {
            loop->number = 1; /* "a," is a tuple of one */
            break;
        }
        st = template_reader_node(r, TEMPLATE_NAME, &name);
        if (!st) {
            name->text = r->token->text;
            st = template_reader_expect(r, NAME, NULL);
        }
        if (!st) {
            *link = name;
            link = &name->next;
        }
    } while (!st && template_reader_skip(r, OP, ","));
    if (!st && loop->list && loop->list->next)
        loop->number = 1;
    if (!st && !loop->list)
        return template_reader_unexpected(r, "a name");
    return !st && in_parentheses ? template_reader_expect(r, OP, ")") : st;
}

static enum status parse_for(struct template_reader *r, struct template_node *node)
{
    static const char *const ends[] = {"else", "endfor", NULL}, *const last[] = {"endfor", NULL};
    node->kind = TEMPLATE_FOR;
    enum status st = parse_targets(r, node);
    if (!st)
        st = template_reader_expect(r, NAME, "in");
    if (!st)
        st = template_expr_tuple(r, false, &node->a);
    if (!st && template_reader_skip(r, NAME, "if"))
        st = template_expr_parse(r, true, &node->b);
    if (!st && template_reader_at(r, NAME, "recursive"))
        return template_lex_fail(r->problem, node->line,
                                 "found a recursive loop, which is not run here");
    if (!st)
        st = expect_end(r);
    r->loops++;
    if (!st)
        st = parse_body(r, ends, &node->body);
    r->loops--;
    if (!st && skip_tag(r, "else")) {
        st = expect_end(r);
        if (!st)
            st = parse_body(r, last, &node->other);
    }
    return st ? st : close_tag(r, "endfor");
}

static enum status parse_if(struct template_reader *r, struct template_node *node)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL}, *const last[] = {"endif",
                                                                                        NULL};
    const struct template_node **link = &node->list;
    bool is_else = false, again = true;
    enum status st = STATUS_OK;
    node->kind = TEMPLATE_IF;
    while (!st && again) {
        struct template_node *branch;
        st = template_reader_node(r, TEMPLATE_BRANCH, &branch);
        if (!st && !is_else)
            st = template_expr_tuple(r, false, &branch->a);
        if (!st)
            st = expect_end(r);
        if (!st)
            st = parse_body(r, is_else ? last : ends, &branch->body);
        if (st)
            break;
        *link = branch;
        link = &branch->next;
        again = skip_tag(r, "elif");
        if (!again && !is_else)
            again = is_else = skip_tag(r, "else");
    }
    return st ? st : close_tag(r, "endif");
}

static enum status parse_set(struct template_reader *r, struct template_node *node)
{
    static const char *const ends[] = {"endset", NULL};
    const struct template_node *base;
    struct template_node *target;
    enum status st = template_reader_node(r, TEMPLATE_NAME, &target);
    if (st)
        return st;
    target->text = r->token->text;
    node->a = base = target;
    st = template_reader_expect(r, NAME, NULL);
    if (!st && template_reader_skip(r, OP, ".")) {
        st = template_reader_join(r, TEMPLATE_ATTR, base, NULL, &target);
        if (!st) {
            target->text = r->token->text;
            node->a = target;
            st = template_reader_expect(r, NAME, NULL);
        }
    }
    if (!st && template_reader_at(r, OP, ","))
        return template_lex_fail(r->problem, node->line,
                                 "found {%% set %%} of several names, which is not run here");
    if (!st && template_reader_skip(r, OP, "=")) {
        node->kind = TEMPLATE_SET;
        st = template_expr_tuple(r, true, &node->b);
        return st ? st : expect_end(r);
    }
    node->kind = TEMPLATE_SET_BLOCK;
    struct template_node *inner;
    if (!st)
        st = template_reader_node(r, TEMPLATE_NONE, &inner);
    if (!st)
        st = template_primary_filters(r, inner, &node->b);
    if (!st)
        st = expect_end(r);
    if (!st)
        st = parse_body(r, ends, &node->body);
    return st ? st : close_tag(r, "endset");
}

static enum status parse_macro(struct template_reader *r, struct template_node *node)
{
    static const char *const ends[] = {"endmacro", NULL};
    const struct template_node **link = &node->list;
    node->kind = TEMPLATE_MACRO;
    node->text = r->token->text;
    enum status st = template_reader_expect(r, NAME, NULL);
    if (!st)
        st = template_reader_expect(r, OP, "(");
    while (!st && !template_reader_skip(r, OP, ")")) {
        struct template_node *parameter = NULL;
        if (node->list)
            st = template_reader_expect(r, OP, ",");
        if (!st)
            st = template_reader_node(r, TEMPLATE_KEYWORD, &parameter);
        if (!st) {
            parameter->text = r->token->text;
            *link = parameter;
            link = &parameter->next;
            st = template_reader_expect(r, NAME, NULL);
        }
        if (!st && template_reader_skip(r, OP, "="))
            st = template_expr_parse(r, true, &parameter->a);
    }
    const uint32_t loops = r->loops; /* a loop around a macro is not the macro's */
    r->loops = 0;
    if (!st)
        st = expect_end(r);
    if (!st)
        st = parse_body(r, ends, &node->body);
    r->loops = loops;
    return st ? st : close_tag(r, "endmacro");
}

static enum status parse_jump(struct template_reader *r, struct template_node *node, bool is_break)
{
    node->kind = is_break ? TEMPLATE_BREAK : TEMPLATE_CONTINUE;
    if (r->loops == 0)
        return template_lex_fail(r->problem, node->line, "found {%% %s %%} outside of a loop",
                                 is_break ? "break" : "continue");
    return expect_end(r);
}

/* A tag, whose "{%" has been taken. */
static enum status parse_tag(struct template_reader *r, struct template_node *node)
{
    static const char *const ends[] = {"endgeneration", NULL};
    const struct template_token *word = r->token;
    enum status st = template_reader_expect(r, NAME, NULL);
    if (st)
        return st;
    if (template_text_is(word->text, "for"))
        return parse_for(r, node);
    if (template_text_is(word->text, "if"))
        return parse_if(r, node);
    if (template_text_is(word->text, "set"))
        return parse_set(r, node);
    if (template_text_is(word->text, "macro"))
        return parse_macro(r, node);
    if (template_text_is(word->text, "break") || template_text_is(word->text, "continue"))
        return parse_jump(r, node, word->text.data[0] == 'b');
    if (template_text_is(word->text, "generation")) {
        node->kind = TEMPLATE_BLOCK;
        st = expect_end(r);
        if (!st)
            st = parse_body(r, ends, &node->body);
        return st ? st : close_tag(r, "endgeneration");
    }
    return template_lex_fail(r->problem, word->line,
                             "found the tag {%% %.*s %%}, which is not run here (for, if, set, "
                             "macro, break, continue, generation)",
                             (int)(word->text.size < 40 ? word->text.size : 40), word->text.data);
}

static enum status parse_statement(struct template_reader *r, const struct template_node **out)
{
    struct template_node *node;
    enum status st = template_reader_node(r, TEMPLATE_DATA, &node);
    if (st)
        return st;
    *out = node;
    if (r->token->kind == TEMPLATE_TOKEN_DATA) {
        node->text = r->token->text;
        r->token = r->token->next;
        return st;
    }
    if (r->token->kind == TEMPLATE_TOKEN_PRINT) {
        node->kind = TEMPLATE_PRINT;
        r->token = r->token->next;
        st = template_expr_tuple(r, true, &node->a);
        return st ? st : template_reader_expect(r, TEMPLATE_TOKEN_PRINT_END, NULL);
    }
    r->token = r->token->next;
    return parse_tag(r, node);
}

/* Statements up to one of the tags `ends` (null after the last), which is not taken; null: up to
 * the end of the template. */
static enum status parse_body(struct template_reader *r, const char *const *ends,
                              const struct template_node **out)
{
    struct template_node *body;
    enum status st = template_reader_enter(r);
    if (!st)
        st = template_reader_node(r, TEMPLATE_BLOCK, &body);
    const struct template_node **link = st ? NULL : &body->body;
    while (!st && r->token->kind != TEMPLATE_TOKEN_END) {
        bool ended = false;
        for (const char *const *end = ends; end && *end; end++)
            ended = ended || at_tag(r, *end);
        if (ended)
            break;
        const struct template_node *one;
        struct template_node *item = NULL;
        st = parse_statement(r, &one);
        if (!st)
            st = template_reader_join(r, TEMPLATE_BLOCK, one, NULL, &item);
        if (!st) {
            *link = item;
            link = &item->next;
        }
    }
    r->depth--;
    if (!st)
        *out = body;
    if (!st && ends && r->token->kind == TEMPLATE_TOKEN_END)
        return template_reader_unexpected(r, ends[1] ? ends[1] : ends[0]);
    return st;
}

enum status template_parse_source(struct template **out, struct arena *arena,
                                  struct template_text source, enum template_space space,
                                  struct template_problem *problem)
{
    struct template_reader r = {.arena = arena, .problem = problem};
    *out = arena_alloc(arena, sizeof(**out));
    if (!*out)
        return STATUS_MEMORY;
    enum status st = template_lex(&r.token, arena, source, space, problem);
    return st ? st : parse_body(&r, NULL, &(*out)->body);
}

enum status template_parse(struct template **out, struct arena *arena, const char *source,
                           size_t size, struct template_problem *problem)
{
    return template_parse_source(out, arena, (struct template_text){source, size},
                                 TEMPLATE_SPACE_CHAT, problem);
}
