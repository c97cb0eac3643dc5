/* SPDX-License-Identifier: MIT */
/* The record of a trial on an item of choices, from all their runs. */
#include <math.h>

#include "base/hash.h"
#include "inject/trial/outcome.h"
#include "inject/trial/record.h"

/* The run of a choice: the faulty one if it was struck. */
static const struct generation *run_of(const struct record_choices *c, uint32_t choice)
{
    const struct lane *lane = c->ended[choice];
    return lane ? &lane->run : &c->golden->choice[choice].run;
}

static double logp_of(const struct record_choices *c, uint32_t choice)
{
    const struct lane *lane = c->ended[choice];
    return c->golden->choice[choice].logp + (lane ? lane->shift.logp_sum : 0);
}

static bool has_nonfinite(const struct generation *run)
{
    bool found = false;
    for (uint32_t i = 0; i < run->n_tokens; i++)
        found = found || !run->step[i].finite;
    return found;
}

/* The worst finding of all runs, and the first alarm of the first run with one. */
static void take_protection(struct record *out, const struct lane *lane)
{
    const struct decode_summary own = decode_sum(lane->decode, &lane->run);
    struct decode_summary *all = &out->protection;
    if (all->alarms == 0) {
        all->first = own.first;
        all->word = own.word;
    }
    all->alarms += own.alarms;
    all->damage = own.damage > all->damage ? own.damage : all->damage;
    out->redone += lane->run.redone;
}

/* Effects of faults on all runs; the first struck one gives the bits. */
static void take_proofs(struct record *out, struct outcome_facts *facts,
                        const struct record_choices *c)
{
    const struct lane *first = NULL;
    facts->dry = true;
    facts->same_bits = true;
    for (uint32_t i = 0; i < c->golden->n_choices; i++) {
        const struct lane *lane = c->ended[i];
        if (!lane)
            continue;
        out->activations += lane->proof.activations;
        out->expected_activations += lane->proof.expected;
        out->conditional = out->conditional || lane->proof.conditional;
        facts->bits_changed = facts->bits_changed || lane->proof.changed;
        facts->dry = facts->dry && lane->proof.dry;
        facts->same_bits = facts->same_bits && !lane->other_bits;
        take_protection(out, lane);
        if (out->due_reason == DUE_NONE)
            out->due_reason = lane->due;
        if (!first || first->proof.activations == 0)
            first = lane;
    }
    facts->reached = first != NULL;
    facts->abnormal = out->due_reason != DUE_NONE;
    if (!first)
        return;
    out->before = first->proof.before;
    out->after = first->proof.after;
}

static enum status take_answers(struct record *out, struct arena *arena,
                                const struct record_choices *c)
{
    const uint32_t n = c->golden->n_choices;
    bool nonfinite = false, golden_nonfinite = false;
    out->choice_logp = arena_array(arena, n, sizeof(*out->choice_logp));
    if (!out->choice_logp)
        return STATUS_MEMORY;
    out->n_choices = n;
    out->hashed = c->settings->level > RECORD_OUTCOME && out->due_reason == DUE_NONE;
    for (uint32_t i = 0; i < n; i++) {
        const struct generation *run = run_of(c, i);
        out->choice_logp[i] = logp_of(c, i);
        nonfinite = nonfinite || (c->ended[i] && c->ended[i]->nonfinite);
        golden_nonfinite = golden_nonfinite || has_nonfinite(&c->golden->choice[i].run);
        if (out->hashed)
            out->hash = hash_fold64(out->hash, decode_hash(run->step, run->n_tokens));
    }
    out->chosen = golden_choose(c->golden, out->choice_logp);
    out->flags = (uint32_t)(nonfinite && !golden_nonfinite) << FLAG_NAN_LOGITS;
    return STATUS_OK;
}

/* Lead of golden's choice over the next, in the compared measure. */
static double margin_of(const struct golden *golden)
{
    double margin = NAN;
    for (uint32_t i = 0; i < golden->n_choices; i++) {
        const double own = golden->choice[i].logp / golden->choices[i].length;
        const double best =
            golden->choice[golden->chosen].logp / golden->choices[golden->chosen].length;
        if (i != golden->chosen && !(best - own >= margin))
            margin = best - own;
    }
    return margin;
}

/* Position from which residuals are golden's again in all runs; EXECUTOR_NONE: never in one of
 * them. */
static uint32_t healed_at(const struct record_choices *c)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < c->golden->n_choices; i++) {
        const struct lane *lane = c->ended[i];
        if (!lane)
            continue;
        if (lane->differs_until == lane->golden->n_evaluated)
            return EXECUTOR_NONE;
        const uint32_t own = lane->differs_until > lane->first ? lane->differs_until : lane->first;
        at = own > at ? own : at;
    }
    return at;
}

/* Besides the answer: measures of the right choice, or golden's own if none is known. */
static void take_measures(struct record *out, const struct record_choices *c)
{
    const struct golden *golden = c->golden;
    const uint32_t own = golden->reference == EXECUTOR_NONE ? golden->chosen : golden->reference;
    const struct lane *lane = c->ended[own];
    if (c->settings->level == RECORD_OUTCOME)
        return;
    out->margin_at_fault = out->margin_min_after = margin_of(golden);
    if (out->due_reason != DUE_NONE)
        return;
    out->logp_sum = lane ? lane->shift.logp_sum : 0;
    if (lane && lane->shift.steps > 0) {
        out->logp_mean = lane->shift.logp_sum / lane->shift.steps;
        out->logp_worst = lane->shift.logp_worst;
        out->kl = lane->shift.kl_sum / lane->shift.steps;
    }
    if (c->settings->level == RECORD_FULL)
        out->healed_at = healed_at(c);
}

static void take_deviation(struct record *out, const struct record_choices *c)
{
    for (uint32_t i = 0; i < c->golden->n_choices && !out->deviation; i++) {
        const struct lane *lane = c->ended[i];
        if (lane && lane->next > lane->first)
            record_take_deviation(out, lane);
    }
}

enum status record_choices_make(struct record *out, struct arena *arena,
                                const struct record_choices *c)
{
    const struct golden *golden = c->golden;
    struct outcome_facts facts = {0};
    record_clear(out, c->job);
    take_proofs(out, &facts, c);
    const enum status st = take_answers(out, arena, c);
    if (st)
        return st;
    if (facts.reached) {
        take_measures(out, c);
        take_deviation(out, c);
    }
    facts.same_tokens = true; /* they were given */
    /* protections may change what no fault has touched */
    facts.bits_changed = facts.bits_changed ||
                         (decode_watches(trial_decode(golden, c->settings)) && !facts.same_bits);
    facts.same_text = out->chosen == golden->chosen;
    facts.scored = golden->reference != EXECUTOR_NONE;
    facts.score_change =
        (double)(out->chosen == golden->reference) - (double)(golden->chosen == golden->reference);
    out->outcome = outcome_of(&facts);
    if (out->outcome != OUTCOME_DUE)
        out->due_reason = DUE_NONE;
    return facts.reached ? record_check(out, &facts) : STATUS_OK;
}
