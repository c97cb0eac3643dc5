/* SPDX-License-Identifier: MIT */
/* Fills in a record, level by level, and compares two of them. */
#include "inject/trial/record.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "inject/trial/flags.h"
#include "inject/trial/outcome.h"

void record_clear(struct record *out, const struct trial_job *job)
{
    *out = (struct record){.fault = job->fault[0],
                           .faults = job->fault,
                           .n_faults = job->n_faults,
                           .first_diff = EXECUTOR_NONE,
                           .chosen = EXECUTOR_NONE,
                           .margin_at_fault = NAN,
                           .margin_min_after = NAN,
                           .logp_sum = NAN,
                           .logp_mean = NAN,
                           .logp_worst = NAN,
                           .kl = NAN,
                           .healed_at = EXECUTOR_NONE,
                           .protection = {.first = DECODE_NO_TOKEN},
                           .nan_layer = GRAPH_NO_LAYER,
                           .nan_step = EXECUTOR_NONE};
}

static void take_tokens(struct record *out, const struct generation *run,
                        const struct trial_settings *settings)
{
    out->tokens = run->tokens;
    out->n_tokens = run->n_tokens;
    out->hashed = settings->level > RECORD_OUTCOME;
    if (out->hashed)
        out->hash = decode_hash(run->step, run->n_tokens);
}

void record_not_reached(struct record *out, const struct golden *golden,
                        const struct trial_settings *settings, const struct trial_job *job)
{
    record_clear(out, job);
    out->outcome = outcome_of(&(struct outcome_facts){.reached = false});
    take_tokens(out, &golden->run, settings);
}

static bool has_nonfinite(const struct generation *run)
{
    for (uint32_t i = 0; i < run->n_tokens; i++) {
        if (!run->step[i].finite)
            return true;
    }
    return false;
}

/* Tokens of a run that was cut off are compared up to its end. */
static uint32_t first_difference(const struct lane *run)
{
    const struct generation *a = &run->run, *b = &run->golden->run;
    const uint32_t n = a->n_tokens < b->n_tokens ? a->n_tokens : b->n_tokens;
    for (uint32_t i = 0; i < n; i++) {
        if (a->tokens[i] != b->tokens[i])
            return i;
    }
    return a->n_tokens == b->n_tokens || run->due != DUE_NONE ? EXECUTOR_NONE : n;
}

static enum status take_flags(struct record *out, const struct lane *run)
{
    const struct generation *golden = &run->golden->run;
    struct flags_run faulty = {.decode = &run->golden->decode,
                               .tokens = run->run.tokens,
                               .n_tokens = run->run.n_tokens,
                               .golden_tokens = golden->n_tokens,
                               .nonfinite = run->nonfinite,
                               .ended = run->due != DUE_NONE};
    struct flags_run clean = {.decode = &run->golden->decode,
                              .tokens = golden->tokens,
                              .n_tokens = golden->n_tokens,
                              .golden_tokens = golden->n_tokens,
                              .nonfinite = has_nonfinite(golden)};
    uint32_t has = 0, golden_has = 0;
    enum status st = flags_of(&has, &faulty);
    if (!st)
        st = flags_of(&golden_has, &clean);
    out->flags = has & ~golden_has;
    return st;
}

static void take_margins(struct record *out, const struct lane *run)
{
    const struct golden *golden = run->golden;
    const uint32_t n_ids = golden->params.n_ids;
    const uint32_t first = run->first + 1 > n_ids ? run->first + 1 - n_ids : 0;
    if (run->settings->level == RECORD_OUTCOME || first >= golden->run.n_tokens)
        return;
    out->margin_at_fault = golden->step[first].margin;
    out->margin_min_after = golden->step[first].margin;
    for (uint32_t i = first; i < golden->run.n_tokens; i++)
        out->margin_min_after = fmin(out->margin_min_after, golden->step[i].margin);
}

