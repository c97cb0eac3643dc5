/* SPDX-License-Identifier: MIT */
/* `vkfi report`: one HTML file of a campaign, and its data beside it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/cli_manifest.h"
#include "inject/report/report_interval.h"
#include "inject/report/report_own.h"
#include "inject/report/report_page.h"
#include "inject/report/report_source.h"
#include "inject/report/report_worst.h"
#include "model/op.h"

struct report_options {
    struct args_list databases, own;
    const char *out, *with, *confirm, *model;
    const char *data; /* folder */
    double confidence;
    bool json, allow_suspect;
};

static const char DETAILS[] =
    "DESCRIPTION\n"
    "Writes one self-contained HTML file (no scripts, nothing fetched): the verdict first, then "
    "the "
    "outcomes, the hypotheses of the plan, the pictures that apply, every stratum, the worst "
    "examples with golden and faulty text side by side, the methods paragraph, devices and "
    "provenance, the plan, and the limits. Every rate comes unconditional and conditional on "
    "changed "
    "bits, with its interval. Controls and suspect rows are kept out and counted. A total over "
    "strata that were drawn with equal n is refused.\n"
    "\n"
    "INTERVALS\n"
    "After or below each interval stands what gives it together with the rate: the method and n. "
    "\"Wilson, n = 412.3\" is Wilson's score interval at that n, \"exact, n = 31.2\" that of "
    "Clopper "
    "and Pearson with rate x n events (fewer than 10 events, or none), \"upper end + 0.2\" says by "
    "how many points skewness moved an end out, \"times 0.4\" that all is multiplied by the share "
    "of runs with a fault. n is what the trials are worth as independent ones, less what the "
    "uncertainty of their variance takes: it may lie below the number of trials, and above it "
    "where "
    "strata were drawn to advantage. CSV and JSON have method, n and shift with all digits.\n"
    "\n"
    "A campaign that was extended (vkfi plan extend) has been looked at before: its intervals and "
    "tests spend at the look at wave k what the gate does, 1/2^k of the error, and say so beside "
    "the tables.\n"
    "\n"
    "The strata with the highest estimates are listed. A list chosen by its estimates is biased "
    "upwards; --confirm puts those of fresh trials beside them, which are not, and the "
    "difference.\n"
    "\n"
    "Strata of two or three dimensions (those of a sweep are op, point and bit) are drawn as a "
    "map; "
    "what needs a total over strata is left out where they have no weights, and named.\n"
    "\n"
    "Items of tasks have two tables by task and by area: golden and faulty score, chance, the "
    "score "
    "normalised by both or why it is not identifiable, answers that went wrong or right, and the "
    "change of the right answer's log-likelihood; --json has them as \"tasks\". Translations have "
    "a "
    "table of BLEU and chrF++ (\"corpora\"), items with several samples one of pass@k "
    "(\"passes\").\n"
    "\n"
    "A table has outcomes by the stage in which faults begin and by the kind of site struck.\n"
    "\n"
    "Arms of the plan have three tables and a picture: what each wins back of what faults cost, "
    "also by what is struck and for how long; false alarms in runs without a fault, harm to masked "
    "trials, delay, columns computed again; lost texts with an alarm against alarms of clean "
    "tokens (roc); --json has them as \"arms\". --own adds faults in the protections' own memory, "
    "by area: no effect, false alarms, runs refused, texts harmed; --json has them as \"own\".\n"
    "\n"
    "Of a campaign by bit error rate, whose trials have one fault at least, rates come of trials "
    "and of all runs, those without a fault among them.\n"
    "\n"
    "The same database gives the same file, byte for byte. Pictures are drawn by gnuplot.\n"
    "\n"
    "FILES OF --data\n"
    "  FIGURE.csv .gp .svg   data, script and drawing of each picture\n"
    "  FIGURE.figure.tex     it in an article of one or two columns, if it fits a\n"
    "                        page with letters of 6 pt; its PDF:\n"
    "                        gnuplot -e pdf=1 FIGURE.gp > FIGURE.pdf\n"
    "  TABLE.csv .tex        each table, for one or two columns; LaTeX needs\n"
    "                        array, booktabs, longtable, for pictures graphicx\n"
    "  methods.txt           the methods paragraph\n"
    "\n"
    "EXIT CODES\n"
    "  0  written\n"
    "  2  wrong usage or database, no gnuplot, or a file could not be written\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi report run.db -o run.html\n"
    "  vkfi report amd.db --with intel.db -o both.html --data figures\n"
    "  vkfi report run.db --confirm anew.db -o run.html\n";

