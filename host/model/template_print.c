/* SPDX-License-Identifier: MIT */
/* Values as text: Python's str and repr, and JSON. All of it is added to a text, which keeps the
 * first failure. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/template_impl.h"
#include "model/template_text.h"

/* One level deeper; false: nothing more is to be added. The caller decrements `depth` again. */
static bool enter(struct template_run *run, struct text *out)
{
    run->depth++;
    if (out->st)
        return false;
    text_take(out, run->depth > TEMPLATE_MAX_NESTING
                       ? template_value_fail(run, "found values nested deeper than %d",
                                             TEMPLATE_MAX_NESTING)
                       : template_value_step(run, 1));
    return !out->st;
}

static void add(struct template_run *run, struct text *out, const char *bytes, size_t size)
{
    if (out->st)
        return;
    if (size > TEMPLATE_MAX_OUTPUT - out->size)
        text_take(out, template_value_fail(run, "the template writes more than %zu bytes",
                                           TEMPLATE_MAX_OUTPUT));
    else
        text_take(out, template_value_step(run, size / 64));
    text_add(out, bytes, size);
}

static void add_word(struct template_run *run, struct text *out, const char *word)
{
    add(run, out, word, strlen(word));
}

/* A text in quotes, as repr writes it. */
static void add_repr_text(struct template_run *run, struct text *out, struct template_text text)
{
    const struct template_text single = {"'", 1}, twofold = {"\"", 1};
    const char quote = template_text_find(text, single, 0) != SIZE_MAX &&
                               template_text_find(text, twofold, 0) == SIZE_MAX
                           ? '"'
                           : '\'';
    if (!template_text_is_ascii(text)) {
        text_take(out,
                  template_value_fail(run, "found a list or dict with a text that is not ASCII to "
                                           "be printed, which is not run here (tojson is)"));
        return;
    }
    add(run, out, &quote, 1);
    for (size_t i = 0; !out->st && i < text.size; i++) {
        const char c = text.data[i];
        char plain[8] = {c};
        size_t n = 1;
        if (c == '\n' || c == '\r' || c == '\t' || c == '\\' || c == quote) {
            plain[0] = '\\';
            plain[1] = c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : c;
            n = 2;
        } else if (c < ' ' || c == 127) {
            n = (size_t)snprintf(plain, sizeof(plain), "\\x%02x", (unsigned)c);
        }
        add(run, out, plain, n);
    }
    add(run, out, &quote, 1);
}

static void add_repr(struct template_run *run, struct text *out,
                     const struct template_value *value);

static void add_elements(struct template_run *run, struct text *out,
                         const struct template_value *value)
{
    const bool is_tuple = value->type == TEMPLATE_IS_TUPLE;
    add_word(run, out, is_tuple ? "(" : "[");
    for (size_t i = 0; !out->st && i < value->list->count; i++) {
        add_word(run, out, i > 0 ? ", " : "");
        add_repr(run, out, &value->list->item[i]);
    }
    if (is_tuple && value->list->count == 1)
        add_word(run, out, ",");
    add_word(run, out, is_tuple ? ")" : "]");
}

static void add_pairs(struct template_run *run, struct text *out, const struct template_dict *dict)
{
    add_word(run, out, "{");
    for (size_t i = 0; !out->st && i < dict->count; i++) {
        add_word(run, out, i > 0 ? ", " : "");
        add_repr(run, out, &dict->pair[i].key);
        add_word(run, out, ": ");
        add_repr(run, out, &dict->pair[i].value);
    }
    add_word(run, out, "}");
}

static void add_value(struct template_run *run, struct text *out,
                      const struct template_value *value)
{
    char digits[24];
    switch (value->type) {
    case TEMPLATE_IS_UNDEFINED:
        if (run->strict)
            text_take(out, template_value_unknown(run, value));
        break;
    case TEMPLATE_IS_NONE:
        add_word(run, out, "None");
        break;
    case TEMPLATE_IS_BOOL:
        add_word(run, out, value->number ? "True" : "False");
        break;
    case TEMPLATE_IS_INT:
        snprintf(digits, sizeof(digits), "%" PRId64, value->number);
        add_word(run, out, digits);
        break;
    case TEMPLATE_IS_TEXT:
        add(run, out, value->text.data, value->text.size);
        break;
    case TEMPLATE_IS_LIST:
    case TEMPLATE_IS_TUPLE:
        add_elements(run, out, value);
        break;
    case TEMPLATE_IS_DICT:
        add_pairs(run, out, value->dict);
        break;
    default:
        text_take(out, template_value_fail(run, "found %s to be printed, which has no text",
                                           template_value_type(value)));
    }
}

