/* SPDX-License-Identifier: MIT */
/* Fills the fields of a row: identity from the draw, coordinates from the fault, the rest from the
 * record. */
#include "inject/campaign/campaign_row.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "inject/campaign/campaign_arm.h"
#include "inject/space/fault_bits.h"
#include "inject/space/widen.h"
#include "inject/store/store.h"

/* --- coordinates --- */

/* Whether the struck bits are those of the fault's mask; else the element's. */
static bool has_mask(const struct fault *fault)
{
    return hook_kinds_takes(fault->kind, KIND_TAKES_MASK) && fault->mask != 0;
}

static int64_t lowest_bit(uint32_t mask)
{
    int64_t bit = 0;
    while (!(mask >> bit & 1u))
        bit++;
    return bit;
}

/* The byte of the lowest struck bit in the tensor. */
static int64_t byte_offset(const struct fault *fault)
{
    const struct tensor *tensor = fault->tensor;
    const uint32_t bit = has_mask(fault) ? (uint32_t)lowest_bit(fault->mask) : 0;
    const struct quant_place place = quant_field_place(tensor->type, fault->k, fault->field, bit);
    return (int64_t)(fault->row * quant_row_bytes(tensor->type, tensor->dim[0]) + place.byte);
}

static void put_bits(struct trial_row *row, const struct fault_bits *type,
                     const struct fault *fault)
{
    if (!has_mask(fault)) {
        row->bit_field = type->name;
        return;
    }
    row->bit = lowest_bit(fault->mask);
    row->mask = fault->mask;
    row->bit_field = fault_bits_field(type, fault->mask);
}

static void put_place(struct trial_row *row, const struct fault *fault,
                      const struct fault_bounds *bounds)
{
    const struct fault_axes axes = fault_axes(fault, bounds);
    const struct node *node =
        fault->place == PLACE_OP ? &bounds->model->graph.node[fault->node] : NULL;
    const bool read = node && (fault->point == HOOK_WEIGHT || fault->point == HOOK_OPERAND);
    row->place = kinds_text(KINDS_PLACE, fault->place);
    row->layer = fault->layer == GRAPH_NO_LAYER ? TRIAL_ROW_NULL : (int64_t)fault->layer;
    row->op = node ? graph_op_name(node->op) : NULL;
    row->point = kinds_text(KINDS_POINT, fault->point);
    row->readers = read ? kinds_text(KINDS_READERS, fault->readers) : NULL;
    row->granularity = kinds_text(KINDS_GRANULARITY, fault->granularity);
    row->kind = kinds_text(KINDS_KIND, fault->kind);
    row->duration = kinds_text(KINDS_DURATION, fault->duration);
    if (fault_has_row(&axes)) {
        row->row = fault->row;
        row->rows = fault->row_count > 0 ? fault->row_count : 1;
    }
    if (axes.k.count > 0)
        row->k = fault->k;
    if (axes.key)
        row->key = fault->key;
    if (fault->place == PLACE_WEIGHT)
        row->byte_offset = byte_offset(fault);
}

static void put_time(struct trial_row *row, const struct fault *fault, uint32_t n_prompt)
{
    row->stage = kinds_text(KINDS_STAGE, widen_stage_of(fault->position, n_prompt));
    row->position = fault->position;
    if (fault->position + 1 >= n_prompt)
        row->step = (int64_t)fault->position + 1 - n_prompt;
    if (fault->position_count != FAULT_FOREVER)
        row->positions = fault->position_count > 0 ? fault->position_count : 1;
}

/* What is known before the trial runs; `draw` null: of no campaign. */
static enum status put_faults(struct trial_row *row, struct arena *arena,
                              const struct campaign_row_context *context,
                              const struct sample_draw *draw, const struct trial_job *job)
{
    const struct fault *fault = &job->fault[0];
    char site[FAULT_SITE_TEXT];
    struct fault_bits type;
    trial_row_init(row);
    fault_site(fault, site);
    fault_bits_of(&type, fault, &context->bounds);
    if (draw) {
        row->trial = (int64_t)draw->trial;
        row->arm = context->arm ? context->arm : STORE_ARM_NONE;
        row->control = draw->role == ROLE_TRIAL ? NULL : kinds_text(KINDS_ROLE, draw->role);
        row->item = draw->item;
        if (draw->choice > 0)
            row->choice = (int64_t)draw->choice - 1;
        row->mc_target = draw->mc_target;
        if (draw->role != ROLE_CLEAN) {
            row->stratum = draw->stratum;
            row->weight = draw->weight;
            row->draw_prob = draw->draw_prob;
        }
    }
    row->n_faults = job->n_faults;
    row->width = fault_width(fault, &context->bounds);
    row->site = arena_text(arena, site, strlen(site));
    put_place(row, fault, &context->bounds);
    put_time(row, fault, context->bounds.n_prompt);
    put_bits(row, &type, fault);
    row->golden_len = context->golden_len;
    const enum status st = fault_put_text(&row->fault, arena, fault);
    return st || row->site ? st : STATUS_MEMORY;
}

/* --- the record --- */