static enum status check(const struct report_options *o)
{
    if (o->json && o->out && strcmp(o->out, "-") == 0) {
        log_error("report: found --json with -o -, expected one of them on standard output");
        return STATUS_USAGE;
    }
    const enum status st = cli_reading_check(&o->databases, 1, 1);
    return st || !o->out ? st : file_check_writable(o->out);
}

static enum status parse(struct report_options *out, int argc, char **argv, bool *out_done)
{
    const struct args_option options[] = {
        {'o', "out", ARGS_TEXT, &out->out, "FILE",
         "The HTML file. Default: the database's name with .html after it.", 0, 0},
        {0, "data", ARGS_TEXT, &out->data, "DIR",
         "Also writes the data of every picture and table into this folder, which is made if it is "
         "not there.",
         0, 0},
        {0, "with", ARGS_TEXT, &out->with, "DB",
         "A second database of the same faults: adds the table of outcomes here against there.", 0,
         0},
        {0, "confirm", ARGS_TEXT, &out->confirm, "DB",
         "A campaign of a plan that `vkfi plan confirm` wrote: both estimates of the worst strata "
         "side by side.",
         0, 0},
        {0, "own", ARGS_LIST, &out->own, "FILE",
         "What 'vkfi protect strike -o' wrote, of the campaign's model and storage types: adds the "
         "table of faults in the protections' own memory. Give it again for more policies.",
         0, 0},
        {'m', "model", ARGS_TEXT, &out->model, "MODEL",
         "The campaign's model: adds what protecting a site would cost, in MiB of stored weights "
         "and "
         "MACs of a token.",
         0, 0},
        {0, "confidence", ARGS_REAL, &out->confidence, "C", "Of all intervals. Default 0.95.", 0.5,
         0.9999},
        {0, "json", ARGS_FLAG, &out->json, NULL,
         "Prints one JSON object: the file, the totals, which pictures were drawn and why others "
         "were "
         "not.",
         0, 0},
        CLI_READING_SUSPECT(&out->allow_suspect),
        {0}};
    const struct args_spec spec = {
        .command = "vkfi report",
        .summary = "tables and pictures of a campaign as one HTML file",
        .synopsis =
            "DB [-o FILE] [--data DIR] [--with DB] [--confirm DB] [--own FILE...] [-m MODEL]",
        .details = DETAILS,
        .options = options,
        .operands = &out->databases};
    const enum status st = args_parse(&spec, argc, argv, out_done);
    return st || *out_done ? st : check(out);
}

/* The model must be the struck one. */
static enum status check_model(const struct model *model, const struct report_source *source)
{
    char sum[HASH_SHA256_TEXT];
    const char *path = gguf_path(model->gguf), *expected = source->data.identity->model_hash;
    const enum status st = file_sha256(path, sum);
    if (st || strcmp(sum, expected) == 0)
        return st;
    log_error("%s: found SHA-256 %.16s..., expected that of the campaign's model, %.16s...", path,
              sum, expected);
    return STATUS_INPUT;
}

/* Ops with weights, by op name and tensor name: the cost of a copy of the tensor, or of doing the
 * product twice. Attention's products are not counted. */
