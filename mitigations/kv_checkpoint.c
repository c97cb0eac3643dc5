/* SPDX-License-Identifier: MIT */
/* Checkpoints of K and V: the top bits of each entry are kept as it is stored, and compared with
 * the pages that attention reads every few steps; damage is written over.
 *
 * An entry is kept once it has the sums that its registers had before the store (GUARD_STORED).
 * Columns since the last comparison may have read damage and are computed again. Damage below the
 * kept bits is counted at the end of a run, and tolerated. */
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mitigations/kv_shadow.h"
#include "mitigations/protection.h"

struct params {
    uint32_t bits, every;
    struct protection_sites planes;
};

struct self {
    struct params params;
    struct kv_shadow shadow;
    struct executor *ex;
    uint32_t row;    /* bytes stored */
    uint32_t *store; /* (n_stores) nodes whose entries are kept */
    uint32_t n_stores;
    struct kv_span *span;   /* (n planes) the entries of a column */
    uint8_t *rows;          /* (n planes, row), or the rows of a page */
    struct kv_check *check; /* (n planes * pages) */
    uint32_t *plane;        /* (the same) */
    struct kv_sums *found;  /* (the same) */
};

/* Of a run; the shadow follows. Damage of it may cost a comparison or columns. */
struct state {
    uint32_t count;    /* positions below are kept: those before the column that is looked at */
    uint32_t verified; /* columns below were computed from entries without damage */
    uint32_t steps;    /* since the last comparison */
    uint32_t again;    /* 1 + position of a column that is compared when it comes again */
};

static const struct protection_param PARAMS[] = {
    {.name = "bits",
     .type = PROTECTION_U32,
     .at = offsetof(struct params, bits),
     .max = 32,
     .fallback = "8",
     .what = "bits kept of each K and V element, from the top; its width or more: all"},
    {.name = "every",
     .type = PROTECTION_U32,
     .at = offsetof(struct params, every),
     .min = 1,
     .max = 65536,
     .fallback = "4",
     .what = "tokens from one comparison to the next"},
    {.name = "planes",
     .type = PROTECTION_SITES,
     .at = offsetof(struct params, planes),
     .fallback = "[]",
     .what = "other bits for some layers, 'blk.0.kv_k=16': globs, the last that matches holds"},
};

static enum status check_planes(const struct params *params)
{
    for (uint32_t i = 0; i < params->planes.n; i++) {
        const char *equals = strrchr(params->planes.glob[i], '=');
        char *end = NULL;
        const unsigned long bits = equals ? strtoul(equals + 1, &end, 10) : 0;
        if (!equals || end == equals + 1 || *end || bits > 32 || equals[1] == '-') {
            log_error("kv_checkpoint: planes: found '%s', expected GLOB=BITS with 0 to 32 bits",
                      params->planes.glob[i]);
            return STATUS_INPUT;
        }
    }
    return STATUS_OK;
}

static uint32_t bits_of(const struct params *params, uint32_t layer, bool value, uint32_t width)
{
    uint32_t bits = params->bits;
    char name[64], glob[256];
    snprintf(name, sizeof(name), "blk.%" PRIu32 ".%s", layer, value ? "kv_v" : "kv_k");
    for (uint32_t i = 0; i < params->planes.n; i++) {
        const char *text = params->planes.glob[i], *equals = strrchr(text, '=');
        snprintf(glob, sizeof(glob), "%.*s", (int)(equals - text), text);
        if (fnmatch(glob, name, 0) == 0)
            bits = (uint32_t)strtoul(equals + 1, NULL, 10);
    }
    return bits < width ? bits : width;
}

/* Planes with kept bits, and the nodes that store them. */
static void find_planes(struct self *s)
{
    const struct graph *graph = &s->ex->model->graph;
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        const uint32_t before = s->shadow.n;
        for (int value = 0; value < 2 && node->op == OP_STORE; value++) {
            const uint32_t bits = bits_of(&s->params, node->layer, value != 0, s->shadow.width);
            if (bits > 0)
                s->shadow.plane[s->shadow.n++] = (struct kv_shadow_plane){
                    .layer = node->layer, .value = value != 0, .bits = bits};
        }
        if (s->shadow.n > before)
            s->store[s->n_stores++] = i;
    }
}

