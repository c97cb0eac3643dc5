/* SPDX-License-Identifier: MIT */
/* Checks that a sample's strata have what the contrasts of its plan name. What a filter left out
 * once golden runs were known is no mistake of the plan: it is told, and the report says what
 * cannot be tested. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/args.h"
#include "base/log.h"
#include "inject/plan/plan_contrast.h"
#include "inject/plan/sample_internal.h"

#define CONTRAST_POINTER 64

static bool has_trials(const struct sample *s, const struct plan_side *side)
{
    for (uint32_t i = 0; i < s->n_strata; i++) {
        const struct sample_stratum *row = &s->stratum[i].shown;
        if (row->trials > 0 && plan_contrast_has(side, row->value))
            return true;
    }
    return false;
}

/* The strata's value nearest to a mistyped word; null if none is near. */
static const char *nearest(const struct sample *s, const struct plan_condition *condition)
{
    struct arena arena = {0};
    const char **word = arena_array(&arena, s->n_strata, sizeof(*word)), *found = NULL;
    for (uint32_t i = 0; word && i < s->n_strata; i++)
        word[i] = s->stratum[i].shown.value[condition->dimension];
    if (word && condition->value[0].text)
        found = args_nearest(condition->value[0].text, word, s->n_strata);
    arena_finish(&arena);
    return found;
}

static bool is_filtered(const struct sample *s)
{
    for (uint32_t i = 0; i < s->n_items; i++) {
        if (s->item[i].left_out)
            return true;
    }
    return false;
}

static enum status refuse(const struct sample *s, uint32_t hypothesis,
                          const struct plan_condition *condition)
{
    const struct plan_value *value = condition->value;
    const char *name = kinds_text(KINDS_DIMENSION, condition->dimension),
               *near = nearest(s, condition);
    char pointer[CONTRAST_POINTER], number[24];
    snprintf(pointer, sizeof(pointer), "/hypotheses/%u/contrast", hypothesis);
    snprintf(number, sizeof(number), "%u", value->first);
    if (is_filtered(s)) {
        log_warn("%s: contrast '%s': golden runs leave no trials of %s %s",
                 plan_place(s->plan, pointer), s->plan->hypothesis[hypothesis].contrast, name,
                 value->text ? value->text : number);
        return STATUS_OK;
    }
    log_error("%s: contrast '%s': found no trials of %s %s, expected what strata have, such "
              "as '%s'%s%s%s",
              plan_place(s->plan, pointer), s->plan->hypothesis[hypothesis].contrast, name,
              value->text ? value->text : number, s->stratum[0].shown.label,
              near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return STATUS_INPUT;
}

/* Checks each value, both ends of a range, with the other conditions of its side. */
static enum status check_side(const struct sample *s, uint32_t hypothesis,
                              const struct plan_side *side)
{
    struct plan_condition condition[PLAN_CONTRAST_CONDITIONS];
    const struct plan_side narrow = {condition, side->n_conditions};
    for (uint32_t c = 0; c < side->n_conditions; c++) {
        const struct plan_condition *from = &side->condition[c];
        for (uint32_t end = 0; end < 2 * from->n_values; end++) {
            struct plan_value one = from->value[end / 2];
            one.first = end % 2 ? one.last : one.first;
            one.last = one.first;
            memcpy(condition, side->condition, side->n_conditions * sizeof(*condition));
            condition[c].value = &one;
            condition[c].n_values = 1;
            if (!has_trials(s, &narrow))
                return refuse(s, hypothesis, &condition[c]);
        }
    }
    return STATUS_OK;
}

static enum status check_trend(const struct sample *s, uint32_t hypothesis)
{
    const struct plan_hypothesis *h = &s->plan->hypothesis[hypothesis];
    const char *first = NULL;
    char pointer[CONTRAST_POINTER];
    for (uint32_t i = 0; i < s->n_strata; i++) {
        const struct sample_stratum *row = &s->stratum[i].shown;
        const char *found = row->value[h->dimension];
        if (row->trials == 0 || !found || !isdigit((unsigned char)*found))
            continue;
        if (first && strcmp(first, found) != 0)
            return STATUS_OK;
        first = found;
    }
    snprintf(pointer, sizeof(pointer), "/hypotheses/%u/contrast", hypothesis);
    if (is_filtered(s)) {
        log_warn("%s: contrast '%s': golden runs leave no two numbers for a trend",
                 plan_place(s->plan, pointer), h->contrast);
        return STATUS_OK;
    }
    log_error("%s: contrast '%s': found trials of %s %s%s, expected at least two numbers for a "
              "trend",
              plan_place(s->plan, pointer), h->contrast, kinds_text(KINDS_DIMENSION, h->dimension),
              first ? first : "without numbers", first ? " alone" : "");
    return STATUS_INPUT;
}

/* A stratum on both sides, possible with patterns, would count on neither. */
static enum status check_both(const struct sample *s, uint32_t hypothesis)
{
    const struct plan_hypothesis *h = &s->plan->hypothesis[hypothesis];
    char pointer[CONTRAST_POINTER];
    for (uint32_t i = 0; i < s->n_strata; i++) {
        const struct sample_stratum *row = &s->stratum[i].shown;
        if (!plan_contrast_has(&h->left, row->value) || !plan_contrast_has(&h->right, row->value))
            continue;
        snprintf(pointer, sizeof(pointer), "/hypotheses/%u/contrast", hypothesis);
        log_error("%s: contrast '%s': found stratum '%s' on both sides, expected sides that share "
                  "none",
                  plan_place(s->plan, pointer), h->contrast, row->label);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

enum status sample_contrast_check(const struct sample *s)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < s->plan->n_hypotheses; i++) {
        const struct plan_hypothesis *h = &s->plan->hypothesis[i];
        if (h->relation >= PLAN_RISES)
            st = check_trend(s, i);
        else
            st = check_side(s, i, &h->left);
        if (!st && h->relation < PLAN_RISES)
            st = check_side(s, i, &h->right);
        if (!st && h->relation < PLAN_RISES)
            st = check_both(s, i);
    }
    return st;
}
