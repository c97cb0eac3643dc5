/* SPDX-License-Identifier: MIT */
/* Values of rows as JSON and CSV, by the type of their field. */
#include "inject/store/trial_row_view.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/fpenv.h"

/* A field with its shown value. */
struct shown {
    const struct field *field;
    struct field_value value;
};

static size_t count(void)
{
    return trial_row_table.count + trial_row_joined_table.count;
}

static const struct field *field_at(size_t index)
{
    return index < trial_row_table.count
               ? &trial_row_table.field[index]
               : &trial_row_joined_table.field[index - trial_row_table.count];
}

static struct shown show(const struct trial_row_view *view, size_t index)
{
    const struct trial_row *row = view->row;
    const struct field *field = field_at(index);
    const void *from = index < trial_row_table.count ? (const void *)row : &view->joined;
    struct shown out = {field, field_get(field, from)};
    const bool golden = row->first_diff == TRIAL_ROW_NULL && row->faulty_len == row->golden_len &&
                        row->golden_len != TRIAL_ROW_NULL;
    if (field->offset == offsetof(struct trial_row, faulty_text) && from == row && golden &&
        !out.value.text)
        out.value.text = view->joined.golden_text; /* a row omits it */
    return out;
}

static bool is_null(const struct trial_row_view *view, const struct shown *it)
{
    if (it->field->type == FIELD_WORDS || it->field->type == FIELD_LAYERS)
        return false; /* an empty list */
    if (it->field->type != FIELD_FLOAT)
        return field_is_null(it->field, it->value);
    const bool before = it->field->offset == offsetof(struct trial_row, before_value);
    return (before ? view->row->before : view->row->after) == TRIAL_ROW_NULL; /* else NaN is NaN */
}

/* --- JSON --- */

/* Values of floats as floats: struck values have at most 32 bits. */
static void put_float(struct json_writer *w, const struct trial_row *row, double value)
{
    const bool integer = row->place && strcmp(row->place, "control") == 0;
    const float narrow = fpenv_narrow(value);
    const double wide = fpenv_widen(narrow);

    if (isnan(value) || (!integer && memcmp(&wide, &value, sizeof(wide)) == 0))
        json_put_float(w, narrow);
    else
        json_put_number(w, value);
}

/* As many digits as the struck bits need. */
static void put_bits(char out[24], const struct trial_row *row, int64_t bits)
{
    const int digits = row->width > 0 && row->width <= 64 ? (int)((row->width + 3) / 4) : 1;

    snprintf(out, 24, "0x%0*" PRIx64, digits, (uint64_t)bits);
}

/* "a+b" as a list. */
static void put_words(struct json_writer *w, const char *text)
{
    json_array_open(w);
    while (text) {
        const char *end = strchr(text, '+');
        json_put_text_n(w, text, end ? (size_t)(end - text) : strlen(text));
        text = end ? end + 1 : NULL;
    }
    json_array_close(w);
}

/* Lists of three numbers as objects with a record's names. */
static void put_layers(struct json_writer *w, const struct json *layers)
{
    static const char *const names[] = {"max_abs", "rel_l2", "bits"};

    json_array_open(w);
    for (size_t i = 0; i < json_count(layers); i++) {
        json_object_open(w);
        json_member_int(w, "layer", (int64_t)i);
        for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++) {
            json_put_key(w, names[k]);
            json_put_value(w, json_at(json_at(layers, i), k));
        }
        json_object_close(w);
    }
    json_array_close(w);
}

/* A text of the database that holds JSON. */
static enum status put_stored(struct json_writer *w, const char *text, bool layers)
{
    struct json_doc *doc = NULL;
    const enum status st =
        json_parse(&doc, text ? text : "[]", text ? strlen(text) : 2, "a value of the database");

    if (!st && layers)
        put_layers(w, json_root(doc));
    else if (!st)
        json_put_value(w, json_root(doc));
    else
        json_put_null(w); /* a key has its value */
    json_destroy(&doc);
    return st;
}

static enum status put_fault(struct json_writer *w, const struct trial_row_view *view)
{
    const bool several = view->n_further > 0;
    if (several)
        json_array_open(w);
    enum status st = put_stored(w, view->row->fault, false);
    for (uint32_t i = 0; !st && i < view->n_further; i++)
        st = put_stored(w, view->further[i].json, false);
    if (several)
        json_array_close(w);
    return st;
}

static enum status put_value(struct json_writer *w, const struct trial_row_view *view,
                             const struct shown *it)
{
    const enum field_kind kind = field_kind(it->field);
    char bits[24];
    enum status st = STATUS_OK;
    if (is_null(view, it)) {
        json_put_null(w);
    } else if (it->field->type == FIELD_BITS) {
        put_bits(bits, view->row, it->value.number);
        json_put_text(w, bits);
    } else if (it->field->type == FIELD_FLOAT) {
        put_float(w, view->row, it->value.real);
    } else if (it->field->type == FIELD_WORDS) {
        put_words(w, it->value.text);
    } else if (it->field->type == FIELD_LAYERS) {
        st = put_stored(w, it->value.text, true);
    } else if (it->field->type == FIELD_FAULT) {
        st = put_fault(w, view);
    } else if (kind == FIELD_KIND_TEXT) {
        json_put_text(w, it->value.text);
    } else if (kind == FIELD_KIND_REAL) {
        json_put_number(w, it->value.real);
    } else {
        json_put_int(w, it->value.number);
    }
    return st;
}

