/* SPDX-License-Identifier: MIT */
/* Takes the tokens of a template one by one. */
#include "model/template_node.h"

bool template_reader_at(const struct template_reader *r, enum template_token_kind kind,
                        const char *text)
{
    return !r->st && r->token->kind == kind && template_text_is(r->token->text, text);
}

bool template_reader_skip(struct template_reader *r, enum template_token_kind kind,
                          const char *text)
{
    const bool is = template_reader_at(r, kind, text);
    if (is)
        r->token = r->token->next;
    return is;
}

void template_reader_take(struct template_reader *r, enum status st)
{
    r->st = r->st ? r->st : st;
}

void template_reader_fail(struct template_reader *r, uint32_t line, const char *fmt, ...)
{
    va_list args;
    if (r->st)
        return;
    va_start(args, fmt);
    r->st = template_lex_fail_with(r->problem, line, fmt, args);
    va_end(args);
}

static const char *token_name(const struct template_token *token)
{
    switch (token->kind) {
    case TEMPLATE_TOKEN_TAG_END:
        return "%}";
    case TEMPLATE_TOKEN_PRINT_END:
        return "}}";
    case TEMPLATE_TOKEN_END:
        return "the end";
    case TEMPLATE_TOKEN_STRING:
        return "a string";
    case TEMPLATE_TOKEN_DATA:
        return "text";
    default:
        return NULL;
    }
}

void template_reader_unexpected(struct template_reader *r, const char *wanted)
{
    const struct template_token *token = r->token;
    const char *name = token_name(token);
    const int size = (int)(token->text.size < 40 ? token->text.size : 40);
    if (name)
        template_reader_fail(r, token->line, "found %s, expected %s", name, wanted);
    else
        template_reader_fail(r, token->line, "found '%.*s', expected %s", size, token->text.data,
                             wanted);
}

struct template_text template_reader_expect(struct template_reader *r,
                                            enum template_token_kind kind, const char *text)
{
    static const char *const names[] = {"text",   "{{",       "}}",       "{%",          "%}",
                                        "a name", "a string", "a number", "an operator", "the end"};
    const struct template_token *token = r->token;
    if (token->kind != kind || (text && !template_text_is(token->text, text)))
        template_reader_unexpected(r, text ? text : names[kind]);
    if (!r->st && token->next)
        r->token = token->next;
    return token->text;
}

struct template_node *template_reader_node(struct template_reader *r, enum template_node_kind kind)
{
    struct template_node *node = r->st ? &r->spare : arena_alloc(r->arena, sizeof(*node));
    if (!node) {
        template_reader_take(r, STATUS_MEMORY);
        node = &r->spare;
    }
    *node = (struct template_node){.kind = kind, .line = r->token->line};
    return node;
}

struct template_node *template_reader_over(struct template_reader *r, enum template_node_kind kind,
                                           const struct template_node *a)
{
    struct template_node *node = template_reader_node(r, kind);
    node->a = a;
    return node;
}

bool template_reader_enter(struct template_reader *r)
{
    if (++r->depth > TEMPLATE_MAX_DEPTH)
        template_reader_fail(r, r->token->line, "found a construct nested deeper than %d",
                             TEMPLATE_MAX_DEPTH);
    return !r->st;
}
