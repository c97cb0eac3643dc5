/* SPDX-License-Identifier: MIT */
/* Life of the Vulkan executor: what it refuses, order of creation, edits from outside. */
#include "vk/vk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "shared/numerics.h"
#include "shared/push_fused.h"
#include "vk/vk_fuse.h"
#include "vk/vk_guard_abft.h"
#include "vk/vk_memory.h"
#include "vk/vk_pages.h"
#include "vk/vk_run.h"
#include "vk/vk_spans.h"

static void destroy(struct executor *ex)
{
    struct vk *vk = (struct vk *)ex;

    stream_destroy(&vk->stream);
    vk_kernels_finish(&vk->kernels);
    vk_weights_finish(&vk->weights);
    vk_guard_abft_finish(&vk->abft);
    vk_memory_finish(&vk->memory);
    vk_kv_finish(&vk->kv);
    kv_destroy(&vk->base.kv);
    weight_pages_finish(&vk->base.weights);
    free(vk);
}

/* A page that is shared is copied before an edit. */
static enum status edit_kv(struct executor *ex, const struct kv_site *site, struct hook_data *data)
{
    struct vk *vk = (struct vk *)ex;
    const enum status st = vk_spans_own(vk, &(struct kv_span){.branch = site->branch,
                                                              .layer = site->layer,
                                                              .position = site->position});

    return st ? st : vk_kv_edit(&vk->kv, site, data);
}

static enum status edit_weight(struct executor *ex, const struct weight_site *site,
                               struct hook_data *data)
{
    return vk_weights_edit(&((struct vk *)ex)->weights, site, data);
}

static enum status edit_table(struct executor *ex, const struct table_site *site,
                              struct hook_data *data)
{
    const struct vk *vk = (const struct vk *)ex;
    const uint64_t word = (uint64_t)site->table * vk->memory.rope_table * (VK_QUAD / 4) +
                          (uint64_t)site->position * vk_hparams(vk)->rope_dim + site->element;

    return vk_memory_edit(vk->memory.rope, word, data);
}

static enum status read_checkpoint(struct executor *ex, uint32_t row, uint32_t layer, float *out)
{
    const struct vk *vk = (const struct vk *)ex;
    const uint32_t n_embd = vk_hparams(vk)->n_embd;
    const uint64_t at =
        ((uint64_t)row * (vk_hparams(vk)->n_layers + 1) + layer) * vk->memory.embd_quads;
    const enum status st =
        gpu_buffer_read(vk->memory.checkpoints, at * VK_QUAD, out, n_embd * sizeof(*out));

    for (uint32_t i = 0; !st && i < n_embd; i++)
        out[i] = lang_float(nm_canon(lang_bits(out[i])));
    return st;
}

static void info(const struct executor *ex, struct executor_info *out)
{
    const struct vk *vk = (const struct vk *)ex;
    const struct gpu_info *gpu = gpu_get_info(vk->gpu);

    snprintf(out->device, sizeof(out->device), "%s", gpu->name);
    snprintf(out->driver, sizeof(out->driver), "%.120s %.120s", gpu->driver_name, gpu->driver_info);
    out->max_columns = vk->max_columns;
    out->weight_bytes = vk->weights.bytes;
    out->total_bytes = vk->weights.bytes + vk->kv.bytes + vk_memory_bytes(&vk->memory) +
                       vk_guard_abft_bytes(&vk->abft);
    out->dispatches = vk->dispatches;
    out->barriers = vk->barriers;
    out->waits = vk->waits;
    out->recordings = stream_recording_count(vk->stream);
    vk_kernels_describe(&vk->kernels, out->constants, sizeof(out->constants));
}

static const struct executor_edit_ops edit_ops = {
    .kv = edit_kv, .weight = edit_weight, .table = edit_table};
static const struct executor_ops ops = {.destroy = destroy,
                                        .pass = vk_pass,
                                        .read_checkpoint = read_checkpoint,
                                        .info = info,
                                        .edit = &edit_ops,
                                        .kv = &vk_spans_ops,
                                        .weights = &vk_pages_ops,
                                        .abft = &vk_guard_abft_ops};

enum status vk_check_model(const struct model *model)
{
    const struct hparams *hp = &model->hp;
    const struct {
        const char *what;
        uint32_t found, unit;
    } widths[] = {{"features a head", hp->head_dim, 8},
                  {"features of a head that RoPE rotates", hp->rope_dim, 8},
                  {"features of the residual", hp->n_embd, 4},
                  {"features of the feed-forward", hp->n_ff, 4}};

    for (size_t i = 0; i < sizeof(widths) / sizeof(*widths); i++) {
        if (widths[i].found % widths[i].unit == 0)
            continue;
        log_error("%s: found %" PRIu32 " %s, expected a multiple of %" PRIu32
                  " on a Vulkan device ('cpu' takes any)",
                  gguf_path(model->gguf), widths[i].found, widths[i].what, widths[i].unit);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

static enum status create_kv(struct vk *vk, const struct executor_params *params)
{
    const uint32_t blocks = order_ceil(params->positions, KV_PAGE_POSITIONS);
    const struct kv_params kv = {.layers = vk_hparams(vk)->n_layers,
                                 .pages = params->pages ? params->pages : blocks * params->branches,
                                 .branches = params->branches,
                                 .positions = params->positions};
    const enum status st = kv_create(&vk->base.kv, &kv);

    return st ? st : vk_kv_init(&vk->kv, vk->gpu, params, vk->base.kv, kv.pages);
}

enum status vk_create(struct executor **out, struct gpu *gpu, const struct executor_params *params)
{
    struct vk *vk;
    enum status st = vk_check_model(params->model);

    *out = NULL;
    if (st)
        return st;
    vk = calloc(1, sizeof(*vk));
    if (!vk) {
        log_error("vk: no host memory");
        return STATUS_MEMORY;
    }
    vk->base = (struct executor){.ops = &ops,
                                 .model = params->model,
                                 .act = params->act,
                                 .kv_storage = params->kv,
                                 .n_checkpoints = params->checkpoints,
                                 .positions = params->positions};
    const bool processor = gpu_get_info(gpu)->kind == GPU_KIND_CPU;
    vk->gpu = gpu;
    vk->attention_keys = ATTENTION_KEYS;
    vk_pace_begin(&vk->pace, processor);
    vk->positions = params->positions;
    vk_kernels_init(&vk->kernels, gpu, params->act, params->kv);
    vk->fusions = vk_fuse_default(processor, vk->kernels.shape.texel);
    st = stream_create(&vk->stream, gpu, NULL);
    if (!st)
        st = create_kv(vk, params);
    if (!st)
        st = vk_memory_init(vk, params);
    if (!st)
        st = vk_weights_init(&vk->weights, gpu, params);
    if (!st)
        st = vk_pages_init(vk);
    if (!st)
        *out = &vk->base;
    else
        destroy(&vk->base);
    return st;
}
