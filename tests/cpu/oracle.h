/* SPDX-License-Identifier: MIT */
/* Reference outputs of tests/reference: one case run on an executor and compared. */
#ifndef VKFI_TESTS_CPU_ORACLE_H
#define VKFI_TESTS_CPU_ORACLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/model_files.h"
#include "base/json.h"
#include "cpu/cpu.h"
#include "model/sampler.h"

#define ORACLE_CLOSE 0.02 /* reference logits nearer than this: either token may come first */

struct oracle_limits {
    double logit, logprob;
};

struct oracle_run {
    struct executor *ex;
    const struct json *json; /* the case */
    const char *name;
    struct oracle_limits limits;
    uint32_t columns; /* a pass */
    uint32_t branch;
    double worst_logit, worst_logprob; /* seen */
};

struct oracle_what {
    const char *name;
    uint32_t index;
    double limit, *worst;
};

/* Compares one number, and keeps the worst difference. */
static inline void oracle_near(const struct oracle_run *run, double found, double expected,
                               struct oracle_what what)
{
    const double difference = fabs(found - expected);

    if (!(difference <= what.limit))
        fail_msg("%s: %s %u: found %.6f, expected %.6f within %g", run->name, what.name, what.index,
                 found, expected, what.limit);
    *what.worst = fmax(*what.worst, difference);
}

/* Evaluates the prompt in passes; returns the last column's result. */
static inline struct column_result oracle_prompt(struct oracle_run *run)
{
    const struct json *ids = json_get(run->json, "ids");
    const struct json *logprobs = json_get(run->json, "prompt_logprobs");
    const struct hparams *hp = &run->ex->model->hp;
    const uint32_t n = (uint32_t)json_count(ids);
    struct column columns[64];
    struct column_result results[64];

    for (uint32_t done = 0; done < n; done += run->columns) {
        const uint32_t count = n - done < run->columns ? n - done : run->columns;
        for (uint32_t i = 0; i < count; i++) {
            columns[i] = (struct column){.branch = run->branch,
                                         .position = done + i,
                                         .token = (int32_t)json_number(json_at(ids, done + i)),
                                         .checkpoint = EXECUTOR_NONE,
                                         .save = EXECUTOR_NONE,
                                         .end_layer = hp->n_layers};
            columns[i].outputs = COLUMN_ARGMAX | COLUMN_HASH | COLUMN_LOGITS;
        }
        const struct pass pass = {.columns = columns, .n_columns = count};
        assert_int_equal(executor_pass(run->ex, &pass, results), STATUS_OK);
        for (uint32_t i = 0; i < count && done + i + 1 < n; i++) {
            const uint32_t next = (uint32_t)json_number(json_at(ids, done + i + 1));
            const double found =
                (double)results[i].logits[next] - sampler_logsumexp(results[i].logits, hp->n_vocab);
            const double expected = json_number(json_at(logprobs, done + i));
            oracle_near(run, found, expected,
                        (struct oracle_what){"log-probability", done + i, run->limits.logprob,
                                             &run->worst_logprob});
        }
        if (done + count == n)
            return results[count - 1];
    }
    return results[0];
}

static inline void oracle_row(struct oracle_run *run, const struct column_result *result)
{
    const struct json *row = json_get(run->json, "last_logits");

    for (uint32_t i = 0; row && i < json_count(row); i++) {
        const double expected = json_number(json_at(row, i));
        oracle_near(run, (double)result->logits[i], expected,
                    (struct oracle_what){"logit", i, run->limits.logit, &run->worst_logit});
    }
}

/* False if the reference's first two logits are too close and the other one was picked: the rest is
 * skipped. */