static void put_proof(struct trial_row *row, const struct campaign_row_context *context,
                      const struct record *record)
{
    struct fault_bits type;
    if (record->activations == 0)
        return;
    fault_bits_of(&type, &record->fault, &context->bounds);
    row->before = record->before;
    row->after = record->after;
    row->before_value = fault_bits_value(&type, record->before);
    row->after_value = fault_bits_value(&type, record->after);
    row->rel_change = fabs(row->after_value - row->before_value) / fabs(row->before_value);
    row->dir = fault_bits_direction(record->before, record->after);
}

static const char *flag_names(struct arena *arena, uint32_t flags)
{
    char text[256] = "";
    size_t size = 0;
    for (uint32_t i = 0; i < FLAG_COUNT; i++) {
        if (flags >> i & 1u)
            size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%s", size > 0 ? "+" : "",
                                     kinds_text(KINDS_FLAG, i));
    }
    return size > 0 ? arena_text(arena, text, size) : NULL;
}

/* "[[0,0,0],[0.5,1e-3,12],...]" */
static enum status put_deviation(struct trial_row *row, struct arena *arena,
                                 const struct record *record)
{
    struct json_memory m;
    if (!record->deviation)
        return STATUS_OK;
    json_begin_memory(&m, false);
    json_array_open(&m.w);
    for (uint32_t i = 0; i < record->n_deviations; i++) {
        json_array_open(&m.w);
        json_put_number(&m.w, record->deviation[i].max_abs);
        json_put_number(&m.w, record->deviation[i].rel_l2);
        json_put_int(&m.w, record->deviation[i].bits);
        json_array_close(&m.w);
    }
    json_array_close(&m.w);
    return json_end_line(&row->deviation, &m, arena);
}

static enum status put_text(struct trial_row *row, struct arena *arena, const struct record *record,
                            const struct decode *decode)
{
    struct text text = {0};
    enum status st =
        decode_answer(&text, decode, &(struct decode_tokens){record->tokens, record->faulty_len});
    if (!st)
        row->faulty_text = arena_text(arena, text.data, text.size);
    text_finish(&text);
    return st || row->faulty_text ? st : STATUS_MEMORY;
}

/* Answers are the indices of choices, the score whether it is the right one. */
static enum status put_choice(struct trial_row *row, struct arena *arena,
                              const struct campaign_row_context *context,
                              const struct record *record)
{
    const struct plan_question *q = context->question;
    const uint32_t chosen = context->golden->chosen;
    row->answer_golden = arena_printf(arena, "%" PRIu32, chosen);
    row->score_golden = chosen == q->item.gold;
    if (record->outcome == OUTCOME_DUE || record->chosen == chosen)
        return row->answer_golden ? STATUS_OK : STATUS_MEMORY;
    row->answer_faulty = arena_printf(arena, "%" PRIu32, record->chosen);
    row->score_faulty = record->chosen == q->item.gold;
    row->faulty_text = q->item.choice[record->chosen].text;
    return row->answer_golden && row->answer_faulty ? STATUS_OK : STATUS_MEMORY;
}

/* What a record says in a row's form, under the same names. */
static void put_measures(struct trial_row *row, const struct record *record)
{
#define PUT_U64(name) row->name = (int64_t)record->name;
#define PUT_INDEX(name) row->name = record->name == EXECUTOR_NONE ? TRIAL_ROW_NULL : record->name;
#define PUT_REAL(name) row->name = record->name;
#define PUT_TEXT(name) row->name = record->name;
#define PUT(type, c_type, name) PUT_##type(name)
    RECORD_MEASURES(PUT)
}

enum status campaign_row_make(struct trial_row *out, struct arena *arena,
                              const struct campaign_row_context *context,
                              const struct sample_draw *draw, const struct record *record)
{
    const struct trial_job job = {.fault = record->faults, .n_faults = record->n_faults};
    enum status st = put_faults(out, arena, context, draw, &job);
    if (st)
        return st;
    put_proof(out, context, record);
    put_measures(out, record);
    out->outcome = kinds_text(KINDS_OUTCOME, record->outcome);
    if (record->outcome == OUTCOME_DUE)
        out->due_reason = kinds_text(KINDS_DUE_REASON, record->due_reason);
    out->flags = flag_names(arena, record->flags);
    out->faulty_len = record->n_choices > 0 ? context->golden_len : record->faulty_len;
    if (record->hashed)
        out->hash = arena_printf(arena, "%016" PRIx64, record->hash);
    st = put_deviation(out, arena, record);
    if (!st && record->n_choices > 0)
        st = put_choice(out, arena, context, record);
    else if (!st &&
             (record->first_diff != EXECUTOR_NONE || record->faulty_len != context->golden_len))
        st = put_text(out, arena, record, context->decode);
    if (context->arm)
        campaign_arm_put(out, record, context->bounds.n_prompt);
    return st;
}

enum status campaign_row_due(struct trial_row *out, struct arena *arena,
                             const struct campaign_row_context *context,
                             const struct sample_draw *draw, enum due_reason reason)
{
    const struct trial_job job = {.fault = draw->fault, .n_faults = draw->n_faults};
    const enum status st = put_faults(out, arena, context, draw, &job);
    out->outcome = kinds_text(KINDS_OUTCOME, OUTCOME_DUE);
    out->due_reason = kinds_text(KINDS_DUE_REASON, reason);
    return st;
}