static void add_repr(struct template_run *run, struct text *out, const struct template_value *value)
{
    if (enter(run, out)) {
        if (value->type == TEMPLATE_IS_TEXT)
            add_repr_text(run, out, value->text);
        else if (value->type == TEMPLATE_IS_UNDEFINED)
            add_word(run, out, "Undefined");
        else
            add_value(run, out, value);
    }
    run->depth--;
}

enum status template_print(struct template_run *run, struct text *out,
                           const struct template_value *value)
{
    add_value(run, out, value);
    return out->st;
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

static void add_json_text(struct template_run *run, struct text *out, struct template_text text)
{
    static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
    add_word(run, out, "\"");
    for (size_t i = 0; !out->st && i < text.size; i++) {
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
        add(run, out, escape, n);
    }
    add_word(run, out, "\"");
}

/* The white space before an element (or, after the last, before the bracket). */
static void add_json_gap(struct template_run *run, struct text *out, int indent, int level)
{
    if (indent >= 0)
        add_word(run, out, "\n");
    for (int i = 0; !out->st && indent > 0 && i < indent * level; i++)
        add_word(run, out, " ");
}

struct json_place {
    int indent, level;
};

static void add_json(struct template_run *run, struct text *out, const struct template_value *value,
                     struct json_place place);

static void add_json_key(struct template_run *run, struct text *out,
                         const struct template_value *key)
{
    if (key->type != TEMPLATE_IS_TEXT)
        text_take(out, template_value_fail(run, "found %s as a key for tojson, expected a text",
                                           template_value_type(key)));
    else
        add_json_text(run, out, key->text);
    add_word(run, out, ": ");
}

/* Elements of a list, or pairs. */
static void add_json_all(struct template_run *run, struct text *out,
                         const struct template_value *value, struct json_place place)
{
    const bool is_dict = value->type == TEMPLATE_IS_DICT;
    const size_t count = is_dict ? value->dict->count : value->list->count;
    const struct json_place inner = {place.indent, place.level + 1};
    add_word(run, out, is_dict ? "{" : "[");
    for (size_t i = 0; !out->st && i < count; i++) {
        if (i > 0)
            add_word(run, out, place.indent < 0 ? ", " : ",");
        add_json_gap(run, out, place.indent, inner.level);
        if (!out->st && is_dict)
            add_json_key(run, out, &value->dict->pair[i].key);
        add_json(run, out, is_dict ? &value->dict->pair[i].value : &value->list->item[i], inner);
    }
    if (count > 0)
        add_json_gap(run, out, place.indent, place.level);
    add_word(run, out, is_dict ? "}" : "]");
}

static void add_json_value(struct template_run *run, struct text *out,
                           const struct template_value *value, struct json_place place)
{
    switch (value->type) {
    case TEMPLATE_IS_NONE:
        add_word(run, out, "null");
        break;
    case TEMPLATE_IS_BOOL:
        add_word(run, out, value->number ? "true" : "false");
        break;
    case TEMPLATE_IS_INT:
        add_value(run, out, value);
        break;
    case TEMPLATE_IS_TEXT:
        add_json_text(run, out, value->text);
        break;
    case TEMPLATE_IS_LIST:
    case TEMPLATE_IS_TUPLE:
    case TEMPLATE_IS_DICT:
        add_json_all(run, out, value, place);
        break;
    default:
        text_take(out, template_value_fail(run, "found %s for tojson, which has no JSON",
                                           template_value_type(value)));
    }
}

static void add_json(struct template_run *run, struct text *out, const struct template_value *value,
                     struct json_place place)
{
    if (enter(run, out))
        add_json_value(run, out, value, place);
    run->depth--;
}

enum status template_print_json(struct template_run *run, struct text *out,
                                const struct template_value *value, int indent)
{
    add_json(run, out, value, (struct json_place){indent, 0});
    return out->st;
}
