/* SPDX-License-Identifier: MIT */
/* A record as a JSON object. */
#include <math.h>

#include "cli/cli_output.h"
#include "cli/cli_record.h"
#include "inject/space/fault_bits.h"

#define NOT_PRESENT UINT32_MAX

/* A count, or null where there is none. */
static void put_count(struct json_writer *w, const char *key, uint32_t value)
{
    json_put_key(w, key);
    if (value == NOT_PRESENT)
        json_put_null(w);
    else
        json_put_int(w, value);
}

static void put_place(struct json_writer *w, const struct cli_record_context *context,
                      const struct fault *fault)
{
    const struct graph *graph = &context->bounds.model->graph;
    const struct fault_axes axes = fault_axes(fault, &context->bounds);
    const uint32_t decode = context->bounds.n_prompt - 1; /* position of step 0 */
    char site[FAULT_SITE_TEXT];
    fault_site(fault, site);
    json_member_text(w, "site", site);
    json_member_text(w, "place", kinds_text(KINDS_PLACE, fault->place));
    put_count(w, "layer", fault->layer == GRAPH_NO_LAYER ? NOT_PRESENT : fault->layer);
    json_put_key(w, "op");
    if (fault->place == PLACE_OP)
        json_put_text(w, graph_op_name(graph->node[fault->node].op));
    else
        json_put_null(w);
    json_member_text(w, "point", kinds_text(KINDS_POINT, fault->point));
    json_member_text(w, "kind", kinds_text(KINDS_KIND, fault->kind));
    put_count(w, "position", fault->position);
    put_count(w, "step", fault->position < decode ? NOT_PRESENT : fault->position - decode);
    put_count(w, "row", fault_has_row(&axes) ? fault->row : NOT_PRESENT);
    put_count(w, "k", axes.k.count > 0 ? fault->k : NOT_PRESENT);
    put_count(w, "key", axes.key ? fault->key : NOT_PRESENT);
    if (fault_bits_weight(fault, &context->bounds))
        json_member_text(w, "field", quant_field_name(fault->field));
}

static void put_mask(struct json_writer *w, const struct fault *fault, uint32_t width)
{
    const uint32_t mask = fault->mask;
    if (hook_kinds_takes(fault->kind, KIND_TAKES_VALUE) &&
        !hook_kinds_takes(fault->kind, KIND_TAKES_NUMBER)) {
        json_put_key(w, "value");
        cli_output_bits(w, fault->value, width);
    }
    if (!hook_kinds_takes(fault->kind, KIND_TAKES_MASK))
        return;
    json_put_key(w, "mask");
    cli_output_bits(w, mask, width);
    if (mask != 0 && (mask & (mask - 1)) == 0) {
        json_put_key(w, "bit");
        json_put_int(w, __builtin_ctz(mask));
    }
}

static void put_value(struct json_writer *w, const char *key, const struct fault_bits *type,
                      uint32_t bits)
{
    json_put_key(w, key);
    if (type->is_float)
        json_put_float(w, fault_bits_float(type, bits));
    else
        json_put_int(w, bits);
}

/* Bits are null when the fault was not reached: nothing was there to be read. */
static void put_proof(struct json_writer *w, const struct cli_record_context *context,
                      const struct record *record)
{
    struct fault_bits type;
    fault_bits_of(&type, &record->fault, &context->bounds);
    if (record->activations == 0) {
        static const char *const keys[] = {"before", "after", "before_value", "after_value"};
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            put_count(w, keys[i], NOT_PRESENT);
    } else {
        json_put_key(w, "before");
        cli_output_bits(w, record->before, type.width);
        json_put_key(w, "after");
        cli_output_bits(w, record->after, type.width);
        put_value(w, "before_value", &type, record->before);
        put_value(w, "after_value", &type, record->after);
    }
    json_put_key(w, "activations");
    json_put_int(w, (int64_t)record->activations);
    json_put_key(w, "expected_activations");
    json_put_int(w, (int64_t)record->expected_activations);
}

