/* SPDX-License-Identifier: MIT */
/* Sentences from the plan, the database and the rates. */
#include "inject/report/report_methods.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "inject/report/report_hypotheses.h"
#include "inject/report/report_out.h"

const char report_sentence[] = "Same logical faults; says nothing about how often silicon upsets.";

static const char *const LIMITS[] = {
    "Faults are value-level and put in by software: none in schedulers, address units or "
    "instructions, and nothing here is a FIT rate or says how often silicon upsets.",
    "Models are small; rates of larger ones may differ.",
    "Mode exact has its own exp and its own order of sums. A claim on deployed engines needs a "
    "validity study: the same logical faults in exact and native (equivalent within 1 point), and "
    "with hooks of another framework on the same weights.",
    "Rates hold for the population and the weights named here. Another mix of sites, stages or "
    "kinds has another rate; every trial's stratum weight and draw probability are in the "
    "database.",
    "Prompts are a sample too: the intervals speak of items like these only if they were drawn "
    "like "
    "a sample of them.",
    "The highest of many cells is biased upwards; cells in brackets have fewer than 30 trials. "
    "Only "
    "the "
    "hypotheses of the plan are tested.",
};

static const char SEVERAL[] =
    "A trial has several faults and one outcome, which is that of all of them together: nothing "
    "here "
    "says which bit, layer or site of a trial did it. Where a row or an example names coordinates, "
    "they are those of the first fault drawn; rates by stratum hold, for all faults of a trial lie "
    "in "
    "one stratum.";

const char *report_limits(const struct report_context *context, uint32_t i)
{
    const uint32_t count = sizeof(LIMITS) / sizeof(*LIMITS);
    if (i < count)
        return LIMITS[i];
    return i == count && report_context_is_several(context) ? SEVERAL : NULL;
}

static const char *population_text(enum plan_population population)
{
    switch (population) {
    case PLAN_OPS:
        return "computation results of the items' golden runs (population ops: weighed by MACs or "
               "elements written)";
    case PLAN_BITS:
        return "stored bits, struck at a time uniform over golden MACs (population bits: weighed "
               "by "
               "bits and time)";
    case PLAN_EQUAL:
        return "strata with equal n (population equal: no total over strata is defined)";
    default:
        return "every fault of a small space once (population census)";
    }
}

static const char *design_text(enum plan_design design)
{
    switch (design) {
    case PLAN_NESTED:
        return "nested: each item has its own faults";
    case PLAN_CROSSED:
        return "crossed: the same faults on all items";
    default:
        return "fault_major: one stored fault over all items";
    }
}

/* What several faults per trial, or a list of strata, mean for the rates. */
static void put_conditions(struct text *out, const struct report_data *data)
{
    const struct plan *plan = data->plan;
    double faults = 0;
    for (size_t i = 0; i < data->n; i++)
        faults += data->trial[i].n_faults;
    if (data->most_faults > 1)
        text_addf(out,
                  "A trial has %.3g faults on average, at most %" PRIu32 ", all drawn from "
                  "one stratum of one item; its outcome is that of all together, and no "
                  "rate or picture uses the coordinates of one of them. ",
                  faults / (double)data->n, data->most_faults);
    if (plan->faults_per_trial == 0)
        text_addf(out,
                  "The number of faults is binomial over the bits that a stratum holds of "
                  "an item, at a bit error rate of %g, given at least one; rates of all "
                  "runs are those of trials times 1 - P(no fault), known for each stratum. ",
                  plan->ber);
    if (plan->confirm.n_strata > 0)
        text_addf(out,
                  "The strata were chosen by their estimates in the campaign of plan "
                  "%.12s; this campaign estimates them anew, without the bias of the "
                  "choice. ",
                  plan->confirm.of);
}

/* How points and fields share an evaluation's weight, if a plan strikes several. */
static const char *shares_text(const struct plan *plan)
{
    if (!plan_shares_sites(plan))
        return "";
    return plan->point_weight == PLAN_POINTS_ELEMENTS
               ? "Points and fields of an evaluation share its weight by the elements that are "
                 "read, added or written there: a code counts one, a scale one for the elements "
                 "it scales. "
               : "Points and fields of an evaluation share its weight equally, however many "
                 "elements they have. ";
}

