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
    out->faulty_len = run->n_tokens;
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

void record_take_deviation(struct record *out, const struct lane *lane)
{
    out->deviation = lane->deviation;
    out->n_deviations = lane->deviation ? lane->golden->params.ex->model->hp.n_layers + 1 : 0;
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

/* What the outcome follows from, but for the text. */
static struct outcome_facts facts_of(const struct record *record, const struct lane *run)
{
    const bool as_long = run->run.n_tokens == run->golden->run.n_tokens;
    struct outcome_facts facts = {.reached = true,
                                  .dry = run->proof.dry,
                                  .bits_changed = run->proof.changed,
                                  .abnormal = run->due != DUE_NONE,
                                  .same_bits = !run->other_bits && as_long,
                                  .same_tokens = record->first_diff == EXECUTOR_NONE && as_long};
    /* protections may change what no fault has touched */
    if (run->watched && !(facts.same_bits && facts.same_tokens))
        facts.bits_changed = true;
    return facts;
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
    out->check_state = run->run.state;
    out->redone = run->run.redone;
    out->due_reason = run->due;
    take_margins(out, run);
    if (lanes->fed && lanes->fed->due == DUE_NONE)
        take_fed(out, lanes->fed);
    const struct lane *measured = run->run.redone > 0 ? lanes->fed : run;
    /* a run may end before the pass of the first struck position */
    if (measured && measured->next > measured->first)
        record_take_deviation(out, measured);
    struct outcome_facts facts = facts_of(out, run);
    const struct decode_tokens a = {run->run.tokens, run->run.n_tokens};
    const struct decode_tokens b = {golden->tokens, golden->n_tokens};
    enum status st = flags_same_text(&facts.same_text, run->decode, &a, &b);
    if (!st)
        st = take_flags(out, run);
    out->outcome = outcome_of(&facts);
    if (out->outcome != OUTCOME_DUE)
        out->due_reason = DUE_NONE;
    return st ? st : record_check(out, &facts);
}

bool record_wants_origin(const struct record *record, const struct lane *run)
{
    bool found = run->nonfinite;
    if (run->settings->level < RECORD_FULL || has_nonfinite(&run->golden->run))
        return false;
    for (uint32_t i = 0; i < record->n_deviations; i++)
        found = found || !isfinite(record->deviation[i].max_abs);
    return found;
}

/* --- equality --- */

#define ENTRY(type, c_type, name) FIELD(record, type, name),
static const struct field FIELDS[] = {RECORD_FACTS(ENTRY) RECORD_MEASURES(ENTRY)};
static const struct field_table RECORD = FIELD_TABLE("record", record, FIELDS);

static const struct field PROTECTION_FIELDS[] = {FIELD(decode_summary, U32, alarms),
                                                 FIELD(decode_summary, INDEX, first),
                                                 FIELD(decode_summary, U32, damage)};
static const struct field_table PROTECTION =
    FIELD_TABLE("protection", decode_summary, PROTECTION_FIELDS);

/* An element of each list. */
struct token {
    uint32_t token;
};
struct choice {
    double logp;
};
static const struct field TOKEN_FIELDS[] = {FIELD(token, U32, token)};
static const struct field CHOICE_FIELDS[] = {FIELD(choice, REAL, logp)};
static const struct field DEVIATION_FIELDS[] = {FIELD(trial_deviation, REAL, max_abs),
                                                FIELD(trial_deviation, REAL, rel_l2),
                                                FIELD(trial_deviation, U32, bits)};
static const struct field_table TOKEN = FIELD_TABLE("tokens", token, TOKEN_FIELDS);
static const struct field_table CHOICE = FIELD_TABLE("choice_logp", choice, CHOICE_FIELDS);
static const struct field_table DEVIATION =
    FIELD_TABLE("deviation", trial_deviation, DEVIATION_FIELDS);

/* A list of a record; null: it has none. */
struct list {
    const void *item;
    uint32_t count;
};

static bool same(const struct field_table *table, const void *a, const void *b, char *why)
{
    const struct field *field = field_difference(table, a, b);
    if (field)
        field_describe_difference(why, field, a, b);
    return !field;
}

static bool same_list(const struct field_table *table, struct list a, struct list b, char *why)
{
    char what[FIELD_DIFFERENCE_TEXT - 64];
    if (!a.item || !b.item || a.count != b.count) {
        snprintf(why, FIELD_DIFFERENCE_TEXT, "%s: %" PRIu32 " against %" PRIu32, table->name,
                 a.item ? a.count : 0, b.item ? b.count : 0);
        return !a.item && !b.item;
    }
    for (uint32_t i = 0; i < a.count; i++) {
        const size_t at = i * table->size;
        if (same(table, (const char *)a.item + at, (const char *)b.item + at, why))
            continue;
        snprintf(what, sizeof(what), "%s", why);
        snprintf(why, FIELD_DIFFERENCE_TEXT, "%s %" PRIu32 ": %s", table->name, i, what);
        return false;
    }
    return true;
}

bool record_equal(const struct record *a, const struct record *b, char why[FIELD_DIFFERENCE_TEXT])
{
    const struct list tokens[] = {{a->tokens, a->faulty_len}, {b->tokens, b->faulty_len}};
    const struct list logp[] = {{a->choice_logp, a->n_choices}, {b->choice_logp, b->n_choices}};
    const struct list deviation[] = {{a->deviation, a->n_deviations},
                                     {b->deviation, b->n_deviations}};
    return same(&RECORD, a, b, why) && same(&PROTECTION, &a->protection, &b->protection, why) &&
           same_list(&TOKEN, tokens[0], tokens[1], why) &&
           same_list(&CHOICE, logp[0], logp[1], why) &&
           same_list(&DEVIATION, deviation[0], deviation[1], why);
}
