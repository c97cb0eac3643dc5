/* SPDX-License-Identifier: MIT */
/* Lanes decode one token per pass each, and prompts fill the rest of the passes. */
#include "tasks/answers.h"

#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "tasks/batch.h"

#define LANES 24u /* unless the caller asks otherwise */

/* A text being generated. */
struct lane {
    struct slot *slot; /* its item; null: free */
    uint32_t sample;
    bool own;             /* uses the pages that its slot holds for one lane */
    uint32_t pages;       /* reserved, if not */
    struct batch_row row; /* prompt and text so far */
    int32_t *ids;         /* (n_ids + n) of the row */
    struct decode decode;
    struct generation run;
    struct arena arena; /* of this text */
};

/* An item in flight. Its prompt is evaluated once, except the last column, which every sample
 * evaluates itself. */
struct slot {
    bool used, kept;            /* kept: its prompt was kept for other items */
    uint32_t index, pages;      /* of the item; reserved: the prompt's and one lane's */
    uint32_t started, finished; /* samples */
    bool lane_taken;            /* a lane uses the pages held here */
    struct batch_row prompt;
    struct answers_text *text; /* (samples) */
};

struct run {
    const struct answers_params *p;
    struct arena arena;
    struct batch batch;
    struct lane *lane; /* (n_lanes) */
    struct slot *slot; /* (n_lanes) */
    uint32_t n_lanes;
    struct lane **owner;        /* (columns of a pass); null: a prompt's */
    struct answers_text **text; /* (n_items), of finished items; else null */
    uint32_t next, told;        /* items started; reported */
};

uint64_t answers_seed(uint64_t seed, uint32_t key, uint32_t sample)
{
    return hash_fold64(hash_fold64(seed, key), sample);
}

static uint32_t lanes_of(const struct answers_params *p)
{
    const uint64_t most = p->lanes ? p->lanes : LANES, all = (uint64_t)p->n_items * p->samples;
    return (uint32_t)(all < most ? all : most);
}

struct decode_rules answers_rules(const struct decode_rules *all, const struct answers_item *item,
                                  uint32_t sample)
{
    struct decode_rules rules = *all;
    rules.n = item->n;
    rules.stops = item->stop;
    rules.n_stops = item->n_stops;
    rules.sampler.seed = answers_seed(all->sampler.seed, item->key, item->first_sample + sample);
    return rules;
}

/* Pages of a lane that it does not share with its prompt. */
static uint32_t lane_pages(const struct answers_item *item)
{
    return batch_pages(item->n_ids + item->n - 1) - (item->n_ids - 1) / KV_PAGE_POSITIONS;
}

static uint32_t item_pages(const struct answers_item *item)
{
    return batch_pages(item->n_ids - 1) + lane_pages(item);
}

void answers_needs(struct executor_params *params, const struct answers_params *answers)
{
    struct batch_needs needs = {.items = lanes_of(answers), .positions = 1};
    for (uint32_t i = 0; i < answers->n_items; i++) {
        const struct answers_item *item = &answers->item[i];
        const uint32_t n = item->n_ids + item->n - 1, pages = item_pages(item);
        needs.positions = n > needs.positions ? n : needs.positions;
        needs.pages = pages > needs.pages ? pages : needs.pages;
    }
    needs.branches = 2 * needs.items;
    batch_params(params, &needs);
}

static enum status start_slot(struct run *run, struct slot *slot, bool *out_started)
{
    const struct answers_item *item = &run->p->item[run->next];
    const uint32_t pages = item_pages(item);
    *out_started = batch_reserve(&run->batch, pages);
    if (!*out_started)
        return STATUS_OK;
    *slot = (struct slot){.used = true,
                          .index = run->next++,
                          .pages = pages,
                          .prompt = {.ids = item->ids,
                                     .n = item->n_ids - 1,
                                     .branch = EXECUTOR_NONE,
                                     .from = item->n_ids - 1}};
    slot->text = arena_array(&run->arena, run->p->samples, sizeof(*slot->text));
    return slot->text ? batch_start(&run->batch, &slot->prompt) : STATUS_MEMORY;
}

static void close_slot(struct run *run, struct slot *slot)
{
    if (slot->prompt.branch != EXECUTOR_NONE)
        kv_release(run->p->ex->kv, slot->prompt.branch);
    batch_return(&run->batch, slot->pages);
    slot->used = false;
}

static const struct answers_item *item_of(const struct run *run, const struct slot *slot)
{
    return &run->p->item[slot->index];
}

