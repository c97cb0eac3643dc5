/* SPDX-License-Identifier: MIT */
/* Walks the graph over the columns of a pass, layer by layer, then the outputs. */
#include <string.h>

#include "shared/numerics.h"

#include "vk/vk_memory.h"
#include "vk/vk_ops.h"
#include "vk/vk_run.h"

static const struct graph *graph_of(const struct vk_run *run)
{
    return &run->vk->base.model->graph;
}

static const struct column *column_of(const struct vk_run *run, uint32_t slot)
{
    return &run->pass->columns[run->column[slot]];
}

/* Quad of a residual in the checkpoint store. */
static uint64_t checkpoint_at(const struct vk_run *run, uint32_t row, uint32_t layer)
{
    const uint32_t layers = vk_hparams(run->vk)->n_layers + 1;

    return ((uint64_t)row * layers + layer) * run->vk->memory.embd_quads;
}

/* A slot's residual from or to the checkpoint store. */
static enum status move_residual(struct vk_run *run, uint32_t slot, uint64_t checkpoint, bool load)
{
    const struct vk_memory *m = &run->vk->memory;
    const uint64_t x = run->reg[REG_X].at + slot * run->reg[REG_X].stride;
    const uint64_t from = load ? OP_BIT(VK_RUN_CHECKPOINTS) : OP_BIT(REG_X);
    const uint64_t to = load ? OP_BIT(REG_X) : OP_BIT(VK_RUN_CHECKPOINTS);

    /* rows of one kind never overlap: a barrier only against the other kind of access */
    if ((run->written & from) || (run->read & to))
        vk_run_access(run, from, to);
    run->read |= from;
    run->written |= to;
    return vk_run_copy(run, &(struct vk_run_copy){.from = load ? m->checkpoints : m->work,
                                                  .to = load ? m->work : m->checkpoints,
                                                  .from_quad = load ? checkpoint : x,
                                                  .to_quad = load ? x : checkpoint,
                                                  .quads = m->embd_quads});
}

static enum status load_residuals(struct vk_run *run, uint32_t layer)
{
    enum status st = STATUS_OK;

    for (uint32_t slot = 0; slot < run->pass->n_columns && !st; slot++) {
        const struct column *c = column_of(run, slot);
        if (schedule_loads(c, layer))
            st = move_residual(run, slot, checkpoint_at(run, c->checkpoint, layer), true);
    }
    return st;
}

/* Residuals entering `layer`. */
static enum status save_residuals(struct vk_run *run, uint32_t layer, uint32_t slots)
{
    enum status st = STATUS_OK;

    for (uint32_t slot = 0; slot < slots && !st; slot++) {
        const struct column *c = column_of(run, slot);
        if (schedule_saves(c, layer))
            st = move_residual(run, slot, checkpoint_at(run, c->save, layer), false);
    }
    return st;
}

static uint32_t last_position(const struct vk_run *run, uint32_t slot0, uint32_t slots)
{
    uint32_t last = 0;

    for (uint32_t slot = slot0; slot < slot0 + slots; slot++)
        last = column_last(column_of(run, slot)) > last ? column_last(column_of(run, slot)) : last;
    return last;
}

/* SCORES, SOFTMAX and HEADS: as many columns at a time as there are rows of scores. */
static enum status run_attention(struct vk_run *run, uint32_t index, uint32_t slots)
{
    const uint32_t most = run->vk->memory.score_columns / (run->twins ? 2 : 1);
    enum status st = STATUS_OK;

    for (uint32_t slot = 0; slot < slots && !st; slot += most) {
        const uint32_t n = slots - slot < most ? slots - slot : most;
        const struct vk_range range = {
            .slot0 = slot, .slots = n, .base = slot, .last_position = last_position(run, slot, n)};
        for (uint32_t i = 0; i < 3 && !st; i++)
            st = vk_run_node(run, index + i, &range);
    }
    return st;
}

static enum status run_layer(struct vk_run *run, uint32_t layer)
{
    const struct graph *graph = graph_of(run);
    struct vk_range range = {.slots = run->schedule->active[layer]};
    enum status st = load_residuals(run, layer);

    for (uint32_t i = graph->layer_begin[layer]; i < graph->layer_begin[layer + 1]; i++) {
        const enum op op = graph->node[i].op;
        if (st || range.slots == 0)
            return st;
        if (op == OP_SCORES) {
            st = run_attention(run, i, range.slots);
            i += 2;
            continue;
        }
        st = vk_run_node(run, i, &range);
        if (op == OP_STORE)
            range.slots = run->schedule->tail[layer];
    }
    return st ? st : save_residuals(run, layer + 1, range.slots);
}