static void take_fed(struct record *out, const struct lane *fed)
{
    const struct shift *shift = &fed->shift;
    if (shift->steps > 0) {
        out->logp_sum = shift->logp_sum;
        out->logp_mean = shift->logp_sum / shift->steps;
        out->logp_worst = shift->logp_worst;
        out->kl = shift->kl_sum / shift->steps;
    }
    if (fed->settings->level < RECORD_FULL || fed->differs_until == fed->golden->n_evaluated)
        return;
    out->healed_at = fed->differs_until > fed->first ? fed->differs_until : fed->first;
}

enum status record_check(const struct record *out, const struct outcome_facts *facts)
{
    char site[FAULT_SITE_TEXT];
    fault_site(&out->fault, site);
    if (out->activations != out->expected_activations) {
        log_error("fault at %s, position %" PRIu32 " fired %" PRIu64 " times, %" PRIu64
                  " predicted",
                  site, out->fault.position, out->activations, out->expected_activations);
        return STATUS_INTERNAL;
    }
    if (!facts->bits_changed && !facts->abnormal && !(facts->same_bits && facts->same_tokens)) {
        log_error("fault at %s, position %" PRIu32
                  " changed no bit, but the run differs from golden",
                  site, out->fault.position);
        return STATUS_INTERNAL;
    }
    return STATUS_OK;
}

enum status record_make(struct record *out, const struct record_lanes *lanes)
{
    const struct lane *run = lanes->run;
    const struct generation *golden = &run->golden->run;
    const struct lane_proof proof = run->proof;
    record_clear(out, run->job);
    take_tokens(out, &run->run, run->settings);
    out->activations = proof.activations;
    out->expected_activations = proof.expected;
    out->conditional = proof.conditional;
    out->before = proof.before;
    out->after = proof.after;
    out->first_diff = first_difference(run);
    out->protection = decode_sum(run->decode, &run->run);
    out->redone = run->run.redone;
    out->due = run->due;
    take_margins(out, run);
    if (lanes->fed && lanes->fed->due == DUE_NONE)
        take_fed(out, lanes->fed);
    const struct lane *measured = run->run.redone > 0 ? lanes->fed : run;
    /* a run may end before the pass of the first struck position */
    if (measured && measured->next > measured->first)
        out->deviation = measured->deviation;
    struct outcome_facts facts = {
        .reached = true,
        .dry = proof.dry,
        .bits_changed = proof.changed,
        .abnormal = run->due != DUE_NONE,
        .same_bits = !run->other_bits && run->run.n_tokens == golden->n_tokens,
        .same_tokens = out->first_diff == EXECUTOR_NONE && run->run.n_tokens == golden->n_tokens};
    const struct decode_tokens a = {run->run.tokens, run->run.n_tokens};
    const struct decode_tokens b = {golden->tokens, golden->n_tokens};
    enum status st = flags_same_text(&facts.same_text, run->decode, &a, &b);
    if (!st)
        st = take_flags(out, run);
    out->outcome = outcome_of(&facts);
    if (out->outcome != OUTCOME_DUE)
        out->due = DUE_NONE;
    return st ? st : record_check(out, &facts);
}

bool record_wants_origin(const struct record *record, const struct lane *run)
{
    bool found = run->nonfinite;
    if (run->settings->level < RECORD_FULL || has_nonfinite(&run->golden->run))
        return false;
    for (uint32_t i = 0; record->deviation && i <= run->golden->params.ex->model->hp.n_layers; i++)
        found = found || !isfinite(record->deviation[i].max_abs);
    return found;
}

