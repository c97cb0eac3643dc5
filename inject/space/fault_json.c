/* SPDX-License-Identifier: MIT */
/* Reads faults from JSON: every field known, every value checked, errors with pointer and line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/args.h"
#include "base/log.h"
#include "inject/space/fault.h"

static const char *const FIELDS[] = {"site",     "point", "kind", "mask", "bit", "bits",  "value",
                                     "position", "step",  "row",  "k",    "key", "field", "title"};
#define FIELD_COUNT (sizeof FIELDS / sizeof *FIELDS)

struct reader {
    const struct json_doc *doc;
    const struct fault_bounds *bounds;
    struct arena *arena;
};

static enum status check_fields(const struct reader *r, const struct json *object)
{
    for (size_t i = 0; i < json_count(object); i++) {
        const struct json *value = json_at(object, i);
        const char *key = json_key(value);
        bool known = false;
        for (size_t f = 0; f < FIELD_COUNT; f++)
            known = known || strcmp(key, FIELDS[f]) == 0;
        if (known)
            continue;
        const char *nearest = args_nearest(key, FIELDS, FIELD_COUNT);
        log_error("%s: unknown field%s%s%s", json_where(r->doc, value),
                  nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

static enum status get_text(const struct reader *r, const struct json *object, const char *key,
                            const char **out)
{
    const struct json *value = json_get(object, key);
    if (!value)
        return STATUS_OK;
    if (json_type(value) != JSON_TEXT) {
        log_error("%s: expected a text", json_where(r->doc, value));
        return STATUS_INPUT;
    }
    *out = json_text(value);
    return STATUS_OK;
}

/* A number in [0, max], or bits written as "0x...". */
static enum status get_uint(const struct reader *r, const struct json *object, const char *key,
                            uint32_t max, uint32_t *out)
{
    const struct json *value = json_get(object, key);
    int64_t number = 0;
    if (!value)
        return STATUS_OK;
    bool ok = json_integer(value, 0, max, &number);
    if (!ok && json_type(value) == JSON_TEXT && strncmp(json_text(value), "0x", 2) == 0) {
        char *end = NULL;
        const char *digits = json_text(value) + 2;
        unsigned long long parsed = strtoull(digits, &end, 16);
        ok = *digits != '\0' && strspn(digits, "0123456789abcdefABCDEF") == strlen(digits) &&
             strlen(digits) <= 8 && parsed <= max;
        number = (int64_t)parsed;
    }
    if (!ok) {
        log_error("%s: expected an integer from 0 to %u, or the same as a text \"0x...\"",
                  json_where(r->doc, value), max);
        return STATUS_INPUT;
    }
    *out = (uint32_t)number;
    return STATUS_OK;
}

/* "blk.<layer>.kv_k" or "...kv_v" of a layer the model has, spelled as records spell it. */
static bool kv_site_name(const char *site, const struct hparams *hp, struct fault *out)
{
    struct fault found = {.place = FAULT_KV};
    char spelled[FAULT_SITE_TEXT];
    size_t length = strlen(site);
    if (sscanf(site, "blk.%9u.kv_", &found.layer) != 1 || found.layer >= hp->n_layers)
        return false;
    found.value_cache = site[length - 1] == 'v';
    fault_site(&found, spelled);
    if (strcmp(site, spelled) != 0)
        return false;
    out->place = FAULT_KV;
    out->layer = found.layer;
    out->value_cache = found.value_cache;
    return true;
}

static enum status get_site(const struct reader *r, const struct json *object, struct fault *out)
{
    const struct model *model = r->bounds->model;
    const char *site = NULL;
    enum status st = get_text(r, object, "site", &site);
    if (st)
        return st;
    if (!site) {
        log_error("%s: 'site' is missing; expected a name such as \"blk.0.attn_q\" (an op), "
                  "\"blk.0.attn_q.weight\" (stored) or \"blk.0.kv_k\"",
                  json_where(r->doc, object));
        return STATUS_INPUT;
    }
    out->site = arena_text(r->arena, site, strlen(site));
    if (!out->site)
        return STATUS_MEMORY;
    const struct node *node = graph_find(&model->graph, site);
    if (node && node->op != OP_STORE) {
        out->place = FAULT_OP;
        out->node = (uint32_t)(node - model->graph.node);
        out->layer = node->layer;
        return STATUS_OK;
    }
    if (kv_site_name(site, &model->hp, out))
        return STATUS_OK;
    for (uint32_t i = 0; i < model->graph.count; i++) {
        node = &model->graph.node[i];
        if (node->weight && strcmp(node->weight->name, site) == 0) {
            out->place = FAULT_WEIGHT;
            out->tensor = node->weight;
            out->layer = node->layer;
            return STATUS_OK;
        }
    }
    log_error("%s: the model has no site '%s'", json_where(r->doc, json_get(object, "site")), site);
    return STATUS_INPUT;
}

static enum status get_kind(const struct reader *r, const struct json *object, struct fault *out)
{
    const char *text = "flip";
    enum status st = get_text(r, object, "kind", &text);
    if (st)
        return st;
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (strcmp(text, fault_kind_name((enum kind)kind)) == 0) {
            out->kind = (enum kind)kind;
            return STATUS_OK;
        }
    }
    log_error("%s: unknown kind '%s'; expected flip, stuck_at_0, stuck_at_1, set, zero, stale or "
              "dry",
              json_where(r->doc, json_get(object, "kind")), text);
    return STATUS_INPUT;
}

