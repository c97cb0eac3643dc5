/* SPDX-License-Identifier: MIT */
/* Reads a calibration and checks all of it. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/fpenv.h"
#include "base/hash.h"
#include "base/json_fields.h"
#include "base/log.h"
#include "mitigations/calibration.h"

static const char *const STORAGE[STORAGE_COUNT] = {"f32", "f16", "bf16"};

#define COUNT(list) (sizeof(list) / sizeof(*(list)))
#define MOST INT64_C(1000000000000) /* columns and tokens */

struct reader {
    struct calibration *out;
    struct arena *arena;
    const struct json_doc *doc;
    const struct calibration_use *use;
};

static enum status wrong(const struct reader *r, const struct json *at, const char *expected)
{
    log_error("%s: found %s, expected %s", json_where(r->doc, at), json_fields_found(at).text,
              expected);
    return STATUS_INPUT;
}

/* A member that must be there. */
static enum status need(const struct reader *r, const struct json *object, const char *key,
                        const struct json **out)
{
    *out = json_get(object, key);
    if (*out)
        return STATUS_OK;
    log_error("%s: '%s' is missing", json_where(r->doc, object), key);
    return STATUS_INPUT;
}

static enum status need_text(const struct reader *r, const struct json *object, const char *key,
                             const char **out)
{
    const struct json *value;
    const char *text = NULL;
    enum status st = need(r, object, key, &value);
    if (!st)
        st = json_fields_text_of(r->doc, value, &text);
    if (st)
        return st;
    *out = arena_text(r->arena, text, strlen(text));
    return *out ? STATUS_OK : STATUS_MEMORY;
}

static enum status need_count(const struct reader *r, const struct json *object, const char *key,
                              uint64_t *out)
{
    const struct json *value;
    int64_t count = 0;
    enum status st = need(r, object, key, &value);
    if (!st)
        st = json_fields_integer_of(r->doc, value, (struct json_span){0, MOST}, &count);
    *out = (uint64_t)count;
    return st;
}

/* [low, high], finite; null: nothing was seen. */
static enum status read_range(const struct reader *r, const struct json *value,
                              struct calibration_range *out)
{
    const struct json_range finite = {-1e300, 1e300, false, false};
    *out = (struct calibration_range){1, 0};
    if (json_type(value) == JSON_NULL)
        return STATUS_OK;
    if (json_type(value) != JSON_ARRAY || json_count(value) != 2)
        return wrong(r, value, "[low, high] or null");
    enum status st = json_fields_number_of(r->doc, json_at(value, 0), finite, &out->low);
    if (!st)
        st = json_fields_number_of(r->doc, json_at(value, 1), finite, &out->high);
    if (!st && out->low > out->high) {
        log_error("%s: found low %g above high %g", json_where(r->doc, value), out->low, out->high);
        st = STATUS_INPUT;
    }
    return st;
}

/* {"first": .., "later": ..}: both are needed. */
static enum status read_classes(const struct reader *r, const struct json *value, const char *what)
{
    enum status st = json_fields_object(
        r->doc, value, what, (struct json_words){CALIBRATION_CLASS, CALIBRATION_CLASSES});
    for (uint32_t c = 0; !st && c < CALIBRATION_CLASSES; c++) {
        const struct json *member;
        st = need(r, value, CALIBRATION_CLASS[c], &member);
    }
    return st;
}

static enum status read_bound(const struct reader *r, const struct json *site)
{
    const struct graph *graph = &r->use->model->graph;
    const struct node *node = graph_find(graph, json_key(site));
    const uint32_t index = node ? (uint32_t)(node - graph->node) : 0;
    if (!node || !calibration_site(graph, index)) {
        log_error("%s: found no such site with bounds in %s", json_where(r->doc, site),
                  gguf_path(r->use->model->gguf));
        return STATUS_INPUT;
    }
    enum status st = read_classes(r, site, "bounds, an object with 'first' and 'later'");
    for (uint32_t c = 0; !st && c < CALIBRATION_CLASSES; c++) {
        struct calibration_range *range = &r->out->bound[index][c];
        st = read_range(r, json_get(site, CALIBRATION_CLASS[c]), range);
        if (!st && (fabs(range->low) > 3.4e38 || fabs(range->high) > 3.4e38))
            st = wrong(r, json_get(site, CALIBRATION_CLASS[c]), "numbers within those of f32");
        /* the shortest decimals of a float are read as another double */
        range->low = (double)fpenv_narrow(range->low);
        range->high = (double)fpenv_narrow(range->high);
    }
    return st;
}

