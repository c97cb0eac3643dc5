/* SPDX-License-Identifier: MIT */
/* Methods of texts as in Python (only letters of ASCII change their case). */
#include <string.h>

#include "model/template_case.h"
#include "model/template_impl.h"
#include "model/template_text.h"

static void set_text(struct template_value *out, const char *data, size_t size)
{
    *out = (struct template_value){.type = TEMPLATE_IS_TEXT, .text = {data, size}};
}

/* A text argument; null: not given (or none). */
static enum status text_argument(struct template_run *run, const struct template_value *value,
                                 const struct template_text **out)
{
    *out = NULL;
    if (!value || value->type == TEMPLATE_IS_NONE)
        return STATUS_OK;
    if (value->type != TEMPLATE_IS_TEXT)
        return template_value_fail(run, "found %s as an argument, expected a text",
                                   template_value_type(value));
    *out = &value->text;
    return STATUS_OK;
}

static enum status need_text(struct template_run *run, const struct template_value *value,
                             const struct template_text **out)
{
    enum status st = text_argument(run, value, out);
    return st || *out ? st : template_value_fail(run, "found a call without its argument");
}

static enum status strip_sides(struct template_run *run, const struct template_value *self,
                               const struct template_value *chars, int sides,
                               struct template_value *out)
{
    const struct template_text *set;
    struct template_text text = self->text;
    enum status st = text_argument(run, chars, &set);
    if (!st)
        st = template_value_step(run, (text.size / 16) * (set ? 1 + set->size : 1));
    if (st)
        return st;
    if (sides & 1)
        text = template_text_trim_start(text, set);
    if (sides & 2)
        text = template_text_trim_end(text, set);
    set_text(out, text.data, text.size);
    return STATUS_OK;
}

static enum status text_strip(TEMPLATE_BUILTIN)
{
    return strip_sides(run, self, arg[0], 3, out);
}

static enum status text_lstrip(TEMPLATE_BUILTIN)
{
    return strip_sides(run, self, arg[0], 1, out);
}

static enum status text_rstrip(TEMPLATE_BUILTIN)
{
    return strip_sides(run, self, arg[0], 2, out);
}

static bool fits_at(struct template_text text, struct template_text part, bool at_end)
{
    return part.size <= text.size &&
           memcmp(text.data + (at_end ? text.size - part.size : 0), part.data, part.size) == 0;
}

/* startswith and endswith: with a text, or any of a tuple. */
static enum status fits(struct template_run *run, const struct template_value *self,
                        const struct template_value *part, bool at_end, struct template_value *out)
{
    const struct template_text *text;
    bool is = false;
    enum status st = STATUS_OK;
    if (part && part->type == TEMPLATE_IS_TUPLE) {
        for (size_t i = 0; !st && i < part->list->count; i++) {
            st = need_text(run, &part->list->item[i], &text);
            is = is || (!st && fits_at(self->text, *text, at_end));
        }
    } else {
        st = need_text(run, part, &text);
        is = !st && fits_at(self->text, *text, at_end);
    }
    *out = template_value_bool(is);
    return st;
}

static enum status text_startswith(TEMPLATE_BUILTIN)
{
    return fits(run, self, arg[0], false, out);
}

static enum status text_endswith(TEMPLATE_BUILTIN)
{
    return fits(run, self, arg[0], true, out);
}

static enum status without_part(struct template_run *run, const struct template_value *self,
                                const struct template_value *part, bool at_end,
                                struct template_value *out)
{
    const struct template_text *text;
    enum status st = need_text(run, part, &text);
    if (st)
        return st;
    const size_t cut = fits_at(self->text, *text, at_end) ? text->size : 0;
    set_text(out, self->text.data + (at_end ? 0 : cut), self->text.size - cut);
    return STATUS_OK;
}

static enum status text_removeprefix(TEMPLATE_BUILTIN)
{
    return without_part(run, self, arg[0], false, out);
}

static enum status text_removesuffix(TEMPLATE_BUILTIN)
{
    return without_part(run, self, arg[0], true, out);
}

/* A list that grows while a text is cut. */
struct pieces {
    struct template_run *run;
    struct template_value *item;
    size_t count, room;
};

static enum status add_piece(struct pieces *p, const char *data, size_t size)
{
    enum status st = template_value_step(p->run, 1);
    if (st)
        return st;
    if (p->count == p->room) {
        const size_t room = p->room ? 2 * p->room : 8;
        struct template_value *item = template_value_memory(p->run, room * sizeof(*item));
        if (!item)
            return template_value_no_memory(p->run);
        if (p->count > 0)
            memcpy(item, p->item, p->count * sizeof(*item));
        p->item = item;
        p->room = room;
    }
    set_text(&p->item[p->count++], data, size);
    return STATUS_OK;
}

static enum status pieces_list(struct pieces *p, struct template_value *out)
{
    enum status st = template_value_list(p->run, TEMPLATE_IS_LIST, p->count, out);
    if (!st && p->count > 0)
        memcpy(out->list->item, p->item, p->count * sizeof(*p->item));
    return st;
}

