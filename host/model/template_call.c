/* SPDX-License-Identifier: MIT */
/* Calls of a running template: arguments to parameters, macros, builtins by name. */
#include <string.h>

#include "model/template_impl.h"
#include "model/template_text.h"

#define MAX_PARAMETERS 4

const struct template_builtin *template_call_find(const struct template_builtins *table,
                                                  struct template_text name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (template_text_is(name, table->entry[i].name))
            return &table->entry[i];
    }
    return NULL;
}

static size_t parameter_of(const struct template_builtin *builtin, struct template_text name)
{
    for (size_t i = 0; i < MAX_PARAMETERS && builtin->parameter[i]; i++) {
        const char *parameter = builtin->parameter[i];
        if (template_text_is(name, parameter[0] == '=' ? parameter + 1 : parameter))
            return i;
    }
    return MAX_PARAMETERS;
}

/* Each argument to its parameter. */
static enum status place_arguments(struct template_run *run, const struct template_builtin *builtin,
                                   const struct template_arguments *arguments,
                                   const struct template_value **arg)
{
    for (size_t i = 0; i < arguments->count; i++) {
        const struct template_text name = arguments->name[i];
        size_t at = i;
        if (name.size > 0)
            at = parameter_of(builtin, name);
        else if (i < MAX_PARAMETERS && builtin->parameter[i] && builtin->parameter[i][0] == '=')
            at = MAX_PARAMETERS;
        if (at >= MAX_PARAMETERS || !builtin->parameter[at] || arg[at])
            return template_value_fail(
                run, "found argument %zu%s%.*s of '%s', which is not run here", i + 1,
                name.size > 0 ? " " : "", (int)(name.size < 40 ? name.size : 40),
                name.size > 0 ? name.data : "", builtin->name);
        arg[at] = &arguments->value[i];
    }
    return STATUS_OK;
}

enum status template_call_builtin(struct template_run *run, const struct template_callee *callee,
                                  const struct template_arguments *arguments,
                                  struct template_value *out)
{
    const struct template_value *arg[MAX_PARAMETERS] = {0};
    const struct template_text name = callee->name;
    const struct template_builtin *builtin = template_call_find(callee->table, name);
    if (!builtin)
        return template_value_fail(run, "found the %s '%.*s', which is not run here",
                                   callee->table->what, (int)(name.size < 60 ? name.size : 60),
                                   name.data);
    enum status st = place_arguments(run, builtin, arguments, arg);
    const struct template_value value = *callee->self; /* out may be the same */
    return st ? st : builtin->call(run, &value, arg, out);
}

enum status template_call_test(struct template_run *run, struct template_text name,
                               const struct template_value *self,
                               const struct template_value *argument, bool *out)
{
    struct template_arguments arguments;
    struct template_value value;
    arguments.count = argument != NULL;
    arguments.name[0] = (struct template_text){0};
    if (argument)
        arguments.value[0] = *argument;
    enum status st = template_call_builtin(
        run, &(struct template_callee){&template_tests, name, self}, &arguments, &value);
    *out = !st && template_value_is_true(&value);
    return st;
}

/* The argument for parameter `at`; null: none was given. */
static const struct template_value *macro_argument(const struct template_arguments *arguments,
                                                   const struct template_node *parameter, size_t at)
{
    for (size_t i = 0; i < arguments->count; i++) {
        const struct template_text name = arguments->name[i];
        if (name.size > 0 ? template_text_compare(name, parameter->text) == 0 : i == at)
            return &arguments->value[i];
    }
    return NULL;
}

static enum status check_macro_arguments(struct template_run *run,
                                         const struct template_macro *macro,
                                         const struct template_arguments *arguments)
{
    for (size_t i = 0; i < arguments->count; i++) {
        const struct template_text name = arguments->name[i];
        bool known = false;
        size_t at = 0;
        for (const struct template_node *n = macro->node->list; n; n = n->next)
            known =
                known || (name.size > 0 ? template_text_compare(name, n->text) == 0 : at++ == i);
        if (!known)
            return template_value_fail(
                run,
                "found argument %zu of macro '%.*s', which has no such "
                "parameter",
                i + 1, (int)(macro->node->text.size < 60 ? macro->node->text.size : 60),
                macro->node->text.data);
    }
    return STATUS_OK;
}

static enum status call_macro(struct template_run *run, const struct template_macro *macro,
                              const struct template_arguments *arguments,
                              struct template_value *out)
{
    struct template_scope *scope = template_value_memory(run, sizeof(*scope));
    size_t at = 0;
    if (!scope)
        return template_value_no_memory(run);
    scope->outer = macro->scope;
    enum status st = check_macro_arguments(run, macro, arguments);
    for (const struct template_node *n = macro->node->list; !st && n; n = n->next) {
        struct template_binding *binding = template_value_memory(run, sizeof(*binding));
        const struct template_value *given = macro_argument(arguments, n, at++);
        if (!binding)
            return template_value_no_memory(run);
        binding->name = n->text;
        binding->value = template_value_undefined(n->text);
        if (given)
            binding->value = *given;
        else if (n->a)
            st = template_eval(run, scope, n->a, &binding->value);
        binding->next = scope->first;
        scope->first = binding;
    }
    return st ? st : template_run_captured(run, scope, macro->node->body, out);
}

static const struct template_builtins *table_of(const struct template_value *self)
{
    return self->type == TEMPLATE_IS_TEXT   ? &template_text_methods
           : self->type == TEMPLATE_IS_DICT ? &template_dict_methods
           : self->type == TEMPLATE_IS_LOOP ? &template_loop_methods
                                            : &template_list_methods;
}

enum status template_call(struct template_run *run, const struct template_value *callee,
                          const struct template_arguments *arguments, struct template_value *out)
{
    const struct template_value self = *callee; /* out may be the same */
    switch (self.type) {
    case TEMPLATE_IS_MACRO:
        return call_macro(run, self.macro, arguments, out);
    case TEMPLATE_IS_METHOD:
        return template_call_builtin(run,
                                     &(struct template_callee){table_of(&self.method->self),
                                                               self.method->name,
                                                               &self.method->self},
                                     arguments, out);
    case TEMPLATE_IS_FUNCTION:
        if (template_text_is(self.text, "namespace") || template_text_is(self.text, "dict")) {
            enum status st = template_value_dict(
                run, self.text.data[0] == 'n' ? TEMPLATE_IS_NAMESPACE : TEMPLATE_IS_DICT, out);
            for (size_t i = 0; !st && i < arguments->count; i++) {
                const struct template_value key = {.type = TEMPLATE_IS_TEXT,
                                                   .text = arguments->name[i]};
                if (key.text.size == 0)
                    return template_value_fail(run,
                                               "found an argument of '%.*s' without a name, "
                                               "which is not run here",
                                               (int)self.text.size, self.text.data);
                st = template_value_put(run, out->dict, &key, &arguments->value[i]);
            }
            return st;
        }
        return template_call_builtin(
            run, &(struct template_callee){&template_functions, self.text, &self}, arguments, out);
    case TEMPLATE_IS_UNDEFINED:
        return template_value_fail(run, "found a call of '%.*s', which is not run here",
                                   (int)(self.text.size < 60 ? self.text.size : 60),
                                   self.text.data);
    default:
        return template_value_fail(run, "found a call of %s", template_value_type(&self));
    }
}