static enum status read_bounds(const struct reader *r, const struct json *root)
{
    const uint32_t count = r->use->model->graph.count;
    const struct json *bounds;
    enum status st = need(r, root, "bounds", &bounds);
    if (st)
        return st;
    if (json_type(bounds) != JSON_OBJECT)
        return wrong(r, bounds, "an object of sites");
    r->out->bound = arena_array(r->arena, count, sizeof(*r->out->bound));
    if (!r->out->bound)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t c = 0; c < CALIBRATION_CLASSES; c++)
            r->out->bound[i][c] = (struct calibration_range){1, 0};
    }
    for (size_t i = 0; !st && i < json_count(bounds); i++)
        st = read_bound(r, json_at(bounds, i));
    return st;
}

static enum status read_feature(const struct reader *r, const struct json *list,
                                struct calibration_range *out)
{
    enum status st = STATUS_OK;
    if (json_type(list) != JSON_ARRAY || json_count(list) != CALIBRATION_LEVELS)
        return wrong(r, list, "a list of [low, high], one per level");
    for (uint32_t i = 0; !st && i < CALIBRATION_LEVELS; i++)
        st = read_range(r, json_at(list, i), &out[i]);
    return st;
}

static enum status read_features(const struct reader *r, const struct json *root)
{
    const struct json *features;
    enum status st = need(r, root, "features", &features);
    st = st ? st : read_classes(r, features, "features, an object with 'first' and 'later'");
    for (uint32_t c = 0; !st && c < CALIBRATION_CLASSES; c++) {
        const struct json *own = json_get(features, CALIBRATION_CLASS[c]);
        st = json_fields_object(r->doc, own, "an object of features",
                                (struct json_words){CALIBRATION_FEATURE, CALIBRATION_FEATURES});
        for (uint32_t f = 0; !st && f < CALIBRATION_FEATURES; f++) {
            const struct json *list;
            st = need(r, own, CALIBRATION_FEATURE[f], &list);
            st = st ? st : read_feature(r, list, r->out->feature[c][f]);
        }
    }
    return st;
}

static enum status read_levels(const struct reader *r, const struct json *root)
{
    const struct json *levels;
    const enum status st = need(r, root, "levels", &levels);
    bool same = json_type(levels) == JSON_ARRAY && json_count(levels) == CALIBRATION_LEVELS;
    for (uint32_t i = 0; i < CALIBRATION_LEVELS && same; i++)
        same = json_number(json_at(levels, i)) == CALIBRATION_LEVEL[i];
    return st || same ? st : wrong(r, levels, "[0, 0.0001, 0.001, 0.01]");
}

/* Names of the items of each task. */
static enum status read_items(const struct reader *r, const struct json *data)
{
    const struct json *tasks;
    size_t n = 0;
    enum status st = need(r, data, "items", &tasks);
    if (!st && json_type(tasks) != JSON_OBJECT)
        st = wrong(r, tasks, "an object: a list of names per task");
    for (size_t i = 0; !st && i < json_count(tasks); i++) {
        const struct json *list = json_at(tasks, i);
        if (json_type(list) != JSON_ARRAY)
            st = wrong(r, list, "a list of names");
        n += json_count(list);
    }
    struct calibration_item *item = st ? NULL : arena_array(r->arena, n + 1, sizeof(*item));
    if (!item)
        return st ? st : STATUS_MEMORY;
    r->out->item = item;
    for (size_t i = 0; !st && i < json_count(tasks); i++) {
        const struct json *list = json_at(tasks, i);
        const char *task = arena_text(r->arena, json_key(list), strlen(json_key(list)));
        for (size_t k = 0; !st && k < json_count(list); k++) {
            const char *name = NULL;
            st = json_fields_text_of(r->doc, json_at(list, k), &name);
            const char *own = st ? NULL : arena_text(r->arena, name, strlen(name));
            item[r->out->n_items++] = (struct calibration_item){task, own};
            st = st || (task && own) ? st : STATUS_MEMORY;
        }
    }
    return st;
}

static enum status read_data(const struct reader *r, const struct json *root)
{
    static const char *const known[] = {"split", "items", "sha256"};
    const struct json *data;
    const char *hash = NULL;
    enum status st = need(r, root, "data", &data);
    if (!st)
        st = json_fields_object(r->doc, data, "an object with 'split', 'items' and 'sha256'",
                                (struct json_words){known, COUNT(known)});
    if (!st)
        st = need_text(r, data, "split", &r->out->split);
    if (!st)
        st = need_text(r, data, "sha256", &hash);
    if (!st)
        st = read_items(r, data);
    if (!st)
        st = calibration_seal(r->out, r->arena);
    if (!st && strcmp(hash, r->out->data_hash) != 0) {
        log_error("%s: found sha256 %.16s, expected %.16s, that of its items",
                  json_where(r->doc, data), hash, r->out->data_hash);
        st = STATUS_INPUT;
    }
    return st;
}

