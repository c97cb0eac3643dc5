/* SPDX-License-Identifier: MIT */
/* Operands of expressions: constants, names, lists, and what follows them. */
#include <string.h>

#include "model/template_node.h"

#define OP TEMPLATE_TOKEN_OP
#define NAME TEMPLATE_TOKEN_NAME

/* Elements up to `close`, which is taken; `is_call`: arguments, some with names. */
static enum status parse_list(struct template_reader *r, const char *close, bool is_call,
                              const struct template_node **out)
{
    const struct template_node **link = out;
    bool named = false;
    enum status st = STATUS_OK;
    *out = NULL;
    while (!st && !template_reader_skip(r, OP, close)) {
        if (*out) {
            st = template_reader_expect(r, OP, ",");
            if (!st && template_reader_skip(r, OP, close))
                return st;
        }
        if (!st && is_call && (template_reader_at(r, OP, "*") || template_reader_at(r, OP, "**")))
            return template_lex_fail(r->problem, r->token->line,
                                     "found an argument with *, which is not run here");
        struct template_node *node = NULL;
        if (!st && is_call && r->token->kind == NAME && r->token->next->kind == OP &&
            template_text_is(r->token->next->text, "=")) {
            named = true;
            st = template_reader_node(r, TEMPLATE_KEYWORD, &node);
            if (!st) {
                node->text = r->token->text;
                r->token = r->token->next->next;
                st = template_expr_parse(r, true, &node->a);
            }
        } else if (!st && named) {
            return template_reader_unexpected(r, "an argument with a name");
        } else if (!st) {
            const struct template_node *value;
            st = template_expr_parse(r, true, &value);
            if (!st) /* a node of its own, since `next` chains the list */
                st = template_reader_join(r, TEMPLATE_BLOCK, value, NULL, &node);
        }
        if (!st) {
            *link = node;
            link = &node->next;
        }
    }
    return st;
}

static enum status parse_dict(struct template_reader *r, const struct template_node **out)
{
    struct template_node *dict, *pair;
    enum status st = template_reader_node(r, TEMPLATE_DICT, &dict);
    const struct template_node **link = st ? NULL : &dict->list;
    while (!st && !template_reader_skip(r, OP, "}")) {
        if (dict->list) {
            st = template_reader_expect(r, OP, ",");
            if (!st && template_reader_skip(r, OP, "}"))
                break;
        }
        if (!st)
            st = template_reader_node(r, TEMPLATE_PAIR, &pair);
        if (!st)
            st = template_expr_parse(r, true, &pair->a);
        if (!st)
            st = template_reader_expect(r, OP, ":");
        if (!st)
            st = template_expr_parse(r, true, &pair->b);
        if (!st) {
            *link = pair;
            link = &pair->next;
        }
    }
    *out = st ? NULL : dict;
    return st;
}

static enum status parse_strings(struct template_reader *r, const struct template_node **out)
{
    struct text joined = {0};
    struct template_node *node;
    enum status st = template_reader_node(r, TEMPLATE_STRING, &node);
    while (!st && r->token->kind == TEMPLATE_TOKEN_STRING) {
        st = text_add(&joined, r->token->text.data, r->token->text.size);
        r->token = r->token->next;
    }
    if (!st) {
        node->text =
            (struct template_text){arena_text(r->arena, joined.data, joined.size), joined.size};
        st = node->text.data ? STATUS_OK : STATUS_MEMORY;
        *out = node;
    }
    text_finish(&joined);
    return st;
}

static enum status parse_name(struct template_reader *r, const struct template_node **out)
{
    static const struct {
        const char *word;
        enum template_node_kind kind;
        int number;
    } constants[] = {{"true", TEMPLATE_BOOL, 1},  {"True", TEMPLATE_BOOL, 1},
                     {"false", TEMPLATE_BOOL, 0}, {"False", TEMPLATE_BOOL, 0},
                     {"none", TEMPLATE_NONE, 0},  {"None", TEMPLATE_NONE, 0}};
    struct template_node *node;
    enum status st = template_reader_node(r, TEMPLATE_NAME, &node);
    if (st)
        return st;
    node->text = r->token->text;
    for (size_t i = 0; i < sizeof(constants) / sizeof(*constants); i++) {
        if (template_text_is(node->text, constants[i].word)) {
            node->kind = constants[i].kind;
            node->number = constants[i].number;
        }
    }
    r->token = r->token->next;
    *out = node;
    return STATUS_OK;
}

