/* SPDX-License-Identifier: MIT */
/* `vkfi plan`: check, and the choice of an action; the others have files of their own. */
#include "cli/cli_plan.h"
#include "cli/cli_reading.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/cli_action.h"
#include "cli/cli_commands.h"
#include "cli/cli_device.h"
#include "cli/cli_manifest.h"

/* "lengths": a list of [prompt tokens, generated tokens], one an item. */
static enum status read_lengths(struct cli_plan *p, const char *path)
{
    struct json_doc *doc = NULL;
    enum status st = json_load(&doc, path);
    if (st)
        return st;
    const struct json *root = json_root(doc);
    if (json_type(root) != JSON_ARRAY || json_count(root) != p->plan.n_items) {
        log_error("%s: expected a list of %" PRIu32 " pairs [prompt tokens, generated tokens]",
                  path, p->plan.n_items);
        st = STATUS_INPUT;
    }
    for (uint32_t i = 0; !st && i < p->plan.n_items; i++) {
        const struct json *pair = json_at(root, i);
        int64_t prompt = 0, tokens = 0;
        if (json_count(pair) != 2 || !json_integer(json_at(pair, 0), 1, 1 << 24, &prompt) ||
            !json_integer(json_at(pair, 1), 1, 1 << 24, &tokens)) {
            log_error("%s: expected a pair [prompt tokens, generated tokens]",
                      json_where(doc, pair));
            st = STATUS_INPUT;
        }
        p->item[i] = (struct sample_item){(uint32_t)prompt, (uint32_t)tokens};
    }
    json_destroy(&doc);
    return st;
}

static enum status count_tokens(struct cli_plan *p)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < p->plan.n_items; i++) {
        struct plan_ids ids;
        st = plan_item_ids(&p->plan, i, p->model, &p->arena, &ids);
        if (!st)
            p->item[i] = (struct sample_item){ids.count, p->plan.item[i].n};
    }
    return st;
}

static enum status make_sample(struct cli_plan *p, const struct cli_plan_options *options)
{
    p->item = arena_array(&p->arena, p->plan.n_items, sizeof(*p->item));
    if (!p->item)
        return STATUS_MEMORY;
    enum status st = options->lengths ? read_lengths(p, options->lengths) : count_tokens(p);
    return st ? st : sample_create(&p->sample, &p->plan, p->model, p->item);
}

enum status cli_plan_open(struct cli_plan *out, const struct cli_env *env, const char *path,
                          const struct cli_plan_options *options)
{
    enum status st = plan_load(&out->plan, &out->arena, path);
    if (st)
        return st;
    st = cli_manifest_open(&out->model, env, options->model ? options->model : out->plan.model);
    return st ? st : make_sample(out, options);
}

void cli_plan_close(struct cli_plan *plan)
{
    sample_destroy(&plan->sample);
    model_close(&plan->model);
    arena_finish(&plan->arena);
}

static enum status check(const struct args_list *words, bool json)
{
    struct json_writer w;
    enum status first = STATUS_OK;
    if (json) {
        json_begin(&w, stdout, true);
        json_array_open(&w);
    }
    for (size_t i = 1; i < words->count; i++) {
        struct arena arena = {0};
        struct plan plan;
        enum status st = plan_load(&plan, &arena, words->item[i]);
        st = st ? st : plan_stop_warn(&plan);
        if (json) {
            json_object_open(&w);
            json_put_key(&w, "plan");
            json_put_text(&w, words->item[i]);
            json_put_key(&w, "identity");
            st ? json_put_null(&w) : json_put_text(&w, plan.hash);
            json_object_close(&w);
        } else if (!st) {
            printf("%s: good, identity %s\n", words->item[i], plan.hash);
        } else if (words->count > 2) {
            printf("%s: not good\n", words->item[i]);
        }
        first = first ? first : st;
        arena_finish(&arena);
    }
    if (json) {
        json_array_close(&w);
        const enum status st = json_end(&w);
        first = first ? first : st;
    }
    return first;
}

static const char DETAILS[] =
    "DESCRIPTION\n"
    "A plan is a JSON file that says what a campaign strikes, how often, and what it asks: FIELDS "
    "describes each field. inject/plans/ holds plans to start from, and its README.md defines the "
    "words of plans: "
    "populations, designs (nested, crossed, fault_major), stages, fields, groups of sites, "
    "contrasts and stopping rules.\n"
    "\n"
    "check reads plans and says whether they are good, with the identity of each: the SHA-256 of "
    "its canonical form, in which every field has its value, prompts stand inline, and order, "
    "blanks, title and notes do not count. A mistake gives one line: where, what was found, what "
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