static bool prompt_done(const struct slot *slot)
{
    return slot->prompt.next == slot->prompt.n;
}

/* The next sample of an item with an evaluated prompt; it has pages. */
static enum status open_lane(struct run *run, struct slot *slot, struct lane *lane)
{
    const struct answers_item *item = item_of(run, slot);
    const struct decode_rules rules = answers_rules(&run->p->rules, item, slot->started);
    lane->slot = slot;
    lane->sample = slot->started++;
    lane->row = (struct batch_row){.n = item->n_ids,
                                   .next = item->n_ids - 1,
                                   .branch = EXECUTOR_NONE,
                                   .from = item->n_ids - 1};
    lane->ids = arena_array(&lane->arena, (size_t)item->n_ids + item->n, sizeof(*lane->ids));
    if (!lane->ids)
        return STATUS_MEMORY;
    memcpy(lane->ids, item->ids, item->n_ids * sizeof(*lane->ids));
    lane->row.ids = lane->ids;
    enum status st = decode_open(&lane->decode, &lane->arena, &rules, run->p->ex);
    if (!st)
        st = decode_begin(&lane->run, &lane->arena, &lane->decode,
                          &(struct decode_size){item->n_ids, item->n});
    if (st)
        return st;
    lane->row.outputs = decode_outputs(&lane->decode);
    st = batch_fork(&run->batch, slot->prompt.branch, lane->row.next, &lane->row.branch);
    lane->run.branch = lane->row.branch;
    return st;
}

static void close_lane(struct run *run, struct lane *lane)
{
    if (lane->row.branch != EXECUTOR_NONE)
        kv_release(run->p->ex->kv, lane->row.branch);
    if (lane->own)
        lane->slot->lane_taken = false;
    else
        batch_return(&run->batch, lane->pages);
    arena_finish(&lane->arena);
    *lane = (struct lane){0};
}

/* Whether a lane of the slot gets pages: the slot's own, else free ones. */
static bool take_pages(struct run *run, struct slot *slot, struct lane *lane)
{
    lane->own = !slot->lane_taken;
    lane->pages = lane_pages(item_of(run, slot));
    if (!lane->own && !batch_reserve(&run->batch, lane->pages))
        return false;
    slot->lane_taken = true;
    return true;
}

/* The earliest item waiting for a lane; null: none. */
static struct slot *waiting(struct run *run)
{
    struct slot *first = NULL;
    for (uint32_t i = 0; i < run->n_lanes; i++) {
        struct slot *slot = &run->slot[i];
        const bool waits = slot->used && prompt_done(slot) && slot->started < run->p->samples;
        if (waits && (!first || slot->index < first->index))
            first = slot;
    }
    return first;
}

/* Gives free lanes to samples of items with evaluated prompts. */
static enum status start_lanes(struct run *run)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < run->n_lanes && !st; i++) {
        struct lane *lane = &run->lane[i];
        if (lane->slot)
            continue;
        struct slot *slot = waiting(run);
        if (!slot || !take_pages(run, slot, lane))
            return STATUS_OK;
        st = open_lane(run, slot, lane);
    }
    return st;
}

/* Prompts in progress, then those of waiting items while a slot is free. */
static enum status feed_prompts(struct run *run)
{
    const struct batch *batch = &run->batch;
    enum status st = STATUS_OK;
    bool started = true;
    for (uint32_t i = 0; i < run->n_lanes; i++) {
        if (run->slot[i].used)
            batch_feed(&run->batch, &run->slot[i].prompt);
    }
    for (uint32_t i = 0; i < run->n_lanes && !st && started; i++) {
        struct slot *slot = &run->slot[i];
        if (slot->used || run->next == run->p->n_items || batch->n == batch->most)
            continue;
        st = start_slot(run, slot, &started);
        if (!st && started)
            batch_feed(&run->batch, &slot->prompt);
    }
    return st;
}

/* Every lane gets a column while the pass has room; prompts take the rest. */
static enum status fill(struct run *run)
{
    memset(run->owner, 0, run->batch.most * sizeof(*run->owner));
    for (uint32_t i = 0; i < run->n_lanes; i++) {
        struct lane *lane = &run->lane[i];
        const uint32_t at = run->batch.n;
        if (lane->slot && batch_feed(&run->batch, &lane->row) > 0)
            run->owner[at] = lane;
    }
    return feed_prompts(run);
}

