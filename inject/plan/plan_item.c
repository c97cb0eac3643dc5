/* SPDX-License-Identifier: MIT */
/* The token ids of a plan's prompts for a model. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "inject/plan/plan.h"
#include "model/chat.h"

static enum status encode(const struct plan_item *item, const struct model *model,
                          struct arena *arena, struct plan_ids *out)
{
    const char *text = item->prompt;
    size_t count = 0;
    int32_t *ids = NULL;
    if (item->chat) {
        char *rendered = NULL;
        enum status st = chat_render(model->gguf, arena,
                                     &(struct chat_message){text, item->template}, &rendered);
        if (st)
            return st;
        text = rendered;
    }
    enum status st = tokenizer_encode(
        model->tokenizer, arena,
        &(struct tokenizer_text){text, strlen(text), item->chat ? TOKENIZER_CHAT : TOKENIZER_PLAIN},
        &ids, &count);
    *out = (struct plan_ids){ids, count < UINT32_MAX / 2 ? (uint32_t)count : UINT32_MAX / 2};
    return st;
}

/* Token `token` of the item, or the item (-1). */
static const char *place_of(const struct plan *plan, uint32_t item, int64_t token)
{
    char pointer[96];
    const int n = snprintf(pointer, sizeof(pointer), "%s/%" PRIu32, plan->item[item].at,
                           plan->item[item].index);
    if (token >= 0)
        snprintf(pointer + n, sizeof(pointer) - (size_t)n, "/%" PRId64, token);
    return plan_place(plan, pointer);
}

enum status plan_item_ids(const struct plan *plan, uint32_t item, const struct model *model,
                          struct arena *arena, struct plan_ids *out)
{
    const struct plan_item *from = &plan->item[item];
    enum status st = STATUS_OK;
    if (from->ids)
        *out = (struct plan_ids){from->ids, from->n_ids};
    else
        st = encode(from, model, arena, out);
    for (uint32_t i = 0; !st && i < out->count; i++) {
        if (out->id[i] < 0 || (uint32_t)out->id[i] >= model->hp.n_vocab) {
            log_error("%s: item %" PRIu32 ": found token id %" PRId32 ", expected 0 to %" PRIu32,
                      place_of(plan, item, i), item, out->id[i], model->hp.n_vocab - 1);
            st = STATUS_INPUT;
        }
    }
    if (!st && (out->count == 0 || (uint64_t)out->count + from->n - 1 > model->hp.n_ctx)) {
        log_error("%s: item %" PRIu32 ": found a prompt of %" PRIu32 " tokens and n %" PRIu32
                  ", expected at least one and together at most the model's context of %" PRIu32,
                  place_of(plan, item, -1), item, out->count, from->n, model->hp.n_ctx);
        st = STATUS_INPUT;
    }
    return st;
}
