/* SPDX-License-Identifier: MIT */
/* Statements of a template: tags, and what is between them. */
#include <string.h>

#include "model/template_impl.h"

#define OP TEMPLATE_TOKEN_OP
#define NAME TEMPLATE_TOKEN_NAME

static const struct template_node *parse_body(struct template_reader *r, const char *const *ends);

static void expect_end(struct template_reader *r)
{
    template_reader_expect(r, TEMPLATE_TOKEN_TAG_END, NULL);
}

/* "{% end... %}", whose "{%" has been seen but not taken. */
static void close_tag(struct template_reader *r, const char *name)
{
    template_reader_expect(r, TEMPLATE_TOKEN_TAG, NULL);
    template_reader_expect(r, NAME, name);
    expect_end(r);
}

static bool at_tag(const struct template_reader *r, const char *name)
{
    return !r->st && r->token->kind == TEMPLATE_TOKEN_TAG && r->token->next->kind == NAME &&
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
static void parse_targets(struct template_reader *r, struct template_node *loop)
{
    const struct template_node **link = &loop->list;
    const bool in_parentheses = template_reader_skip(r, OP, "(");
    do {
        if (template_reader_at(r, NAME, "in") || template_reader_at(r, OP, ")")) {
            loop->number = 1; /* "a," is a tuple of one */
            break;
        }
        struct template_node *name = template_reader_node(r, TEMPLATE_NAME);
        name->text = template_reader_expect(r, NAME, NULL);
        *link = name;
        link = &name->next;
    } while (template_reader_skip(r, OP, ","));
    if (loop->list && loop->list->next)
        loop->number = 1;
    if (!loop->list)
        template_reader_unexpected(r, "a name");
    if (in_parentheses)
        template_reader_expect(r, OP, ")");
}

static void parse_for(struct template_reader *r, struct template_node *node)
{
    static const char *const ends[] = {"else", "endfor", NULL}, *const last[] = {"endfor", NULL};
    node->kind = TEMPLATE_FOR;
    parse_targets(r, node);
    template_reader_expect(r, NAME, "in");
    node->a = template_expr_tuple(r, false);
    if (template_reader_skip(r, NAME, "if"))
        node->b = template_expr_parse(r, true);
    if (template_reader_at(r, NAME, "recursive"))
        template_reader_fail(r, node->line, "found a recursive loop, which is not run here");
    expect_end(r);
    r->loops++;
    node->body = parse_body(r, ends);
    r->loops--;
    if (skip_tag(r, "else")) {
        expect_end(r);
        node->other = parse_body(r, last);
    }
    close_tag(r, "endfor");
}

static void parse_if(struct template_reader *r, struct template_node *node)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL}, *const last[] = {"endif",
                                                                                        NULL};
    const struct template_node **link = &node->list;
    bool is_else = false, again;
    node->kind = TEMPLATE_IF;
    do {
        struct template_node *branch = template_reader_node(r, TEMPLATE_BRANCH);
        if (!is_else)
            branch->a = template_expr_tuple(r, false);
        expect_end(r);
        branch->body = parse_body(r, is_else ? last : ends);
        *link = branch;
        link = &branch->next;
        again = skip_tag(r, "elif");
        if (!again && !is_else)
            again = is_else = skip_tag(r, "else");
    } while (again);
    close_tag(r, "endif");
}

static void parse_set(struct template_reader *r, struct template_node *node)
{
    static const char *const ends[] = {"endset", NULL};
    struct template_node *target = template_reader_node(r, TEMPLATE_NAME);
    target->text = template_reader_expect(r, NAME, NULL);
    if (template_reader_skip(r, OP, ".")) {
        target = template_reader_over(r, TEMPLATE_ATTR, target);
        target->text = template_reader_expect(r, NAME, NULL);
    }
    node->a = target;
    if (template_reader_at(r, OP, ","))
        template_reader_fail(r, node->line,
                             "found {%% set %%} of several names, which is not run here");
    if (template_reader_skip(r, OP, "=")) {
        node->kind = TEMPLATE_SET;
        node->b = template_expr_tuple(r, true);
        expect_end(r);
        return;
    }
    node->kind = TEMPLATE_SET_BLOCK;
    node->b = template_primary_filters(r, template_reader_node(r, TEMPLATE_NONE));
    expect_end(r);
    node->body = parse_body(r, ends);
    close_tag(r, "endset");
}

