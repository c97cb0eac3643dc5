/* SPDX-License-Identifier: MIT */
/* Statements of a running template, and the run itself. */
#include <string.h>

#include "model/template_impl.h"
#include "model/template_text.h"

enum status template_run_bind(struct template_run *run, struct template_scope *scope,
                              struct template_text name, const struct template_value *value)
{
    for (struct template_binding *b = scope->first; b; b = b->next) {
        enum status st = template_value_step(run, 1);
        if (st)
            return st;
        if (template_text_compare(b->name, name) == 0) {
            b->value = *value;
            return STATUS_OK;
        }
    }
    struct template_binding *binding = template_value_memory(run, sizeof(*binding));
    if (!binding)
        return template_value_no_memory(run);
    *binding = (struct template_binding){scope->first, name, *value};
    scope->first = binding;
    return STATUS_OK;
}

/* Scopes outlive their block: a macro may have been defined in it. */
static struct template_scope *open_scope(struct template_run *run, struct template_scope *outer)
{
    struct template_scope *scope = template_value_memory(run, sizeof(*scope));
    if (scope)
        scope->outer = outer;
    return scope;
}

static enum status bind_targets(struct template_run *run, struct template_scope *scope,
                                const struct template_node *loop, struct template_value *item)
{
    struct template_list parts;
    size_t i = 0, count = 0;
    if (!loop->number)
        return template_run_bind(run, scope, loop->list->text, item);
    for (const struct template_node *n = loop->list; n; n = n->next)
        count++;
    enum status st = template_value_elements(run, item, &parts);
    if (!st && parts.count != count)
        return template_value_fail(run, "found %zu values for %zu names of a loop", parts.count,
                                   count);
    for (const struct template_node *n = loop->list; !st && n; n = n->next)
        st = template_run_bind(run, scope, n->text, &parts.item[i++]);
    return st;
}

/* Keeps the elements for which the loop's condition holds. */
static enum status filter_elements(struct template_run *run, struct template_scope *scope,
                                   const struct template_node *node, struct template_list *list)
{
    struct template_value kept;
    enum status st =
        node->b ? template_value_list(run, TEMPLATE_IS_LIST, list->count, &kept) : STATUS_OK;
    size_t n = 0;
    for (size_t i = 0; !st && node->b && i < list->count; i++) {
        struct template_scope *inner = open_scope(run, scope);
        struct template_value holds;
        if (!inner)
            return template_value_no_memory(run);
        st = bind_targets(run, inner, node, &list->item[i]);
        if (!st)
            st = template_eval(run, inner, node->b, &holds);
        if (!st && template_value_is_true(&holds))
            kept.list->item[n++] = list->item[i];
    }
    if (!st && node->b)
        *list = (struct template_list){kept.list->item, n, 0};
    return st;
}

static enum status run_for(struct template_run *run, struct template_scope *scope,
                           const struct template_node *node)
{
    struct template_value over;
    struct template_list *list = template_value_memory(run, sizeof(*list));
    if (!list)
        return template_value_no_memory(run);
    enum status st = template_eval(run, scope, node->a, &over);
    if (!st)
        st = template_value_elements(run, &over, list);
    if (!st)
        st = filter_elements(run, scope, node, list);
    for (size_t i = 0; !st && i < list->count && run->jump != TEMPLATE_BREAKS; i++) {
        struct template_scope *inner = open_scope(run, scope);
        struct template_loop *loop = template_value_memory(run, sizeof(*loop));
        if (!inner || !loop)
            return template_value_no_memory(run);
        *loop = (struct template_loop){list, i};
        const struct template_value value = {.type = TEMPLATE_IS_LOOP, .loop = loop};
        st = template_run_bind(run, inner, (struct template_text){"loop", 4}, &value);
        if (!st)
            st = bind_targets(run, inner, node, &list->item[i]);
        if (!st)
            st = template_run_body(run, inner, node->body);
        if (run->jump == TEMPLATE_CONTINUES)
            run->jump = TEMPLATE_GOES_ON;
    }
    run->jump = TEMPLATE_GOES_ON;
    if (!st && list->count == 0 && node->other)
        st = template_run_body(run, scope, node->other);
    return st;
}

