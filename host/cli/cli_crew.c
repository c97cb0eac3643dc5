/* SPDX-License-Identifier: MIT */
/* Devices, model, identity and signals of commands that run trials in worker processes. */
#define _GNU_SOURCE /* sched_getaffinity, strcasestr */
#include "cli/cli_campaign.h"

#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu_flags.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/cli_manifest.h"
#include "probe/probe.h"
#include "shader_table.h"
#include "shared/numerics.h"

/* --- threads for each of several devices --- */

/* Notes a device of -d; `out_place`: its index among the CPU devices. */
static void share_add(struct cli_share *share, const char *device, uint32_t *out_place)
{
    *out_place = share->n_cpu;
    if (strncmp(device, "cpu", 3) == 0)
        share->n_cpu++;
    else
        share->vulkan[share->n_vulkan++] = device;
}

/* Cores that this process may use. */
static uint32_t cores(void)
{
    cpu_set_t set;
    const int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 0;
    return n > 0 ? (uint32_t)n : 1;
}

/* Whether the device named `text` runs on the processor. */
static bool on_processor(const struct gpu_list *list, const char *text)
{
    size_t fits[GPU_LIST_MAX];
    if (strcmp(text, "vk") != 0)
        return gpu_list_fits(list, text, fits) > 0 && list->item[fits[0]].kind == GPU_KIND_CPU;
    for (size_t i = 0; i < list->count; i++) { /* a real GPU is taken first */
        if (list->item[i].kind != GPU_KIND_CPU)
            return false;
    }
    return list->count > 0;
}

/* Threads of the CPU device at `place`, at least 1; 0: all cores. Called in the process of that
 * device: if Vulkan devices run beside it, drivers are loaded to find those on the processor. Such
 * a driver counts as one device; it sets its own number of threads. */
static uint32_t share_threads(const struct cli_share *share, const struct cli_env *env,
                              uint32_t place)
{
    const struct gpu_params params = cli_device_gpu_params(env);
    struct gpu_list list = {0};
    char why[GPU_LIST_WHY];
    uint32_t n = share->n_cpu;
    /* A CPU device not named by -d only does golden runs and reruns, while others wait. */
    if (share->n_cpu == 0)
        return (uint32_t)share->threads;
    if (share->n_vulkan > 0 && gpu_list_try(&list, &params, why) == STATUS_OK) {
        for (uint32_t i = 0; i < share->n_vulkan; i++)
            n += on_processor(&list, share->vulkan[i]);
    }
    if (n == 1)
        return (uint32_t)share->threads;
    const uint32_t all = share->threads > 0 ? (uint32_t)share->threads : cores();
    const uint32_t own = all / n + (place < all % n);
    return own > 0 ? own : 1;
}

/* --- a device in the database --- */

#if defined(__x86_64__) || defined(__i386__)
#define HAS(flag)                                                                                  \
    {                                                                                              \
        flag, __builtin_cpu_supports(flag) != 0                                                    \
    }
#endif

/* "avx2 f16c ...": flags that the forms of the CPU device could use. */
static const char *cpu_flags(struct arena *arena)
{
    char text[128] = "";
#ifdef HAS
    const struct {
        const char *name;
        bool has;
    } flags[] = {HAS("avx"),      {"f16c", cpu_flags_f16c()},
                 HAS("fma"),      HAS("avx2"),
                 HAS("avx512f"),  HAS("avx512bw"),
                 HAS("avx512dq"), HAS("avx512vl")};
    size_t size = 0;
    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
        if (flags[i].has)
            size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%s", size > 0 ? " " : "",
                                     flags[i].name);
    }
#endif
    return arena_text(arena, text, strlen(text));
}

/* {"cases": 71, "differ": {"denormal": 2}, "admitted": true, "reason": "..."} */
static void put_probe(struct json_writer *w, const struct probe_result *result)
{
    char reason[PROBE_REASON_SIZE];
    const bool admitted = probe_admits(result, reason);
    json_object_open(w);
    json_member_int(w, "cases", result->count);
    json_member_object(w, "differ");
    for (int i = 0; i < PROBE_CLASS_COUNT; i++) {
        if (result->differ[i] == 0)
            continue;
        json_member_int(w, probe_class_name((enum probe_class)i), result->differ[i]);
    }
    json_object_close(w);
    json_member_bool(w, "admitted", admitted);
    json_member_text(w, "reason", reason);
    json_object_close(w);
}

