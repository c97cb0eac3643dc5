/* SPDX-License-Identifier: MIT */
/* Reads files of strikes; their table. */
#include "inject/report/report_own.h"

#include <math.h>
#include <string.h>

#include "base/json_fields.h"
#include "base/log.h"
#include "inject/report/report_arms.h"

static const struct report_column COLUMNS[] = {
    {"memory", "memory", REPORT_TEXT, REPORT_ALONE}, /* first: each part of a table has it */
    {"arm", "arm", REPORT_TEXT, REPORT_ALONE},
    {"bits", "bits", REPORT_COUNT, REPORT_ALONE},
    {"trials", "n", REPORT_COUNT, REPORT_ALONE},
    REPORT_ARM_COLUMNS("silent", NULL), /* what is left */
    REPORT_ARM_COLUMNS("harmed", "harmed, %"),
    REPORT_ARM_COLUMNS("refused", "refused, %"),
    REPORT_ARM_COLUMNS("false_alarm", "false alarm, %"),
};

/* --- reading --- */

#define WHAT "a file that 'vkfi protect strike -o' wrote"
#define BITS_MOST INT64_C(0x7fffffffffff)

struct reader {
    const struct json_doc *doc;
    const struct report_data *data;
    struct arena *arena;
};

static enum status refuse(const struct reader *r, const struct json *at, const char *what)
{
    log_error("%s: %s, expected " WHAT, json_where(r->doc, at), what);
    return STATUS_INPUT;
}

static enum status read_text(const struct reader *r, const struct json *object, const char *key,
                             const char **out)
{
    const char *text = NULL;
    enum status st = json_fields_text(r->doc, object, key, &text);
    if (!st && !text) {
        log_error("%s: found no '%s', expected " WHAT, json_where(r->doc, object), key);
        st = STATUS_INPUT;
    }
    *out = st ? NULL : arena_text(r->arena, text, strlen(text));
    return st || *out ? st : STATUS_MEMORY;
}

static enum status read_count(const struct reader *r, const struct json *object, const char *key,
                              uint64_t *out)
{
    int64_t value = -1;
    const enum status st =
        json_fields_integer(r->doc, object, key, (struct json_span){0, BITS_MOST}, &value);
    *out = (uint64_t)value;
    return !st && value < 0 ? refuse(r, object, "found a count that is missing") : st;
}

static enum status read_area(const struct reader *r, const struct json *value,
                             struct strike_area *out)
{
    uint64_t entry = 0, trials = 0;
    *out = (struct strike_area){0};
    if (json_type(value) != JSON_OBJECT)
        return refuse(r, value, "found an area that is no object");
    enum status st = read_text(r, value, "protection", &out->protection);
    st = st ? st : read_text(r, value, "area", &out->name);
    st = st ? st : read_count(r, value, "entry", &entry);
    st = st ? st : read_count(r, value, "bits", &out->bits);
    st = st ? st : read_count(r, value, "trials", &trials);
    for (int e = 0; e < STRIKE_EFFECTS && !st; e++) {
        const struct json *effect = json_get(value, strike_effect_name((enum strike_effect)e));
        st = json_type(effect) == JSON_OBJECT
                 ? read_count(r, effect, "count", &out->count[e])
                 : refuse(r, value, "found an area without the counts of all effects");
    }
    if (!st && strike_trials(out) != trials)
        st = refuse(r, value, "found effects that are not as many as the trials");
    out->entry = (uint32_t)entry;
    return st;
}

static enum status read_areas(const struct reader *r, const struct json *root,
                              struct report_own_file *out)
{
    const struct json *list = json_get(root, "areas");
    const size_t n = json_type(list) == JSON_ARRAY ? json_count(list) : 0;
    if (n == 0 || n > STRIKE_AREAS_MOST)
        return refuse(r, list ? list : root, "found no list of areas");
    out->area = arena_array(r->arena, n, sizeof(*out->area));
    enum status st = out->area ? STATUS_OK : STATUS_MEMORY;
    for (size_t i = 0; i < n && !st; i++)
        st = read_area(r, json_at(list, i), &out->area[i]);
    out->n = (uint32_t)n;
    return st;
}

static enum status compare(const struct reader *r, const struct json *root, const char *key,
                           const char *expected)
{
    const char *found = NULL;
    const enum status st = read_text(r, root, key, &found);
    if (st || strcmp(found, expected) == 0)
        return st;
    log_error("%s: found %s '%s', expected '%s', that of the campaign",
              json_where(r->doc, json_get(root, key)), key, found, expected);
    return STATUS_INPUT;
}

