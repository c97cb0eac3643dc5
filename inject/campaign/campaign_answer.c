/* SPDX-License-Identifier: MIT */
/* Bodies of READY, ARMED, DONE and FAILED. */
#include "inject/campaign/campaign_answer.h"

#include <inttypes.h>

#include "base/log.h"
#include "inject/store/store_tables.h"

static enum status refuse(const char *what)
{
    log_error("a worker's answer (%s) ends early or holds more than it should", what);
    return STATUS_INTERNAL;
}

/* Sends a body if it was written without error; frees it. */
static enum status say(const struct campaign_channel *channel, uint32_t kind, struct text *body)
{
    const enum status st = body->st ? body->st : campaign_channel_send(channel, kind, body);
    text_finish(body);
    return st;
}

enum status campaign_answer_ready(const struct campaign_channel *channel,
                                  const struct store_device *device)
{
    struct text body = {0};
    field_pack(&body, store_tables_fields(STORE_DEVICES), device);
    return say(channel, CAMPAIGN_READY, &body);
}

/* The next struct of the body. */
static enum status take(struct campaign_reader *body, enum store_table table, void *out,
                        struct arena *arena)
{
    const struct field_table *fields = store_tables_fields(table);
    struct field_bytes bytes = {body->at, body->left};
    bool whole = false;
    const enum status st = field_unpack(fields, out, arena, &bytes, &whole);
    body->at = bytes.at;
    body->left = bytes.left;
    return st || whole ? st : refuse(fields->name);
}

enum status campaign_answer_read_device(struct campaign_reader *body, struct arena *arena,
                                        struct store_device *out)
{
    const enum status st = take(body, STORE_DEVICES, out, arena);
    return !st && body->left > 0 ? refuse("device") : st;
}

enum status campaign_answer_armed(const struct campaign_channel *channel, double golden_seconds)
{
    struct text body = {0};
    campaign_channel_put_real(&body, golden_seconds);
    return say(channel, CAMPAIGN_ARMED, &body);
}

enum status campaign_answer_opened(const struct campaign_channel *channel)
{
    struct text body = {0};
    return say(channel, CAMPAIGN_DONE, &body);
}

enum status campaign_answer_golden(const struct campaign_channel *channel,
                                   const struct campaign_golden *golden)
{
    const uint32_t listed = golden->tokens ? golden->n_tokens : 0;
    struct text body = {0};
    campaign_channel_put_u64(&body, golden->hash);
    campaign_channel_put_u32(&body, golden->underflow);
    campaign_channel_put_u32(&body, golden->n_tokens);
    campaign_channel_put_u32(&body, listed);
    campaign_channel_put_u32(&body, golden->n_choices);
    campaign_channel_put_u32(&body, golden->chosen);
    for (uint32_t i = 0; i < listed; i++)
        campaign_channel_put_u32(&body, (uint32_t)golden->tokens[i]);
    for (uint32_t i = 0; i < golden->n_choices; i++)
        campaign_channel_put_real(&body, golden->logp[i]);
    return say(channel, CAMPAIGN_DONE, &body);
}

enum status campaign_answer_read_golden(struct campaign_reader *body, struct arena *arena,
                                        struct campaign_golden *out)
{
    out->hash = campaign_channel_u64(body);
    out->underflow = campaign_channel_u32(body) != 0;
    out->n_tokens = campaign_channel_u32(body);
    const uint32_t listed = campaign_channel_u32(body);
    out->n_choices = campaign_channel_u32(body);
    out->chosen = campaign_channel_u32(body);
    const uint64_t size =
        (uint64_t)listed * sizeof(uint32_t) + (uint64_t)out->n_choices * sizeof(double);
    if (body->bad || out->n_tokens == 0 || body->left != size)
        return refuse("golden run");
    int32_t *tokens = arena_array(arena, listed + 1, sizeof(*tokens));
    double *logp = arena_array(arena, out->n_choices + 1, sizeof(*logp));
    if (!tokens || !logp)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < listed; i++)
        tokens[i] = (int32_t)campaign_channel_u32(body);
    for (uint32_t i = 0; i < out->n_choices; i++)
        logp[i] = campaign_channel_real(body);
    out->tokens = tokens;
    out->logp = logp;
    return STATUS_OK;
}

/* Count, then each. */
static void put_faults(struct text *body, struct arena *arena,
                       const struct campaign_answer_batch *batch)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < batch->count; i++)
        count += batch->draw[i].n_faults - 1;
    campaign_channel_put_u32(body, count);
    for (uint32_t i = 0; i < batch->count; i++) {
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
        field_pack(&body, &row_table, &batch->row[i]);
    return say(channel, CAMPAIGN_DONE, &body);
}

static enum status read_faults(struct campaign_reader *body, struct arena *arena,
                               struct campaign_answer_rows *out)
{
    out->n_faults = campaign_channel_u32(body);
    if (body->bad || out->n_faults > body->left)
        return refuse("faults");
    out->fault = arena_array(arena, out->n_faults, sizeof(*out->fault));
    if (!out->fault)
        return STATUS_MEMORY;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < out->n_faults; i++)
        st = take(body, STORE_FAULTS, &out->fault[i], arena);
    return st;
}

enum status campaign_answer_read_rows(struct campaign_reader *body, struct arena *arena,
                                      uint32_t count, struct campaign_answer_rows *out)
{
    *out = (struct campaign_answer_rows){.n_rows = count};
    enum status st = read_faults(body, arena, out);
    out->row = st ? NULL : arena_array(arena, count, sizeof(*out->row));
    if (!st && !out->row)
        st = STATUS_MEMORY;
    for (uint32_t i = 0; !st && i < count; i++)
        st = take(body, STORE_TRIALS, &out->row[i], arena);
    return !st && body->left > 0 ? refuse("rows") : st;
}

enum status campaign_answer_failed(const struct campaign_channel *channel, enum status failure,
                                   bool final)
{
    struct text body = {0};
    campaign_channel_put_u32(&body, failure);
    campaign_channel_put_u32(&body, final);
    campaign_channel_put_text(&body, log_last_error());
    return say(channel, CAMPAIGN_FAILED, &body);
}
