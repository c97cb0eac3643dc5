/* SPDX-License-Identifier: MIT */
/* Which looks are allowed, and a look's verdict. */
#include "inject/report/report_gate.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "inject/plan/plan_waves.h"
#include "inject/report/report_select.h"
#include "inject/stats/stats_spending.h"

const char *report_gate_word(enum stats_gate_verdict verdict)
{
    static const char *const words[] = {"passed", "failed", "undecided"};
    return words[verdict];
}

struct report_gate_request report_gate_question(const struct plan_gate *question)
{
    static const report_events events[PLAN_GATE_OF_COUNT] = {[PLAN_GATE_CRITICAL] = REPORT_CRITICAL,
                                                             [PLAN_GATE_SDC] = REPORT_SDC,
                                                             [PLAN_GATE_SDC_DUE] =
                                                                 REPORT_SDC | REPORT_DUE};
    return (struct report_gate_request){.limit = question->max,
                                        .confidence = question->confidence,
                                        .events = events[question->of],
                                        .given = (enum report_given)question->given,
                                        .stratum = question->stratum};
}

static enum status check_database(const struct report_source *source,
                                  const struct report_gate_request *request)
{
    const struct report_data *data = &source->data;
    struct report_selection chosen = {0};
    struct arena arena = {0};
    enum status st = report_source_check_whole(source);
    st = st ? st : report_select(&chosen, &arena, data, request->stratum);
    arena_finish(&arena);
    if (st)
        return st;
    if (chosen.count > 1 && isnan(data->stratum[0].weight))
        log_error("%s: found strata without weights (population equal), so no total over them is "
                  "defined; expected --stratum with the label of one",
                  source->path);
    else if (!data->scored &&
             (request->given == REPORT_GOLDEN_RIGHT || request->events == REPORT_CRITICAL))
        log_error("%s: found no scores in the trials, expected them for critical SDC and for "
                  "golden_right",
                  source->path);
    else
        return STATUS_OK;
    return STATUS_INPUT;
}

/* Trials of the chosen strata, or null for all; whether some of these have weight but no trial. */
static enum status choose(struct report_query *query, struct arena *arena,
                          const struct report_work *work, const char *text, bool *out_missing)
{
    const struct report_data *data = work->data;
    struct report_selection chosen;
    *out_missing = false;
    if (!text)
        return STATUS_OK;
    const enum status st = report_select(&chosen, arena, data, text);
    uint32_t *index = arena_array(arena, data->n + 1, sizeof(*index));
    if (st || !index)
        return st ? st : STATUS_MEMORY;
    for (uint32_t h = 0; h < data->n_strata; h++)
        *out_missing = *out_missing || (chosen.has[h] && data->stratum[h].weight > 0 &&
                                        work->first[h + 1] == work->first[h]);
    for (size_t i = 0; i < data->n; i++) {
        if (chosen.has[data->trial[i].stratum])
            index[query->count++] = (uint32_t)i;
    }
    query->index = index;
    return STATUS_OK;
}

/* On the scale of trials, whose bounds end at 1. */
static void decide_rate(struct report_gate *out, const struct report_rate *rate, double limit)
{
    struct stats_cluster_estimate of_trials = rate->estimate;
    of_trials.rate /= rate->share;
    of_trials.variance /= rate->share * rate->share;
    stats_gate_decide(
        &out->result, &of_trials,
        &(struct stats_gate_request){limit / rate->share, 1 - out->tail, rate->floor});
    out->result.lower *= rate->share;
    out->result.upper *= rate->share;
}

/* One look at the loaded trials, with the tail that it may use. */
static enum status decide(struct report_gate *out, struct report_data *data,
                          const struct report_gate_request *request)
{
    struct arena arena = {0};
    struct report_work work;
    struct report_rate rate;
    struct report_query query = {.events = request->events,
                                 .given = request->given,
                                 .level = {request->confidence, STATS_INTERVAL_UPPER}};
    enum status st = report_work_init(&work, &arena, data);
    bool missing = false;
    st = st ? st : choose(&query, &arena, &work, request->stratum, &missing);
    if (!st) {
        report_rate_floor(data, &work);
        report_rate(&rate, &work, &query);
        rate.estimate.rate = missing ? NAN : rate.estimate.rate;
        decide_rate(out, &rate, request->limit);
        out->rate = rate.estimate.rate;
        out->share = rate.share;
        out->weighted = report_rate_is_weighted(&rate);
        out->n_effective = rate.estimate.n_effective;
        out->design_effect = rate.estimate.design_effect;
        out->df = rate.estimate.df;
        out->counted = rate.estimate.counted;
        out->events = rate.estimate.events;
        out->trials = rate.estimate.trials;
        if (isnan(out->rate))
            out->result = (struct stats_gate_result){
                .verdict = STATS_GATE_UNDECIDED, .upper = 1, .more = STATS_GATE_NEVER};
    }
    arena_finish(&arena);
    return st;
}