/* Words between white space. */
static enum status split_space(struct pieces *p, struct template_text text, int64_t most)
{
    enum status st = STATUS_OK;
    for (text = template_text_strip_start(text); !st && text.size > 0;) {
        size_t n = 0;
        while (n < text.size &&
               template_text_space((struct template_text){text.data + n, text.size - n}) == 0)
            n += template_text_next(text, n);
        if (most >= 0 && (int64_t)p->count >= most)
            return add_piece(p, text.data, text.size);
        st = add_piece(p, text.data, n);
        text = template_text_strip_start((struct template_text){text.data + n, text.size - n});
    }
    return st;
}

static enum status split_at(struct pieces *p, struct template_text text,
                            struct template_text separator, int64_t most)
{
    enum status st = STATUS_OK;
    for (size_t at; !st && (most < 0 || (int64_t)p->count < most) &&
                    (at = template_text_find(text, separator, 0)) != SIZE_MAX;) {
        st = add_piece(p, text.data, at);
        text.data += at + separator.size;
        text.size -= at + separator.size;
    }
    return st ? st : add_piece(p, text.data, text.size);
}

static enum status split_count(struct template_run *run, const struct template_value *value,
                               int64_t *out)
{
    *out = -1;
    if (value && value->type != TEMPLATE_IS_INT)
        return template_value_fail(run, "found %s as a number of splits",
                                   template_value_type(value));
    if (value)
        *out = value->number;
    return STATUS_OK;
}

static enum status text_split(TEMPLATE_BUILTIN)
{
    struct pieces p = {.run = run};
    const struct template_text *separator;
    int64_t most;
    enum status st = text_argument(run, arg[0], &separator);
    if (!st)
        st = split_count(run, arg[1], &most);
    if (!st && separator && separator->size == 0)
        return template_value_fail(run, "found an empty separator of split()");
    if (!st)
        st = template_value_step(run, self->text.size / 16);
    if (!st)
        st = separator ? split_at(&p, self->text, *separator, most)
                       : split_space(&p, self->text, most);
    return st ? st : pieces_list(&p, out);
}

/* From the end; without a limit the same as split. */
static enum status text_rsplit(TEMPLATE_BUILTIN)
{
    struct pieces p = {.run = run};
    const struct template_text *separator;
    struct template_text text = self->text;
    int64_t most;
    enum status st = text_argument(run, arg[0], &separator);
    if (!st)
        st = split_count(run, arg[1], &most);
    if (st)
        return st;
    if (most < 0)
        return text_split(run, self, arg, out);
    if (!separator || separator->size == 0)
        return template_value_fail(run, "found rsplit() with a limit and no separator, which is "
                                        "not run here");
    for (size_t end = text.size; !st && (int64_t)p.count < most && end >= separator->size;) {
        size_t at = end - separator->size;
        while (at > 0 && memcmp(text.data + at, separator->data, separator->size) != 0)
            at--;
        if (memcmp(text.data + at, separator->data, separator->size) != 0)
            break;
        st = add_piece(&p, text.data + at + separator->size, text.size - at - separator->size);
        end = text.size = at;
    }
    if (!st)
        st = add_piece(&p, text.data, text.size);
    for (size_t i = 0; !st && i < p.count / 2; i++) {
        const struct template_value swap = p.item[i];
        p.item[i] = p.item[p.count - 1 - i];
        p.item[p.count - 1 - i] = swap;
    }
    return st ? st : pieces_list(&p, out);
}

static enum status text_splitlines(TEMPLATE_BUILTIN)
{
    struct pieces p = {.run = run};
    struct template_text text = self->text;
    enum status st = template_value_step(run, text.size / 16);
    (void)arg;
    while (!st && text.size > 0) {
        size_t n = 0;
        while (n < text.size && text.data[n] != '\n' && text.data[n] != '\r' &&
               text.data[n] != '\v' && text.data[n] != '\f')
            n++;
        if (!template_text_is_ascii((struct template_text){text.data, n}) ||
            memchr(text.data, 28, n) || memchr(text.data, 29, n) || memchr(text.data, 30, n))
            return template_value_fail(run, "found splitlines() of a text that is not plain ASCII, "
                                            "which is not run here");
        st = add_piece(&p, text.data, n);
        n += n < text.size;
        n += n < text.size && text.data[n - 1] == '\r' && text.data[n] == '\n';
        text.data += n;
        text.size -= n;
    }
    return st ? st : pieces_list(&p, out);
}

static enum status text_replace(TEMPLATE_BUILTIN)
{
    const struct template_text *from, *to;
    int64_t most;
    enum status st = need_text(run, arg[0], &from);
    if (!st)
        st = need_text(run, arg[1], &to);
    if (!st)
        st = split_count(run, arg[2], &most);
    return st ? st
              : template_case_replace(run, self->text,
                                      (struct template_case_swap){*from, *to, most}, out);
}

