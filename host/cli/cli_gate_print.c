/* SPDX-License-Identifier: MIT */
/* A gate's verdict as text, as JSON, as JUnit XML. */
#include "cli/cli_gate.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/file.h"
#include "inject/report/report_interval.h"
#include "inject/report/report_methods.h"
#include "inject/report/report_out.h"

static const char *would(const struct report_gate *gate)
{
    return gate->result.would_pass ? "pass" : "fail";
}

/* More trials on the same prompts are a wave of the same campaign: the commands to run it. */
static bool put_wave(struct text *out, const struct report_gate *gate, const char *path)
{
    if (gate->look == 0 || gate->rule == PLAN_STOP_SPENDING ||
        gate->result.growth != STATS_GATE_TRIALS)
        return false;
    text_addf(out,
              "to decide   about %" PRIu64 " more trials (it would %s, were the rate to "
              "stay): go on in the same database by\n"
              "            vkfi plan extend %s --trials %" PRIu64
              " -o more.json && vkfi campaign run more.json -o %s\n",
              gate->result.more, would(gate), path, gate->result.more, path);
    return true;
}

static void put_more(struct text *out, const struct report_gate *gate, const char *path)
{
    if (gate->result.verdict != STATS_GATE_UNDECIDED)
        return;
    if (gate->result.more == STATS_GATE_NEVER)
        text_put(out, "to decide   no number of further trials can be named\n");
    else if (gate->rule == PLAN_STOP_SPENDING && gate->look == 0)
        text_addf(out, "to decide   %" PRIu64 " more trials until the plan's first look\n",
                  gate->result.more);
    else if (put_wave(out, gate, path))
        return;
    else if (gate->result.growth == STATS_GATE_PROMPTS)
        text_addf(out,
                  "to decide   only more prompts: about %" PRIu64 " more, with %" PRIu64
                  " trials on them (it would %s, were the rate to stay)\n",
                  gate->result.items, gate->result.more, would(gate));
    else
        text_addf(out,
                  "to decide   about %" PRIu64
                  " more trials%s (it would %s, were the rate to stay)\n",
                  gate->result.more,
                  gate->result.growth == STATS_GATE_BOTH ? " on new prompts, in proportion" : "",
                  would(gate));
}

static void put_rule(struct text *out, const struct report_gate *gate)
{
    if (gate->spent > 0 && (gate->rule == PLAN_STOP_WAVES || gate->look > 1)) {
        text_addf(out,
                  "looks       %" PRIu32 ", one a wave; this one is one-sided at %.4g %%, and "
                  "a rate at the limit passes any of them at most %.4g %% of the time\n",
                  gate->look, 100 * (1 - gate->tail), 100 * gate->spent);
        return;
    }
    if (gate->rule == PLAN_STOP_FIXED || gate->rule == PLAN_STOP_WAVES)
        return;
    text_addf(out, "stop rule   %s", kinds_text(KINDS_STOP, gate->rule));
    if (gate->rule == PLAN_STOP_SPENDING && gate->look > 0)
        text_addf(out, ": look %" PRIu32 ", one-sided level %.4g", gate->look, gate->tail);
    if (gate->rule == PLAN_STOP_TIME_UNIFORM)
        text_addf(out, ": %" PRIu32 " complete items", gate->items);
    text_addf(out, "%s\n",
              gate->complete                                 ? ""
              : gate->result.verdict == STATS_GATE_UNDECIDED ? "; the campaign still grows"
                                                             : "; no more trials are needed");
}

/* The rate; if strata weigh otherwise, also the share of events as drawn. */
static void put_estimate(struct text *out, const struct report_gate *gate, int decimals)
{
    char rate[REPORT_INTERVAL_TEXT], raw[REPORT_INTERVAL_TEXT];
    report_interval_percent(rate, gate->rate, decimals);
    report_interval_percent(raw, (double)gate->events / (double)gate->counted, 2);
    if (isnan(gate->rate))
        text_put(out, "estimate    none yet\n");
    else if (gate->weighted)
        text_addf(out,
                  "estimate    %s %%, weighted over strata; %" PRIu64 " of %" PRIu64
                  " as drawn, %s %%\n",
                  rate, gate->events, gate->counted, raw);
    else
        text_addf(out, "estimate    %s %%, %" PRIu64 " of %" PRIu64 "\n", rate, gate->events,
                  gate->counted);
}

