/* SPDX-License-Identifier: MIT */
/* Reads policies by the protections' tables of parameters, and prints their canonical form. */
#include "mitigations/policy.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "base/sort.h"
#include "base/text.h"
#include "model/op.h"

#define REDONE_MOST 1000000u
#define REDONE_DEFAULT 4096u
#define NAMES_MOST 32u /* protections, and members of one */

static const struct policy_named BUILTIN[] = {
    {"nan_trap", "the control that a protection must beat",
     "{\"protect\": [{\"kind\": \"nan_trap\"}]}"},
    {"robust", "what the study of tests/results/mitigations.md finds best for its cost",
     "{\"protect\": [{\"kind\": \"nan_trap\"}, {\"kind\": \"abft\", \"sites\": [\"blk.*.ffn_*\", "
     "\"output\"]}]}"}};

const struct policy_named *policy_builtins(size_t *out_n)
{
    *out_n = sizeof(BUILTIN) / sizeof(*BUILTIN);
    return BUILTIN;
}

const char *policy_builtin(const char *name)
{
    for (size_t i = 0; i < sizeof(BUILTIN) / sizeof(*BUILTIN); i++) {
        if (strcmp(BUILTIN[i].name, name) == 0)
            return BUILTIN[i].text;
    }
    return NULL;
}

/* One text or a list of texts, from `arena`. */
static enum status read_texts(const char ***out, struct arena *arena, const struct json_doc *doc,
                              const struct json *value, uint32_t *out_n)
{
    const bool list = json_type(value) == JSON_ARRAY;
    const size_t n = list ? json_count(value) : 1;
    const char **text = arena_array(arena, n, sizeof(*text));
    enum status st = text ? STATUS_OK : STATUS_MEMORY;
    for (size_t i = 0; i < n && !st; i++) {
        const char *one;
        st = json_fields_text_of(doc, list ? json_at(value, i) : value, &one);
        if (!st)
            text[i] = arena_text(arena, one, strlen(one));
        if (!st && !text[i])
            st = STATUS_MEMORY;
    }
    *out = text;
    *out_n = (uint32_t)n;
    return st;
}

static enum status read_sites(struct protection_sites *out, struct arena *arena,
                              const struct json_doc *doc, const struct json *value)
{
    const char **glob;
    uint32_t n;
    const enum status st = read_texts(&glob, arena, doc, value, &n);
    *out = (struct protection_sites){glob, n};
    return st;
}

static enum status read_param(void *params, struct arena *arena, const struct json_doc *doc,
                              const struct protection_param *param, const struct json *object)
{
    void *at = (char *)params + param->at;
    switch (param->type) {
    case PROTECTION_U32:
        return json_fields_u32(doc, object, param->name,
                               (struct json_span){(int64_t)param->min, (int64_t)param->max}, at);
    case PROTECTION_NUMBER:
        return json_fields_number(doc, object, param->name,
                                  (struct json_range){.min = param->min, .max = param->max}, at);
    case PROTECTION_WORD:
        return json_fields_word(doc, object, param->name, param->words, at);
    default:
        if (!json_get(object, param->name))
            return STATUS_OK;
        return read_sites(at, arena, doc, json_get(object, param->name));
    }
}

/* The defaults of the table, read like what is given. */
static enum status set_defaults(struct policy_entry *entry, struct arena *arena)
{
    const struct protection *p = entry->protection;
    struct text text = {0};
    struct json_doc *doc = NULL;
    text_put(&text, "{");
    for (size_t i = 0; i < p->n_params; i++)
        text_addf(&text, "%s'%s': %s", i ? ", " : "", p->param[i].name, p->param[i].fallback);
    text_put(&text, "}");
    for (char *c = text.st ? NULL : strchr(text.data, '\''); c; c = strchr(c, '\''))
        *c = '"';
    enum status st = text.st ? text.st : json_parse(&doc, text.data, text.size, p->name);
    for (size_t i = 0; i < p->n_params && !st; i++)
        st = read_param(entry->params, arena, doc, &p->param[i], json_root(doc));
    json_destroy(&doc);
    text_finish(&text);
    return st;
}

static enum status find_kind(const struct protection **out, const struct json_doc *doc,
                             const struct json *object)
{
    const char *names[NAMES_MOST];
    size_t n;
    uint32_t index;
    const struct protection *const *all = protections(&n);
    for (size_t i = 0; i < n; i++)
        names[i] = all[i]->name;
    if (!json_get(object, "kind")) {
        log_error("%s: no 'kind', expected the name of a protection", json_where(doc, object));
        return STATUS_INPUT;
    }
    const enum status st =
        json_fields_word(doc, object, "kind", (struct json_words){names, n}, &index);
    *out = st ? NULL : all[index];
    return st;
}

static enum status read_entry(struct policy_entry *out, struct arena *arena,
                              const struct json_doc *doc, const struct json *object)
{
    const char *known[NAMES_MOST] = {"kind"}, *any[NAMES_MOST];
    enum status st = STATUS_OK;
    if (json_type(object) != JSON_OBJECT) /* says so */
        return json_fields_object(doc, object, "a protection, an object with 'kind'",
                                  (struct json_words){any, 0});
    st = find_kind(&out->protection, doc, object);
    if (st)
        return st;
    const struct protection *p = out->protection;
    assert(p->n_params < NAMES_MOST);
    for (size_t i = 0; i < p->n_params; i++)
        known[i + 1] = p->param[i].name;
    st = json_fields_object(doc, object, "a protection, an object with 'kind'",
                            (struct json_words){known, p->n_params + 1});
    out->params = arena_alloc(arena, p->params ? p->params : 1);
    if (!st)
        st = out->params ? set_defaults(out, arena) : STATUS_MEMORY;
    for (size_t i = 0; i < p->n_params && !st; i++)
        st = read_param(out->params, arena, doc, &p->param[i], object);
    return st;
}

