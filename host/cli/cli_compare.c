/* SPDX-License-Identifier: MIT */
/* `vkfi compare`: conformance of devices, reliability in pairs, releases. */
#include "cli/cli.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli_gate.h"
#include "inject/plan/plan_waves.h"
#include "inject/report/report_conform.h"
#include "inject/report/report_gate.h"
#include "inject/report/report_methods.h"
#include "inject/report/report_pairs.h"
#include "inject/stats/stats_gate.h"

/* Classes compared in pairs. */
#define CLASS_COUNT 5
static const struct {
    const char *name;
    report_events events;
    bool scored; /* only with scores */
} CLASSES[CLASS_COUNT] = {
    {"sdc", REPORT_SDC, false},
    {"due", REPORT_DUE, false},
    {"sdc+due", REPORT_SDC | REPORT_DUE, false},
    {"masked", REPORT_MASKED, false},
    {"critical", REPORT_CRITICAL, true},
};

struct options {
    struct args_list databases;
    double margin, confidence;
    double spends; /* the part of the error that a look at extended campaigns may spend:
                      plan_waves.h */
    int given;
    const char *arm; /* whose runs are compared; null: the trials */
    bool baseline, reliability, json, allow_suspect;
};

struct result {
    const char *first, *second; /* paths */
    const char *device_first, *device_second;
    uint32_t items[2], underflow[2]; /* of each; marked underflow by their golden runs */
    bool has_conform, has_pairs, scored;
    struct report_conform conform;
    struct report_pairs pairs;
    struct report_pairs_result of[CLASS_COUNT];
    enum stats_gate_verdict verdict; /* baseline: SDC of the second against the first */
};

/* --- output of a comparison --- */

static void print_conform(const struct report_conform *c)
{
    printf("conformance  %" PRIu64 " of %" PRIu64
           " shared records differ; at most %.3g %% (one-sided "
           "at 95 %%: exact, n = %" PRIu64 ")\n",
           c->differ, c->shared, 100 * c->upper, c->shared);
    if (c->only_first || c->only_second)
        printf("             %" PRIu64 " trials in the first alone, %" PRIu64 " in the second\n",
               c->only_first, c->only_second);
    for (uint32_t f = 0; f < c->n_fields; f++)
        printf("             %-22s first to differ in %" PRIu64 "\n", c->field[f].field,
               c->field[f].count);
    for (uint32_t e = 0; e < c->n_examples; e++) {
        const struct report_conform_example *example = &c->example[e];
        const bool armed = strcmp(example->arm, STORE_ARM_NONE) != 0;
        printf("             trial %-8" PRId64 " %s%s%s%s\n", example->trial, armed ? "arm " : "",
               armed ? example->arm : "", armed ? ": " : "", example->text);
    }
}

/* Where devices may differ by the contract. */
static void print_underflow(const struct result *result)
{
    if (result->underflow[0] == 0 && result->underflow[1] == 0)
        return;
    printf("underflow    golden flushed values in %" PRIu32 " of %" PRIu32
           " items of the first, %" PRIu32 " of %" PRIu32 " of the second\n",
           result->underflow[0], result->items[0], result->underflow[1], result->items[1]);
    if (result->has_conform)
        printf("             %" PRIu64 " of the records that differ are theirs\n",
               result->conform.differ_underflow);
}

static void print_class(const char *name, const struct report_pairs_result *r, double margin,
                        double alpha)
{
    const int decimals = report_interval_decimals(r->bounds);
    char difference[REPORT_INTERVAL_TEXT], p[3][REPORT_INTERVAL_TEXT];
    struct cli_pairs_table table;
    cli_pairs_table(&table, r);
    cli_pairs_difference(difference, r);
    report_interval_p(p[0], r->mcnemar);
    report_interval_p(p[1], r->mcnemar_exact);
    printf("  %-9s %7.*f %8.*f  %-26s %6.0f %6.0f  %7s %7s %7s  %8s %8s", name, decimals,
           100 * r->first, decimals, 100 * r->second, difference, r->count.first_only,
           r->count.second_only, table.first_only, table.second_only, table.n, p[0], p[1]);
    if (margin > 0) {
        report_interval_p(p[2], r->equivalence);
        printf(" %8s %s", p[2], r->equivalence <= alpha ? "equivalent" : "open");
    }
    putchar('\n');
}

