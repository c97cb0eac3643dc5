/* SPDX-License-Identifier: MIT */
/* The Vulkan executor beside the scalar CPU form, on every driver of this machine. */
#ifndef VKFI_TESTS_VK_TESTING_H
#define VKFI_TESTS_VK_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fpenv.h"
#include "base/rng.h"
#include "cpu/cpu.h"
#include "gpu/device.h"
#include "model/model.h"
#include "shared/numerics.h"
#include "tests/gpu/gpu_play.h"
#include "vk/vk.h"

#define VK_TESTING_SKIP 77

static struct gpu *vk_testing_gpu; /* opened by vk_testing_main */

/* Both executors, made and used alike, so that branch numbers agree. */
struct vk_testing {
    struct model *model;
    struct executor *cpu, *vk;
};

static inline void vk_testing_open(struct vk_testing *t, const char *path,
                                   struct executor_params params)
{
    assert_int_equal(model_open(&t->model, path), STATUS_OK);
    params.model = t->model;
    assert_int_equal(cpu_create(&t->cpu, CPU_SCALAR, &params), STATUS_OK);
    assert_int_equal(vk_create(&t->vk, vk_testing_gpu, &params), STATUS_OK);
}

static inline void vk_testing_close(struct vk_testing *t)
{
    executor_destroy(&t->vk);
    executor_destroy(&t->cpu);
    model_close(&t->model);
}

/* Path of a tiny model. */
static inline const char *vk_testing_tiny(const char *name)
{
    static char path[4096];

    snprintf(path, sizeof(path), "%s/%s.gguf", VKFI_TINY, name);
    return path;
}

static inline uint32_t vk_testing_branch(struct vk_testing *t)
{
    uint32_t a, b;

    assert_int_equal(kv_branch(t->cpu->kv, &a), STATUS_OK);
    assert_int_equal(kv_branch(t->vk->kv, &b), STATUS_OK);
    assert_int_equal(a, b);
    return a;
}

static inline void vk_testing_equal_rows(const float *a, const float *b, uint32_t n,
                                         const char *what, uint32_t column)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t x = nm_canon(lang_bits(a[i])), y = nm_canon(lang_bits(b[i]));
        if (x != y)
            fail_msg("%s, column %u, element %u: cpu %08x, vk %08x", what, column, i, x, y);
    }
}

static inline void vk_testing_equal_features(const struct features *a, const struct features *b,
                                             const char *what, uint32_t column)
{
    const float x[] = {a->first, a->second, a->z, a->w, a->squares};
    const float y[] = {b->first, b->second, b->z, b->w, b->squares};

    vk_testing_equal_rows(x, y, 5, what, column);
    if (a->nonfinite != b->nonfinite)
        fail_msg("%s, column %u: cpu %u not finite, vk %u", what, column, a->nonfinite,
                 b->nonfinite);
}

/* All results of a pass, bit for bit. */
static inline void vk_testing_equal(const struct vk_testing *t, const struct pass *pass,
                                    const struct column_result *a, const struct column_result *b,
                                    const char *what)
{
    for (uint32_t i = 0; i < pass->n_columns; i++) {
        vk_testing_equal_features(&a[i].features, &b[i].features, what, i);
        if (a[i].logits)
            vk_testing_equal_rows(a[i].logits, b[i].logits, t->model->hp.n_vocab, what, i);
        if (a[i].hash != b[i].hash || a[i].token != b[i].token || a[i].logit != b[i].logit ||
            a[i].finite != b[i].finite || !a[i].logits != !b[i].logits)
            fail_msg("%s, column %u: cpu %016lx %u %08x %d, vk %016lx %u %08x %d", what, i,
                     (unsigned long)a[i].hash, a[i].token, a[i].logit, a[i].finite,
                     (unsigned long)b[i].hash, b[i].token, b[i].logit, b[i].finite);
    }
}

/* Runs a pass on both and compares results, hooks and guards; out (n_columns) may be null. */
static inline void vk_testing_pass(struct vk_testing *t, const struct pass *pass, const char *what,
                                   struct column_result *out)
{
    struct column_result a[256], b[256];
    struct hook hooks[64];
    struct guard guards[64];
    uint32_t words[4096];
    struct pass other = *pass;

