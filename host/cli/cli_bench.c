/* SPDX-License-Identifier: MIT */
/* `vkfi bench`: the measurement of one device, its table and object, the options. */
#include "cli/cli_bench.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/sort.h"
#include "base/text.h"
#include "cli/cli_manifest.h"
#include "cli/cli_prompt.h"
#include "gpu/bandwidth.h"
#include "model/generate.h"
#include "model/storage.h"

/* --- how fast this machine's cores read memory together --- */

#define BUFFER_BYTES ((size_t)256 << 20) /* beyond any cache */
#define ROUNDS 5
#define THREADS_MAX 256
#define LANES 8

struct reader {
    pthread_t thread;
    uint64_t *data; /* (count) this thread's own part */
    size_t count;
    pthread_barrier_t *barrier; /* of the readers */
    double begin[ROUNDS], end[ROUNDS];
    uint64_t sum; /* kept, so that the reads are not optimised away */
};

static uint64_t read_all(const uint64_t *data, size_t count)
{
    uint64_t sum[LANES] = {0};
    for (size_t i = 0; i + LANES <= count; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++)
            sum[lane] += data[i + lane];
    }
    uint64_t total = 0;
    for (size_t lane = 0; lane < LANES; lane++)
        total += sum[lane];
    return total;
}

/* The thread writes its part first, so that the pages are near it. The rounds start together. It
 * takes the times itself: a waiting thread may be woken when a round is half over. */
static void *run_reader(void *user)
{
    struct reader *r = user;
    memset(r->data, 1, r->count * sizeof(*r->data));
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(r->barrier);
        r->begin[round] = clock_seconds();
        r->sum += read_all(r->data, r->count);
        r->end[round] = clock_seconds();
    }
    return NULL;
}

/* Seconds of the fastest round, from the first reader's start to the last one's end. */
static double shortest_round(const struct reader *reader, uint32_t n)
{
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double begin = reader[0].begin[round], end = reader[0].end[round];
        for (uint32_t i = 1; i < n; i++) {
            begin = fmin(begin, reader[i].begin[round]);
            end = fmax(end, reader[i].end[round]);
        }
        best = round == 0 ? end - begin : fmin(best, end - begin);
    }
    return best;
}

/* Bytes per second of a plain read of a large buffer by `threads` threads (0: all cores). */
static enum status read_bandwidth(double *out, uint32_t threads)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t n = threads > 0 ? threads : cores > 0 ? (uint32_t)cores : 1;
    struct reader reader[THREADS_MAX] = {0};
    pthread_barrier_t barrier;
    n = n > THREADS_MAX ? THREADS_MAX : n;
    const size_t count = BUFFER_BYTES / sizeof(uint64_t) / n;
    uint64_t *data = malloc(count * n * sizeof(*data));
    if (!data || pthread_barrier_init(&barrier, NULL, n) != 0) {
        free(data);
        log_error("out of memory for the bandwidth measurement, %zu bytes wanted", BUFFER_BYTES);
        return STATUS_MEMORY;
    }
    for (uint32_t i = 0; i < n; i++) {
        reader[i] = (struct reader){.data = data + i * count, .count = count, .barrier = &barrier};
        if (pthread_create(&reader[i].thread, NULL, run_reader, &reader[i]) != 0) {
            /* Running threads wait at the barrier forever: the process is about to end. */
            log_error("cannot start thread %u of %u", i + 1, n);
            return STATUS_MEMORY;
        }
    }
    for (uint32_t i = 0; i < n; i++)
        pthread_join(reader[i].thread, NULL);
    *out = (double)(count * n * sizeof(*data)) / shortest_round(reader, n);
    pthread_barrier_destroy(&barrier);
    free(data);
    return STATUS_OK;
}

/* --- the measurement --- */

#define REPEAT_MAX 32

/* Columns whose work is counted. */
static const uint32_t BATCHES[CLI_BENCH_BATCHES] = {16, 64, 256};