/* The new release is the second. */
static enum status print_verdict(const struct result *result, const struct options *options)
{
    struct text text = {0};
    cli_pairs_verdict(&text, &(struct cli_pairs_question){.result = &result->of[0],
                                                          .new = "the second",
                                                          .old = "the first",
                                                          .of = "SDC",
                                                          .margin = options->margin,
                                                          .confidence = options->confidence});
    printf("verdict      %s", text_of(&text));
    const enum status st = text.st;
    text_finish(&text);
    return st;
}

static enum status print_pairs(const struct result *result, const struct options *options)
{
    const struct report_pairs *p = &result->pairs;
    const struct report_pairs_result *any = &result->of[0];
    printf("reliability  %" PRIu64 " pairs of the same logical fault%s%s%s\n", any->pairs,
           options->arm ? " under arm " : "", options->arm ? options->arm : "",
           any->weighted ? ", rates weighted over strata" : ", as drawn: no weights");
    if (p->items_apart)
        printf("             %" PRIu32 " items whose golden text differs, %" PRIu64
               " trials, are apart\n",
               p->items_apart, p->apart);
    if (p->only_first || p->only_second)
        printf("             %" PRIu64 " trials of the first and %" PRIu64
               " of the second have no partner\n",
               p->only_first, p->only_second);
    if (any->pairs == 0)
        return STATUS_OK;
    printf("  %-9s %7s %8s  %-26s %6s %6s  %7s %7s %7s  %8s %8s%s\n", "class", "first %",
           "second %", "difference, points", "only 1", "only 2", "as 1", "as 2", "of n", "McNemar",
           "exact", options->margin > 0 ? "     TOST" : "");
    for (int c = 0; c < CLASS_COUNT; c++) {
        if (!CLASSES[c].scored || result->scored)
            print_class(CLASSES[c].name, &result->of[c], options->margin, 0.05 * options->spends);
    }
    printf("  intervals: %g %%, Tango's of \"as 1\" and \"as 2\" of n independent pairs\n",
           100 * options->confidence);
    if (options->margin > 0 && !options->baseline)
        printf(
            "  TOST: two one-sided tests, p that the difference is %g points or more; equivalent "
            "at %g\n",
            100 * options->margin, 0.05 * options->spends);
    if (options->spends < 1)
        printf(
            "  looks: a campaign was extended after one; this one spends %g of the error, p-values "
            "are its own\n",
            options->spends);
    return options->baseline ? print_verdict(result, options) : STATUS_OK;
}

static enum status print_text(const struct result *result, const struct options *options)
{
    printf("first        %s (%s)\nsecond       %s (%s)\n", result->first, result->device_first,
           result->second, result->device_second);
    if (result->has_conform)
        print_conform(&result->conform);
    print_underflow(result);
    return result->has_pairs ? print_pairs(result, options) : STATUS_OK;
}

static void put_conform(struct json_writer *w, const struct report_conform *c)
{
    json_member_object(w, "conformance");
    json_member_int(w, "shared", c->shared);
    json_member_int(w, "differ", c->differ);
    json_member_int(w, "differ_underflow", c->differ_underflow);
    json_member_number(w, "upper", c->upper);
    json_member_int(w, "only_first", c->only_first);
    json_member_int(w, "only_second", c->only_second);
    json_member_object(w, "fields");
    for (uint32_t f = 0; f < c->n_fields; f++)
        json_member_int(w, c->field[f].field, c->field[f].count);
    json_object_close(w);
    json_member_array(w, "examples");
    for (uint32_t e = 0; e < c->n_examples; e++) {
        json_object_open(w);
        json_member_int(w, "trial", c->example[e].trial);
        json_member_text(w, "arm", c->example[e].arm);
        json_member_text(w, "field", c->example[e].field);
        json_member_text(w, "text", c->example[e].text);
        json_object_close(w);
    }
    json_array_close(w);
    json_object_close(w);
}