static inline bool oracle_step(struct oracle_run *run, const struct column_result *result,
                               uint32_t step)
{
    const struct json *top = json_get(json_at(json_get(run->json, "steps"), step), "top");
    const uint32_t expected = (uint32_t)json_number(json_at(json_get(run->json, "greedy"), step));

    for (uint32_t i = 0; i < json_count(top); i++) {
        const uint32_t id = (uint32_t)json_number(json_at(json_at(top, i), 0));
        const double logit = json_number(json_at(json_at(top, i), 1));
        oracle_near(run, (double)result->logits[id], logit,
                    (struct oracle_what){"top logit", i, run->limits.logit, &run->worst_logit});
    }
    const double gap =
        json_number(json_at(json_at(top, 0), 1)) - json_number(json_at(json_at(top, 1), 1));
    const uint32_t second = (uint32_t)json_number(json_at(json_at(top, 1), 0));
    if (gap < ORACLE_CLOSE && result->token != expected && result->token == second) {
        print_message("%s: step %u: first two logits of the reference are %.4f apart and the "
                      "second came; rest of the case skipped\n",
                      run->name, step, gap);
        return false;
    }
    if (result->token != expected)
        fail_msg("%s: step %u: found token %u, expected %u", run->name, step, result->token,
                 expected);
    return true;
}

/* One case: prompt log-probabilities, logits, greedy tokens. */
static inline void oracle_case(struct oracle_run *run)
{
    const uint32_t n = (uint32_t)json_count(json_get(run->json, "ids"));
    const uint32_t steps = (uint32_t)json_count(json_get(run->json, "greedy"));

    assert_int_equal(kv_branch(run->ex->kv, &run->branch), STATUS_OK);
    struct column_result result = oracle_prompt(run);
    oracle_row(run, &result);
    for (uint32_t step = 0; step < steps; step++) {
        if (!oracle_step(run, &result, step) || step + 1 == steps)
            break;
        const struct column column = {.branch = run->branch,
                                      .position = n + step,
                                      .token = (int32_t)result.token,
                                      .checkpoint = EXECUTOR_NONE,
                                      .save = EXECUTOR_NONE,
                                      .end_layer = run->ex->model->hp.n_layers,
                                      .outputs = COLUMN_ARGMAX | COLUMN_HASH | COLUMN_LOGITS};
        const struct pass pass = {.columns = &column, .n_columns = 1};
        assert_int_equal(executor_pass(run->ex, &pass, &result), STATUS_OK);
    }
    kv_release(run->ex->kv, run->branch);
}

/* All cases of a model's reference, or the first `most`, on one executor. */
static inline void oracle_cases(struct executor *ex, const struct json *reference, uint32_t most,
                                struct oracle_run run)
{
    const struct json *cases = json_get(reference, "cases");

    assert_true(json_count(cases) > 0);
    for (uint32_t i = 0; i < json_count(cases) && i < most; i++) {
        run.ex = ex;
        run.json = json_at(cases, i);
        run.worst_logit = run.worst_logprob = 0;
        oracle_case(&run);
        print_message("%s, case %u: worst logit %.2g, log-probability %.2g\n", run.name, i,
                      run.worst_logit, run.worst_logprob);
    }
}

/* Cases of a real model on a form; skips the test without the model. */
static inline void oracle_real(const char *name, enum cpu_form form, uint32_t most)
{
    char file[64];
    struct json_doc *reference;
    struct executor *ex;
    struct model *model;
    struct executor_info info;

    snprintf(file, sizeof(file), "%s.json", name);
    if (!model_files_path(name)) {
        print_message("%s: no model here\n", name);
        skip();
    }
    assert_int_equal(json_load(&reference, model_files_reference(file)), STATUS_OK);
    assert_int_equal(model_open(&model, model_files_path(name)), STATUS_OK);
    const struct executor_params params = {.model = model, .positions = 1024, .branches = 1};
    assert_int_equal(cpu_create(&ex, form, &params), STATUS_OK);
    executor_info(ex, &info);
    print_message("%s on %s\n", name, info.device);
    oracle_cases(
        ex, json_root(reference), most,
        (struct oracle_run){.name = name, .limits = {1e-3, 1e-3}, .columns = info.max_columns});
    executor_destroy(&ex);
    model_close(&model);
    json_destroy(&reference);
}

#endif
