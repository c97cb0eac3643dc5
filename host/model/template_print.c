/* SPDX-License-Identifier: MIT */
/* Values as text: Python's str and repr, and JSON. */
#include <inttypes.h>
#include <stdio.h>

#include "model/template_impl.h"
#include "model/template_text.h"

static enum status enter(struct template_run *run)
{
    if (++run->depth > TEMPLATE_MAX_NESTING)
        return template_value_fail(run, "found values nested deeper than %d", TEMPLATE_MAX_NESTING);
    return template_value_step(run, 1);
}

static enum status add(struct template_run *run, struct text *out, const char *bytes, size_t size)
{
    if (size > TEMPLATE_MAX_OUTPUT - out->size)
        return template_value_fail(run, "the template writes more than %zu bytes",
                                   TEMPLATE_MAX_OUTPUT);
    enum status st = template_value_step(run, size / 64);
    return st ? st : text_add(out, bytes, size);
}

static enum status add_word(struct template_run *run, struct text *out, const char *word)
{
    const struct template_value text = template_value_word(word);
    return add(run, out, text.text.data, text.text.size);
}

/* A text in quotes, as repr writes it. */
static enum status add_repr_text(struct template_run *run, struct text *out,
                                 struct template_text text)
{
    const struct template_text single = {"'", 1}, twofold = {"\"", 1};
    const char quote = template_text_find(text, single, 0) != SIZE_MAX &&
                               template_text_find(text, twofold, 0) == SIZE_MAX
                           ? '"'
                           : '\'';
    if (!template_text_is_ascii(text))
        return template_value_fail(run, "found a list or dict with a text that is not ASCII to be "
                                        "printed, which is not run here (tojson is)");
    enum status st = add(run, out, &quote, 1);
    for (size_t i = 0; !st && i < text.size; i++) {
        const char c = text.data[i];
        char plain[8] = {c};
        size_t n = 1;
        if (c == '\n' || c == '\r' || c == '\t' || c == '\\' || c == quote) {
            plain[0] = '\\';
            plain[1] = c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : c;
            n = 2;
        } else if (c < ' ' || c == 127) {
            static const char digits[] = "0123456789abcdef";
            plain[0] = '\\';
            plain[1] = 'x';
            plain[2] = digits[c >> 4];
            plain[3] = digits[c & 15];
            n = 4;
        }
        st = add(run, out, plain, n);
    }
    return st ? st : add(run, out, &quote, 1);
}

static enum status add_repr(struct template_run *run, struct text *out,
                            const struct template_value *value);

static enum status add_elements(struct template_run *run, struct text *out,
                                const struct template_value *value)
{
    const bool is_tuple = value->type == TEMPLATE_IS_TUPLE;
    enum status st = add_word(run, out, is_tuple ? "(" : "[");
    for (size_t i = 0; !st && i < value->list->count; i++) {
        if (i > 0)
            st = add_word(run, out, ", ");
        if (!st)
            st = add_repr(run, out, &value->list->item[i]);
    }
    if (!st && is_tuple && value->list->count == 1)
        st = add_word(run, out, ",");
    return st ? st : add_word(run, out, is_tuple ? ")" : "]");
}

static enum status add_pairs(struct template_run *run, struct text *out,
                             const struct template_dict *dict)
{
    enum status st = add_word(run, out, "{");
    for (size_t i = 0; !st && i < dict->count; i++) {
        if (i > 0)
            st = add_word(run, out, ", ");
        if (!st)
            st = add_repr(run, out, &dict->pair[i].key);
        if (!st)
            st = add_word(run, out, ": ");
        if (!st)
            st = add_repr(run, out, &dict->pair[i].value);
    }
    return st ? st : add_word(run, out, "}");
}

static enum status add_repr(struct template_run *run, struct text *out,
                            const struct template_value *value)
{
    enum status st = enter(run);
    if (!st)
        st = value->type == TEMPLATE_IS_TEXT        ? add_repr_text(run, out, value->text)
             : value->type == TEMPLATE_IS_UNDEFINED ? add_word(run, out, "Undefined")
                                                    : template_print(run, out, value);
    run->depth--;
    return st;
}

