/* SPDX-License-Identifier: MIT */
/* `vkfi campaign`: run and status. */
#include "cli/cli_campaign.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli_gate.h"
#include "cli/cli_task.h"
#include "inject/store/store_status.h"

struct options {
    struct args_list devices;
    const char *output, *shard;
    uint64_t threads, limit;
    bool naive, json;
};

/* --- status: the state of a campaign, read from its database --- */

/* The answer to the plan's question, if it has one that may be asked. */
struct question {
    bool asked;
    struct report_source source;
    struct report_gate gate;
};

static enum status ask(struct question *out, const char *path, const struct store *store,
                       const struct store_status *s, struct arena *arena)
{
    const struct store_identity *identity = store_identity(store);
    struct plan plan;
    enum status st =
        plan_read(&plan, arena,
                  &(struct plan_source){identity->plan, strlen(identity->plan), path, ".", NULL});
    if (st || !plan_stops_itself(&plan) || s->suspect > 0 || identity->shards > 1)
        return st;
    const struct report_gate_request request = report_gate_question(&plan.gate);
    out->asked = true;
    st = report_source_open(&out->source, path);
    return st ? st : report_gate_decide(&out->gate, &out->source, &request);
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void print_outcomes(const struct store_status *s)
{
    printf("outcome           trials   share of %" PRIu64 ", unweighted\n", s->counted);
    for (uint32_t i = 0; i < OUTCOME_COUNT; i++) {
        if (s->outcome[i] == 0)
            continue;
        printf("  %-15s %7" PRIu64 "  %6.2f %%", kinds_text(KINDS_OUTCOME, i), s->outcome[i],
               percent(s->outcome[i], s->counted));
        const char *before = " (";
        for (uint32_t d = DUE_NONE + 1; i == OUTCOME_DUE && d < DUE_REASON_COUNT; d++) {
            if (s->due[d] > 0) {
                printf("%s%s %" PRIu64, before, kinds_text(KINDS_DUE_REASON, d), s->due[d]);
                before = ", ";
            }
        }
        printf("%s\n", before[0] == ',' ? ")" : "");
    }
}

static void print_rest(const struct store_status *s)
{
    printf("controls         ");
    for (uint32_t i = ROLE_TRIAL + 1; i < ROLE_CLEAN; i++)
        printf(" %s %" PRIu64 "%s", kinds_text(KINDS_ROLE, i), s->control[i],
               i + 1 < ROLE_CLEAN ? "," : "\n");
    if (s->armed > 0 || s->control[ROLE_CLEAN] > 0)
        printf("under arms        %" PRIu64 ", and %" PRIu64 " clean runs\n", s->armed,
               s->control[ROLE_CLEAN]);
    printf("suspect           %" PRIu64 "\n", s->suspect);
    printf("incidents         %" PRIu64 "\n", s->incidents);
    printf("tried again       %" PRIu64 "\n", s->retried);
    for (uint32_t i = 0; i < s->n_devices; i++)
        printf("device %-10" PRIu32 " %" PRIu64 " trials in %.1f s: %s\n", i, s->by_device[i].done,
               s->by_device[i].seconds, s->device[i].name ? s->device[i].name : "unknown");
    uint32_t done = 0;
    for (uint32_t i = 0; i < s->n_strata; i++)
        done += s->by_stratum[i].done >= s->by_stratum[i].planned;
    printf("strata            %" PRIu32 " of %" PRIu32 " have all their trials here\n", done,
           s->n_strata);
}

static void print_question(const struct question *question)
{
    printf("gate              ");
    cli_gate_line(stdout, &question->gate, &question->source.plan.gate);
    printf("%s\n", question->gate.result.verdict == STATS_GATE_UNDECIDED || question->gate.complete
                       ? ""
                       : "; the campaign has ended");
}

static void print_text(const char *path, const struct store_identity *id,
                       const struct store_status *s)
{
    printf("%s: %" PRIu64 " of %" PRIu64 " trials, %.1f %%", path, s->done, s->planned,
           percent(s->done, s->planned));
    if (id->shards > 1)
        printf(", shard %" PRIu32 "/%" PRIu32 " of %" PRIu64, id->shard, id->shards, id->trials);
    printf("\n");
    printf("plan              %.16s\n", id->plan_hash);
    printf("model             %.16s\n", id->model_hash);
    print_outcomes(s);
    print_rest(s);
}

static void put_counts(struct json_writer *w, const char *key, enum kinds_table table,
                       const uint64_t *counts)
{
    json_member_object(w, key);
    for (uint32_t i = 0; i < kinds_count(table); i++) {
        if (kinds_text(table, i)[0])
            json_member_int(w, kinds_text(table, i), counts[i]);
    }
    json_object_close(w);
}

static void put_devices(struct json_writer *w, const struct store_status *s)
{
    json_member_array(w, "devices");
    for (uint32_t i = 0; i < s->n_devices; i++) {
        json_object_open(w);
        json_member_text(w, "name", s->device[i].name);
        json_member_int(w, "trials", s->by_device[i].done);
        json_member_number(w, "seconds", s->by_device[i].seconds);
        json_object_close(w);
    }
    json_array_close(w);
}

static void put_strata(struct json_writer *w, const struct store_status *s)
{
    json_member_array(w, "strata");
    for (uint32_t i = 0; i < s->n_strata; i++) {
        json_object_open(w);
        json_member_text(w, "label", s->stratum[i].label);
        json_member_int(w, "planned", s->by_stratum[i].planned);
        json_member_int(w, "trials", s->by_stratum[i].done);
        json_object_close(w);
    }
    json_array_close(w);
}

static enum status print_json(const struct store_identity *id, const struct store_status *s,
                              const struct question *question)
{
    struct json_writer w;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    json_member_text(&w, "plan_hash", id->plan_hash);
    json_member_text(&w, "model_hash", id->model_hash);
    json_member_text(&w, "contract", id->contract);
    json_member_int(&w, "shard", id->shard);
    json_member_int(&w, "shards", id->shards);
    json_member_int(&w, "trials", id->trials);
    json_member_int(&w, "planned", s->planned);
    json_member_int(&w, "done", s->done);
    json_member_int(&w, "armed", s->armed);
    json_member_int(&w, "counted", s->counted);
    put_counts(&w, "outcomes", KINDS_OUTCOME, s->outcome);
    put_counts(&w, "due", KINDS_DUE_REASON, s->due);
    put_counts(&w, "controls", KINDS_ROLE, s->control);
    json_member_int(&w, "suspect", s->suspect);
    json_member_int(&w, "incidents", s->incidents);
    json_member_int(&w, "retried", s->retried);
    json_member_number(&w, "seconds", s->seconds);
    json_put_key(&w, "gate");
    if (question->asked) {
        json_object_open(&w);
        cli_gate_members(&w, &question->gate, &question->source.plan.gate);
        json_object_close(&w);
    } else {
        json_put_null(&w);
    }
    put_devices(&w, s);
    put_strata(&w, s);
    json_object_close(&w);
    return json_end(&w);
}

static enum status status(const struct cli_env *env, const void *options,
                          const struct args_list *operands)
{
    const bool json = ((const struct options *)options)->json;
    const char *path = operands->item[0];
    struct arena arena = {0};
    struct store *store = NULL;
    struct store_status s;
    struct question question = {.asked = false};
    (void)env;
    enum status st = store_open(&store, path);
    st = st ? st : store_status_read(store, &arena, &s);
    st = st ? st : ask(&question, path, store, &s, &arena);
    if (!st && json)
        st = print_json(store_identity(store), &s, &question);
    else if (!st)
        print_text(path, store_identity(store), &s);
    if (!st && !json && question.asked)
        print_question(&question);
    if (!st && !json)
        st = cli_campaign_answers(path);
    report_source_finish(&question.source);
    store_destroy(&store);
    arena_finish(&arena);
    return st;
}

/* --- run --- */

static enum status run(const struct cli_env *env, const void *options,
                       const struct args_list *operands)
{
    const struct options *o = options;
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
    st = st ? st
            : plan_load(&c.crew->plan, &c.crew->arena, operands->item[0],
                        &(struct plan_tasks){cli_task_of_plan, env});
    st = st ? st : plan_stop_warn(&c.crew->plan);
    st = st ? st : cli_campaign_run(&c, env, o->output);
    cli_campaign_summary(&c);
    if (!st && !o->json && (plan_scores(&c.crew->plan) || c.crew->plan.n_arms > 0))
        st = cli_campaign_answers(c.database);
    const enum status flushed = cli_output_flush();
    st = st ? st : flushed;
    cli_campaign_close(&c, st);
    return st;
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
    "ends at once. Either way nothing that was written is lost. Golden runs come before the "
    "database, which needs their lengths: until it is there they are kept in DB-golden.\n"
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
    "status says how far a database is. Where items have scores (items of tasks) both end with the "
    "answers that faults cost: by group of tasks, stratum (of eight at most) and task, of the "
    "faults on items whose golden score is above 0, those after which the score fell, with the "
    "interval of their share once all trials are done; of translations BLEU and chrF++, of items "
    "with several samples pass@k, golden's and the faulty one.\n"
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
    "  golden    a golden run is done: item (integer, from 0) of items. At most\n"
    "            once a second, and the first and the last\n"
    "  device    a device is open: device (integer, as the options name them,\n"
    "            from 0), text (its name)\n"
    "  begin     trials begin: all of progress\n"
    "  progress  at most once a second while trials run:\n"
    "    planned       trials of the plan, or of the part\n"
    "    target        trials in the database when this call ends\n"
    "    done          trials in the database\n"
    "    armed, armed_left\n"
    "                  of a plan with arms: runs under them there, and known\n"
    "                  to be left, clean runs among them\n"
    "    seconds       since the first batch (s)\n"
    "    per_second    trials of this call a second (1/s)\n"
    "    seconds_left  at this speed (s)\n"
    "    counted, sdc, due\n"
    "                  trials that count (no controls), of them with another\n"
    "                  text, of them ended early\n"
    "    critical      where items have scores: of sdc, those whose score fell\n"
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
    enum { RUN, STATUS };
    static const struct cli_action action[] = {
        [RUN] = {"run", "plan", 1, 1, run}, [STATUS] = {"status", "database", 1, 1, status}};
    struct options o = {.threads = env->threads};
    struct arena arena = {0};
    const struct cli_option options[] = {
        {1u << RUN,
         {'o', "output", ARGS_TEXT, &o.output, "DB", "run: the database to write or go on with.", 0,
          0}},
        {1u << RUN,
         {'d', "device", ARGS_LIST, &o.devices, "DEVICE",
          "run: a device, as often as there are devices. " CLI_DEVICE_HELP " Default cpu.", 0, 0}},
        {1u << RUN,
         {0, "shard", ARGS_TEXT, &o.shard, "i/n", "run: the trials with id mod n = i only.", 0, 0}},
        {1u << RUN,
         {0, "limit", ARGS_UINT, &o.limit, "N",
          "run: ends after N more trials, those with the lowest ids. Default 0: no limit.", 0, 0}},
        {1u << RUN, CLI_THREADS_OPTION(&o.threads)},
        {1u << RUN,
         {0, "naive", ARGS_FLAG, &o.naive, NULL,
          "run: every trial as a whole inference: the same rows, much slower.", 0, 0}},
        {1u << RUN | 1u << STATUS,
         {0, "json", ARGS_FLAG, &o.json, NULL,
          "run: prints events, one JSON object a line (see EVENTS). status: prints an object.", 0,
          0}},
        {0}};
    struct args_spec spec = {
        .command = "vkfi campaign",
        .summary = "run a plan's trials; say how far a database is",
        .synopsis = "run PLAN -o DB [-d DEVICE]... [--shard i/n] [--limit N] [--threads N] "
                    "[--naive] [--json]\n"
                    "status DB [--json]",
        .details = arena_printf(&arena, "%s%s%s", DETAILS, EVENTS, EXITS)};
    const struct cli_actions actions = {"campaign", action, 2, options, &o};
    const enum status st = cli_actions_run(&actions, &spec, env, argc, argv);
    arena_finish(&arena);
    return st;
}