static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static bool same_deviation(const struct record *a, const struct record *b,
                           const struct record_compare *c)
{
    if (!a->deviation || !b->deviation) {
        snprintf(c->why, c->why_size, "deviation: only one record has it");
        return !a->deviation && !b->deviation;
    }
    for (uint32_t i = 0; i <= c->n_layers; i++) {
        const struct trial_deviation *x = &a->deviation[i], *y = &b->deviation[i];
        if (x->bits == y->bits && same_number(x->max_abs, y->max_abs) &&
            same_number(x->rel_l2, y->rel_l2))
            continue;
        snprintf(c->why, c->why_size,
                 "deviation at layer %" PRIu32 ": %" PRIu32 " bits, max %g against %" PRIu32
                 " bits, max %g",
                 i, x->bits, x->max_abs, y->bits, y->max_abs);
        return false;
    }
    return true;
}

static bool same_counts(const struct record *a, const struct record *b,
                        const struct record_compare *c)
{
    const struct {
        const char *name;
        uint64_t a, b;
    } fields[] = {
        {"outcome", a->outcome, b->outcome},
        {"due", a->due, b->due},
        {"activations", a->activations, b->activations},
        {"expected_activations", a->expected_activations, b->expected_activations},
        {"before", a->before, b->before},
        {"after", a->after, b->after},
        {"flags", a->flags, b->flags},
        {"first_diff", a->first_diff, b->first_diff},
        {"alarms", a->protection.alarms, b->protection.alarms},
        {"first alarm", a->protection.first, b->protection.first},
        {"damage", a->protection.damage, b->protection.damage},
        {"redone", a->redone, b->redone},
        {"faulty_len", a->n_tokens, b->n_tokens},
        {"chosen", a->chosen, b->chosen},
        {"n_choices", a->n_choices, b->n_choices},
        {"hashed", a->hashed, b->hashed},
        {"hash", a->hash, b->hash},
        {"healed_at", a->healed_at, b->healed_at},
        {"nan_layer", a->nan_layer, b->nan_layer},
        {"nan_step", a->nan_step, b->nan_step},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        if (fields[i].a == fields[i].b)
            continue;
        snprintf(c->why, c->why_size, "%s: %" PRIu64 " against %" PRIu64, fields[i].name,
                 fields[i].a, fields[i].b);
        return false;
    }
    return true;
}

static bool same_numbers(const struct record *a, const struct record *b,
                         const struct record_compare *c)
{
    const struct {
        const char *name;
        double a, b;
    } fields[] = {
        {"margin_at_fault", a->margin_at_fault, b->margin_at_fault},
        {"margin_min_after", a->margin_min_after, b->margin_min_after},
        {"logp_sum", a->logp_sum, b->logp_sum},
        {"logp_mean", a->logp_mean, b->logp_mean},
        {"logp_worst", a->logp_worst, b->logp_worst},
        {"kl", a->kl, b->kl},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        if (same_number(fields[i].a, fields[i].b))
            continue;
        snprintf(c->why, c->why_size, "%s: %.17g against %.17g", fields[i].name, fields[i].a,
                 fields[i].b);
        return false;
    }
    return true;
}

bool record_equal(const struct record *a, const struct record *b, const struct record_compare *c)
{
    if (!same_counts(a, b, c))
        return false;
    for (uint32_t i = 0; i < a->n_choices; i++) {
        if (same_number(a->choice_logp[i], b->choice_logp[i]))
            continue;
        snprintf(c->why, c->why_size, "choice_logp of choice %" PRIu32 ": %.17g against %.17g", i,
                 a->choice_logp[i], b->choice_logp[i]);
        return false;
    }
    if (a->n_tokens > 0 && memcmp(a->tokens, b->tokens, a->n_tokens * sizeof(*a->tokens)) != 0) {
        snprintf(c->why, c->why_size, "tokens differ");
        return false;
    }
    const bool sited = a->nan_site && b->nan_site;
    if (sited ? strcmp(a->nan_site, b->nan_site) != 0 : a->nan_site != b->nan_site) {
        snprintf(c->why, c->why_size, "nan_site: %s against %s", a->nan_site ? a->nan_site : "none",
                 b->nan_site ? b->nan_site : "none");
        return false;
    }
    return same_numbers(a, b, c) && same_deviation(a, b, c);
}
