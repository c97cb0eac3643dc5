/* SPDX-License-Identifier: MIT */
/* Expressions of a template, in jinja2's order of precedence. */
#include "model/template_node.h"

#define OP TEMPLATE_TOKEN_OP
#define NAME TEMPLATE_TOKEN_NAME

/* "left text right", at the operator between them. */
static struct template_node *parse_operator(struct template_reader *r,
                                            const struct template_node *left)
{
    struct template_node *node = template_reader_over(r, TEMPLATE_BINARY, left);
    node->text = template_reader_expect(r, OP, NULL);
    return node;
}

static const struct template_node *parse_product(struct template_reader *r)
{
    const struct template_node *left = template_primary_parse(r, true);
    while (template_reader_at(r, OP, "*") || template_reader_at(r, OP, "/") ||
           template_reader_at(r, OP, "//") || template_reader_at(r, OP, "%") ||
           template_reader_at(r, OP, "**")) {
        if (template_reader_at(r, OP, "/") || template_reader_at(r, OP, "**"))
            template_reader_fail(r, r->token->line,
                                 "found the operator %.*s, which is not run here",
                                 (int)r->token->text.size, r->token->text.data);
        struct template_node *node = parse_operator(r, left);
        node->b = template_primary_parse(r, true);
        left = node;
    }
    return left;
}

/* Parts of a CONCAT or TUPLE with `op` between them. */
struct listing {
    enum template_node_kind kind;
    const char *op;
    bool with_if; /* of a tuple's parts */
};

static const struct template_node *parse_part(struct template_reader *r,
                                              const struct listing *listing)
{
    return listing->kind == TEMPLATE_TUPLE ? template_expr_parse(r, listing->with_if)
                                           : parse_product(r);
}

/* True where a tuple ends: nothing need follow its last comma. */
static bool at_tuple_end(const struct template_reader *r)
{
    return r->token->kind == TEMPLATE_TOKEN_TAG_END || r->token->kind == TEMPLATE_TOKEN_PRINT_END ||
           template_reader_at(r, OP, ")");
}

/* One part if no operator follows it, else the list that it starts. */
static const struct template_node *parse_list(struct template_reader *r,
                                              const struct listing *listing)
{
    const struct template_node *first = parse_part(r, listing);
    if (!template_reader_at(r, OP, listing->op))
        return first;
    struct template_node *part = template_reader_over(r, TEMPLATE_BLOCK, first);
    struct template_node *list = template_reader_node(r, listing->kind);
    list->list = part;
    while (template_reader_skip(r, OP, listing->op) &&
           !(listing->kind == TEMPLATE_TUPLE && at_tuple_end(r))) {
        struct template_node *next =
            template_reader_over(r, TEMPLATE_BLOCK, parse_part(r, listing));
        part->next = next;
        part = next;
    }
    return list;
}

static const struct template_node *parse_concat(struct template_reader *r)
{
    return parse_list(r, &(struct listing){.kind = TEMPLATE_CONCAT, .op = "~"});
}

static const struct template_node *parse_sum(struct template_reader *r)
{
    const struct template_node *left = parse_concat(r);
    while (template_reader_at(r, OP, "+") || template_reader_at(r, OP, "-")) {
        struct template_node *node = parse_operator(r, left);
        node->b = parse_concat(r);
        left = node;
    }
    return left;
}

/* True at a comparison operator, which is taken; "not in" is one. */
static bool take_comparison(struct template_reader *r, struct template_text *out)
{
    static const char *const operators[] = {"==", "!=", "<", "<=", ">", ">="};
    *out = r->token->text;
    for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++) {
        if (template_reader_skip(r, OP, operators[i]))
            return true;
    }
    if (template_reader_at(r, NAME, "not") && r->token->next->kind == NAME &&
        template_text_is(r->token->next->text, "in")) {
        r->token = r->token->next->next;
        return true;
    }
    return template_reader_skip(r, NAME, "in");
}

static const struct template_node *parse_compare(struct template_reader *r)
{
    const struct template_node *first = parse_sum(r), **link = NULL;
    struct template_node *compare = NULL;
    struct template_text text;
    while (take_comparison(r, &text)) {
        if (!compare) {
            compare = template_reader_over(r, TEMPLATE_COMPARE, first);
            link = &compare->list;
        }
        struct template_node *operand = template_reader_node(r, TEMPLATE_OPERAND);
        operand->text = text;
        operand->a = parse_sum(r);
        *link = operand;
        link = &operand->next;
    }
    return compare ? compare : first;
}

static const struct template_node *parse_not(struct template_reader *r)
{
    if (!template_reader_at(r, NAME, "not"))
        return parse_compare(r);
    template_reader_enter(r);
    struct template_node *node = template_reader_node(r, TEMPLATE_NOT);
    template_reader_expect(r, NAME, NULL);
    node->a = parse_not(r);
    r->depth--;
    return node;
}

/* Parses operands by `parse`, with `word` between them. */
static const struct template_node *
parse_words(struct template_reader *r, const char *word, enum template_node_kind kind,
            const struct template_node *(*parse)(struct template_reader *))
{
    const struct template_node *left = parse(r);
    while (template_reader_skip(r, NAME, word)) {
        struct template_node *node = template_reader_over(r, kind, left);
        node->b = parse(r);
        left = node;
    }
    return left;
}

static const struct template_node *parse_and(struct template_reader *r)
{
    return parse_words(r, "and", TEMPLATE_AND, parse_not);
}

static const struct template_node *parse_or(struct template_reader *r)
{
    return parse_words(r, "or", TEMPLATE_OR, parse_and);
}

const struct template_node *template_expr_parse(struct template_reader *r, bool with_if)
{
    template_reader_enter(r);
    const struct template_node *left = parse_or(r);
    while (with_if && template_reader_skip(r, NAME, "if")) {
        struct template_node *node = template_reader_node(r, TEMPLATE_IF_ELSE);
        node->b = left;
        node->a = parse_or(r);
        if (template_reader_skip(r, NAME, "else"))
            node->c = template_expr_parse(r, true);
        left = node;
    }
    r->depth--;
    return left;
}

const struct template_node *template_expr_tuple(struct template_reader *r, bool with_if)
{
    return parse_list(r, &(struct listing){.kind = TEMPLATE_TUPLE, .op = ",", .with_if = with_if});
}
