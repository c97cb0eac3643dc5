/* SPDX-License-Identifier: MIT */
/* Faulty runs of a tiny model on several devices, with one node's watched rows. */
#ifndef VKFI_TESTS_SPACE_BENCH_H
#define VKFI_TESTS_SPACE_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fpenv.h"
#include "base/log.h"
#include "cpu/cpu.h"
#include "fault_text.h"
#include "gpu/device.h"
#include "inject/space/fault.h"
#include "model/generate.h"
#include "tiny_model.h"
#include "vk/vk.h"

enum { SPACE_PROMPT = 11, SPACE_TOKENS = 5, SPACE_POSITIONS = SPACE_PROMPT + SPACE_TOKENS };
enum { SPACE_DEVICES = 4, SPACE_ROW = 2048, SPACE_FAULTS = 8 };

static const int32_t space_prompt[SPACE_PROMPT] = {72, 105, 33, 200, 7, 99, 12, 250, 44, 5, 61};

struct space_bench {
    struct model *model;
    struct gpu *gpu;
    struct executor *ex[SPACE_DEVICES];
    const char *name[SPACE_DEVICES];
    uint32_t n;
    struct fault_bounds bounds;
};

/* The first `devices` of them: CPU forms, the Vulkan device, and that with its matrices apart. */
struct space_setup {
    const char *file;
    enum storage act, kv;
    uint32_t devices;
};

/* The last opened devices: a CPU driver compiles its kernels for seconds, and many tests need the
 * same. Open until others are needed, or the tests end. */
#define SPACE_KEPT 2
static struct space_kept {
    struct space_setup setup;
    struct space_bench bench;
    bool open;
} space_kept[SPACE_KEPT];
static uint32_t space_turn; /* of the one that the next replaces */

static inline void space_drop(struct space_kept *kept)
{
    if (!kept->open)
        return;
    for (uint32_t i = 0; i < kept->bench.n; i++)
        executor_destroy(&kept->bench.ex[i]);
    gpu_close(&kept->bench.gpu);
    model_close(&kept->bench.model);
    kept->open = false;
}

static inline void space_make(struct space_bench *b, const struct space_setup *setup)
{
    const char *file = setup->file;
    const enum storage act = setup->act, kv = setup->kv;
    char path[1024];
    *b = (struct space_bench){0};
    snprintf(path, sizeof(path), "%s/%s.gguf", VKFI_TINY, file);
    assert_int_equal(model_open(&b->model, path), STATUS_OK);
    const struct executor_params params = {.model = b->model,
                                           .act = act,
                                           .kv = kv,
                                           .positions = SPACE_POSITIONS,
                                           .branches = 9,
                                           .columns = 40,
                                           .threads = 1};
    const enum cpu_form forms[] = {CPU_SCALAR, CPU_AUTO};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(cpu_create(&b->ex[b->n], forms[i], &params), STATUS_OK);
        b->name[b->n++] = i ? "cpu" : "cpu:scalar";
    }
    if (gpu_open(&b->gpu, NULL) == STATUS_OK) {
        struct executor_params separate = params;
        separate.separate = true;
        assert_int_equal(vk_create(&b->ex[b->n], b->gpu, &params), STATUS_OK);
        b->name[b->n++] = gpu_get_info(b->gpu)->name;
        if (setup->devices == SPACE_DEVICES) {
            assert_int_equal(vk_create(&b->ex[b->n], b->gpu, &separate), STATUS_OK);
            b->name[b->n++] = "the same, matrices apart";
        }
    }
    b->bounds = (struct fault_bounds){.model = b->model,
                                      .act = act,
                                      .kv = kv,
                                      .n_prompt = SPACE_PROMPT,
                                      .positions = SPACE_POSITIONS};
}

