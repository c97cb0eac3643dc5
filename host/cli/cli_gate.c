/* SPDX-License-Identifier: MIT */
/* `vkfi gate`: whether this campaign allows a release of its model; the difference of two databases
 * in words. */
#include "cli/cli_gate.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "inject/plan/plan_waves.h"

/* --- pairs in words --- */

void cli_pairs_table(struct cli_pairs_table *out, const struct report_pairs_result *result)
{
    report_interval_n(out->first_only, result->scaled.first_only);
    report_interval_n(out->second_only, result->scaled.second_only);
    report_interval_n(out->n, result->n_effective);
}

void cli_pairs_difference(char out[REPORT_INTERVAL_TEXT], const struct report_pairs_result *result)
{
    const struct stats_interval bounds = result->bounds;
    const int decimals = report_interval_decimals(bounds);
    snprintf(out, REPORT_INTERVAL_TEXT, "%+.*f [%+.*f, %+.*f]", decimals, 100 * result->difference,
             decimals, 100 * bounds.low, decimals, 100 * bounds.high);
}

/* The table with the new release first. */
static struct stats_paired_table table_of(const struct cli_pairs_question *question)
{
    const struct stats_paired_table *t = &question->result->scaled;
    if (question->first_is_new)
        return *t;
    return (struct stats_paired_table){t->both, t->second_only, t->first_only, t->neither};
}

/* Both one-sided bounds of new minus old. */
static struct stats_interval bounds_of(const struct cli_pairs_question *question)
{
    const struct stats_paired_table table = table_of(question);
    const struct stats_interval_level level = {2 * question->confidence - 1, STATS_INTERVAL_BOTH};
    return stats_paired_interval(&table, level);
}

enum stats_gate_verdict cli_pairs_decide(const struct cli_pairs_question *question)
{
    const struct stats_paired_table table = table_of(question);
    if (stats_paired_non_inferiority(&table, question->margin) <= 1 - question->confidence)
        return STATS_GATE_PASS;
    return bounds_of(question).low >= question->margin ? STATS_GATE_FAIL : STATS_GATE_UNDECIDED;
}

/* "has at most 0.5 points more": the deciding bound in words; if undecided, the upper one. */
static const char *claim_of(enum stats_gate_verdict verdict, double bound)
{
    if (verdict == STATS_GATE_UNDECIDED)
        return "may have up to";
    return (verdict == STATS_GATE_PASS) == (bound >= 0) ? "has at most" : "has at least";
}

void cli_pairs_verdict(struct text *out, const struct cli_pairs_question *question)
{
    const enum stats_gate_verdict verdict = cli_pairs_decide(question);
    const struct stats_interval bounds = bounds_of(question);
    const double bound = verdict == STATS_GATE_FAIL ? bounds.low : bounds.high;
    const struct report_pairs_result *r = question->result;
    const int decimals = report_interval_decimals(r->bounds);
    struct cli_pairs_table table;
    cli_pairs_table(&table, r);
    text_addf(out, "%s: %s %s %.*f points %s %s than %s", report_gate_word(verdict), question->new,
              claim_of(verdict, bound), decimals, 100 * fabs(bound), bound >= 0 ? "more" : "less",
              question->of, question->old);
    text_addf(out, " (one-sided at %g %%: Tango, %s %s and %s %s of n = %s); the margin is %g\n",
              100 * question->confidence, question->first_is_new ? "only new" : "only first",
              table.first_only, question->first_is_new ? "only old" : "only second",
              table.second_only, table.n, 100 * question->margin);
}

/* --- the gate --- */