static enum status read_entries(struct policy *out, struct arena *arena, const struct json_doc *doc,
                                const struct json *value)
{
    const struct json *list = json_get(value, "protect");
    enum status st = STATUS_OK;
    if (json_type(list) != JSON_ARRAY || json_count(list) == 0 || json_count(list) > POLICY_MOST) {
        log_error("%s: found %s, expected 'protect', a list of 1 to %u protections",
                  json_where(doc, list ? list : value),
                  list ? json_fields_found(list).text : "none", POLICY_MOST);
        return STATUS_INPUT;
    }
    for (size_t i = 0; i < json_count(list) && !st; i++) {
        const struct json *object = json_at(list, i);
        st = read_entry(&out->entry[i], arena, doc, object);
        for (size_t k = 0; k < i && !st; k++) {
            if (out->entry[k].protection != out->entry[i].protection)
                continue;
            log_error("%s: found '%s' again, expected each protection once",
                      json_where(doc, object), out->entry[i].protection->name);
            st = STATUS_INPUT;
        }
    }
    out->n = st ? 0 : (uint32_t)json_count(list);
    return st;
}

enum status policy_read(struct policy *out, struct arena *arena, const struct json_doc *doc,
                        const struct json *value)
{
    static const char *const known[] = {"protect", "most_redone", "calibration", "profile",
                                        "title"};
    const char *calibration = "", *title = "";
    *out = (struct policy){.most_redone = REDONE_DEFAULT};
    enum status st = json_fields_object(doc, value, "a policy, an object with 'protect'",
                                        (struct json_words){known, sizeof(known) / sizeof(*known)});
    if (!st)
        st = json_fields_text(doc, value, "title", &title);
    if (!st)
        st = json_fields_text(doc, value, "calibration", &calibration);
    if (!st)
        st = json_fields_u32(doc, value, "most_redone", (struct json_span){1, REDONE_MOST},
                             &out->most_redone);
    if (!st)
        st = read_entries(out, arena, doc, value);
    if (!st && json_get(value, "profile"))
        st = read_texts(&out->profile, arena, doc, json_get(value, "profile"), &out->n_profile);
    if (st)
        return st;
    sort_texts(out->profile, out->n_profile);
    out->calibration = arena_text(arena, calibration, strlen(calibration));
    return out->calibration ? STATUS_OK : STATUS_MEMORY;
}

static enum status place_calibration(struct policy *policy, struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash || policy->calibration[0] == '\0' || policy->calibration[0] == '/')
        return STATUS_OK;
    policy->calibration =
        arena_printf(arena, "%.*s/%s", (int)(slash - path), path, policy->calibration);
    return policy->calibration ? STATUS_OK : STATUS_MEMORY;
}

enum status policy_load(struct policy *out, struct arena *arena, const char *path)
{
    const char *builtin = policy_builtin(path);
    struct json_doc *doc = NULL;
    enum status st =
        builtin ? json_parse(&doc, builtin, strlen(builtin), path) : json_load(&doc, path);
    if (!st)
        st = policy_read(out, arena, doc, json_root(doc));
    json_destroy(&doc);
    return st ? st : place_calibration(out, arena, path);
}

static void put_param(struct json_writer *w, const void *params,
                      const struct protection_param *param)
{
    const void *at = (const char *)params + param->at;
    const struct protection_sites *sites = at;
    json_put_key(w, param->name);
    switch (param->type) {
    case PROTECTION_U32:
        json_put_int(w, *(const uint32_t *)at);
        break;
    case PROTECTION_NUMBER:
        json_put_number(w, *(const double *)at);
        break;
    case PROTECTION_WORD:
        json_put_text(w, param->words.text[*(const uint32_t *)at]);
        break;
    default:
        json_array_open(w);
        for (uint32_t i = 0; i < sites->n; i++)
            json_put_text(w, sites->glob[i]);
        json_array_close(w);
    }
}

double policy_work(const struct policy *policy, const struct protection_column *column)
{
    const struct graph *graph = &column->model->graph;
    double own = 0, added = 0;
    for (uint32_t i = 0; i < graph->count; i++)
        own += (double)op_macs(&graph->node[i], column->seen);
    for (uint32_t i = 0; i < policy->n; i++) {
        const struct policy_entry *entry = &policy->entry[i];
        added += entry->protection->work ? entry->protection->work(entry->params, column) : 0;
    }
    return added / own;
}

void policy_put(struct json_writer *w, const struct policy *policy)
{
    json_object_open(w);
    json_member_array(w, "protect");
    for (uint32_t i = 0; i < policy->n; i++) {
        const struct policy_entry *entry = &policy->entry[i];
        json_object_open(w);
        json_member_text(w, "kind", entry->protection->name);
        for (size_t k = 0; k < entry->protection->n_params; k++)
            put_param(w, entry->params, &entry->protection->param[k]);
        json_object_close(w);
    }
    json_array_close(w);
    json_member_int(w, "most_redone", policy->most_redone);
    if (policy->n_profile > 0)
        json_member_array(w, "profile");
    for (uint32_t i = 0; i < policy->n_profile; i++)
        json_put_text(w, policy->profile[i]);
    if (policy->n_profile > 0)
        json_array_close(w);
    json_object_close(w);
}

enum status policy_line(const char **out, struct arena *arena, const struct policy *policy)
{
    struct policy content = *policy;
    struct json_memory m;
    content.calibration = "";
    json_begin_memory(&m, false);
    policy_put(&m.w, &content);
    return json_end_line(out, &m, arena);
}