static enum status print_schema(void)
{
    struct json_writer w;
    json_begin(&w, stdout, true);
    const enum status st = plan_schema_put(&w), ended = json_end(&w);
    return st ? st : ended;
}

static enum status run_action(const struct cli_env *env, const struct args_list *words,
                              const struct cli_plan_options *options)
{
    static const char *const names[] = {"check",   "show",   "expand", "diff",
                                        "confirm", "extend", "schema"};
    static const struct cli_actions actions = {
        "plan", names, 7, "check, show, expand, diff, confirm, extend or schema"};
    const size_t given = words->count > 0 ? words->count - 1 : 0;
    size_t known = 0;
    enum status st = cli_action_find(&actions, words, &known);
    if (st)
        return st;
    if (known == 6 ? given != 0
                   : given == 0 || (known == 3 ? given != 2 : known != 0 && given != 1)) {
        log_error("plan %s: found %zu %s%s behind it, expected %s", names[known], given,
                  known == 4 ? "database" : "plan", given == 1 ? "" : "s",
                  known == 6   ? "none"
                  : known == 0 ? "at least one"
                  : known == 3 ? "two"
                               : "one");
        return STATUS_USAGE;
    }
    if (options->devices.count > 0 && known != 1) {
        log_error("plan %s: found -d, expected it with plan show", names[known]);
        return STATUS_USAGE;
    }
    switch (known) {
    case 0:
        return check(words, options->json);
    case 1:
        return cli_plan_show(env, words->item[1], options);
    case 2:
        return cli_plan_expand(env, words->item[1], options);
    case 3:
        return cli_plan_diff(&words->item[1], options->json);
    case 4:
        return cli_plan_confirm(words->item[1], options);
    case 5:
        return cli_plan_extend(words->item[1], options);
    default:
        return print_schema();
    }
}

enum status cli_plan(const struct cli_env *env, int argc, char **argv)
{
    struct args_list words = {0};
    struct cli_plan_options o = {.trial = CLI_PLAN_NO_TRIAL,
                                 .limit = 20,
                                 .worst = 10,
                                 .seed = CLI_PLAN_NO_SEED,
                                 .pilot = 256,
                                 .threads = env->threads};
    bool done = false;
    const struct args_option options[] = {
        {'m', "model", ARGS_TEXT, &o.model, "MODEL",
         "show, expand: another name or path than the plan's.", 0, 0},
        {0, "lengths", ARGS_TEXT, &o.lengths, "FILE",
         "show, expand: lengths of golden runs (see LENGTHS).", 0, 0},
        {0, "rate", ARGS_LIST, &o.rates, "[NAME=]R",
         "show: trials a second of a device, as `vkfi bench campaign` measures; adds its hours. "
         "Give it again for each device.",
         0, 0},
        {'d', "device", ARGS_LIST, &o.devices, "DEVICE",
         "show: runs a pilot on this device (see PILOT), as often as there are "
         "devices. " CLI_DEVICE_HELP,
         0, 0},
        CLI_THREADS_OPTION(&o.threads),
        {0, "pilot", ARGS_UINT, &o.pilot, "N", "show: trials of a pilot (256).", 1, 1e6},
        {0, "trial", ARGS_UINT, &o.trial, "ID", "expand: this trial alone.", 0, 0},
        {0, "first", ARGS_UINT, &o.first, "ID", "expand: begins here instead of at 0.", 0, 0},
        {0, "limit", ARGS_UINT, &o.limit, "N", "expand: at most so many trials (20).", 0, 0},
        {0, "seed", ARGS_UINT, &o.seed, "SEED", "confirm: of the fresh trials.", 0, 9e18},
        {0, "worst", ARGS_UINT, &o.worst, "N", "confirm: strata of the list (10).", 1, 1e5},
        {0, "trials", ARGS_UINT, &o.trials, "N",
         "confirm: trials of each stratum (as many as before); extend: of the wave.", 1, 1e9},
        {'o', "output", ARGS_TEXT, &o.output, "FILE", "confirm, extend: the plan to write.", 0, 0},
        CLI_READING_SUSPECT(&o.allow_suspect),
        {0, "json", ARGS_FLAG, &o.json, NULL, "Prints JSON.", 0, 0},
        {0}};
    struct text page = {0};
    enum status st = text_addf(&page, "%s%s", DETAILS, EXAMPLES);
    st = st ? st : plan_schema_text(&page);
    const struct args_spec spec = {
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
        .details = page.data,
        .options = options,
        .operands = &words};
    st = st ? st : args_parse(&spec, argc, argv, &done);
    text_finish(&page);
    return st || done ? st : run_action(env, &words, &o);
}
