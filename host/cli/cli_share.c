/* SPDX-License-Identifier: MIT */
/* Threads for each of several devices. */
#define _GNU_SOURCE /* sched_getaffinity, strcasestr */
#include "cli/cli_share.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_device.h"

void cli_share_add(struct cli_share *share, const char *device, uint32_t *out_place)
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

/* Whether the device that `text` names runs on the processor. */
static bool on_processor(const struct gpu_list *list, const char *text)
{
    const size_t digits = strspn(text, "0123456789");
    if (strcmp(text, "vk") == 0) { /* a real GPU is taken first */
        for (size_t i = 0; i < list->count; i++) {
            if (list->item[i].kind != GPU_KIND_CPU)
                return false;
        }
        return list->count > 0;
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct gpu_info *info = &list->item[i];
        const bool named = text[digits] == '\0' ? strtoull(text, NULL, 10) == info->index
                                                : strcasestr(info->name, text) ||
                                                      strcasestr(info->driver_name, text);
        if (named)
            return info->kind == GPU_KIND_CPU;
    }
    return false;
}

uint32_t cli_share_threads(const struct cli_share *share, const struct cli_env *env, uint32_t place)
{
    const struct gpu_params params = cli_device_gpu_params(env);
    struct gpu_list list = {0};
    char why[GPU_LIST_WHY];
    uint32_t n = share->n_cpu;
    /* A CPU device that -d does not name runs golden runs and reruns alone, while others wait. */
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
