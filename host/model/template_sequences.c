/* SPDX-License-Identifier: MIT */
/* Filters of lists and dicts. */
#include "model/template_impl.h"

#include <string.h>

#include "model/template_text.h"

/* A new list with the same elements. */
static enum status copy(struct template_run *run, enum template_type type,
                        const struct template_list *from, struct template_value *out)
{
    enum status st = template_value_list(run, type, from->count, out);
    if (!st && from->count > 0)
        memcpy(out->list->item, from->item, from->count * sizeof(*from->item));
    return st;
}

enum status template_sequences_join(TEMPLATE_BUILTIN)
{
    struct template_list all;
    struct template_value between = template_value_word(""), item;
    struct text text = {0};
    enum status st = template_value_elements(run, self, &all);
    if (!st && arg[0])
        st = template_print_text(run, arg[0], &between);
    if (!st && arg[1] && arg[1]->type != TEMPLATE_IS_TEXT)
        return template_value_fail(run, "found an attribute of join that is no text");
    for (size_t i = 0; !st && i < all.count; i++) {
        item = all.item[i];
        if (arg[1])
            st = template_item_attribute(run, &all.item[i], arg[1]->text, &item);
        if (!st && i > 0)
            st = template_print(run, &text, &between);
        if (!st)
            st = template_print(run, &text, &item);
    }
    if (!st)
        st = template_value_text(run, text.data, text.size, out);
    text_finish(&text);
    return st;
}

enum status template_sequences_first(TEMPLATE_BUILTIN)
{
    struct template_list all;
    (void)arg;
    if (self->type == TEMPLATE_IS_GENERATOR && self->list->at < self->list->count) {
        *out = self->list->item[self->list->at++];
        return STATUS_OK;
    }
    enum status st = template_value_elements(run, self, &all);
    *out = template_value_undefined((struct template_text){"first of nothing", 16});
    if (!st && all.count > 0)
        *out = all.item[0];
    return st;
}

enum status template_sequences_last(TEMPLATE_BUILTIN)
{
    struct template_list all;
    (void)arg;
    if (self->type == TEMPLATE_IS_GENERATOR)
        return template_value_fail(run, "found the last of a generator");
    enum status st = template_value_elements(run, self, &all);
    *out = template_value_undefined((struct template_text){"last of nothing", 15});
    if (!st && all.count > 0)
        *out = all.item[all.count - 1];
    return st;
}

enum status template_sequences_list(TEMPLATE_BUILTIN)
{
    struct template_list all;
    enum status st = template_value_elements(run, self, &all);
    (void)arg;
    return st ? st : copy(run, TEMPLATE_IS_LIST, &all, out);
}

enum status template_sequences_reverse(TEMPLATE_BUILTIN)
{
    struct template_list all;
    struct text text = {0};
    (void)arg;
    if (self->type == TEMPLATE_IS_UNDEFINED)
        return template_value_fail(run, "found reverse of an undefined value");
    enum status st = template_value_elements(run, self, &all);
    if (!st)
        st = template_value_list(run, TEMPLATE_IS_GENERATOR, all.count, out);
    for (size_t i = 0; !st && i < all.count; i++) {
        out->list->item[i] = all.item[all.count - 1 - i];
        if (self->type == TEMPLATE_IS_TEXT)
            st = template_print(run, &text, &out->list->item[i]);
    }
    if (!st && self->type == TEMPLATE_IS_TEXT)
        st = template_value_text(run, text.data, text.size, out);
    text_finish(&text);
    return st;
}

/* Pairs of a dict; an undefined value has none. */
enum status template_sequences_items(TEMPLATE_BUILTIN)
{
    static const struct template_text name = {"items", 5};
    struct template_arguments none = {.count = 0};
    (void)arg;
    if (self->type == TEMPLATE_IS_UNDEFINED)
        return template_value_list(run, TEMPLATE_IS_GENERATOR, 0, out);
    if (self->type != TEMPLATE_IS_DICT)
        return template_value_fail(run, "found items of %s, expected a dict",
                                   template_value_type(self));
    enum status st = template_call_builtin(
        run, &(struct template_callee){&template_dict_methods, name, self}, &none, out);
    if (!st)
        out->type = TEMPLATE_IS_GENERATOR;
    return st;
}

/* Keys compared as jinja2 does: without regard to case. */
static enum status key_order(struct template_run *run, const struct template_value *a,
                             const struct template_value *b, int *out)
{
    static const struct template_text name = {"lower", 5};
    const struct template_arguments none = {.count = 0};
    struct template_value x = a->list->item[0], y = b->list->item[0];
    enum status st = STATUS_OK;
    if (x.type == TEMPLATE_IS_TEXT && y.type == TEMPLATE_IS_TEXT) {
        st = template_call_builtin(run, &(struct template_callee){&template_text_methods, name, &x},
                                   &none, &x);
        if (!st)
            st = template_call_builtin(
                run, &(struct template_callee){&template_text_methods, name, &y}, &none, &y);
    }
    return st ? st : template_value_order(run, &x, &y, out);
}