static enum status run_if(struct template_run *run, struct template_scope *scope,
                          const struct template_node *node)
{
    for (const struct template_node *branch = node->list; branch; branch = branch->next) {
        struct template_value holds = template_value_bool(true);
        enum status st = branch->a ? template_eval(run, scope, branch->a, &holds) : STATUS_OK;
        if (st)
            return st;
        if (template_value_is_true(&holds))
            return template_run_body(run, scope, branch->body);
    }
    return STATUS_OK;
}

static enum status assign(struct template_run *run, struct template_scope *scope,
                          const struct template_node *target, const struct template_value *value)
{
    struct template_value base;
    const struct template_value key = {.type = TEMPLATE_IS_TEXT, .text = target->text};
    if (target->kind == TEMPLATE_NAME)
        return template_run_bind(run, scope, target->text, value);
    enum status st = template_eval(run, scope, target->a, &base);
    if (!st && base.type != TEMPLATE_IS_NAMESPACE)
        return template_value_fail(run,
                                   "found an assignment to an attribute of %s, expected a "
                                   "namespace",
                                   template_value_type(&base));
    return st ? st : template_value_put(run, base.dict, &key, value);
}

/* {% set x | filters %}: the text of the block through the filters around TEMPLATE_NONE. */
static enum status apply_filters(struct template_run *run, struct template_scope *scope,
                                 const struct template_node *filter, struct template_value *value)
{
    if (filter->kind != TEMPLATE_FILTER)
        return STATUS_OK;
    enum status st = apply_filters(run, scope, filter->a, value);
    const struct template_node text = {
        .kind = TEMPLATE_STRING, .line = filter->line, .text = value->text};
    struct template_node around = *filter;
    around.a = &text;
    if (!st && value->type != TEMPLATE_IS_TEXT)
        return template_value_fail(run, "found a filter of {%% set %%} that makes no text");
    return st ? st : template_eval(run, scope, &around, value);
}

enum status template_run_captured(struct template_run *run, struct template_scope *scope,
                                  const struct template_node *body, struct template_value *out)
{
    struct text text = {0}, *outside = run->out;
    struct template_scope *inner = open_scope(run, scope);
    if (!inner)
        return template_value_no_memory(run);
    run->out = &text;
    enum status st = template_run_body(run, inner, body);
    run->out = outside;
    if (!st)
        st = template_value_text(run, text.data, text.size, out);
    text_finish(&text);
    return st;
}

static enum status run_set(struct template_run *run, struct template_scope *scope,
                           const struct template_node *node)
{
    struct template_value value;
    enum status st = node->kind == TEMPLATE_SET
                         ? template_eval(run, scope, node->b, &value)
                         : template_run_captured(run, scope, node->body, &value);
    if (!st && node->kind == TEMPLATE_SET_BLOCK)
        st = apply_filters(run, scope, node->b, &value);
    return st ? st : assign(run, scope, node->a, &value);
}

static enum status run_macro(struct template_run *run, struct template_scope *scope,
                             const struct template_node *node)
{
    struct template_macro *macro = template_value_memory(run, sizeof(*macro));
    if (!macro)
        return template_value_no_memory(run);
    *macro = (struct template_macro){node, scope};
    const struct template_value value = {.type = TEMPLATE_IS_MACRO, .macro = macro};
    return template_run_bind(run, scope, node->text, &value);
}

static enum status run_print(struct template_run *run, struct template_scope *scope,
                             const struct template_node *node)
{
    struct template_value value;
    enum status st = template_eval(run, scope, node->a, &value);
    return st ? st : template_print(run, run->out, &value);
}

static enum status run_statement(struct template_run *run, struct template_scope *scope,
                                 const struct template_node *node)
{
    const struct template_value text = {.type = TEMPLATE_IS_TEXT, .text = node->text};
    run->line = node->line;
    switch (node->kind) {
    case TEMPLATE_DATA:
        return template_print(run, run->out, &text);
    case TEMPLATE_PRINT:
        return run_print(run, scope, node);
    case TEMPLATE_FOR:
        return run_for(run, scope, node);
    case TEMPLATE_IF:
        return run_if(run, scope, node);
    case TEMPLATE_MACRO:
        return run_macro(run, scope, node);
    case TEMPLATE_BLOCK:
        return template_run_body(run, scope, node->body);
    case TEMPLATE_BREAK:
        run->jump = TEMPLATE_BREAKS;
        return STATUS_OK;
    case TEMPLATE_CONTINUE:
        run->jump = TEMPLATE_CONTINUES;
        return STATUS_OK;
    default:
        return run_set(run, scope, node);
    }
}