static enum status probe_text(const char **out, struct arena *arena, struct gpu *gpu)
{
    struct probe_result result;
    struct json_memory m;
    enum status st = probe_run(gpu, &result);
    if (st)
        return st;
    json_begin_memory(&m, false);
    put_probe(&m.w, &result);
    return json_end_line(out, &m, arena);
}

static enum status gpu_texts(struct store_device *out, struct arena *arena, struct gpu *gpu)
{
    const struct gpu_info *info = gpu_get_info(gpu);
    out->uuid = arena_text(arena, info->uuid, strlen(info->uuid));
    out->driver = arena_printf(arena, "%s %s", info->driver_name, info->driver_info);
    out->driver_version = arena_printf(arena, "%" PRIu32, info->driver_version);
    return probe_text(&out->probe, arena, gpu);
}

/* For an open device with its executor; texts from `arena`. */
static enum status describe_device(struct store_device *out, struct arena *arena,
                                   const struct lib_device *device)
{
    struct executor_info info;
    enum status st = STATUS_OK;
    executor_info(device->ex, &info);
    *out = (struct store_device){.name = arena_text(arena, info.device, strlen(info.device)),
                                 .cpu_flags = cpu_flags(arena),
                                 .threads = info.threads};
    if (info.constants[0])
        out->constants = arena_text(arena, info.constants, strlen(info.constants));
    if (device->gpu) {
        st = gpu_texts(out, arena, device->gpu);
    } else {
        out->driver = "vkfi";
        out->driver_version = VKFI_VERSION;
    }
    return st || (out->name && out->cpu_flags && out->driver && out->driver_version)
               ? st
               : STATUS_MEMORY;
}

#define REFERENCE "cpu"

/* --- devices --- */

static enum status open_device(void *user, const struct executor_params *params,
                               struct campaign_opened *out)
{
    struct cli_crew_device *d = user;
    struct executor_params needs = *params;
    enum status st = cli_device_find(&d->device, d->env, d->text);
    if (!st && !d->device.gpu)
        needs.threads = share_threads(d->share, d->env, d->place);
    st = st ? st : lib_device_start(&d->device, &needs);
    st = st ? st : describe_device(&out->info, &d->arena, &d->device);
    out->ex = d->device.ex;
    return st;
}

static enum status close_device(void *user, struct campaign_opened *opened)
{
    struct cli_crew_device *d = user;
    const enum status st = lib_device_finish(&d->device);
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
    if (strncmp(text, "cpu", 3) == 0) { /* free to look up: no driver is loaded */
        struct lib_device found;
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
    cli_device_tell_once(); /* each worker opens its device */
    crew->share.threads = threads;
    for (size_t i = 0; !st && i < devices->count; i++) {
        st = add_device(crew, env, devices->item[i]);
        if (!st)
            share_add(&crew->share, devices->item[i], &crew->user[i].place);
    }
    for (setup->reference = 0; setup->reference < setup->n_devices; setup->reference++) {
        if (strcmp(crew->device[setup->reference].name, REFERENCE) == 0)
            return st;
    }
    st = st ? st : add_device(crew, env, REFERENCE);
    crew->device[setup->reference].reference_only = devices->count > 0;
    return st;
}

/* --- identity --- */

static enum status hash_model(struct cli_crew *crew, const char *path)
{
    char hash[HASH_SHA256_TEXT];
    const enum status st = file_sha256(path, hash);
    crew->identity.model_hash = st ? NULL : arena_text(&crew->arena, hash, strlen(hash));
    return st || crew->identity.model_hash ? st : STATUS_MEMORY;
}

enum status cli_crew_shaders(const char **out, struct arena *arena)
{
    struct text all = {0};
    char hash[HASH_SHA256_TEXT];
    for (size_t i = 0; i < shader_table_count; i++) {
        const struct shader_code *code = shader_table[i];
        text_add(&all, code->name, strlen(code->name) + 1);
        text_add(&all, (const char *)code->words, code->size);
    }
    const enum status st = all.st;
    if (!st)
        hash_sha256(all.data, all.size, hash);
    text_finish(&all);
    *out = st ? NULL : arena_text(arena, hash, strlen(hash));
    return st || *out ? st : STATUS_MEMORY;
}

enum status cli_crew_open(struct cli_crew *crew, const struct cli_env *env)
{
    struct store_identity *identity = &crew->identity;
    char *path = NULL;
    enum status st = cli_manifest_path(&path, &crew->arena, env, crew->plan.model);
    st = st ? st : model_open(&crew->model, path);
    st = st ? st : hash_model(crew, path);
    st = st ? st : cli_crew_shaders(&crew->identity.shaders, &crew->arena);
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
