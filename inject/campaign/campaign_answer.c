/* SPDX-License-Identifier: MIT */
/* Rows and further faults as the body of a message. */
#include "inject/campaign/campaign_answer.h"

#include <inttypes.h>

#include "base/log.h"
#include "inject/store/store_tables.h"

/* The number of rows, then each row. */
static void put_faults(struct text *body, struct arena *arena,
                       const struct campaign_answer_batch *batch)
{
    uint32_t count = 0;
    for (uint32_t i = 0; batch->draw && i < batch->count; i++)
        count += batch->draw[i].n_faults - 1;
    campaign_channel_put_number(body, count);
    for (uint32_t i = 0; batch->draw && i < batch->count; i++) {
        const struct sample_draw *draw = &batch->draw[i];
        for (uint32_t k = 1; k < draw->n_faults; k++) {
            struct store_fault fault = {.trial = draw->trial, .number = k};
            text_take(body, fault_put_text(&fault.json, arena, &draw->fault[k]));
            field_pack(body, store_tables_fields(STORE_FAULTS), &fault);
        }
    }
}

enum status campaign_answer_rows(const struct campaign_channel *channel, struct arena *arena,
                                 const struct campaign_answer_batch *batch)
{
    struct text body = {0};
    put_faults(&body, arena, batch);
    for (uint32_t i = 0; i < batch->count; i++)
        field_pack(&body, &trial_row_table, &batch->row[i]);
    return campaign_channel_send(channel, CAMPAIGN_DONE, &body);
}

static enum status read_faults(struct field_bytes *body, struct arena *arena,
                               struct campaign_answer_rows *out)
{
    uint64_t count = 0;
    enum status st = campaign_channel_take_number(body, &count);
    if (st)
        return st;
    if (count > body->left) {
        log_error("found %" PRIu64 " faults in an answer of %zu bytes, expected fewer", count,
                  body->left);
        return STATUS_INTERNAL;
    }
    out->n_faults = (uint32_t)count;
    out->fault = arena_array(arena, count, sizeof(*out->fault));
    if (!out->fault)
        return STATUS_MEMORY;
    for (uint32_t i = 0; !st && i < out->n_faults; i++)
        st = campaign_channel_take(body, store_tables_fields(STORE_FAULTS), &out->fault[i], arena);
    return st;
}

enum status campaign_answer_read_rows(struct field_bytes *body, struct arena *arena, uint32_t count,
                                      struct campaign_answer_rows *out)
{
    *out = (struct campaign_answer_rows){.n_rows = count};
    enum status st = read_faults(body, arena, out);
    out->row = st ? NULL : arena_array(arena, count, sizeof(*out->row));
    if (!st && !out->row)
        st = STATUS_MEMORY;
    for (uint32_t i = 0; !st && i < count; i++)
        st = (i + 1 < count ? campaign_channel_take : campaign_channel_take_last)(
            body, &trial_row_table, &out->row[i], arena);
    return st;
}