static enum status read_storage(const struct reader *r, const struct json *root, const char *key,
                                enum storage wanted)
{
    const struct json *value;
    uint32_t found = 0;
    enum status st = need(r, root, key, &value);
    if (!st)
        st =
            json_fields_word_of(r->doc, value, (struct json_words){STORAGE, STORAGE_COUNT}, &found);
    if (!st && found != wanted) {
        log_error("%s: found a calibration of %s %s, expected %s, as the run has it",
                  json_where(r->doc, value), key, STORAGE[found], STORAGE[wanted]);
        st = STATUS_INPUT;
    }
    return st;
}

static enum status read_identity(const struct reader *r, const struct json *root)
{
    const struct calibration *out = r->out;
    const struct json *version, *value = json_get(root, "model");
    int64_t is;
    const char *hash = NULL;
    enum status st = need(r, root, CALIBRATION_VERSION_KEY, &version);
    if (!st)
        st = json_fields_integer_of(
            r->doc, version, (struct json_span){CALIBRATION_VERSION, CALIBRATION_VERSION}, &is);
    if (!st)
        st = need_text(r, root, "model", &hash);
    if (!st && strcmp(hash, out->model_hash) != 0) {
        log_error("%s: found a calibration of the model with SHA-256 %.16s, expected %.16s, that "
                  "of %s",
                  json_where(r->doc, value), hash, out->model_hash, gguf_path(out->model->gguf));
        st = STATUS_INPUT;
    }
    st = st ? st : read_storage(r, root, "act", out->act);
    return st ? st : read_storage(r, root, "kv", out->kv);
}

static enum status read_margin(const struct reader *r, const struct json *root)
{
    const struct json *tau, *share;
    enum status st = need(r, root, "tau", &tau);
    st = st ? st : need(r, root, "tau_share", &share);
    if (!st)
        st = json_fields_number_of(r->doc, tau, (struct json_range){.max = 1e300}, &r->out->tau);
    if (!st)
        st =
            json_fields_number_of(r->doc, share, (struct json_range){.max = 1}, &r->out->tau_share);
    return st;
}

static enum status read_counts(const struct reader *r, const struct json *root)
{
    const struct json *tokens;
    enum status st = need_count(r, root, "columns", &r->out->columns);
    st = st ? st : need(r, root, "tokens", &tokens);
    st = st ? st : read_classes(r, tokens, "counts, an object with 'first' and 'later'");
    for (uint32_t c = 0; !st && c < CALIBRATION_CLASSES; c++)
        st = need_count(r, tokens, CALIBRATION_CLASS[c], &r->out->tokens[c]);
    return st;
}

static enum status read_root(const struct reader *r)
{
    static const char *const known[] = {CALIBRATION_VERSION_KEY,
                                        "model",
                                        "act",
                                        "kv",
                                        "data",
                                        "columns",
                                        "tokens",
                                        "tau",
                                        "tau_share",
                                        "levels",
                                        "bounds",
                                        "features"};
    const struct json *root = json_root(r->doc);
    enum status st =
        json_fields_object(r->doc, root, "a calibration, as vkfi protect calibrate writes it",
                           (struct json_words){known, COUNT(known)});
    st = st ? st : read_identity(r, root);
    st = st ? st : read_data(r, root);
    st = st ? st : read_counts(r, root);
    st = st ? st : read_margin(r, root);
    st = st ? st : read_levels(r, root);
    st = st ? st : read_bounds(r, root);
    return st ? st : read_features(r, root);
}

enum status calibration_read(struct calibration *out, struct arena *arena,
                             const struct calibration_text *text, const struct calibration_use *use)
{
    struct json_doc *doc = NULL;
    char *hash = arena_alloc(arena, HASH_SHA256_TEXT);
    enum status st = hash ? STATUS_OK : STATUS_MEMORY;
    if (!st && use->model_hash)
        memcpy(hash, use->model_hash, HASH_SHA256_TEXT);
    else if (!st)
        st = file_sha256(gguf_path(use->model->gguf), hash);
    *out = (struct calibration){
        .model = use->model, .model_hash = hash, .act = use->act, .kv = use->kv};
    st = st ? st : json_parse(&doc, text->text, text->size, text->name);
    st = st ? st : read_root(&(struct reader){out, arena, doc, use});
    json_destroy(&doc);
    return st;
}

enum status calibration_load(struct calibration *out, struct arena *arena, const char *path,
                             const struct calibration_use *use)
{
    struct arena bytes = {0};
    struct calibration_text text = {.name = path};
    char *data = NULL;
    enum status st = file_read(&bytes, path, &data, &text.size);
    text.text = data;
    st = st ? st : calibration_read(out, arena, &text, use);
    arena_finish(&bytes);
    return st;
}