/* The text of an ended lane. */
static enum status end_lane(struct run *run, struct lane *lane)
{
    const struct generation *g = &lane->run;
    struct slot *slot = lane->slot;
    struct answers_text *out = &slot->text[lane->sample];
    struct text text = {0};
    enum status st =
        decode_answer(&text, &lane->decode, &(struct decode_tokens){g->tokens, g->n_tokens});
    int32_t *tokens = arena_array(&run->arena, g->n_tokens, sizeof(*tokens));
    *out = (struct answers_text){.tokens = tokens,
                                 .n = g->n_tokens,
                                 .hash = decode_hash(g->step, g->n_tokens),
                                 .end = g->end};
    if (!st) {
        out->text = arena_text(&run->arena, text.data, text.size);
        st = out->text && tokens ? STATUS_OK : STATUS_MEMORY;
    }
    if (!st)
        memcpy(tokens, g->tokens, g->n_tokens * sizeof(*tokens));
    text_finish(&text);
    close_lane(run, lane);
    slot->finished++;
    return st;
}

static enum status take_step(struct run *run, struct lane *lane, uint32_t column)
{
    const struct column_result *result = &run->batch.result[column];
    const uint32_t position = run->batch.column[column].position;
    const struct decode_picked pick = {.position = position,
                                       .token = decode_pick(&lane->decode, position, result),
                                       .step = {.hash = result->hash, .finite = result->finite},
                                       .result = result};
    uint32_t back;
    const enum status st = decode_take(&lane->decode, &lane->run, NULL, &pick, &back);
    if (st)
        return st;
    if (lane->run.end != DECODE_OPEN)
        return end_lane(run, lane);
    lane->ids[lane->row.n++] = lane->run.tokens[lane->run.n_tokens - 1];
    return STATUS_OK;
}

static enum status take(struct run *run, uint32_t n)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < n && !st; i++) {
        if (run->owner[i])
            st = take_step(run, run->owner[i], i);
    }
    return st;
}

/* Keeps finished prompts, opens lanes, closes finished items and reports them in order. */
static enum status advance(struct run *run)
{
    const struct answers_params *p = run->p;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < run->n_lanes && !st; i++) {
        struct slot *slot = &run->slot[i];
        if (slot->used && prompt_done(slot) && !slot->kept) {
            st = batch_keep(&run->batch, &slot->prompt, slot->prompt.n);
            slot->kept = true;
        }
        if (!slot->used || slot->finished < p->samples)
            continue;
        run->text[slot->index] = slot->text;
        close_slot(run, slot);
    }
    if (!st)
        st = start_lanes(run);
    for (; !st && run->told < p->n_items && run->text[run->told]; run->told++)
        st = p->done(p->user, run->told, run->text[run->told]);
    return st;
}

static enum status open_run(struct run *run, const struct answers_params *params)
{
    *run = (struct run){.p = params, .n_lanes = lanes_of(params)};
    const enum status st = batch_open(&run->batch, &run->arena, params->ex);
    if (st)
        return st;
    run->lane = arena_array(&run->arena, run->n_lanes, sizeof(*run->lane));
    run->slot = arena_array(&run->arena, run->n_lanes, sizeof(*run->slot));
    run->owner = arena_array(&run->arena, run->batch.most, sizeof(struct lane *));
    run->text = arena_array(&run->arena, params->n_items, sizeof(struct answers_text *));
    return run->lane && run->slot && run->owner && run->text ? STATUS_OK : STATUS_MEMORY;
}

static void close_run(struct run *run)
{
    for (uint32_t i = 0; run->lane && i < run->n_lanes; i++) {
        if (run->lane[i].slot)
            close_lane(run, &run->lane[i]);
    }
    for (uint32_t i = 0; run->slot && i < run->n_lanes; i++) {
        if (run->slot[i].used)
            close_slot(run, &run->slot[i]);
    }
    batch_close(&run->batch);
    arena_finish(&run->arena);
}

enum status answers_run(const struct answers_params *params)
{
    struct run run;
    bool on = true;
    if (params->rules.check) {
        log_error("answers in shared passes: found a check, expected none: it has to see every "
                  "column of a run");
        return STATUS_USAGE;
    }
    enum status st = open_run(&run, params);
    while (!st && on && run.told < params->n_items) {
        st = fill(&run);
        const uint32_t n = run.batch.n;
        if (!st && (n > 0 || !waiting(&run)))
            st = batch_go(&run.batch);
        if (!st)
            st = take(&run, n);
        if (!st)
            st = advance(&run);
        on = !params->go_on || params->go_on(params->user, n);
    }
    close_run(&run);
    return st;
}