/* "7.03 % (one-sided at 95 %: Wilson, n = 412.3)"; bets on items have no n. */
static void bound_text(char out[REPORT_INTERVAL_TEXT], const struct report_gate *gate, bool upper,
                       int decimals)
{
    const struct stats_gate_result *r = &gate->result;
    const struct report_interval of = {gate->rate, upper ? r->of_upper : r->of_lower, gate->share};
    char bound[REPORT_INTERVAL_TEXT], basis[REPORT_INTERVAL_TEXT];
    report_interval_percent(bound, upper ? r->upper : r->lower, decimals);
    if (gate->rule == PLAN_STOP_TIME_UNIFORM)
        snprintf(basis, sizeof(basis), "bets on %" PRIu32 " prompts, not an n", gate->items);
    else
        report_interval_basis(basis, &of);
    snprintf(out, REPORT_INTERVAL_TEXT, "%.16s %% (one-sided at %.4g %%: %.90s)", bound,
             100 * (1 - gate->tail), basis);
}

static void put_bounds(struct text *out, const struct report_gate *gate, int decimals)
{
    char text[REPORT_INTERVAL_TEXT];
    bound_text(text, gate, true, decimals);
    text_addf(out, "upper bound %s\n", text);
    bound_text(text, gate, false, decimals);
    text_addf(out, "lower bound %s\n", text);
}

static void put_limit(struct text *out, const struct report_gate *gate,
                      const struct cli_gate_options *options)
{
    const struct plan_gate *question = &options->question;
    const int decimals =
        report_interval_decimals((struct stats_interval){gate->result.lower, gate->result.upper});
    text_addf(out, "gate        %s of %s%s%s below %g %%, one-sided at %g %%\n",
              kinds_text(KINDS_GATE_CLASS, question->of),
              kinds_text(KINDS_GATE_TRIALS, question->given), question->stratum ? ", strata " : "",
              question->stratum ? question->stratum : "", 100 * question->max,
              100 * question->confidence);
    put_estimate(out, gate, decimals);
    put_bounds(out, gate, decimals);
    text_addf(out, "n           %" PRIu64 " of %" PRIu64 " trials count\n", gate->counted,
              gate->trials);
    put_rule(out, gate);
    put_more(out, gate, options->databases.item[0]);
    text_addf(out, "verdict     %s\n", report_gate_word(gate->result.verdict));
}

static void put_pairs(struct text *out, const struct cli_gate_result *result)
{
    const struct report_pairs_result *p = &result->pairs;
    text_addf(out, "pairs       %" PRIu64 " (only new %.0f, only old %.0f, both %.0f)\n", p->pairs,
              p->count.first_only, p->count.second_only, p->count.both);
    text_addf(out, "unpaired    %" PRIu64 " trials of new, %" PRIu64 " of old\n", result->only_new,
              result->only_old);
    if (result->items_apart)
        text_addf(out, "apart       %" PRIu32 " items whose golden text differs\n",
                  result->items_apart);
}

static void put_baseline(struct text *out, const struct cli_gate_result *result,
                         const struct cli_gate_options *options)
{
    const struct report_pairs_result *p = &result->pairs;
    const struct plan_gate *question = &options->question;
    const int decimals = report_interval_decimals(p->bounds);
    char text[REPORT_INTERVAL_TEXT];
    struct cli_pairs_table table;
    cli_pairs_table(&table, p);
    text_addf(
        out,
        "baseline    %s of %s, new minus old below %g points on shared faults, one-sided at %g "
        "%%\n",
        kinds_text(KINDS_GATE_CLASS, question->of), kinds_text(KINDS_GATE_TRIALS, question->given),
        100 * options->margin, 100 * result->confidence);
    text_addf(out, "new, old    %.*f %%, %.*f %%%s\n", decimals, 100 * p->first, decimals,
              100 * p->second, p->weighted ? ", weighted over strata" : "");
    cli_pairs_difference(text, p);
    text_addf(out, "difference  %s points (%g %%: Tango, only new %s, only old %s of n = %s)\n",
              text, 100 * (2 * result->confidence - 1), table.first_only, table.second_only,
              table.n);
    put_pairs(out, result);
    text_put(out, "verdict     ");
    cli_pairs_verdict(out, &(struct cli_pairs_question){
                               .result = p,
                               .new = "new",
                               .old = "old",
                               .of = kinds_text(KINDS_GATE_CLASS, question->of),
                               .first_is_new = true,
                               .margin = options->margin,
                               .confidence = result->confidence,
                           });
    if (result->has_limit)
        text_addf(out, "together    %s\n", report_gate_word(result->verdict));
    text_addf(out, "%s\n", report_sentence);
}

