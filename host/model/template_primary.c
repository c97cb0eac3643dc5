/* SPDX-License-Identifier: MIT */
/* Operands of expressions: constants, names, lists, and what follows them. */
#include <string.h>

#include "model/template_node.h"

#define OP TEMPLATE_TOKEN_OP
#define NAME TEMPLATE_TOKEN_NAME

/* "name=value" */
static struct template_node *parse_keyword(struct template_reader *r)
{
    struct template_node *node = template_reader_node(r, TEMPLATE_KEYWORD);
    node->text = template_reader_expect(r, NAME, NULL);
    template_reader_expect(r, OP, "=");
    node->a = template_expr_parse(r, true);
    return node;
}

/* Elements up to `close`, which is taken; `is_call`: arguments, some with names. */
static const struct template_node *parse_list(struct template_reader *r, const char *close,
                                              bool is_call)
{
    const struct template_node *first = NULL, **link = &first;
    bool named = false;
    while (!r->st && !template_reader_skip(r, OP, close)) {
        if (first)
            template_reader_expect(r, OP, ",");
        if (first && template_reader_skip(r, OP, close))
            break;
        if (is_call && (template_reader_at(r, OP, "*") || template_reader_at(r, OP, "**")))
            template_reader_fail(r, r->token->line,
                                 "found an argument with *, which is not run here");
        const bool keyword = is_call && r->token->kind == NAME && r->token->next->kind == OP &&
                             template_text_is(r->token->next->text, "=");
        if (named && !keyword)
            template_reader_unexpected(r, "an argument with a name");
        named = keyword;
        /* a node of its own, since `next` chains the list */
        struct template_node *node =
            keyword ? parse_keyword(r)
                    : template_reader_over(r, TEMPLATE_BLOCK, template_expr_parse(r, true));
        *link = node;
        link = &node->next;
    }
    return first;
}

static const struct template_node *parse_dict(struct template_reader *r)
{
    struct template_node *dict = template_reader_node(r, TEMPLATE_DICT);
    const struct template_node **link = &dict->list;
    while (!r->st && !template_reader_skip(r, OP, "}")) {
        if (dict->list)
            template_reader_expect(r, OP, ",");
        if (dict->list && template_reader_skip(r, OP, "}"))
            break;
        struct template_node *pair = template_reader_node(r, TEMPLATE_PAIR);
        pair->a = template_expr_parse(r, true);
        template_reader_expect(r, OP, ":");
        pair->b = template_expr_parse(r, true);
        *link = pair;
        link = &pair->next;
    }
    return dict;
}

static const struct template_node *parse_strings(struct template_reader *r)
{
    struct text joined = {0};
    struct template_node *node = template_reader_node(r, TEMPLATE_STRING);
    for (; r->token->kind == TEMPLATE_TOKEN_STRING; r->token = r->token->next)
        text_add(&joined, r->token->text.data, r->token->text.size);
    template_reader_take(r, joined.st);
    node->text =
        (struct template_text){arena_text(r->arena, joined.data, joined.size), joined.size};
    if (!node->text.data)
        template_reader_take(r, STATUS_MEMORY);
    text_finish(&joined);
    return node;
}

static const struct template_node *parse_name(struct template_reader *r)
{
    static const struct {
        const char *word;
        enum template_node_kind kind;
        int number;
    } constants[] = {{"true", TEMPLATE_BOOL, 1},  {"True", TEMPLATE_BOOL, 1},
                     {"false", TEMPLATE_BOOL, 0}, {"False", TEMPLATE_BOOL, 0},
                     {"none", TEMPLATE_NONE, 0},  {"None", TEMPLATE_NONE, 0}};
    struct template_node *node = template_reader_node(r, TEMPLATE_NAME);
    node->text = template_reader_expect(r, NAME, NULL);
    for (size_t i = 0; i < sizeof(constants) / sizeof(*constants); i++) {
        if (template_text_is(node->text, constants[i].word)) {
            node->kind = constants[i].kind;
            node->number = constants[i].number;
        }
    }
    return node;
}

static struct template_node *parse_int(struct template_reader *r)
{
    struct template_node *node = template_reader_node(r, TEMPLATE_INT);
    node->number = r->token->number;
    r->token = r->token->next;
    return node;
}

static const struct template_node *parse_primary(struct template_reader *r)
{
    if (r->st)
        return &r->spare;
    if (r->token->kind == NAME)
        return parse_name(r);
    if (r->token->kind == TEMPLATE_TOKEN_STRING)
        return parse_strings(r);
    if (r->token->kind == TEMPLATE_TOKEN_INT)
        return parse_int(r);
    if (template_reader_skip(r, OP, "{"))
        return parse_dict(r);
    if (template_reader_skip(r, OP, "[")) {
        struct template_node *list = template_reader_node(r, TEMPLATE_LIST);
        list->list = parse_list(r, "]", false);
        return list;
    }
    if (!template_reader_skip(r, OP, "(")) {
        template_reader_unexpected(r, "an expression");
        return &r->spare;
    }
    if (template_reader_skip(r, OP, ")"))
        return template_reader_node(r, TEMPLATE_TUPLE);
    const struct template_node *inner = template_expr_tuple(r, true);
    template_reader_expect(r, OP, ")");
    return inner;
}