static enum status find_from(struct template_run *run, const struct template_value *self,
                             const struct template_value *part, bool last,
                             struct template_value *out)
{
    const struct template_text *text;
    size_t found = SIZE_MAX;
    enum status st = need_text(run, part, &text);
    if (!st)
        st = template_value_step(run, self->text.size / 8);
    for (size_t at = 0; !st; at = found + 1) {
        const size_t next = template_text_find(self->text, *text, at);
        found = next == SIZE_MAX ? found : next;
        if (next == SIZE_MAX || !last)
            break;
        st = template_value_step(run, 1);
    }
    const struct template_text before = {self->text.data, found == SIZE_MAX ? 0 : found};
    *out = template_value_int(found == SIZE_MAX ? -1 : (int64_t)template_text_chars(before));
    return st;
}

static enum status text_find(TEMPLATE_BUILTIN)
{
    return find_from(run, self, arg[0], false, out);
}

static enum status text_rfind(TEMPLATE_BUILTIN)
{
    return find_from(run, self, arg[0], true, out);
}

static enum status text_count(TEMPLATE_BUILTIN)
{
    const struct template_text *part;
    int64_t n = 0;
    enum status st = need_text(run, arg[0], &part);
    if (!st && part->size == 0)
        return template_value_fail(run, "found count('')");
    for (size_t at = 0; !st && (at = template_text_find(self->text, *part, at)) != SIZE_MAX;
         at += part->size) {
        n++;
        st = template_value_step(run, 1);
    }
    *out = template_value_int(n);
    return st;
}

static enum status text_join(TEMPLATE_BUILTIN)
{
    static const struct template_text name = {"join", 4};
    struct template_arguments arguments = {.count = 1, .value[0] = *self};
    struct template_value list;
    if (!arg[0])
        return template_value_fail(run, "found join() without its argument");
    struct template_list all;
    enum status st = template_value_elements(run, arg[0], &all);
    for (size_t i = 0; !st && i < all.count; i++) {
        if (all.item[i].type != TEMPLATE_IS_TEXT)
            return template_value_fail(run, "found %s in join(), expected texts",
                                       template_value_type(&all.item[i]));
    }
    if (!st)
        st = template_value_list(run, TEMPLATE_IS_LIST, all.count, &list);
    if (!st)
        *list.list = (struct template_list){all.item, all.count, 0};
    return st ? st
              : template_call_builtin(run,
                                      &(struct template_callee){&template_filters, name, &list},
                                      &arguments, out);
}

#define CASE_METHOD(name, style)                                                                   \
    static enum status name(TEMPLATE_BUILTIN)                                                      \
    {                                                                                              \
        (void)arg;                                                                                 \
        return template_case_change(run, self->text, style, out);                                  \
    }
CASE_METHOD(text_upper, TEMPLATE_CASE_UPPER)
CASE_METHOD(text_lower, TEMPLATE_CASE_LOWER)
CASE_METHOD(text_capitalize, TEMPLATE_CASE_FIRST)
CASE_METHOD(text_title, TEMPLATE_CASE_WORDS)

static enum status text_isdigit(TEMPLATE_BUILTIN)
{
    bool all = self->text.size > 0;
    (void)arg;
    if (!template_text_is_ascii(self->text))
        return template_value_fail(run, "found isdigit() of a text that is not ASCII, which is not "
                                        "run here");
    for (size_t i = 0; i < self->text.size; i++)
        all = all && self->text.data[i] >= '0' && self->text.data[i] <= '9';
    *out = template_value_bool(all);
    return STATUS_OK;
}

static enum status text_isspace(TEMPLATE_BUILTIN)
{
    (void)run;
    (void)arg;
    *out = template_value_bool(self->text.size > 0 &&
                               template_text_space(self->text) == self->text.size);
    return STATUS_OK;
}

static const struct template_builtin TEXT_METHODS[] = {
    {"strip", {"chars"}, text_strip},
    {"lstrip", {"chars"}, text_lstrip},
    {"rstrip", {"chars"}, text_rstrip},
    {"startswith", {"prefix"}, text_startswith},
    {"endswith", {"suffix"}, text_endswith},
    {"removeprefix", {"prefix"}, text_removeprefix},
    {"removesuffix", {"suffix"}, text_removesuffix},
    {"split", {"sep", "maxsplit"}, text_split},
    {"rsplit", {"sep", "maxsplit"}, text_rsplit},
    {"splitlines", {0}, text_splitlines},
    {"replace", {"old", "new", "count"}, text_replace},
    {"find", {"sub"}, text_find},
    {"rfind", {"sub"}, text_rfind},
    {"count", {"sub"}, text_count},
    {"join", {"iterable"}, text_join},
    {"upper", {0}, text_upper},
    {"lower", {0}, text_lower},
    {"capitalize", {0}, text_capitalize},
    {"title", {0}, text_title},
    {"isdigit", {0}, text_isdigit},
    {"isspace", {0}, text_isspace},
};
const struct template_builtins template_text_methods = {
    "method of a text", TEXT_METHODS, sizeof(TEXT_METHODS) / sizeof(*TEXT_METHODS)};
