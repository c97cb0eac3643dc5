/* SPDX-License-Identifier: MIT */
/* Expressions of a template, in jinja2's order of precedence. */
#include "model/template_node.h"

#define OP TEMPLATE_TOKEN_OP
#define NAME TEMPLATE_TOKEN_NAME

static enum status parse_product(struct template_reader *r, const struct template_node **out)
{
    enum status st = template_primary_parse(r, true, out);
    while (!st && (template_reader_at(r, OP, "*") || template_reader_at(r, OP, "/") ||
                   template_reader_at(r, OP, "//") || template_reader_at(r, OP, "%") ||
                   template_reader_at(r, OP, "**"))) {
        struct template_node *node;
        if (template_reader_at(r, OP, "/") || template_reader_at(r, OP, "**"))
            return template_lex_fail(r->problem, r->token->line,
                                     "found the operator %.*s, which is not run here",
                                     (int)r->token->text.size, r->token->text.data);
        st = template_reader_join(r, TEMPLATE_BINARY, *out, NULL, &node);
        if (!st) {
            node->text = r->token->text;
            r->token = r->token->next;
            st = template_primary_parse(r, true, &node->b);
            *out = node;
        }
    }
    return st;
}

/* Parts of a CONCAT or TUPLE with `op` between them. */
struct listing {
    enum template_node_kind kind;
    const char *op;
    bool with_if; /* of a tuple's parts */
};

static enum status parse_part(struct template_reader *r, const struct listing *listing,
                              const struct template_node **out)
{
    return listing->kind == TEMPLATE_TUPLE ? template_expr_parse(r, listing->with_if, out)
                                           : parse_product(r, out);
}

/* True where a tuple ends: nothing need follow its last comma. */
static bool at_tuple_end(const struct template_reader *r)
{
    return r->token->kind == TEMPLATE_TOKEN_TAG_END || r->token->kind == TEMPLATE_TOKEN_PRINT_END ||
           template_reader_at(r, OP, ")");
}

/* One part if no operator follows it, else the list that it starts. */
static enum status parse_list(struct template_reader *r, const struct listing *listing,
                              const struct template_node **out)
{
    struct template_node *list = NULL, *part = NULL;
    enum status st = parse_part(r, listing, out);
    if (st || !template_reader_at(r, OP, listing->op))
        return st;
    st = template_reader_join(r, TEMPLATE_BLOCK, *out, NULL, &part);
    if (!st)
        st = template_reader_node(r, listing->kind, &list);
    if (st)
        return st;
    list->list = part;
    *out = list;
    while (!st && template_reader_skip(r, OP, listing->op) &&
           !(listing->kind == TEMPLATE_TUPLE && at_tuple_end(r))) {
        struct template_node *next = NULL;
        const struct template_node *value;
        st = parse_part(r, listing, &value);
        if (!st)
            st = template_reader_join(r, TEMPLATE_BLOCK, value, NULL, &next);
        if (!st) {
            part->next = next;
            part = next;
        }
    }
    return st;
}

static enum status parse_concat(struct template_reader *r, const struct template_node **out)
{
    return parse_list(r, &(struct listing){.kind = TEMPLATE_CONCAT, .op = "~"}, out);
}

static enum status parse_sum(struct template_reader *r, const struct template_node **out)
{
    enum status st = parse_concat(r, out);
    while (!st && (template_reader_at(r, OP, "+") || template_reader_at(r, OP, "-"))) {
        struct template_node *node;
        st = template_reader_join(r, TEMPLATE_BINARY, *out, NULL, &node);
        if (!st) {
            node->text = r->token->text;
            r->token = r->token->next;
            st = parse_concat(r, &node->b);
            *out = node;
        }
    }
    return st;
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

static enum status parse_compare(struct template_reader *r, const struct template_node **out)
{
    struct template_node *compare = NULL, *operand;
    const struct template_node **link = NULL;
    struct template_text text;
    enum status st = parse_sum(r, out);
    while (!st && take_comparison(r, &text)) {
        if (!compare) {
            st = template_reader_join(r, TEMPLATE_COMPARE, *out, NULL, &compare);
            if (st)
                return st;
            link = &compare->list;
            *out = compare;
        }
        st = template_reader_node(r, TEMPLATE_OPERAND, &operand);
        if (!st) {
            operand->text = text;
            st = parse_sum(r, &operand->a);
            *link = operand;
            link = &operand->next;
        }
    }
    return st;
}

static enum status parse_not(struct template_reader *r, const struct template_node **out)
{
    struct template_node *node;
    if (!template_reader_at(r, NAME, "not"))
        return parse_compare(r, out);
    enum status st = template_reader_enter(r);
    if (!st)
        st = template_reader_node(r, TEMPLATE_NOT, &node);
    if (!st) {
        r->token = r->token->next;
        st = parse_not(r, &node->a);
        *out = node;
    }
    r->depth--;
    return st;
}

/* Operands that `parse` reads, with `word` between them. */
static enum status
parse_words(struct template_reader *r, const char *word, enum template_node_kind kind,
            enum status (*parse)(struct template_reader *, const struct template_node **),
            const struct template_node **out)
{
    enum status st = parse(r, out);
    while (!st && template_reader_skip(r, NAME, word)) {
        struct template_node *node;
        st = template_reader_join(r, kind, *out, NULL, &node);
        if (!st) {
            st = parse(r, &node->b);
            *out = node;
        }
    }
    return st;
}

static enum status parse_and(struct template_reader *r, const struct template_node **out)
{
    return parse_words(r, "and", TEMPLATE_AND, parse_not, out);
}

static enum status parse_or(struct template_reader *r, const struct template_node **out)
{
    return parse_words(r, "or", TEMPLATE_OR, parse_and, out);
}

enum status template_expr_parse(struct template_reader *r, bool with_if,
                                const struct template_node **out)
{
    enum status st = template_reader_enter(r);
    if (!st)
        st = parse_or(r, out);
    while (!st && with_if && template_reader_skip(r, NAME, "if")) {
        struct template_node *node;
        st = template_reader_node(r, TEMPLATE_IF_ELSE, &node);
        if (st)
            break;
        node->b = *out;
        st = parse_or(r, &node->a);
        if (!st && template_reader_skip(r, NAME, "else"))
            st = template_expr_parse(r, true, &node->c);
        *out = node;
    }
    r->depth--;
    return st;
}

enum status template_expr_tuple(struct template_reader *r, bool with_if,
                                const struct template_node **out)
{
    const struct listing parts = {.kind = TEMPLATE_TUPLE, .op = ",", .with_if = with_if};
    return parse_list(r, &parts, out);
}