enum status template_sequences_dictsort(TEMPLATE_BUILTIN)
{
    if (self->type == TEMPLATE_IS_UNDEFINED)
        return template_value_fail(run, "found dictsort of an undefined value");
    enum status st = template_sequences_items(run, self, arg, out);
    if (!st)
        out->type = TEMPLATE_IS_LIST;
    for (size_t i = 1; !st && i < out->list->count; i++) {
        const struct template_value moved = out->list->item[i];
        size_t at = i;
        for (int order = 1; !st && at > 0; at--) {
            st = key_order(run, &out->list->item[at - 1], &moved, &order);
            if (order <= 0)
                break;
            out->list->item[at] = out->list->item[at - 1];
        }
        out->list->item[at] = moved;
    }
    return st;
}

static enum status map_one(struct template_run *run, const struct template_value *item,
                           const struct template_value *const *arg, struct template_value *out)
{
    const struct template_arguments none = {.count = 0};
    if (arg[1]) {
        enum status st = template_item_get(run, item, arg[1], out);
        if (!st && arg[2] && out->type == TEMPLATE_IS_UNDEFINED)
            *out = *arg[2];
        return st;
    }
    return template_call_builtin(
        run, &(struct template_callee){&template_filters, arg[0]->text, item}, &none, out);
}

enum status template_sequences_map(TEMPLATE_BUILTIN)
{
    struct template_list all;
    if (arg[1] ? arg[1]->type != TEMPLATE_IS_TEXT : !arg[0] || arg[0]->type != TEMPLATE_IS_TEXT)
        return template_value_fail(run, "found map without the name of a filter or attribute");
    if (arg[1] && memchr(arg[1]->text.data, '.', arg[1]->text.size))
        return template_value_fail(run, "found map with an attribute of an attribute, which is not "
                                        "run here");
    if (++run->depth > TEMPLATE_MAX_NESTING)
        return template_value_fail(run, "found map nested deeper than %d", TEMPLATE_MAX_NESTING);
    enum status st = template_value_elements(run, self, &all);
    if (!st)
        st = template_value_list(run, TEMPLATE_IS_GENERATOR, all.count, out);
    for (size_t i = 0; !st && i < all.count; i++)
        st = map_one(run, &all.item[i], arg, &out->list->item[i]);
    run->depth--;
    return st;
}

/* Elements whose test has the wanted answer; `arg`: test, argument. Without a test: true or not. */
static enum status choose(struct template_run *run, const struct template_list *all,
                          const struct template_value *attribute,
                          const struct template_value *const *arg, struct template_value *out)
{
    const bool wanted = out->number != 0;
    size_t n = 0;
    enum status st = template_value_list(run, TEMPLATE_IS_GENERATOR, all->count, out);
    if (!st && arg[0] && arg[0]->type != TEMPLATE_IS_TEXT)
        return template_value_fail(run, "found a selection whose test is no text");
    for (size_t i = 0; !st && i < all->count; i++) {
        struct template_value item = all->item[i];
        bool holds;
        if (attribute)
            st = template_item_get(run, &all->item[i], attribute, &item);
        holds = !st && template_value_is_true(&item);
        if (!st && arg[0])
            st = template_call_test(run, arg[0]->text, &item, arg[1], &holds);
        if (!st && holds == wanted)
            out->list->item[n++] = all->item[i];
    }
    if (!st)
        out->list->count = n;
    return st;
}

static enum status choose_elements(struct template_run *run, const struct template_value *self,
                                   const struct template_value *const *arg, bool wanted,
                                   struct template_value *out)
{
    struct template_list all;
    *out = template_value_bool(wanted);
    enum status st = template_value_elements(run, self, &all);
    return st ? st : choose(run, &all, NULL, arg, out);
}

static enum status choose_by_attribute(struct template_run *run, const struct template_value *self,
                                       const struct template_value *const *arg, bool wanted,
                                       struct template_value *out)
{
    struct template_list all;
    if (!arg[0] || arg[0]->type != TEMPLATE_IS_TEXT ||
        memchr(arg[0]->text.data, '.', arg[0]->text.size))
        return template_value_fail(run, "found a selection without the plain name of an attribute");
    *out = template_value_bool(wanted);
    enum status st = template_value_elements(run, self, &all);
    return st ? st : choose(run, &all, arg[0], arg + 1, out);
}

enum status template_sequences_select(TEMPLATE_BUILTIN)
{
    return choose_elements(run, self, arg, true, out);
}

enum status template_sequences_reject(TEMPLATE_BUILTIN)
{
    return choose_elements(run, self, arg, false, out);
}

enum status template_sequences_selectattr(TEMPLATE_BUILTIN)
{
    return choose_by_attribute(run, self, arg, true, out);
}

enum status template_sequences_rejectattr(TEMPLATE_BUILTIN)
{
    return choose_by_attribute(run, self, arg, false, out);
}