static enum status run_embedding(struct vk_run *run, uint32_t active)
{
    const struct vk_range range = {.slots = active};
    const enum status st = vk_run_node(run, 0, &range);

    return st ? st : save_residuals(run, 0, active);
}

/* Residuals of the output columns, gathered in T. */
static enum status gather(struct vk_run *run)
{
    const struct vk_memory *m = &run->vk->memory;
    const struct schedule *s = run->schedule;
    enum status st = vk_guard_make_way(run, OP_BIT(REG_T), true);

    vk_run_access(run, OP_BIT(REG_X), OP_BIT(REG_T));
    for (uint32_t i = 0; i < s->n_outputs && !st; i++)
        st = vk_run_copy(
            run, &(struct vk_run_copy){.from = m->work,
                                       .to = m->work,
                                       .from_quad = run->reg[REG_X].at +
                                                    s->slot[s->output[i]] * run->reg[REG_X].stride,
                                       .to_quad = run->reg[REG_T].at + i * run->reg[REG_T].stride,
                                       .quads = m->embd_quads});
    vk_run_access(run, OP_BIT(REG_T), OP_BIT(REG_X)); /* the norm reads either */
    return st;
}

/* Copies the requested rows of L to where the host reads them. */
static enum status copy_rows(struct vk_run *run, uint32_t first, uint32_t n)
{
    const struct vk_memory *m = &run->vk->memory;
    const uint64_t row_bytes = (uint64_t)vk_hparams(run->vk)->n_vocab * sizeof(float);
    uint64_t to = 0;
    enum status st = STATUS_OK;

    for (uint32_t i = 0; i < first + n && !st; i++) {
        if (!(column_of(run, i)->outputs & COLUMN_LOGITS))
            continue;
        if (i >= first)
            st = stream_copy(run->vk->stream,
                             &(struct stream_copy){
                                 .from = m->work,
                                 .to = m->logits,
                                 .from_offset = (run->reg[REG_L].at +
                                                 (uint64_t)(i - first) * run->reg[REG_L].stride) *
                                                VK_QUAD,
                                 .to_offset = to,
                                 .size = row_bytes});
        to += row_bytes;
    }
    return st;
}

static bool wants_features(const struct vk_run *run, uint32_t first, uint32_t n)
{
    bool any = false;

    for (uint32_t i = first; i < first + n; i++)
        any = any || (column_of(run, i)->outputs & COLUMN_FEATURES);
    return any;
}

static enum status run_logits(struct vk_run *run, uint32_t index, const struct vk_range *outputs)
{
    const uint32_t most = run->vk->memory.logit_rows / (run->twins ? 2 : 1);
    enum status st = STATUS_OK;

    for (uint32_t i = 0; i < outputs->slots && !st; i += most) {
        struct vk_range range = *outputs;
        range.slot0 = range.base = i;
        range.slots = outputs->slots - i < most ? outputs->slots - i : most;
        st = vk_run_node(run, index, &range);
        const struct vk_rec rec = {.vk = run->vk,
                                   .node = &graph_of(run)->node[index],
                                   .slots = range.slots,
                                   .src = run->reg[REG_L],
                                   .src2 = run->reg[range.gathered ? REG_T : REG_X]};
        vk_run_access(run, OP_BIT(REG_L), 0);
        if (!st)
            st = vk_logits(&rec, i, wants_features(run, i, range.slots));
        if (!st)
            st = copy_rows(run, i, range.slots);
    }
    return st;
}

/* Copies the requested rows that enter the output matrix to where the host reads them. */
static enum status copy_hidden(struct vk_run *run)
{
    const struct vk_memory *m = &run->vk->memory;
    enum status st = STATUS_OK;

    vk_run_access(run, OP_BIT(REG_N), 0);
    for (uint32_t i = 0; i < run->schedule->n_outputs && !st; i++) {
        if (!(column_of(run, i)->outputs & COLUMN_HIDDEN))
            continue;
        st = vk_run_copy(run,
                         &(struct vk_run_copy){.from = m->work,
                                               .to = m->hidden,
                                               .from_quad = run->reg[REG_N].at +
                                                            (uint64_t)i * run->reg[REG_N].stride,
                                               .to_quad = (uint64_t)i * m->embd_quads,
                                               .quads = m->embd_quads});
    }
    return st;
}

static enum status run_outputs(struct vk_run *run)
{
    const struct graph *graph = graph_of(run);
    const uint32_t layers = vk_hparams(run->vk)->n_layers;
    const struct schedule *s = run->schedule;
    struct vk_range range = {.slots = s->n_outputs, .gathered = schedule_gathers(s)};
    enum status st = load_residuals(run, layers);

