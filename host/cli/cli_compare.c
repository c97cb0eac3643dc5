/* SPDX-License-Identifier: MIT */
/* `vkfi compare`: conformance of devices, reliability in pairs, releases. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "cli/cli_commands.h"
#include "cli/cli_compare.h"
#include "cli/cli_pairs.h"
#include "cli/cli_reading.h"
#include "inject/plan/plan_waves.h"
#include "inject/report/report_methods.h"

const struct cli_compare_class cli_compare_class[CLI_COMPARE_CLASSES] = {
    {"sdc", REPORT_SDC, false},
    {"due", REPORT_DUE, false},
    {"sdc+due", REPORT_SDC | REPORT_DUE, false},
    {"masked", REPORT_MASKED, false},
    {"critical", REPORT_CRITICAL, true},
};

static const char DETAILS[] =
    "DESCRIPTION\n"
    "Compares each further database with the first.\n"
    "\n"
    "Conformance (same plan and model, mode exact): how many of the shared records, without those "
    "of controls that the CPU reran, differ in any field that must agree, with a one-sided 95 % "
    "upper bound, which field differs first, and the "
    "first trials that do. Equal arithmetic gives equal records, so a difference is a finding "
    "about a "
    "driver, and no difference says nothing about reliability. Only where a golden run is marked "
    "underflow (a value too small for a normal number was flushed) may devices differ by the "
    "contract; such items, and how many of the differing records are theirs, are counted.\n"
    "\n"
    "Reliability (where modes or devices differ, or with --reliability): pairs of trials with the "
    "same "
    "prompt and the same logical fault coordinates. For each class the risk difference first minus "
    "second with its paired interval (Tango), McNemar's test, and with --margin two one-sided "
    "tests "
    "of equivalence. Pairs are weighed by strata and scaled to their effective number. A McNemar "
    "test "
    "that is not significant is not equality. Items whose golden texts differ, and trials that one "
    "database lacks, are listed apart.\n"
    "\n"
    "Where a campaign was extended after a look (vkfi plan extend), intervals and verdict pay for "
    "it: "
    "they spend 1/4, 1/8, ... of the error behind one, two, ... such looks at both databases.\n"
    "\n"
    "With --baseline the first database is the old release and the second the new one: the new one "
    "must not be worse by --margin or more. Its verdict is passed where the one-sided upper bound "
    "of "
    "the difference is below the margin, failed where the lower bound is not, else undecided.\n"
    "\n"
    "EXIT CODES\n"
    "  0  compared; all records agree, with --baseline: passed\n"
    "  1  records differ, or with --baseline: failed or undecided\n"
    "  2  wrong usage or database, or databases of different campaigns\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi compare cpu.db amd.db intel.db\n"
    "  vkfi compare exact.db native.db --reliability --margin 0.01\n"
    "  vkfi compare old.db new.db --baseline --margin 0.005\n";

static enum status check(const struct cli_compare_options *o)
{
    const enum status st = cli_reading_check(&o->databases, 2, o->baseline ? 2 : ARGS_LIST_MAX);
    if (st)
        return st;
    if (o->baseline && isnan(o->margin)) {
        log_error("found --baseline without --margin, expected the rise that would be too much");
        return STATUS_USAGE;
    }
    return STATUS_OK;
}

static enum status parse(struct cli_compare_options *out, int argc, char **argv, bool *out_done)
{
    const struct args_option options[] = {
        {0, "reliability", ARGS_FLAG, &out->reliability, NULL,
         "Compares pairs also where mode and device are the same.", 0, 0},
        {0, "baseline", ARGS_FLAG, &out->baseline, NULL,
         "Old release first, new one second: is the new one worse?", 0, 0},
        {0, "margin", ARGS_REAL, &out->margin, "M",
         "Margin of equivalence or non-inferiority, such as 0.01.", 1e-9, 1},
        {0, "given", ARGS_CHOICE, &out->given, "all|changed|golden_right",
         "Pairs counted: all (default), where both changed bits, where both goldens are right.", 0,
         0},
        {0, "confidence", ARGS_REAL, &out->confidence, "C",
         "Of the two-sided intervals. Default 0.95.", 0.5, 0.9999},
        {0, "json", ARGS_FLAG, &out->json, NULL, "Prints one JSON object.", 0, 0},
        CLI_READING_SUSPECT(&out->allow_suspect),
        {0}};
    const struct args_spec spec = {
        .command = "vkfi compare",
        .summary = "do devices, modes or releases agree on the same faults",
        .synopsis = "A.db B.db ... [--reliability] [--margin M] [--json]\n"
                    "OLD.db NEW.db --baseline --margin M",
        .details = DETAILS,
        .options = options,
        .operands = &out->databases};
    const enum status st = args_parse(&spec, argc, argv, out_done);
    return st || *out_done ? st : check(out);
}

/* What ran the trials, for the heading. */
static const char *device_of(const struct report_source *source)
{
    if (source->data.n_devices == 0)
        return "no device";
    return source->data.n_devices > 1 ? "several devices" : source->data.device[0].name;
}

