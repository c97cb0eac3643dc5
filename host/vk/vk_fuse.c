/* SPDX-License-Identifier: MIT */
/* Patterns of nodes that share a dispatch, and what forbids it. */
#include "vk/vk_fuse.h"

#include "vk/vk_run.h"

/* Nodes that one dispatch can do, the longest first. */
struct pattern {
    uint32_t fusion; /* bits, all of which are needed */
    uint32_t nodes;
    bool (*fits)(const struct vk_run *run, const struct vk_rec *rec); /* there are so many */
    bool hides; /* rows before the last node's are nowhere: none may be guarded */
};

/* The residual add after a LINEAR. */
static bool adds_rows(const struct vk_run *run, const struct vk_rec *rec)
{
    (void)run;
    const struct node *node = rec->node, *next = node + 1;

    return node->op == OP_LINEAR && next->op == OP_ADD && next->in2 == node->out &&
           next->in == next->out && next->rows == node->rows;
}

/* The rotation of k after that of q: registers that lie side by side. */
static bool rotates_next(const struct vk_run *run, const struct vk_rec *rec)
{
    const struct node *node = rec->node, *next = node + 1;

    return node->op == OP_ROPE && next->op == OP_ROPE && node->in == node->out &&
           next->in == next->out && next->table == node->table && next->scale == 0 &&
           run->reg[next->in].at == run->reg[node->in].at + node->rows / 4;
}

/* And then K as rotated goes into its page, with V. */
static bool stores_next(const struct vk_run *run, const struct vk_rec *rec)
{
    const struct node *k = rec->node + 1, *store = k + 1;

    return rotates_next(run, rec) && store->op == OP_STORE && store->in == k->out &&
           store->rows == k->rows;
}

/* A head's scores that fit the memory of a workgroup: from a block's first key on. */
static bool attends(const struct vk_run *run, const struct vk_rec *rec)
{
    const uint32_t seen = op_seen(rec->last_position, rec->node->window);

    return rec->node->op == OP_SCORES && seen + NM_BLOCK <= run->vk->attention_keys;
}

/* LINEAR can go on with what follows if its matrix is in one piece, and what it writes then lies on
 * one side of what it reads, as its binding does. */
static bool goes_on(const struct vk_run *run, const struct vk_rec *rec, uint32_t merged)
{
    const struct vk_linear_plan *plan = &run->vk->weights.plan[rec->index];

    return rec->node->op == OP_LINEAR && plan->merged == merged && plan->matrix->n_parts == 1;
}

static bool on_one_side(const struct vk_run *run, const struct vk_rec *rec, enum reg a, enum reg b)
{
    const struct vk_reg *reg = run->vk->memory.reg;
    const uint32_t in = reg[rec->node->in].at;

    return (reg[a].at < in) == (reg[b].at < in);
}

/* The norm of whole rows that were just written, of all columns that need it. The next layer's has
 * those of this one if none ends or starts there. */
static bool norms(const struct vk_run *run, const struct vk_rec *rec, const struct node *norm)
{
    const struct vk_weights *w = &run->vk->weights;
    const struct node *before = norm - 1;
    const bool next = norm->layer != rec->node->layer;

    if (norm->op != OP_NORM || norm->in != before->out || norm->groups != 1 ||
        norm->layer == GRAPH_NO_LAYER || !goes_on(run, rec, 1) ||
        !on_one_side(run, rec, norm->in, norm->out))
        return false;
    return w->weights[norm->weight->index].slab == w->plan[rec->index].matrix->parts[0].slab &&
           (!next || run->schedule->active[norm->layer] == rec->slots);
}

static bool norms_sums(const struct vk_run *run, const struct vk_rec *rec)
{
    return adds_rows(run, rec) && norms(run, rec, rec->node + 2);
}

static bool norms_rows(const struct vk_run *run, const struct vk_rec *rec)
{
    return norms(run, rec, rec->node + 1);
}

/* G and U lie side by side, in whole tiles. */
static bool gates(const struct vk_run *run, const struct vk_rec *rec)
{
    const struct node *gate = rec->node, *up = gate + 1, *act = gate + 2;

    return goes_on(run, rec, 2) && act->op == OP_GATE && act->in == gate->out &&
           act->in2 == up->out && gate->rows == up->rows && gate->rows % TILE_ROWS == 0 &&
           on_one_side(run, rec, gate->out, act->out);
}

static const struct pattern PATTERNS[] = {
    {VK_FUSE_ATTENTION, 3, attends, true},  {VK_FUSE_ROPE | VK_FUSE_STORE, 3, stores_next, false},
    {VK_FUSE_ROPE, 2, rotates_next, false}, {VK_FUSE_ADD | VK_FUSE_NORM, 3, norms_sums, false},
    {VK_FUSE_NORM, 2, norms_rows, true},    {VK_FUSE_ADD, 2, adds_rows, false},
    {VK_FUSE_GATE, 3, gates, false},
};

uint32_t vk_fuse_default(bool processor, bool texel)
{
    const uint32_t shared = VK_FUSE_NORM | VK_FUSE_GATE | (texel ? 0 : VK_FUSE_ATTENTION);

    return processor ? VK_FUSE_ALL & ~shared : VK_FUSE_ALL;
}

/* Nothing but guards that read acts between the nodes; guards act after all of them. */
static bool may_join(const struct vk_run *run, uint32_t index, const struct pattern *p)
{
    const struct schedule *s = run->schedule;
    const uint32_t last = index + p->nodes - 1;
    bool may = !run->pass->watch;

    for (uint32_t i = index; i <= last && may; i++)
        may = !s->hooked[i] && !s->twice[i] &&
              (i == last || !(s->edited[i] || (p->hides && s->guarded[i])));
    return may;
}

void vk_fuse(const struct vk_run *run, struct vk_rec *rec)
{
    const uint32_t count = run->vk->base.model->graph.count, fusions = run->vk->fusions;

    rec->fusion = 0;
    rec->nodes = 1;
    for (size_t i = 0; i < sizeof(PATTERNS) / sizeof(*PATTERNS) && rec->nodes == 1; i++) {
        const struct pattern *p = &PATTERNS[i];
        if ((fusions & p->fusion) == p->fusion && rec->index + p->nodes <= count &&
            p->fits(run, rec) && may_join(run, rec->index, p)) {
            rec->fusion = p->fusion;
            rec->nodes = p->nodes;
        }
    }
}

struct op_access vk_fuse_access(const struct vk_rec *rec)
{
    const struct vk_linear_plan *plan = &rec->vk->weights.plan[rec->index];
    const uint32_t merged = rec->node->op == OP_LINEAR ? plan->merged : 1;
    const uint32_t n = merged > rec->nodes ? merged : rec->nodes;
    struct op_access all = {0};

    for (uint32_t i = 0; i < n; i++) {
        const struct op_access one = op_access(&rec->node[i]);
        all.reads |= one.reads & ~all.writes;
        all.writes |= one.writes;
    }
    if ((rec->fusion & VK_FUSE_ADD && !rec->keeps) || rec->fusion & VK_FUSE_ATTENTION)
        all.writes &= ~OP_BIT(rec->node->out);
    if (rec->fusion & VK_FUSE_ATTENTION)
        all.writes &= ~OP_BIT(rec->node[1].out);
    return all;
}