static const char DETAILS[] =
    "DESCRIPTION\n"
    "Compares the one-sided upper bound of a rate with a limit. The gate passes only if the bound "
    "holds; an estimate below the limit is not enough. It prints the estimate, both bounds, n, and "
    "how many more trials would decide if it is open.\n"
    "\n"
    "Looking again and again at a database that grows would pass by chance. So a campaign that is "
    "not "
    "finished is refused, unless its plan has a stopping rule: \"spending\" (looks fixed in the "
    "plan, "
    "alpha spent over them) or \"time_uniform\" (any look; complete items are the observations, in "
    "an order drawn from the seed). Looks are taken in their order and the first that decides "
    "stands, whatever was run after it. A campaign that was extended (vkfi plan extend) is looked "
    "at once a wave: the look says what the looks so far may have spent of the error.\n"
    "\n"
    "Without --max the question is that of the plan (\"gate\" in its field \"stop\"), which also "
    "ends the campaign by itself.\n"
    "\n"
    "With --baseline the new campaign is held against an old one on the faults that both have: it "
    "passes if the rate has not risen by the margin or more (paired, one-sided), and --max may be "
    "left "
    "out.\n"
    "\n"
    "Of items of tasks it also prints some lines a task: golden and faulty score, the normalised "
    "score, "
    "and how many answers went wrong or right, with intervals at 95 %; of translations BLEU and "
    "chrF++, of items with several samples pass@k.\n"
    "\n"
    "VERDICTS\n"
    "  passed     the upper bound is below the limit (of a rise: the margin)\n"
    "  failed     the lower bound is above it\n"
    "  undecided  neither: more trials would tell\n"
    "Each limit has one of them, in text and as \"verdict\" in JSON; the gate as a whole failed "
    "if a limit did, is undecided if one is, and passed if all have.\n"
    "\n"
    "WHAT IS COUNTED (--of)\n"
    "  critical   sdc_critical: the score fell\n"
    "  sdc        any other text\n"
    "  sdc+due    any other text, or a detected end\n"
    "\n"
    "OF WHICH TRIALS (--given)\n"
    "  all            all faults\n"
    "  changed        those that changed bits\n"
    "  golden_right   those whose golden answer is right\n"
    "  runs           with a bit error rate: all runs, those without a fault too\n"
    "\n"
    "OF WHICH STRATA (--stratum)\n"
    "  layer=3 bit_field=sign       the stratum of this label\n"
    "  site_group: mlp              all strata of a group of the plan\n"
    "  layer: 0-3,9 & stage: first  conditions as in contrasts: ranges, patterns\n"
    "Over several strata the rate is weighted. A limit a group is a gate a group.\n"
    "\n"
    "EXIT CODES\n"
    "  0  passed\n"
    "  1  failed or undecided\n"
    "  2  wrong usage or database, a growing database without a stopping rule\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi gate run.db --max 0.02\n"
    "  vkfi gate run.db\n"
    "  vkfi gate run.db --max 0.01 --of critical --junit gate.xml\n"
    "  vkfi gate run.db --max 0.05 --stratum \"site_group: attention\"\n"
    "  vkfi gate new.db --baseline old.db --margin 0.005\n";

static enum status check(const struct cli_gate_options *o)
{
    const enum status st = cli_reading_check(&o->databases, 1, 1);
    if (st)
        return st;
    const bool worded = o->of >= 0 || o->given >= 0 || o->stratum || !isnan(o->confidence);
    if (isnan(o->max) && !o->baseline && worded)
        log_error("found words of a question without --max or --baseline, expected one of them");
    else if ((o->baseline != NULL) != !isnan(o->margin))
        log_error("found %s, expected --baseline and --margin together",
                  o->baseline ? "--baseline alone" : "--margin alone");
    else if (o->baseline && (o->stratum || o->given == PLAN_GATE_RUNS))
        log_error("found %s with --baseline, expected one of them",
                  o->stratum ? "--stratum" : "--given runs");
    else
        return STATUS_OK;
    return STATUS_USAGE;
}

