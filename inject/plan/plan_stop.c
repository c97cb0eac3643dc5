/* SPDX-License-Identifier: MIT */
/* When a campaign may be looked at, and the question that may end it: the field "stop" of a plan.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "inject/plan/plan_contrast.h"
#include "inject/plan/plan_field.h"
#include "inject/plan/sample_index.h"
#include "inject/stats/stats_sequence.h"

#define LEAST_ROOM 1000000             /* prompts: no plan has more */
#define ORDER_KEY UINT64_C(0x73746f70) /* apart from all keys of draws */

bool plan_stops_itself(const struct plan *plan)
{
    return plan->gate.max > 0;
}

uint64_t plan_look_end(const struct plan *plan, uint32_t look, uint64_t trials)
{
    return (uint64_t)ceil(plan->look[look] * (double)trials);
}

uint32_t plan_stop_item(const struct plan *plan, uint32_t place)
{
    const struct sample_key seed = {{(uint32_t)plan->seed, (uint32_t)(plan->seed >> 32)}};
    return (uint32_t)sample_index_permute(sample_index_key(seed, ORDER_KEY), place, plan->n_items);
}

enum status plan_stop_least(const struct plan *plan, uint32_t *out)
{
    const struct stats_interval_level level = {plan->gate.confidence, STATS_INTERVAL_UPPER};
    *out = 0;
    if (plan->stop != PLAN_STOP_TIME_UNIFORM || !plan_stops_itself(plan))
        return STATUS_OK;
    for (size_t n = 256; *out == 0 && n < 4 * (size_t)LEAST_ROOM; n *= 4) {
        double *none = calloc(n, sizeof(*none)); /* prompts without any event */
        if (!none) {
            log_error("out of host memory for %zu imagined prompts", n);
            return STATUS_MEMORY;
        }
        *out = (uint32_t)stats_sequence_first(none, n, plan->gate.max, level);
        free(none);
    }
    *out = *out == 0 || *out > LEAST_ROOM ? PLAN_STOP_NEVER : *out;
    return STATUS_OK;
}

enum status plan_stop_warn(const struct plan *plan)
{
    uint32_t least = 0;
    enum status st = plan_stop_least(plan, &least);
    if (st || least <= plan->n_items)
        return st;
    if (least == PLAN_STOP_NEVER)
        log_warn("%s: cannot pass: found %" PRIu32
                 " prompts; a limit of %g needs more than %d, even "
                 "without any event",
                 plan_place(plan, "/stop/gate"), plan->n_items, plan->gate.max, LEAST_ROOM);
    else
        log_warn("%s: cannot pass: found %" PRIu32 " prompts, expected at least %" PRIu32
                 ": so many without any event show a rate below %g",
                 plan_place(plan, "/stop/gate"), plan->n_items, least, plan->gate.max);
    return STATUS_OK;
}

static enum status read_looks(const struct plan_reader *r, const struct json *looks)
{
    const size_t count = json_count(looks);
    double *look = arena_array(r->arena, count ? count : 1, sizeof(*look));
    if (!look)
        return STATUS_MEMORY;
    if (json_type(looks) != JSON_ARRAY || count == 0 || count > 64) {
        log_error("%s: expected a list of 1 to 64 rising shares of the trials, the last 1",
                  json_where(r->doc, looks));
        return STATUS_INPUT;
    }
    for (size_t i = 0; i < count; i++) {
        const struct json_range range = {.min = i ? look[i - 1] : 0, .max = 1, .open_min = true};
        enum status st = json_fields_number_of(r->doc, json_at(looks, i), range, &look[i]);
        if (st)
            return st;
    }
    if (look[count - 1] != 1) {
        log_error("%s: found %g, expected the last look to be at all trials: 1",
                  json_where(r->doc, json_at(looks, count - 1)), look[count - 1]);
        return STATUS_INPUT;
    }
    r->plan->look = look;
    r->plan->n_looks = (uint32_t)count;
    return STATUS_OK;
}

/* Conditions on the plan's strata. */
static enum status check_side(const struct plan_reader *r, const struct json *at, const char *text)
{
    struct plan_side side;
    const char *problem = plan_contrast_side(&side, r->arena, text, r->plan);
    if (!problem)
        return plan_words_side(r, at, &side);
    log_error("%s: %s", json_where(r->doc, at), problem);
    return STATUS_INPUT;
}

static enum status read_stratum(const struct plan_reader *r, const struct json *value)
{
    const char *label = NULL;
    enum status st = json_fields_text_of(r->doc, value, &label);
    if (st)
        return st;
    if (!label[0]) {
        log_error("%s: found an empty text, expected the label of a stratum such as \"layer=3\"",
                  json_where(r->doc, value));
        return STATUS_INPUT;
    }
    if (!strchr(label, '=')) /* else a label, whose values may be any text */
        st = check_side(r, value, label);
    if (st)
        return st;
    r->plan->gate.stratum = arena_text(r->arena, label, strlen(label));
    return r->plan->gate.stratum ? STATUS_OK : STATUS_MEMORY;
}

