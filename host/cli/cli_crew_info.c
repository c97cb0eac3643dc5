/* SPDX-License-Identifier: MIT */
/* Describes an open device for the database. */
#include "cli/cli_crew_info.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cpu_flags.h"
#include "base/json.h"
#include "gpu/probe.h"

#if defined(__x86_64__) || defined(__i386__)
#define HAS(flag)                                                                                  \
    {                                                                                              \
        flag, __builtin_cpu_supports(flag) != 0                                                    \
    }
#endif

/* "avx2 f16c ..." of what the forms of the CPU device use or could use. */
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
    char reason[512];
    const bool admitted = probe_admits(result, reason, sizeof(reason));
    json_object_open(w);
    json_put_key(w, "cases");
    json_put_int(w, (int64_t)result->count);
    json_put_key(w, "differ");
    json_object_open(w);
    for (int i = 0; i < PROBE_CLASS_COUNT; i++) {
        if (result->differ[i] == 0)
            continue;
        json_put_key(w, probe_class_name((enum probe_class)i));
        json_put_int(w, result->differ[i]);
    }
    json_object_close(w);
    json_put_key(w, "admitted");
    json_put_bool(w, admitted);
    json_put_key(w, "reason");
    json_put_text(w, reason);
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

enum status cli_crew_info(struct store_device *out, struct arena *arena,
                          const struct cli_device *device)
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