enum status trial_row_view_json(struct json_writer *w, const struct trial_row_view *view,
                                enum field_level first, enum field_level last)
{
    enum status st = STATUS_OK;
    for (size_t i = 0; !st && i < count(); i++) {
        const struct shown it = show(view, i);
        if (it.field->level < first || it.field->level > last)
            continue;
        json_put_key(w, it.field->name);
        st = put_value(w, view, &it);
    }
    return st;
}

/* --- CSV --- */

#define CSV_NUL                                                                                    \
    "\xE2\x90\x80" /* U+2400: readers of CSV end a text at a null; JSON lines have it              \
                    */

void trial_row_view_csv_text(FILE *out, const char *text)
{
    if (text[0] && !strpbrk(text, ",\"\r\n\xC0")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (strncmp(text, TEXT_NUL, 2) == 0) {
            fputs(CSV_NUL, out);
            text++;
            continue;
        }
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

/* The value as in JSON, quoted as a text in CSV. */
static enum status put_csv_json(FILE *out, const struct trial_row_view *view,
                                const struct shown *it)
{
    struct json_memory m;
    struct arena arena = {0};
    const char *text = NULL;
    json_begin_memory(&m, false);
    json_take(&m.w, put_value(&m.w, view, it));
    const enum status st = json_end_line(&text, &m, &arena);
    if (!st)
        trial_row_view_csv_text(out, text);
    arena_finish(&arena);
    return st;
}

static enum status put_csv(FILE *out, const struct trial_row_view *view, const struct shown *it)
{
    struct json_writer w;
    char bits[24];
    if (is_null(view, it))
        return STATUS_OK;
    if (it->field->type > FIELD_TEXT)
        return put_csv_json(out, view, it);
    if (it->field->type == FIELD_TEXT) {
        trial_row_view_csv_text(out, it->value.text);
    } else if (it->field->type == FIELD_BITS) {
        put_bits(bits, view->row, it->value.number);
        fputs(bits, out);
    } else if (field_kind(it->field) == FIELD_KIND_REAL && !isfinite(it->value.real)) {
        /* readers of CSV take an empty field for NaN */
        const char *infinity = it->value.real > 0 ? "Infinity" : "-Infinity";
        fputs(isnan(it->value.real) ? "" : infinity, out);
    } else {
        json_begin(&w, out, false);
        return put_value(&w, view, it);
    }
    return STATUS_OK;
}

void trial_row_view_csv_names(FILE *out)
{
    for (size_t i = 0; i < count(); i++)
        fprintf(out, "%s%s", i > 0 ? "," : "", field_at(i)->name);
    fputs("\r\n", out);
}

enum status trial_row_view_csv(FILE *out, const struct trial_row_view *view)
{
    enum status st = STATUS_OK;
    for (size_t i = 0; !st && i < count(); i++) {
        const struct shown it = show(view, i);
        if (i > 0)
            fputc(',', out);
        st = put_csv(out, view, &it);
    }
    fputs("\r\n", out);
    return st;
}

enum status trial_row_view_text(FILE *out, const struct trial_row_view *view, const char *name)
{
    size_t i = 0;
    while (i + 1 < count() && strcmp(field_at(i)->name, name) != 0)
        i++;
    const struct shown it = show(view, i);
    if (it.field->type == FIELD_FLOAT && !is_null(view, &it) && isnan(it.value.real)) {
        fputs("NaN", out);
        return STATUS_OK;
    }
    return put_csv(out, view, &it);
}

/* --- the data dictionary --- */

static const char *type_of(const struct field *field)
{
    switch (field->type) {
    case FIELD_BITS:
        return "bits: text \"0x...\"";
    case FIELD_WORDS:
        return "list of texts, in CSV as JSON";
    case FIELD_LAYERS:
        return "list of objects, in CSV as JSON";
    case FIELD_FAULT:
        return "object or list, in CSV as JSON";
    default:
        break;
    }
    static const char *const kinds[] = {"integer", "real", "text"};
    return kinds[field_kind(field)];
}

static const char *level_of(const struct field *field)
{
    static const char *const levels[] = {
        [FIELD_DRAW] = "draw",       [FIELD_PLACE] = "place", [FIELD_OUTCOME] = "outcome",
        [FIELD_SUMMARY] = "summary", [FIELD_FULL] = "full",   [FIELD_ARM] = "arm",
        [FIELD_RUN] = "run"};
    return levels[field->level];
}

enum status trial_row_view_describe(struct text *out, enum field_level first, enum field_level last)
{
    enum status st = STATUS_OK;
    for (size_t i = 0; !st && i < count(); i++) {
        const struct field *field = field_at(i);
        if (field->level < first || field->level > last)
            continue;
        st = text_addf(out, "  %s%s (%s; unit %s; %s; since %d)\n      %s\n", field->name,
                       field->level == FIELD_RUN ? " *" : "", type_of(field), field->unit,
                       level_of(field), field->since, field->what);
    }
    return st;
}

enum status trial_row_view_describe_json(FILE *out)
{
    struct json_writer w;
    json_begin(&w, out, true);
    json_array_open(&w);
    for (size_t i = 0; i < count(); i++) {
        const struct field *field = field_at(i);
        json_object_open(&w);
        json_member_text(&w, "name", field->name);
        json_member_text(&w, "type", type_of(field));
        json_member_text(&w, "unit", field->unit);
        json_member_text(&w, "meaning", field->what);
        json_member_text(&w, "level", level_of(field));
        json_member_int(&w, "since", field->since);
        json_member_bool(&w, "same_when_run_again", field->level != FIELD_RUN);
        json_object_close(&w);
    }
    json_array_close(&w);
    return json_end(&w);
}
