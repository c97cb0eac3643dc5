/* SPDX-License-Identifier: MIT */
/* Expressions of a running template. */
#include <string.h>

#include "model/template_impl.h"
#include "model/template_text.h"

static enum status eval_name(struct template_run *run, const struct template_scope *scope,
                             struct template_text name, struct template_value *out)
{
    static const char *const refused[] = {"varargs", "kwargs", "caller", "self",
                                          "super",   "cycler", "joiner", "lipsum"};
    enum status st = STATUS_OK;
    for (; scope; scope = scope->outer) {
        for (const struct template_binding *b = scope->first; b; b = b->next) {
            st = template_value_step(run, 1);
            if (st)
                return st;
            if (template_text_compare(b->name, name) == 0) {
                *out = b->value;
                return STATUS_OK;
            }
        }
    }
    if (template_call_find(&template_functions, name)) {
        *out = (struct template_value){.type = TEMPLATE_IS_FUNCTION, .text = name};
        return STATUS_OK;
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        if (template_text_is(name, refused[i]))
            return template_value_fail(run, "found '%s', which is not run here", refused[i]);
    }
    *out = template_value_undefined(name);
    return STATUS_OK;
}

/* Elements of a list or tuple. */
static enum status eval_list(struct template_run *run, struct template_scope *scope,
                             const struct template_node *node, struct template_value *out)
{
    size_t count = 0, i = 0;
    for (const struct template_node *n = node->list; n; n = n->next)
        count++;
    enum status st = template_value_list(
        run, node->kind == TEMPLATE_LIST ? TEMPLATE_IS_LIST : TEMPLATE_IS_TUPLE, count, out);
    for (const struct template_node *n = node->list; !st && n; n = n->next)
        st = template_eval(run, scope, n->a, &out->list->item[i++]);
    return st;
}

static enum status eval_dict(struct template_run *run, struct template_scope *scope,
                             const struct template_node *node, struct template_value *out)
{
    enum status st = template_value_dict(run, TEMPLATE_IS_DICT, out);
    for (const struct template_node *n = node->list; !st && n; n = n->next) {
        struct template_value key, value;
        st = template_eval(run, scope, n->a, &key);
        if (!st)
            st = template_eval(run, scope, n->b, &value);
        if (!st)
            st = template_value_put(run, out->dict, &key, &value);
    }
    return st;
}

static enum status eval_arguments(struct template_run *run, struct template_scope *scope,
                                  const struct template_node *list, struct template_arguments *out)
{
    enum status st = STATUS_OK;
    out->count = 0;
    for (const struct template_node *n = list; !st && n; n = n->next) {
        if (out->count == TEMPLATE_MAX_ARGUMENTS)
            return template_value_fail(run, "found more than %d arguments", TEMPLATE_MAX_ARGUMENTS);
        out->name[out->count] = n->kind == TEMPLATE_KEYWORD ? n->text : (struct template_text){0};
        st = template_eval(run, scope, n->a, &out->value[out->count]);
        out->count++;
    }
    return st;
}

/* Calls, filters and tests. Apart from template_eval, since the arguments take much of the
 * stack. */
static __attribute__((noinline)) enum status eval_call(struct template_run *run,
                                                       struct template_scope *scope,
                                                       const struct template_node *node,
                                                       struct template_value *out)
{
    struct template_arguments arguments;
    struct template_value self;
    enum status st = template_eval(run, scope, node->a, &self);
    if (!st)
        st = eval_arguments(run, scope, node->list, &arguments);
    run->line = node->line;
    if (st)
        return st;
    if (node->kind == TEMPLATE_CALL)
        return template_call(run, &self, &arguments, out);
    if (node->kind == TEMPLATE_FILTER)
        return template_call_builtin(
            run, &(struct template_callee){&template_filters, node->text, &self}, &arguments, out);
    st = template_call_builtin(run, &(struct template_callee){&template_tests, node->text, &self},
                               &arguments, out);
    if (!st && node->number)
        *out = template_value_bool(!template_value_is_true(out));
    return st;
}