static enum status parse_primary(struct template_reader *r, const struct template_node **out)
{
    struct template_node *node;
    if (r->token->kind == NAME)
        return parse_name(r, out);
    if (r->token->kind == TEMPLATE_TOKEN_STRING)
        return parse_strings(r, out);
    if (r->token->kind == TEMPLATE_TOKEN_INT) {
        enum status st = template_reader_node(r, TEMPLATE_INT, &node);
        if (!st) {
            node->number = r->token->number;
            r->token = r->token->next;
            *out = node;
        }
        return st;
    }
    if (template_reader_skip(r, OP, "{"))
        return parse_dict(r, out);
    if (template_reader_skip(r, OP, "[")) {
        enum status st = template_reader_node(r, TEMPLATE_LIST, &node);
        if (!st) {
            *out = node;
            st = parse_list(r, "]", false, &node->list);
        }
        return st;
    }
    if (!template_reader_skip(r, OP, "("))
        return template_reader_unexpected(r, "an expression");
    if (template_reader_skip(r, OP, ")")) {
        enum status st = template_reader_node(r, TEMPLATE_TUPLE, &node);
        *out = node;
        return st;
    }
    enum status st = template_expr_tuple(r, true, out);
    return st ? st : template_reader_expect(r, OP, ")");
}

/* After "[". */
static enum status parse_subscript(struct template_reader *r, const struct template_node *inner,
                                   const struct template_node **out)
{
    struct template_node *node;
    enum status st = template_reader_join(r, TEMPLATE_ITEM, inner, NULL, &node);
    const struct template_node **part[] = {&node->b, &node->c, &node->d};
    size_t n = 0;
    if (st)
        return st;
    *out = node;
    while (!st && !template_reader_skip(r, OP, "]")) {
        if (n < 2 && template_reader_skip(r, OP, ":")) {
            node->kind = TEMPLATE_SLICE;
            n++;
        } else if (template_reader_at(r, OP, ",")) {
            return template_lex_fail(r->problem, r->token->line,
                                     "found a subscript of several parts, which is not run here");
        } else if (*part[n]) {
            return template_reader_unexpected(r, "]");
        } else {
            st = template_expr_parse(r, true, part[n]);
        }
    }
    if (!st && node->kind == TEMPLATE_ITEM && !node->b)
        return template_lex_fail(r->problem, node->line, "found an empty subscript");
    return st;
}

/* After ".". */
static enum status parse_attribute(struct template_reader *r, const struct template_node *inner,
                                   const struct template_node **out)
{
    struct template_node *node, *index;
    if (r->token->kind == TEMPLATE_TOKEN_INT) {
        enum status st = template_reader_node(r, TEMPLATE_INT, &index);
        if (!st)
            st = template_reader_join(r, TEMPLATE_ITEM, inner, index, &node);
        if (!st) {
            index->number = r->token->number;
            r->token = r->token->next;
            *out = node;
        }
        return st;
    }
    enum status st = template_reader_join(r, TEMPLATE_ATTR, inner, NULL, &node);
    if (!st) {
        node->text = r->token->text;
        *out = node;
        st = template_reader_expect(r, NAME, NULL);
    }
    return st;
}

/* After "(". */
static enum status parse_call(struct template_reader *r, const struct template_node *inner,
                              const struct template_node **out)
{
    struct template_node *node;
    enum status st = template_reader_join(r, TEMPLATE_CALL, inner, NULL, &node);
    if (!st) {
        *out = node;
        st = parse_list(r, ")", true, &node->list);
    }
    return st;
}

