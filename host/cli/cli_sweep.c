/* SPDX-License-Identifier: MIT */
/* `vkfi sweep`: the plan over every op, point and bit of a model, and what it comes to. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/args.h"
#include "base/log.h"
#include "cli/cli_commands.h"
#include "cli/cli_manifest.h"
#include "cli/cli_plan.h"
#include "inject/plan/sweep.h"

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

static enum status run(const struct cli_env *env, const struct sweep_params *params,
                       const struct cli_plan_options *options, bool plan_only)
{
    struct cli_plan p = {0};
    enum status st = cli_manifest_open(&p.model, env, params->model);
    if (!st)
        st = sweep_plan(&p.plan, &p.arena, params, p.model);
    if (!st && plan_only)
        fputs(p.plan.text, stdout);
    if (!st && !plan_only)
        st = cli_plan_sample(&p, options);
    if (!st && !plan_only)
        st = cli_plan_show_sample(&p, "sweep", options);
    cli_plan_close(&p);
    return st;
}

static const char DETAILS[] =
    "DESCRIPTION\n"
    "A sweep strikes every kind of op, at every point it has, in every bit, the same number of "
    "times: a first map of a model, and the proof that each hook fires. Layers, sites, elements, "
    "positions and prompts are drawn. Cells without such a bit (the codes of a quantised weight "
    "have few) are left out. It prints the cells, their trials and the precision to expect.\n"
    "\n"
    "--plan-only prints the plan instead; `vkfi plan` reads it, and `vkfi campaign run` runs it "
    "like any other.\n"
    "\n"
    "EXIT CODES\n"
    "  0  done\n"
    "  2  wrong usage, no such model or site, or fewer trials than cells\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi sweep -m smollm2-135m --sites 'blk.*.attn_*' --bits 23-31\n"
    "  vkfi sweep -m smollm2-135m --plan-only >sweep.json\n";

enum status cli_sweep(const struct cli_env *env, int argc, char **argv)
{
    struct sweep_params params = {.model = "smollm2-135m", .trials = SWEEP_TRIALS, .n = 16};
    struct cli_plan_options show = {0};
    struct args_list sites = {0};
    const char *bits = "0-31";
    uint64_t n = 16, seed = 1;
    bool plan_only = false, done = false;
    const struct args_option options[] = {
        {'m', "model", ARGS_TEXT, &params.model, "MODEL",
         "A model's name or the path of a GGUF file (smollm2-135m).", 0, 0},
        {0, "sites", ARGS_LIST, &sites, "GLOB",
         "Only sites that match, as 'blk.*.ffn_*'; may be given again (all).", 0, 0},
        {0, "bits", ARGS_TEXT, &bits, "A-B", "Bits to flip (0-31).", 0, 0},
        {0, "trials", ARGS_UINT, &params.trials, "N",
         "Most runs, controls included (6000); cells share them evenly.", 1, 1e9},
        {'n', "tokens", ARGS_UINT, &n, "N", "Tokens to generate (16).", 1, 1e6},
        {0, "seed", ARGS_UINT, &seed, "SEED", "Seed of the draws (1).", 0, 9e18},
        {0, "plan-only", ARGS_FLAG, &plan_only, NULL, "Prints the plan as JSON.", 0, 0},
        {0, "json", ARGS_FLAG, &show.json, NULL, "Prints the table as JSON.", 0, 0},
        {0}};
    const struct args_spec spec = {
        .command = "vkfi sweep",
        .summary = "every op, point and bit of a model once or more",
        .synopsis = "[-m MODEL] [--sites GLOB]... [--bits A-B] [--trials N] [-n N] "
                    "[--plan-only | --json]",
        .details = DETAILS,
        .options = options};
    enum status st = args_parse(&spec, argc, argv, &done);
    if (st || done)
        return st;
    st = parse_bits(bits, &params);
    if (st)
        return st;
    params.sites = sites.item;
    params.n_sites = sites.count;
    params.n = (uint32_t)n;
    params.seed = seed;
    return run(env, &params, &show, plan_only);
}
