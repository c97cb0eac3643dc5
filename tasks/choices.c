/* SPDX-License-Identifier: MIT */
/* Runs many items at a time: their contexts, then a branch per choice. */
#include "tasks/choices.h"

#include "base/hash.h"
#include "model/sampler.h"
#include "tasks/batch.h"

#define ITEMS 16u /* in flight unless the caller asks otherwise: fills passes of BATCH_COLUMNS */

/* An item in flight. */
struct slot {
    uint32_t index;          /* of the item */
    uint32_t pages;          /* reserved */
    bool used, forked;       /* the rows of the choices are open */
    struct batch_row shared; /* common to all choices */
    struct batch_row *tail;  /* (most choices) the rest of each choice; no columns: no branch */
};

#define SHARED UINT32_MAX /* owner.choice of a column common to all choices */

/* The owner of a column of the pass. */
struct owner {
    struct slot *slot;
    uint32_t choice;
};

struct run {
    const struct choices_params *p;
    struct arena arena;
    struct batch batch;
    struct slot *slot; /* (n_slots) */
    uint32_t n_slots;
    struct owner *owner;          /* (columns of a pass) */
    struct choices_score **score; /* (n_items), each (n_choices) */
    bool *finished;               /* (n_items) */
    uint32_t next, told;          /* items started; reported */
};

static uint32_t slots_of(const struct choices_params *p)
{
    const uint32_t most = p->batch ? p->batch : ITEMS;
    return p->n_items < most ? p->n_items : most;
}

/* Pages of all branches, of which only those of the common part are shared. */
static uint32_t pages_of(const struct choices_item *item)
{
    uint32_t pages = batch_pages(item->n_shared);
    for (uint32_t c = 0; c < item->n_choices; c++)
        pages += batch_pages(item->choice[c].n_ids - 1) - item->n_shared / KV_PAGE_POSITIONS;
    return pages;
}

static uint32_t most_choices(const struct choices_params *p)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < p->n_items; i++)
        most = p->item[i].n_choices > most ? p->item[i].n_choices : most;
    return most;
}

void choices_needs(struct executor_params *params, const struct choices_params *choices)
{
    struct batch_needs needs = {.items = slots_of(choices), .positions = 1};
    for (uint32_t i = 0; i < choices->n_items; i++) {
        const struct choices_item *item = &choices->item[i];
        const uint32_t pages = pages_of(item);
        needs.pages = pages > needs.pages ? pages : needs.pages;
        for (uint32_t c = 0; c < item->n_choices; c++) {
            const uint32_t n = item->choice[c].n_ids - 1;
            needs.positions = n > needs.positions ? n : needs.positions;
        }
    }
    needs.branches = needs.items * most_choices(choices);
    batch_params(params, &needs);
}

static uint32_t outputs_of(const struct run *run)
{
    return COLUMN_ARGMAX | COLUMN_LOGITS | (run->p->hashes ? COLUMN_HASH : 0);
}

static const struct choices_item *item_of(const struct run *run, const struct slot *slot)
{
    return &run->p->item[slot->index];
}

/* The earliest position whose logits a choice needs. */
static uint32_t first_output(const struct choices_item *item)
{
    uint32_t first = UINT32_MAX;
    for (uint32_t c = 0; c < item->n_choices; c++) {
        const uint32_t n = item->choice[c].n_context - 1;
        first = n < first ? n : first;
    }
    return first;
}

/* Puts the next item in a free slot if its pages are free. */
static enum status start(struct run *run, struct slot *slot, bool *out_started)
{
    const struct choices_item *item = &run->p->item[run->next];
    const uint32_t pages = pages_of(item);
    *out_started = batch_reserve(&run->batch, pages);
    if (!*out_started)
        return STATUS_OK;
    slot->used = true;
    slot->forked = false;
    slot->index = run->next;
    slot->pages = pages;
    slot->shared = (struct batch_row){.ids = item->choice[0].ids,
                                      .n = item->n_shared,
                                      .branch = EXECUTOR_NONE,
                                      .from = first_output(item),
                                      .outputs = outputs_of(run)};
    struct choices_score *score = arena_array(&run->arena, item->n_choices, sizeof(*score));
    if (!score)
        return STATUS_MEMORY;
    for (uint32_t c = 0; c < item->n_choices; c++)
        score[c].greedy = true;
    run->score[run->next++] = score;
    return batch_start(&run->batch, &slot->shared);
}