static void put_deviation(struct json_writer *w, const struct cli_record_context *context,
                          const struct record *record)
{
    json_put_key(w, "deviation");
    json_array_open(w);
    for (uint32_t i = 0; record->deviation && i <= context->bounds.model->hp.n_layers; i++) {
        json_object_open(w);
        put_count(w, "layer", i);
        json_put_key(w, "max_abs");
        json_put_number(w, record->deviation[i].max_abs);
        json_put_key(w, "rel_l2");
        json_put_number(w, record->deviation[i].rel_l2);
        put_count(w, "bits", record->deviation[i].bits);
        json_object_close(w);
    }
    json_array_close(w);
}

static void put_flags(struct json_writer *w, const struct record *record)
{
    json_put_key(w, "due_reason");
    if (record->due == DUE_NONE)
        json_put_null(w);
    else
        json_put_text(w, kinds_text(KINDS_DUE_REASON, record->due));
    json_put_key(w, "flags");
    json_array_open(w);
    for (uint32_t flag = 0; flag < FLAG_COUNT; flag++) {
        if (record->flags >> flag & 1u)
            json_put_text(w, kinds_text(KINDS_FLAG, flag));
    }
    json_array_close(w);
}

static void put_numbers(struct json_writer *w, const struct record *record)
{
    const struct {
        const char *key;
        double value;
    } numbers[] = {{"margin_at_fault", record->margin_at_fault},
                   {"margin_min_after", record->margin_min_after},
                   {"logp_sum", record->logp_sum},
                   {"logp_mean", record->logp_mean},
                   {"logp_worst", record->logp_worst},
                   {"kl", record->kl}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        json_put_key(w, numbers[i].key);
        if (isnan(numbers[i].value))
            json_put_null(w);
        else
            json_put_number(w, numbers[i].value);
    }
}

static void put_origin(struct json_writer *w, const struct record *record)
{
    put_count(w, "healed_at", record->healed_at);
    json_put_key(w, "nan_site");
    if (record->nan_site)
        json_put_text(w, record->nan_site);
    else
        json_put_null(w);
    put_count(w, "nan_layer", record->nan_layer);
    put_count(w, "nan_step", record->nan_step);
}

/* All of it, to be run again: the fault, or the list of those that were struck together. */
static void put_faults(struct json_writer *w, const struct record *record)
{
    json_put_key(w, "fault");
    if (record->n_faults == 1) {
        fault_put(w, &record->fault);
        return;
    }
    json_array_open(w);
    for (uint32_t i = 0; i < record->n_faults; i++)
        fault_put(w, &record->faults[i]);
    json_array_close(w);
}

enum status cli_record_json(struct json_writer *w, const struct cli_record_context *context,
                            const struct record *record)
{
    struct text faulty = {0};
    const struct decode_tokens tokens = {record->tokens, record->n_tokens};
    enum status st = decode_answer(&faulty, &context->golden->decode, &tokens);
    if (st)
        goto end;
    json_object_open(w);
    put_place(w, context, &record->fault);
    put_mask(w, &record->fault, fault_width(&record->fault, &context->bounds));
    put_faults(w, record);
    put_proof(w, context, record);
    json_member_text(w, "outcome", kinds_text(KINDS_OUTCOME, record->outcome));
    put_count(w, "first_diff",
              record->first_diff == EXECUTOR_NONE ? NOT_PRESENT : record->first_diff);
    put_count(w, "golden_len", context->golden->run.n_tokens);
    put_count(w, "faulty_len", record->n_tokens);
    put_flags(w, record);
    put_numbers(w, record);
    put_deviation(w, context, record);
    put_origin(w, record);
    json_member_text(w, "golden_text", context->golden_text);
    json_member_text(w, "faulty_text", faulty.data);
    json_put_key(w, "hash");
    json_put_hex(w, record->hash, 16);
    json_object_close(w);
end:
    text_finish(&faulty);
    return st;
}
