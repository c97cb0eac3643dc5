/* SPDX-License-Identifier: MIT */
/* Methods of dicts, lists and loops. */
#include "model/template_impl.h"

static enum status dict_items(TEMPLATE_BUILTIN)
{
    const struct template_dict *dict = self->dict;
    enum status st = template_value_list(run, TEMPLATE_IS_LIST, dict->count, out);
    (void)arg;
    for (size_t i = 0; !st && i < dict->count; i++) {
        struct template_value *pair = &out->list->item[i];
        st = template_value_list(run, TEMPLATE_IS_TUPLE, 2, pair);
        if (!st) {
            pair->list->item[0] = dict->pair[i].key;
            pair->list->item[1] = dict->pair[i].value;
        }
    }
    return st;
}

static enum status dict_keys(TEMPLATE_BUILTIN)
{
    struct template_list keys;
    enum status st = template_value_elements(run, self, &keys);
    (void)arg;
    if (!st)
        st = template_value_list(run, TEMPLATE_IS_LIST, 0, out);
    if (!st)
        *out->list = keys;
    return st;
}

static enum status dict_values(TEMPLATE_BUILTIN)
{
    enum status st = template_value_list(run, TEMPLATE_IS_LIST, self->dict->count, out);
    (void)arg;
    for (size_t i = 0; !st && i < self->dict->count; i++)
        out->list->item[i] = self->dict->pair[i].value;
    return st;
}

static enum status dict_get(TEMPLATE_BUILTIN)
{
    const struct template_value *found;
    if (!arg[0])
        return template_value_fail(run, "found get() without a key");
    enum status st = template_value_get(run, self->dict, arg[0], &found);
    *out = !st && found ? *found
           : arg[1]     ? *arg[1]
                        : (struct template_value){.type = TEMPLATE_IS_NONE};
    return st;
}

static enum status list_index(TEMPLATE_BUILTIN)
{
    bool equal = false;
    size_t i = 0;
    enum status st = STATUS_OK;
    for (; arg[0] && !st && !equal && i < self->list->count; i++)
        st = template_value_equal(run, &self->list->item[i], arg[0], &equal);
    if (!st && !equal)
        return template_value_fail(run, "found index() of what the list does not hold");
    *out = template_value_int((int64_t)i - 1);
    return st;
}

static enum status list_count(TEMPLATE_BUILTIN)
{
    int64_t n = 0;
    enum status st = STATUS_OK;
    for (size_t i = 0; arg[0] && !st && i < self->list->count; i++) {
        bool equal;
        st = template_value_equal(run, &self->list->item[i], arg[0], &equal);
        n += equal;
    }
    *out = template_value_int(n);
    return st;
}

static enum status loop_cycle(TEMPLATE_BUILTIN)
{
    size_t count = 0;
    while (count < 4 && arg[count])
        count++;
    if (count == 0)
        return template_value_fail(run, "found loop.cycle() without values");
    *out = *arg[self->loop->index % count];
    return STATUS_OK;
}

/* Methods that change their object; jinja2's sandbox refuses them too. */
static enum status changes(TEMPLATE_BUILTIN)
{
    (void)arg;
    (void)out;
    return template_value_fail(run, "found a method that changes %s, which is not run here",
                               template_value_type(self));
}

static const struct template_builtin DICT_METHODS[] = {
    {"items", {0}, dict_items},     {"keys", {0}, dict_keys},
    {"values", {0}, dict_values},   {"get", {"key", "default"}, dict_get},
    {"copy", {0}, changes},         {"pop", {"key", "default"}, changes},
    {"popitem", {0}, changes},      {"clear", {0}, changes},
    {"update", {"other"}, changes}, {"setdefault", {"key", "default"}, changes},
};
const struct template_builtins template_dict_methods = {
    "method of a dict", DICT_METHODS, sizeof(DICT_METHODS) / sizeof(*DICT_METHODS)};

static const struct template_builtin LIST_METHODS[] = {
    {"index", {"value"}, list_index},
    {"count", {"value"}, list_count},
    {"append", {"object"}, changes},
    {"extend", {"iterable"}, changes},
    {"insert", {"index", "object"}, changes},
    {"pop", {"index"}, changes},
    {"remove", {"value"}, changes},
    {"reverse", {0}, changes},
    {"sort", {0}, changes},
    {"clear", {0}, changes},
};
const struct template_builtins template_list_methods = {
    "method of a list", LIST_METHODS, sizeof(LIST_METHODS) / sizeof(*LIST_METHODS)};

static const struct template_builtin LOOP_METHODS[] = {
    {"cycle", {"1", "2", "3", "4"}, loop_cycle},
};
const struct template_builtins template_loop_methods = {
    "method of loop", LOOP_METHODS, sizeof(LOOP_METHODS) / sizeof(*LOOP_METHODS)};
