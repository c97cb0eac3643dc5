/* SPDX-License-Identifier: MIT */
/* The measurement of one device, in a process of its own. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/cli_bench.h"
#include "cli/cli_child.h"
#include "cli/cli_device.h"
#include "cli/cli_manifest.h"
#include "cli/cli_prompt.h"
#include "gpu/bandwidth.h"
#include "model/generate.h"

#define REPEAT_MAX 32

struct bench {
    const struct cli_bench_options *options;
    struct cli_bench_figures *out;
    struct arena arena;
    struct model *model;
    struct cli_device device;
    struct generate_params params;
    double start;        /* of the process's work */
    double first_token;  /* time of the first token ever, 0 before */
    uint64_t dispatches; /* at the first token of the run under way */
};

/* Any text will do: speed does not depend on it. */
static const char SENTENCE[] = "The quick brown fox jumps over the lazy dog while the band plays "
                               "an old song, and nobody in the street looks up. ";

static enum status make_prompt(struct bench *b)
{
    const uint64_t wanted = b->options->prompt;
    struct text text = {0};
    int32_t *ids = NULL;
    size_t count = 0;
    enum status st = STATUS_OK;
    /* A sentence has more than 16 tokens whatever the tokenizer. */
    for (uint64_t i = 0; !st && i <= wanted / 16; i++)
        st = text_add(&text, SENTENCE, strlen(SENTENCE));
    if (!st)
        st = tokenizer_encode(b->model->tokenizer, &b->arena,
                              &(struct tokenizer_text){text.data, text.size, TOKENIZER_PLAIN}, &ids,
                              &count);
    text_finish(&text);
    if (!st && count < wanted) {
        log_error("bench: a text of %zu tokens was made, %" PRIu64 " were wanted", count, wanted);
        st = STATUS_INTERNAL;
    }
    b->params =
        (struct generate_params){.ids = ids,
                                 .n_ids = (uint32_t)wanted,
                                 .rules = {.n = (uint32_t)b->options->n, .ignore_end = true},
                                 .save_position = EXECUTOR_NONE};
    return st;
}

static void note_token(void *user, int32_t token, uint32_t done)
{
    struct bench *b = user;
    struct executor_info info;
    if (token < 0 || done != 1)
        return;
    if (b->first_token == 0)
        b->first_token = clock_seconds();
    executor_info(b->device.ex, &info);
    b->dispatches = info.dispatches;
}

static enum status open_bench(struct bench *b, const struct cli_env *env, const char *device)
{
    const struct cli_bench_options *o = b->options;
    enum status st = cli_manifest_open(&b->model, env, o->model);
    if (!st)
        st = cli_prompt_fits(b->model, o->prompt, o->n);
    if (!st)
        st = make_prompt(b);
    if (!st)
        st = cli_device_find(&b->device, env, device);
    if (st)
        return st;
    struct executor_params needs = {.model = b->model,
                                    .act = (enum storage)o->act,
                                    .kv = (enum storage)o->kv,
                                    .positions = (uint32_t)(o->prompt + o->n),
                                    .branches = 1,
                                    .threads = (uint32_t)o->threads};
    st = cli_device_start(&b->device, &needs);
    b->params.ex = b->device.ex;
    b->params.progress = note_token;
    b->params.progress_user = b;
    b->out->load_seconds = clock_seconds() - b->start;
    return st;
}

static int compare_numbers(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare_numbers);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static enum status run_once(struct bench *b, double *out_prompt, double *out_decode)
{
    struct generation g;
    struct executor_info info;
    struct arena arena = {0};
    enum status st = generate(&g, &arena, &b->params);
    if (!st) {
        const double decoded = g.n_tokens - 1;
        kv_release(b->device.ex->kv, g.branch);
        executor_info(b->device.ex, &info);
        *out_prompt = b->params.n_ids / g.prompt_seconds;
        *out_decode = decoded / g.decode_seconds;
        b->out->token_dispatches = (double)(info.dispatches - b->dispatches) / decoded;
    }
    arena_finish(&arena);
    return st;
}

/* Weights that one decoded token reads: every matrix and gain once, one row of the embedding. */
static uint64_t bytes_of_token(const struct model *model)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < model->graph.count; i++) {
        const struct node *node = &model->graph.node[i];
        if (node->weight && node->op == OP_EMBED)
            bytes += quant_row_bytes(node->weight->type, node->weight->dim[0]);
        else if (node->weight)
            bytes += node->weight->size;
        if (node->bias)
            bytes += node->bias->size;
    }
    return bytes;
}

static enum status measure_device(struct bench *b)
{
    struct cli_bench_figures *out = b->out;
    if (!b->device.gpu)
        return cli_bandwidth_cpu(&out->bandwidth, (uint32_t)b->options->threads);
    enum status st = bandwidth_read(b->device.gpu, 0, &out->bandwidth);
    return st ? st : bandwidth_dispatch(b->device.gpu, &out->empty_seconds);
}

static enum status measure(struct bench *b)
{
    struct cli_bench_figures *out = b->out;
    double prompt[REPEAT_MAX], decode[REPEAT_MAX];
    const size_t repeat = (size_t)b->options->repeat;
    struct executor_info info;
    /* The first run warms up: compiling, page faults. It alone gives the time to first token. */
    enum status st = run_once(b, &prompt[0], &decode[0]);
    for (size_t i = 0; !st && i < repeat; i++)
        st = run_once(b, &prompt[i], &decode[i]);
    if (st)
        return st;
    executor_info(b->device.ex, &info);
    memcpy(out->opened.device, info.device, sizeof(out->opened.device));
    memcpy(out->opened.driver, info.driver, sizeof(out->opened.driver));
    out->prompt_rate = median(prompt, repeat);
    out->decode_rate = median(decode, repeat);
    out->token_bytes = bytes_of_token(b->model);
    out->read_rate = (double)out->token_bytes * out->decode_rate;
    out->dispatch_seconds = 1 / (out->decode_rate * out->token_dispatches);
    out->first_seconds = b->first_token - b->start;
    out->device_bytes = info.total_bytes;
    out->peak_bytes = cli_child_peak();
    cli_device_stop(&b->device);
    return measure_device(b);
}

enum status cli_bench_measure(struct cli_bench_figures *out,
                              const struct cli_bench_options *options, const struct cli_env *env,
                              const char *device)
{
    struct bench b = {.options = options, .out = out, .start = clock_seconds()};
    *out = (struct cli_bench_figures){.bandwidth = -1, .empty_seconds = -1};
    enum status st = open_bench(&b, env, device);
    if (!st)
        st = measure(&b);
    const enum status closed = cli_device_finish(&b.device);
    model_close(&b.model);
    arena_finish(&b.arena);
    return st ? st : closed;
}
