/* SPDX-License-Identifier: MIT */
/* `vkfi replay`: one trial of a database again, on a device of this machine. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/cli_campaign.h"
#include "inject/campaign/campaign_replay.h"
#include "inject/store/store_export.h"

struct options {
    struct args_list words;
    const char *device, *model;
    struct store_key key;
    uint64_t threads;
    bool naive, json;
};

/* The plan of the database; its prompt files must lie beside the database. */
static enum status read_plan(struct cli_crew *crew, const struct store *store, const char *path,
                             const char *model)
{
    const struct store_identity *identity = store_identity(store);
    const char *slash = strrchr(path, '/');
    char *folder = arena_text(&crew->arena, path, slash ? (size_t)(slash - path) + 1 : 0);
    char *name = arena_printf(&crew->arena, "%s (plan)", path);
    if (!folder || !name)
        return STATUS_MEMORY;
    const struct plan_source source = {identity->plan, strlen(identity->plan), name, folder, NULL};
    enum status st = plan_read(&crew->plan, &crew->arena, &source);
    if (st)
        return st;
    if (strcmp(crew->plan.hash, identity->plan_hash) != 0) {
        log_error("%s: found a plan with hash %.16s, expected %.16s: a prompt file beside the "
                  "database has changed, or another version of vkfi reads the plan otherwise",
                  path, crew->plan.hash, identity->plan_hash);
        return STATUS_INPUT;
    }
    if (model)
        crew->plan.model = model;
    return STATUS_OK;
}

/* Another model or contract gives other trials; other shaders should not. */
static enum status check_identity(const struct cli_crew *crew, const struct store *store,
                                  const char *path)
{
    const struct store_identity *stored = store_identity(store);
    const struct store_identity *here = &crew->identity;
    if (strcmp(stored->model_hash, here->model_hash) != 0) {
        log_error("%s: found a model with SHA-256 %.16s, expected %.16s; -m names another file",
                  crew->plan.model, here->model_hash, stored->model_hash);
        return STATUS_INPUT;
    }
    if (strcmp(stored->contract, here->contract) != 0) {
        log_error("%s: found contract %s, expected %s, which this version computes", path,
                  stored->contract, here->contract);
        return STATUS_INPUT;
    }
    if (strcmp(stored->shaders, here->shaders) != 0)
        log_warn("%s was made with other shaders (%.16s, here %.16s)", path, stored->shaders,
                 here->shaders);
    return STATUS_OK;
}

static void print_text(const struct options *o, const struct campaign_replay_result *result)
{
    const struct trial_row *row = &result->stored;
    if (row->trial < 0)
        printf("clean run of item %" PRId64 " in arm %s: %s, protection %s\n", row->item, row->arm,
               row->outcome, row->protection);
    else
        printf("trial %" PRId64 "%s%s: %s, %s, %s at position %" PRId64 ": %s\n", row->trial,
               row->control ? ", control " : "", row->control ? row->control : "", row->site,
               row->point, row->kind, row->position, row->outcome);
    if (row->trial >= 0 && strcmp(row->arm, STORE_ARM_NONE) != 0)
        printf("arm %s: protection %s, %" PRId64 " columns computed again\n", row->arm,
               row->protection ? row->protection : "unknown", row->redone);
    if (result->identical)
        printf("%s: identical\n", o->device);
    else
        printf("%s: different (stored against replayed): %s\n", o->device, result->difference.text);
}

static enum status print_json(const struct options *o, const struct store *store,
                              const struct campaign_replay_result *result)
{
    const struct trial_row_difference *difference = &result->difference;
    struct json_writer w;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    json_member_int(&w, "trial", o->key.trial);
    if (strcmp(o->key.arm, STORE_ARM_NONE) != 0)
        json_member_text(&w, "arm", o->key.arm);
    json_member_text(&w, "device", o->device);
    json_member_bool(&w, "identical", result->identical);
    json_member_text(&w, "outcome", result->replayed.outcome);
    json_member_text(&w, "field", result->identical ? NULL : difference->field->name);
    json_member_text(&w, "difference", result->identical ? NULL : difference->text);
    json_put_key(&w, "record");
    json_take(&w, store_export_row(&w, store, &result->replayed));
    json_object_close(&w);
    return json_end(&w);
}