static enum status list_sites(struct report_site **out, uint32_t *out_count, struct arena *arena,
                              const struct graph *graph)
{
    struct report_site *site = arena_array(arena, 2 * (size_t)graph->count + 1, sizeof(*site));
    uint32_t count = 0;
    if (!site)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        if (!node->weight)
            continue;
        const uint64_t macs = op_macs(node, 1);
        const struct report_site own = {node->site, (double)node->weight->size,
                                        macs ? (double)macs : node->rows};
        site[count++] = own;
        site[count] = own;
        site[count++].site = node->weight->name;
    }
    *out = site;
    *out_count = count;
    return STATUS_OK;
}

static enum status make_folder(const char *path)
{
    struct stat info;
    if (mkdir(path, 0777) == 0 ||
        (errno == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode)))
        return STATUS_OK;
    log_error("%s: the folder could not be made: %s", path, strerror(errno));
    return STATUS_IO;
}

static void put_rate(struct json_writer *w, const char *key, const struct report_rate *rate)
{
    json_member_object(w, key);
    json_member_number(w, "rate", rate->estimate.rate);
    json_member_number(w, "low", rate->interval.bounds.low);
    json_member_number(w, "high", rate->interval.bounds.high);
    json_member_int(w, "n", rate->estimate.counted);
    json_member_int(w, "events", rate->estimate.events);
    report_interval_members(w, &rate->interval);
    json_member_number(w, "share", rate->share); /* low and high are multiplied by it */
    json_member_number(w, "n_effective", rate->estimate.n_effective);
    json_member_number(w, "design_effect", rate->estimate.design_effect);
    json_object_close(w);
}

static void put_totals(struct json_writer *w, const struct report_page *page)
{
    const struct report_data *data = page->context.data;
    json_member_int(w, "trials", data->n);
    json_member_int(w, "rows", data->n_rows);
    json_member_int(w, "planned", data->expected);
    json_member_int(w, "suspect", data->suspect);
    json_member_int(w, "incidents", data->n_incidents);
    json_member_number(w, "confidence", page->context.confidence);
    json_member_int(w, "look", data->plan->n_waves + 1);
    json_member_number(w, "spends", page->context.spends);
    json_member_int(w, "seed", data->plan->seed);
    json_member_object(w, "rates");
    put_rate(w, "sdc", &page->totals.sdc);
    put_rate(w, "sdc_of_changed", &page->totals.sdc_changed);
    put_rate(w, "due", &page->totals.due);
    put_rate(w, "critical", &page->totals.critical);
    put_rate(w, "changed", &page->totals.changed);
    if (report_context_is_ber(&page->context)) {
        put_rate(w, "sdc_of_runs", &page->totals.sdc_runs);
        json_member_number(w, "no_fault", page->totals.no_fault);
    }
    json_object_close(w);
    report_tasks_members(w, &page->tasks);
    report_arms_members(w, &page->arms);
    report_own_members(w, page->context.own, page->context.asked);
    report_corpus_members(w, &page->corpora);
    report_pass_members(w, &page->passes);
}

static void put_interval(struct json_writer *w, struct report_table *table, uint32_t row,
                         const char *prefix)
{
    static const char *const keys[] = {"rate", "low", "high", "interval_n", "interval_shift"};
    static const char *const suffixes[] = {"", "_low", "_high", "_n", "_shift"};
    char name[64];
    json_object_open(w);
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        snprintf(name, sizeof(name), "%s%s", prefix, suffixes[i]);
        json_member_number(w, keys[i], report_table_number(table, row, name));
    }
    snprintf(name, sizeof(name), "%s_method", prefix);
    json_member_text(w, "method", report_table_at(table, row, name)->text);
    const bool fresh = strcmp(prefix, "fresh") == 0;
    json_member_number(w, "n", report_table_number(table, row, fresh ? "fresh_trials" : "trials"));
    json_object_close(w);
}

