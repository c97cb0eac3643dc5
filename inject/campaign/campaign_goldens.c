/* SPDX-License-Identifier: MIT */
/* Lists the items of each kind, runs them, and passes their results on. */
#include "inject/campaign/campaign_goldens.h"

#include "base/hash.h"
#include "base/log.h"
#include "tasks/answers.h"

/* Items without a golden run, by kind. */
struct list {
    struct arena arena;
    const struct campaign_goldens_params *params;
    const struct campaign_item *all;
    uint32_t *choices_index, *answers_index; /* (their n_items) in the plan */
    struct choices_params choices;
    struct answers_params answers;
};

static struct answers_item answers_item_of(const struct campaign_item *item)
{
    const struct plan_input *input = &item->input;
    return (struct answers_item){.ids = input->ids,
                                 .n_ids = input->n_ids,
                                 .key = item->base,
                                 .first_sample = item->sample,
                                 .n = input->n,
                                 .stop = input->stop,
                                 .n_stops = input->n_stops};
}

static struct decode_rules rules_of(const struct plan *plan)
{
    return (struct decode_rules){.ignore_end = plan->end == PLAN_END_LENGTH,
                                 .sampler = {.temperature = plan->temperature,
                                             .top_k = plan->top_k,
                                             .seed = plan->decoding_seed}};
}

struct decode_rules campaign_goldens_rules(const struct plan *plan,
                                           const struct campaign_item *item)
{
    const struct decode_rules all = rules_of(plan);
    const struct answers_item own = answers_item_of(item);
    return answers_rules(&all, &own, 0);
}

static enum status list_items(struct list *out, const struct campaign_world *world)
{
    const struct plan *plan = world->setup->plan;
    struct choices_item *choices = arena_array(&out->arena, plan->n_items, sizeof(*choices));
    struct answers_item *answers = arena_array(&out->arena, plan->n_items, sizeof(*answers));
    out->choices_index = arena_array(&out->arena, plan->n_items, sizeof(uint32_t));
    out->answers_index = arena_array(&out->arena, plan->n_items, sizeof(uint32_t));
    if (!choices || !answers || !out->choices_index || !out->answers_index)
        return STATUS_MEMORY;
    out->all = world->item;
    out->choices = (struct choices_params){.item = choices, .hashes = true, .user = out};
    out->answers = (struct answers_params){
        .item = answers, .samples = 1, .rules = rules_of(plan), .user = out};
    for (uint32_t i = 0; i < plan->n_items; i++) {
        const struct campaign_item *item = &world->item[i];
        if (item->known)
            continue;
        if (item->input.choices.n_choices > 0) {
            out->choices_index[out->choices.n_items] = i;
            choices[out->choices.n_items++] = item->input.choices;
        } else {
            out->answers_index[out->answers.n_items] = i;
            answers[out->answers.n_items++] = answers_item_of(item);
        }
    }
    return STATUS_OK;
}

static void grow(uint32_t *out, uint32_t to)
{
    *out = to > *out ? to : *out;
}

static void raise_needs(struct executor_params *out, const struct executor_params *to)
{
    grow(&out->positions, to->positions);
    grow(&out->branches, to->branches);
    grow(&out->pages, to->pages);
    grow(&out->columns, to->columns);
}

enum status campaign_goldens_needs(struct executor_params *params,
                                   const struct campaign_world *world)
{
    struct list list = {.params = NULL};
    struct executor_params choices = *params, answers = *params;
    const enum status st = list_items(&list, world);
    if (!st && list.choices.n_items > 0) {
        choices_needs(&choices, &list.choices);
        raise_needs(params, &choices);
    }
    if (!st && list.answers.n_items > 0) {
        answers_needs(&answers, &list.answers);
        raise_needs(params, &answers);
    }
    arena_finish(&list.arena);
    return st;
}

static enum status take_choices(void *user, uint32_t index, const struct choices_score *score)
{
    struct list *list = user;
    struct arena arena = {0};
    const uint32_t at = list->choices_index[index], n = list->choices.item[index].n_choices;
    double *logp = arena_array(&arena, n, sizeof(*logp));
    struct campaign_golden golden = {.logp = logp, .n_choices = n, .hash = score[0].hash};
    if (!logp)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        logp[i] = score[i].loglik;
        grow(&golden.n_tokens, score[i].n);
        if (i > 0)
            golden.hash = hash_fold64(golden.hash, score[i].hash);
    }
    const struct golden run = {.choices = list->all[at].choice, .n_choices = n};
    golden.chosen = golden_choose(&run, logp);
    const enum status st = list->params->done(list->params->user, at, &golden);
    arena_finish(&arena);
    return st;
}

static enum status take_answer(void *user, uint32_t index, const struct answers_text *text)
{
    struct list *list = user;
    struct campaign_golden golden = {
        .tokens = text->tokens, .n_tokens = text->n, .hash = text->hash, .chosen = EXECUTOR_NONE};
    return list->params->done(list->params->user, list->answers_index[index], &golden);
}

enum status campaign_goldens_run(const struct campaign_goldens_params *params)
{
    struct list list = {.params = params};
    enum status st = list_items(&list, params->world);
    list.choices.ex = list.answers.ex = params->ex;
    list.choices.done = take_choices;
    list.answers.done = take_answer;
    if (!st && list.choices.n_items > 0)
        st = choices_run(&list.choices);
    if (!st && list.answers.n_items > 0)
        st = answers_run(&list.answers);
    arena_finish(&list.arena);
    return st;
}