static enum status open_checkpoint(void *self, struct arena *arena, const void *params,
                                   const struct protection_setup *setup,
                                   struct protection_needs *needs)
{
    struct self *s = self;
    const uint32_t planes = 2 * setup->ex->model->hp.n_layers;
    const uint32_t pages = (setup->ex->positions + KV_PAGE_POSITIONS - 1) / KV_PAGE_POSITIONS;
    const size_t most = (size_t)planes * pages;
    s->params = *(const struct params *)params;
    s->ex = setup->ex;
    s->row = executor_kv_row(s->ex);
    s->shadow.ex = s->ex;
    s->shadow.width = storage_bits(s->ex->kv_storage);
    s->shadow.features = s->row / (s->shadow.width / 8);
    const enum status st = check_planes(&s->params);
    if (st)
        return st;
    const uint32_t rows = planes > KV_PAGE_POSITIONS ? planes : KV_PAGE_POSITIONS;
    s->shadow.plane = arena_array(arena, planes, sizeof(*s->shadow.plane));
    s->store = arena_array(arena, planes, sizeof(*s->store));
    s->span = arena_array(arena, planes, sizeof(*s->span));
    s->rows = arena_array(arena, rows, s->row);
    s->check = arena_array(arena, most, sizeof(*s->check));
    s->plane = arena_array(arena, most, sizeof(*s->plane));
    s->found = arena_array(arena, most, sizeof(*s->found));
    s->shadow.weight = arena_array(arena, s->row / 2, sizeof(*s->shadow.weight));
    if (!s->shadow.plane || !s->store || !s->span || !s->rows || !s->check || !s->plane ||
        !s->found || !s->shadow.weight)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < s->row / 2; i++)
        s->shadow.weight[i] = sums_weight(i);
    find_planes(s);
    kv_shadow_place(&s->shadow, (sizeof(struct state) + 15) / 16 * 16);
    *needs =
        (struct protection_needs){.state = s->shadow.first + s->shadow.size, .guards = s->n_stores};
    return STATUS_OK;
}

static uint32_t ask(const void *self, const void *state, uint32_t position, uint32_t prompt,
                    struct guard *out)
{
    const struct self *s = self;
    (void)state;
    (void)position;
    (void)prompt;
    for (uint32_t i = 0; i < s->n_stores; i++)
        out[i] = (struct guard){.node = s->store[i], .kind = GUARD_STORED};
    return s->n_stores;
}

/* The layer's verdict on K or V. */
static const uint32_t *verdict_of(const struct self *s, const struct decode_view *view,
                                  const struct kv_shadow_plane *plane, uint32_t *out_node)
{
    const struct graph *graph = &s->ex->model->graph;
    uint32_t i = 0;
    while (i + 1 < view->n_guards && graph->node[view->guard[i].node].layer != plane->layer)
        i++;
    *out_node = view->guard[i].node;
    return view->guard[i].verdict + (plane->value ? 2 : 0);
}

/* Keeps the entries of a column, if they are what its registers held. */
static enum status append(struct self *s, struct state *state, const struct decode_view *view,
                          struct protection_finding *out)
{
    for (uint32_t i = 0; i < s->shadow.n; i++)
        s->span[i] = (struct kv_span){.branch = view->branch,
                                      .layer = s->shadow.plane[i].layer,
                                      .value = s->shadow.plane[i].value,
                                      .position = view->position,
                                      .n = 1};
    const enum status st = executor_kv_read(s->ex, s->span, s->shadow.n, s->rows);
    for (uint32_t i = 0; i < s->shadow.n && !st; i++) {
        const struct kv_shadow_plane *plane = &s->shadow.plane[i];
        const uint8_t *row = s->rows + (size_t)i * s->row;
        const struct kv_sums sums = kv_shadow_keep(&s->shadow, plane, state, view->position, row);
        executor_work_sums(s->ex, 6 * (uint64_t)s->row / sizeof(uint16_t), 0);
        uint32_t node;
        const uint32_t *verdict = verdict_of(s, view, plane, &node);
        if (verdict[0] != sums.weighted || verdict[1] != sums.mixed) {
            out->severity = PROTECTION_HARD;
            out->node = node;
            out->back = 1;
        }
    }
    state->count = view->position + 1;
    return st;
}

/* All pages that the next column's attention reads, of planes with kept bits: (n) in check, plane
 * and found. */
