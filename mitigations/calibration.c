/* SPDX-License-Identifier: MIT */
/* A calibration: its bounds and items, and its file as it is written. */
#include "mitigations/calibration.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"

const double CALIBRATION_LEVEL[CALIBRATION_LEVELS] = {0, 1e-4, 1e-3, 1e-2};

const char *const CALIBRATION_CLASS[CALIBRATION_CLASSES] = {"first", "later"};
const char *const CALIBRATION_FEATURE[CALIBRATION_FEATURES] = {"maximum", "margin", "logsumexp",
                                                               "entropy", "hidden"};

bool calibration_site(const struct graph *graph, uint32_t node)
{
    const struct node *n = &graph->node[node];
    const char *dot = strrchr(n->site, '.'), *name = dot ? dot + 1 : n->site;
    return n->op == OP_ADD || n->op == OP_GATE || n->op == OP_ACT ||
           strcmp(name, "attn_output") == 0 || strcmp(name, "ffn_down") == 0 ||
           strcmp(name, "output") == 0;
}

bool calibration_bounds(const struct calibration *calibration, uint32_t node,
                        enum calibration_class position_class, float *out_low, float *out_high)
{
    const struct calibration_range *range = &calibration->bound[node][position_class];
    *out_low = (float)range->low;
    *out_high = (float)range->high;
    return range->low <= range->high;
}

void calibration_features(double out[CALIBRATION_FEATURES], const struct features *features)
{
    out[CALIBRATION_MAXIMUM] = (double)features->first;
    out[CALIBRATION_MARGIN] = features_margin(features);
    out[CALIBRATION_LOGSUMEXP] = features_logsumexp(features);
    out[CALIBRATION_ENTROPY] = features_entropy(features);
    out[CALIBRATION_HIDDEN] = features_hidden(features);
}

enum calibration_feature calibration_outside(const struct calibration_range *range,
                                             const double *value)
{
    uint32_t f = 0;
    while (f < CALIBRATION_FEATURES && (range[f].low > range[f].high ||
                                        (value[f] >= range[f].low && value[f] <= range[f].high)))
        f++;
    return (enum calibration_feature)f;
}

void calibration_level(struct calibration_range out[][CALIBRATION_FEATURES],
                       const struct calibration *calibration, uint32_t level)
{
    for (uint32_t c = 0; c < CALIBRATION_CLASSES; c++) {
        for (uint32_t f = 0; f < CALIBRATION_FEATURES; f++)
            out[c][f] = calibration->feature[c][f][level];
    }
}

static int by_name(const void *a, const void *b)
{
    const struct calibration_item *x = a, *y = b;
    const int order = strcmp(x->task, y->task);
    return order ? order : strcmp(x->doc_id, y->doc_id);
}

bool calibration_saw(const struct calibration *calibration, const char *task, const char *doc_id)
{
    const struct calibration_item key = {task, doc_id};
    return calibration->n_items > 0 &&
           bsearch(&key, calibration->item, calibration->n_items, sizeof(key), by_name) != NULL;
}

enum status calibration_seal(struct calibration *calibration, struct arena *arena)
{
    struct calibration_item *item = arena_array(arena, calibration->n_items + 1, sizeof(*item));
    char *hash = arena_alloc(arena, HASH_SHA256_TEXT);
    struct text names = {0};
    if (!item || !hash)
        return STATUS_MEMORY;
    if (calibration->n_items > 0)
        memcpy(item, calibration->item, calibration->n_items * sizeof(*item));
    qsort(item, calibration->n_items, sizeof(*item), by_name);
    for (uint32_t i = 0; i < calibration->n_items; i++)
        text_addf(&names, "%s\n%s\n", item[i].task, item[i].doc_id);
    if (!names.st)
        hash_sha256(text_of(&names), names.size, hash);
    calibration->item = item;
    calibration->data_hash = hash;
    const enum status st = names.st;
    text_finish(&names);
    return st;
}

static void put_range(struct json_writer *w, struct calibration_range range, bool is_float)
{
    if (range.low > range.high) {
        json_put_null(w);
        return;
    }
    json_array_open(w);
    for (uint32_t i = 0; i < 2; i++) {
        const double end = i == 0 ? range.low : range.high;
        if (is_float)
            json_put_float(w, (float)end);
        else
            json_put_number(w, end);
    }
    json_array_close(w);
}

/* Items lie sorted: those of a task are neighbours. */
static void put_data(struct json_writer *w, const struct calibration *c)
{
    json_member_object(w, "data");
    json_member_text(w, "split", c->split);
    json_member_text(w, "sha256", c->data_hash);
    json_member_object(w, "items");
    for (uint32_t i = 0; i < c->n_items; i++) {
        const bool first = i == 0 || strcmp(c->item[i].task, c->item[i - 1].task) != 0;
        if (first && i > 0)
            json_array_close(w);
        if (first)
            json_member_array(w, c->item[i].task);
        json_put_text(w, c->item[i].doc_id);
    }
    if (c->n_items > 0)
        json_array_close(w);
    json_object_close(w);
    json_object_close(w);
}

static void put_bounds(struct json_writer *w, const struct calibration *c)
{
    const struct graph *graph = &c->model->graph;
    json_member_object(w, "bounds");
    for (uint32_t node = 0; node < graph->count; node++) {
        if (!calibration_site(graph, node))
            continue;
        json_member_object(w, graph->node[node].site);
        for (uint32_t k = 0; k < CALIBRATION_CLASSES; k++) {
            json_put_key(w, CALIBRATION_CLASS[k]);
            put_range(w, c->bound[node][k], true);
        }
        json_object_close(w);
    }
    json_object_close(w);
}

static void put_features(struct json_writer *w, const struct calibration *c)
{
    json_member_object(w, "features");
    for (uint32_t k = 0; k < CALIBRATION_CLASSES; k++) {
        json_member_object(w, CALIBRATION_CLASS[k]);
        for (uint32_t f = 0; f < CALIBRATION_FEATURES; f++) {
            json_member_array(w, CALIBRATION_FEATURE[f]);
            for (uint32_t i = 0; i < CALIBRATION_LEVELS; i++)
                put_range(w, c->feature[k][f][i], false);
            json_array_close(w);
        }
        json_object_close(w);
    }
    json_object_close(w);
}

void calibration_put(struct json_writer *w, const struct calibration *c)
{
    json_object_open(w);
    json_member_int(w, CALIBRATION_VERSION_KEY, CALIBRATION_VERSION);
    json_member_text(w, "model", c->model_hash);
    json_member_text(w, "act", storage_name(c->act));
    json_member_text(w, "kv", storage_name(c->kv));
    put_data(w, c);
    json_member_int(w, "columns", (int64_t)c->columns);
    json_member_object(w, "tokens");
    for (uint32_t k = 0; k < CALIBRATION_CLASSES; k++)
        json_member_int(w, CALIBRATION_CLASS[k], (int64_t)c->tokens[k]);
    json_object_close(w);
    json_member_number(w, "tau", c->tau);
    json_member_number(w, "tau_share", c->tau_share);
    json_member_array(w, "levels");
    for (uint32_t i = 0; i < CALIBRATION_LEVELS; i++)
        json_put_number(w, CALIBRATION_LEVEL[i]);
    json_array_close(w);
    put_bounds(w, c);
    put_features(w, c);
    json_object_close(w);
}
