/* SPDX-License-Identifier: MIT */
/* How many trials and of what: strata, sampling, faults per trial, controls, hypotheses. */
#include <string.h>

#include "base/log.h"
#include "inject/plan/plan_contrast.h"
#include "inject/plan/plan_field.h"

#define SHARE                                                                                      \
    {                                                                                              \
        .min = 0, .max = 1, .open_min = true, .open_max = true                                     \
    }

enum status plan_strata_read(const struct plan_reader *r, const struct json *strata)
{
    struct plan *plan = r->plan;
    uint32_t seen = 0;
    if (json_type(strata) != JSON_ARRAY) {
        log_error("%s: expected a list of dimensions such as [\"layer\", \"bit_field\"]",
                  json_where(r->doc, strata));
        return STATUS_INPUT;
    }
    for (size_t i = 0; i < json_count(strata); i++) {
        uint32_t found = 0;
        enum status st =
            json_fields_word_of(r->doc, json_at(strata, i), plan_words(KINDS_DIMENSION), &found);
        if (st)
            return st;
        if (seen >> found & 1) {
            log_error("%s: found '%s' again, expected each dimension once",
                      json_where(r->doc, json_at(strata, i)), kinds_text(KINDS_DIMENSION, found));
            return STATUS_INPUT;
        }
        seen |= 1u << found;
        plan->strata[plan->n_strata++] = (enum plan_dimension)found;
    }
    return STATUS_OK;
}

enum status plan_strata_put(struct json_writer *w, const struct plan *plan)
{
    json_put_key(w, "strata");
    json_array_open(w);
    for (uint32_t i = 0; i < plan->n_strata; i++)
        json_put_text(w, kinds_text(KINDS_DIMENSION, plan->strata[i]));
    json_array_close(w);
    return STATUS_OK;
}

/* The given goal: plan_check.c finds it, and checks that there is one. */
static enum status put_goal(struct json_writer *w, const struct plan *plan)
{
    json_member_text(w, "goal", kinds_text(KINDS_GOAL, plan->goal));
    json_member_number(w, "goal_value", plan->goal_value);
    json_member_int(w, "trials", (int64_t)plan->trials);
    return STATUS_OK;
}

static const struct plan_field SAMPLING[] = {
    {"trials", NULL, PLAN_FIELD_U64, .at = PLAN_AT(trials), .span = {1, INT64_C(1) << 53},
     .put = put_goal, .examples = "[2000]",
     .what = "In all; of each stratum with population equal. One of the four goals must be given."},
    {"half_width", "", PLAN_FIELD_NUMBER, .at = PLAN_AT(goal_value),
     .range = {.min = 0, .max = 0.5, .open_min = true}, .examples = "[0.02]",
     .what = "Of the interval of each stratum: a goal."},
    {"relative_half_width", "", PLAN_FIELD_NUMBER, .at = PLAN_AT(goal_value), .range = SHARE,
     .examples = "[0.2]", .what = "The same over the expected rate: a goal."},
    {"upper_bound", "", PLAN_FIELD_NUMBER, .at = PLAN_AT(goal_value), .range = SHARE,
     .examples = "[0.02]",
     .what = "One-sided bound of each stratum, above the expected rate: a goal."},
    {"allocation", NULL, PLAN_FIELD_WORD, KINDS_ALLOCATION, PLAN_AT(allocation),
     .fallback = "'equal'", .examples = "['proportional']",
     .what = "Of trials over strata: equal, or by weight."},
    {"confidence", NULL, PLAN_FIELD_NUMBER, .at = PLAN_AT(confidence), .range = SHARE,
     .fallback = "0.95", .examples = "[0.99]", .what = "Of intervals."},
    {"expected_rate", NULL, PLAN_FIELD_NUMBER, .at = PLAN_AT(expected_rate), .range = SHARE,
     .fallback = "0.5", .examples = "[0.05]", .what = "From a pilot."},
    {"design_effect", NULL, PLAN_FIELD_NUMBER, .at = PLAN_AT(design_effect),
     .range = {.min = 1, .max = 1e6}, .fallback = "1", .examples = "[1.5]",
     .what = "From a pilot: how much trials of one item resemble each other."},
    {"waves", "", .read = plan_waves_read,
     .form = "{'type': 'array', 'minItems': 1, 'maxItems': 32, 'items': {'type': 'integer', "
             "'minimum': 1, 'maximum': 9007199254740992}}",
     .examples = "[[1000], [1000, 500]]",
     .what = "Trials of further waves, with which a campaign goes on in the same database past its "
             "first size (of each stratum with population equal): each is drawn apart by the same "
             "design. `vkfi plan extend` adds one. Outside the plan's identity; not with a census, "
             "nor with rule time_uniform or spending. None by default."}};
PLAN_FIELDS(plan_fields_sampling, "an object such as {\"trials\": 6000}", SAMPLING, false);

/* 1 to 1000, or {"ber": rate}. */
enum status plan_faults_read(const struct plan_reader *r, const struct json *value)
{
    static const char *const known[] = {"ber"};
    static const struct json_range share = SHARE;
    struct plan *plan = r->plan;
    int64_t count = 0;
    if (json_type(value) != JSON_OBJECT) {
        const enum status st =
            json_fields_integer_of(r->doc, value, (struct json_span){1, 1000}, &count);
        plan->faults_per_trial = (uint32_t)count;
        return st;
    }
    plan->faults_per_trial = 0;
    enum status st = json_fields_object(r->doc, value, "an object", WORDS(known));
    if (!st && !json_get(value, "ber")) {
        log_error("%s: expected an integer from 1 to 1000 or {\"ber\": bit error rate}",
                  json_where(r->doc, value));
        return STATUS_INPUT;
    }
    return st ? st : json_fields_number(r->doc, value, "ber", share, &plan->ber);
}