static enum status sum_pages(struct self *s, const struct state *state, uint32_t branch, bool full,
                             uint32_t *out_n)
{
    const struct hparams *hp = &s->ex->model->hp;
    const uint32_t all = (uint32_t)((UINT64_C(1) << s->shadow.width) - 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->shadow.n; i++) {
        const struct kv_shadow_plane *plane = &s->shadow.plane[i];
        const uint32_t window = hparams_windowed(hp, plane->layer) ? hp->window : 0;
        const uint32_t seen = window && window < state->count ? state->count - window : 0;
        for (uint32_t at = seen - seen % KV_PAGE_POSITIONS; at < state->count;
             at += KV_PAGE_POSITIONS) {
            const uint32_t left = state->count - at;
            s->plane[n] = i;
            s->check[n++] = (struct kv_check){
                .span = {.branch = branch,
                         .layer = plane->layer,
                         .value = plane->value,
                         .position = at,
                         .n = left < KV_PAGE_POSITIONS ? left : KV_PAGE_POSITIONS},
                .mask = full ? all : plane->mask};
        }
    }
    *out_n = n;
    return n > 0 ? executor_kv_sums(s->ex, s->check, n, s->found) : STATUS_OK;
}

/* Writes the kept bits over those of a page; false in `out_done`: they are not what is read then.
 */
static enum status write_back(struct self *s, const struct state *state, uint32_t i, bool *out_done)
{
    const struct kv_shadow_plane *plane = &s->shadow.plane[s->plane[i]];
    const struct kv_check check = s->check[i];
    struct kv_sums found;
    enum status st = executor_kv_read(s->ex, &check.span, 1, s->rows);
    for (uint32_t k = 0; k < check.span.n && !st; k++)
        kv_shadow_merge(&s->shadow, plane, state, check.span.position + k,
                        s->rows + (size_t)k * s->row);
    if (!st)
        st = executor_kv_write(s->ex, &check.span, s->rows);
    if (!st)
        st = executor_kv_sums(s->ex, &check, 1, &found);
    *out_done = !st && !executor_kv_differ(
                           found, kv_shadow_sums(&s->shadow, plane, state, check.span, false));
    return st;
}

/* Whether the shadow of a page can be trusted: it has its CRC, or its rows have their sums. What
 * was damaged of these is taken anew; then the page may be as it should be. */
static bool is_trusted(struct self *s, struct state *state, uint32_t i)
{
    const struct kv_shadow_plane *plane = &s->shadow.plane[s->plane[i]];
    const struct kv_span span = s->check[i].span;
    if (!kv_shadow_valid(plane, state, span) &&
        !kv_shadow_agrees(&s->shadow, plane, state, span, s->rows))
        return false;
    kv_shadow_mend(&s->shadow, plane, state, span, s->rows);
    return true;
}

static bool is_damaged(const struct self *s, const struct state *state, uint32_t i)
{
    return executor_kv_differ(s->found[i], kv_shadow_sums(&s->shadow, &s->shadow.plane[s->plane[i]],
                                                          state, s->check[i].span, false));
}

/* A page that differs: its kept bits are written back, or if the shadow is damaged too, its columns
 * computed again from the first. */
static enum status treat(struct self *s, struct state *state, uint32_t i, uint32_t position,
                         struct protection_finding *out)
{
    const uint32_t first = s->check[i].span.position;
    const bool trusted = is_trusted(s, state, i);
    uint32_t from = state->verified <= position ? state->verified : 0;
    bool done = false;
    if (trusted && !is_damaged(s, state, i))
        return STATUS_OK;
    const enum status st = trusted ? write_back(s, state, i, &done) : STATUS_OK;
    if (!trusted && first < from)
        from = first;
    out->severity = PROTECTION_HARD;
    out->repaired |= done;
    out->detail = s->plane[i] << 16 | first / KV_PAGE_POSITIONS;
    const uint32_t back = trusted && !done ? 1 : position + 1 - from;
    out->back = back > out->back ? back : out->back;
    state->again = position + 1;
    return st;
}

static enum status compare(struct self *s, struct state *state, const struct decode_view *view,
                           struct protection_finding *out)
{
    uint32_t n;
    enum status st = sum_pages(s, state, view->branch, false, &n);
    for (uint32_t i = 0; i < n && !st; i++) {
        if (is_damaged(s, state, i))
            st = treat(s, state, i, view->position, out);
    }
    state->steps = 0;
    if (!st && out->severity == PROTECTION_QUIET)
        state->verified = view->position + 1;
    return st;
}

/* Prompt columns come many at a time: they are compared page by page, and at the last of them. */
static bool is_due(const struct self *s, struct state *state, const struct decode_view *view)
{
    const uint32_t next = view->position + 1;
    state->steps++;
    if (state->again == next || next == view->prompt)
        return true;
    return next < view->prompt ? next % KV_PAGE_POSITIONS == 0 : state->steps >= s->params.every;
}

