/* SPDX-License-Identifier: MIT */
/* Lists the variants of a sample's families of faults, then marks those of rows with activations.
 */
#include "inject/campaign/campaign_coverage.h"

#include <string.h>

#include "inject/campaign/campaign_items.h"

struct reading {
    struct campaign_coverage *out;
    const struct campaign_coverage_of *of;
    const struct sample *sample;
};

static enum status list_variants(struct campaign_variant_dry *out, struct arena *arena,
                                 const struct sample *sample, const struct model *model)
{
    uint32_t room = 0;
    *out = (struct campaign_variant_dry){0};
    for (uint64_t i = 0; i < sample_families(sample); i++) {
        struct fault fault;
        sample_family(sample, i, &fault);
        if (campaign_variant_find(out, model, &fault) < out->count)
            continue;
        if (out->count == room) {
            room = room ? 2 * room : 64;
            struct fault *more = arena_array(arena, room, sizeof(*more));
            if (!more)
                return STATUS_MEMORY;
            if (out->count > 0)
                memcpy(more, out->fault, out->count * sizeof(*more));
            out->fault = more;
        }
        fault.site = arena_printf(arena, "%s", fault.site); /* it lives as long as the sample */
        if (!fault.site)
            return STATUS_MEMORY;
        out->fault[out->count++] = fault;
    }
    return STATUS_OK;
}

/* With several faults per trial the row's activations are those of all: they prove none. */
static enum status mark_row(void *user, const struct trial_row *row)
{
    struct reading *r = user;
    struct campaign_coverage *out = r->out;
    struct arena arena = {0};
    struct sample_draw draw;
    if (row->device_id == TRIAL_ROW_NULL || row->device_id < 0 ||
        row->device_id >= out->n_devices || row->activations == TRIAL_ROW_NULL ||
        row->activations <= 0 || row->n_faults != 1)
        return STATUS_OK;
    const enum status st = sample_draw(r->sample, (uint64_t)row->trial, &arena, &draw);
    if (!st) {
        const uint32_t at = campaign_variant_find(&out->variant, r->of->model, draw.fault);
        if (at < out->variant.count) /* false for a sentinel */
            out->fired[(size_t)row->device_id * out->variant.count + at] = true;
    }
    arena_finish(&arena);
    return st;
}

enum status campaign_coverage_read(struct campaign_coverage *out, struct arena *arena,
                                   const struct campaign_coverage_of *of)
{
    struct campaign_stored stored;
    *out = (struct campaign_coverage){0};
    enum status st = campaign_items_stored(&stored, arena, of->store, of->plan, of->model);
    if (!st)
        st = list_variants(&out->variant, arena, stored.sample, of->model);
    if (!st)
        st = store_read_devices(of->store, arena, &out->device, &out->n_devices);
    if (!st) {
        const size_t count = (size_t)out->n_devices * out->variant.count;
        out->fired = arena_array(arena, count + 1, sizeof(*out->fired));
        st = out->fired ? STATUS_OK : STATUS_MEMORY;
    }
    if (!st)
        st = store_each_row(of->store, mark_row, &(struct reading){out, of, stored.sample});
    sample_destroy(&stored.sample);
    return st;
}

uint32_t campaign_coverage_fired(const struct campaign_coverage *coverage, uint32_t device)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < coverage->variant.count; i++)
        count += coverage->fired[(size_t)device * coverage->variant.count + i];
    return count;
}
