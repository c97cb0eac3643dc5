/* SPDX-License-Identifier: MIT */
/* Parts of a fault: its site, the width and type of its bits, its form for the tap. */
#include "inject/space/fault.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "model/op.h"

#define CHECK_CONTROL(name, text, what)                                                            \
    _Static_assert((int)CONTROL_##name == (int)TAP_##name, "controls of the tap in order");
CONTROLS(CHECK_CONTROL)

static const struct node *node_of(const struct fault *fault, const struct model *model)
{
    return &model->graph.node[fault->node];
}

void fault_site(const struct fault *fault, char out[FAULT_SITE_TEXT])
{
    if (fault->place == PLACE_KV)
        snprintf(out, FAULT_SITE_TEXT, "blk.%u.kv_%c", fault->layer,
                 fault->value_cache ? 'v' : 'k');
    else if (fault->place == PLACE_TABLE)
        snprintf(out, FAULT_SITE_TEXT, "%s", fault->table ? "rope_local" : "rope");
    else if (fault->place == PLACE_CONTROL)
        snprintf(out, FAULT_SITE_TEXT, "control.%s", kinds_text(KINDS_CONTROL, fault->control));
    else
        snprintf(out, FAULT_SITE_TEXT, "%s", fault->site);
}

/* "blk.<layer>.kv_k" or "...kv_v" of a layer of the model, spelled as in records. */
static bool find_kv(struct fault *out, const struct hparams *hp, const char *site)
{
    struct fault found = {.place = PLACE_KV};
    char spelled[FAULT_SITE_TEXT];
    size_t length = strlen(site);
    if (sscanf(site, "blk.%9u.kv_", &found.layer) != 1 || found.layer >= hp->n_layers)
        return false;
    found.value_cache = site[length - 1] == 'v';
    fault_site(&found, spelled);
    if (strcmp(site, spelled) != 0)
        return false;
    out->place = PLACE_KV;
    out->layer = found.layer;
    out->value_cache = found.value_cache;
    return true;
}

static bool find_tensor(struct fault *out, const struct model *model, const char *site)
{
    for (uint32_t i = 0; i < model->graph.count; i++) {
        const struct node *node = &model->graph.node[i];
        const struct tensor *const tensors[] = {node->weight, node->bias};
        for (int t = 0; t < 2; t++) {
            if (tensors[t] && strcmp(tensors[t]->name, site) == 0) {
                out->place = PLACE_WEIGHT;
                out->tensor = tensors[t];
                out->layer = node->layer;
                return true;
            }
        }
    }
    return false;
}

bool fault_find(struct fault *out, const struct model *model, const char *site)
{
    const struct node *node = graph_find(&model->graph, site);
    out->site = site;
    out->layer = GRAPH_NO_LAYER;
    if (node && op_is_site(node->op)) {
        out->place = PLACE_OP;
        out->node = (uint32_t)(node - model->graph.node);
        out->layer = node->layer;
        return true;
    }
    if (strcmp(site, "rope") == 0 ||
        (strcmp(site, "rope_local") == 0 && model->hp.rope_tables == 2)) {
        out->place = PLACE_TABLE;
        out->table = strcmp(site, "rope") != 0;
        return true;
    }
    if (strncmp(site, "control.", 8) == 0) {
        int control = kinds_find(KINDS_CONTROL, site + 8);
        out->place = PLACE_CONTROL;
        out->control = control < 0 ? CONTROL_COUNT : (enum control)control;
        return control >= 0;
    }
    return find_kv(out, &model->hp, site) || find_tensor(out, model, site);
}

/* A stored entry of K or V as an op reads it. */
static bool reads_kv(const struct fault *fault, const struct model *model)
{
    struct op_point at;
    return fault->place == PLACE_OP && op_point(&at, node_of(fault, model), fault->point) &&
           at.stored == OP_STORED_KV;
}

uint32_t fault_width(const struct fault *fault, const struct fault_bounds *bounds)
{
    if (fault->place == PLACE_CONTROL || fault->place == PLACE_TABLE)
        return 32;
    if (fault->place == PLACE_WEIGHT)
        return quant_field_width(fault->tensor->type, fault->field);
    if (fault->place == PLACE_KV)
        return storage_bits(bounds->kv);
    const struct node *node = node_of(fault, bounds->model);
    if (fault->point == HOOK_MEM)
        return graph_reg_wide(node->out) ? 32 : storage_bits(bounds->act);
    if (fault->point != HOOK_WEIGHT)
        return 32;
    if (reads_kv(fault, bounds->model))
        return storage_bits(bounds->kv);
    return node->weight ? quant_field_width(node->weight->type, fault->field) : 32;
}

/* A stored field that is itself a number: whole values, and f16 scales and minima. */
static bool field_number(enum quant type, enum quant_field field, enum storage *out)
{
    *out = type == QUANT_F32 ? STORAGE_F32 : type == QUANT_BF16 ? STORAGE_BF16 : STORAGE_F16;
    if (field == QUANT_FIELD_CODE)
        return quant_form(type) == QUANT_FORM_PLAIN;
    return (field == QUANT_FIELD_SCALE || field == QUANT_FIELD_MIN) &&
           quant_field_width(type, field) == 16; /* an exponent alone is none */
}

bool fault_number(const struct fault *fault, const struct fault_bounds *bounds, enum storage *out)
{
    *out = STORAGE_F32;
    if (fault->place == PLACE_CONTROL)
        return false;
    if (fault->place == PLACE_TABLE)
        return true;
    if (fault->place == PLACE_WEIGHT)
        return field_number(fault->tensor->type, fault->field, out);
    const struct node *node = fault->place == PLACE_OP ? node_of(fault, bounds->model) : NULL;
    if (!node || reads_kv(fault, bounds->model)) {
        *out = bounds->kv;
        return true;
    }
    if (fault->point == HOOK_WEIGHT)
        return node->weight && field_number(node->weight->type, fault->field, out);
    if (fault->point == HOOK_MEM && fault_width(fault, bounds) == 16)
        *out = bounds->act;
    struct op_point at;
    return !op_point(&at, node, fault->point) || at.bound == 0;
}

/* Two words that identify campaign, trial, site and point in draws. */
static void seeds(const struct fault *fault, struct hook_data *out)
{
    char site[FAULT_SITE_TEXT];
    uint64_t h = hash_fold64(hash_fold64(0, fault->key_low), fault->key_high);
    fault_site(fault, site);
    for (const char *c = site; *c != '\0'; c++)
        h = hash_fold64(h, (unsigned char)*c);
    h = hash_fold64(h, fault->point);
    out->seed0 = (uint32_t)h;
    out->seed1 = (uint32_t)(h >> 32);
}

static struct hook_data data_of(const struct fault *fault, const struct fault_bounds *bounds)
{
    struct hook_data data = {.kind = fault->kind,
                             .mask = fault->mask,
                             .value = fault->value,
                             .low = fault->low,
                             .high = fault->high,
                             .row = fault->row,
                             .rows = fault->row_count,
                             .row_step = fault->row_step,
                             .k = fault->k,
                             .ks = fault->k_count,
                             .k_step = fault->k_step,
                             .key = fault->key,
                             .keys = fault->key_count,
                             .field = (uint32_t)fault->field,
                             .only_mask = fault->only_mask,
                             .only_value = fault->only_value,
                             .rate = fault->rate};
    enum storage type;
    fault_number(fault, bounds, &type);
    data.type = (uint32_t)type;
    seeds(fault, &data);
    hook_open(&data);
    return data;
}

void fault_tap(const struct fault *fault, const struct fault_bounds *bounds, struct tap_fault *out)
{
    static const enum tap_place places[PLACE_COUNT] = {[PLACE_OP] = TAP_EVALUATION,
                                                       [PLACE_WEIGHT] = TAP_WEIGHT,
                                                       [PLACE_KV] = TAP_KV,
                                                       [PLACE_TABLE] = TAP_TABLE,
                                                       [PLACE_CONTROL] = TAP_CONTROL};
    *out = (struct tap_fault){.place = places[fault->place],
                              .node = fault->node,
                              .point = fault->point,
                              .tensor = fault->tensor,
                              .layer = fault->layer,
                              .value_cache = fault->value_cache,
                              .table = fault->table,
                              .control = (enum tap_control)fault->control,
                              .position = fault->position,
                              .position_count = fault->position_count,
                              .data = data_of(fault, bounds),
                              .from = fault->from,
                              .from_axis = fault_from(fault, bounds)};
    if (fault->place == PLACE_CONTROL && fault->control == CONTROL_SAMPLER)
        out->begins = bounds->n_prompt - 1;
    if (fault->place != PLACE_OP)
        return;
    const struct node *node = node_of(fault, bounds->model);
    if (op_is_output(node))
        out->begins = bounds->n_prompt - 1;
    struct hook_data *data = &out->data;
    struct op_point at;
    if (op_point(&at, node, fault->point) && at.shared) {
        if (fault_axes(fault, bounds).readers > 0) {
            data->reader = data->row;
            data->readers = data->rows;
        }
        data->row = 0;
        data->rows = data->row_step = 1;
    }
}

struct fault fault_dry(const struct fault *fault)
{
    struct fault dry = *fault;
    dry.kind = KIND_DRY;
    return dry;
}

/* Elements that fire at one position. */
static uint64_t fired(const struct tap_fault *tap, const struct hook_data *box)
{
    uint64_t count = 0, size = hook_size(box);
    if (tap->data.rate == 0)
        return size;
    for (uint64_t i = 0; i < size; i++)
        count += hook_fires(*box, (uint32_t)i, 0);
    return count;
}

bool fault_expected(uint64_t *out, const struct fault *fault, const struct fault_bounds *bounds,
                    const struct fault_run *run)
{
    struct tap_fault tap;
    fault_tap(fault, bounds, &tap);
    tap.data.draw_row = tap.data.row;
    const struct node *node = fault->place == PLACE_OP ? node_of(fault, bounds->model) : NULL;
    bool sampler = fault->place == PLACE_CONTROL && fault->control == CONTROL_SAMPLER;
    bool late = sampler || (node && op_is_output(node));
    bool memory = fault->place != PLACE_OP && fault->place != PLACE_CONTROL;
    uint64_t count = fault->position_count ? fault->position_count : 1;
    uint64_t end = fault->position_count == FAULT_FOREVER ? UINT64_MAX : fault->position + count;

    *out = 0;
    for (uint64_t p = fault->position; p < end && p < run->n_evaluated; p++) {
        struct hook_data box = tap.data;
        if (late && p + 1 < bounds->n_prompt)
            continue;
        if (node && !tap_box(&tap, node, (uint32_t)p, &box))
            continue;
        if (memory && box.keys == FAULT_ALL_KEYS) {
            box.key = 0;
            box.keys = fault->position;
        }
        box.position = (uint32_t)p;
        box.only_mask = box.only_value = 0;
        *out += fired(&tap, &box);
        if (memory)
            break;
    }
    return fault->only_mask == 0 && !(run->due && fault->place == PLACE_CONTROL);
}