static void put_class(struct json_writer *w, const char *name, const struct report_pairs_result *r)
{
    json_member_object(w, name);
    json_member_number(w, "first", r->first);
    json_member_number(w, "second", r->second);
    json_member_number(w, "difference", r->difference);
    json_member_number(w, "low", r->bounds.low);
    json_member_number(w, "high", r->bounds.high);
    json_member_number(w, "scaled_first_only", r->scaled.first_only);
    json_member_number(w, "scaled_second_only", r->scaled.second_only);
    json_member_number(w, "both", r->count.both);
    json_member_number(w, "first_only", r->count.first_only);
    json_member_number(w, "second_only", r->count.second_only);
    json_member_number(w, "neither", r->count.neither);
    json_member_number(w, "n_effective", r->n_effective);
    json_member_number(w, "design_effect", r->design_effect);
    json_member_number(w, "mcnemar", r->mcnemar);
    json_member_number(w, "mcnemar_exact", r->mcnemar_exact);
    json_member_number(w, "mcnemar_mid", r->mcnemar_mid);
    json_member_number(w, "equivalence", r->equivalence);
    json_member_number(w, "non_inferiority", r->non_inferiority);
    json_object_close(w);
}

static void put_pairs(struct json_writer *w, const struct result *result,
                      const struct options *options)
{
    const struct report_pairs *p = &result->pairs;
    json_member_object(w, "reliability");
    json_member_int(w, "pairs", result->of[0].pairs);
    json_member_bool(w, "weighted", result->of[0].weighted);
    if (options->arm)
        json_member_text(w, "arm", options->arm);
    json_member_int(w, "items_apart", p->items_apart);
    json_member_int(w, "trials_apart", p->apart);
    json_member_int(w, "only_first", p->only_first);
    json_member_int(w, "only_second", p->only_second);
    json_member_number(w, "margin", options->margin);
    json_member_number(w, "confidence", options->confidence);
    json_member_number(w, "spends", options->spends);
    json_member_object(w, "classes");
    for (int c = 0; c < CLASS_COUNT; c++) {
        if (!CLASSES[c].scored || result->scored)
            put_class(w, CLASSES[c].name, &result->of[c]);
    }
    json_object_close(w);
    if (options->baseline)
        json_member_text(w, "verdict", report_gate_word(result->verdict));
    json_object_close(w);
}

/* An object of the list in the JSON output. */
static void put_result(struct json_writer *w, const struct result *result,
                       const struct options *options)
{
    json_object_open(w);
    json_member_text(w, "first", result->first);
    json_member_text(w, "second", result->second);
    json_member_text(w, "device_first", result->device_first);
    json_member_text(w, "device_second", result->device_second);
    json_member_int(w, "underflow_first", result->underflow[0]);
    json_member_int(w, "underflow_second", result->underflow[1]);
    if (result->has_conform)
        put_conform(w, &result->conform);
    if (result->has_pairs)
        put_pairs(w, result, options);
    json_object_close(w);
}

/* --- the command --- */

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
    "With --arm the pairs are runs under an arm that both plans have by that name, whatever its "
    "policy is in each: all trials that are not masked and a share of the others, which count as "
    "all. So --baseline says whether a new policy, or the same one in a new release, is worse.\n"
    "\n"
    "Where a campaign was extended after a look (vkfi plan extend), intervals and verdict pay for "
    "it: "
    "they spend 1/4, 1/8, ... of the error after one, two, ... such looks at both databases.\n"
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

static enum status check(const struct options *o)
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

static enum status parse(struct options *out, int argc, char **argv, bool *out_done)
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
        {0, "arm", ARGS_TEXT, &out->arm, "NAME",
         "Compares runs under the protections of this arm, by their weights, in pairs.", 0, 0},
        {0, "confidence", ARGS_REAL, &out->confidence, "C",
         "Of the two-sided intervals. Default 0.95.", 0.5, 0.9999},
        {0, "json", ARGS_FLAG, &out->json, NULL, "Prints one JSON object.", 0, 0},
        CLI_READING_SUSPECT(&out->allow_suspect),
        {0}};
    const struct args_spec spec = {
        .command = "vkfi compare",
        .summary = "do devices, modes or releases agree on the same faults",
        .synopsis = "A.db B.db ... [--reliability] [--arm NAME] [--margin M] [--json]\n"
                    "OLD.db NEW.db --baseline --margin M [--arm NAME]",
        .details = DETAILS,
        .options = options,
        .operands = &out->databases};
    const enum status st = args_parse(&spec, argc, argv, out_done);
    return st || *out_done ? st : check(out);
}