enum status template_run_body(struct template_run *run, struct template_scope *scope,
                              const struct template_node *body)
{
    enum status st = STATUS_OK;
    if (run->depth >= TEMPLATE_MAX_NESTING)
        return template_value_fail(run, "found blocks or macros deeper than %d",
                                   TEMPLATE_MAX_NESTING);
    run->depth++;
    for (const struct template_node *n = body->body; !st && n && !run->jump; n = n->next) {
        st = template_value_step(run, 1);
        if (!st)
            st = run_statement(run, scope, n->a);
    }
    run->depth--;
    return st;
}

/* {"role": role, "content": content} */
static enum status make_message(struct template_run *run, const char *role,
                                struct template_text content, struct template_value *out)
{
    const struct template_value keys[] = {template_value_word("role"),
                                          template_value_word("content")};
    const struct template_value values[] = {template_value_word(role),
                                            {.type = TEMPLATE_IS_TEXT, .text = content}};
    enum status st = template_value_dict(run, TEMPLATE_IS_DICT, out);
    for (size_t i = 0; !st && i < 2; i++)
        st = template_value_put(run, out->dict, &keys[i], &values[i]);
    return st;
}

static enum status make_given(struct template_run *run, const struct template_context *context,
                              struct template_value *out)
{
    enum status st = template_value_list(run, TEMPLATE_IS_LIST, context->n_messages, out);
    for (size_t i = 0; !st && i < context->n_messages; i++) {
        const struct template_message *message = &context->message[i];
        st = make_message(run, message->role,
                          (struct template_text){message->content, strlen(message->content)},
                          &out->list->item[i]);
    }
    return st;
}

/* All turns, then the message that is to be answered; or those that are given. */
static enum status make_messages(struct template_run *run, const struct template_context *context,
                                 struct template_value *out)
{
    if (context->message)
        return make_given(run, context, out);
    enum status st = template_value_list(run, TEMPLATE_IS_LIST, 2 * context->n_turns + 1, out);
    for (size_t i = 0; !st && i < context->n_turns; i++) {
        const struct template_turn *turn = &context->turn[i];
        st = make_message(run, "user", (struct template_text){turn->user, strlen(turn->user)},
                          &out->list->item[2 * i]);
        if (!st)
            st = make_message(run, "assistant",
                              (struct template_text){turn->assistant, strlen(turn->assistant)},
                              &out->list->item[2 * i + 1]);
    }
    return st ? st
              : make_message(run, "user", (struct template_text){context->user, context->user_size},
                             &out->list->item[2 * context->n_turns]);
}

/* messages, add_generation_prompt, tools, documents, bos_token, eos_token */
static enum status bind_context(struct template_run *run, struct template_scope *scope,
                                const struct template_context *context)
{
    const struct template_value none = {.type = TEMPLATE_IS_NONE}, yes = template_value_bool(true);
    struct template_value messages, begin = none, end = none;
    enum status st = make_messages(run, context, &messages);
    if (st)
        return st;
    if (context->begin)
        begin = template_value_word(context->begin);
    if (context->end)
        end = template_value_word(context->end);
    const struct {
        const char *name;
        const struct template_value *value;
    } variables[] = {{"messages", &messages}, {"add_generation_prompt", &yes}, {"tools", &none},
                     {"documents", &none},    {"bos_token", &begin},           {"eos_token", &end}};
    for (size_t i = 0; !st && i < sizeof(variables) / sizeof(*variables); i++) {
        const bool absent = i >= 4 && variables[i].value->type == TEMPLATE_IS_NONE;
        if (!absent)
            st = template_run_bind(
                run, scope, (struct template_text){variables[i].name, strlen(variables[i].name)},
                variables[i].value);
    }
    return st;
}

enum status template_render(const struct template *template, const struct template_context *context,
                            struct text *out, struct template_problem *problem)
{
    struct arena arena = {0};
    struct text text = {0};
    struct template_run run = {.arena = &arena, .out = &text, .problem = problem};
    struct template_scope context_scope = {0}, scope = {.outer = &context_scope};
    enum status st = bind_context(&run, &context_scope, context);
    if (!st)
        st = template_run_body(&run, &scope, template->body);
    if (!st)
        st = text_add(out, text.data, text.size);
    text_finish(&text);
    arena_finish(&arena);
    return st;
}
