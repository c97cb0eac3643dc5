/* SPDX-License-Identifier: MIT */
/* Encodes prompts, keeps golden runs. */
#include "inject/campaign/campaign_items.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "inject/store/store_prompt.h"
#include "model/decode.h"

/* As golden runs take them: choices are compared as they are for acc, by characters for acc_norm.
 */
static enum status make_choices(struct campaign_item *out, struct arena *arena)
{
    const struct choices_item *choices = &out->input.choices;
    struct golden_choice *choice = arena_array(arena, choices->n_choices, sizeof(*choice));
    if (!choice)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < choices->n_choices; i++) {
        const struct choices_row *row = &choices->choice[i];
        choice[i] = (struct golden_choice){
            .ids = row->ids, .n_ids = row->n_ids, .n_context = row->n_context, .length = 1};
        if (out->question->metric == TASK_ACC_NORM)
            choice[i].length = choices_characters(out->question->item.choice[i].text);
    }
    out->choice = choice;
    return STATUS_OK;
}

/* All that a run is fed: of choices, one after the other. */
static enum status list_ids(struct campaign_item *out, struct arena *arena)
{
    const struct choices_item *choices = &out->input.choices;
    uint32_t n = 0;
    if (choices->n_choices == 0) {
        out->row.prompt_ids = store_prompt_text(arena, out->input.ids, out->input.n_ids);
        return out->row.prompt_ids ? STATUS_OK : STATUS_MEMORY;
    }
    for (uint32_t i = 0; i < choices->n_choices; i++)
        n += choices->choice[i].n_ids;
    int32_t *ids = arena_array(arena, n, sizeof(*ids));
    if (!ids)
        return STATUS_MEMORY;
    n = 0;
    for (uint32_t i = 0; i < choices->n_choices; i++) {
        memcpy(ids + n, choices->choice[i].ids, choices->choice[i].n_ids * sizeof(*ids));
        n += choices->choice[i].n_ids;
    }
    out->row.prompt_ids = store_prompt_text(arena, ids, n);
    return out->row.prompt_ids ? STATUS_OK : STATUS_MEMORY;
}

/* What an answer is held against: of choices the index of the right one. */
static enum status describe(struct store_item *row, struct arena *arena,
                            const struct plan_question *q)
{
    row->score = row->chance = NAN;
    if (!q)
        return STATUS_OK;
    row->task = q->task;
    row->area = task_area_name((enum task_area)q->area);
    row->doc_id = q->item.doc_id;
    row->task_group = q->item.group;
    row->target = q->item.target;
    row->chance = q->chance;
    if (q->kind == TASK_CHOICES)
        row->target = arena_printf(arena, "%" PRIu32, q->item.gold);
    return row->target ? STATUS_OK : STATUS_MEMORY;
}

static enum status make_item(struct campaign_item *out, struct arena *arena,
                             const struct plan *plan, const struct model *model)
{
    const uint32_t index = out->row.id;
    const struct plan_item *item = &plan->item[index];
    enum status st = plan_item_input(plan, index, model, arena, &out->input);
    out->question = item->question;
    out->base = item->base;
    out->sample = item->sample;
    out->row.sample = plan->samples > 1 && item->question ? item->sample : STORE_ONE_SAMPLE;
    out->row.prompt = item->prompt ? item->prompt : "";
    out->row.prompt_group = item->group;
    if (!st && out->input.choices.n_choices > 0)
        st = make_choices(out, arena);
    st = st ? st : list_ids(out, arena);
    return st ? st : describe(&out->row, arena, item->question);
}

enum status campaign_items_make(struct campaign_item **out, struct arena *arena,
                                const struct plan *plan, const struct model *model)
{
    *out = arena_array(arena, plan->n_items, sizeof(**out));
    if (!*out)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < plan->n_items; i++) {
        (*out)[i].row.id = i;
        const enum status st = make_item(&(*out)[i], arena, plan, model);
        if (st)
            return st;
    }
    return STATUS_OK;
}

struct golden_shape campaign_items_shape(const struct campaign_item *items, const struct plan *plan)
{
    struct golden_shape shape = {.checkpoint_bytes = plan->checkpoint_bytes};
    for (uint32_t i = 0; i < plan->n_items; i++) {
        const struct plan_input *input = &items[i].input;
        const struct choices_item *choices = &input->choices;
        uint32_t rows = choices->n_choices > 0 ? choices->n_shared : input->n_ids + input->n;
        for (uint32_t k = 0; k < choices->n_choices; k++)
            rows += choices->choice[k].n_ids - 1 - choices->n_shared;
        shape.n_ids = input->n_ids > shape.n_ids ? input->n_ids : shape.n_ids;
        shape.n = input->n > shape.n ? input->n : shape.n;
        shape.n_choices =
            choices->n_choices > shape.n_choices ? choices->n_choices : shape.n_choices;
        shape.rows = rows > shape.rows ? rows : shape.rows;
    }
    return shape;
}

/* The choice that golden takes, and how likely it finds each. */
static enum status put_choices(struct store_item *out, struct arena *arena,
                               const struct task_item *asked, const struct campaign_golden *golden)
{
    struct json_memory m;
    json_begin_memory(&m, false);
    json_array_open(&m.w);
    for (uint32_t i = 0; i < golden->n_choices; i++)
        json_put_number(&m.w, golden->logp[i]);
    json_array_close(&m.w);
    out->score = golden->chosen == asked->gold;
    out->answer = arena_printf(arena, "%" PRIu32, golden->chosen);
    out->text = asked->choice[golden->chosen].text;
    out->tokens = "[]";
    const enum status st = json_end_line(&out->choice_logp, &m, arena);
    return st || out->answer ? st : STATUS_MEMORY;
}

