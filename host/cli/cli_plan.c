/* SPDX-License-Identifier: MIT */
/* `vkfi plan`: the actions and their options; check, schema, confirm and extend. */
#include "cli/cli_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/cli_device.h"
#include "cli/cli_task.h"
#include "inject/plan/plan_confirm.h"
#include "inject/plan/plan_waves.h"
#include "inject/report/report_source.h"
#include "inject/report/report_worst.h"

/* --- confirm: the plan that estimates the worst strata of a campaign on fresh trials --- */

static enum status check_seed(const struct report_source *source,
                              const struct cli_plan_options *options)
{
    const enum status st = report_worst_check_first(source);
    if (st || options->seed != source->plan.seed)
        return st;
    log_error("--seed: found %" PRIu64
              ", the seed of %s, expected another: trials of the same seed "
              "are not fresh",
              options->seed, source->path);
    return STATUS_USAGE;
}

/* Labels of the worst strata, and their trials. */
static enum status choose(struct plan_confirm_request *out, struct report_source *source,
                          const struct cli_plan_options *options, struct arena *arena)
{
    struct report_work work;
    struct report_context context = {
        .data = &source->data, .arena = arena, .asked = source->plan.confidence};
    struct report_worst *list = NULL;
    enum status st = report_context_init(&context, &work);
    st = st ? st : report_worst_rank(&list, &out->count, &context, (uint32_t)options->worst);
    if (st)
        return st;
    if (out->count == 0) {
        log_error("%s: found no stratum with any %s, expected one to estimate anew", source->path,
                  context.main_name);
        return STATUS_INPUT;
    }
    const char **label = arena_array(arena, out->count, sizeof(*label));
    if (!label)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < out->count; i++) {
        const struct store_stratum *stratum = &source->data.stratum[list[i].stratum];
        label[i] = stratum->label;
        out->trials += stratum->planned;
    }
    out->label = label;
    out->by_trials = options->trials > 0;
    if (source->plan.population == PLAN_EQUAL) /* sampling.trials is per stratum */
        out->trials = options->trials > 0 ? options->trials : source->plan.trials;
    else if (options->trials > 0)
        out->trials = options->trials * out->count;
    return STATUS_OK;
}

/* The new plan, to a file or (null) to standard output. */
static enum status write_plan(const struct plan *plan, const char *path)
{
    if (path)
        return file_write(path, plan->text, strlen(plan->text));
    fputs(plan->text, stdout);
    return cli_output_flush();
}

static enum status confirm(const struct cli_env *env, const void *options,
                           const struct args_list *operands)
{
    const struct cli_plan_options *o = options;
    struct report_source source = {0};
    struct arena arena = {0};
    struct plan plan;
    struct plan_confirm_request request = {.plan = &source.plan, .seed = o->seed};
    (void)env;
    if (o->seed == CLI_PLAN_NO_SEED) {
        log_error("plan confirm: found no --seed, expected that of the fresh trials");
        return STATUS_USAGE;
    }
    enum status st = cli_reading_open(&source, operands->item[0], o->allow_suspect);
    st = st ? st : check_seed(&source, o);
    st = st ? st : choose(&request, &source, o, &arena);
    st = st ? st : plan_confirm_make(&plan, &arena, &request);
    st = st ? st : write_plan(&plan, o->output);
    report_source_finish(&source);
    arena_finish(&arena);
    return st;
}

/* --- extend: a plan, or a database's, with one more wave of trials --- */

bool cli_plan_is_database(const char *path)
{
    static const char head[] = "SQLite format 3";
    char found[sizeof(head)] = "";
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    const bool is = fread(found, 1, sizeof(head), file) == sizeof(head) &&
                    memcmp(found, head, sizeof(head)) == 0;
    fclose(file);
    return is;
}

