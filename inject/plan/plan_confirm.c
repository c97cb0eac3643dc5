/* SPDX-License-Identifier: MIT */
/* A plan that estimates some strata of another campaign anew: reads and writes "confirm". */
#include "inject/plan/plan_confirm.h"

#include <string.h>

#include "base/log.h"
#include "base/sort.h"
#include "inject/plan/plan_field.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static enum status read_of(const struct plan_reader *r, const struct json *value)
{
    const char *of = "";
    const enum status st = json_fields_text_of(r->doc, value, &of);
    if (st)
        return st;
    if (strlen(of) != HASH_SHA256_TEXT - 1 || strspn(of, "0123456789abcdef") != strlen(of)) {
        log_error("%s: found \"%s\" as 'of', expected the identity of a plan: 64 digits 0-9a-f",
                  json_where(r->doc, value), of);
        return STATUS_INPUT;
    }
    memcpy(r->plan->confirm.of, of, HASH_SHA256_TEXT);
    return STATUS_OK;
}

static enum status read_labels(const struct plan_reader *r, const struct json *list)
{
    const size_t count = json_count(list);
    const char **label = arena_array(r->arena, count + 1, sizeof(*label));
    if (!label)
        return STATUS_MEMORY;
    if (json_type(list) != JSON_ARRAY || count == 0) {
        log_error("%s: expected 'strata', a list of labels such as [\"layer=3\"]",
                  json_where(r->doc, list));
        return STATUS_INPUT;
    }
    for (size_t i = 0; i < count; i++) {
        const char *text = NULL;
        const enum status st = json_fields_text_of(r->doc, json_at(list, i), &text);
        if (st)
            return st;
        label[i] = arena_text(r->arena, text, strlen(text));
        if (!label[i])
            return STATUS_MEMORY;
    }
    sort_texts(label, count);
    for (size_t i = 0; i < count; i++) {
        if (*label[i] && (i == 0 || strcmp(label[i], label[i - 1]) != 0))
            continue;
        log_error("%s: found the label \"%s\"%s, expected labels that are not empty, each once",
                  json_where(r->doc, list), label[i], *label[i] ? " again" : "");
        return STATUS_INPUT;
    }
    r->plan->confirm.stratum = label;
    r->plan->confirm.n_strata = (uint32_t)count;
    return STATUS_OK;
}

static const struct plan_field CONFIRM[] = {
    {"strata", NULL, .read = read_labels, .need = "a list of labels such as [\"layer=3\"]",
     .form = "{'type': 'array', 'minItems': 1, 'uniqueItems': true, 'items': {'type': 'string', "
             "'minLength': 1}}",
     .examples = "[['layer=3', 'layer=7']]",
     .what = "Labels of strata, as `vkfi plan show` prints them. Must be given."},
    {"of", NULL, .read = read_of, .need = "the identity of a plan: 64 digits 0-9a-f",
     .form = "{'type': 'string', 'pattern': '^[0-9a-f]{64}$'}", .examples = "['" ZEROS "']",
     .what = "Identity of the plan whose list is estimated anew, as `vkfi plan check` prints it. "
             "Must be given."}};
PLAN_FIELDS(plan_fields_confirm, "an object with 'strata' and 'of'", CONFIRM, false);

bool plan_confirm_has(const struct plan_confirm *confirm, const char *label)
{
    return sort_has_text(confirm->stratum, confirm->n_strata, label);
}

void plan_confirm_put(struct json_writer *w, const struct plan_confirm *confirm)
{
    json_put_key(w, "confirm");
    json_object_open(w);
    json_put_key(w, "strata");
    json_array_open(w);
    for (uint32_t i = 0; i < confirm->n_strata; i++)
        json_put_text(w, confirm->stratum[i]);
    json_array_close(w);
    json_member_text(w, "of", confirm->of);
    json_object_close(w);
}

/* Omitted from plans that confirm nothing. */
enum status plan_confirm_field(struct json_writer *w, const struct plan *plan)
{
    if (plan->confirm.n_strata > 0)
        plan_confirm_put(w, &plan->confirm);
    return STATUS_OK;
}

/* Keys that the new plan sets itself or omits. */
static bool is_replaced(const char *key)
{
    static const char *const keys[] = {"title",    "seed",    "hypotheses", "stop",
                                       "sampling", "confirm", "$schema"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        if (strcmp(keys[i], key) == 0)
            return true;
    }
    return false;
}

static bool is_goal(const char *key)
{
    return kinds_find(KINDS_GOAL, key) >= 0;
}

/* The plan's own, with another number if its goal is one. */
static void put_sampling(struct json_writer *w, const struct json *sampling,
                         const struct plan_confirm_request *request)
{
    json_put_key(w, "sampling");
    json_object_open(w);
    for (size_t i = 0; i < json_count(sampling); i++) {
        const struct json *member = json_at(sampling, i);
        const char *key = json_key(member);
        if (is_goal(key) && (request->by_trials || strcmp(key, "trials") == 0)) {
            json_member_int(w, "trials", (int64_t)request->trials);
        } else if (strcmp(key, "waves") != 0 &&
                   (!request->by_trials || strcmp(key, "allocation") != 0)) {
            json_put_key(w, key);
            json_put_value(w, member);
        }
    }
    json_object_close(w);
}

static void put_plan(struct json_writer *w, const struct json *root, const char *title,
                     const struct plan_confirm_request *request)
{
    json_object_open(w);
    json_put_key(w, "title");
    json_put_text(w, title);
    for (size_t i = 0; i < json_count(root); i++) {
        const struct json *member = json_at(root, i);
        if (is_replaced(json_key(member)))
            continue;
        json_put_key(w, json_key(member));
        json_put_value(w, member);
    }
    put_sampling(w, json_get(root, "sampling"), request);
    json_member_int(w, "seed", (int64_t)request->seed);
    struct plan_confirm confirm = {.stratum = request->label, .n_strata = request->count};
    memcpy(confirm.of, request->plan->hash, sizeof(confirm.of));
    plan_confirm_put(w, &confirm);
    json_object_close(w);
}

enum status plan_confirm_make(struct plan *out, struct arena *arena,
                              const struct plan_confirm_request *request)
{
    const char *given = request->plan->text, *of = request->plan->title;
    struct json_doc *doc = NULL;
    struct json_memory m;
    const char *title = arena_printf(arena, "%s%s%u strat%s estimated anew", of, *of ? ": " : "",
                                     request->count, request->count == 1 ? "um" : "a");
    if (!title)
        return STATUS_MEMORY;
    enum status st = json_parse(&doc, given, strlen(given), "the plan of the campaign");
    if (!st) {
        json_begin_memory(&m, true);
        put_plan(&m.w, json_root(doc), title, request);
        st = json_end_memory(&m, arena);
    }
    if (!st)
        st = plan_read(
            out, arena,
            &(struct plan_source){m.text, m.size, "the plan of the confirmation", "", NULL});
    json_destroy(&doc);
    return st;
}