static enum status parse_postfix(struct template_reader *r, const struct template_node **node)
{
    enum status st = STATUS_OK;
    for (;;) {
        if (st)
            return st;
        if (template_reader_skip(r, OP, "."))
            st = parse_attribute(r, *node, node);
        else if (template_reader_skip(r, OP, "["))
            st = parse_subscript(r, *node, node);
        else if (template_reader_skip(r, OP, "("))
            st = parse_call(r, *node, node);
        else
            return st;
    }
}

/* True at an argument of a test without parentheses. */
static bool at_argument(const struct template_reader *r)
{
    if (r->token->kind == NAME)
        return !template_reader_at(r, NAME, "else") && !template_reader_at(r, NAME, "or") &&
               !template_reader_at(r, NAME, "and");
    return r->token->kind == TEMPLATE_TOKEN_STRING || r->token->kind == TEMPLATE_TOKEN_INT ||
           template_reader_at(r, OP, "[") || template_reader_at(r, OP, "{");
}

/* After "is". */
static enum status parse_test(struct template_reader *r, const struct template_node **inner)
{
    struct template_node *node, *argument;
    enum status st = template_reader_join(r, TEMPLATE_TEST, *inner, NULL, &node);
    if (st)
        return st;
    node->number = template_reader_skip(r, NAME, "not");
    node->text = r->token->text;
    *inner = node;
    st = template_reader_expect(r, NAME, NULL);
    if (st)
        return st;
    if (template_reader_skip(r, OP, "("))
        return parse_list(r, ")", true, &node->list);
    if (!at_argument(r))
        return st;
    if (template_reader_at(r, NAME, "is"))
        return template_reader_unexpected(r, "no second test behind the first");
    const struct template_node *value;
    st = parse_primary(r, &value);
    if (!st)
        st = parse_postfix(r, &value);
    if (!st)
        st = template_reader_join(r, TEMPLATE_BLOCK, value, NULL, &argument);
    if (!st)
        node->list = argument;
    return st;
}

static enum status parse_filter(struct template_reader *r, const struct template_node **inner)
{
    struct template_node *node;
    enum status st = template_reader_join(r, TEMPLATE_FILTER, *inner, NULL, &node);
    if (st)
        return st;
    node->text = r->token->text;
    *inner = node;
    st = template_reader_expect(r, NAME, NULL);
    return !st && template_reader_skip(r, OP, "(") ? parse_list(r, ")", true, &node->list) : st;
}

enum status template_primary_filters(struct template_reader *r, const struct template_node *inner,
                                     const struct template_node **out)
{
    enum status st = STATUS_OK;
    *out = inner;
    while (!st && template_reader_skip(r, OP, "|"))
        st = parse_filter(r, out);
    return st;
}

/* Filters, tests and calls in any order. */
static enum status parse_filter_expr(struct template_reader *r, const struct template_node **node)
{
    enum status st = STATUS_OK;
    for (;;) {
        if (st)
            return st;
        if (template_reader_skip(r, OP, "|"))
            st = parse_filter(r, node);
        else if (template_reader_skip(r, NAME, "is"))
            st = parse_test(r, node);
        else if (template_reader_skip(r, OP, "("))
            st = parse_call(r, *node, node);
        else
            return st;
    }
}

enum status template_primary_parse(struct template_reader *r, bool with_filter,
                                   const struct template_node **out)
{
    enum status st = template_reader_enter(r);
    if (!st && (template_reader_at(r, OP, "-") || template_reader_at(r, OP, "+"))) {
        struct template_node *node;
        st = template_reader_node(r, TEMPLATE_SIGN, &node);
        if (!st) {
            node->text = r->token->text;
            r->token = r->token->next;
            st = template_primary_parse(r, false, &node->a);
            *out = node;
        }
    } else if (!st) {
        st = parse_primary(r, out);
    }
    if (!st)
        st = parse_postfix(r, out);
    if (!st && with_filter)
        st = parse_filter_expr(r, out);
    r->depth--;
    return st;
}