static enum status put_stratum(struct json_writer *w, const struct plan *plan)
{
    if (plan->gate.stratum)
        json_member_text(w, "stratum", plan->gate.stratum);
    return STATUS_OK;
}

static enum status put_spending(struct json_writer *w, const struct plan *plan)
{
    if (plan->stop == PLAN_STOP_SPENDING)
        json_member_text(w, "spending", kinds_text(KINDS_SPENDING, plan->spending));
    return STATUS_OK;
}

static enum status put_looks(struct json_writer *w, const struct plan *plan)
{
    json_put_key(w, "looks");
    json_array_open(w);
    for (uint32_t i = 0; i < plan->n_looks; i++)
        json_put_number(w, plan->look[i]);
    json_array_close(w);
    return STATUS_OK;
}

/* The words of `vkfi gate`. */
static const struct plan_field GATE[] = {
    {"max", NULL, PLAN_FIELD_NUMBER, .at = PLAN_AT(gate.max),
     .range = {.min = 0, .max = 1, .open_min = true, .open_max = true},
     .need = "the limit of a rate, such as 0.02", .examples = "[0.1]",
     .what = "The limit of the rate. With rule time_uniform it takes at least 208 prompts to pass "
             "0.02 and 40 to pass 0.1 at confidence 0.95, without any event: `vkfi plan check` "
             "says how many. Must be given."},
    {"of", NULL, PLAN_FIELD_WORD, KINDS_GATE_CLASS, PLAN_AT(gate.of), .fallback = "'sdc'",
     .examples = "['sdc+due']", .what = "What is counted; critical needs a task."},
    {"given", NULL, PLAN_FIELD_WORD, KINDS_GATE_TRIALS, PLAN_AT(gate.given), .fallback = "'all'",
     .examples = "['changed']",
     .what = "Of which trials; golden_right needs a task. runs: with a bit error rate, of all "
             "runs, those that no fault hits too."},
    {"confidence", NULL, PLAN_FIELD_NUMBER, .at = PLAN_AT(gate.confidence),
     .range = {.min = 0.5, .max = 0.9999}, .fallback = "0.95", .examples = "[0.99]",
     .what = "One-sided."},
    {"stratum", NULL, .read = read_stratum, .put = put_stratum,
     .form = "{'type': 'string', 'minLength': 1}", .examples = "['layer=3', 'layer: 0-9']",
     .what = "One stratum by its label, or those that conditions name, as in contrasts. All by "
             "default."}};
static PLAN_FIELDS(fields_gate, "an object such as {\"max\": 0.02}", GATE, false);

/* Written only if there is a question: plans without one keep their identity. */
static enum status put_gate(struct json_writer *w, const struct plan *plan)
{
    if (!plan_stops_itself(plan))
        return STATUS_OK;
    json_put_key(w, "gate");
    json_object_open(w);
    const enum status st = plan_field_put(w, &fields_gate, plan);
    json_object_close(w);
    return st;
}

static const struct plan_field STOP[] = {
    {"rule", NULL, PLAN_FIELD_WORD, KINDS_STOP, PLAN_AT(stop),
     .need = "fixed, waves, time_uniform or spending", .examples = "['fixed', 'time_uniform']",
     .what = "fixed: at its end; spending: at the looks; time_uniform: whenever an item is "
             "complete; waves: at the end of each wave, with 1/2, 1/4, ... of the error, so that "
             "it may be extended after a look. Must be given."},
    {"spending", NULL, PLAN_FIELD_WORD, KINDS_SPENDING, PLAN_AT(spending), .put = put_spending,
     .fallback = "'obrien_fleming'", .examples = "['pocock']",
     .what = "How the error is spent: late, or evenly (pocock)."},
    {"looks", NULL, .read = read_looks, .put = put_looks,
     .form = "{'type': 'array', 'minItems': 1, 'maxItems': 64, 'items': {'type': 'number', "
             "'exclusiveMinimum': 0, 'maximum': 1}}",
     .examples = "[[0.25, 0.5, 1]]",
     .what = "Of spending, which must give them: rising shares of the trials, the last 1."},
    {"gate", NULL, PLAN_FIELD_GROUP, .members = &fields_gate, .put = put_gate,
     .examples = "[{'max': 0.1}]",
     .what = "The question whose answer ends the campaign before its last trial, in the words of "
             "`vkfi gate`. None by default."}};
PLAN_FIELDS(plan_fields_stop, "an object with 'rule'", STOP, false);
