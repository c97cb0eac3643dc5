/* SPDX-License-Identifier: MIT */
/* How many trials and of what: strata, sampling, faults a trial, controls, hypotheses. */
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "inject/plan/plan_contrast.h"
#include "inject/plan/plan_read.h"
#include "inject/plan/plan_waves.h"

static const struct json_range SHARE = {.min = 0, .max = 1, .open_min = true, .open_max = true};

static enum status read_strata(const struct plan_reader *r, const struct json *root)
{
    const struct json *strata = json_get(root, "strata");
    struct plan *plan = r->plan;
    uint32_t seen = 0;
    if (!strata)
        return STATUS_OK;
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

/* Exactly one goal, whose key says its kind. */
static enum status read_goal(const struct plan_reader *r, const struct json *sampling)
{
    static const struct json_span trials = {1, INT64_C(1) << 53};
    static const struct json_range half = {.min = 0, .max = 0.5, .open_min = true};
    struct plan *plan = r->plan;
    int given = 0;
    for (uint32_t g = 0; g < PLAN_GOAL_COUNT; g++) {
        if (json_get(sampling, kinds_text(KINDS_GOAL, g))) {
            plan->goal = (enum plan_goal)g;
            given++;
        }
    }
    if (plan->population == PLAN_CENSUS && given > 0) {
        log_error("%s: found a goal with population census, which strikes each fault once; "
                  "expected none",
                  json_where(r->doc, json_get(sampling, kinds_text(KINDS_GOAL, plan->goal))));
        return STATUS_INPUT;
    }
    if (plan->population != PLAN_CENSUS && given != 1) {
        log_error("%s: expected exactly one of 'trials', 'half_width', 'relative_half_width', "
                  "'upper_bound'",
                  json_where(r->doc, sampling));
        return STATUS_INPUT;
    }
    if (plan->goal == PLAN_GOAL_TRIALS) {
        int64_t number = 0;
        enum status st = json_fields_integer(r->doc, sampling, "trials", trials, &number);
        plan->trials = (uint64_t)number;
        return st;
    }
    return json_fields_number(r->doc, sampling, kinds_text(KINDS_GOAL, plan->goal),
                              plan->goal == PLAN_GOAL_HALF_WIDTH ? half : SHARE, &plan->goal_value);
}

static enum status check_goal(const struct plan_reader *r, const struct json *sampling)
{
    const struct plan *plan = r->plan;
    const bool rated = json_get(sampling, "expected_rate") != NULL;
    if (!rated && (plan->goal == PLAN_GOAL_RELATIVE || plan->goal == PLAN_GOAL_UPPER_BOUND)) {
        log_error("%s: 'expected_rate' is missing; a relative width or a bound needs the rate of a "
                  "pilot",
                  json_where(r->doc, sampling));
        return STATUS_INPUT;
    }
    if (plan->goal == PLAN_GOAL_UPPER_BOUND && !(plan->expected_rate < plan->goal_value)) {
        log_error("%s: found an expected rate of %g, expected one below the bound of %g",
                  json_where(r->doc, json_get(sampling, "expected_rate")), plan->expected_rate,
                  plan->goal_value);
        return STATUS_INPUT;
    }
    if (json_get(sampling, "allocation") &&
        (plan->goal != PLAN_GOAL_TRIALS || plan->population == PLAN_EQUAL ||
         plan->population == PLAN_CENSUS)) {
        log_error("%s: found 'allocation', expected it with 'trials' and population ops or bits",
                  json_where(r->doc, json_get(sampling, "allocation")));
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

static enum status read_sampling(const struct plan_reader *r, const struct json *root)
{
    static const char *const known[] = {"trials",        "half_width",    "relative_half_width",
                                        "upper_bound",   "allocation",    "confidence",
                                        "expected_rate", "design_effect", "waves"};
    static const struct json_range effect = {.min = 1, .max = 1e6};
    const struct json *sampling = json_get(root, "sampling");
    struct plan *plan = r->plan;
    uint32_t allocation = PLAN_ALLOCATE_EQUAL;
    if (!sampling && plan->population == PLAN_CENSUS)
        return STATUS_OK;
    if (!sampling) {
        log_error("%s: 'sampling' is missing; expected an object such as {\"trials\": 6000}",
                  json_where(r->doc, root));
        return STATUS_INPUT;
    }
    enum status st =
        json_fields_object(r->doc, sampling, "an object such as {\"trials\": 6000}", WORDS(known));
    if (!st)
        st = read_goal(r, sampling);
    if (!st)
        st = json_fields_word(r->doc, sampling, "allocation", plan_words(KINDS_ALLOCATION),
                              &allocation);
    if (!st)
        st = json_fields_number(r->doc, sampling, "confidence", SHARE, &plan->confidence);
    if (!st)
        st = json_fields_number(r->doc, sampling, "expected_rate", SHARE, &plan->expected_rate);
    if (!st)
        st = json_fields_number(r->doc, sampling, "design_effect", effect, &plan->design_effect);
    if (!st)
        st = plan_waves_read(r, sampling);
    plan->allocation = (enum plan_allocation)allocation;
    return st ? st : check_goal(r, sampling);
}

/* 1 to 1000, or {"ber": rate}. */
static enum status read_faults(const struct plan_reader *r, const struct json *root)
{
    static const char *const known[] = {"ber"};
    static const struct json_span count = {1, 1000};
    const struct json *value = json_get(root, "faults_per_trial");
    r->plan->faults_per_trial = 1;
    if (json_type(value) != JSON_OBJECT)
        return json_fields_u32(r->doc, root, "faults_per_trial", count, &r->plan->faults_per_trial);
    r->plan->faults_per_trial = 0;
    enum status st = json_fields_object(r->doc, value, "an object", WORDS(known));
    if (!st && !json_get(value, "ber")) {
        log_error("%s: expected an integer from 1 to 1000 or {\"ber\": bit error rate}",
                  json_where(r->doc, value));
        return STATUS_INPUT;
    }
    return st ? st : json_fields_number(r->doc, value, "ber", SHARE, &r->plan->ber);
}

static enum status read_controls(const struct plan_reader *r, const struct json *root)
{
    static const char *const known[] = {"dry", "sentinel", "naive", "cpu"};
    static const struct json_range share = {.min = 0, .max = 0.2};
    const struct json *controls = json_get(root, "controls");
    struct plan *plan = r->plan;
    double *const targets[] = {&plan->control_dry, &plan->control_sentinel, &plan->control_naive,
                               &plan->control_cpu};
    if (!controls)
        return STATUS_OK;
    enum status st = json_fields_object(
        r->doc, controls, "an object with shares: dry, sentinel, naive, cpu", WORDS(known));
    for (int i = 0; !st && i < 4; i++)
        st = json_fields_number(r->doc, controls, known[i], share, targets[i]);
    return st;
}

static enum status read_hypothesis(const struct plan_reader *r, const struct json *value,
                                   struct plan_hypothesis *out)
{
    static const char *const known[] = {"name", "contrast", "of", "alpha", "margin"};
    const char *name = NULL, *contrast = NULL;
    uint32_t of = PLAN_MEASURE_SDC;
    *out = (struct plan_hypothesis){.alpha = 0.05};
    enum status st =
        json_fields_object(r->doc, value, "an object with 'name' and 'contrast'", WORDS(known));
    if (!st)
        st = json_fields_text(r->doc, value, "name", &name);
    if (!st)
        st = json_fields_text(r->doc, value, "contrast", &contrast);
    if (!st)
        st = json_fields_word(r->doc, value, "of", plan_words(KINDS_MEASURE), &of);
    if (!st)
        st = json_fields_number(r->doc, value, "alpha", SHARE, &out->alpha);
    if (!st)
        st = json_fields_number(r->doc, value, "margin", SHARE, &out->margin);
    if (st)
        return st;
    if (!name || !name[0] || !contrast) {
        log_error("%s: expected 'name' and 'contrast'", json_where(r->doc, value));
        return STATUS_INPUT;
    }
    out->of = (enum plan_measure)of;
    out->name = arena_text(r->arena, name, strlen(name));
    contrast = arena_text(r->arena, contrast, strlen(contrast));
    if (!out->name || !contrast)
        return STATUS_MEMORY;
    const char *problem = plan_contrast_parse(out, r->arena, contrast, r->plan);
    if (problem) {
        log_error("%s: %s", json_where(r->doc, json_get(value, "contrast")), problem);
        return STATUS_INPUT;
    }
    st = plan_words_check(r, json_get(value, "contrast"), out);
    if (st)
        return st;
    if ((out->relation == PLAN_EQUIVALENT) != (json_get(value, "margin") != NULL)) {
        log_error("%s: expected 'margin' with the relation '~', and only with it",
                  json_where(r->doc, value));
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

static enum status read_hypotheses(const struct plan_reader *r, const struct json *root)
{
    const struct json *list = json_get(root, "hypotheses");
    const size_t count = json_count(list);
    struct plan *plan = r->plan;
    if (!list)
        return STATUS_OK;
    if (json_type(list) != JSON_ARRAY || count > 1000) {
        log_error("%s: expected a list of at most 1000 hypotheses", json_where(r->doc, list));
        return STATUS_INPUT;
    }
    plan->hypothesis = arena_array(r->arena, count ? count : 1, sizeof *plan->hypothesis);
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

enum status plan_sampling_read(const struct plan_reader *r, const struct json *root)
{
    enum status st = read_strata(r, root);
    if (!st)
        st = read_sampling(r, root);
    if (!st)
        st = read_faults(r, root);
    if (!st)
        st = plan_stop_read(r, root);
    if (!st)
        st = plan_waves_check(r, json_get(root, "sampling"));
    if (!st)
        st = read_controls(r, root);
    return st ? st : read_hypotheses(r, root);
}