void cli_gate_members(struct json_writer *w, const struct report_gate *gate,
                      const struct plan_gate *question)
{
    const bool more =
        gate->result.verdict == STATS_GATE_UNDECIDED && gate->result.more != STATS_GATE_NEVER;
    json_member_text(w, "verdict", report_gate_word(gate->result.verdict));
    json_member_number(w, "max", question->max);
    json_member_number(w, "rate", gate->rate);
    json_member_number(w, "upper", gate->result.upper);
    json_member_number(w, "lower", gate->result.lower);
    report_interval_members(w, &gate->result.of_upper);
    json_member_number(w, "lower_shift", gate->result.of_lower.shift);
    json_member_number(w, "share", gate->share); /* the bounds are multiplied by it */
    json_member_bool(w, "weighted", gate->weighted);
    json_member_int(w, "n", gate->counted);
    json_member_int(w, "trials", gate->trials);
    json_member_int(w, "events", gate->events);
    json_member_number(w, "n_effective", gate->n_effective);
    json_member_number(w, "design_effect", gate->design_effect);
    json_member_text(w, "rule", kinds_text(KINDS_STOP, gate->rule));
    json_member_int(w, "look", gate->look);
    json_member_int(w, "items", gate->items);
    json_member_number(w, "tail", gate->tail);
    json_member_number(w, "spent", gate->spent > 0 ? gate->spent : NAN);
    json_member_bool(w, "complete", gate->complete);
    json_member_known(w, "more", more, gate->result.more);
    json_member_known(w, "more_prompts", /* to add with them */
                      more && gate->result.growth != STATS_GATE_TRIALS, gate->result.items);
}

static void put_baseline_json(struct json_writer *w, const struct cli_gate_result *result,
                              const struct cli_gate_options *options)
{
    const struct report_pairs_result *p = &result->pairs;
    json_member_object(w, "baseline");
    json_member_text(w, "verdict", report_gate_word(result->against_old));
    json_member_number(w, "margin", options->margin);
    json_member_number(w, "confidence", result->confidence);
    json_member_number(w, "new", p->first);
    json_member_number(w, "old", p->second);
    json_member_number(w, "difference", p->difference);
    json_member_number(w, "upper", p->bounds.high);
    json_member_number(w, "p", p->non_inferiority);
    json_member_int(w, "pairs", p->pairs);
    json_member_number(w, "new_only", p->count.first_only);
    json_member_number(w, "old_only", p->count.second_only);
    json_member_number(w, "scaled_new_only", p->scaled.first_only);
    json_member_number(w, "scaled_old_only", p->scaled.second_only);
    json_member_number(w, "both", p->count.both);
    json_member_number(w, "n_effective", p->n_effective);
    json_member_int(w, "unpaired_new", result->only_new);
    json_member_int(w, "unpaired_old", result->only_old);
    json_member_int(w, "items_apart", result->items_apart);
    json_object_close(w);
}

static enum status print_json(const struct cli_gate_result *result,
                              const struct cli_gate_options *options)
{
    const struct plan_gate *question = &options->question;
    struct json_writer w;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    json_member_text(&w, "verdict", report_gate_word(result->verdict));
    json_member_text(&w, "of", kinds_text(KINDS_GATE_CLASS, question->of));
    json_member_text(&w, "given", kinds_text(KINDS_GATE_TRIALS, question->given));
    json_member_text(&w, "stratum", question->stratum);
    json_member_number(&w, "confidence", question->confidence);
    if (result->has_limit) {
        json_member_object(&w, "limit");
        cli_gate_members(&w, &result->gate, question);
        json_object_close(&w);
    }
    if (result->has_baseline)
        put_baseline_json(&w, result, options);
    report_tasks_members(&w, &result->tasks);
    report_corpus_members(&w, &result->corpora);
    report_pass_members(&w, &result->passes);
    json_member_text(&w, "note", report_sentence);
    json_object_close(&w);
    return json_end(&w);
}

