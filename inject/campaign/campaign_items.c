/* SPDX-License-Identifier: MIT */
/* Encodes prompts, keeps golden runs. */
#include "inject/campaign/campaign_items.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "inject/store/store_prompt.h"
#include "model/chat.h"
#include "model/detokenizer.h"

static enum status encode_text(struct campaign_item *out, struct arena *arena,
                               const struct plan_item *item, const struct model *model)
{
    char *rendered = NULL;
    const char *text = item->prompt;
    size_t count = 0;
    if (item->chat) {
        enum status st = chat_render(model->gguf, arena,
                                     &(struct chat_message){text, item->template}, &rendered);
        if (st)
            return st;
        text = rendered;
    }
    const struct tokenizer_text bytes = {text, strlen(text),
                                         item->chat ? TOKENIZER_CHAT : TOKENIZER_PLAIN};
    enum status st = tokenizer_encode(model->tokenizer, arena, &bytes, &out->ids, &count);
    out->n_ids = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
    return st;
}

static enum status copy_ids(struct campaign_item *out, struct arena *arena,
                            const struct plan_item *item, const struct model *model)
{
    out->ids = arena_array(arena, item->n_ids + 1, sizeof(*out->ids));
    if (!out->ids)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < item->n_ids; i++) {
        if (item->ids[i] < 0 || (uint32_t)item->ids[i] >= model->hp.n_vocab) {
            log_error("found token id %" PRId32 ", expected 0 to %" PRIu32, item->ids[i],
                      model->hp.n_vocab - 1);
            return STATUS_INPUT;
        }
        out->ids[i] = item->ids[i];
    }
    out->n_ids = item->n_ids;
    return STATUS_OK;
}

