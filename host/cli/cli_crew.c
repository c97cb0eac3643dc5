/* SPDX-License-Identifier: MIT */
/* Devices, model, identity and signals of commands that run trials in worker processes. */
#include "cli/cli_crew.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/cli_crew_info.h"
#include "cli/cli_device_choice.h"
#include "cli/cli_manifest.h"
#include "shader_table.h"
#include "shared/numerics.h"

#define REFERENCE "cpu"

/* --- devices --- */

static enum status open_device(void *user, const struct executor_params *params,
                               struct campaign_opened *out)
{
    struct cli_crew_device *d = user;
    struct executor_params needs = *params;
    enum status st = cli_device_find(&d->device, d->env, d->text);
    if (!st && !d->device.gpu)
        needs.threads = cli_share_threads(d->share, d->env, d->place);
    if (!st)
        st = cli_device_start(&d->device, &needs);
    if (!st)
        st = cli_crew_info(&out->info, &d->arena, &d->device);
    out->ex = d->device.ex;
    return st;
}

static enum status close_device(void *user, struct campaign_opened *opened)
{
    struct cli_crew_device *d = user;
    const enum status st = cli_device_finish(&d->device);
    arena_finish(&d->arena);
    opened->ex = NULL;
    return st;
}

static enum status add_device(struct cli_crew *crew, const struct cli_env *env, const char *text)
{
    const uint32_t at = crew->setup.n_devices;
    enum status st = STATUS_OK;
    if (at == CAMPAIGN_DEVICES_MAX) {
        log_error("found more than %d devices, expected at most that", CAMPAIGN_DEVICES_MAX - 1);
        return STATUS_USAGE;
    }
    if (strncmp(text, "cpu", 3) == 0) { /* costs nothing to look up: no driver is loaded */
        struct cli_device found;
        st = cli_device_find(&found, env, text);
    }
    crew->user[at] = (struct cli_crew_device){.env = env, .text = text, .share = &crew->share};
    crew->device[at] = (struct campaign_device){
        .name = text, .user = &crew->user[at], .open = open_device, .close = close_device};
    crew->setup.n_devices++;
    return st;
}

enum status cli_crew_devices(struct cli_crew *crew, const struct cli_env *env,
                             const struct args_list *devices, uint64_t threads)
{
    enum status st = STATUS_OK;
    struct campaign_setup *setup = &crew->setup;
    setup->device = crew->device;
    cli_device_choice_share(); /* each worker opens its device */
    crew->share.threads = threads;
    for (size_t i = 0; !st && i < devices->count; i++) {
        st = add_device(crew, env, devices->item[i]);
        if (!st)
            cli_share_add(&crew->share, devices->item[i], &crew->user[i].place);
    }
    for (setup->reference = 0; setup->reference < setup->n_devices; setup->reference++) {
        if (strcmp(crew->device[setup->reference].name, REFERENCE) == 0)
            return st;
    }
    if (!st)
        st = add_device(crew, env, REFERENCE);
    crew->device[setup->reference].reference_only = devices->count > 0;
    return st;
}

/* --- identity --- */

static enum status hash_model(struct cli_crew *crew, const char *path)
{
    struct file_map map;
    char hash[HASH_SHA256_TEXT];
    enum status st = file_map_init(&map, path);
    if (st)
        return st;
    hash_sha256(map.data, map.size, hash);
    file_map_finish(&map);
    crew->identity.model_hash = arena_text(&crew->arena, hash, strlen(hash));
    return crew->identity.model_hash ? STATUS_OK : STATUS_MEMORY;
}

/* SHA-256 over name and words of every shader of this build, in the table's order. */
static enum status hash_shaders(struct cli_crew *crew)
{
    struct text all = {0};
    char hash[HASH_SHA256_TEXT];
    enum status st = STATUS_OK;
    for (size_t i = 0; !st && i < shader_table_count; i++) {
        const struct shader_code *code = shader_table[i];
        st = text_add(&all, code->name, strlen(code->name) + 1);
        if (!st)
            st = text_add(&all, (const char *)code->words, code->size);
    }
    if (!st)
        hash_sha256(all.data, all.size, hash);
    text_finish(&all);
    if (st)
        return st;
    crew->identity.shaders = arena_text(&crew->arena, hash, strlen(hash));
    return crew->identity.shaders ? STATUS_OK : STATUS_MEMORY;
}

enum status cli_crew_open(struct cli_crew *crew, const struct cli_env *env)
{
    struct store_identity *identity = &crew->identity;
    char *path = NULL;
    enum status st = cli_manifest_path(&path, &crew->arena, env, crew->plan.model);
    if (!st)
        st = model_open(&crew->model, path);
    if (!st)
        st = hash_model(crew, path);
    if (!st)
        st = hash_shaders(crew);
    if (st)
        return st;
    identity->plan_hash = crew->plan.hash;
    identity->plan = crew->plan.text;
    identity->contract = arena_printf(&crew->arena, "exact-%d", NM_CONTRACT);
    identity->tool = "vkfi " VKFI_VERSION;
    crew->setup.plan = &crew->plan;
    crew->setup.model = crew->model;
    crew->setup.watchdog = (struct campaign_watchdog)CAMPAIGN_WATCHDOG_DEFAULT;
    crew->setup.leave = _exit;
    return identity->contract ? STATUS_OK : STATUS_MEMORY;
}

void cli_crew_finish(struct cli_crew *crew)
{
    model_close(&crew->model);
    arena_finish(&crew->arena);
}

/* --- signals --- */

/* Handlers have no user pointer. */
static volatile sig_atomic_t signals, last_signal;

static void count_signal(int number)
{
    signals = signals < 2 ? signals + 1 : 2;
    last_signal = number;
}

void cli_crew_catch(struct cli_crew *crew)
{
    struct sigaction action = {.sa_handler = count_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    crew->setup.stop = &signals;
}

void cli_crew_reraise(void)
{
    if (last_signal == 0)
        return;
    signal(last_signal, SIG_DFL);
    raise(last_signal);
}