struct bench {
    const struct cli_bench_options *options;
    struct cli_bench_figures *out;
    struct arena arena;
    struct model *model;
    struct lib_device device;
    struct generate_params params;
    double start;                   /* of the process's work */
    double first_token;             /* time of the first token ever, 0 before */
    struct cli_bench_amounts first; /* at the first token of the current run */
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
    /* A sentence has more than 16 tokens whatever the tokenizer. */
    for (uint64_t i = 0; i <= wanted / 16; i++)
        text_put(&text, SENTENCE);
    enum status st = text.st;
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
    if (token < 0 || done != 1)
        return;
    if (b->first_token == 0)
        b->first_token = clock_seconds();
    b->first = cli_bench_amounts_of(b->device.ex);
}

/* Of the runs, and of the most columns that are counted. */
static uint32_t positions_of(const struct bench *b)
{
    const uint32_t runs = (uint32_t)(b->options->prompt + b->options->n);
    const uint32_t context = b->model->hp.n_ctx, most = BATCHES[CLI_BENCH_BATCHES - 1];
    const uint32_t counted = most < context ? most : context;
    return runs > counted ? runs : counted;
}

static enum status open_bench(struct bench *b, const struct cli_env *env, const char *device)
{
    const struct cli_bench_options *o = b->options;
    enum status st = cli_manifest_open(&b->model, env, o->model);
    st = st ? st : cli_prompt_fits(b->model, o->prompt, o->n);
    st = st ? st : make_prompt(b);
    st = st ? st : cli_device_find(&b->device, env, device);
    if (st)
        return st;
    struct executor_params needs = {.model = b->model,
                                    .act = (enum storage)o->act,
                                    .kv = (enum storage)o->kv,
                                    .positions = positions_of(b),
                                    .branches = 1,
                                    .threads = (uint32_t)o->threads};
    st = lib_device_start(&b->device, &needs);
    b->params.ex = b->device.ex;
    b->params.progress = note_token;
    b->params.progress_user = b;
    b->out->load_seconds = clock_seconds() - b->start;
    return st;
}

static double median(double *values, size_t count)
{
    sort_doubles(values, count);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static enum status run_once(struct bench *b, double *out_prompt, double *out_decode)
{
    struct generation g;
    struct arena arena = {0};
    const struct cli_bench_amounts start = cli_bench_amounts_of(b->device.ex);
    enum status st = generate(&g, &arena, &b->params);
    if (!st) {
        const double decoded = g.n_tokens - 1;
        kv_release(b->device.ex->kv, g.branch);
        *out_prompt = b->params.n_ids / g.prompt_seconds;
        *out_decode = decoded / g.decode_seconds;
        const struct cli_bench_amounts end = cli_bench_amounts_of(b->device.ex);
        b->out->prompt = cli_bench_amounts_between(&start, &b->first, 1);
        b->out->token = cli_bench_amounts_between(&b->first, &end, decoded);
    }
    arena_finish(&arena);
    return st;
}

/* Weights that one decoded token reads: every matrix and gain once, of experts those it uses, one
 * row of the embedding. */
static uint64_t bytes_of_token(const struct model *model)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < model->graph.count; i++) {
        const struct node *node = &model->graph.node[i];
        if (node->weight && node->op == OP_EMBED)
            bytes += quant_row_bytes(node->weight->type, node->weight->dim[0]);
        else if (node->op == OP_EXPERTS)
            bytes += node->weight->size / model->hp.n_expert * node->groups;
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
        return read_bandwidth(&out->bandwidth, (uint32_t)b->options->threads);
    enum status st = bandwidth_read(b->device.gpu, 0, &out->bandwidth);
    return st ? st : bandwidth_dispatch(b->device.gpu, &out->empty_seconds);
}

