/* SPDX-License-Identifier: MIT */
/* Compares weights with the sums of their pages taken at load: rolling, at the end of a run, or
 * both. A page that differs is written anew from the model file.
 *
 * A page that was damaged may have been read by all columns since its last clean audit in this run;
 * they are computed again. A page that cannot be repaired is permanently damaged. */
#include <string.h>

#include "base/log.h"
#include "mitigations/protection.h"
#include "model/executor_weights.h"

enum mode { MODE_ROLLING, MODE_END, MODE_BOTH };

struct params {
    uint32_t mode, pages;
    struct protection_sites critical;
};

struct self {
    struct params params;
    struct executor *ex;
    struct weight_sums *reference; /* (n_pages) */
    struct weight_sums *found;     /* (n_pages) */
    uint32_t n_pages;
    uint32_t *critical; /* (n_critical) pages that hold weights of critical sites */
    uint32_t n_critical;
    bool *tensor; /* (n_tensors) of a page, or of the critical sites */
    uint64_t n_tensors;
};

#define NO_PAGE 0u

struct range {
    uint32_t first, n; /* pages */
};

/* Of a run; the pages' last clean audits follow. Damage of it may cost an audit or columns, so each
 * number is taken within its range. */
struct state {
    uint32_t next, next_critical; /* page, and index of a critical page, audited next */
    uint32_t steps;
    uint32_t broken;    /* 1 + a page that cannot be repaired; NO_PAGE */
    uint32_t broken_at; /* position where that was found */
    uint32_t clean[];   /* (n_pages) columns below this one read the page undamaged */
};

static size_t state_size(uint32_t pages)
{
    return sizeof(struct state) + pages * sizeof(uint32_t);
}

static const char *const MODES[] = {"rolling", "end", "both"};

static const struct protection_param PARAMS[] = {
    {.name = "mode",
     .type = PROTECTION_WORD,
     .at = offsetof(struct params, mode),
     .words = {MODES, sizeof(MODES) / sizeof(*MODES)},
     .fallback = "'both'",
     .what = "when pages are audited: some at each token, all at the end of a run, or both"},
    {.name = "pages",
     .type = PROTECTION_U32,
     .at = offsetof(struct params, pages),
     .min = 1,
     .max = 1048576,
     .fallback = "16",
     .what = "pages of 64 KiB that a rolling audit takes at a token"},
    {.name = "critical",
     .type = PROTECTION_SITES,
     .at = offsetof(struct params, critical),
     .fallback = "[]",
     .what = "sites whose weights every other token audits, globs"},
};

/* The first node, or the first critical one, that reads the page. EXECUTOR_NONE: there is none. */
static uint32_t reader_of(struct self *s, uint32_t page, bool critical)
{
    const struct graph *graph = &s->ex->model->graph;
    memset(s->tensor, 0, s->n_tensors * sizeof(*s->tensor));
    executor_weights_tensors(s->ex, page, s->tensor);
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        const bool reads = (node->weight && s->tensor[node->weight->index]) ||
                           (node->bias && s->tensor[node->bias->index]);
        if (reads && (!critical || protections_match(&s->params.critical, node->site)))
            return i;
    }
    return EXECUTOR_NONE;
}

static enum status find_critical(struct self *s, struct arena *arena)
{
    if (s->params.critical.n == 0)
        return STATUS_OK;
    s->critical = arena_array(arena, s->n_pages, sizeof(*s->critical));
    if (!s->critical)
        return STATUS_MEMORY;
    for (uint32_t page = 0; page < s->n_pages; page++) {
        if (reader_of(s, page, true) != EXECUTOR_NONE)
            s->critical[s->n_critical++] = page;
    }
    return STATUS_OK;
}

/* What the device has packed must be what the file gives. */
static enum status take_references(struct self *s)
{
    enum status st = executor_weights_sums(s->ex, 0, s->n_pages, s->reference);
    if (!st)
        st = executor_weights_expected(s->ex, 0, s->n_pages, s->found);
    for (uint32_t page = 0; page < s->n_pages && !st; page++) {
        if (weight_sums_differ(&s->reference[page], &s->found[page])) {
            log_error("weight_audit: page %u of the device's weights: found other sums than those "
                      "of the model file, expected equal ones at load",
                      page);
            st = STATUS_DEVICE;
        }
    }
    return st;
}