/* Trials for the next wave, whose look may use less than this one. */
static enum status find_more(struct report_gate *out, struct report_data *data,
                             const struct report_gate_request *request, double tail)
{
    struct report_gate next = *out;
    next.tail = tail;
    const enum status st = decide(&next, data, request);
    out->result.more = next.result.more;
    out->result.items = next.result.items;
    out->result.growth = next.result.growth;
    out->result.would_pass = next.result.would_pass;
    return st;
}

/* One look at the end of each wave; the first decision stands. */
static enum status decide_waves(struct report_gate *out, struct report_source *source,
                                const struct report_gate_request *request)
{
    uint64_t begin[PLAN_WAVES_MAX] = {0};
    const struct plan *plan = &source->plan;
    const double alpha = 1 - request->confidence;
    const uint32_t n = store_waves_ids(source->data.identity, begin, PLAN_WAVES_MAX);
    enum status st = STATUS_OK;
    if (!out->complete) {
        log_error("%s: found %" PRIu64 " of %" PRIu64 " trials and no stopping rule in the plan; "
                  "expected all of them, or \"stop\" with rule time_uniform or spending",
                  source->path, source->data.n_rows, source->data.expected);
        return STATUS_INPUT;
    }
    out->result.verdict = STATS_GATE_UNDECIDED;
    for (uint32_t k = 0; !st && k <= n && out->result.verdict == STATS_GATE_UNDECIDED; k++) {
        out->look = k + 1;
        out->tail = plan_waves_tail(plan, alpha, k);
        out->spent = plan_waves_spent(plan, alpha, k);
        if (n > 0)
            st = report_source_load(source, k < n ? begin[k] : UINT64_MAX);
        st = st ? st : decide(out, &source->data, request);
    }
    if (st || out->result.verdict != STATS_GATE_UNDECIDED || out->result.more == STATS_GATE_NEVER ||
        plan->population == PLAN_CENSUS)
        return st;
    return find_more(out, &source->data, request, plan_waves_tail(plan, alpha, n + 1));
}

/* Before the first look: its missing trials. */
static enum status wait_for_look(struct report_gate *out, struct report_source *source,
                                 uint64_t limit)
{
    const enum status st = report_source_load(source, limit);
    out->look = 0;
    out->rate = out->n_effective = out->design_effect = NAN;
    out->result = (struct stats_gate_result){.verdict = STATS_GATE_UNDECIDED, .upper = 1};
    if (!st)
        out->result.more = limit - source->data.n_rows;
    return st;
}

static enum status decide_spending(struct report_gate *out, struct report_source *source,
                                   const struct report_gate_request *request)
{
    double boundary[STATS_SPENDING_LOOKS], level[STATS_SPENDING_LOOKS];
    const struct plan *plan = &source->plan;
    const uint64_t trials = source->data.identity->trials;
    uint64_t leading = 0;
    enum status st = report_looks_leading(source, &leading);
    if (st)
        return st;
    if (plan_look_end(plan, 0, trials) > leading)
        return wait_for_look(out, source, plan_look_end(plan, 0, trials));
    stats_spending_boundaries(boundary, level,
                              &(struct stats_spending_looks){plan->spending == PLAN_SPENDING_POCOCK
                                                                 ? STATS_SPENDING_POCOCK
                                                                 : STATS_SPENDING_OBRIEN_FLEMING,
                                                             1 - request->confidence, plan->look,
                                                             plan->n_looks});
    out->look = request->looked;
    out->result.verdict = STATS_GATE_UNDECIDED;
    for (uint32_t k = request->looked; !st && out->result.verdict == STATS_GATE_UNDECIDED; k++) {
        if (k >= plan->n_looks || plan_look_end(plan, k, trials) > leading)
            break;
        out->look = k + 1;
        out->tail = level[k];
        st = report_source_load(source, plan_look_end(plan, k, trials));
        st = st ? st : decide(out, &source->data, request);
    }
    return st;
}

enum status report_gate_decide(struct report_gate *out, struct report_source *source,
                               const struct report_gate_request *request)
{
    *out = (struct report_gate){
        .tail = 1 - request->confidence, .rule = source->plan.stop, .share = 1};
    const bool loaded = source->data.store && source->data.limit == UINT64_MAX;
    enum status st = loaded ? STATUS_OK : report_source_load(source, UINT64_MAX);
    st = st ? st : check_database(source, request);
    if (st)
        return st;
    out->complete = report_data_is_complete(&source->data);
    switch (source->plan.stop) {
    case PLAN_STOP_FIXED:
    case PLAN_STOP_WAVES:
        return decide_waves(out, source, request);
    case PLAN_STOP_SPENDING:
        return decide_spending(out, source, request);
    default:
        break;
    }
    if (source->plan.design != PLAN_NESTED || source->plan.item_weight != PLAN_ITEMS_EQUAL) {
        log_error("%s: found stop rule time_uniform with trials that share faults between items or "
                  "items of unequal weight, expected design nested and item_weight equal",
                  source->path);
        return STATUS_INPUT;
    }
    return report_looks_uniform(out, &source->data, request);
}