/* A branch for each choice that continues; the first takes the common one. */
static enum status fork_choices(struct run *run, struct slot *slot)
{
    const struct choices_item *item = item_of(run, slot);
    enum status st = batch_keep(&run->batch, &slot->shared, item->n_shared);
    bool first = true;
    slot->forked = true;
    for (uint32_t c = 0; c < item->n_choices; c++)
        slot->tail[c] = (struct batch_row){.ids = item->choice[c].ids,
                                           .n = item->choice[c].n_ids - 1,
                                           .next = item->n_shared,
                                           .branch = EXECUTOR_NONE,
                                           .from = item->choice[c].n_context - 1,
                                           .outputs = outputs_of(run)};
    for (uint32_t c = 0; c < item->n_choices && !st; c++) {
        struct batch_row *tail = &slot->tail[c];
        if (tail->next == tail->n)
            continue;
        if (first)
            tail->branch = slot->shared.branch;
        else
            st = batch_fork(&run->batch, slot->shared.branch, item->n_shared, &tail->branch);
        first = false;
    }
    return st;
}

static void close_slot(struct run *run, struct slot *slot)
{
    const struct choices_item *item = item_of(run, slot);
    struct kv *kv = run->p->ex->kv;
    for (uint32_t c = 0; c < item->n_choices && slot->forked; c++) {
        const uint32_t branch = slot->tail[c].branch;
        if (branch != EXECUTOR_NONE && branch != slot->shared.branch)
            kv_release(kv, branch);
    }
    if (slot->shared.branch != EXECUTOR_NONE)
        kv_release(kv, slot->shared.branch);
    batch_return(&run->batch, slot->pages);
    slot->used = false;
}

static void feed(struct run *run, struct slot *slot, uint32_t choice)
{
    struct batch_row *row = choice == SHARED ? &slot->shared : &slot->tail[choice];
    const uint32_t first = run->batch.n;
    const uint32_t n = batch_feed(&run->batch, row);
    for (uint32_t i = 0; i < n; i++)
        run->owner[first + i] = (struct owner){slot, choice};
}

/* Adds an item's next columns; finished rows add nothing. */
static void feed_slot(struct run *run, struct slot *slot)
{
    if (!slot->forked)
        feed(run, slot, SHARED);
    for (uint32_t c = 0; slot->forked && c < item_of(run, slot)->n_choices; c++)
        feed(run, slot, c);
}

static bool shared_done(const struct slot *slot)
{
    return slot->shared.next == slot->shared.n;
}

/* Items in flight first, then others while there is room. */
static enum status fill(struct run *run)
{
    enum status st = STATUS_OK;
    bool started = true;
    for (uint32_t i = 0; i < run->n_slots; i++) {
        if (run->slot[i].used)
            feed_slot(run, &run->slot[i]);
    }
    for (uint32_t i = 0; i < run->n_slots && !st && started; i++) {
        struct slot *slot = &run->slot[i];
        if (slot->used || run->next == run->p->n_items || run->batch.n == run->batch.most)
            continue;
        st = start(run, slot, &started);
        if (!st && started && shared_done(slot))
            st = fork_choices(run, slot);
        if (!st && started)
            feed_slot(run, slot);
    }
    return st;
}

/* An evaluated column. */
struct seen {
    const struct slot *slot;
    const struct column *column;
    const struct column_result *result;
    double total; /* of its row */
};