static enum status make_item(struct campaign_item *out, struct arena *arena,
                             const struct plan_item *item, const struct model *model)
{
    out->n = item->n;
    out->row.prompt = item->prompt ? item->prompt : "";
    out->row.prompt_group = item->group;
    enum status st =
        item->ids ? copy_ids(out, arena, item, model) : encode_text(out, arena, item, model);
    if (st)
        return st;
    out->row.prompt_ids = store_prompt_text(arena, out->ids, out->n_ids);
    if (!out->row.prompt_ids)
        return STATUS_MEMORY;
    if (out->n_ids == 0) {
        log_error("found an empty prompt and a model without begin token, expected at least one "
                  "token");
        return STATUS_INPUT;
    }
    if ((uint64_t)out->n_ids + out->n - 1 > model->hp.n_ctx) {
        log_error("found a prompt of %" PRIu32 " tokens with n %" PRIu32
                  ", expected both in the model's context of %" PRIu32,
                  out->n_ids, out->n, model->hp.n_ctx);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

enum status campaign_items_make(struct campaign_item **out, struct arena *arena,
                                const struct plan *plan, const struct model *model)
{
    *out = arena_array(arena, plan->n_items, sizeof(**out));
    if (!*out)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < plan->n_items; i++) {
        (*out)[i].row.id = i;
        enum status st = make_item(&(*out)[i], arena, &plan->item[i], model);
        if (st) {
            log_error("prompt %" PRIu32 " of the plan cannot be used: %s", i, log_last_error());
            return st;
        }
    }
    return STATUS_OK;
}

struct golden_shape campaign_items_shape(const struct campaign_item *items, const struct plan *plan)
{
    struct golden_shape shape = {.checkpoint_bytes = plan->checkpoint_bytes};
    for (uint32_t i = 0; i < plan->n_items; i++) {
        shape.n_ids = items[i].n_ids > shape.n_ids ? items[i].n_ids : shape.n_ids;
        shape.n = items[i].n > shape.n ? items[i].n : shape.n;
    }
    return shape;
}

enum status campaign_items_set(struct campaign_item *item, struct arena *arena,
                               const struct campaign_golden *golden, const struct model *model)
{
    struct text text = {0};
    enum status st = detokenizer_answer(&text, model->tokenizer, golden->tokens, golden->n_tokens);
    if (!st) {
        item->known = true;
        item->n_tokens = golden->n_tokens;
        item->hash = golden->hash;
        item->row.text = arena_text(arena, text.data, text.size);
        item->row.tokens = store_prompt_text(arena, golden->tokens, golden->n_tokens);
        item->row.hash = arena_printf(arena, "%016" PRIx64, golden->hash);
        item->row.n_prompt = item->n_ids;
        item->row.n_tokens = golden->n_tokens;
        item->row.underflow = golden->underflow;
        if (!item->row.text || !item->row.tokens || !item->row.hash)
            st = STATUS_MEMORY;
    }
    text_finish(&text);
    return st;
}

/* Another tokenizer or chat engine may give other ids for a prompt, even as many: the campaign's
 * faults would strike another run. */
static enum status check_prompt(const struct campaign_item *item, const struct store_item *row)
{
    struct store_prompt_difference difference;
    if (store_prompt_same(row->prompt_ids, item->row.prompt_ids, &difference))
        return STATUS_OK;
    log_error("item %" PRIu32 " of the database: %s, as this program makes them: the tokenizer or "
              "chat template is not what the campaign began with",
              row->id, difference.text);
    return STATUS_INPUT;
}

enum status campaign_items_read(struct campaign_item *items, struct arena *arena,
                                const struct store *store, const struct plan *plan)
{
    struct store_item *row = NULL;
    uint32_t count = 0;
    enum status st = store_read_items(store, arena, &row, &count);
    for (uint32_t i = 0; !st && i < count; i++) {
        struct campaign_item *item = row[i].id < plan->n_items ? &items[row[i].id] : NULL;
        if (!item || row[i].n_tokens == 0 || row[i].n_tokens > item->n) {
            log_error("item %" PRIu32 " of the database has %" PRIu32
                      " golden tokens, which do not fit the plan's prompt",
                      row[i].id, row[i].n_tokens);
            return STATUS_INPUT;
        }
        st = check_prompt(item, &row[i]);
        if (st)
            return st;
        item->known = true;
        item->n_tokens = row[i].n_tokens;
        item->hash = row[i].hash ? strtoull(row[i].hash, NULL, 16) : 0;
        item->row = row[i];
    }
    return st;
}

/* Weight of an item: equal, or its share of all evaluated positions. */
enum status campaign_items_write(struct campaign_item *items, struct store *store,
                                 const struct plan *plan)
{
    uint64_t positions = 0;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < plan->n_items; i++)
        positions += items[i].n_ids + items[i].n_tokens - 1;
    for (uint32_t i = 0; !st && i < plan->n_items; i++) {
        const double own = items[i].n_ids + items[i].n_tokens - 1;
        items[i].row.weight = plan->item_weight == PLAN_ITEMS_EXPOSURE ? own / (double)positions
                                                                       : 1.0 / plan->n_items;
        st = store_put_item(store, &items[i].row);
    }
    return st;
}

struct sample_item *campaign_items_sizes(const struct campaign_item *items, struct arena *arena,
                                         const struct plan *plan)
{
    struct sample_item *sizes = arena_array(arena, plan->n_items, sizeof(*sizes));
    for (uint32_t i = 0; sizes && i < plan->n_items; i++)
        sizes[i] = (struct sample_item){items[i].n_ids, items[i].n_tokens};
    return sizes;
}

enum status campaign_items_stored(struct campaign_stored *out, struct arena *arena,
                                  const struct store *store, const struct plan *plan,
                                  const struct model *model)
{
    *out = (struct campaign_stored){0};
    enum status st = campaign_items_make(&out->item, arena, plan, model);
    if (!st)
        st = campaign_items_read(out->item, arena, store, plan);
    for (uint32_t i = 0; !st && i < plan->n_items; i++) {
        if (out->item[i].known)
            continue;
        log_error("the database lacks the golden run of prompt %" PRIu32, i);
        st = STATUS_INPUT;
    }
    const struct sample_item *sizes = st ? NULL : campaign_items_sizes(out->item, arena, plan);
    if (!st)
        st = sizes ? sample_create(&out->sample, plan, model, sizes) : STATUS_MEMORY;
    return st;
}
