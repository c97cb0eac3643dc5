/* SPDX-License-Identifier: MIT */
/* `vkfi campaign`: run; status lies in cli_campaign_status.c. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/args.h"
#include "base/log.h"
#include "cli/cli_action.h"
#include "cli/cli_campaign_run.h"
#include "cli/cli_campaign_status.h"
#include "cli/cli_commands.h"
#include "cli/cli_output.h"

struct options {
    struct args_list words, devices;
    const char *output, *shard;
    uint64_t threads, limit;
    bool naive, json;
};

static enum status run(const struct cli_env *env, const struct options *o)
{
    const struct cli_campaign_call call = {.devices = &o->devices,
                                           .shard = o->shard,
                                           .threads = o->threads,
                                           .limit = o->limit,
                                           .naive = o->naive,
                                           .json = o->json};
    struct cli_campaign c = {.crew = NULL};
    if (!o->output) {
        log_error("campaign run: found no -o, expected the database to write");
        return STATUS_USAGE;
    }
    enum status st = cli_campaign_open(&c, env, &call);
    if (!st)
        st = plan_load(&c.crew->plan, &c.crew->arena, o->words.item[1]);
    if (!st)
        st = plan_stop_warn(&c.crew->plan);
    if (!st)
        st = cli_campaign_run(&c, env, o->output);
    cli_campaign_summary(&c);
    const enum status flushed = cli_output_flush();
    st = st ? st : flushed;
    cli_campaign_close(&c, st);
    return st;
}

/* Options that belong to run alone. */
static enum status check_status(const struct options *o)
{
    if (o->output || o->devices.count > 0 || o->shard || o->limit > 0 || o->naive) {
        log_error("campaign status: found an option of campaign run, expected a database alone");
        return STATUS_USAGE;
    }
    return STATUS_OK;
}

static enum status run_action(const struct cli_env *env, const struct options *o)
{
    static const char *const names[] = {"run", "status"};
    static const struct cli_actions actions = {"campaign", names, 2, "run or status"};
    size_t known = 0;
    enum status st = cli_action_find(&actions, &o->words, &known);
    if (st)
        return st;
    const bool is_run = known == 0;
    if (o->words.count != 2) {
        log_error("campaign %s: found %zu words behind it, expected one %s", names[known],
                  o->words.count - 1, is_run ? "plan" : "database");
        return STATUS_USAGE;
    }
    if (is_run)
        return run(env, o);
    st = check_status(o);
    return st ? st : cli_campaign_status(o->words.item[1], o->json);
}

static const char DETAILS[] =
    "DESCRIPTION\n"
    "run makes the trials of a plan and writes them to a database. Each device has a process of "
    "its own; they share the trials, and the rows do not depend on who ran which. The same command "
    "goes on where it was interrupted; a database of another plan, model or build is refused.\n"
    "\n"
    "Before its trials, every device shows that its golden runs have the bits of the CPU's and "
    "that hooks that change nothing change nothing. Controls of the plan are compared as they "
    "come; "
    "one that fails stops the campaign, and the trials since the last good one are marked.\n"
    "\n"
    "A device that crashes, hangs or is lost is opened again, and the trials that ran then are run "
    "again one by one: one that fails each time is `due`, else an incident is noted. A device that "
    "fails five times in a row is set aside.\n"
    "\n"
    "The first Ctrl-C (or SIGTERM) lets the running batches finish and writes them; a second one "
    "ends at once. Either way nothing that was written is lost.\n"
    "\n"
    "A plan whose field \"stop\" asks a \"gate\" ends its campaign by itself: it is looked at as "
    "the rule allows, by the code of `vkfi gate`, and once the question is answered, passed or "
    "failed, the running batches are finished and the rest is not run. The same command on such a "
    "database says so and runs nothing. A part (--shard) never stops itself: what it holds is no "
    "sample that may be judged.\n"
    "\n"
    "--shard i/n runs the ids with id mod n = i. Without it the part comes from a launcher: "
    "SLURM_PROCID and SLURM_NTASKS, SLURM_ARRAY_TASK_ID and _COUNT, OMPI_COMM_WORLD_RANK and "
    "_SIZE, "
    "PMI_RANK and PMI_SIZE; then `-o out.db` becomes out.0.db, out.1.db, ... and `vkfi merge` "
    "joins "
    "them. A job array counts from 0 without gaps (--array=0-7): tasks of another one, or of a "
    "part of it that is submitted again, are refused until --shard says which part they are.\n"
    "\n"
    "status says how far a database is.\n"
    "\n";