static enum status extend(const struct cli_env *env, const void *options,
                          const struct args_list *operands)
{
    const struct cli_plan_options *o = options;
    const char *path = operands->item[0];
    struct report_source source = {0};
    struct arena arena = {0};
    struct plan base, plan;
    (void)env;
    if (o->trials == 0) {
        log_error("plan extend: found no --trials, expected how many the campaign goes on with");
        return STATUS_USAGE;
    }
    const bool database = cli_plan_is_database(path);
    enum status st =
        database ? report_source_open(&source, path)
                 : plan_load(&base, &arena, path, &(struct plan_tasks){cli_task_of_plan, env});
    st = st ? st : plan_waves_extend(&plan, &arena, database ? &source.plan : &base, o->trials);
    st = st ? st : write_plan(&plan, o->output);
    report_source_finish(&source);
    arena_finish(&arena);
    return st;
}

/* --- check and schema --- */

static void put_checked(struct json_writer *w, const char *path, const char *identity)
{
    json_object_open(w);
    json_member_text(w, "plan", path);
    json_member_text(w, "identity", identity);
    json_object_close(w);
}

static enum status check(const struct cli_env *env, const void *options,
                         const struct args_list *operands)
{
    const struct cli_plan_options *o = options;
    struct json_writer w;
    enum status first = STATUS_OK;
    (void)env;
    json_begin(&w, o->json ? stdout : NULL, true);
    json_array_open(&w);
    for (size_t i = 0; i < operands->count; i++) {
        const char *path = operands->item[i];
        struct arena arena = {0};
        struct plan plan;
        enum status st =
            plan_load(&plan, &arena, path, &(struct plan_tasks){cli_task_of_plan, env});
        st = st ? st : plan_stop_warn(&plan);
        if (o->json)
            put_checked(&w, path, st ? NULL : plan.hash);
        else if (!st)
            printf("%s: good, identity %s\n", path, plan.hash);
        else if (operands->count > 1)
            printf("%s: not good\n", path);
        first = first ? first : st;
        arena_finish(&arena);
    }
    json_array_close(&w);
    const enum status written = json_end(&w);
    return first ? first : written;
}

static enum status print_schema(const struct cli_env *env, const void *options,
                                const struct args_list *operands)
{
    struct json_writer w;
    (void)env, (void)options, (void)operands;
    json_begin(&w, stdout, true);
    json_take(&w, plan_schema_put(&w));
    return json_end(&w);
}

/* --- the command --- */

