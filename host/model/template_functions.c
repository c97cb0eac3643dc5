/* SPDX-License-Identifier: MIT */
/* Functions that a template finds: range, raise_exception, strftime_now, namespace, dict. */
#define _GNU_SOURCE /* tm_gmtoff, tm_zone */
#include <string.h>
#include <time.h>

#include "model/template_impl.h"

#define MAX_RANGE 100000 /* as jinja2's sandbox */

static enum status call_range(TEMPLATE_BUILTIN)
{
    int64_t bound[3] = {0, 0, 1};
    (void)self;
    for (size_t i = 0; i < 3; i++) {
        if (arg[i] && arg[i]->type != TEMPLATE_IS_INT)
            return template_value_fail(run, "found %s in range(), expected a number",
                                       template_value_type(arg[i]));
        if (arg[i])
            bound[i] = arg[i]->number;
    }
    if (!arg[0])
        return template_value_fail(run, "found range() without an end");
    if (!arg[1]) {
        bound[1] = bound[0];
        bound[0] = 0;
    }
    for (size_t i = 0; i < 3; i++) {
        if (bound[i] > INT32_MAX || bound[i] < INT32_MIN || bound[2] == 0)
            return template_value_fail(run, "found range() with %lld", (long long)bound[i]);
    }
    const int64_t step = bound[2], span = step > 0 ? bound[1] - bound[0] : bound[0] - bound[1];
    const int64_t size = step > 0 ? step : -step;
    const int64_t n = span > 0 ? (span + size - 1) / size : 0;
    if (n > MAX_RANGE)
        return template_value_fail(run, "found a range() of %lld numbers, expected at most %d",
                                   (long long)n, MAX_RANGE);
    enum status st = template_value_list(run, TEMPLATE_IS_RANGE, (size_t)n, out);
    for (int64_t i = 0; !st && i < n; i++)
        out->list->item[i] = template_value_int(bound[0] + i * step);
    return st ? st : template_value_step(run, (size_t)n);
}

static enum status call_raise(TEMPLATE_BUILTIN)
{
    const struct template_value *text = arg[0];
    (void)self;
    (void)out;
    if (text && text->type == TEMPLATE_IS_TEXT)
        return template_value_fail(run, "the template refuses this prompt: %.*s",
                                   (int)(text->text.size < 180 ? text->text.size : 180),
                                   text->text.data);
    return template_value_fail(run, "the template refuses this prompt");
}

/* The fixed day of TEMPLATE_DATE, at midnight. */
static enum status call_strftime(TEMPLATE_BUILTIN)
{
    static const char letters[] = "aAbBcCdDeFgGhHIjmMnpRStTuUVwWxXyYZz%";
    struct tm day = {.tm_year = 2024 - 1900,
                     .tm_mon = 7 - 1,
                     .tm_mday = 26,
                     .tm_wday = 5,
                     .tm_yday = 207,
                     .tm_zone = ""};
    char format[128], date[512];
    (void)self;
    if (!arg[0] || arg[0]->type != TEMPLATE_IS_TEXT || arg[0]->text.size >= sizeof(format))
        return template_value_fail(run, "found strftime_now without a short text as its format");
    memcpy(format, arg[0]->text.data, arg[0]->text.size);
    format[arg[0]->text.size] = '\0';
    for (const char *at = strchr(format, '%'); at; at = strchr(at + 1, '%')) {
        at += at[1] == '-' ? 2 : 1;
        if (*at == '\0' || !strchr(letters, *at))
            return template_value_fail(run,
                                       "found %%%.1s in the format of strftime_now, which is "
                                       "not run here",
                                       at);
    }
    const size_t size = format[0] ? strftime(date, sizeof(date), format, &day) : 0;
    return template_value_text(run, date, size, out);
}

static enum status call_made_elsewhere(TEMPLATE_BUILTIN)
{
    (void)self;
    (void)arg;
    (void)out;
    return template_value_fail(run, "found a function that makes its value from named arguments");
}

static const struct template_builtin FUNCTIONS[] = {
    {"range", {"start", "stop", "step"}, call_range},
    {"raise_exception", {"message"}, call_raise},
    {"strftime_now", {"format"}, call_strftime},
    {"namespace", {0}, call_made_elsewhere}, /* template_call */
    {"dict", {0}, call_made_elsewhere},
};
const struct template_builtins template_functions = {"function", FUNCTIONS,
                                                     sizeof(FUNCTIONS) / sizeof(*FUNCTIONS)};
