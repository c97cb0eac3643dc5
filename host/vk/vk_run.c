/* SPDX-License-Identifier: MIT */
/* Records nodes: hazards between them, their registers, submits of bounded length. */
#include "vk/vk_run.h"

#include "base/clock.h"
#include "vk/vk_fuse.h"
#include "vk/vk_ops.h"

#define RUN_SECONDS 300.0 /* CPU drivers compile at the first dispatch */

void vk_run_access(struct vk_run *run, uint64_t reads, uint64_t writes)
{
    if ((reads & run->written) || (writes & (run->written | run->read))) {
        stream_barrier(run->vk->stream);
        run->written = run->read = 0;
    }
    run->read |= reads;
    run->written |= writes;
}

enum status vk_run_copy(struct vk_run *run, const struct vk_run_copy *copy)
{
    return stream_copy(run->vk->stream,
                       &(struct stream_copy){.from = copy->from,
                                             .to = copy->to,
                                             .from_offset = copy->from_quad * VK_QUAD,
                                             .to_offset = copy->to_quad * VK_QUAD,
                                             .size = (uint64_t)copy->quads * VK_QUAD});
}

enum status vk_run_flush(struct vk_run *run)
{
    struct vk *vk = run->vk;
    const double start = clock_seconds();
    enum status st;

    vk->dispatches += stream_dispatch_count(vk->stream);
    st = stream_run(vk->stream, RUN_SECONDS);
    vk->failed = st;
    vk->barriers += stream_barrier_count(vk->stream);
    vk->waits++;
    vk_pace_learn(&vk->pace, run->units, clock_seconds() - start);
    if (!st)
        st = stream_begin(vk->stream);
    run->units = 0;
    run->written = run->read = 0;
    return st;
}

enum status vk_run_room(struct vk_run *run, uint64_t units)
{
    const bool full = run->units > 0 && run->units + units > run->vk->pace.budget;
    const enum status st = full ? vk_run_flush(run) : STATUS_OK;

    run->units += units;
    return st;
}

enum status vk_run_op(const struct vk_rec *rec)
{
    static enum status (*const ops[OP_COUNT])(const struct vk_rec *) = {
        [OP_LAYER_NORM] = vk_norm, [OP_ACT] = vk_gate,      [OP_EMBED] = vk_embed,
        [OP_NORM] = vk_norm,       [OP_LINEAR] = vk_linear, [OP_ROPE] = vk_rope,
        [OP_STORE] = vk_store,     [OP_SCORES] = vk_scores, [OP_SOFTMAX] = vk_softmax,
        [OP_HEADS] = vk_heads,     [OP_GATE] = vk_gate,     [OP_ADD] = vk_add,
        [OP_CHOOSE] = vk_choose,   [OP_ROUTE] = vk_route,   [OP_EXPERTS] = vk_experts,
        [OP_MIX] = vk_mix,         [OP_SHARE] = vk_add,
    };
    return ops[rec->node->op](rec);
}

/* What the dispatch of a node reads and writes, those of second evaluations too. */
static struct op_access access_of(const struct vk_rec *rec)
{
    struct op_access access = vk_fuse_access(rec);

    if (rec->doubled)
        access.writes |= access.writes << VK_RUN_TWIN(0);
    return access;
}

/* All but where the rows go. */
static struct vk_rec rec_of(struct vk_run *run, uint32_t index, const struct vk_range *range)
{
    const struct node *node = &run->vk->base.model->graph.node[index];
    struct vk_rec rec = {.vk = run->vk,
                         .node = node,
                         .index = index,
                         .slot0 = range->slot0,
                         .slots = range->slots,
                         .score_slot0 = range->base,
                         .last_position = range->last_position};

    if (node->in != REG_NONE)
        rec.src = run->reg[range->gathered && node->in == REG_X ? REG_T : node->in];
    if (node->in2 != REG_NONE)
        rec.src2 = run->reg[node->in2];
    vk_fuse(run, &rec);
    if (rec.fusion & VK_FUSE_ADD) {
        rec.src2 = run->reg[node[1].in];
        rec.keeps = run->schedule->guarded[index];
    }
    if (rec.fusion & VK_FUSE_STORE)
        rec.src2 = run->reg[node[2].in2];
    return rec;
}

/* Where the rows go, once there is way for them. */
static void place_rows(struct vk_rec *rec, const struct vk_run *run, const struct vk_range *range)
{
    const struct node *node = rec->node;

    if (node->out != REG_NONE)
        rec->dst = run->reg[node->out];
    if (rec->fusion & VK_FUSE_ADD)
        rec->sum = run->reg[node[1].out];
    if (rec->fusion & (VK_FUSE_NORM | VK_FUSE_GATE))
        rec->next = run->reg[node[rec->nodes - 1].out];
    if (rec->fusion & VK_FUSE_ATTENTION)
        rec->dst = run->reg[node[2].out];
    if (node->out == REG_L) /* rows of a chunk start at 0; unsigned wrap-around undoes this */
        rec->dst.at -= range->base * rec->dst.stride;
}

/* The op, over as many columns at a time as a submit may take. */
static enum status record_op(struct vk_run *run, const struct vk_rec *rec,
                             const struct op_access *access)
{
    const bool matrix = rec->node->op == OP_LINEAR || rec->node->op == OP_EXPERTS;
    struct vk_rec part = *rec;
    enum status st = STATUS_OK;

    for (uint32_t done = 0; done < rec->slots && !st; done += part.slots) {
        part.slot0 = rec->slot0 + done;
        part.slots = rec->slots - done;
        if (matrix)
            part.slots = vk_pace_columns(&run->vk->pace, &part);
        st = vk_run_room(run, vk_pace_cost(&part));
        if (done == 0)
            vk_run_access(run, access->reads, access->writes);
        run->read |= access->reads; /* later parts have rows of their own */
        run->written |= access->writes;
        if (!st)
            st = vk_run_op(&part);
    }
    return st;
}

/* The op and its hooks, if no dispatch before has done it. */
static enum status run_node(struct vk_run *run, struct vk_rec *rec, const struct vk_range *range)
{
    rec->doubled = vk_twin_doubles(run, rec);
    const bool merged = rec->node->op == OP_LINEAR && run->vk->weights.plan[rec->index].merged == 0;
    const struct op_access access = access_of(rec);
    enum status st = merged ? STATUS_OK : vk_guard_make_way(run, access.writes, range->slot0 == 0);

    place_rows(rec, run, range);
    if (!st)
        st = vk_patch_save(run, rec);
    if (!st && !merged) {
        st = record_op(run, rec, &access);
        run->fused = (struct vk_run_nodes){rec->index, rec->index + rec->nodes};
        if (rec->doubled)
            run->doubled = rec->index + run->vk->weights.plan[rec->index].merged;
    }
    return st ? st : vk_patch(run, rec);
}

enum status vk_run_node(struct vk_run *run, uint32_t index, const struct vk_range *range)
{
    const bool done = index > run->fused.first && index < run->fused.end;
    struct vk_rec rec = rec_of(run, index, range);
    enum status st = STATUS_OK;

    executor_work_op(&run->vk->base, run->schedule, index,
                     (struct executor_work_slots){range->slot0, range->slots});
    if (done)
        place_rows(&rec, run, range);
    else
        st = run_node(run, &rec, range);
    if (!st)
        st = vk_guard(run, &rec);
    return st || done ? st : vk_watch(run, &rec);
}