static enum status replay(const struct cli_env *env, const struct options *o, struct cli_crew *crew,
                          const struct store *store)
{
    const char *path = o->words.item[0];
    const struct args_list devices = {.count = 1, .item = {o->device}};
    struct campaign_replay_result result;
    enum status st = cli_crew_devices(crew, env, &devices, o->threads);
    st = st ? st : read_plan(crew, store, path, o->model);
    st = st ? st : cli_crew_open(crew, env);
    st = st ? st : check_identity(crew, store, path);
    if (st)
        return st;
    crew->setup.naive = o->naive;
    cli_crew_catch(crew);
    const struct campaign_replay_params params = {
        .setup = crew->setup, .store = store, .key = o->key};
    st = campaign_replay(&result, &crew->arena, &params);
    if (!st && o->json)
        st = print_json(o, store, &result);
    else if (!st)
        print_text(o, &result);
    const enum status flushed = cli_output_flush();
    st = st ? st : flushed;
    if (!st && !result.identical) {
        log_error("trial %" PRId64 " on %s: found %s, expected the stored row", o->key.trial,
                  o->device, result.difference.text);
        st = STATUS_INTERNAL;
    }
    return st;
}

static enum status run(const struct cli_env *env, const struct options *o)
{
    struct store *store = NULL;
    struct cli_crew *crew = calloc(1, sizeof(*crew));
    if (!crew) {
        log_error("out of host memory for a replay");
        return STATUS_MEMORY;
    }
    enum status st = store_open(&store, o->words.item[0]);
    st = st ? st : replay(env, o, crew, store);
    store_destroy(&store);
    cli_crew_finish(crew);
    free(crew);
    return st;
}

/* Only digits: "7", not "7a" or "-1"; "item7": the clean run of an item in an arm. */
static enum status read_trial(struct options *o)
{
    const bool clean = strncmp(o->words.item[1], "item", 4) == 0;
    const char *text = o->words.item[1] + (clean ? 4 : 0);
    char *end = NULL;
    if (strlen(text) == strspn(text, "0123456789") && strlen(text) < 19) {
        o->key.trial = (int64_t)strtoull(text, &end, 10);
        if (clean)
            o->key.trial = -1 - o->key.trial;
        if (end != text && (!clean || strcmp(o->key.arm, STORE_ARM_NONE) != 0))
            return STATUS_OK;
    }
    log_error(
        "replay: found trial '%s', expected the number of a trial, or with --arm \"item\" and "
        "the number of an item",
        o->words.item[1]);
    return STATUS_USAGE;
}

static const char DETAILS[] =
    "DESCRIPTION\n"
    "Draws the trial from the plan that the database holds, runs it on the device in a process of "
    "its own, and compares every field that may not differ. A trial that is `due` because it ended "
    "abnormally is run as often as in a campaign.\n"
    "\n"
    "With --arm the trial runs under the protections of that arm of the plan; TRIAL item7 is then "
    "the arm's clean run of item 7.\n"
    "\n"
    "The model is that of the plan, or -m; its SHA-256 must be that of the database. Prompt files "
    "of the plan are looked for beside the database.\n"
    "\n"
    "EXIT CODES\n"
    "  0  identical\n"
    "  2  wrong usage, database, plan or model, or no such device\n"
    "  3  no Vulkan driver, device refused, or it failed\n"
    "  4  a field differs; the line names it with both values\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi replay out.db 17\n"
    "  vkfi replay out.db 17 -d vk --json\n"
    "  vkfi replay out.db 17 --arm trap\n";

enum status cli_replay(const struct cli_env *env, int argc, char **argv)
{
    struct options o = {.device = "cpu", .threads = env->threads, .key = {.arm = STORE_ARM_NONE}};
    bool done = false;
    const struct args_option options[] = {
        {'d', "device", ARGS_TEXT, &o.device, "DEVICE", CLI_DEVICE_HELP " Default cpu.", 0, 0},
        {0, "arm", ARGS_TEXT, &o.key.arm, "NAME",
         "The trial as it ran under this arm of the plan. Default none: without protection.", 0, 0},
        {'m', "model", ARGS_TEXT, &o.model, "MODEL",
         "Model: a path or a name, where it is not at the place that the plan names.", 0, 0},
        CLI_THREADS_OPTION(&o.threads),
        {0, "naive", ARGS_FLAG, &o.naive, NULL, "Runs the trial as a whole inference.", 0, 0},
        {0, "json", ARGS_FLAG, &o.json, NULL,
         "Prints an object; `record` is what this run gave, as vkfi run --json and vkfi export "
         "have it.",
         0, 0},
        {0}};
    const struct args_spec spec = {.command = "vkfi replay",
                                   .summary = "run one trial of a database again",
                                   .synopsis =
                                       "DB TRIAL [--arm NAME] [-d DEVICE] [-m MODEL] [--threads "
                                       "N] [--naive] [--json]",
                                   .details = DETAILS,
                                   .options = options,
                                   .operands = &o.words};
    enum status st = args_parse(&spec, argc, argv, &done);
    if (st || done)
        return st;
    if (o.words.count != 2) {
        log_error("replay: found %zu words, expected a database and a trial", o.words.count);
        return STATUS_USAGE;
    }
    st = read_trial(&o);
    return st ? st : run(env, &o);
}