/* The device of the trials, for the heading. */
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

/* Devices differ if any is in only one database; modes by the contract. */
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

static enum status compare_pairs(struct result *out, struct arena *arena, struct report_source *a,
                                 struct report_source *b, const struct options *options)
{
    const enum status st = report_pairs_make(&out->pairs, arena, &a->data, &b->data);
    out->has_pairs = true;
    out->scored = a->data.scored && b->data.scored;
    for (int c = 0; !st && c < CLASS_COUNT; c++)
        report_pairs_compare(&out->of[c], &out->pairs,
                             &(struct report_pairs_request){CLASSES[c].events,
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

static enum status compare(struct result *out, struct arena *arena, struct report_source *a,
                           struct report_source *b, const struct options *options)
{
    *out = (struct result){.first = a->path,
                           .second = b->path,
                           .device_first = device_of(a),
                           .device_second = device_of(b)};
    const struct report_source *const source[2] = {a, b};
    for (int s = 0; s < 2; s++) {
        out->items[s] = source[s]->data.n_items;
        out->underflow[s] = report_data_underflow(&source[s]->data);
    }
    enum status st = STATUS_OK;
    if (!options->baseline && !options->arm && is_exact(a) && is_exact(b)) {
        out->has_conform = true;
        st = report_conform_compare(&out->conform, arena, a, b);
    }
    if (!st && (options->baseline || options->reliability || options->arm || differs(a, b)))
        st = compare_pairs(out, arena, a, b, options);
    if (!st && options->baseline)
        out->verdict = cli_pairs_decide(&(struct cli_pairs_question){
            .result = &out->of[0], .margin = options->margin, .confidence = options->confidence});
    return st;
}

static enum status compare_all(const struct options *options, struct json_writer *w,
                               bool *out_agree)
{
    struct report_source first = {0};
    enum status st = cli_reading_open(&first, options->databases.item[0], options->allow_suspect);
    st = st ? st : cli_reading_arm(&first, options->arm);
    *out_agree = true;
    for (size_t i = 1; !st && i < options->databases.count; i++) {
        struct report_source other = {0};
        struct result result;
        struct arena arena = {0};
        st = cli_reading_open(&other, options->databases.item[i], options->allow_suspect);
        st = st ? st : cli_reading_arm(&other, options->arm);
        struct options own = *options;
        own.spends = st ? 1 : plan_waves_share(&first.plan, &other.plan);
        own.confidence = 1 - (1 - options->confidence) * own.spends;
        st = st ? st : compare(&result, &arena, &first, &other, &own);
        if (!st) {
            *out_agree = *out_agree && !(result.has_conform && result.conform.differ > 0) &&
                         (!options->baseline || result.verdict == STATS_GATE_PASS);
            if (options->json)
                put_result(w, &result, &own);
            else
                st = print_text(&result, &own);
        }
        arena_finish(&arena);
        report_source_finish(&other);
    }
    report_source_finish(&first);
    return st;
}

enum status cli_compare(const struct cli_env *env, int argc, char **argv)
{
    struct options options = {.margin = NAN, .confidence = 0.95};
    struct json_memory m;
    struct arena arena = {0};
    bool done = false, agree = true;
    (void)env;
    enum status st = parse(&options, argc, argv, &done);
    if (st || done)
        return st;
    /* into memory first: if a later database is refused, no partial object is printed */
    json_begin_memory(&m, true);
    json_object_open(&m.w);
    json_member_array(&m.w, "comparisons");
    json_take(&m.w, compare_all(&options, &m.w, &agree));
    json_array_close(&m.w);
    json_member_text(&m.w, "note", report_sentence);
    json_object_close(&m.w);
    st = json_end_memory(&m, &arena);
    if (!st)
        options.json ? fputs(m.text, stdout) : printf("%s\n", report_sentence);
    arena_finish(&arena);
    return st ? st : agree ? STATUS_OK : STATUS_GATE;
}