static enum status eval_sum(struct template_run *run, const struct template_value *a,
                            const struct template_value *b, struct template_value *out)
{
    if (a->type == TEMPLATE_IS_TEXT && b->type == TEMPLATE_IS_TEXT) {
        const size_t size = a->text.size + b->text.size;
        char *text = template_value_memory(run, size + 1);
        if (!text)
            return template_value_no_memory(run);
        memcpy(text, a->text.data, a->text.size);
        memcpy(text + a->text.size, b->text.data, b->text.size);
        *out = (struct template_value){.type = TEMPLATE_IS_TEXT, .text = {text, size}};
        return template_value_step(run, size / 64);
    }
    if (a->type == b->type && (a->type == TEMPLATE_IS_LIST || a->type == TEMPLATE_IS_TUPLE)) {
        struct template_value sum;
        enum status st = template_value_list(run, a->type, a->list->count + b->list->count, &sum);
        for (size_t i = 0; !st && i < sum.list->count; i++)
            sum.list->item[i] =
                i < a->list->count ? a->list->item[i] : b->list->item[i - a->list->count];
        if (!st)
            st = template_value_step(run, sum.list->count);
        *out = sum;
        return st;
    }
    return template_value_fail(run, "found %s + %s, expected two texts, numbers or lists",
                               template_value_type(a), template_value_type(b));
}

static bool is_number(const struct template_value *value)
{
    return value->type == TEMPLATE_IS_INT || value->type == TEMPLATE_IS_BOOL;
}

/* Integers as in Python, quotients rounded down. */
static enum status eval_numbers(struct template_run *run, char op, int64_t a, int64_t b,
                                struct template_value *out)
{
    int64_t result = 0;
    bool fits = true;
    if ((op == '/' || op == '%') && b == 0)
        return template_value_fail(run, "found a division by zero");
    if (op == '+') {
        fits = !__builtin_add_overflow(a, b, &result);
    } else if (op == '-') {
        fits = !__builtin_sub_overflow(a, b, &result);
    } else if (op == '*') {
        fits = !__builtin_mul_overflow(a, b, &result);
    } else if (b == -1) {
        fits = op == '%' || !__builtin_sub_overflow(0, a, &result);
    } else {
        const int64_t remainder = a % b;
        const bool down = remainder != 0 && (remainder < 0) != (b < 0);
        result = op == '%' ? remainder + (down ? b : 0) : a / b - down;
    }
    *out = template_value_int(result);
    return fits ? STATUS_OK : template_value_fail(run, "found a number beyond 64 bits");
}

/* text * n */
static enum status eval_repeat(struct template_run *run, const struct template_value *text,
                               int64_t n, struct template_value *out)
{
    const size_t times = n > 0 ? (size_t)n : 0;
    const struct template_text from = text->text;
    size_t size;
    if (__builtin_mul_overflow(from.size, times, &size) || size >= TEMPLATE_MAX_BYTES)
        return template_value_no_memory(run);
    char *copy = template_value_memory(run, size + 1);
    if (!copy)
        return template_value_no_memory(run);
    for (size_t i = 0; i < size; i++)
        copy[i] = from.data[i % from.size];
    *out = (struct template_value){.type = TEMPLATE_IS_TEXT, .text = {copy, size}};
    return template_value_step(run, size / 16);
}

static enum status eval_binary(struct template_run *run, struct template_scope *scope,
                               const struct template_node *node, struct template_value *out)
{
    struct template_value a, b;
    enum status st = template_eval(run, scope, node->a, &a);
    if (!st)
        st = template_eval(run, scope, node->b, &b);
    run->line = node->line;
    if (st)
        return st;
    const char op = node->text.data[0];
    if (is_number(&a) && is_number(&b))
        return eval_numbers(run, op, a.number, b.number, out);
    if (op == '+')
        return eval_sum(run, &a, &b, out);
    if (op == '*' && a.type == TEMPLATE_IS_TEXT && is_number(&b))
        return eval_repeat(run, &a, b.number, out);
    if (op == '*' && b.type == TEMPLATE_IS_TEXT && is_number(&a))
        return eval_repeat(run, &b, a.number, out);
    return template_value_fail(run, "found %s %.*s %s, which is not run here",
                               template_value_type(&a), (int)node->text.size, node->text.data,
                               template_value_type(&b));
}

static enum status eval_sign(struct template_run *run, struct template_scope *scope,
                             const struct template_node *node, struct template_value *out)
{
    enum status st = template_eval(run, scope, node->a, out);
    if (st)
        return st;
    if (!is_number(out))
        return template_value_fail(run, "found a sign before %s", template_value_type(out));
    return eval_numbers(run, node->text.data[0], 0, out->number, out);
}