static enum status look(void *self, void *memory, const struct decode_view *view,
                        struct protection_finding *out)
{
    struct self *s = self;
    struct state *state = memory;
    if (s->shadow.n == 0)
        return STATUS_OK;
    const enum status st = append(s, state, view, out);
    if (st || out->severity != PROTECTION_QUIET || !is_due(s, state, view))
        return st;
    return compare(s, state, view, out);
}

/* A shadow that is damaged over entries that are not is made again. */
static enum status renew(struct self *s, struct state *state, uint32_t n)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < n && !st; i++) {
        const struct kv_shadow_plane *plane = &s->shadow.plane[s->plane[i]];
        const struct kv_span span = s->check[i].span;
        if (kv_shadow_valid(plane, state, span))
            continue;
        st = executor_kv_read(s->ex, &span, 1, s->rows);
        for (uint32_t k = 0; k < span.n && !st; k++)
            (void)kv_shadow_keep(&s->shadow, plane, state, span.position + k,
                                 s->rows + (size_t)k * s->row);
    }
    return st;
}

/* Pages with damage below the kept bits. */
static enum status count_low(struct self *s, const struct state *state, uint32_t branch,
                             uint32_t *out)
{
    uint32_t n;
    const enum status st = sum_pages(s, state, branch, true, &n);
    *out = 0;
    for (uint32_t i = 0; i < n && !st; i++)
        *out += executor_kv_differ(s->found[i],
                                   kv_shadow_sums(&s->shadow, &s->shadow.plane[s->plane[i]], state,
                                                  s->check[i].span, true));
    return st;
}

/* The finding's detail is the number of pages with tolerated damage, if that is all there is. */
static enum status audit(void *self, void *memory, const struct decode_view *view, bool end,
                         struct protection_finding *out)
{
    struct self *s = self;
    struct state *state = memory;
    uint32_t n;
    (void)end;
    if (s->shadow.n == 0)
        return STATUS_OK;
    state->count = view->position + 1;
    enum status st = compare(s, state, view, out);
    if (st || out->severity != PROTECTION_QUIET)
        return st;
    st = count_low(s, state, view->branch, &out->detail);
    if (!st && out->detail == 0)
        st = sum_pages(s, state, view->branch, false, &n);
    return st || out->detail > 0 ? st : renew(s, state, n);
}

static void back(void *self, void *memory, uint32_t position)
{
    struct self *s = self;
    struct state *state = memory;
    const uint32_t most = s->ex->positions, count = state->count < most ? state->count : most;
    if (position >= count)
        return;
    for (uint32_t i = 0; i < s->shadow.n; i++)
        kv_shadow_cut(&s->shadow.plane[i], state, position, count);
    state->count = position;
    state->verified = state->verified < position ? state->verified : position;
}

/* Of each half of an entry two sums as it is stored, three of all bits and three of those kept of
 * the row that is kept; three of all entries at each comparison, and three
 * comparisons at the end. */
static double work(const void *parameters, const struct protection_column *column)
{
    const struct params *params = parameters;
    const struct graph *graph = &column->model->graph;
    const double seen = column->seen, halves = storage_bits(column->kv) / 16.0;
    const double end = column->columns > 0 ? 9 : 0; /* all positions, shared by as many columns */
    double sum = 0;
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        for (int value = 0; value < 2 && node->op == OP_STORE; value++) {
            if (bits_of(params, node->layer, value != 0, storage_bits(column->kv)) > 0)
                sum += node->rows * halves * (8 + 3 * seen / params->every + end);
        }
    }
    return sum;
}

static bool area(void *self, void *state, uint32_t index, struct protection_area *out)
{
    const struct self *s = self;
    const struct protection_area areas[] = {
        {.name = "shadow", .bytes = (uint8_t *)state + s->shadow.first, .size = s->shadow.size},
        {.name = "controller", .bytes = state, .size = sizeof(struct state)}};
    return protection_area_of(areas, sizeof(areas) / sizeof(*areas), index, out);
}

const struct protection protection_kv_checkpoint = {
    .name = "kv_checkpoint",
    .what = "stored K and V: top bits kept as they are stored, compared every few tokens",
    .param = PARAMS,
    .n_params = sizeof(PARAMS) / sizeof(*PARAMS),
    .params = sizeof(struct params),
    .self = sizeof(struct self),
    .open = open_checkpoint,
    .ask = ask,
    .look = look,
    .audit = audit,
    .back = back,
    .work = work,
    .area = area,
};
