/* SPDX-License-Identifier: MIT */
/* Watches a faulty run for its first Inf or NaN. */
#include "inject/trial/origin.h"

#include <math.h>

struct found {
    const struct node *node; /* null: none yet */
    uint32_t index;          /* of the value among those watched */
};

void origin_site(char out[FAULT_SITE_TEXT], const struct node *node, uint32_t index)
{
    struct fault at = {.place = PLACE_OP, .site = node->site, .layer = node->layer};
    if (node->op == OP_STORE) {
        at.place = PLACE_KV;
        at.value_cache = index >= node->rows;
    }
    fault_site(&at, out);
}

static void watch(void *user, const struct node *node, uint32_t column, const float *values,
                  uint32_t count)
{
    struct found *found = user;
    (void)column;
    for (uint32_t i = 0; i < count && !found->node; i++) {
        if (!isfinite(values[i]))
            *found = (struct found){node, i};
    }
}

/* The next column of the lane; `*out_more` is false after the last. */
static enum status run_column(struct lane *lane, struct tap_pass *pass, struct found *found,
                              bool *out_more)
{
    struct column column;
    struct column_result result;
    struct lane_columns columns = {.column = &column, .most = 1};
    enum status st = lane_fill(lane, &columns);
    *out_more = columns.n > 0;
    if (st || !*out_more)
        return st;
    tap_begin(pass);
    st = tap_add(pass, &lane->tap, &column, 1, &result);
    lane->next = column.position + 1;
    *out_more = !lane->tap.due;
    return st || lane->tap.due ? st : tap_go(pass, watch, found);
}

static enum status search(struct record *record, struct lane *lane)
{
    const uint32_t n_ids = lane->golden->params.n_ids;
    struct found found = {0};
    enum status st = STATUS_OK;
    struct tap_pass *pass;
    bool more = true;
    st = tap_open(&pass, lane->golden->params.ex);
    while (!st && more && !found.node) {
        lane->off = record->first_diff != EXECUTOR_NONE && lane->next >= n_ids + record->first_diff;
        st = run_column(lane, pass, &found, &more);
    }
    tap_close(&pass);
    if (!st && found.node) {
        char site[FAULT_SITE_TEXT];
        origin_site(site, found.node, found.index);
        record->nan_site = arena_printf(lane->arena, "%s", site);
        st = record->nan_site ? STATUS_OK : STATUS_MEMORY;
        record->nan_layer = found.node->layer;
        record->nan_step = lane->next < n_ids ? EXECUTOR_NONE : lane->next - n_ids;
    }
    return st;
}

enum status origin_find(struct record *record, const struct lane *run)
{
    struct lane lane;
    const struct lane_params params = {
        .golden = run->golden,
        .settings = run->settings,
        .job = run->job,
        .whole = run->whole,
        .measures = true,
        .feed = run->run.tokens,
        /* the trapped step gave no token */
        .n_feed = run->run.n_tokens + (run->due == DUE_NAN_TRAP && !golden_is_choice(run->golden))};
    enum status st = lane_open(&lane, run->arena, &params);
    if (!st)
        st = search(record, &lane);
    const enum status closed = lane_close(&lane);
    return st ? st : closed;
}
