/* SPDX-License-Identifier: MIT */
/* Filters of texts and values. */
#include <inttypes.h>
#include <string.h>

#include "model/template_case.h"
#include "model/template_impl.h"
#include "model/template_text.h"

/* Calls the text method of that name on the value as text. */
static enum status by_method(struct template_run *run, const struct template_value *self,
                             const char *name, const struct template_value *const *arg,
                             struct template_value *out)
{
    const struct template_text method = {name, strlen(name)};
    struct template_arguments arguments = {0};
    struct template_value text;
    enum status st = template_print_text(run, self, &text);
    for (; !st && arguments.count < 4 && arg[arguments.count]; arguments.count++)
        arguments.value[arguments.count] = *arg[arguments.count];
    return st ? st
              : template_call_builtin(
                    run, &(struct template_callee){&template_text_methods, method, &text},
                    &arguments, out);
}

static enum status filter_trim(TEMPLATE_BUILTIN)
{
    return by_method(run, self, "strip", arg, out);
}

static enum status filter_upper(TEMPLATE_BUILTIN)
{
    return by_method(run, self, "upper", arg, out);
}

static enum status filter_lower(TEMPLATE_BUILTIN)
{
    return by_method(run, self, "lower", arg, out);
}

static enum status filter_capitalize(TEMPLATE_BUILTIN)
{
    return by_method(run, self, "capitalize", arg, out);
}

static enum status filter_replace(TEMPLATE_BUILTIN)
{
    return by_method(run, self, "replace", arg, out);
}

static enum status filter_title(TEMPLATE_BUILTIN)
{
    struct template_value text;
    enum status st = template_print_text(run, self, &text);
    (void)arg;
    return st ? st : template_case_change(run, text.text, TEMPLATE_CASE_TITLE, out);
}

static enum status filter_string(TEMPLATE_BUILTIN)
{
    (void)arg;
    return template_print_text(run, self, out);
}

/* Nothing is escaped here, so everything is safe. */
static enum status filter_safe(TEMPLATE_BUILTIN)
{
    (void)arg;
    return template_print_text(run, self, out);
}

static enum status filter_length(TEMPLATE_BUILTIN)
{
    size_t n;
    enum status st = template_value_length(run, self, &n);
    (void)arg;
    *out = template_value_int((int64_t)n);
    return st;
}

static enum status filter_default(TEMPLATE_BUILTIN)
{
    const bool also_false = arg[1] && template_value_is_true(arg[1]);
    (void)run;
    *out = *self;
    if (self->type == TEMPLATE_IS_UNDEFINED || (also_false && !template_value_is_true(self)))
        *out = arg[0] ? *arg[0] : template_value_word("");
    return STATUS_OK;
}

/* Digits with a sign, white space around them; else the default. */
static enum status filter_int(TEMPLATE_BUILTIN)
{
    *out = arg[0] ? *arg[0] : template_value_int(0);
    if (self->type == TEMPLATE_IS_INT || self->type == TEMPLATE_IS_BOOL) {
        *out = template_value_int(self->number);
        return STATUS_OK;
    }
    if (self->type != TEMPLATE_IS_TEXT)
        return STATUS_OK;
    const struct template_text text =
        template_text_strip_end(template_text_strip_start(self->text));
    const bool is_signed = text.size > 0 && (text.data[0] == '-' || text.data[0] == '+');
    int64_t number = 0;
    if (text.size == is_signed)
        return STATUS_OK;
    for (size_t i = is_signed; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return memchr("._eE", text.data[i], 4)
                       ? template_value_fail(run, "found int of '%.*s', which is not run here",
                                             (int)(text.size < 40 ? text.size : 40), text.data)
                       : STATUS_OK;
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, text.data[i] - '0', &number))
            return template_value_fail(run, "found a number beyond 64 bits");
    }
    *out = template_value_int(text.data[0] == '-' ? -number : number);
    return STATUS_OK;
}

static enum status filter_abs(TEMPLATE_BUILTIN)
{
    (void)arg;
    if ((self->type != TEMPLATE_IS_INT && self->type != TEMPLATE_IS_BOOL) ||
        self->number == INT64_MIN)
        return template_value_fail(run, "found abs of %s", template_value_type(self));
    *out = template_value_int(self->number < 0 ? -self->number : self->number);
    return STATUS_OK;
}

