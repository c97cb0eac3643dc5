/* SPDX-License-Identifier: MIT */
/* What may follow "is". */
#include "model/template_impl.h"
#include "model/template_text.h"

/* A test that looks at the value alone. */
#define TYPE_TEST(name, condition)                                                                 \
    static enum status name(TEMPLATE_BUILTIN)                                                      \
    {                                                                                              \
        (void)run;                                                                                 \
        (void)arg;                                                                                 \
        *out = template_value_bool(condition);                                                     \
        return STATUS_OK;                                                                          \
    }

static bool is_collection(enum template_type type)
{
    return type == TEMPLATE_IS_TEXT || type == TEMPLATE_IS_LIST || type == TEMPLATE_IS_TUPLE ||
           type == TEMPLATE_IS_RANGE || type == TEMPLATE_IS_DICT || type == TEMPLATE_IS_UNDEFINED;
}

TYPE_TEST(is_defined, self->type != TEMPLATE_IS_UNDEFINED)
TYPE_TEST(is_undefined, self->type == TEMPLATE_IS_UNDEFINED)
TYPE_TEST(is_none, self->type == TEMPLATE_IS_NONE)
TYPE_TEST(is_text, self->type == TEMPLATE_IS_TEXT)
TYPE_TEST(is_mapping, self->type == TEMPLATE_IS_DICT)
TYPE_TEST(is_sequence, is_collection(self->type))
TYPE_TEST(is_iterable, is_collection(self->type) || self->type == TEMPLATE_IS_GENERATOR ||
                           self->type == TEMPLATE_IS_LOOP)
TYPE_TEST(is_boolean, self->type == TEMPLATE_IS_BOOL)
TYPE_TEST(is_integer, self->type == TEMPLATE_IS_INT)
TYPE_TEST(is_float, self->type == TEMPLATE_IS_COUNT)
TYPE_TEST(is_number, self->type == TEMPLATE_IS_INT || self->type == TEMPLATE_IS_BOOL)
TYPE_TEST(is_true, self->type == TEMPLATE_IS_BOOL && self->number != 0)
TYPE_TEST(is_false, self->type == TEMPLATE_IS_BOOL && self->number == 0)
TYPE_TEST(is_callable, self->type == TEMPLATE_IS_MACRO || self->type == TEMPLATE_IS_METHOD ||
                           self->type == TEMPLATE_IS_FUNCTION ||
                           self->type == TEMPLATE_IS_UNDEFINED)

static enum status need(struct template_run *run, const struct template_value *argument)
{
    return argument ? STATUS_OK : template_value_fail(run, "found a test without its argument");
}

static enum status is_equal(TEMPLATE_BUILTIN)
{
    bool equal = false;
    enum status st = need(run, arg[0]);
    if (!st)
        st = template_value_equal(run, self, arg[0], &equal);
    *out = template_value_bool(equal);
    return st;
}

static enum status is_not_equal(TEMPLATE_BUILTIN)
{
    enum status st = is_equal(run, self, arg, out);
    *out = template_value_bool(out->number == 0);
    return st;
}

static enum status is_in(TEMPLATE_BUILTIN)
{
    bool inside = false;
    enum status st = need(run, arg[0]);
    if (!st)
        st = template_value_in(run, self, arg[0], &inside);
    *out = template_value_bool(inside);
    return st;
}

static enum status order_of(struct template_run *run, const struct template_value *self,
                            const struct template_value *const *arg, int *out)
{
    enum status st = need(run, arg[0]);
    *out = 0;
    return st ? st : template_value_order(run, self, arg[0], out);
}

#define ORDER_TEST(name, condition)                                                                \
    static enum status name(TEMPLATE_BUILTIN)                                                      \
    {                                                                                              \
        int order;                                                                                 \
        enum status st = order_of(run, self, arg, &order);                                         \
        *out = template_value_bool(condition);                                                     \
        return st;                                                                                 \
    }
ORDER_TEST(is_less, order < 0)
ORDER_TEST(is_at_most, order <= 0)
ORDER_TEST(is_greater, order > 0)
ORDER_TEST(is_at_least, order >= 0)

/* self modulo a number, as in Python. */
static enum status remainder_of(struct template_run *run, const struct template_value *self,
                                const struct template_value *by, int64_t *out)
{
    const bool whole = self->type == TEMPLATE_IS_INT || self->type == TEMPLATE_IS_BOOL;
    *out = 0;
    if (!whole || !by || by->type != TEMPLATE_IS_INT || by->number == 0)
        return template_value_fail(run, "found %s to be divided, expected a number by a number",
                                   template_value_type(self));
    *out = by->number == -1 ? 0 : self->number % by->number;
    return STATUS_OK;
}

static const struct template_value TWO = {.type = TEMPLATE_IS_INT, {.number = 2}};

static enum status is_odd(TEMPLATE_BUILTIN)
{
    int64_t rest;
    enum status st = remainder_of(run, self, &TWO, &rest);
    (void)arg;
    *out = template_value_bool(rest != 0);
    return st;
}

static enum status is_even(TEMPLATE_BUILTIN)
{
    int64_t rest;
    enum status st = remainder_of(run, self, &TWO, &rest);
    (void)arg;
    *out = template_value_bool(rest == 0);
    return st;
}

static enum status is_divisible(TEMPLATE_BUILTIN)
{
    int64_t rest;
    enum status st = remainder_of(run, self, arg[0], &rest);
    *out = template_value_bool(rest == 0);
    return st;
}

static const struct template_builtin TESTS[] = {
    {"defined", {0}, is_defined},
    {"undefined", {0}, is_undefined},
    {"none", {0}, is_none},
    {"string", {0}, is_text},
    {"mapping", {0}, is_mapping},
    {"sequence", {0}, is_sequence},
    {"iterable", {0}, is_iterable},
    {"boolean", {0}, is_boolean},
    {"integer", {0}, is_integer},
    {"float", {0}, is_float},
    {"number", {0}, is_number},
    {"true", {0}, is_true},
    {"false", {0}, is_false},
    {"callable", {0}, is_callable},
    {"odd", {0}, is_odd},
    {"even", {0}, is_even},
    {"divisibleby", {"num"}, is_divisible},
    {"in", {"seq"}, is_in},
    {"eq", {"other"}, is_equal},
    {"==", {"other"}, is_equal},
    {"equalto", {"other"}, is_equal},
    {"ne", {"other"}, is_not_equal},
    {"!=", {"other"}, is_not_equal},
    {"lt", {"other"}, is_less},
    {"<", {"other"}, is_less},
    {"lessthan", {"other"}, is_less},
    {"le", {"other"}, is_at_most},
    {"<=", {"other"}, is_at_most},
    {"gt", {"other"}, is_greater},
    {">", {"other"}, is_greater},
    {"greaterthan", {"other"}, is_greater},
    {"ge", {"other"}, is_at_least},
    {">=", {"other"}, is_at_least},
};
const struct template_builtins template_tests = {"test", TESTS, sizeof(TESTS) / sizeof(*TESTS)};
