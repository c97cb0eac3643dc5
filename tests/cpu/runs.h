/* SPDX-License-Identifier: MIT */
/* Tiny models on executors of any form: token columns in, hashes of logit rows out. */
#ifndef VKFI_TESTS_CPU_RUNS_H
#define VKFI_TESTS_CPU_RUNS_H

#include "forms.h"

#include "cpu/cpu.h"

enum { RUNS_POSITIONS = 100, RUNS_BRANCHES = 4, RUNS_COLUMNS = 40, RUNS_ROWS = 96 };

static inline struct model *runs_model(const char *name)
{
    char path[512];
    struct model *model = NULL;

    snprintf(path, sizeof(path), "%s/%s.gguf", VKFI_TINY, name);
    assert_int_equal(model_open(&model, path), STATUS_OK);
    return model;
}

struct runs_kind {
    enum cpu_form form;
    enum storage act, kv;
    uint32_t threads;
};

static inline struct executor *runs_executor(const struct model *model, struct runs_kind kind)
{
    const struct executor_params params = {.model = model,
                                           .act = kind.act,
                                           .kv = kind.kv,
                                           .positions = RUNS_POSITIONS,
                                           .branches = RUNS_BRANCHES,
                                           .columns = RUNS_COLUMNS,
                                           .checkpoints = RUNS_ROWS,
                                           .threads = kind.threads};
    struct executor *ex = NULL;
    assert_int_equal(cpu_create(&ex, kind.form, &params), STATUS_OK);
    return ex;
}

static inline uint32_t runs_branch(struct executor *ex)
{
    uint32_t branch;
    assert_int_equal(kv_branch(ex->kv, &branch), STATUS_OK);
    return branch;
}

static inline int32_t runs_token(uint32_t position)
{
    return (int32_t)(position * 37 % 251 + 3);
}

static inline struct column runs_column(const struct executor *ex, uint32_t branch,
                                        uint32_t position)
{
    return (struct column){.branch = branch,
                           .position = position,
                           .token = runs_token(position),
                           .checkpoint = EXECUTOR_NONE,
                           .save = EXECUTOR_NONE,
                           .end_layer = ex->model->hp.n_layers,
                           .outputs = COLUMN_ARGMAX | COLUMN_HASH};
}

static inline void runs_pass(struct executor *ex, const struct column *columns, uint32_t n,
                             struct column_result *out)
{
    const struct pass pass = {.columns = columns, .n_columns = n};
    assert_int_equal(executor_pass(ex, &pass, out), STATUS_OK);
}

struct runs_span {
    uint32_t branch, from, to; /* positions from `from` to before `to` */
    uint32_t split;            /* columns a pass */
};

/* hashes: indexed by position. */
static inline void runs_tokens(struct executor *ex, struct runs_span span, uint64_t *hashes)
{
    const uint32_t branch = span.branch, from = span.from, to = span.to, split = span.split;
    struct column columns[RUNS_COLUMNS];
    struct column_result results[RUNS_COLUMNS];

    for (uint32_t done = from; done < to; done += split) {
        const uint32_t n = to - done < split ? to - done : split;
        for (uint32_t i = 0; i < n; i++)
            columns[i] = runs_column(ex, branch, done + i);
        runs_pass(ex, columns, n, results);
        for (uint32_t i = 0; i < n; i++)
            hashes[done + i] = results[i].hash;
    }
}

#endif