enum status cli_gate_print(const struct cli_gate_result *result,
                           const struct cli_gate_options *options)
{
    struct text text = {0};
    if (options->json)
        return print_json(result, options);
    if (result->has_limit)
        put_limit(&text, &result->gate, options);
    if (result->has_baseline)
        put_baseline(&text, result, options);
    report_tasks_lines(&text, &result->tasks, CLI_GATE_TASKS);
    report_corpus_lines(&text, &result->corpora, CLI_GATE_TASKS);
    report_pass_lines(&text, &result->passes, CLI_GATE_TASKS);
    fputs(text_of(&text), stdout);
    const enum status st = text.st;
    text_finish(&text);
    return st;
}

void cli_gate_line(FILE *file, const struct report_gate *gate, const struct plan_gate *question)
{
    fprintf(file, "%s of %s%s%s below %g %%: %s", kinds_text(KINDS_GATE_CLASS, question->of),
            kinds_text(KINDS_GATE_TRIALS, question->given), question->stratum ? ", strata " : "",
            question->stratum ? question->stratum : "", 100 * question->max,
            report_gate_word(gate->result.verdict));
    if (isnan(gate->rate)) {
        fprintf(file, ", nothing to look at yet");
        return;
    }
    if (gate->rule == PLAN_STOP_SPENDING)
        fprintf(file, " at look %" PRIu32, gate->look);
    else
        fprintf(file, " after %" PRIu32 " prompts", gate->items);
    const int decimals =
        report_interval_decimals((struct stats_interval){gate->result.lower, gate->result.upper});
    char rate[REPORT_INTERVAL_TEXT], lower[REPORT_INTERVAL_TEXT], upper[REPORT_INTERVAL_TEXT];
    report_interval_percent(rate, gate->rate, decimals);
    bound_text(lower, gate, false, decimals);
    bound_text(upper, gate, true, decimals);
    fprintf(file, " (%" PRIu64 " of %" PRIu64 "; rate %s %%%s, upper bound %s, lower bound %s)",
            gate->events, gate->counted, rate, gate->weighted ? " weighted" : "", upper, lower);
}

/* One test case per condition. */
static void put_case(struct text *out, const char *name, enum stats_gate_verdict verdict,
                     const char *details)
{
    const bool passed = verdict == STATS_GATE_PASS;
    text_addf(out, "  <testcase classname=\"vkfi.gate\" name=\"%s\">\n", name);
    if (!passed)
        text_addf(out, "    <failure message=\"%s\">", report_gate_word(verdict));
    else
        text_put(out, "    <system-out>");
    report_out_html(out, details);
    text_put(out, passed ? "</system-out>\n" : "</failure>\n");
    text_put(out, "  </testcase>\n");
}

enum status cli_gate_junit(const struct cli_gate_result *result,
                           const struct cli_gate_options *options)
{
    struct text xml = {0}, limit = {0}, baseline = {0};
    const enum stats_gate_verdict limited = result->gate.result.verdict;
    const int failures = (result->has_limit && limited != STATS_GATE_PASS) +
                         (result->has_baseline && result->against_old != STATS_GATE_PASS);
    text_addf(&xml,
              "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"vkfi gate\" "
              "tests=\"%d\" failures=\"%d\" errors=\"0\" skipped=\"0\">\n",
              result->has_limit + result->has_baseline, failures);
    if (result->has_limit) {
        put_limit(&limit, &result->gate, options);
        put_case(&xml, "limit", limited, text_of(&limit));
    }
    if (result->has_baseline) {
        put_baseline(&baseline, result, options);
        put_case(&xml, "baseline", result->against_old, text_of(&baseline));
    }
    text_put(&xml, "</testsuite>\n");
    enum status st = xml.st ? xml.st : limit.st ? limit.st : baseline.st;
    st = st ? st : file_write(options->junit, text_of(&xml), xml.size);
    text_finish(&xml);
    text_finish(&limit);
    text_finish(&baseline);
    return st;
}