static bool is_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Devices differ if any is of one database alone; modes by the contract. */
static bool differs(const struct report_source *a, const struct report_source *b)
{
    if (!is_text(a->data.identity->contract, b->data.identity->contract) ||
        a->data.n_devices != b->data.n_devices)
        return true;
    for (uint32_t d = 0; d < a->data.n_devices; d++) {
        const struct store_device *x = &a->data.device[d], *y = &b->data.device[d];
        if (!is_text(x->name, y->name) || !is_text(x->uuid, y->uuid) ||
            !is_text(x->driver_version, y->driver_version))
            return true;
    }
    return false;
}

static bool is_exact(const struct report_source *source)
{
    const char *contract = source->data.identity->contract;
    return contract && strncmp(contract, "exact", 5) == 0;
}

static enum status compare_pairs(struct cli_compare_result *out, struct arena *arena,
                                 struct report_source *a, struct report_source *b,
                                 const struct cli_compare_options *options)
{
    const enum status st = report_pairs_make(&out->pairs, arena, &a->data, &b->data);
    out->has_pairs = true;
    out->scored = a->data.scored && b->data.scored;
    for (int c = 0; !st && c < CLI_COMPARE_CLASSES; c++)
        report_pairs_compare(&out->of[c], &out->pairs,
                             &(struct report_pairs_request){cli_compare_class[c].events,
                                                            (enum report_given)options->given,
                                                            options->confidence, options->margin});
    if (!st && options->baseline && out->of[0].pairs == 0) {
        log_error("%s: found no fault in common with %s, expected the same prompts and fault "
                  "coordinates",
                  b->path, a->path);
        return STATUS_INPUT;
    }
    return st;
}

static enum status compare(struct cli_compare_result *out, struct arena *arena,
                           struct report_source *a, struct report_source *b,
                           const struct cli_compare_options *options)
{
    *out = (struct cli_compare_result){.first = a->path,
                                       .second = b->path,
                                       .device_first = device_of(a),
                                       .device_second = device_of(b)};
    const struct report_source *const source[2] = {a, b};
    for (int s = 0; s < 2; s++) {
        out->items[s] = source[s]->data.n_items;
        out->underflow[s] = report_data_underflow(&source[s]->data);
    }
    enum status st = STATUS_OK;
    if (!options->baseline && is_exact(a) && is_exact(b)) {
        out->has_conform = true;
        st = report_conform_compare(&out->conform, arena, a, b);
    }
    if (!st && (options->baseline || options->reliability || differs(a, b)))
        st = compare_pairs(out, arena, a, b, options);
    if (!st && options->baseline)
        out->verdict = cli_pairs_decide(&(struct cli_pairs_question){
            .result = &out->of[0], .margin = options->margin, .confidence = options->confidence});
    return st;
}

static enum status compare_all(const struct cli_compare_options *options, struct json_writer *w,
                               bool *out_agree)
{
    struct report_source first = {0};
    enum status st = cli_reading_open(&first, options->databases.item[0], options->allow_suspect);
    *out_agree = true;
    for (size_t i = 1; !st && i < options->databases.count; i++) {
        struct report_source other = {0};
        struct cli_compare_result result;
        struct arena arena = {0};
        st = cli_reading_open(&other, options->databases.item[i], options->allow_suspect);
        struct cli_compare_options own = *options;
        own.spends = st ? 1 : plan_waves_share(&first.plan, &other.plan);
        own.confidence = 1 - (1 - options->confidence) * own.spends;
        st = st ? st : compare(&result, &arena, &first, &other, &own);
        if (!st) {
            *out_agree = *out_agree && !(result.has_conform && result.conform.differ > 0) &&
                         (!options->baseline || result.verdict == STATS_GATE_PASS);
            if (options->json)
                cli_compare_json(w, &result, &own);
            else
                st = cli_compare_print(&result, &own);
        }
        arena_finish(&arena);
        report_source_finish(&other);
    }
    report_source_finish(&first);
    return st;
}

enum status cli_compare(const struct cli_env *env, int argc, char **argv)
{
    struct cli_compare_options options = {.margin = NAN, .confidence = 0.95};
    struct json_writer w;
    bool done = false, agree = true;
    char *text = NULL;
    size_t size = 0;
    (void)env;
    enum status st = parse(&options, argc, argv, &done);
    if (st || done)
        return st;
    /* into memory first: a later database that is refused leaves no half an object behind */
    FILE *memory = open_memstream(&text, &size);
    if (!memory) {
        log_error("found no memory for the output");
        return STATUS_MEMORY;
    }
    json_begin(&w, memory, true);
    json_object_open(&w);
    json_put_key(&w, "comparisons");
    json_array_open(&w);
    st = compare_all(&options, &w, &agree);
    json_array_close(&w);
    json_put_key(&w, "note");
    json_put_text(&w, report_sentence);
    json_object_close(&w);
    const enum status written = json_end(&w);
    fclose(memory);
    if (!st && !written)
        options.json ? fputs(text, stdout) : printf("%s\n", report_sentence);
    free(text);
    return st ? st : written ? written : agree ? STATUS_OK : STATUS_GATE;
}