    run->column = s->output;
    run->slot = s->output_slot;
    if (st || s->n_outputs == 0)
        return st;
    if (range.gathered)
        st = gather(run);
    for (uint32_t i = graph->layer_begin[layers]; i + 1 < graph->count && !st; i++)
        st = vk_run_node(run, i, &range);
    if (!st)
        st = copy_hidden(run);
    range.slots = run->schedule->n_logits;
    return st ? st : run_logits(run, graph->count - 1, &range);
}

static struct features features_of(const struct vk_run *run, uint32_t row)
{
    const uint32_t *words = gpu_buffer_mapped(run->vk->memory.features);

    words += (size_t)row * FEATURES_QUADS * 4;
    return (struct features){.nonfinite = words[FEATURES_NONFINITE],
                             .first = lang_float(nm_unkey(words[FEATURES_FIRST])),
                             .second = lang_float(nm_unkey(words[FEATURES_SECOND])),
                             .z = lang_float(words[FEATURES_Z]),
                             .w = lang_float(words[FEATURES_W]),
                             .squares = lang_float(words[FEATURES_SQUARES])};
}

static void read_results(struct vk_run *run)
{
    const uint32_t *words = gpu_buffer_mapped(run->vk->memory.results);
    const float *row = run->vk->memory.logits ? gpu_buffer_mapped(run->vk->memory.logits) : NULL;

    for (uint32_t i = 0; i < run->schedule->n_outputs; i++) {
        if (column_of(run, i)->outputs & COLUMN_HIDDEN)
            run->out[run->column[i]].hidden =
                (const float *)gpu_buffer_mapped(run->vk->memory.hidden) +
                (size_t)i * run->vk->memory.embd_quads * 4;
    }
    for (uint32_t i = 0; i < run->schedule->n_logits; i++, words += DIGEST_QUADS * 4) {
        const uint32_t outputs = column_of(run, i)->outputs;
        struct column_result *out = &run->out[run->column[i]];
        if (outputs & COLUMN_ARGMAX) {
            out->token = words[DIGEST_TOKEN];
            out->logit = nm_unkey(words[DIGEST_KEY]);
        }
        if (outputs & COLUMN_HASH)
            out->hash = (uint64_t)words[DIGEST_HIGH] << 32 | words[DIGEST_LOW];
        out->finite = words[DIGEST_FINITE] != 0;
        if (outputs & COLUMN_FEATURES)
            out->features = features_of(run, i);
        if (outputs & COLUMN_LOGITS) {
            out->logits = row;
            row += vk_hparams(run->vk)->n_vocab;
        }
    }
}

static void read_hooks(const struct vk_run *run)
{
    const struct hook_data *data = gpu_buffer_mapped(run->vk->memory.hooks);

    for (uint32_t i = 0; i < run->pass->n_hooks; i++)
        run->pass->hooks[run->order[i]].data = data[i];
    if (run->pass->n_words > 0)
        memcpy(run->pass->words, data + HOOK_MOST, run->pass->n_words * sizeof(*run->pass->words));
}

static enum status run_pass(struct vk_run *run)
{
    struct vk *vk = run->vk;
    uint32_t layer = run->pass->columns[0].start_layer;
    enum status st = stream_begin(vk->stream);

    if (!st && vk->failed)
        st = vk_memory_clear_counters(vk);
    if (!st)
        st = vk_prepare_push(run);
    if (!st)
        st = vk_kv_copy(&vk->kv, vk->stream);
    run->written = OP_BIT(OP_PAGES);
    if (!st && layer == 0)
        st = run_embedding(run, run->schedule->active[0]);
    for (; !st && layer < vk_hparams(vk)->n_layers; layer++) {
        if (run->schedule->active[layer] == 0)
            break;
        st = run_layer(run, layer);
    }
    if (!st)
        st = run_outputs(run);
    if (!st)
        st = vk_guard_end(run);
    if (!st)
        st = vk_prepare_pull(run);
    return st ? st : vk_run_flush(run);
}

enum status vk_pass(struct executor *ex, const struct schedule *schedule, struct column_result *out)
{
    struct vk_run run = {.vk = (struct vk *)ex,
                         .schedule = schedule,
                         .pass = schedule->pass,
                         .column = schedule->column,
                         .slot = schedule->slot,
                         .out = out};
    enum status st = vk_prepare(&run);

    memset(out, 0, run.pass->n_columns * sizeof(*out));
    if (!st)
        st = run_pass(&run);
    if (!st) {
        read_results(&run);
        read_hooks(&run);
        vk_guard_read(&run);
    }
    vk_prepare_finish(&run);
    return st;
}
