/* SPDX-License-Identifier: MIT */
/* A set of small keys, searched in order: there are some hundred at most. */
#include "inject/campaign/campaign_variant.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/log.h"

/* Place, operation, point, type and field of the weight, granularity: these choose the kernel, its
 * constants and the shape of the patch. Layers, coordinates, kinds and masks are data. */
static uint64_t key_of(const struct fault *fault, const struct model *model)
{
    const struct node *node = fault->place == PLACE_OP ? &model->graph.node[fault->node] : NULL;
    const struct tensor *weight = fault->place == PLACE_WEIGHT ? fault->tensor
                                  : node                       ? node->weight
                                                               : NULL;
    const uint64_t part[] = {
        fault->place,
        node ? node->op + 1u : 0,
        fault->point,
        weight ? weight->type + 1u : 0,
        fault->point == HOOK_WEIGHT || fault->place == PLACE_WEIGHT ? fault->field + 1u : 0,
        fault->granularity,
        fault->place == PLACE_CONTROL ? fault->control + 1u : 0,
        fault->place == PLACE_KV ? fault->value_cache : 0};
    uint64_t key = 0;
    for (size_t i = 0; i < sizeof(part) / sizeof(*part); i++)
        key = key << 8 | (part[i] & 0xff);
    return key;
}

void campaign_variant_finish(struct campaign_variant_set *set)
{
    free(set->key);
    *set = (struct campaign_variant_set){0};
}

static bool has_key(const struct campaign_variant_set *set, uint64_t key)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->key[i] == key)
            return true;
    }
    return false;
}

uint32_t campaign_variant_find(const struct campaign_variant_dry *dry, const struct model *model,
                               const struct fault *fault)
{
    const uint64_t key = key_of(fault, model);
    uint32_t i = 0;
    while (i < dry->count && key_of(&dry->fault[i], model) != key)
        i++;
    return i;
}

enum status campaign_variant_missing(struct campaign_variant_dry *out, struct arena *arena,
                                     const struct campaign_variant_set *set,
                                     const struct model *model, const struct trial_jobs *jobs)
{
    size_t faults = 0;
    for (uint32_t i = 0; i < jobs->n; i++)
        faults += jobs->job[i].n_faults;
    *out = (struct campaign_variant_dry){.fault = arena_array(arena, faults, sizeof(*out->fault))};
    if (!out->fault)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < jobs->n; i++) {
        for (uint32_t k = 0; k < jobs->job[i].n_faults; k++) {
            const struct fault *fault = &jobs->job[i].fault[k];
            if (has_key(set, key_of(fault, model)) ||
                campaign_variant_find(out, model, fault) < out->count)
                continue;
            struct fault *dry = &out->fault[out->count++];
            *dry = fault_dry(fault);
            dry->only_mask = dry->only_value = 0; /* it must fire, whatever the bits */
        }
    }
    return STATUS_OK;
}

enum status campaign_variant_add(struct campaign_variant_set *set, const struct model *model,
                                 const struct campaign_variant_dry *dry)
{
    if (set->count + dry->count > set->room) {
        const size_t room = 2 * (set->count + dry->count);
        uint64_t *key = realloc(set->key, room * sizeof(*key));
        if (!key) {
            log_error("out of host memory for %zu hook variants", room);
            return STATUS_MEMORY;
        }
        set->key = key;
        set->room = room;
    }
    for (uint32_t i = 0; i < dry->count; i++)
        set->key[set->count++] = key_of(&dry->fault[i], model);
    return STATUS_OK;
}
