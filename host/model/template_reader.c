/* SPDX-License-Identifier: MIT */
/* Takes the tokens of a template one by one. */
#include "model/template_node.h"

bool template_reader_at(const struct template_reader *r, enum template_token_kind kind,
                        const char *text)
{
    return r->token->kind == kind && template_text_is(r->token->text, text);
}

bool template_reader_skip(struct template_reader *r, enum template_token_kind kind,
                          const char *text)
{
    const bool is = template_reader_at(r, kind, text);
    if (is)
        r->token = r->token->next;
    return is;
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

enum status template_reader_unexpected(const struct template_reader *r, const char *wanted)
{
    const struct template_token *token = r->token;
    const char *name = token_name(token);
    const int size = (int)(token->text.size < 40 ? token->text.size : 40);
    if (name)
        return template_lex_fail(r->problem, token->line, "found %s, expected %s", name, wanted);
    return template_lex_fail(r->problem, token->line, "found '%.*s', expected %s", size,
                             token->text.data, wanted);
}

enum status template_reader_expect(struct template_reader *r, enum template_token_kind kind,
                                   const char *text)
{
    static const char *const names[] = {"text",   "{{",       "}}",       "{%",          "%}",
                                        "a name", "a string", "a number", "an operator", "the end"};
    if (r->token->kind != kind || (text && !template_text_is(r->token->text, text)))
        return template_reader_unexpected(r, text ? text : names[kind]);
    if (r->token->next)
        r->token = r->token->next;
    return STATUS_OK;
}

enum status template_reader_node(struct template_reader *r, enum template_node_kind kind,
                                 struct template_node **out)
{
    *out = arena_alloc(r->arena, sizeof(**out));
    if (!*out)
        return STATUS_MEMORY;
    **out = (struct template_node){.kind = kind, .line = r->token->line};
    return STATUS_OK;
}

enum status template_reader_enter(struct template_reader *r)
{
    if (++r->depth > TEMPLATE_MAX_DEPTH)
        return template_lex_fail(r->problem, r->token->line,
                                 "found a construct nested deeper than %d", TEMPLATE_MAX_DEPTH);
    return STATUS_OK;
}

enum status template_reader_join(struct template_reader *r, enum template_node_kind kind,
                                 const struct template_node *a, const struct template_node *b,
                                 struct template_node **out)
{
    enum status st = template_reader_node(r, kind, out);
    if (!st) {
        (*out)->a = a;
        (*out)->b = b;
    }
    return st;
}