static enum status put_text(struct store_item *out, struct arena *arena,
                            const struct decode *decode, const struct campaign_golden *golden)
{
    const struct decode_tokens tokens = {golden->tokens, golden->n_tokens};
    struct text text = {0};
    const enum status st = decode_answer(&text, decode, &tokens);
    out->text = st ? NULL : arena_text(arena, text.data, text.size);
    out->tokens = store_prompt_text(arena, tokens.ids, tokens.n);
    text_finish(&text);
    return st || (out->text && out->tokens) ? st : STATUS_MEMORY;
}

enum status campaign_items_row(struct store_item *out, struct arena *arena,
                               const struct campaign_item *item,
                               const struct campaign_golden *golden, const struct model *model)
{
    const struct plan_input *input = &item->input;
    const struct decode decode = {
        .rules = {.n = input->n, .stops = input->stop, .n_stops = input->n_stops}, .model = model};
    *out = item->row;
    out->hash = arena_printf(arena, "%016" PRIx64, golden->hash);
    out->n_prompt = input->n_ids;
    out->n_tokens = golden->n_tokens;
    out->underflow = golden->underflow;
    if (!out->hash)
        return STATUS_MEMORY;
    return golden->n_choices > 0 ? put_choices(out, arena, &item->question->item, golden)
                                 : put_text(out, arena, &decode, golden);
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

static enum status read_tokens(struct campaign_item *item, struct arena *arena,
                               const struct store_item *row, const struct model *model)
{
    const struct store_prompt_range range = {row->n_tokens, model->hp.n_vocab};
    int32_t *tokens = NULL;
    if (item->input.choices.n_choices > 0)
        return STATUS_OK;
    const enum status st = store_prompt_ids(&tokens, arena, row->tokens, range);
    if (st == STATUS_INPUT)
        log_error("item %" PRIu32 ": found golden tokens '%.40s', expected a list of %" PRIu32
                  " ids from 0 to %" PRIu32,
                  row->id, row->tokens ? row->tokens : "", range.count, range.end - 1);
    item->tokens = tokens;
    return st;
}

enum status campaign_items_take(struct campaign_item *items, struct arena *arena,
                                const struct plan *plan, const struct model *model,
                                const struct store_item *row)
{
    struct campaign_item *item = row->id < plan->n_items ? &items[row->id] : NULL;
    if (!item || row->n_tokens == 0 || row->n_tokens > item->input.n) {
        log_error("item %" PRIu32 " has %" PRIu32
                  " golden tokens, which do not fit the plan's prompt",
                  row->id, row->n_tokens);
        return STATUS_INPUT;
    }
    enum status st = check_prompt(item, row);
    if (!st)
        st = read_tokens(item, arena, row, model);
    if (st)
        return st;
    item->known = true;
    item->n_tokens = row->n_tokens;
    item->hash = row->hash ? strtoull(row->hash, NULL, 16) : 0;
    item->row = *row;
    return STATUS_OK;
}

enum status campaign_items_read(struct campaign_item *items, struct arena *arena,
                                const struct store *store, const struct plan *plan,
                                const struct model *model)
{
    struct store_item *row = NULL;
    uint32_t count = 0;
    enum status st = store_read_items(store, arena, &row, &count);
    for (uint32_t i = 0; !st && i < count; i++)
        st = campaign_items_take(items, arena, plan, model, &row[i]);
    return st;
}

/* Weight of an item: equal, or its share of all evaluated positions. */
enum status campaign_items_write(struct campaign_item *items, struct store *store,
                                 const struct plan *plan)
{
    uint64_t positions = 0;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < plan->n_items; i++)
        positions += items[i].input.n_ids + items[i].n_tokens - 1;
    for (uint32_t i = 0; !st && i < plan->n_items; i++) {
        const double own = items[i].input.n_ids + items[i].n_tokens - 1;
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
    for (uint32_t i = 0; sizes && i < plan->n_items; i++) {
        if (plan_item_size(&sizes[i], arena, plan, &items[i].input, items[i].n_tokens))
            return NULL;
        sizes[i].left_out = plan->filter == PLAN_FILTER_GOLDEN_RIGHT && items[i].question &&
                            items[i].row.score < CAMPAIGN_RIGHT;
    }
    return sizes;
}

struct sample_item *campaign_items_longest(const struct campaign_item *items, struct arena *arena,
                                           const struct plan *plan)
{
    struct sample_item *sizes = arena_array(arena, plan->n_items, sizeof(*sizes));
    for (uint32_t i = 0; sizes && i < plan->n_items; i++) {
        const struct plan_input *input = &items[i].input;
        if (plan_item_size(&sizes[i], arena, plan, input, input->n))
            return NULL;
    }
    return sizes;
}

enum status campaign_items_stored(struct campaign_stored *out, struct arena *arena,
                                  const struct store *store, const struct plan *plan,
                                  const struct model *model)
{
    *out = (struct campaign_stored){0};
    enum status st = campaign_items_make(&out->item, arena, plan, model);
    if (!st)
        st = campaign_items_read(out->item, arena, store, plan, model);
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