static void put_population(struct text *out, const struct report_data *data)
{
    const struct plan *plan = data->plan;
    text_addf(out,
              "Faults were drawn from %s, %s weight of items, in %" PRIu32
              " strat%s, systematically "
              "over cells and elements in keyed random order (campaign seed %" PRIu64
              "; any trial can be drawn alone). The design "
              "is %s. %s",
              population_text(plan->population), kinds_text(KINDS_ITEM_WEIGHT, plan->item_weight),
              data->n_strata, data->n_strata == 1 ? "um" : "a", plan->seed,
              design_text(plan->design), shares_text(plan));
    text_addf(out,
              "%" PRIu64 " trials over %" PRIu32 " item%s count, of %" PRIu64
              " planned in this database (%s), with %" PRIu32 " distinct faults%s. ",
              (uint64_t)data->n, data->n_bases, data->n_bases == 1 ? "" : "s", data->expected,
              report_data_is_complete(data) ? "complete"
              : plan_stops_itself(plan)     ? "the rest may not be needed, see below"
                                            : "growing: rates are provisional",
              data->n_faults, plan->faults_per_trial == 1 ? ", one a trial" : "");
}

/* The two design effects: the table's, and the one used for strata. */
static void put_design_effect(struct text *out, const struct report_context *context,
                              const struct report_rate *sdc)
{
    char all[REPORT_FORMAT_TEXT], shared[REPORT_FORMAT_TEXT];
    report_table_format(all, sdc->estimate.design_effect, REPORT_NUMBER);
    report_table_format(shared, context->data->design_effect, REPORT_NUMBER);
    if (!isnan(sdc->estimate.design_effect))
        text_addf(out, "The design effect of SDC over the campaign is %s, weights and all. ", all);
    else
        text_put(out, "Design effects are those of SDC. ");
    text_addf(out,
              "The one of items and faults in common, each trial weighed alike, is %s; it "
              "stands in where a stratum has too few events to show its own, its parts of "
              "items and faults scaled to how many trials of the stratum share one. ",
              shared);
}

/* A census omits no fault, only prompts. */
static void put_census(struct text *out, const struct report_data *data)
{
    bool all = data->n > 0;
    for (uint32_t h = 0; all && h < data->n_strata; h++)
        all = data->drawn[h] >= 1;
    if (!all)
        return;
    text_put(out, data->n_bases == 1
                      ? "Every fault of the population was run on the one prompt: rates over "
                        "them are known, and their intervals have no width. "
                      : "Every fault of the population was run on each prompt: intervals "
                        "speak of the prompts alone, as a sample of others like them. ");
}

static void put_tests(struct text *out, const struct plan *plan)
{
    uint32_t slopes = 0, equivalences = 0;
    for (uint32_t i = 0; i < plan->n_hypotheses; i++) {
        slopes += plan->hypothesis[i].relation >= PLAN_RISES;
        equivalences += plan->hypothesis[i].relation == PLAN_EQUIVALENT;
    }
    if (plan->n_hypotheses == 0)
        return;
    text_addf(out, "The plan has %" PRIu32 " hypothes%s fixed before the campaign",
              plan->n_hypotheses, plan->n_hypotheses == 1 ? "is" : "es");
    if (slopes < plan->n_hypotheses)
        text_addf(out,
                  "; differences are tested by Newcombe's hybrid of the two sides' "
                  "intervals%s",
                  equivalences ? " (equivalence: the one of 1 - 2 alpha lies within the "
                                 "margin)"
                               : "");
    text_put(out, slopes ? "; slopes by t" : "");
    text_put(out, plan->n_hypotheses > 1 ? "; all p-values are adjusted by Holm. " : ". ");
}

static void put_statistics(struct text *out, const struct report_context *context)
{
    struct report_rate sdc;
    report_rate(
        &sdc, context->work,
        &(struct report_query){.events = REPORT_SDC, .level = report_figure_level(context)});
    const bool total = !sdc.refused;
    text_put(out, total ? "Rates are stratified estimates, sum W_h y_h / sum W_h d_h, "
                        : "Rates are those of each stratum alone, ");
    text_addf(
        out,
        "printed unconditional and conditional on changed bits. Their %g %% intervals come from a "
        "%s by way of an effective n, times (z / t)^2 "
        "with the degrees of freedom of that variance (Wilson's interval, its outer end moved out "
        "by the skewness of the cluster sums; Clopper and Pearson's below 10 events and without "
        "any)%s. Each interval is printed with that n. ",
        100 * context->confidence,
        context->data->n_bases > 1 ? "two-way cluster variance over items and faults"
                                   : "cluster variance over faults",
        total && sdc.missing == 0 ? ", and are checked against a cluster bootstrap" : "");
    put_design_effect(out, context, &sdc);
    put_census(out, context->data);
    put_tests(out, context->data->plan);
}