static enum status compare_once(struct template_run *run, struct template_text op,
                                const struct template_value *a, const struct template_value *b,
                                bool *out)
{
    int order = 0;
    if (op.data[0] == 'i' || op.data[0] == 'n') {
        enum status st = template_value_in(run, a, b, out);
        *out = *out != (op.data[0] == 'n');
        return st;
    }
    if (template_text_is(op, "==") || template_text_is(op, "!=")) {
        enum status st = template_value_equal(run, a, b, out);
        *out = *out == (op.data[0] == '=');
        return st;
    }
    enum status st = template_value_order(run, a, b, &order);
    *out = (order == 0 && op.size == 2) || (op.data[0] == '<' ? order < 0 : order > 0);
    return st;
}

static enum status eval_compare(struct template_run *run, struct template_scope *scope,
                                const struct template_node *node, struct template_value *out)
{
    struct template_value left, right;
    bool holds = true;
    enum status st = template_eval(run, scope, node->a, &left);
    for (const struct template_node *n = node->list; !st && holds && n; n = n->next) {
        st = template_eval(run, scope, n->a, &right);
        run->line = node->line;
        if (!st)
            st = compare_once(run, n->text, &left, &right, &holds);
        left = right;
    }
    *out = template_value_bool(holds);
    return st;
}

static enum status eval_concat(struct template_run *run, struct template_scope *scope,
                               const struct template_node *node, struct template_value *out)
{
    struct text text = {0};
    enum status st = STATUS_OK;
    for (const struct template_node *n = node->list; !st && n; n = n->next) {
        struct template_value value;
        st = template_eval(run, scope, n->a, &value);
        if (!st)
            st = template_print(run, &text, &value);
    }
    if (!st)
        st = template_value_text(run, text.data, text.size, out);
    text_finish(&text);
    return st;
}

/* One bound of a slice; `absent` if it is not given. */
static enum status eval_bound(struct template_run *run, struct template_scope *scope,
                              const struct template_node *node, int64_t absent, int64_t *out)
{
    struct template_value value;
    *out = absent;
    if (!node)
        return STATUS_OK;
    enum status st = template_eval(run, scope, node, &value);
    if (!st && value.type == TEMPLATE_IS_NONE)
        return STATUS_OK;
    if (!st && !is_number(&value))
        return template_value_fail(run, "found %s in a slice, expected a number",
                                   template_value_type(&value));
    if (!st)
        *out = value.number;
    return st;
}

static int64_t clamp(int64_t index, int64_t count, int64_t low, int64_t high)
{
    if (index < 0)
        index += count;
    return index < low ? low : index > high ? high : index;
}

/* The elements that a slice takes: `n` of them, by `step` from `start` on. */
struct slice {
    int64_t start, step;
    size_t n;
};

static enum status eval_bounds(struct template_run *run, struct template_scope *scope,
                               const struct template_node *node, int64_t count, struct slice *out)
{
    const bool down = out->step < 0;
    const int64_t low = down ? -1 : 0, high = down ? count - 1 : count;
    int64_t start, stop;
    enum status st = eval_bound(run, scope, node->b, INT64_MIN, &start);
    if (!st)
        st = eval_bound(run, scope, node->c, INT64_MIN, &stop);
    if (st)
        return st;
    start = start == INT64_MIN ? (down ? high : low) : clamp(start, count, low, high);
    stop = stop == INT64_MIN ? (down ? low : high) : clamp(stop, count, low, high);
    const int64_t span = down ? start - stop : stop - start, size = down ? -out->step : out->step;
    out->start = start;
    out->n = span > 0 ? (size_t)((span + size - 1) / size) : 0;
    return STATUS_OK;
}