enum status template_print(struct template_run *run, struct text *out,
                           const struct template_value *value)
{
    char digits[24];
    switch (value->type) {
    case TEMPLATE_IS_UNDEFINED:
        return run->strict ? template_value_unknown(run, value) : STATUS_OK;
    case TEMPLATE_IS_NONE:
        return add_word(run, out, "None");
    case TEMPLATE_IS_BOOL:
        return add_word(run, out, value->number ? "True" : "False");
    case TEMPLATE_IS_INT:
        snprintf(digits, sizeof(digits), "%" PRId64, value->number);
        return add_word(run, out, digits);
    case TEMPLATE_IS_TEXT:
        return add(run, out, value->text.data, value->text.size);
    case TEMPLATE_IS_LIST:
    case TEMPLATE_IS_TUPLE:
        return add_elements(run, out, value);
    case TEMPLATE_IS_DICT:
        return add_pairs(run, out, value->dict);
    default:
        return template_value_fail(run, "found %s to be printed, which has no text",
                                   template_value_type(value));
    }
}

enum status template_print_text(struct template_run *run, const struct template_value *value,
                                struct template_value *out)
{
    struct text text = {0};
    if (value->type == TEMPLATE_IS_TEXT) {
        *out = *value;
        return STATUS_OK;
    }
    enum status st = template_print(run, &text, value);
    if (!st)
        st = template_value_text(run, text.data, text.size, out);
    text_finish(&text);
    return st;
}

static enum status add_json_text(struct template_run *run, struct text *out,
                                 struct template_text text)
{
    static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
    enum status st = add_word(run, out, "\"");
    for (size_t i = 0; !st && i < text.size; i++) {
        const char c = text.data[i];
        char escape[8] = {c};
        size_t n = 1;
        for (size_t k = 0; k + 1 < sizeof(from); k++) {
            if (c == from[k]) {
                escape[0] = '\\';
                escape[1] = to[k];
                n = 2;
            }
        }
        if (n == 1 && (unsigned char)c < ' ')
            n = (size_t)snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)c);
        st = add(run, out, escape, n);
    }
    return st ? st : add_word(run, out, "\"");
}

/* The white space before an element (or, after the last, before the bracket). */
static enum status add_json_gap(struct template_run *run, struct text *out, int indent, int level)
{
    enum status st = indent < 0 ? STATUS_OK : add_word(run, out, "\n");
    for (int i = 0; !st && indent > 0 && i < indent * level; i++)
        st = add_word(run, out, " ");
    return st;
}

struct json_place {
    int indent, level;
};

static enum status add_json(struct template_run *run, struct text *out,
                            const struct template_value *value, struct json_place place);

/* Elements of a list, or pairs. */
static enum status add_json_all(struct template_run *run, struct text *out,
                                const struct template_value *value, struct json_place place)
{
    const bool is_dict = value->type == TEMPLATE_IS_DICT;
    const size_t count = is_dict ? value->dict->count : value->list->count;
    const struct json_place inner = {place.indent, place.level + 1};
    enum status st = add_word(run, out, is_dict ? "{" : "[");
    for (size_t i = 0; !st && i < count; i++) {
        if (i > 0)
            st = add_word(run, out, place.indent < 0 ? ", " : ",");
        if (!st)
            st = add_json_gap(run, out, place.indent, inner.level);
        if (!st && is_dict) {
            if (value->dict->pair[i].key.type != TEMPLATE_IS_TEXT)
                return template_value_fail(run, "found %s as a key for tojson, expected a text",
                                           template_value_type(&value->dict->pair[i].key));
            st = add_json_text(run, out, value->dict->pair[i].key.text);
            if (!st)
                st = add_word(run, out, ": ");
        }
        if (!st)
            st = add_json(run, out, is_dict ? &value->dict->pair[i].value : &value->list->item[i],
                          inner);
    }
    if (!st && count > 0)
        st = add_json_gap(run, out, place.indent, place.level);
    return st ? st : add_word(run, out, is_dict ? "}" : "]");
}

static enum status add_json(struct template_run *run, struct text *out,
                            const struct template_value *value, struct json_place place)
{
    enum status st = enter(run);
    if (!st) {
        switch (value->type) {
        case TEMPLATE_IS_NONE:
            st = add_word(run, out, "null");
            break;
        case TEMPLATE_IS_BOOL:
            st = add_word(run, out, value->number ? "true" : "false");
            break;
        case TEMPLATE_IS_INT:
            st = template_print(run, out, value);
            break;
        case TEMPLATE_IS_TEXT:
            st = add_json_text(run, out, value->text);
            break;
        case TEMPLATE_IS_LIST:
        case TEMPLATE_IS_TUPLE:
        case TEMPLATE_IS_DICT:
            st = add_json_all(run, out, value, place);
            break;
        default:
            return template_value_fail(run, "found %s for tojson, which has no JSON",
                                       template_value_type(value));
        }
    }
    run->depth--;
    return st;
}

enum status template_print_json(struct template_run *run, struct text *out,
                                const struct template_value *value, int indent)
{
    return add_json(run, out, value, (struct json_place){indent, 0});
}