static enum status parse(struct cli_gate_options *out, int argc, char **argv, bool *out_done)
{
    const struct args_option options[] = {
        {0, "max", ARGS_REAL, &out->max, "RATE",
         "The limit, a share such as 0.02. Default: the plan's question.", 0, 1},
        {0, "of", ARGS_CHOICE, &out->of, "critical|sdc|sdc+due", "What is counted. Default sdc.", 0,
         0},
        {0, "given", ARGS_CHOICE, &out->given, "all|changed|golden_right|runs",
         "Of which trials. Default all.", 0, 0},
        {0, "confidence", ARGS_REAL, &out->confidence, "C", "One-sided. Default 0.95.", 0.5,
         0.9999},
        {0, "stratum", ARGS_TEXT, &out->stratum, "STRATA",
         "Strata instead of the total: one by its label, such as \"layer=3\", or all of a group by "
         "conditions, such as \"site_group: mlp\".",
         0, 0},
        {0, "arm", ARGS_TEXT, &out->arm, "NAME",
         "The rate under the protections of this arm of the plan, by the weights of its runs.", 0,
         0},
        {0, "baseline", ARGS_TEXT, &out->baseline, "OLD",
         "Database of the release to hold against: non-inferiority on shared faults.", 0, 0},
        {0, "margin", ARGS_REAL, &out->margin, "M",
         "Rise of the rate that would be too much, such as 0.005.", 1e-9, 1},
        {0, "junit", ARGS_TEXT, &out->junit, "FILE", "Also writes the verdict as JUnit XML.", 0, 0},
        {0, "json", ARGS_FLAG, &out->json, NULL, "Prints one JSON object.", 0, 0},
        CLI_READING_SUSPECT(&out->allow_suspect),
        {0}};
    const struct args_spec spec = {
        .command = "vkfi gate",
        .summary = "pass or fail a campaign by the upper bound of a rate",
        .synopsis = "DB [--arm NAME] [--max RATE [--of WHAT] [--given WHICH] [--stratum "
                    "STRATA]]\n"
                    "NEW --baseline OLD --margin M [--max RATE]",
        .details = DETAILS,
        .options = options,
        .operands = &out->databases};
    const enum status st = args_parse(&spec, argc, argv, out_done);
    return st || *out_done ? st : check(out);
}

/* From the options, or if they have none from the plan. */
static enum status find_question(struct cli_gate_options *options,
                                 const struct report_source *source)
{
    const bool planned = isnan(options->max) && !options->baseline;
    if (planned && !plan_stops_itself(&source->plan)) {
        log_error("%s: found no question in the plan, expected --max or --baseline", source->path);
        return STATUS_USAGE;
    }
    options->question = source->plan.gate;
    if (planned)
        return STATUS_OK;
    options->question = (struct plan_gate){
        .max = options->max,
        .confidence = isnan(options->confidence) ? 0.95 : options->confidence,
        .of = options->of < 0 ? PLAN_GATE_SDC : (enum plan_gate_of)options->of,
        .given = options->given < 0 ? PLAN_GATE_ALL : (enum plan_gate_given)options->given,
        .stratum = options->stratum};
    return STATUS_OK;
}

static enum status decide_limit(struct cli_gate_result *out, struct report_source *source,
                                const struct plan_gate *question)
{
    const struct report_gate_request request = report_gate_question(question);
    out->has_limit = true;
    return report_gate_decide(&out->gate, source, &request);
}

static enum status check_complete(const struct report_source *source)
{
    if (report_data_is_complete(&source->data))
        return STATUS_OK;
    log_error("%s: found %" PRIu64 " of %" PRIu64 " trials; a comparison with a baseline is one "
              "look: expected a finished campaign",
              source->path, source->data.n_rows, source->data.expected);
    return STATUS_INPUT;
}