    assert_true(pass->n_columns <= 256 && pass->n_hooks <= 64);
    if (pass->n_hooks > 0)
        memcpy(hooks, pass->hooks, pass->n_hooks * sizeof(*hooks));
    assert_true(pass->n_words <= 4096);
    if (pass->n_words > 0)
        memcpy(words, pass->words, pass->n_words * sizeof(*words));
    assert_true(pass->n_guards <= 64);
    if (pass->n_guards > 0)
        memcpy(guards, pass->guards, pass->n_guards * sizeof(*guards));
    other.hooks = hooks;
    other.guards = guards;
    other.words = words;
    assert_int_equal(executor_pass(t->cpu, &other, a), STATUS_OK);
    assert_int_equal(executor_pass(t->vk, pass, b), STATUS_OK);
    for (uint32_t i = 0; i < pass->n_hooks; i++) {
        const struct hook_data *x = &hooks[i].data, *y = &pass->hooks[i].data;
        if (x->count != y->count || x->changed != y->changed || x->first != y->first ||
            x->before != y->before || x->after != y->after)
            fail_msg("%s, hook %u at %s point %u row %u k %u key %u field %u: cpu count %u %08x -> "
                     "%08x, vk count %u %08x -> %08x",
                     what, i, t->model->graph.node[hooks[i].node].site, hooks[i].point, x->row,
                     x->k, x->key, x->field, x->count, x->before, x->after, y->count, y->before,
                     y->after);
    }
    for (uint32_t i = 0; i < pass->n_guards; i++) {
        if (memcmp(guards[i].verdict, pass->guards[i].verdict, sizeof(guards[i].verdict)) != 0)
            fail_msg("%s, guard %u at %s: cpu %u %u, vk %u %u", what, i,
                     t->model->graph.node[guards[i].node].site, guards[i].verdict[0],
                     guards[i].verdict[1], pass->guards[i].verdict[0], pass->guards[i].verdict[1]);
    }
    if (pass->n_words > 0)
        assert_memory_equal(words, pass->words, pass->n_words * sizeof(*words));
    vk_testing_equal(t, pass, a, b, what);
    if (out)
        memcpy(out, b, pass->n_columns * sizeof(*b));
}

/* A column that starts from its token. */
static inline struct column vk_testing_column(const struct vk_testing *t, uint32_t branch,
                                              uint32_t position, int32_t token, uint32_t outputs)
{
    return (struct column){.branch = branch,
                           .position = position,
                           .token = token,
                           .checkpoint = EXECUTOR_NONE,
                           .save = EXECUTOR_NONE,
                           .end_layer = t->model->hp.n_layers,
                           .outputs = outputs};
}

#define VK_TESTING_ALL (COLUMN_ARGMAX | COLUMN_HASH | COLUMN_LOGITS | COLUMN_FEATURES)

static inline int32_t vk_testing_token(const struct vk_testing *t, struct rng *rng)
{
    return (int32_t)rng_below(rng, t->model->hp.n_vocab);
}

/* Runs this program again with another driver; returns its exit status, VK_TESTING_SKIP without the
 * driver. */
static inline int vk_testing_child(char **argv, const char *icd, const char *library)
{
    const char *files = getenv(icd), *path = getenv(library);
    int status = 0;

    if (!files || access(files, R_OK) != 0) {
        printf("no driver in %s: skipped\n", icd);
        return VK_TESTING_SKIP;
    }
    printf("with %s\n", files);
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        setenv("VK_DRIVER_FILES", files, 1);
        setenv("VKFI_TESTING_CHILD", "1", 1);
        if (path)
            setenv("LD_LIBRARY_PATH", path, 1);
        execv(argv[0], argv);
        _exit(1);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Runs the tests on the default driver, or on the device that VKFI_TEST_PLAY describes; and, with
 * VKFI_EVERY_DRIVER set (the full suite), on those that the environment names. */
static inline int vk_testing_main(char **argv, int (*run)(void))
{
    static const char *const others[][2] = {
        {"VKFI_ICD_LAVAPIPE25", "VKFI_LIB_LAVAPIPE25"},
        {"VKFI_ICD_SWIFTSHADER", "VKFI_LIB_SWIFTSHADER"},
    };
    int failed = 0, ran = 0;

    fpenv_set();
    setvbuf(stdout, NULL, _IOLBF, 0);
    const bool plays = getenv("VKFI_TEST_PLAY");
    if (plays && !gpu_play_init(VKFI_BROKEN_DRIVER))
        return VK_TESTING_SKIP;
    if (gpu_open(&vk_testing_gpu, NULL) == STATUS_OK) {
        failed = run();
        ran++;
        gpu_close(&vk_testing_gpu);
    } else {
        printf("no Vulkan device: skipped\n");
    }
    const bool every = getenv("VKFI_EVERY_DRIVER") && !getenv("VKFI_TESTING_CHILD");
    for (size_t i = 0; every && i < sizeof(others) / sizeof(*others); i++) {
        const int status = vk_testing_child(argv, others[i][0], others[i][1]);
        failed |= status != 0 && status != VK_TESTING_SKIP;
        ran += status != VK_TESTING_SKIP;
    }
    if (plays)
        gpu_play_finish();
    return failed ? 1 : ran > 0 ? 0 : VK_TESTING_SKIP;
}

#endif
