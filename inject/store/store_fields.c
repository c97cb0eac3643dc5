/* SPDX-License-Identifier: MIT */
/* What each field of an export is. */
#include "inject/store/store_fields.h"

#include <string.h>

#include "base/json.h"

/* Fields that are not written as the database has them; null: as there. */
static const struct {
    const char *row, *name, *what;
    enum store_form form;
} OTHERS[] = {
    {"mask", "mask", NULL, STORE_FORM_BITS},
    {"before", "before", NULL, STORE_FORM_BITS},
    {"after", "after", NULL, STORE_FORM_BITS},
    {"before_value", "before_value", NULL, STORE_FORM_FLOAT},
    {"after_value", "after_value", NULL, STORE_FORM_FLOAT},
    {"flags", "flags", "names; none: an empty list", STORE_FORM_WORDS},
    {"deviation", "deviation", "of the residual there: layer, max_abs, rel_l2, bits",
     STORE_FORM_DEVIATION},
    {"fault", "fault", "one, or the list of those that strike together: for `vkfi run --fault`",
     STORE_FORM_FAULT},
    {"faulty_text", "faulty_text", "text of the run with the fault; null: it did not end",
     STORE_FORM_TEXT},
    {"device", "device_id", NULL, STORE_FORM_INTEGER},
};

static const struct store_field JOINED[STORE_JOINED_COUNT] = {
    [STORE_JOINED_LABEL] = {"stratum_label", "none",
                            "label of the stratum, such as \"layer=3 bit_field=sign\"", 3,
                            STORE_FORM_TEXT, true, NULL, 0},
    [STORE_JOINED_PROMPT] = {"prompt", "none", "text of the item's prompt; empty: given as ids", 3,
                             STORE_FORM_TEXT, true, NULL, 0},
    [STORE_JOINED_GROUP] = {"prompt_group", "none",
                            "group of the item's prompt set in the plan; empty: none", 3,
                            STORE_FORM_TEXT, true, NULL, 0},
    [STORE_JOINED_GOLDEN] = {"golden_text", "none", "of the item's golden run", 3, STORE_FORM_TEXT,
                             true, NULL, 0},
    [STORE_JOINED_DEVICE] = {"device", "none", "name of the device that ran the trial", 3,
                             STORE_FORM_TEXT, false, NULL, 0},
};

size_t store_fields_count(void)
{
    return row_field_count + STORE_JOINED_COUNT;
}

struct store_field store_fields_at(size_t index)
{
    static const enum store_form forms[] = {
        [ROW_INT] = STORE_FORM_INTEGER, [ROW_REAL] = STORE_FORM_REAL, [ROW_TEXT] = STORE_FORM_TEXT};

    if (index >= row_field_count) {
        struct store_field out = JOINED[index - row_field_count];
        out.joined = index - row_field_count;
        return out;
    }
    const struct row_field *row = &row_fields[index];
    struct store_field out = {row->name,        row->unit, row->what, row->since,
                              forms[row->type], row->same, row,       0};
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(*OTHERS); i++) {
        if (strcmp(OTHERS[i].row, row->name) == 0) {
            out.name = OTHERS[i].name;
            out.what = OTHERS[i].what ? OTHERS[i].what : out.what;
            out.form = OTHERS[i].form;
        }
    }
    return out;
}

const char *store_fields_type(enum store_form form)
{
    static const char *const types[] = {
        [STORE_FORM_INTEGER] = "integer",
        [STORE_FORM_REAL] = "real",
        [STORE_FORM_FLOAT] = "real",
        [STORE_FORM_TEXT] = "text",
        [STORE_FORM_BITS] = "bits: text \"0x...\"",
        [STORE_FORM_WORDS] = "list of texts, in CSV as JSON",
        [STORE_FORM_DEVIATION] = "list of objects, in CSV as JSON",
        [STORE_FORM_FAULT] = "object or list of objects, in CSV as JSON",
    };

    return types[form];
}

enum status store_fields_table(struct text *out)
{
    enum status st = STATUS_OK;

    for (size_t i = 0; i < store_fields_count() && st == STATUS_OK; i++) {
        const struct store_field field = store_fields_at(i);
        st = text_addf(out, "  %s%s (%s; unit %s; since %d)\n      %s\n", field.name,
                       field.same ? "" : " *", store_fields_type(field.form), field.unit,
                       field.since, field.what);
    }
    return st;
}

enum status store_fields_json(FILE *out)
{
    struct json_writer w;

    json_begin(&w, out, true);
    json_array_open(&w);
    for (size_t i = 0; i < store_fields_count(); i++) {
        const struct store_field field = store_fields_at(i);
        json_object_open(&w);
        json_member_text(&w, "name", field.name);
        json_member_text(&w, "type", store_fields_type(field.form));
        json_member_text(&w, "unit", field.unit);
        json_member_text(&w, "meaning", field.what);
        json_member_int(&w, "since", field.since);
        json_member_bool(&w, "same_when_run_again", field.same);
        json_object_close(&w);
    }
    json_array_close(&w);
    return json_end(&w);
}