/* Only what exists: controls that a plan omits are not mentioned. */
static void put_exclusions(struct text *out, const struct report_data *data)
{
    const struct {
        const char *what;
        uint64_t count;
    } kept[] = {{"dry controls", data->role[ROLE_DRY]},
                {"sentinels", data->role[ROLE_SENTINEL]},
                {"naive reruns", data->role[ROLE_NAIVE]},
                {"CPU reruns", data->role[ROLE_CPU]},
                {"suspect rows", data->suspect}};
    const char *before = "Kept out of rates: ";
    for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
        if (kept[i].count == 0)
            continue;
        text_addf(out, "%s%" PRIu64 " %s", before, kept[i].count, kept[i].what);
        before = ", ";
    }
    text_put(out, before[0] == ',' ? ". " : "");
    if (data->n_incidents > 0)
        text_addf(out,
                  "%" PRIu32 " abnormal end%s did not come back and %s run again "
                  "(incidents). ",
                  data->n_incidents, data->n_incidents == 1 ? "" : "s",
                  data->n_incidents == 1 ? "was" : "were");
    text_put(out, "Every counted fault was proven to have fired by bits read back from the "
                  "device.");
}

/* Whether to extend is decided by the results. */
static void put_waves(struct text *out, const struct report_context *context)
{
    const struct plan *plan = context->data->plan;
    const char *look = report_context_look(context);
    if (!look || !*look) {
        out->st = look ? out->st : STATUS_MEMORY;
        return;
    }
    if (plan->n_waves == 0) {
        text_addf(out, "By its plan (rule waves) the campaign may go on after a look.%s ", look);
        return;
    }
    text_put(out, "After its first sample the campaign was extended by ");
    for (uint32_t i = 0; i < plan->n_waves; i++)
        text_addf(out, "%s%" PRIu64, i ? ", " : "", plan->wave[i]);
    text_addf(
        out,
        " trials, drawn apart by the same design and pooled within strata; faults may come in two "
        "of these waves, so no correction for a finite population is made. Intervals and tests pay "
        "for the looks that could lead to an extension, as `vkfi gate` does: the look at wave k "
        "spends 1/2^k of the error%s.",
        plan->stop == PLAN_STOP_FIXED ? " (at the first one, all of it)" : "");
    text_addf(out, "%s ", look);
}

/* A stopping rule is part of the method, and an early end biases the estimate. */
static void put_stop(struct text *out, const struct plan *plan)
{
    const struct plan_gate *gate = &plan->gate;
    if (!plan_stops_itself(plan))
        return;
    text_addf(out,
              "By its plan (rule %s) the campaign ends once %s of %s%s%s is shown to be "
              "below %g or not, one-sided at %g %%; where it did, that answer holds at this "
              "level, while rates lie a little beyond the truth on its side and their "
              "intervals are those of a single look. ",
              kinds_text(KINDS_STOP, plan->stop), kinds_text(KINDS_GATE_CLASS, gate->of),
              kinds_text(KINDS_GATE_TRIALS, gate->given), gate->stratum ? " in stratum " : "",
              gate->stratum ? gate->stratum : "", gate->max, 100 * gate->confidence);
}

static void put_outcomes(struct text *out, const struct report_data *data)
{
    const struct plan *plan = data->plan;
    text_put(out, "Each trial is classed by the first match of not_reached, inert, due, "
                  "masked_bitexact, masked_tokens, ");
    if (data->scored)
        text_addf(out,
                  "sdc_unscored, sdc_improved, sdc_benign, sdc_critical (score change "
                  "beyond %g)",
                  plan->score_eps);
    else
        text_put(out, "sdc_unscored");
    text_addf(out, "; %s. ",
              plan->nan_policy == PLAN_NAN_TRAP
                  ? "a NaN logit is due (trap)"
                  : "NaN is skipped by the choice of a token (no trap)");
}

enum status report_methods_paragraph(struct text *out, struct report_context *context)
{
    report_subject_put(out, context);
    put_population(out, context->data);
    put_conditions(out, context->data);
    put_outcomes(out, context->data);
    put_statistics(out, context);
    put_waves(out, context);
    put_stop(out, context->data->plan);
    put_exclusions(out, context->data);
    return out->st;
}

/* "5.4 % [4.1, 7.0] of WHAT, weighted over strata (95 %: Wilson, n = 412.3); 97 of 1800 as drawn,
 * 5.39 %". */
static void put_rate(struct text *out, const struct report_context *context,
                     const struct report_rate *rate, const char *what)
{
    char text[REPORT_INTERVAL_TEXT], raw[REPORT_FORMAT_TEXT];
    const struct report_interval of = report_interval_of(rate);
    const struct stats_cluster_estimate *e = &rate->estimate;
    report_interval_text(text, &of, context->confidence);
    const char *bounds = strchr(text, '['), *from = strchr(text, '(');
    report_table_format(raw, (double)e->events / (double)e->counted, REPORT_PERCENT);
    if (isnan(e->rate) || !bounds || !from) {
        text_addf(out, "nothing known of %s", what);
        return;
    }
    text_addf(out, "<b>%.*s</b> %.*sof %s%s %s; %" PRIu64 " of %" PRIu64, (int)(bounds - text - 1),
              text, (int)(from - bounds), bounds, what,
              report_rate_is_weighted(rate) ? ", weighted over strata" : "", from, e->events,
              e->counted);
    if (report_rate_is_weighted(rate))
        text_addf(out, " as drawn, %s&#160;%%", raw);
}