static enum status open_audit(void *self, struct arena *arena, const void *params,
                              const struct protection_setup *setup, struct protection_needs *needs)
{
    struct self *s = self;
    s->params = *(const struct params *)params;
    s->ex = setup->ex;
    s->n_pages = executor_weights_pages(s->ex);
    needs->state = state_size(s->n_pages);
    s->reference = arena_array(arena, s->n_pages, sizeof(*s->reference));
    s->found = arena_array(arena, s->n_pages, sizeof(*s->found));
    s->n_tensors = gguf_tensor_count(s->ex->model->gguf);
    s->tensor = arena_array(arena, s->n_tensors, sizeof(*s->tensor));
    enum status st = s->reference && s->found && s->tensor ? take_references(s) : STATUS_MEMORY;
    return st ? st : find_critical(s, arena);
}

/* A page with other sums than its reference. Where the file has the reference's, it is written
 * anew; where it has the device's, the reference was damaged. Anything else cannot be decided. */
enum outcome { REPAIRED, REFERENCE_DAMAGED, BROKEN };

static enum status repair(struct self *s, uint32_t page, enum outcome *out)
{
    struct weight_sums file, device = s->found[page];
    enum status st = executor_weights_expected(s->ex, page, 1, &file);
    *out = BROKEN;
    if (st)
        return st;
    if (!weight_sums_differ(&file, &device)) {
        s->reference[page] = file;
        *out = REFERENCE_DAMAGED;
        return STATUS_OK;
    }
    if (weight_sums_differ(&file, &s->reference[page]))
        return STATUS_OK;
    st = executor_weights_restore(s->ex, page);
    if (!st)
        st = executor_weights_sums(s->ex, page, 1, &device);
    if (!st && !weight_sums_differ(&file, &device))
        *out = REPAIRED;
    return st;
}

static enum status treat(struct self *s, struct state *state, uint32_t page, uint32_t position,
                         struct protection_finding *out)
{
    enum outcome outcome;
    const enum status st = repair(s, page, &outcome);
    if (st || outcome == REFERENCE_DAMAGED)
        return st;
    const uint32_t clean = state->clean[page] <= position + 1 ? state->clean[page] : 0;
    const uint32_t read = outcome == REPAIRED ? position + 1 - clean : 1;
    if (outcome == BROKEN) {
        state->broken = 1 + page;
        state->broken_at = position;
    }
    out->severity = PROTECTION_HARD;
    out->repaired |= outcome == REPAIRED;
    out->node = reader_of(s, page, false);
    out->detail = page;
    out->back = read > out->back ? read : out->back;
    return st;
}

static enum status audit_pages(struct self *s, struct state *state, struct range pages,
                               uint32_t position, struct protection_finding *out)
{
    enum status st = executor_weights_sums(s->ex, pages.first, pages.n, s->found + pages.first);
    for (uint32_t page = pages.first; page < pages.first + pages.n && !st; page++) {
        if (weight_sums_differ(&s->found[page], &s->reference[page]))
            st = treat(s, state, page, position, out);
        else
            state->clean[page] = position + 1;
    }
    return st;
}

/* The next `most` pages in their order, the first again after the last. */
static enum status audit_next(struct self *s, struct state *state, uint32_t most, uint32_t position,
                              struct protection_finding *out)
{
    enum status st = STATUS_OK;
    state->next %= s->n_pages;
    for (uint32_t left = most < s->n_pages ? most : s->n_pages; left > 0 && !st;) {
        const uint32_t end = s->n_pages - state->next;
        const struct range run = {state->next, left < end ? left : end};
        st = audit_pages(s, state, run, position, out);
        state->next = (run.first + run.n) % s->n_pages;
        left -= run.n;
    }
    return st;
}