static const char DETAILS[] =
    "DESCRIPTION\n"
    "A plan is a JSON file that says what a campaign strikes, how often, and what it asks. FIELDS "
    "describes each field with its default, and so does inject/plan.schema.json. What is run are "
    "prompts, or items of tasks, whose answers have scores. inject/plans/ holds plans to start "
    "from, and its README.md defines the words of plans: populations, designs (nested, crossed, "
    "fault_major), stages, fields, groups of sites, "
    "contrasts and stopping rules.\n"
    "\n"
    "check reads plans and says whether they are good, with the identity of each: the SHA-256 of "
    "its canonical form, in which every field has its value, prompts and items stand inline, and "
    "order, blanks, title and notes do not count. A mistake gives one line: where, what was found, "
    "what "
    "was expected. No model is needed.\n"
    "\n"
    "show opens the model and prints what the plan comes to: strata with their sizes, weights and "
    "trials, the precision to expect of each, controls, and with -d or --rate the hours on each "
    "device. "
    "Precision is that of an interval at sampling.expected_rate (0.5 if the plan has none), with "
    "sampling.design_effect; for the total, strata are taken as independent.\n"
    "\n"
    "expand prints trials: role, item, stratum and fault. Each is drawn alone from the plan's "
    "seed, the same on every machine. With --json, `faults` is what `vkfi run --fault` takes.\n"
    "\n"
    "diff names the fields in which two plans differ, and whether that makes them different "
    "campaigns.\n"
    "\n"
    "confirm reads a finished campaign and writes the plan that estimates its worst strata anew: a "
    "list that was chosen by its estimates is biased upwards. Strata are ranked by the estimate "
    "that reports show, critical SDC where items have scores and SDC where they have none, of all "
    "faults; those without any event are left out. The plan has the campaign's prompts, strata of "
    "the same labels with as many trials as before or those of --trials, weights that sum to 1 "
    "over them, no hypotheses, and another seed. `vkfi report DB --confirm NEW` puts both "
    "estimates side by side.\n"
    "\n"
    "EXTEND\n"
    "extend adds a wave to the plan (of a database): N more trials of the same design. "
    "`vkfi campaign run` takes it into the same database; of shards, into each. A "
    "choice "
    "made after a look costs error: with \"stop\": {\"rule\": \"waves\"} look k uses 1/2^k of it, "
    "with rule fixed the first uses all and later ones 1/2^k on top; gate and report pay so.\n"
    "\n"
    "PILOT\n"
    "show -d DEVICE runs the first trials of the campaign on the device, of at most 8 of its "
    "prompts "
    "and for at most a minute, and drops them: --pilot says how many. Devices are measured one "
    "after "
    "the other, so those that share cores are slower together. It prints trials a second, the "
    "seconds that each prompt costs beside them (golden run, dry runs of hooks), and the hours of "
    "the plan on each device and on all.\n"
    "\n"
    "The trials also show what to expect of the plan: the SDC share with its interval and design "
    "effect, how alike trials of one prompt are (their correlation) and what that makes of the "
    "design effect with as many trials a prompt as planned, how many trials a prompt tell most for "
    "their cost (the square root of cost of a prompt over cost of a trial times variance within "
    "over "
    "variance between prompts), and the half width of the total at this share and design effect. "
    "sampling.expected_rate and design_effect are where they go.\n"
    "\n"
    "schema prints the JSON Schema of plans, for editors and validators: each field with its "
    "default and examples. What fields must hold together, check says.\n"
    "\n"
    "LENGTHS\n"
    "Positions are drawn inside an item's prompt and tokens. Prompts are counted by the "
    "tokenizer. Tokens are as many as the plan asks for, which is right where decoding.stop is "
    "none or no text ends early; a campaign uses the lengths of its golden runs. --lengths FILE "
    "gives them: a JSON list of [prompt tokens, generated tokens], one pair an item.\n"
    "\n";

static const char EXAMPLES[] =
    "EXIT CODES\n"
    "  0  done\n"
    "  2  a plan that is not good, a model that is not there, or wrong usage\n"
    "  3  a device failed in its pilot\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi plan check inject/plans/*.json\n"
    "  vkfi plan show inject/plans/bit_position.json --rate cpu=20 --rate gpu=400\n"
    "  vkfi plan show inject/plans/bit_position.json -d cpu -d vk\n"
    "  vkfi plan expand inject/plans/bit_position.json --trial 1234 --json\n"
    "  vkfi plan diff old.json new.json\n"
    "  vkfi plan confirm run.db --seed 2 -o anew.json\n"
    "  vkfi plan extend run.db --trials 900 -o more.json\n"
    "  vkfi plan schema > plan.schema.json\n"
    "\n"
    "FIELDS\n";

enum { CHECK, SHOW, EXPAND, DIFF, CONFIRM, EXTEND, SCHEMA, ACTIONS };
static const struct cli_action ACTION[ACTIONS] = {
    [CHECK] = {"check", "plan", 1, CLI_ACTION_ANY, check},
    [SHOW] = {"show", "plan", 1, 1, cli_plan_show},
    [EXPAND] = {"expand", "plan", 1, 1, cli_plan_expand},
    [DIFF] = {"diff", "plan", 2, 2, cli_plan_diff},
    [CONFIRM] = {"confirm", "database", 1, 1, confirm},
    [EXTEND] = {"extend", "plan", 1, 1, extend},
    [SCHEMA] = {"schema", NULL, 0, 0, print_schema}};