/* Parses what follows "[". */
static const struct template_node *parse_subscript(struct template_reader *r,
                                                   const struct template_node *inner)
{
    struct template_node *node = template_reader_over(r, TEMPLATE_ITEM, inner);
    const struct template_node **part[] = {&node->b, &node->c, &node->d};
    size_t n = 0;
    while (!r->st && !template_reader_skip(r, OP, "]")) {
        if (n < 2 && template_reader_skip(r, OP, ":")) {
            node->kind = TEMPLATE_SLICE;
            n++;
        } else if (template_reader_at(r, OP, ",")) {
            template_reader_fail(r, r->token->line,
                                 "found a subscript of several parts, which is not run here");
        } else if (*part[n]) {
            template_reader_unexpected(r, "]");
        } else {
            *part[n] = template_expr_parse(r, true);
        }
    }
    if (node->kind == TEMPLATE_ITEM && !node->b)
        template_reader_fail(r, node->line, "found an empty subscript");
    return node;
}

/* Parses what follows ".". */
static const struct template_node *parse_attribute(struct template_reader *r,
                                                   const struct template_node *inner)
{
    const bool is_index = r->token->kind == TEMPLATE_TOKEN_INT;
    struct template_node *node =
        template_reader_over(r, is_index ? TEMPLATE_ITEM : TEMPLATE_ATTR, inner);
    if (is_index)
        node->b = parse_int(r);
    else
        node->text = template_reader_expect(r, NAME, NULL);
    return node;
}

/* Parses what follows "(". */
static const struct template_node *parse_call(struct template_reader *r,
                                              const struct template_node *inner)
{
    struct template_node *node = template_reader_over(r, TEMPLATE_CALL, inner);
    node->list = parse_list(r, ")", true);
    return node;
}

static const struct template_node *parse_postfix(struct template_reader *r,
                                                 const struct template_node *node)
{
    for (;;) {
        if (template_reader_skip(r, OP, "."))
            node = parse_attribute(r, node);
        else if (template_reader_skip(r, OP, "["))
            node = parse_subscript(r, node);
        else if (template_reader_skip(r, OP, "("))
            node = parse_call(r, node);
        else
            return node;
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

/* Parses what follows "is". */
static const struct template_node *parse_test(struct template_reader *r,
                                              const struct template_node *inner)
{
    struct template_node *node = template_reader_over(r, TEMPLATE_TEST, inner);
    node->number = template_reader_skip(r, NAME, "not");
    node->text = template_reader_expect(r, NAME, NULL);
    if (template_reader_skip(r, OP, "(")) {
        node->list = parse_list(r, ")", true);
        return node;
    }
    if (!at_argument(r))
        return node;
    if (template_reader_at(r, NAME, "is"))
        template_reader_unexpected(r, "no second test after the first");
    node->list = template_reader_over(r, TEMPLATE_BLOCK, parse_postfix(r, parse_primary(r)));
    return node;
}

/* Parses what follows "|". */
static const struct template_node *parse_filter(struct template_reader *r,
                                                const struct template_node *inner)
{
    struct template_node *node = template_reader_over(r, TEMPLATE_FILTER, inner);
    node->text = template_reader_expect(r, NAME, NULL);
    if (template_reader_skip(r, OP, "("))
        node->list = parse_list(r, ")", true);
    return node;
}

const struct template_node *template_primary_filters(struct template_reader *r,
                                                     const struct template_node *inner)
{
    while (template_reader_skip(r, OP, "|"))
        inner = parse_filter(r, inner);
    return inner;
}

/* Parses filters, tests and calls in any order. */
static const struct template_node *parse_filter_expr(struct template_reader *r,
                                                     const struct template_node *node)
{
    for (;;) {
        if (template_reader_skip(r, OP, "|"))
            node = parse_filter(r, node);
        else if (template_reader_skip(r, NAME, "is"))
            node = parse_test(r, node);
        else if (template_reader_skip(r, OP, "("))
            node = parse_call(r, node);
        else
            return node;
    }
}

static const struct template_node *parse_signed(struct template_reader *r)
{
    if (!template_reader_at(r, OP, "-") && !template_reader_at(r, OP, "+"))
        return parse_primary(r);
    struct template_node *node = template_reader_node(r, TEMPLATE_SIGN);
    node->text = template_reader_expect(r, OP, NULL);
    node->a = template_primary_parse(r, false);
    return node;
}

const struct template_node *template_primary_parse(struct template_reader *r, bool with_filter)
{
    template_reader_enter(r);
    const struct template_node *node = parse_postfix(r, parse_signed(r));
    if (with_filter)
        node = parse_filter_expr(r, node);
    r->depth--;
    return node;
}