static enum status measure(struct bench *b)
{
    struct cli_bench_figures *out = b->out;
    double prompt[REPEAT_MAX], decode[REPEAT_MAX];
    const size_t repeat = (size_t)b->options->repeat;
    struct executor_info info;
    /* The first run is a warm-up: compiling, page faults. Only it gives the time to first token. */
    enum status st = run_once(b, &prompt[0], &decode[0]);
    for (size_t i = 0; !st && i < repeat; i++)
        st = run_once(b, &prompt[i], &decode[i]);
    if (st)
        return st;
    for (size_t i = 0; i < CLI_BENCH_BATCHES && !st; i++) {
        if (BATCHES[i] <= b->device.ex->positions)
            st = cli_bench_columns(&out->columns[i], b->device.ex, &b->params, BATCHES[i]);
    }
    if (st)
        return st;
    executor_info(b->device.ex, &info);
    memcpy(out->opened.device, info.device, sizeof(out->opened.device));
    memcpy(out->opened.driver, info.driver, sizeof(out->opened.driver));
    out->prompt_rate = median(prompt, repeat);
    out->decode_rate = median(decode, repeat);
    out->token_bytes = bytes_of_token(b->model);
    out->read_rate = (double)out->token_bytes * out->decode_rate;
    out->dispatch_seconds = 1 / (out->decode_rate * out->token.dispatches);
    out->first_seconds = b->first_token - b->start;
    out->device_bytes = info.total_bytes;
    out->peak_bytes = cli_bench_peak();
    lib_device_stop(&b->device);
    return measure_device(b);
}

enum status cli_bench_measure(void *figures, const void *options, const struct cli_env *env,
                              const char *device)
{
    struct cli_bench_figures *out = figures;
    struct bench b = {.options = options, .out = out, .start = clock_seconds()};
    *out = (struct cli_bench_figures){.bandwidth = -1, .empty_seconds = -1};
    enum status st = open_bench(&b, env, device);
    st = st ? st : measure(&b);
    const enum status closed = lib_device_finish(&b.device);
    model_close(&b.model);
    arena_finish(&b.arena);
    return st ? st : closed;
}

/* --- the command --- */

static void print_row(const char *name, const char *value)
{
    printf("  %-30s %s\n", name, value);
}

static void print_memory(const struct cli_bench_figures *f)
{
    char a[32], text[96];
    print_row("held by the executor", cli_output_bytes(a, (double)f->device_bytes));
    snprintf(text, sizeof(text), "%s (resident peak of the process)",
             cli_output_bytes(a, (double)f->peak_bytes));
    print_row("peak memory", text);
}

/* Work as counted, and what it comes to on paper. */
static void print_work(const struct cli_bench_figures *f)
{
    char name[64];
    cli_bench_print_amounts("work of the prompt", &f->prompt);
    cli_bench_print_amounts("work of a token", &f->token);
    cli_bench_print_paper(&f->token, 1, "tok/s");
    for (size_t i = 0; i < CLI_BENCH_BATCHES; i++) {
        if (f->columns[i].dispatches <= 0)
            continue;
        snprintf(name, sizeof(name), "work of %" PRIu32 " columns", BATCHES[i]);
        cli_bench_print_amounts(name, &f->columns[i]);
        cli_bench_print_paper(&f->columns[i], BATCHES[i], "columns/s");
    }
    if (f->token.waits > 0) {
        snprintf(name, sizeof(name), "%.2f a token", f->token.recordings);
        print_row("command buffers recorded", name);
    }
}