static enum status decide_baseline(struct cli_gate_result *out, struct report_source *source,
                                   const struct cli_gate_options *options)
{
    struct report_source old = {0};
    struct report_pairs pairs;
    struct arena arena = {0};
    const struct report_gate_request request = report_gate_question(&options->question);
    out->has_baseline = true;
    enum status st = cli_reading_open(&old, options->baseline, options->allow_suspect);
    st = st ? st : report_source_load(source, UINT64_MAX);
    st = st ? st : check_complete(source);
    st = st ? st : check_complete(&old);
    st = st ? st : report_pairs_make(&pairs, &arena, &source->data, &old.data);
    if (!st) {
        out->confidence = 1 - (1 - request.confidence) * plan_waves_share(&source->plan, &old.plan);
        report_pairs_compare(&out->pairs, &pairs,
                             &(struct report_pairs_request){request.events, request.given,
                                                            2 * out->confidence - 1,
                                                            options->margin});
        out->only_new = pairs.only_first;
        out->only_old = pairs.only_second;
        out->items_apart = pairs.items_apart;
        if (out->pairs.pairs == 0) {
            log_error("%s: found no fault in common with %s, expected the same prompts and fault "
                      "coordinates",
                      source->path, options->baseline);
            st = STATUS_INPUT;
        }
    }
    report_source_finish(&old);
    arena_finish(&arena);
    return st;
}

/* What the trials looked at say of tasks, where items have scores. */
static enum status find_tasks(struct cli_gate_result *out, struct arena *arena,
                              struct report_source *source)
{
    struct report_work work;
    struct report_context context = {
        .data = &source->data, .arena = arena, .asked = CLI_GATE_TASKS};
    enum status st = report_context_init(&context, &work);
    st = st ? st : report_tasks_make(&out->tasks, &context);
    st = st ? st : report_corpus_make(&out->corpora, &context);
    return st ? st : report_pass_make(&out->passes, &context, &out->tasks);
}

static void conclude(struct cli_gate_result *out, const struct cli_gate_options *options)
{
    const enum stats_gate_verdict of_limit =
        out->has_limit ? out->gate.result.verdict : STATS_GATE_PASS;
    out->against_old = STATS_GATE_PASS;
    if (out->has_baseline)
        out->against_old =
            cli_pairs_decide(&(struct cli_pairs_question){.result = &out->pairs,
                                                          .first_is_new = true,
                                                          .margin = options->margin,
                                                          .confidence = out->confidence});
    const bool failed = of_limit == STATS_GATE_FAIL || out->against_old == STATS_GATE_FAIL;
    const bool passed = of_limit == STATS_GATE_PASS && out->against_old == STATS_GATE_PASS;
    out->verdict = failed ? STATS_GATE_FAIL : passed ? STATS_GATE_PASS : STATS_GATE_UNDECIDED;
}

/* Looks of a plan and pairs with another campaign are of the trials without protection. */
static enum status choose_arm(const struct cli_gate_options *options, struct report_source *source)
{
    if (options->baseline || plan_stops_itself(&source->plan)) {
        log_error("%s: found --arm with %s, expected neither a baseline nor a plan that stops "
                  "itself",
                  source->path, options->baseline ? "--baseline" : "a plan that stops itself");
        return STATUS_USAGE;
    }
    return report_source_arm(source, options->arm);
}

enum status cli_gate(const struct cli_env *env, int argc, char **argv)
{
    struct cli_gate_options options = {
        .max = NAN, .margin = NAN, .confidence = NAN, .of = -1, .given = -1};
    struct cli_gate_result result = {0};
    struct report_source source = {0};
    struct arena arena = {0};
    bool done = false;
    (void)env;
    enum status st = parse(&options, argc, argv, &done);
    if (st || done)
        return st;
    if (options.junit)
        st = file_check_writable(options.junit);
    st = st ? st : report_source_open(&source, options.databases.item[0]);
    st = st ? st : report_source_trust(&source, options.allow_suspect);
    st = st ? st : find_question(&options, &source);
    if (!st && options.arm)
        st = choose_arm(&options, &source);
    if (!st && !isnan(options.question.max))
        st = decide_limit(&result, &source, &options.question);
    if (!st && options.baseline)
        st = decide_baseline(&result, &source, &options);
    if (!st && source.data.scored)
        st = find_tasks(&result, &arena, &source);
    if (!st) {
        conclude(&result, &options);
        st = cli_gate_print(&result, &options);
    }
    if (!st && options.junit)
        st = cli_gate_junit(&result, &options);
    report_source_finish(&source);
    arena_finish(&arena);
    return st ? st : result.verdict == STATS_GATE_PASS ? STATUS_OK : STATUS_GATE;
}