static inline void space_open_some(struct space_bench *b, const struct space_setup *setup)
{
    uint32_t at = 0;
    for (; at < SPACE_KEPT; at++) {
        const struct space_setup *s = &space_kept[at].setup;
        if (space_kept[at].open && strcmp(s->file, setup->file) == 0 && s->act == setup->act &&
            s->kv == setup->kv && s->devices == setup->devices)
            break;
    }
    if (at == SPACE_KEPT) {
        at = space_turn++ % SPACE_KEPT;
        space_drop(&space_kept[at]);
        space_make(&space_kept[at].bench, setup);
        space_kept[at].setup = *setup;
        space_kept[at].open = true;
    }
    *b = space_kept[at].bench;
}

static inline void space_open(struct space_bench *b, const char *file, enum storage act,
                              enum storage kv)
{
    space_open_some(b, &(struct space_setup){file, act, kv, SPACE_DEVICES});
}

/* Ends the test's use of it; devices stay open for the next one. */
static inline void space_close(struct space_bench *b)
{
    *b = (struct space_bench){0};
}

/* Faults as in plans and command lines. */
static inline uint32_t space_parse(const struct space_bench *b, const char *text,
                                   struct fault out[SPACE_FAULTS])
{
    struct arena arena = {0};
    uint32_t n = 0;
    const struct fault *faults = fault_text(&n, &arena, &b->bounds, text);
    assert_true(n <= SPACE_FAULTS);
    for (uint32_t i = 0; i < n; i++) {
        out[i] = faults[i];
        out[i].site = NULL;
        /* the text of the site goes with the arena */
        char site[FAULT_SITE_TEXT];
        fault_site(&faults[i], site);
        const struct node *node = graph_find(&b->model->graph, site);
        out[i].site = node ? node->site : out[i].tensor ? out[i].tensor->name : "memory";
    }
    arena_finish(&arena);
    return n;
}

/* Results of a run. */
struct space_run {
    int32_t tokens[SPACE_TOKENS];
    uint32_t n_tokens;
    uint64_t hash;
    enum decode_end end;
    struct tap_proof proof[SPACE_FAULTS];
    bool due;
    uint32_t due_position;
    /* rows of one node, by position */
    const struct node *node;
    uint32_t first; /* position of column 0 of the pass being watched */
    uint32_t count[SPACE_POSITIONS];
    uint32_t row[SPACE_POSITIONS][SPACE_ROW]; /* bits */
};

static inline void space_watch(void *user, const struct node *node, uint32_t column,
                               const float *values, uint32_t count)
{
    struct space_run *run = user;
    if (node != run->node)
        return;
    assert_true(count <= SPACE_ROW && run->first + column < SPACE_POSITIONS);
    run->count[run->first + column] = count;
    for (uint32_t i = 0; i < count; i++)
        run->row[run->first + column][i] = nm_canon(lang_bits(values[i]));
}

static inline void space_progress(void *user, int32_t token, uint32_t done)
{
    struct space_run *run = user;
    run->first = token < 0 ? done : SPACE_PROMPT + done - 1;
}

/* A whole inference on a device in passes of at most `columns`. `site`: watched, or null. */
struct space_how {
    uint32_t device, columns;
    const char *site;
};

