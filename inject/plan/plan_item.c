/* SPDX-License-Identifier: MIT */
/* The items of a plan as a model takes them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "inject/plan/sample.h"
#include "model/chat.h"
#include "tasks/answers.h"

static enum status encode_prompt(const struct plan_item *item, const struct model *model,
                                 struct arena *arena, struct plan_input *out)
{
    const char *text = item->prompt;
    size_t count = 0;
    int32_t *ids = NULL;
    if (item->chat) {
        char *rendered = NULL;
        enum status st = chat_render(
            model->gguf, arena, &(struct chat_message){.user = text, .template = item->template},
            &rendered);
        if (st)
            return st;
        text = rendered;
    }
    enum status st = tokenizer_encode(
        model->tokenizer, arena,
        &(struct tokenizer_text){text, strlen(text), item->chat ? TOKENIZER_CHAT : TOKENIZER_PLAIN},
        &ids, &count);
    out->ids = ids;
    out->n_ids = count < UINT32_MAX / 2 ? (uint32_t)count : UINT32_MAX / 2;
    return st;
}

static enum status encode_choices(const struct plan_question *question, const struct model *model,
                                  struct arena *arena, struct plan_input *out)
{
    struct choices_item *choices = &out->choices;
    const enum status st = choices_encode(choices, arena, model, &question->item);
    if (st)
        return st;
    uint32_t end = 0;
    out->ids = choices->choice[0].ids;
    out->n_ids = UINT32_MAX;
    for (uint32_t i = 0; i < choices->n_choices; i++) {
        const struct choices_row *row = &choices->choice[i];
        out->n_ids = row->n_context < out->n_ids ? row->n_context : out->n_ids;
        end = row->n_ids - 1 > end ? row->n_ids - 1 : end;
    }
    if (choices->n_shared > out->n_ids)
        choices->n_shared = out->n_ids;
    out->n = end - out->n_ids + 1;
    return STATUS_OK;
}

static enum status encode_answer(const struct plan_question *question, const struct model *model,
                                 struct arena *arena, struct plan_input *out)
{
    static const enum answers_format formats[] = {[PLAN_FORMAT_AUTO] = ANSWERS_AUTO,
                                                  [PLAN_FORMAT_CHAT] = ANSWERS_CHAT,
                                                  [PLAN_FORMAT_PLAIN] = ANSWERS_PLAIN};
    struct answers_item answer;
    const enum status st =
        answers_encode(&answer, arena, model, &question->item, formats[question->format]);
    if (st)
        return st;
    out->ids = answer.ids;
    out->n_ids = answer.n_ids;
    out->n = answer.n;
    out->stop = answer.stop;
    out->n_stops = answer.n_stops;
    return STATUS_OK;
}

static enum status encode(const struct plan_item *item, const struct model *model,
                          struct arena *arena, struct plan_input *out)
{
    const struct plan_question *question = item->question;
    *out = (struct plan_input){.ids = item->ids, .n_ids = item->n_ids, .n = item->n};
    if (item->ids)
        return STATUS_OK;
    if (!question)
        return encode_prompt(item, model, arena, out);
    return question->kind == TASK_CHOICES ? encode_choices(question, model, arena, out)
                                          : encode_answer(question, model, arena, out);
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

enum status plan_item_input(const struct plan *plan, uint32_t item, const struct model *model,
                            struct arena *arena, struct plan_input *out)
{
    enum status st = encode(&plan->item[item], model, arena, out);
    if (st) {
        log_error("%s: item %" PRIu32 " cannot be used: %s", place_of(plan, item, -1), item,
                  log_last_error());
        return st;
    }
    for (uint32_t i = 0; i < out->n_ids && out->choices.n_choices == 0; i++) {
        if (out->ids[i] < 0 || (uint32_t)out->ids[i] >= model->hp.n_vocab) {
            log_error("%s: item %" PRIu32 ": found token id %" PRId32 ", expected 0 to %" PRIu32,
                      place_of(plan, item, i), item, out->ids[i], model->hp.n_vocab - 1);
            return STATUS_INPUT;
        }
    }
    if (out->n_ids == 0 || (uint64_t)out->n_ids + out->n - 1 > model->hp.n_ctx) {
        log_error("%s: item %" PRIu32 ": found a prompt of %" PRIu32 " tokens and n %" PRIu32
                  ", expected at least one and together at most the model's context of %" PRIu32,
                  place_of(plan, item, -1), item, out->n_ids, out->n, model->hp.n_ctx);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

enum status plan_item_size(struct sample_item *out, struct arena *arena, const struct plan *plan,
                           const struct plan_input *input, uint32_t n_tokens)
{
    const struct choices_item *choices = &input->choices;
    uint32_t *evaluated = arena_array(arena, choices->n_choices + 1, sizeof(*evaluated));
    *out = (struct sample_item){.n_prompt = input->n_ids,
                                .n_tokens = n_tokens,
                                .n_choices = choices->n_choices,
                                .evaluated = evaluated};
    if (!evaluated)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < choices->n_choices; i++)
        evaluated[i] = choices->choice[i].n_ids - 1;
    if (choices->n_choices > 0)
        out->n_tokens = plan->mc_target == PLAN_MC_CONTEXT ? 1 : input->n;
    return STATUS_OK;
}