/* The arm that has the file's policy, else what the file calls it. */
static enum status read_name(const struct reader *r, const struct json *root, const char **out)
{
    const struct plan *plan = r->data->plan;
    const struct json *protect = json_get(root, "protect");
    const char *line = NULL;
    struct policy policy;
    enum status st = read_text(r, root, "policy", out);
    if (!st && !protect)
        st = refuse(r, root, "found no 'protect'");
    st = st ? st : policy_read(&policy, r->arena, r->doc, protect);
    st = st ? st : policy_line(&line, r->arena, &policy);
    for (uint32_t i = 0; i < plan->n_arms && !st; i++) {
        if (strcmp(plan->arm[i].policy, line) == 0)
            *out = plan->arm[i].name;
    }
    return st;
}

enum status report_own_add(struct report_own *own, struct arena *arena, const char *path,
                           const struct report_data *data)
{
    struct json_doc *doc = NULL;
    struct report_own_file file = {0};
    if (own->count == REPORT_OWN_MOST) {
        log_error("found more than %u files of --own, expected no more", REPORT_OWN_MOST);
        return STATUS_USAGE;
    }
    enum status st = json_load(&doc, path);
    if (st)
        return st;
    const struct reader r = {doc, data, arena};
    const struct json *root = json_root(doc);
    if (json_type(root) != JSON_OBJECT)
        st = refuse(&r, root, "found no object");
    st = st ? st : compare(&r, root, "model_sha256", data->identity->model_hash);
    st = st ? st : compare(&r, root, "act", storage_name(data->plan->act));
    st = st ? st : compare(&r, root, "kv", storage_name(data->plan->kv));
    st = st ? st : read_areas(&r, root, &file);
    st = st ? st : read_name(&r, root, &file.name);
    if (!st)
        own->file[own->count++] = file;
    json_destroy(&doc);
    return st;
}

/* --- output --- */

static void put_share(struct report_table *table, uint32_t row, enum strike_effect effect,
                      struct strike_share share)
{
    report_arms_bounds(table, row, strike_effect_name(effect), share.rate, share.bounds);
}

static void put_area(struct report_table *table, uint32_t row, const struct strike_area *area,
                     double confidence)
{
    report_table_set(table, row, "bits", (double)area->bits);
    report_table_set(table, row, "trials", (double)strike_trials(area));
    for (int e = 0; e < STRIKE_EFFECTS; e++)
        put_share(table, row, (enum strike_effect)e,
                  strike_share_of(area, (enum strike_effect)e, confidence));
    table->faint[row] = strike_trials(area) < REPORT_FEW;
}

static void put_total(struct report_table *table, uint32_t row, const struct report_own_file *file,
                      double confidence)
{
    double bits = 0, trials = 0;
    report_table_text(table, row, "memory", "all, by bits");
    for (uint32_t i = 0; i < file->n; i++) {
        bits += (double)file->area[i].bits;
        trials += (double)strike_trials(&file->area[i]);
    }
    report_table_set(table, row, "bits", bits);
    report_table_set(table, row, "trials", trials);
    for (int e = 0; e < STRIKE_EFFECTS; e++)
        put_share(table, row, (enum strike_effect)e,
                  strike_total(file->area, file->n, (enum strike_effect)e, confidence));
}

enum status report_own_table(struct report_table *out, struct report_context *context)
{
    const struct report_own *own = context->own;
    uint32_t rows = 0, row = 0;
    out->id = "own";
    out->caption = "One bit of the protections' own memory, flipped in a clean run of one prompt: "
                   "such a fault has no run without protection, so nothing is recovered. Refused: "
                   "golden's text, said to be damaged; harmed: another text. Exact intervals; all: "
                   "areas weighed by their bits, at Kish's n.";
    for (uint32_t f = 0; own && f < own->count; f++)
        rows += own->file[f].n + 1;
    const enum status st =
        report_table_init(out, context->arena, rows, COLUMNS, sizeof(COLUMNS) / sizeof(*COLUMNS));
    for (uint32_t f = 0; own && f < own->count && !st; f++) {
        const struct report_own_file *file = &own->file[f];
        for (uint32_t i = 0; i <= file->n; i++, row++) {
            report_table_text(out, row, "arm", file->name);
            if (i == file->n) {
                put_total(out, row, file, context->asked);
                continue;
            }
            const struct strike_area *area = &file->area[i];
            const char *name = arena_printf(context->arena, "%s.%s", area->protection, area->name);
            if (!name)
                return STATUS_MEMORY;
            report_table_text(out, row, "memory", name);
            put_area(out, row, area, context->asked);
        }
    }
    return st;
}

void report_own_members(struct json_writer *w, const struct report_own *own, double confidence)
{
    if (!own || own->count == 0)
        return;
    json_member_array(w, "own");
    for (uint32_t f = 0; f < own->count; f++) {
        json_object_open(w);
        json_member_text(w, "arm", own->file[f].name);
        strike_put(w, own->file[f].area, own->file[f].n, confidence);
        json_object_close(w);
    }
    json_array_close(w);
}