static inline void space_run(const struct space_bench *b, const char *text, struct space_how how,
                             struct space_run *run)
{
    struct executor *ex = b->ex[how.device];
    const char *site = how.site;
    struct fault faults[SPACE_FAULTS];
    struct tap_fault tapped[SPACE_FAULTS];
    struct tap tap;
    struct arena arena = {0};
    struct generation out;
    const uint32_t n = text ? space_parse(b, text, faults) : 0;
    *run = (struct space_run){.node = site ? graph_find(&b->model->graph, site) : NULL};
    assert_true(!site || run->node);
    for (uint32_t i = 0; i < n; i++)
        fault_tap(&faults[i], &b->bounds, &tapped[i]);
    assert_int_equal(tap_init(&tap, tapped, n, ex), STATUS_OK);
    const struct generate_params params = {.ex = ex,
                                           .ids = space_prompt,
                                           .n_ids = SPACE_PROMPT,
                                           .rules = {.n = SPACE_TOKENS, .ignore_end = true},
                                           .columns = how.columns,
                                           .save_position = EXECUTOR_NONE,
                                           .tap = &tap,
                                           .watch = site ? space_watch : NULL,
                                           .watch_user = run,
                                           .progress = space_progress,
                                           .progress_user = run};
    assert_int_equal(generate(&out, &arena, &params), STATUS_OK);
    kv_release(ex->kv, out.branch);
    run->n_tokens = out.n_tokens;
    memcpy(run->tokens, out.tokens, out.n_tokens * sizeof(*out.tokens));
    run->hash = out.hash;
    run->end = out.end;
    run->due = tap.due;
    run->due_position = tap.due_position;
    for (uint32_t i = 0; i < n; i++) {
        struct fault_run ended = {.n_evaluated =
                                      tap.due ? tap.due_position : SPACE_PROMPT + out.n_tokens - 1,
                                  .due = tap.due};
        uint64_t expected;
        run->proof[i] = tap_proof(&tap, i);
        const bool exact = fault_expected(&expected, &faults[i], &b->bounds, &ended);
        if (exact ? run->proof[i].count != expected : !tap.due && run->proof[i].count > expected)
            fail_msg("%s on %s: fault %u fired %lu times, %lu predicted", text, b->name[how.device],
                     i, (unsigned long)run->proof[i].count, (unsigned long)expected);
    }
    assert_int_equal(tap_finish(&tap, ex), STATUS_OK);
    arena_finish(&arena);
}

/* Compares all that records compare. */
static inline void space_equal(const struct space_run *a, const struct space_run *b,
                               const char *what, const char *device)
{
    if (a->n_tokens != b->n_tokens || a->hash != b->hash || a->due != b->due ||
        a->due_position != b->due_position ||
        memcmp(a->tokens, b->tokens, a->n_tokens * sizeof(*a->tokens)) != 0)
        fail_msg("%s: another run on %s", what, device);
    for (uint32_t i = 0; i < SPACE_FAULTS; i++) {
        const struct tap_proof *x = &a->proof[i], *y = &b->proof[i];
        if (x->count != y->count || x->changed != y->changed || x->position != y->position ||
            x->element != y->element || x->before != y->before || x->after != y->after)
            fail_msg("%s: on %s %lu fired, %lu changed, first at %u element %u: %08x -> %08x; "
                     "expected %lu, %lu, %u, %u: %08x -> %08x",
                     what, device, (unsigned long)y->count, (unsigned long)y->changed, y->position,
                     y->element, y->before, y->after, (unsigned long)x->count,
                     (unsigned long)x->changed, x->position, x->element, x->before, x->after);
    }
}

/* The same run on every device and in three splits of the passes; run (may be null): the first. */
static inline void space_everywhere(const struct space_bench *b, const char *text,
                                    struct space_run *run)
{
    static struct space_run first, other;
    static const uint32_t splits[] = {40, 4, 1};
    space_run(b, text, (struct space_how){.columns = 40}, &first);
    for (uint32_t d = 0; d < b->n; d++) {
        const bool slow = d >= 2; /* a CPU driver */
        for (uint32_t s = d == 0 || d == 3; s < (slow ? 2 : 3); s++) {
            space_run(b, text, (struct space_how){d, splits[s], NULL}, &other);
            space_equal(&first, &other, text, b->name[d]);
        }
    }
    if (run)
        *run = first;
}

static inline int space_main(const struct CMUnitTest *tests, size_t n)
{
    fpenv_set();
    const int failed = _cmocka_run_group_tests("space", tests, n, NULL, NULL);
    for (uint32_t i = 0; i < SPACE_KEPT; i++)
        space_drop(&space_kept[i]);
    return failed;
}

#endif
