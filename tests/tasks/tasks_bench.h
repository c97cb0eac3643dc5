/* SPDX-License-Identifier: MIT */
/* Tiny models and random items for tests of choices and answers. */
#ifndef VKFI_TESTS_TASKS_BENCH_H
#define VKFI_TESTS_TASKS_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/fpenv.h"
#include "base/log.h"
#include "base/rng.h"
#include "cpu/cpu.h"
#include "gpu/device.h"
#include "vk/vk.h"

static inline struct model *tasks_bench_model(const char *name)
{
    char path[1024];
    struct model *model;
    snprintf(path, sizeof(path), "%s/%s.gguf", VKFI_TINY, name);
    assert_int_equal(model_open(&model, path), STATUS_OK);
    return model;
}

/* Target of a run: a form of the CPU device, or a Vulkan device. */
struct tasks_bench_place {
    const char *name;
    enum cpu_form form;
    struct gpu *gpu; /* null: the CPU */
};

static inline struct executor *tasks_bench_executor(const struct tasks_bench_place *place,
                                                    const struct executor_params *params)
{
    struct executor *ex;
    assert_int_equal(place->gpu ? vk_create(&ex, place->gpu, params)
                                : cpu_create(&ex, place->form, params),
                     STATUS_OK);
    return ex;
}

/* What a run tells of its items: the first member of a test's own struct. */
struct tasks_bench_told {
    uint32_t n, columns;    /* items in order; of all passes */
    uint32_t stop_after;    /* passes; 0: never */
    enum status fails_with; /* at the third item */
};

/* How a run is split: items (or texts) together, columns of a pass; 0: the library's choice. */
struct tasks_bench_split {
    uint32_t together, columns;
};

/* To be called for an item when it is done; the status to return. */
static inline enum status tasks_bench_take(struct tasks_bench_told *told, uint32_t item)
{
    assert_int_equal(item, told->n);
    told->n++;
    return told->n == 3 ? told->fails_with : STATUS_OK;
}

static inline bool tasks_bench_go_on(void *user, uint32_t columns)
{
    struct tasks_bench_told *told = user;
    told->columns += columns;
    return told->stop_after == 0 || --told->stop_after > 0;
}

/* All branches and pages are given back. */
static inline void tasks_bench_expect_free(struct executor *ex, uint32_t branches, uint32_t pages)
{
    uint32_t branch[256];
    assert_true(branches <= 256);
    assert_int_equal(kv_pages_free(ex->kv, 0), pages);
    for (uint32_t i = 0; i < branches; i++)
        assert_int_equal(kv_branch(ex->kv, &branch[i]), STATUS_OK);
    for (uint32_t i = 0; i < branches; i++)
        kv_release(ex->kv, branch[i]);
}

#endif