/* The same among the critical ones, neighbours at once. */
static enum status audit_critical(struct self *s, struct state *state, uint32_t position,
                                  struct protection_finding *out)
{
    const uint32_t most = s->params.pages < s->n_critical ? s->params.pages : s->n_critical;
    enum status st = STATUS_OK;
    state->next_critical %= s->n_critical;
    for (uint32_t done = 0; done < most && !st;) {
        const uint32_t *page = s->critical + state->next_critical;
        struct range run = {*page, 1};
        while (done + run.n < most && state->next_critical + run.n < s->n_critical &&
               page[run.n] == *page + run.n)
            run.n++;
        st = audit_pages(s, state, run, position, out);
        state->next_critical = (state->next_critical + run.n) % s->n_critical;
        done += run.n;
    }
    return st;
}

/* At each column that gives a token. A page that could not be repaired is looked at again when its
 * column comes again, so that it is not taken for repaired. */
static enum status look(void *self, void *memory, const struct decode_view *view,
                        struct protection_finding *out)
{
    struct self *s = self;
    struct state *state = memory;
    if (state->broken != NO_PAGE && state->broken <= s->n_pages &&
        state->broken_at == view->position)
        return audit_pages(s, state, (struct range){state->broken - 1, 1}, view->position, out);
    if (view->token == DECODE_NO_TOKEN || s->params.mode == MODE_END)
        return STATUS_OK;
    return state->steps++ % 2 && s->n_critical > 0
               ? audit_critical(s, state, view->position, out)
               : audit_next(s, state, s->params.pages, view->position, out);
}

static enum status audit(void *self, void *memory, const struct decode_view *view, bool end,
                         struct protection_finding *out)
{
    struct self *s = self;
    if (end && s->params.mode == MODE_ROLLING)
        return STATUS_OK;
    return audit_pages(s, memory, (struct range){0, s->n_pages}, view->position, out);
}

static void back(void *self, void *memory, uint32_t position)
{
    const struct self *s = self;
    struct state *state = memory;
    for (uint32_t page = 0; page < s->n_pages; page++) {
        if (state->clean[page] > position)
            state->clean[page] = position;
    }
}

/* Words of all weights, each tensor once. */
static double words_of(const struct graph *graph)
{
    double bytes = 0;
    for (uint32_t i = 0; i < graph->count; i++) {
        uint32_t k = 0;
        while (k < i && graph->node[k].weight != graph->node[i].weight)
            k++;
        bytes += k == i && graph->node[i].weight ? (double)graph->node[i].weight->size : 0;
    }
    return bytes / sizeof(uint32_t);
}

/* Two sums of each word. */
static double work(const void *parameters, const struct protection_column *column)
{
    const struct params *params = parameters;
    const double words = words_of(&column->model->graph);
    const double page = (double)WEIGHT_PAGE / sizeof(uint32_t);
    const double rolling = params->mode == MODE_END ? 0 : params->pages * page;
    const bool ends = params->mode != MODE_ROLLING && column->columns > 0;
    const double end = ends ? words / column->columns : 0;
    return 2 * ((rolling < words ? rolling : words) + end);
}

static bool area(void *self, void *state, uint32_t index, struct protection_area *out)
{
    const struct self *s = self;
    const struct protection_area areas[] = {
        {.name = "references",
         .bytes = (uint8_t *)s->reference,
         .size = s->n_pages * sizeof(*s->reference)},
        {.name = "controller", .bytes = state, .size = state_size(s->n_pages)}};
    return protection_area_of(areas, sizeof(areas) / sizeof(*areas), index, out);
}

const struct protection protection_weight_audit = {
    .name = "weight_audit",
    .what = "stored weights: sums of 64 KiB pages, rolling or at the end; a page is written anew",
    .param = PARAMS,
    .n_params = sizeof(PARAMS) / sizeof(*PARAMS),
    .params = sizeof(struct params),
    .self = sizeof(struct self),
    .open = open_audit,
    .look = look,
    .audit = audit,
    .back = back,
    .work = work,
    .area = area,
};