enum status plan_faults_put(struct json_writer *w, const struct plan *plan)
{
    json_member_int(w, "faults_per_trial", plan->faults_per_trial);
    json_member_number(w, "ber", plan->ber);
    return STATUS_OK;
}

#define CONTROL(key, member, text)                                                                 \
    {                                                                                              \
        key, NULL, PLAN_FIELD_NUMBER, .at = PLAN_AT(member), .range = {.min = 0, .max = 0.2},      \
                                      .fallback = "0.01", .examples = "[0.02]",                    \
                                      .what = "Share of the trials. " text                         \
    }
static const struct plan_field SHARES[] = {
    CONTROL("dry", control_dry, "The fault fires and changes nothing: must end masked_bitexact."),
    CONTROL("sentinel", control_sentinel,
            "All logits of the first token negated: must change the text."),
    CONTROL("naive", control_naive,
            "The trial before it as a whole inference: must give its record."),
    CONTROL("cpu", control_cpu, "The trial before it on the CPU: must give its record.")};
PLAN_FIELDS(plan_fields_controls, "an object with shares: dry, sentinel, naive, cpu", SHARES,
            false);

#define OF(member) offsetof(struct plan_hypothesis, member)
static const struct plan_field HYPOTHESIS[] = {
    {"name", NULL, PLAN_FIELD_TEXT, .at = OF(name), .need = "a name that is unique in the plan",
     .examples = "['early above late']", .what = "Unique in the plan. Must be given."},
    {"contrast", NULL, PLAN_FIELD_TEXT, .at = OF(contrast),
     .need = "a contrast such as \"layer: 0-9 > 20-29\"",
     .examples = "['layer: 0-3, 5 > 20-29', 'trend layer falls']",
     .what =
         "\"layer: 0-9 > 20-29\", \"bit_field: exponent & stage: first > mantissa & first\", "
         "\"site_group: mlp, attention > none\", \"site: *.ffn_* > *.attn_*\", \"trend layer "
         "rises\"; ~ for equal within margin. Values: words, numbers, ranges, patterns; a comma "
         "means or. Dimensions are those of strata, values those that strata have, and no "
         "stratum is on both sides. Must be given."},
    {"of", NULL, PLAN_FIELD_WORD, KINDS_MEASURE, OF(of), .fallback = "'sdc'",
     .examples = "['sdc+due']", .what = "Outcomes whose rate is compared."},
    {"alpha", NULL, PLAN_FIELD_NUMBER, .at = OF(alpha), .range = SHARE, .fallback = "0.05",
     .examples = "[0.01]", .what = "Error of the test."},
    {"margin", NULL, PLAN_FIELD_NUMBER, .at = OF(margin), .range = SHARE, .examples = "[0.02]",
     .what = "Of ~, which must give it: a difference that does not matter."}};
PLAN_FIELDS(plan_fields_hypothesis, "an object with 'name' and 'contrast'", HYPOTHESIS, false);

static enum status read_hypothesis(const struct plan_reader *r, const struct json *value,
                                   struct plan_hypothesis *out)
{
    *out = (struct plan_hypothesis){0};
    plan_field_defaults(&plan_fields_hypothesis, out);
    enum status st = plan_field_read(r, value, &plan_fields_hypothesis, out);
    if (st)
        return st;
    const char *problem = plan_contrast_parse(out, r->arena, out->contrast, r->plan);
    if (problem) {
        log_error("%s: %s", json_where(r->doc, json_get(value, "contrast")), problem);
        return STATUS_INPUT;
    }
    return plan_words_check(r, json_get(value, "contrast"), out);
}

enum status plan_hypotheses_read(const struct plan_reader *r, const struct json *list)
{
    const size_t count = json_count(list);
    struct plan *plan = r->plan;
    if (json_type(list) != JSON_ARRAY || count > 1000) {
        log_error("%s: expected a list of at most 1000 hypotheses", json_where(r->doc, list));
        return STATUS_INPUT;
    }
    plan->hypothesis = arena_array(r->arena, count ? count : 1, sizeof(*plan->hypothesis));
    if (!plan->hypothesis)
        return STATUS_MEMORY;
    for (size_t i = 0; i < count; i++) {
        enum status st = read_hypothesis(r, json_at(list, i), &plan->hypothesis[i]);
        for (size_t before = 0; !st && before < i; before++) {
            if (strcmp(plan->hypothesis[before].name, plan->hypothesis[i].name) == 0) {
                log_error("%s: found the name '%s' again, expected another",
                          json_where(r->doc, json_at(list, i)), plan->hypothesis[i].name);
                st = STATUS_INPUT;
            }
        }
        if (st)
            return st;
        plan->n_hypotheses++;
    }
    return STATUS_OK;
}

enum status plan_hypotheses_put(struct json_writer *w, const struct plan *plan)
{
    enum status st = STATUS_OK;
    json_put_key(w, "hypotheses");
    json_array_open(w);
    for (uint32_t i = 0; !st && i < plan->n_hypotheses; i++) {
        json_object_open(w);
        st = plan_field_put(w, &plan_fields_hypothesis, &plan->hypothesis[i]);
        json_object_close(w);
    }
    json_array_close(w);
    return st;
}
