/* SPDX-License-Identifier: MIT */
/* What follows a dot or is in brackets. */
#include "model/template_impl.h"
#include "model/template_text.h"

static const struct template_builtins *methods_of(const struct template_value *value)
{
    switch (value->type) {
    case TEMPLATE_IS_TEXT:
        return &template_text_methods;
    case TEMPLATE_IS_DICT:
        return &template_dict_methods;
    case TEMPLATE_IS_LIST:
    case TEMPLATE_IS_TUPLE:
        return &template_list_methods;
    case TEMPLATE_IS_LOOP:
        return &template_loop_methods;
    default:
        return NULL;
    }
}

/* True if there is a method of that name. */
static enum status find_method(struct template_run *run, const struct template_value *value,
                               struct template_text name, struct template_value *out, bool *found)
{
    const struct template_builtins *table = methods_of(value);
    *found = table && template_call_find(table, name);
    if (!*found)
        return STATUS_OK;
    struct template_method *method = template_value_memory(run, sizeof(*method));
    if (!method)
        return template_value_no_memory(run);
    *method = (struct template_method){*value, name};
    *out = (struct template_value){.type = TEMPLATE_IS_METHOD, .method = method};
    return STATUS_OK;
}

static void loop_attribute(const struct template_loop *loop, struct template_text name,
                           struct template_value *out)
{
    const int64_t index = (int64_t)loop->index, count = (int64_t)loop->over->count;
    if (template_text_is(name, "index"))
        *out = template_value_int(index + 1);
    else if (template_text_is(name, "index0"))
        *out = template_value_int(index);
    else if (template_text_is(name, "first"))
        *out = template_value_bool(index == 0);
    else if (template_text_is(name, "last"))
        *out = template_value_bool(index + 1 == count);
    else if (template_text_is(name, "length"))
        *out = template_value_int(count);
    else if (template_text_is(name, "revindex"))
        *out = template_value_int(count - index);
    else if (template_text_is(name, "revindex0"))
        *out = template_value_int(count - index - 1);
    else if (template_text_is(name, "depth"))
        *out = template_value_int(1);
    else if (template_text_is(name, "depth0"))
        *out = template_value_int(0);
    else if (template_text_is(name, "previtem") && index > 0)
        *out = loop->over->item[index - 1];
    else if (template_text_is(name, "nextitem") && index + 1 < count)
        *out = loop->over->item[index + 1];
}

enum status template_item_attribute(struct template_run *run, const struct template_value *value,
                                    struct template_text name, struct template_value *out)
{
    const struct template_value key = {.type = TEMPLATE_IS_TEXT, .text = name};
    const struct template_value *found = NULL;
    bool is_method = false;
    const struct template_value self = *value; /* out may be the same */
    if (self.type == TEMPLATE_IS_UNDEFINED)
        return template_value_fail(run, "found '%.*s' of '%.*s', which is undefined",
                                   (int)(name.size < 60 ? name.size : 60), name.data,
                                   (int)(self.text.size < 60 ? self.text.size : 60),
                                   self.text.data);
    enum status st = find_method(run, &self, name, out, &is_method);
    if (st || is_method)
        return st;
    *out = template_value_undefined(name);
    if (self.type == TEMPLATE_IS_LOOP)
        loop_attribute(self.loop, name, out);
    else if (self.type == TEMPLATE_IS_DICT || self.type == TEMPLATE_IS_NAMESPACE)
        st = template_value_get(run, self.dict, &key, &found);
    if (found)
        *out = *found;
    return st;
}

/* The place of a Python index in `count` elements; false: none. */
static bool place_of(int64_t index, size_t count, size_t *out)
{
    if (index < 0)
        index += (int64_t)count;
    *out = (size_t)index;
    return index >= 0 && (uint64_t)index < count;
}

enum status template_item_get(struct template_run *run, const struct template_value *value,
                              const struct template_value *key, struct template_value *out)
{
    const struct template_value self = *value;
    const bool is_list = self.type == TEMPLATE_IS_LIST || self.type == TEMPLATE_IS_TUPLE ||
                         self.type == TEMPLATE_IS_RANGE;
    const bool is_index = key->type == TEMPLATE_IS_INT || key->type == TEMPLATE_IS_BOOL;
    const struct template_value *found = NULL;
    size_t at;
    enum status st = STATUS_OK;
    if (self.type == TEMPLATE_IS_UNDEFINED)
        return template_value_fail(run, "found an element of '%.*s', which is undefined",
                                   (int)(self.text.size < 60 ? self.text.size : 60),
                                   self.text.data);
    if (self.type == TEMPLATE_IS_DICT) {
        st = template_value_get(run, self.dict, key, &found);
        if (!st && found)
            *out = *found;
        if (st || found)
            return st;
    }
    if (key->type == TEMPLATE_IS_TEXT)
        return template_item_attribute(run, &self, key->text, out);
    *out = template_value_undefined((struct template_text){"an element", 10});
    if (is_list && is_index && place_of(key->number, self.list->count, &at)) {
        *out = self.list->item[at];
    } else if (self.type == TEMPLATE_IS_TEXT && is_index) {
        st = template_value_step(run, self.text.size / 16);
        if (!st && place_of(key->number, template_text_chars(self.text), &at)) {
            at = template_text_offset(self.text, at);
            *out = (struct template_value){
                .type = TEMPLATE_IS_TEXT,
                .text = {self.text.data + at, template_text_next(self.text, at)}};
        }
    }
    return st;
}