static void parse_macro(struct template_reader *r, struct template_node *node)
{
    static const char *const ends[] = {"endmacro", NULL};
    const struct template_node **link = &node->list;
    node->kind = TEMPLATE_MACRO;
    node->text = template_reader_expect(r, NAME, NULL);
    template_reader_expect(r, OP, "(");
    while (!r->st && !template_reader_skip(r, OP, ")")) {
        if (node->list)
            template_reader_expect(r, OP, ",");
        struct template_node *parameter = template_reader_node(r, TEMPLATE_KEYWORD);
        parameter->text = template_reader_expect(r, NAME, NULL);
        if (template_reader_skip(r, OP, "="))
            parameter->a = template_expr_parse(r, true);
        *link = parameter;
        link = &parameter->next;
    }
    const uint32_t loops = r->loops; /* a loop around a macro is not the macro's */
    r->loops = 0;
    expect_end(r);
    node->body = parse_body(r, ends);
    r->loops = loops;
    close_tag(r, "endmacro");
}

static void parse_jump(struct template_reader *r, struct template_node *node, const char *name)
{
    if (r->loops == 0)
        template_reader_fail(r, node->line, "found {%% %s %%} outside of a loop", name);
    expect_end(r);
}

static void parse_break(struct template_reader *r, struct template_node *node)
{
    node->kind = TEMPLATE_BREAK;
    parse_jump(r, node, "break");
}

static void parse_continue(struct template_reader *r, struct template_node *node)
{
    node->kind = TEMPLATE_CONTINUE;
    parse_jump(r, node, "continue");
}

static void parse_generation(struct template_reader *r, struct template_node *node)
{
    static const char *const ends[] = {"endgeneration", NULL};
    node->kind = TEMPLATE_BLOCK;
    expect_end(r);
    node->body = parse_body(r, ends);
    close_tag(r, "endgeneration");
}

/* A tag, whose "{%" has been taken. */
static void parse_tag(struct template_reader *r, struct template_node *node)
{
    static const struct {
        const char *name;
        void (*parse)(struct template_reader *, struct template_node *);
    } tags[] = {{"for", parse_for},
                {"if", parse_if},
                {"set", parse_set},
                {"macro", parse_macro},
                {"break", parse_break},
                {"continue", parse_continue},
                {"generation", parse_generation}};
    const uint32_t line = r->token->line;
    const struct template_text word = template_reader_expect(r, NAME, NULL);
    for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++) {
        if (!r->st && template_text_is(word, tags[i].name)) {
            tags[i].parse(r, node);
            return;
        }
    }
    template_reader_fail(r, line,
                         "found the tag {%% %.*s %%}, which is not run here (for, if, set, macro, "
                         "break, continue, generation)",
                         (int)(word.size < 40 ? word.size : 40), word.data);
}

static const struct template_node *parse_statement(struct template_reader *r)
{
    struct template_node *node = template_reader_node(r, TEMPLATE_DATA);
    const struct template_token *token = r->token;
    r->token = token->next;
    if (token->kind == TEMPLATE_TOKEN_DATA) {
        node->text = token->text;
    } else if (token->kind == TEMPLATE_TOKEN_PRINT) {
        node->kind = TEMPLATE_PRINT;
        node->a = template_expr_tuple(r, true);
        template_reader_expect(r, TEMPLATE_TOKEN_PRINT_END, NULL);
    } else {
        parse_tag(r, node);
    }
    return node;
}

static bool at_end(const struct template_reader *r, const char *const *ends)
{
    bool ended = r->st || r->token->kind == TEMPLATE_TOKEN_END;
    for (const char *const *end = ends; end && *end; end++)
        ended = ended || at_tag(r, *end);
    return ended;
}

/* Statements up to one of the tags `ends` (null after the last), which is not taken; null: up to
 * the end of the template. */
static const struct template_node *parse_body(struct template_reader *r, const char *const *ends)
{
    template_reader_enter(r);
    struct template_node *body = template_reader_node(r, TEMPLATE_BLOCK);
    const struct template_node **link = &body->body;
    while (!at_end(r, ends)) {
        struct template_node *item = template_reader_over(r, TEMPLATE_BLOCK, parse_statement(r));
        *link = item;
        link = &item->next;
    }
    r->depth--;
    if (ends && r->token->kind == TEMPLATE_TOKEN_END)
        template_reader_unexpected(r, ends[1] ? ends[1] : ends[0]);
    return body;
}

enum status template_parse_source(struct template **out, struct arena *arena,
                                  struct template_text source, enum template_space space,
                                  struct template_problem *problem)
{
    struct template_reader r = {.arena = arena, .problem = problem};
    *out = arena_alloc(arena, sizeof(**out));
    if (!*out)
        return STATUS_MEMORY;
    const enum status st = template_lex(&r.token, arena, source, space, problem);
    if (st)
        return st;
    (*out)->body = parse_body(&r, NULL);
    return r.st;
}

enum status template_parse(struct template **out, struct arena *arena, const char *source,
                           size_t size, struct template_problem *problem)
{
    return template_parse_source(out, arena, (struct template_text){source, size},
                                 TEMPLATE_SPACE_CHAT, problem);
}
