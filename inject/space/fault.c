/* SPDX-License-Identifier: MIT */
/* What a fault may name at each op and point, its width in bits, and its translation to hooks. */
#include "inject/space/fault.h"

#include <stdio.h>

#include "base/log.h"
#include "inject/space/coordinates.h"

static const char *const KIND_NAMES[] = {
#define KINDS_TEXT(name, text, how) text,
    KINDS(KINDS_TEXT)
#undef KINDS_TEXT
};

const char *fault_kind_name(enum kind kind)
{
    return kind < KIND_COUNT ? KIND_NAMES[kind] : "unknown";
}

const char *fault_point_name(uint32_t point)
{
    switch (point) {
#define KINDS_CASE(name, text, value)                                                              \
    case value:                                                                                    \
        return text;
        POINTS(KINDS_CASE)
#undef KINDS_CASE
    default:
        return "unknown";
    }
}

void fault_site(const struct fault *fault, char out[FAULT_SITE_TEXT])
{
    if (fault->place == FAULT_KV)
        snprintf(out, FAULT_SITE_TEXT, "blk.%u.kv_%c", fault->layer,
                 fault->value_cache ? 'v' : 'k');
    else
        snprintf(out, FAULT_SITE_TEXT, "%s", fault->site);
}

uint32_t fault_width(const struct fault *fault, const struct fault_bounds *bounds)
{
    if (fault->place == FAULT_WEIGHT)
        return quant_field_width(fault->tensor->type, fault->field);
    if (fault->place == FAULT_KV)
        return storage_bits(bounds->kv);
    const struct node *node = &bounds->model->graph.node[fault->node];
    bool always_f32 = node->out == REG_S || node->out == REG_P || node->out == REG_L;
    if (fault->point == HOOK_MEM)
        return always_f32 ? 32 : storage_bits(bounds->act);
    if (fault->point != HOOK_WEIGHT)
        return 32;
    if (node->op == OP_SCORES || node->op == OP_HEADS)
        return storage_bits(bounds->kv);
    return quant_field_width(node->weight->type, fault->field);
}

void fault_masks(const struct fault *fault, struct hook_data *out)
{
    out->and_mask = UINT32_MAX;
    out->or_mask = 0;
    out->xor_mask = 0;
    switch (fault->kind) {
    case KIND_FLIP:
        out->xor_mask = fault->mask;
        break;
    case KIND_STUCK_AT_0:
        out->and_mask = ~fault->mask;
        break;
    case KIND_STUCK_AT_1:
        out->or_mask = fault->mask;
        break;
    case KIND_SET:
        out->and_mask = 0;
        out->or_mask = fault->value;
        break;
    case KIND_ZERO:
    case KIND_STALE: /* until the earlier bits are captured */
        out->and_mask = 0;
        break;
    case KIND_DRY:
    case KIND_COUNT:
        break;
    }
}

void fault_hook(const struct fault *fault, const struct graph *graph, struct tap_hook *out)
{
    const struct node *node = &graph->node[fault->node];
    bool elementwise = fault->point == HOOK_WEIGHT && (node->op == OP_EMBED || node->op == OP_NORM);
    *out = (struct tap_hook){.node = fault->node,
                             .position = fault->position,
                             .point = fault->point,
                             .stale = fault->kind == KIND_STALE,
                             .data = {.row = fault->row,
                                      .k = elementwise ? fault->row % node->width : fault->k,
                                      .key = fault->key,
                                      .field = (uint32_t)fault->field}};
    fault_masks(fault, &out->data);
}

static enum status strike_kv(const struct fault *fault, struct executor *ex, uint32_t branch,
                             struct hook_data *out)
{
    struct kv_site site = {.branch = branch,
                           .layer = fault->layer,
                           .position = fault->key,
                           .value = fault->value_cache,
                           .feature = fault->k};
    if (fault->kind == KIND_STALE && fault->key > 0) {
        struct hook_data earlier = {.and_mask = UINT32_MAX};
        struct kv_site before = site;
        before.position--;
        enum status st = executor_edit_kv(ex, &before, &earlier);
        if (st)
            return st;
        out->or_mask = earlier.before;
    }
    return executor_edit_kv(ex, &site, out);
}

static struct weight_site weight_site(const struct fault *fault)
{
    return (struct weight_site){
        .tensor = fault->tensor, .row = fault->row, .k = fault->k, .field = fault->field};
}

enum status fault_strike(const struct fault *fault, struct executor *ex, uint32_t branch,
                         struct hook_data *out)
{
    *out = (struct hook_data){0};
    fault_masks(fault, out);
    if (fault->place == FAULT_KV)
        return strike_kv(fault, ex, branch, out);
    struct weight_site site = weight_site(fault);
    return executor_edit_weight(ex, &site, out);
}

enum status fault_undo(const struct fault *fault, struct executor *ex, uint32_t before)
{
    if (fault->place != FAULT_WEIGHT)
        return STATUS_OK;
    struct hook_data restore = {.and_mask = 0, .or_mask = before};
    struct weight_site site = weight_site(fault);
    return executor_edit_weight(ex, &site, &restore);
}