static void print_figures(const char *name, const void *figures)
{
    const struct cli_bench_figures *f = figures;
    char a[32], b[32], text[160];
    printf("%s: %s\n", name, f->opened.device);
    print_row("driver", f->opened.driver);
    snprintf(text, sizeof(text), "%.1f tok/s", f->prompt_rate);
    print_row("prompt", text);
    snprintf(text, sizeof(text), "%.1f tok/s", f->decode_rate);
    print_row("decode", text);
    snprintf(text, sizeof(text), "%s/s (%s a token)", cli_output_bytes(a, f->read_rate),
             cli_output_bytes(b, (double)f->token_bytes));
    print_row("weights read while decoding", text);
    if (f->bandwidth > 0) {
        snprintf(text, sizeof(text), "%s/s; decoding uses %.0f %% of it",
                 cli_output_bytes(a, f->bandwidth), 100 * f->read_rate / f->bandwidth);
        print_row("plain read of this device", text);
    }
    snprintf(text, sizeof(text), "%.1f a token, %.1f us each on average", f->token.dispatches,
             1e6 * f->dispatch_seconds);
    print_row("dispatches", text);
    print_work(f);
    if (f->empty_seconds >= 0) {
        snprintf(text, sizeof(text), "%.2f us", 1e6 * f->empty_seconds);
        print_row("empty dispatch and barrier", text);
    }
    snprintf(text, sizeof(text), "%.3f s (load %.3f s)", f->first_seconds, f->load_seconds);
    print_row("start to first token", text);
    print_memory(f);
}

static void print_settings(const void *options)
{
    const struct cli_bench_options *o = options;
    printf("%s, act %s, kv %s: prompt of %" PRIu64 ", %" PRIu64
           " tokens decoded, median of %" PRIu64 "\n",
           o->model, storage_name((enum storage)o->act), storage_name((enum storage)o->kv),
           o->prompt, o->n, o->repeat);
}

void cli_bench_put_figures(struct json_writer *w, const void *figures)
{
    const struct cli_bench_figures *f = figures;
    cli_bench_put(w, "prompt_tokens_per_second", f->prompt_rate);
    cli_bench_put(w, "decode_tokens_per_second", f->decode_rate);
    cli_bench_put(w, "weight_bytes_per_token", (double)f->token_bytes);
    cli_bench_put(w, "weight_bytes_per_second", f->read_rate);
    cli_bench_put(w, "read_bytes_per_second", f->bandwidth);
    cli_bench_put(w, "read_share", f->bandwidth > 0 ? f->read_rate / f->bandwidth : -1);
    cli_bench_put(w, "dispatches_per_token", f->token.dispatches);
    cli_bench_put(w, "barriers_per_token", f->token.barriers);
    cli_bench_put(w, "waits_per_token", f->token.waits);
    cli_bench_put(w, "bytes_per_token", f->token.bytes);
    cli_bench_put_amounts(w, "token", &f->token, 1);
    for (size_t i = 0; i < CLI_BENCH_BATCHES; i++) {
        char key[32];
        snprintf(key, sizeof(key), "columns_%" PRIu32, BATCHES[i]);
        if (f->columns[i].dispatches > 0)
            cli_bench_put_amounts(w, key, &f->columns[i], BATCHES[i]);
    }
    cli_bench_put(w, "prompt_dispatches", f->prompt.dispatches);
    cli_bench_put(w, "prompt_barriers", f->prompt.barriers);
    cli_bench_put(w, "prompt_waits", f->prompt.waits);
    cli_bench_put(w, "prompt_bytes", f->prompt.bytes);
    cli_bench_put(w, "seconds_per_dispatch", f->dispatch_seconds);
    cli_bench_put(w, "seconds_per_empty_dispatch", f->empty_seconds);
    cli_bench_put(w, "load_seconds", f->load_seconds);
    cli_bench_put(w, "first_token_seconds", f->first_seconds);
    cli_bench_put(w, "executor_bytes", (double)f->device_bytes);
    cli_bench_put(w, "peak_bytes", (double)f->peak_bytes);
}

static void put_settings(struct json_writer *w, const void *options)
{
    const struct cli_bench_options *o = options;
    json_member_text(w, "model", o->model);
    json_member_text(w, "act", storage_name((enum storage)o->act));
    json_member_text(w, "kv", storage_name((enum storage)o->kv));
    json_member_int(w, "prompt", o->prompt);
    json_member_int(w, "n", o->n);
    json_member_int(w, "repeat", o->repeat);
}