static enum status filter_tojson(TEMPLATE_BUILTIN)
{
    struct text text = {0};
    int indent = -1;
    if (arg[0] && template_value_is_true(arg[0]))
        return template_value_fail(run, "found tojson with ensure_ascii, which is not run here");
    if (arg[1] && arg[1]->type == TEMPLATE_IS_INT && arg[1]->number >= 0 && arg[1]->number <= 64)
        indent = (int)arg[1]->number;
    else if (arg[1] && arg[1]->type != TEMPLATE_IS_NONE)
        return template_value_fail(run, "found an indent of tojson that is no number from 0 to 64");
    enum status st = template_print_json(run, &text, self, indent);
    if (!st)
        st = template_value_text(run, text.data, text.size, out);
    text_finish(&text);
    return st;
}

/* Lines after the first are indented; empty ones only if asked. */
static enum status filter_indent(TEMPLATE_BUILTIN)
{
    struct template_value text;
    struct text made = {0};
    int64_t width = 4;
    if (arg[0] && (arg[0]->type != TEMPLATE_IS_INT || arg[0]->number < 0 || arg[0]->number > 64))
        return template_value_fail(run, "found a width of indent that is no number from 0 to 64");
    if (arg[0])
        width = arg[0]->number;
    const bool first = arg[1] && template_value_is_true(arg[1]),
               blank = arg[2] && template_value_is_true(arg[2]);
    if (self->type != TEMPLATE_IS_TEXT)
        return template_value_fail(run, "found indent of %s, expected a text",
                                   template_value_type(self));
    enum status st = template_print_text(run, self, &text);
    for (size_t at = 0; !st && at <= text.text.size;) {
        const char *start = text.text.data + at, *feed = memchr(start, '\n', text.text.size - at);
        const size_t n = feed ? (size_t)(feed - start) : text.text.size - at;
        st = template_value_step(run, 2 + n / 16);
        if (!st && ((at == 0 && first) || (at > 0 && (n > 0 || blank))))
            st = text_addf(&made, "%*s", (int)width, "");
        if (!st)
            st = text_add(&made, start, n + (feed ? 1 : 0));
        at += n + 1;
    }
    if (!st)
        st = template_value_text(run, made.data, made.size, out);
    text_finish(&made);
    return st;
}

static const struct template_builtin FILTERS[] = {
    {"trim", {"chars"}, filter_trim},
    {"upper", {0}, filter_upper},
    {"lower", {0}, filter_lower},
    {"capitalize", {0}, filter_capitalize},
    {"title", {0}, filter_title},
    {"replace", {"old", "new", "count"}, filter_replace},
    {"string", {0}, filter_string},
    {"safe", {0}, filter_safe},
    {"length", {0}, filter_length},
    {"count", {0}, filter_length},
    {"default", {"default_value", "boolean"}, filter_default},
    {"d", {"default_value", "boolean"}, filter_default},
    {"int", {"default"}, filter_int},
    {"abs", {0}, filter_abs},
    {"tojson", {"ensure_ascii", "indent"}, filter_tojson},
    {"indent", {"width", "first", "blank"}, filter_indent},
    {"join", {"d", "attribute"}, template_sequences_join},
    {"first", {0}, template_sequences_first},
    {"last", {0}, template_sequences_last},
    {"list", {0}, template_sequences_list},
    {"reverse", {0}, template_sequences_reverse},
    {"items", {0}, template_sequences_items},
    {"dictsort", {0}, template_sequences_dictsort},
    {"map", {"filter", "=attribute", "=default"}, template_sequences_map},
    {"select", {"test", "argument"}, template_sequences_select},
    {"reject", {"test", "argument"}, template_sequences_reject},
    {"selectattr", {"attribute", "test", "argument"}, template_sequences_selectattr},
    {"rejectattr", {"attribute", "test", "argument"}, template_sequences_rejectattr},
};
const struct template_builtins template_filters = {"filter", FILTERS,
                                                   sizeof(FILTERS) / sizeof(*FILTERS)};