/* The page ends with the fields of plans. */
static enum status run_action(const struct cli_actions *actions, const struct cli_env *env,
                              int argc, char **argv)
{
    struct text page = {0};
    text_addf(&page, "%s%s", DETAILS, EXAMPLES);
    text_take(&page, plan_schema_text(&page));
    struct args_spec spec = {
        .command = "vkfi plan",
        .summary = "check, explain and compare plans of campaigns",
        .synopsis = "check PLAN... [--json]\n"
                    "show PLAN [-m MODEL] [--lengths FILE] [-d DEVICE [--pilot N]]... "
                    "[--rate [NAME=]R]... [--json]\n"
                    "expand PLAN [--trial ID | --first ID] [--limit N] [--lengths FILE] [--json]\n"
                    "diff PLAN PLAN [--json]\n"
                    "confirm DB --seed SEED [--worst N] [--trials N] [-o FILE]\n"
                    "extend PLAN|DB --trials N [-o FILE]\n"
                    "schema",
        .details = page.data};
    const enum status st = page.st ? page.st : cli_actions_run(actions, &spec, env, argc, argv);
    text_finish(&page);
    return st;
}

enum status cli_plan(const struct cli_env *env, int argc, char **argv)
{
    struct cli_plan_options o = {.trial = CLI_PLAN_NO_TRIAL,
                                 .limit = 20,
                                 .worst = 10,
                                 .seed = CLI_PLAN_NO_SEED,
                                 .pilot = 256,
                                 .threads = env->threads};
    const struct cli_option options[] = {
        {1u << SHOW | 1u << EXPAND,
         {'m', "model", ARGS_TEXT, &o.model, "MODEL",
          "show, expand: another name or path than the plan's.", 0, 0}},
        {1u << SHOW | 1u << EXPAND,
         {0, "lengths", ARGS_TEXT, &o.lengths, "FILE",
          "show, expand: lengths of golden runs (see LENGTHS).", 0, 0}},
        {1u << SHOW,
         {0, "rate", ARGS_LIST, &o.rates, "[NAME=]R",
          "show: trials a second of a device, as `vkfi bench campaign` measures; adds its hours. "
          "Give it again for each device.",
          0, 0}},
        {1u << SHOW,
         {'d', "device", ARGS_LIST, &o.devices, "DEVICE",
          "show: runs a pilot on this device (see PILOT), as often as there are "
          "devices. " CLI_DEVICE_HELP,
          0, 0}},
        {1u << SHOW, CLI_THREADS_OPTION(&o.threads)},
        {1u << SHOW,
         {0, "pilot", ARGS_UINT, &o.pilot, "N", "show: trials of a pilot (256).", 1, 1e6}},
        {1u << EXPAND, {0, "trial", ARGS_UINT, &o.trial, "ID", "expand: this trial alone.", 0, 0}},
        {1u << EXPAND,
         {0, "first", ARGS_UINT, &o.first, "ID", "expand: begins here instead of at 0.", 0, 0}},
        {1u << EXPAND,
         {0, "limit", ARGS_UINT, &o.limit, "N", "expand: at most so many trials (20).", 0, 0}},
        {1u << CONFIRM,
         {0, "seed", ARGS_UINT, &o.seed, "SEED", "confirm: of the fresh trials.", 0, 9e18}},
        {1u << CONFIRM,
         {0, "worst", ARGS_UINT, &o.worst, "N", "confirm: strata of the list (10).", 1, 1e5}},
        {1u << CONFIRM | 1u << EXTEND,
         {0, "trials", ARGS_UINT, &o.trials, "N",
          "confirm: trials of each stratum (as many as before); extend: of the wave.", 1, 1e9}},
        {1u << CONFIRM | 1u << EXTEND,
         {'o', "output", ARGS_TEXT, &o.output, "FILE", "confirm, extend: the plan to write.", 0,
          0}},
        {1u << CONFIRM, CLI_READING_SUSPECT(&o.allow_suspect)},
        {1u << CHECK | 1u << SHOW | 1u << EXPAND | 1u << DIFF,
         {0, "json", ARGS_FLAG, &o.json, NULL, "Prints JSON.", 0, 0}},
        {0}};
    const struct cli_actions actions = {"plan", ACTION, ACTIONS, options, &o};
    return run_action(&actions, env, argc, argv);
}