static const char DETAILS[] =
    "DESCRIPTION\n"
    "Measures each device in a process of its own: a first run that warms up, then the "
    "repetitions, "
    "whose medians are printed. The time to the first token is that of the first run, from the "
    "opening of the model on.\n"
    "\n"
    "Weights read per second are the bytes of the model's file that one decoded token needs, times "
    "the tokens per second; their share is of a plain read of a large buffer on the same device. "
    "Peak memory is the resident peak of the process, the mapped model included. On a CPU device a "
    "dispatch is an op. The work of a token and of the prompt: dispatches, barriers between them, "
    "how often the host waits, bytes of operands and results of the ops. Under the work of a token "
    "and of batches of columns, as trials of a campaign make them, stands what it comes to on two "
    "devices on paper, one of 4.8 TB/s and 3e13 operations a second, one of 0.3 TB/s and 3e12: the "
    "larger of bytes and of operations (two a multiply-add) by these, 2 to 6 us for each dispatch "
    "with its barrier, 20 us for each wait.\n"
    "\n"
    "EXIT CODES\n"
    "  0  done\n"
    "  2  wrong usage or model, or no device of that name or index\n"
    "  3  no Vulkan driver, or a device failed\n"
    "Where a device is not there or fails, the figures of the others are printed all the same.\n"
    "\n"
    "`vkfi bench campaign` measures trials instead of tokens; see its --help.\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi bench -d cpu -d vk\n"
    "  vkfi bench -m model.gguf -d cpu --threads 1 --json\n";

enum status cli_bench(const struct cli_env *env, int argc, char **argv)
{
    struct cli_bench_options o = {
        .model = "smollm2-135m", .prompt = 64, .n = 64, .repeat = 3, .threads = env->threads};
    struct cli_bench_run run = {.json = false};
    bool done = false;
    const struct args_option options[] = {
        {'m', "model", ARGS_TEXT, &o.model, "MODEL",
         "Model: a path or a name of `vkfi model list`. Default smollm2-135m.", 0, 0},
        {0, "prompt", ARGS_UINT, &o.prompt, "N", "Prompt tokens. Default 64.", 1, 999999},
        {'n', "tokens", ARGS_UINT, &o.n, "N", "Tokens to decode. Default 64.", 2, 999999},
        {0, "repeat", ARGS_UINT, &o.repeat, "N", "Repetitions after the first run. Default 3.", 1,
         32},
        {0, "act", ARGS_CHOICE, &o.act, "f32|f16|bf16", "Type of activations. Default f32.", 0, 0},
        {0, "kv", ARGS_CHOICE, &o.kv, "f32|f16|bf16", "Type of the KV cache. Default f32.", 0, 0},
        CLI_BENCH_RUN_OPTIONS(&run, &o.threads),
        {0}};
    const struct args_spec spec = {.command = "vkfi bench",
                                   .summary = "measure speed and memory of devices",
                                   .synopsis = "[-m MODEL] [-d DEVICE]... [options]\n"
                                               "campaign [-d DEVICE]... [options]",
                                   .details = DETAILS,
                                   .options = options};
    if (argc > 1 && strcmp(argv[1], "campaign") == 0)
        return cli_bench_campaign(env, argc - 1, argv + 1);
    const struct cli_bench_task task = {.options = &o,
                                        .size = sizeof(struct cli_bench_figures),
                                        .measure = cli_bench_measure,
                                        .print_head = print_settings,
                                        .print = print_figures,
                                        .put_head = put_settings,
                                        .put = cli_bench_put_figures};
    enum status st = args_parse(&spec, argc, argv, &done);
    return st || done ? st : cli_bench_devices(&task, env, &run);
}
