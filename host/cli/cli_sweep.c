/* SPDX-License-Identifier: MIT */
/* `vkfi sweep`: the campaign over every op, point and bit of a model. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/args.h"
#include "base/log.h"
#include "cli/cli_campaign_run.h"
#include "cli/cli_commands.h"
#include "cli/cli_manifest.h"
#include "cli/cli_sweep.h"
#include "inject/plan/sweep.h"
#include "inject/report/report_source.h"
#include "inject/store/store.h"

struct options {
    struct sweep_params params;
    struct args_list sites, devices;
    const char *bits, *output; /* null: a temporary database */
    uint64_t threads, n, seed, limit;
    bool plan_only, json;
};

/* "0-31", "30". */
static enum status parse_bits(const char *text, struct sweep_params *out)
{
    char *end = NULL;
    const unsigned long first = strtoul(text, &end, 10);
    unsigned long last = first;
    if (end != text && *end == '-' && end[1] >= '0' && end[1] <= '9')
        last = strtoul(end + 1, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && first <= last && last <= 31) {
        out->bit_first = (uint32_t)first;
        out->bit_last = (uint32_t)last;
        return STATUS_OK;
    }
    log_error("--bits: found '%s', expected bits from 0 to 31, as 30 or 0-31", text);
    return STATUS_USAGE;
}

static enum status report(const struct cli_crew *crew, const char *database,
                          const struct options *o)
{
    struct report_source source = {0};
    struct cli_sweep_result result;
    struct arena arena = {0};
    enum status st = report_source_open(&source, database);
    st = st ? st : report_source_load(&source, UINT64_MAX);
    st = st ? st : cli_sweep_read(&result, &arena, &source, crew->model);
    result.database = o->output;
    if (!st)
        st = o->json ? cli_sweep_json(&result) : cli_sweep_print(&result);
    report_source_finish(&source);
    arena_finish(&arena);
    return st;
}

static enum status run_plan(struct cli_campaign *c, const struct cli_env *env,
                            const struct options *o)
{
    enum status st = cli_campaign_run(c, env, o->output);
    if (!st && c->ended && c->end.done > 0) /* else it was interrupted before its first trial */
        st = report(c->crew, c->database, o);
    return st;
}

static enum status run(const struct cli_env *env, const struct options *o)
{
    const struct cli_campaign_call call = {
        .devices = &o->devices, .threads = o->threads, .limit = o->limit, .whole = true};
    struct cli_campaign c;
    struct model *model = NULL;
    enum status st = cli_campaign_open(&c, env, &call);
    if (!st)
        st = cli_manifest_open(&model, env, o->params.model);
    if (!st)
        st = sweep_plan(&c.crew->plan, &c.crew->arena, &o->params, model);
    model_close(&model);
    if (!st && o->plan_only)
        fputs(c.crew->plan.text, stdout);
    else if (!st)
        st = run_plan(&c, env, o);
    cli_campaign_close(&c, st);
    return st;
}

static const char DETAILS[] =
    "DESCRIPTION\n"
    "A sweep strikes every kind of op, at every point it has, in every bit, the same number of "
    "times: a first map of a model, and the proof that each hook fires. Layers, sites, elements, "
    "positions and prompts are drawn. Cells without such a bit (the codes of a quantised weight "
    "have few) are left out.\n"
    "\n"
    "It is a campaign like any other: -o keeps its database, the same command goes on with it, and "
    "`vkfi report` draws the rate of each op, point and bit. Without -o the rows are dropped once "
    "the table is made.\n"
    "\n"
    "The table has a line for each op, point and bit field: trials n, how many of them were silent "
    "data corruption (SDC), the rate and its interval. Bits of a line weigh the same; there is no "
    "total, since the cells are no sample of what hardware does.\n"
    "\n"
    "Coverage counts, for each device, the hook variants (place, op, point, type and field of the "
    "weight, granularity) of which some trial read back activations, of all that the plan could "
    "draw. Those that did not fire are named.\n"
    "\n"
    "--plan-only prints the plan instead; `vkfi plan show` says what it comes to.\n"
    "\n"
    "EXIT CODES\n"
    "  0  done; interrupted, it ends by the signal\n"
    "  2  wrong usage, no such model or site, fewer trials than cells, or\n"
    "     a database of something else\n"
    "  3  no device is left, or a golden run has other bits than the CPU's\n"
    "  4  a control failed, or a fault did not fire as predicted\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi sweep -m smollm2-135m --sites 'blk.*.attn_*' --bits 23-31 -d 0\n"
    "  vkfi sweep -m smollm2-135m -o sweep.db\n"
    "  vkfi sweep -m smollm2-135m --plan-only >sweep.json\n";