/* Describes a trial. */
static const char *trials_of(const struct report_context *context)
{
    return report_context_is_ber(context) ? "runs with a fault at least" : "all faults";
}

static void put_runs(struct text *out, const struct report_context *context,
                     const struct report_totals *totals)
{
    char none[REPORT_FORMAT_TEXT];
    report_table_format(none, totals->no_fault, REPORT_PERCENT);
    text_addf(out, "<li>%s at a bit error rate of %g: ", context->main_start,
              context->data->plan->ber);
    put_rate(out, context, &totals->main_runs, "all runs");
    text_addf(out, "; no fault hits %s&#160;%% of them.</li>\n", none);
}

static void put_item(struct text *out, const struct report_context *context, const char *name,
                     const struct report_rate *rate, const char *what)
{
    text_addf(out, "<li>%s: ", name);
    put_rate(out, context, rate, what);
    text_put(out, ".</li>\n");
}

static void put_total(struct text *out, const struct report_context *context,
                      const struct report_totals *totals)
{
    const char *trials = trials_of(context);
    if (totals->main.refused) {
        text_put(out, "<li>No total: strata were drawn with equal n and have no weights, so only "
                      "rates by stratum are defined.</li>\n");
        return;
    }
    if (totals->main.missing > 0) {
        text_addf(out, "<li>No total yet: %" PRIu32 " strata with weight have no trial.</li>\n",
                  totals->main.missing);
        return;
    }
    put_item(out, context, context->main_start, &totals->main, trials);
    if (totals->main_changed.estimate.counted < totals->main.estimate.counted)
        put_item(out, context, context->main_start, &totals->main_changed,
                 "those that changed bits");
    if (report_context_is_ber(context))
        put_runs(out, context, totals);
    if (context->main != REPORT_SDC)
        put_item(out, context, "Any change of the text (SDC)", &totals->sdc, trials);
    put_item(out, context, "Detected (DUE)", &totals->due, trials);
}

static enum status put_hypotheses(struct text *out, struct report_context *context,
                                  const struct report_hypothesis *found)
{
    const uint32_t count = context->data->plan->n_hypotheses;
    for (uint32_t i = 0; i < count; i++) {
        char p[REPORT_INTERVAL_TEXT];
        const char *verdict = report_hypothesis_verdict(context->arena, &found[i]);
        const char *estimate =
            report_hypothesis_estimate(context->arena, &found[i], context->confidence);
        if (!verdict || !estimate)
            return STATUS_MEMORY;
        report_interval_p(p, found[i].adjusted);
        text_put(out, "<li>Hypothesis <q>");
        report_out_html(out, found[i].plan->name);
        text_put(out, "</q> (");
        report_out_html(out, found[i].plan->contrast);
        text_put(out, "): <b>");
        const size_t word = strcspn(verdict, "(;");
        report_out_html_n(out, verdict, word > 0 && verdict[word] == '(' ? word - 1 : word);
        text_put(out, "</b>");
        report_out_html(out, verdict + (verdict[word] == '(' ? word - 1 : word));
        if (!isnan(found[i].p)) {
            text_addf(out, ". Holm-adjusted p %s%s; estimate ", p[0] == '<' ? "&lt;" : "= ",
                      p[0] == '<' ? p + 1 : p);
            report_out_html(out, estimate);
        }
        text_put(out, ".</li>\n");
    }
    return STATUS_OK;
}

enum status report_methods_verdict(struct text *out, struct report_context *context,
                                   const struct report_totals *totals)
{
    const struct report_data *data = context->data;
    struct report_hypothesis *found = NULL;
    enum status st = report_hypotheses_test(&found, context);
    if (st)
        return st;
    if (!report_data_is_complete(data))
        text_addf(out, "<li><b>%s</b>: %" PRIu64 " of %" PRIu64 " trials are there; %s.</li>\n",
                  plan_stops_itself(data->plan) ? "The campaign was not run to its end"
                                                : "The campaign is not finished",
                  data->n_rows, data->expected,
                  plan_stops_itself(data->plan)
                      ? "its plan ends it once its question is answered (vkfi gate)"
                      : "all numbers are provisional");
    put_total(out, context, totals);
    const char *look = report_context_look(context);
    if (!look)
        return STATUS_MEMORY;
    if (*look)
        text_addf(out, "<li>%s</li>\n", look + 1);
    st = put_hypotheses(out, context, found);
    if (data->suspect > 0)
        text_addf(out,
                  "<li><b>%" PRIu64 " rows are suspect</b> (a control failed after them) "
                  "and are kept out.</li>\n",
                  data->suspect);
    return st ? st : out->st;
}