/* The list of worst strata, with fresh estimates if any. */
static void put_worst(struct json_writer *w, struct report_page *page)
{
    struct report_table *table = &page->table[REPORT_TABLE_WORST];
    json_member_array(w, "worst");
    for (uint32_t r = 0; r < table->n_rows; r++) {
        json_object_open(w);
        json_member_text(w, "stratum", report_table_at(table, r, "stratum")->text);
        json_put_key(w, "first");
        put_interval(w, table, r, "rate");
        if (page->context.anew) {
            json_put_key(w, "fresh");
            put_interval(w, table, r, "fresh");
            json_member_number(w, "shrinkage", report_table_number(table, r, "shrinkage"));
        }
        json_object_close(w);
    }
    json_array_close(w);
}

static enum status print_json(struct report_page *page, const char *path)
{
    struct json_writer w;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    json_member_text(&w, "file", path);
    put_totals(&w, page);
    put_worst(&w, page);
    json_member_object(&w, "pictures");
    for (int f = 0; f < REPORT_PICTURES; f++) {
        const char *absent = page->figure[f].absent;
        if (!absent || *absent)
            json_member_text(&w, page->figure[f].id, absent ? absent : "drawn");
    }
    json_object_close(&w);
    json_object_close(&w);
    return json_end(&w);
}

static enum status write_page(struct report_page *page, const struct report_options *options)
{
    struct text html = {0};
    const char *path = options->out
                           ? options->out
                           : arena_printf(&page->arena, "%s.html", options->databases.item[0]);
    enum status st = path ? report_page_html(&html, page) : STATUS_MEMORY;
    st = st ? st : file_write(path, text_of(&html), html.size);
    text_finish(&html);
    if (!st && options->data) {
        st = make_folder(options->data);
        st = st ? st : report_page_export(page, report_page_to_folder, (void *)options->data);
    }
    if (!st && options->json)
        return print_json(page, path);
    if (!st && strcmp(path, "-") != 0)
        printf("%s\n", path);
    return st;
}

/* The command line's files, opened. */
struct inputs {
    struct report_source source, other, anew;
    struct model *model;
    struct arena arena;
    struct report_own own;
    struct report_params params;
};

static enum status open_inputs(struct inputs *in, const struct cli_env *env,
                               const struct report_options *options)
{
    struct report_site *site = NULL;
    const bool suspect = options->allow_suspect;
    enum status st = cli_reading_open(&in->source, options->databases.item[0], suspect);
    in->params =
        (struct report_params){.data = &in->source.data, .confidence = options->confidence};
    if (!st && options->with) {
        st = cli_reading_open(&in->other, options->with, suspect);
        in->params.other = &in->other.data;
    }
    if (!st && options->confirm) {
        st = cli_reading_open(&in->anew, options->confirm, suspect);
        st = st ? st : report_worst_check_anew(&in->source, &in->anew);
        in->params.anew = &in->anew.data;
    }
    in->params.own = &in->own;
    for (size_t i = 0; i < options->own.count && !st; i++)
        st = report_own_add(&in->own, &in->arena, options->own.item[i], &in->source.data);
    if (!st && options->model) {
        st = cli_manifest_open(&in->model, env, options->model);
        st = st ? st : check_model(in->model, &in->source);
        st = st ? st : list_sites(&site, &in->params.n_sites, &in->arena, &in->model->graph);
        in->params.site = site;
        in->params.model = in->model;
    }
    const char *sum = st ? "" : in->source.data.identity->model_hash;
    st = st ? st : cli_manifest_about(&in->params.model_about, &in->arena, env, sum);
    return st;
}

static void close_inputs(struct inputs *in)
{
    model_close(&in->model);
    report_source_finish(&in->anew);
    report_source_finish(&in->other);
    report_source_finish(&in->source);
    arena_finish(&in->arena);
}

enum status cli_report(const struct cli_env *env, int argc, char **argv)
{
    struct report_options options = {.confidence = 0.95};
    struct inputs inputs = {0};
    struct report_page page = {0};
    bool done = false;
    enum status st = parse(&options, argc, argv, &done);
    if (st || done)
        return st;
    st = open_inputs(&inputs, env, &options);
    st = st ? st : report_page_init(&page, &inputs.params, true);
    st = st ? st : write_page(&page, &options);
    report_page_finish(&page);
    close_inputs(&inputs);
    return st;
}