enum status cli_sweep(const struct cli_env *env, int argc, char **argv)
{
    struct options o = {.params = {.model = "smollm2-135m", .trials = SWEEP_TRIALS},
                        .threads = env->threads,
                        .bits = "0-31",
                        .n = 16,
                        .seed = 1};
    bool done = false;
    const struct args_option options[] = {
        {'m', "model", ARGS_TEXT, &o.params.model, "MODEL",
         "A model's name or the path of a GGUF file (smollm2-135m).", 0, 0},
        {0, "sites", ARGS_LIST, &o.sites, "GLOB",
         "Only sites that match, as 'blk.*.ffn_*'; may be given again (all).", 0, 0},
        {0, "bits", ARGS_TEXT, &o.bits, "A-B", "Bits to flip (0-31).", 0, 0},
        {0, "trials", ARGS_UINT, &o.params.trials, "N",
         "Most runs, controls included (6000); cells share them evenly.", 1, 1e9},
        {'n', "tokens", ARGS_UINT, &o.n, "N", "Tokens to generate (16).", 1, 1e6},
        {0, "seed", ARGS_UINT, &o.seed, "SEED", "Seed of the draws (1).", 0, 9e18},
        {'d', "device", ARGS_LIST, &o.devices, "DEVICE",
         "A device, as often as there are devices. " CLI_DEVICE_HELP " Default cpu.", 0, 0},
        {'o', "output", ARGS_TEXT, &o.output, "DB",
         "The database to write or go on with (none is kept).", 0, 0},
        {0, "limit", ARGS_UINT, &o.limit, "N",
         "Ends after N more trials, those with the lowest ids. Default 0: no limit.", 0, 0},
        CLI_THREADS_OPTION(&o.threads),
        {0, "plan-only", ARGS_FLAG, &o.plan_only, NULL, "Prints the plan as JSON.", 0, 0},
        {0, "json", ARGS_FLAG, &o.json, NULL, "Prints the table as JSON.", 0, 0},
        {0}};
    const struct args_spec spec = {
        .command = "vkfi sweep",
        .summary = "every op, point and bit of a model once or more",
        .synopsis = "[-m MODEL] [--sites GLOB]... [--bits A-B] [--trials N] [-n N] [-o DB] "
                    "[-d DEVICE]... [--limit N] [--threads N] [--json]\n"
                    "--plan-only [-m MODEL] [--sites GLOB]... [--bits A-B] [--trials N] [-n N]",
        .details = DETAILS,
        .options = options};
    enum status st = args_parse(&spec, argc, argv, &done);
    if (st || done)
        return st;
    st = parse_bits(o.bits, &o.params);
    if (st)
        return st;
    if (o.plan_only && (o.output || o.devices.count > 0 || o.limit > 0 || o.json)) {
        log_error("sweep --plan-only: found an option of a run, expected those of a plan alone");
        return STATUS_USAGE;
    }
    o.params.sites = o.sites.item;
    o.params.n_sites = o.sites.count;
    o.params.n = (uint32_t)o.n;
    o.params.seed = o.seed;
    return run(env, &o);
}
