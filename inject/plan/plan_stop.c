/* SPDX-License-Identifier: MIT */
/* When a campaign may be looked at, and the question that may end it: the field "stop" of a plan.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "inject/plan/plan_contrast.h"
#include "inject/plan/plan_read.h"
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
        double *none = calloc(n, sizeof *none); /* prompts without any event */
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
    double *look = arena_array(r->arena, count ? count : 1, sizeof *look);
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

static enum status read_stratum(const struct plan_reader *r, const struct json *gate)
{
    const char *label = NULL;
    enum status st = json_fields_text(r->doc, gate, "stratum", &label);
    if (st || !label)
        return st;
    if (!label[0]) {
        log_error("%s: found an empty text, expected the label of a stratum such as \"layer=3\"",
                  json_where(r->doc, json_get(gate, "stratum")));
        return STATUS_INPUT;
    }
    if (!strchr(label, '=')) /* else a label, whose values may be any text */
        st = check_side(r, json_get(gate, "stratum"), label);
    if (st)
        return st;
    r->plan->gate.stratum = arena_text(r->arena, label, strlen(label));
    return r->plan->gate.stratum ? STATUS_OK : STATUS_MEMORY;
}

/* The words of `vkfi gate`. */
static enum status read_gate(const struct plan_reader *r, const struct json *gate)
{
    static const char *const known[] = {"max", "of", "given", "confidence", "stratum"};
    static const struct json_range limit = {.min = 0, .max = 1, .open_min = true, .open_max = true};
    static const struct json_range confidence = {.min = 0.5, .max = 0.9999};
    struct plan_gate *out = &r->plan->gate;
    uint32_t of = PLAN_GATE_SDC, given = PLAN_GATE_ALL;
    enum status st =
        json_fields_object(r->doc, gate, "an object such as {\"max\": 0.02}", WORDS(known));
    if (!st && !json_get(gate, "max")) {
        log_error("%s: 'max' is missing; expected the limit of a rate, such as 0.02",
                  json_where(r->doc, gate));
        return STATUS_INPUT;
    }
    if (!st)
        st = json_fields_number(r->doc, gate, "max", limit, &out->max);
    if (!st)
        st = json_fields_word(r->doc, gate, "of", plan_words(KINDS_GATE_CLASS), &of);
    if (!st)
        st = json_fields_word(r->doc, gate, "given", plan_words(KINDS_GATE_TRIALS), &given);
    if (!st)
        st = json_fields_number(r->doc, gate, "confidence", confidence, &out->confidence);
    out->of = (enum plan_gate_of)of;
    out->given = (enum plan_gate_given)given;
    return st ? st : read_stratum(r, gate);
}

enum status plan_stop_read(const struct plan_reader *r, const struct json *root)
{
    static const char *const known[] = {"rule", "looks", "spending", "gate"};
    const struct json *stop = json_get(root, "stop");
    const struct json *looks = json_get(stop, "looks"), *spending = json_get(stop, "spending"),
                      *gate = json_get(stop, "gate");
    uint32_t rule = PLAN_STOP_FIXED, kind = 0;
    if (!stop)
        return STATUS_OK;
    enum status st = json_fields_object(r->doc, stop, "an object with 'rule'", WORDS(known));
    if (!st && !json_get(stop, "rule")) {
        log_error("%s: 'rule' is missing; expected fixed, waves, time_uniform or spending",
                  json_where(r->doc, stop));
        return STATUS_INPUT;
    }
    if (!st)
        st = json_fields_word(r->doc, stop, "rule", plan_words(KINDS_STOP), &rule);
    if (!st)
        st = json_fields_word(r->doc, stop, "spending", plan_words(KINDS_SPENDING), &kind);
    if (st)
        return st;
    r->plan->stop = (enum plan_stop)rule;
    r->plan->spending = (enum plan_spending)kind;
    if ((rule == PLAN_STOP_SPENDING) != (looks != NULL) ||
        (rule != PLAN_STOP_SPENDING && spending)) {
        log_error("%s: expected 'looks' with the rule spending, and neither them nor 'spending' "
                  "with another",
                  json_where(r->doc, stop));
        return STATUS_INPUT;
    }
    if ((rule == PLAN_STOP_FIXED || rule == PLAN_STOP_WAVES) && gate) {
        log_error("%s: found 'gate' with the rule %s, which looks at all trials of a wave alone; "
                  "expected time_uniform or spending",
                  json_where(r->doc, gate), kinds_text(KINDS_STOP, rule));
        return STATUS_INPUT;
    }
    if (looks)
        st = read_looks(r, looks);
    return !st && gate ? read_gate(r, gate) : st;
}