/* One coordinate against its number of values; unused ones must be 0. */
static enum status check_index(const char *where, const char *name, uint32_t found, uint32_t count)
{
    if (found < count || (count == 0 && found == 0))
        return STATUS_OK;
    if (count == 0)
        log_error("%s: %s %u given; this site and point have no such coordinate", where, name,
                  found);
    else
        log_error("%s: %s is %u, expected 0 to %u", where, name, found, count - 1);
    return STATUS_INPUT;
}

static enum status check_key(const struct fault *fault, const char *where, bool keyed,
                             uint32_t window)
{
    uint32_t first = window != 0 && fault->position >= window ? fault->position - window + 1 : 0;
    if (!keyed)
        return check_index(where, "key", fault->key, 0);
    if (fault->key < first || fault->key > fault->position) {
        log_error("%s: key is %u, but position %u sees keys %u to %u", where, fault->key,
                  fault->position, first, fault->position);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

static enum status check_op(const struct fault *fault, const struct fault_bounds *bounds,
                            const char *where)
{
    const struct node *node = &bounds->model->graph.node[fault->node];
    struct coordinates c;
    if (!coordinates_of(&c, node, fault->point, &bounds->model->hp)) {
        log_error("%s: site %s has no point '%s'", where, fault->site,
                  fault_point_name(fault->point));
        return STATUS_INPUT;
    }
    if (coordinates_needs_output(node) && fault->position + 1 < bounds->n_prompt) {
        log_error("%s: site %s is evaluated from position %u on (the last of the prompt), not at "
                  "%u",
                  where, fault->site, bounds->n_prompt - 1, fault->position);
        return STATUS_INPUT;
    }
    if (fault->kind == KIND_STALE && fault->point == HOOK_WEIGHT) {
        log_error("%s: stale is defined for values that change with the position, not for weights",
                  where);
        return STATUS_INPUT;
    }
    enum status st = check_index(where, "row", fault->row, c.rows);
    if (!st)
        st = check_index(where, "k", fault->k, c.ks);
    if (!st)
        st = check_key(fault, where, c.keyed, node->window);
    return st;
}

static enum status check_weight(const struct fault *fault, const char *where)
{
    const struct tensor *t = fault->tensor;
    uint64_t rows = t->dim[1] * t->dim[2] * t->dim[3];
    if (fault->kind == KIND_STALE) {
        log_error("%s: stale is defined for values that change with the position, not for weights",
                  where);
        return STATUS_INPUT;
    }
    enum status st = check_index(where, "row", fault->row, (uint32_t)rows);
    if (!st)
        st = check_index(where, "k", fault->k, (uint32_t)t->dim[0]);
    return st ? st : check_index(where, "key", fault->key, 0);
}

static enum status check_kv(const struct fault *fault, const struct fault_bounds *bounds,
                            const char *where)
{
    const struct hparams *hp = &bounds->model->hp;
    if (fault->key >= fault->position) {
        log_error("%s: key is %u: an entry struck at position %u must lie before it", where,
                  fault->key, fault->position);
        return STATUS_INPUT;
    }
    enum status st = check_index(where, "row", fault->row, 0);
    return st ? st : check_index(where, "k", fault->k, hp->n_head_kv * hp->head_dim);
}

/* What is struck has fields other than its value: a stored weight, or one as an op reads it. */
static bool has_fields(const struct fault *fault, const struct fault_bounds *bounds)
{
    if (fault->place != FAULT_OP)
        return fault->place == FAULT_WEIGHT;
    return fault->point == HOOK_WEIGHT && bounds->model->graph.node[fault->node].weight != NULL;
}

/* The field exists, and the bits are some of those struck. */
static enum status check_bits(const struct fault *fault, const struct fault_bounds *bounds,
                              const char *where)
{
    uint32_t width = fault_width(fault, bounds);
    if (width == 0 || (fault->field != QUANT_FIELD_CODE && !has_fields(fault, bounds))) {
        log_error("%s: what is struck has no field '%s'", where, quant_field_name(fault->field));
        return STATUS_INPUT;
    }
    bool masked = fault->kind == KIND_FLIP || fault->kind == KIND_STUCK_AT_0 ||
                  fault->kind == KIND_STUCK_AT_1;
    uint32_t bits = fault->kind == KIND_SET ? fault->value : fault->mask;
    if (masked && bits == 0) {
        log_error("%s: mask of no bits; the kind that changes nothing is dry", where);
        return STATUS_INPUT;
    }
    if (width < 32 && bits >> width != 0) {
        log_error("%s: %s 0x%x reaches beyond the %u bits struck here", where,
                  fault->kind == KIND_SET ? "value" : "mask", bits, width);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

enum status fault_check(const struct fault *fault, const struct fault_bounds *bounds,
                        const char *where)
{
    if (fault->position >= bounds->positions) {
        log_error("%s: position is %u, expected below %u (prompt and generated tokens)", where,
                  fault->position, bounds->positions);
        return STATUS_INPUT;
    }
    enum status st = fault->place == FAULT_OP       ? check_op(fault, bounds, where)
                     : fault->place == FAULT_WEIGHT ? check_weight(fault, where)
                                                    : check_kv(fault, bounds, where);
    return st ? st : check_bits(fault, bounds, where);
}