static void add(const struct run *run, const struct seen *seen, uint32_t choice)
{
    const struct choices_row *row = &item_of(run, seen->slot)->choice[choice];
    struct choices_score *score = &run->score[seen->slot->index][choice];
    const uint32_t next = seen->column->position + 1;
    if (next < row->n_context || next >= row->n_ids)
        return;
    score->loglik += choices_logprob(seen->result->logits, seen->total, row->ids[next]);
    score->greedy = score->greedy && seen->result->token == (uint32_t)row->ids[next];
    if (run->p->hashes)
        score->hash = hash_fold64(score->hash, seen->result->hash);
    score->n++;
}

/* Scores the ids after the columns of the pass. */
static void take(struct run *run, uint32_t n)
{
    const uint32_t n_vocab = run->p->ex->model->hp.n_vocab;
    for (uint32_t i = 0; i < n; i++) {
        const struct owner *owner = &run->owner[i];
        struct seen seen = {owner->slot, &run->batch.column[i], &run->batch.result[i], 0};
        if (!seen.column->outputs)
            continue;
        seen.total = sampler_logsumexp(seen.result->logits, n_vocab);
        const bool shared = owner->choice == SHARED;
        const uint32_t end = shared ? item_of(run, owner->slot)->n_choices : owner->choice + 1;
        for (uint32_t c = shared ? 0 : owner->choice; c < end; c++)
            add(run, &seen, c);
    }
}

static bool all_done(const struct run *run, const struct slot *slot)
{
    bool done = slot->forked;
    for (uint32_t c = 0; done && c < item_of(run, slot)->n_choices; c++)
        done = slot->tail[c].next == slot->tail[c].n;
    return done;
}

/* Opens the choices of items whose common part has run, closes finished items and reports them in
 * order. */
static enum status advance(struct run *run)
{
    const struct choices_params *p = run->p;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < run->n_slots && !st; i++) {
        struct slot *slot = &run->slot[i];
        if (slot->used && !slot->forked && shared_done(slot))
            st = fork_choices(run, slot);
        if (st || !slot->used || !all_done(run, slot))
            continue;
        run->finished[slot->index] = true;
        close_slot(run, slot);
    }
    for (; !st && run->told < p->n_items && run->finished[run->told]; run->told++)
        st = p->done(p->user, run->told, run->score[run->told]);
    return st;
}

static enum status open_run(struct run *run, const struct choices_params *params)
{
    const uint32_t most = most_choices(params);
    *run = (struct run){.p = params, .n_slots = slots_of(params)};
    enum status st = batch_open(&run->batch, &run->arena, params->ex);
    if (st)
        return st;
    run->slot = arena_array(&run->arena, run->n_slots, sizeof(*run->slot));
    run->owner = arena_array(&run->arena, run->batch.most, sizeof(*run->owner));
    run->score = arena_array(&run->arena, params->n_items, sizeof(*run->score));
    run->finished = arena_array(&run->arena, params->n_items, sizeof(*run->finished));
    if (!run->slot || !run->owner || !run->score || !run->finished)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < run->n_slots; i++) {
        run->slot[i].tail = arena_array(&run->arena, most, sizeof(*run->slot[i].tail));
        if (!run->slot[i].tail)
            return STATUS_MEMORY;
    }
    return STATUS_OK;
}

enum status choices_run(const struct choices_params *params)
{
    struct run run;
    bool on = true;
    enum status st = open_run(&run, params);
    while (!st && on && run.told < params->n_items) {
        st = fill(&run);
        const uint32_t n = run.batch.n;
        if (!st)
            st = batch_go(&run.batch);
        if (st)
            break;
        take(&run, n);
        st = advance(&run);
        on = !params->go_on || params->go_on(params->user, n);
    }
    for (uint32_t i = 0; run.slot && i < run.n_slots; i++) {
        if (run.slot[i].used)
            close_slot(&run, &run.slot[i]);
    }
    batch_close(&run.batch);
    arena_finish(&run.arena);
    return st;
}