static const char EXITS[] =
    "EXIT CODES\n"
    "  0  all trials asked for are done, or the plan's question is answered\n"
    "     (`vkfi gate` tells how); interrupted, it ends by the signal\n"
    "  2  wrong usage, plan, model or database; a full disk\n"
    "  3  no device is left, or a golden run has other bits than the CPU's\n"
    "  4  a control failed, or a fault did not fire as predicted\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi campaign run plan.json -o out.db\n"
    "  vkfi campaign run plan.json -o out.db -d cpu -d 0 -d 1 --limit 1000\n"
    "  srun -n 8 vkfi campaign run plan.json -o out.db\n"
    "  vkfi campaign status out.db\n";

static const char EVENTS[] =
    "EVENTS\n"
    "run --json prints one object a line, each with \"event\", a text. Numbers that are not known "
    "are null, counts integers, the others real. By event:\n"
    "  golden    a golden run begins: item (integer, from 0) of items. At most\n"
    "            once a second, and the first and the last\n"
    "  device    a device is open: device (integer, as the options name them,\n"
    "            from 0), text (its name)\n"
    "  begin     trials begin: all of progress\n"
    "  progress  at most once a second while trials run:\n"
    "    planned       trials of the plan, or of the part\n"
    "    target        trials in the database when this call ends\n"
    "    done          trials in the database\n"
    "    seconds       since the first batch (s)\n"
    "    per_second    trials of this call a second (1/s)\n"
    "    seconds_left  at this speed (s)\n"
    "    counted, sdc, due\n"
    "                  trials that count (no controls), of them with another\n"
    "                  text, of them ended early\n"
    "    incidents     trials given up, left out of rates\n"
    "    interrupted   boolean: a signal came, what runs is finished\n"
    "    sdc_rate      weighted over strata, a share of 1\n"
    "    sdc_low, sdc_high, method, interval_n, interval_shift, confidence\n"
    "                  its interval, once there are prompts enough for one:\n"
    "                  method and n give it, moved by the shift; of 95 %, more\n"
    "                  in a campaign that was extended\n"
    "    devices       list of objects: name, done (trials of this call),\n"
    "                  per_second (of late, 1/s), aside (boolean: set aside)\n"
    "  failed    a worker ended abnormally: device, text (how)\n"
    "  aside     a device was set aside: device, text\n"
    "  due       a trial ended abnormally each time: device, trial (its id),\n"
    "            text\n"
    "  incident  a trial was given up: device, trial, text\n"
    "  look      the plan's question was asked: the members of `vkfi gate --json`\n"
    "  end       the last one: all of progress\n"
    "Outcomes are defined in `vkfi run --help`, words of plans in inject/plans/README.md, columns "
    "of the database in inject/schema.sql.\n"
    "\n";

enum status cli_campaign(const struct cli_env *env, int argc, char **argv)
{
    struct options o = {.threads = env->threads};
    struct arena arena = {0};
    bool done = false;
    const struct args_option options[] = {
        {'o', "output", ARGS_TEXT, &o.output, "DB", "run: the database to write or go on with.", 0,
         0},
        {'d', "device", ARGS_LIST, &o.devices, "DEVICE",
         "run: a device, as often as there are devices. " CLI_DEVICE_HELP " Default cpu.", 0, 0},
        {0, "shard", ARGS_TEXT, &o.shard, "i/n", "run: the trials with id mod n = i only.", 0, 0},
        {0, "limit", ARGS_UINT, &o.limit, "N",
         "run: ends after N more trials, those with the lowest ids. Default 0: no limit.", 0, 0},
        CLI_THREADS_OPTION(&o.threads),
        {0, "naive", ARGS_FLAG, &o.naive, NULL,
         "run: every trial as a whole inference: the same rows, much slower.", 0, 0},
        {0, "json", ARGS_FLAG, &o.json, NULL,
         "run: prints events, one JSON object a line (see EVENTS). status: prints an object.", 0,
         0},
        {0}};
    const struct args_spec spec = {
        .command = "vkfi campaign",
        .summary = "run a plan's trials; say how far a database is",
        .synopsis = "run PLAN -o DB [-d DEVICE]... [--shard i/n] [--limit N] [--threads N] "
                    "[--naive] [--json]\n"
                    "status DB [--json]",
        .details = arena_printf(&arena, "%s%s%s", DETAILS, EVENTS, EXITS),
        .options = options,
        .operands = &o.words};
    enum status st = args_parse(&spec, argc, argv, &done);
    arena_finish(&arena);
    return st || done ? st : run_action(env, &o);
}