static enum status get_point(const struct reader *r, const struct json *object, struct fault *out)
{
    const char *text = out->place == FAULT_OP ? "out" : "mem";
    enum status st = get_text(r, object, "point", &text);
    if (st)
        return st;
    for (uint32_t point = HOOK_OPERAND; point <= HOOK_MEM; point++) {
        if (strcmp(text, fault_point_name(point)) == 0)
            out->point = point;
    }
    if (out->point == HOOK_OFF) {
        log_error("%s: unknown point '%s'; expected operand, weight, partial, out or mem",
                  json_where(r->doc, json_get(object, "point")), text);
        return STATUS_INPUT;
    }
    if (out->place != FAULT_OP && out->point != HOOK_MEM) {
        log_error("%s: '%s' is stored memory, its only point is mem",
                  json_where(r->doc, json_get(object, "point")), out->site);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

static enum status get_field(const struct reader *r, const struct json *object, struct fault *out)
{
    const char *text = "code";
    enum status st = get_text(r, object, "field", &text);
    if (st)
        return st;
    for (int field = 0; field < QUANT_FIELD_COUNT; field++) {
        if (strcmp(text, quant_field_name((enum quant_field)field)) == 0) {
            out->field = (enum quant_field)field;
            return STATUS_OK;
        }
    }
    log_error("%s: unknown field '%s'; expected code, scale, min, subscale or submin",
              json_where(r->doc, json_get(object, "field")), text);
    return STATUS_INPUT;
}

/* The bits concerned: exactly one of mask, bit, bits for the kinds that need them, value for set.
 */
static enum status get_bits(const struct reader *r, const struct json *object, struct fault *out)
{
    const struct json *bits = json_get(object, "bits");
    uint32_t bit = 32;
    int given =
        (json_get(object, "mask") != NULL) + (json_get(object, "bit") != NULL) + (bits != NULL);
    bool masked =
        out->kind == KIND_FLIP || out->kind == KIND_STUCK_AT_0 || out->kind == KIND_STUCK_AT_1;
    bool valued = json_get(object, "value") != NULL;
    if (given != (masked ? 1 : 0) || valued != (out->kind == KIND_SET)) {
        log_error("%s: kind %s takes %s", json_where(r->doc, object), fault_kind_name(out->kind),
                  masked                  ? "exactly one of 'mask', 'bit', 'bits'"
                  : out->kind == KIND_SET ? "'value' and no mask"
                                          : "neither a mask nor a value");
        return STATUS_INPUT;
    }
    if (bits && (json_type(bits) != JSON_ARRAY || json_count(bits) == 0)) {
        log_error("%s: expected a list of at least one bit", json_where(r->doc, bits));
        return STATUS_INPUT;
    }
    enum status st = get_uint(r, object, "mask", UINT32_MAX, &out->mask);
    if (!st)
        st = get_uint(r, object, "value", UINT32_MAX, &out->value);
    if (!st)
        st = get_uint(r, object, "bit", 31, &bit);
    if (!st && bit < 32)
        out->mask = 1u << bit;
    for (size_t i = 0; !st && bits && i < json_count(bits); i++) {
        int64_t number = 0;
        if (!json_integer(json_at(bits, i), 0, 31, &number)) {
            log_error("%s: expected a bit from 0 to 31", json_where(r->doc, json_at(bits, i)));
            return STATUS_INPUT;
        }
        out->mask |= 1u << number;
    }
    return st;
}

static enum status get_when(const struct reader *r, const struct json *object, struct fault *out)
{
    uint32_t step = 0;
    if (json_get(object, "position") && json_get(object, "step")) {
        log_error("%s: give 'position' or 'step' (position = prompt length - 1 + step), not both",
                  json_where(r->doc, object));
        return STATUS_INPUT;
    }
    enum status st = get_uint(r, object, "step", r->bounds->positions, &step);
    out->position = r->bounds->n_prompt - 1 + step;
    return st ? st : get_uint(r, object, "position", UINT32_MAX - 1, &out->position);
}

static enum status read_fault(const struct reader *r, const struct json *object, struct fault *out)
{
    if (json_type(object) != JSON_OBJECT) {
        log_error("%s: expected a fault, an object with 'site'", json_where(r->doc, object));
        return STATUS_INPUT;
    }
    *out = (struct fault){.layer = GRAPH_NO_LAYER};
    enum status st = check_fields(r, object);
    if (!st)
        st = get_site(r, object, out);
    if (!st)
        st = get_kind(r, object, out);
    if (!st)
        st = get_point(r, object, out);
    if (!st)
        st = get_field(r, object, out);
    if (!st)
        st = get_bits(r, object, out);
    if (!st)
        st = get_when(r, object, out);
    if (!st)
        st = get_uint(r, object, "row", UINT32_MAX, &out->row);
    if (!st)
        st = get_uint(r, object, "k", UINT32_MAX, &out->k);
    if (!st)
        st = get_uint(r, object, "key", UINT32_MAX, &out->key);
    if (st)
        return st;
    return fault_check(out, r->bounds, json_where(r->doc, object));
}

enum status fault_parse(struct fault **out, uint32_t *out_count, struct arena *arena,
                        const struct json_doc *doc, const struct fault_bounds *bounds)
{
    struct reader r = {.doc = doc, .bounds = bounds, .arena = arena};
    const struct json *root = json_root(doc);
    bool list = json_type(root) == JSON_ARRAY;
    size_t count = list ? json_count(root) : 1;
    if (count == 0 || count > UINT32_MAX / sizeof **out) {
        log_error("%s: expected at least one fault", json_where(doc, root));
        return STATUS_INPUT;
    }
    *out = arena_array(arena, count, sizeof **out);
    if (!*out)
        return STATUS_MEMORY;
    for (size_t i = 0; i < count; i++) {
        enum status st = read_fault(&r, list ? json_at(root, i) : root, &(*out)[i]);
        if (st)
            return st;
    }
    *out_count = (uint32_t)count;
    return STATUS_OK;
}