static enum status eval_slice(struct template_run *run, struct template_scope *scope,
                              const struct template_node *node, struct template_value *out)
{
    struct template_value self;
    struct template_list all;
    struct slice slice;
    enum status st = template_eval(run, scope, node->a, &self);
    if (!st)
        st = eval_bound(run, scope, node->d, 1, &slice.step);
    if (st)
        return st;
    if (slice.step == 0 || slice.step > INT32_MAX || slice.step < INT32_MIN)
        return template_value_fail(run, "found a slice of step %lld", (long long)slice.step);
    if (self.type != TEMPLATE_IS_TEXT && self.type != TEMPLATE_IS_LIST &&
        self.type != TEMPLATE_IS_TUPLE)
        return template_value_fail(run, "found a slice of %s", template_value_type(&self));
    st = template_value_elements(run, &self, &all);
    if (!st)
        st = eval_bounds(run, scope, node, (int64_t)all.count, &slice);
    if (st)
        return st;
    struct text text = {0};
    st = template_value_list(run, self.type == TEMPLATE_IS_TEXT ? TEMPLATE_IS_LIST : self.type,
                             slice.n, out);
    for (size_t i = 0; !st && i < slice.n; i++) {
        out->list->item[i] = all.item[slice.start + (int64_t)i * slice.step];
        if (self.type == TEMPLATE_IS_TEXT)
            st = template_print(run, &text, &out->list->item[i]);
    }
    if (!st && self.type == TEMPLATE_IS_TEXT)
        st = template_value_text(run, text.data, text.size, out);
    text_finish(&text);
    return st;
}

static enum status eval_item(struct template_run *run, struct template_scope *scope,
                             const struct template_node *node, struct template_value *out)
{
    struct template_value self, key;
    enum status st = template_eval(run, scope, node->a, &self);
    if (!st && node->kind == TEMPLATE_ITEM)
        st = template_eval(run, scope, node->b, &key);
    run->line = node->line;
    if (st)
        return st;
    return node->kind == TEMPLATE_ATTR ? template_item_attribute(run, &self, node->text, out)
                                       : template_item_get(run, &self, &key, out);
}

static enum status eval_choice(struct template_run *run, struct template_scope *scope,
                               const struct template_node *node, struct template_value *out)
{
    enum status st = template_eval(run, scope, node->a, out);
    if (st)
        return st;
    const bool is = template_value_is_true(out);
    if (node->kind == TEMPLATE_NOT)
        *out = template_value_bool(!is);
    else if (node->kind == TEMPLATE_IF_ELSE && !is && !node->c)
        *out = template_value_undefined((struct template_text){"an if without else", 18});
    else if (node->kind == TEMPLATE_IF_ELSE)
        st = template_eval(run, scope, is ? node->b : node->c, out);
    else if (is == (node->kind == TEMPLATE_AND))
        st = template_eval(run, scope, node->b, out);
    return st;
}

static enum status eval_kind(struct template_run *run, struct template_scope *scope,
                             const struct template_node *node, struct template_value *out)
{
    switch (node->kind) {
    case TEMPLATE_NAME:
        return eval_name(run, scope, node->text, out);
    case TEMPLATE_STRING:
        *out = (struct template_value){.type = TEMPLATE_IS_TEXT, .text = node->text};
        return STATUS_OK;
    case TEMPLATE_INT:
        *out = template_value_int(node->number);
        return STATUS_OK;
    case TEMPLATE_BOOL:
        *out = template_value_bool(node->number != 0);
        return STATUS_OK;
    case TEMPLATE_NONE:
        *out = (struct template_value){.type = TEMPLATE_IS_NONE};
        return STATUS_OK;
    case TEMPLATE_LIST:
    case TEMPLATE_TUPLE:
        return eval_list(run, scope, node, out);
    case TEMPLATE_DICT:
        return eval_dict(run, scope, node, out);
    case TEMPLATE_ATTR:
    case TEMPLATE_ITEM:
        return eval_item(run, scope, node, out);
    case TEMPLATE_SLICE:
        return eval_slice(run, scope, node, out);
    case TEMPLATE_SIGN:
        return eval_sign(run, scope, node, out);
    case TEMPLATE_BINARY:
        return eval_binary(run, scope, node, out);
    case TEMPLATE_COMPARE:
        return eval_compare(run, scope, node, out);
    case TEMPLATE_CONCAT:
        return eval_concat(run, scope, node, out);
    case TEMPLATE_CALL:
    case TEMPLATE_FILTER:
    case TEMPLATE_TEST:
        return eval_call(run, scope, node, out);
    default:
        return eval_choice(run, scope, node, out);
    }
}

enum status template_eval(struct template_run *run, struct template_scope *scope,
                          const struct template_node *node, struct template_value *out)
{
    run->line = node->line;
    if (run->depth >= TEMPLATE_MAX_NESTING)
        return template_value_fail(run, "found an expression or macros deeper than %d",
                                   TEMPLATE_MAX_NESTING);
    run->depth++;
    enum status st = template_value_step(run, 1);
    if (!st)
        st = eval_kind(run, scope, node, out);
    run->depth--;
    return st;
}
