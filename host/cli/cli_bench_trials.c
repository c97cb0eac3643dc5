/* SPDX-License-Identifier: MIT */
/* The trials of `vkfi bench campaign` on one device, in its own process. */
#include "cli/cli_bench.h"

#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "cli/cli_manifest.h"
#include "cli/cli_prompt.h"

#define MODEL "smollm2-135m"
#define TOKENS 64u
#define PROMPT_TOKENS 36u

static const char PROMPT[] =
    "Question: Natalia sold 48 clips in April and half as many in May. How many clips did she sell "
    "altogether? Let us think step by step.\nAnswer:";

struct bench {
    const struct cli_bench_campaign_options *options;
    struct cli_bench_campaign_figures *out;
    struct arena arena;
    struct model *model;
    struct certify *certify;
    struct lib_device device;
    int32_t *ids;
    uint32_t n_ids;
    struct golden_shape shape;
    struct golden golden;
    struct fault *fault;   /* (options.trials) of evaluations */
    struct fault *weight;  /* (options.weights) stored */
    struct record *record; /* (options.trials) of the last fast run */
};

static double cpu_seconds(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static enum status open_bench(struct bench *b, const struct cli_env *env, const char *device)
{
    const struct cli_prompt prompt = {.text = PROMPT};
    enum status st = cli_manifest_open(&b->model, env, MODEL);
    st = st ? st : cli_prompt_ids(&prompt, b->model, &b->arena, &b->ids, &b->n_ids);
    if (!st && b->n_ids != PROMPT_TOKENS) {
        log_error("bench campaign: found a prompt of %u tokens, expected %u", b->n_ids,
                  PROMPT_TOKENS);
        st = STATUS_INTERNAL;
    }
    st = st ? st : certify_create(&b->certify, b->model);
    st = st ? st : cli_device_find(&b->device, env, device);
    if (st)
        return st;
    struct executor_params needs = {.model = b->model,
                                    .columns = (uint32_t)b->options->columns,
                                    .threads = (uint32_t)b->options->threads};
    b->shape =
        (struct golden_shape){.n_ids = b->n_ids, .n = TOKENS, .lanes = (uint32_t)b->options->lanes};
    golden_needs(&needs, &b->shape);
    return lib_device_start(&b->device, &needs);
}

static enum status run_golden(struct bench *b)
{
    const struct golden_params params = {.generate = {.ex = b->device.ex,
                                                      .ids = b->ids,
                                                      .n_ids = b->n_ids,
                                                      .rules = {.n = TOKENS, .ignore_end = true},
                                                      .save_position = EXECUTOR_NONE},
                                         .shape = b->shape,
                                         .level = RECORD_FULL,
                                         .certify = b->certify};
    struct executor_info info;
    const double start = clock_seconds();
    const enum status st = golden_run(&b->golden, &b->arena, &params);
    b->out->golden_seconds = clock_seconds() - start;
    executor_info(b->device.ex, &info);
    memcpy(b->out->opened.device, info.device, sizeof(info.device));
    memcpy(b->out->opened.driver, info.driver, sizeof(info.driver));
    b->out->device_bytes = info.total_bytes;
    return st;
}

/* A linear layer inside the blocks, all equally likely. */
static uint32_t draw_linear(struct rng *rng, const struct graph *graph)
{
    uint32_t node;
    do
        node = (uint32_t)rng_below(rng, graph->count);
    while (graph->node[node].op != OP_LINEAR || graph->node[node].layer == GRAPH_NO_LAYER);
    return node;
}

/* One bit of one element of one linear layer's output at one decode step. */
static void draw_output(struct fault *out, const struct bench *b, uint64_t id)
{
    const struct graph *graph = &b->model->graph;
    struct rng rng;
    rng_init(&rng, b->options->seed, id);
    const uint32_t index = draw_linear(&rng, graph);
    const struct node *node = &graph->node[index];
    *out = (struct fault){.place = PLACE_OP,
                          .site = node->site,
                          .node = index,
                          .layer = node->layer,
                          .point = HOOK_OUT,
                          .position = b->n_ids + (uint32_t)rng_below(&rng, TOKENS - 1),
                          .position_count = 1,
                          .row = (uint32_t)rng_below(&rng, node->rows),
                          .row_count = 1,
                          .row_step = 1,
                          .kind = KIND_FLIP,
                          .mask = 1u << rng_below(&rng, 32)};
}

/* One bit of one code of one linear layer's stored weights, struck before the prompt. */
static void draw_weight(struct fault *out, const struct bench *b, uint64_t id)
{
    const struct graph *graph = &b->model->graph;
    struct rng rng;
    rng_init(&rng, b->options->seed + 1, id);
    const struct node *node = &graph->node[draw_linear(&rng, graph)];
    const struct tensor *t = node->weight;
    *out =
        (struct fault){.place = PLACE_WEIGHT,
                       .site = t->name,
                       .layer = node->layer,
                       .tensor = t,
                       .point = HOOK_MEM,
                       .field = QUANT_FIELD_CODE,
                       .duration = DURATION_PERSISTENT,
                       .position_count = UINT32_MAX,
                       .row = (uint32_t)rng_below(&rng, node->rows),
                       .row_count = 1,
                       .row_step = 1,
                       .k = (uint32_t)rng_below(&rng, node->width),
                       .kind = KIND_FLIP,
                       .mask = 1u << rng_below(&rng, quant_field_width(t->type, QUANT_FIELD_CODE))};
}

static enum status draw(struct bench *b)
{
    const struct cli_bench_campaign_options *o = b->options;
    b->fault = arena_array(&b->arena, o->trials, sizeof(*b->fault));
    b->weight = arena_array(&b->arena, o->weights + 1, sizeof(*b->weight));
    b->record = arena_array(&b->arena, o->trials, sizeof(*b->record));
    if (!b->fault || !b->weight || !b->record)
        return STATUS_MEMORY;
    for (uint64_t i = 0; i < o->trials; i++)
        draw_output(&b->fault[i], b, i);
    for (uint64_t i = 0; i < o->weights; i++)
        draw_weight(&b->weight[i], b, i);
    return STATUS_OK;
}

/* One batch, timed. */
struct timed {
    const struct fault *const *fault; /* (n) */
    uint32_t n;
    struct trial_settings settings;
    struct record *record; /* (n) */
};

static enum status run_timed(struct bench *b, const struct timed *timed,
                             struct cli_bench_rate *rate)
{
    struct trial_job *job = arena_array(&b->arena, timed->n + 1, sizeof(*job));
    if (!job)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < timed->n; i++)
        job[i] = (struct trial_job){.fault = timed->fault[i], .n_faults = 1};
    const double start = clock_seconds(), cpu = cpu_seconds();
    const enum status st = trial_batch(timed->record, &b->arena, &b->golden, &timed->settings,
                                       &(struct trial_jobs){job, timed->n});
    *rate = (struct cli_bench_rate){
        .trials = timed->n, .seconds = clock_seconds() - start, .cpu_seconds = cpu_seconds() - cpu};
    return st;
}

/* Both paths over faults [0, n) and [0, n_naive), and whether their records agree. */
struct pair {
    const struct fault *fault;
    uint32_t n, n_naive;
    enum record_level level;
    struct trial_work *work;
    struct cli_bench_rate *fast, *naive;
};

static enum status run_pair(struct bench *b, const struct pair *pair)
{
    const struct fault **list = arena_array(&b->arena, pair->n + 1, sizeof(*list));
    struct record *naive = arena_array(&b->arena, pair->n_naive + 1, sizeof(*naive));
    struct record *fast = arena_array(&b->arena, pair->n + 1, sizeof(*fast));
    char why[FIELD_DIFFERENCE_TEXT];
    if (!list || !naive || !fast)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < pair->n; i++)
        list[i] = &pair->fault[i];
    struct timed timed = {.fault = list,
                          .n = pair->n,
                          .settings = {.level = pair->level, .work = pair->work},
                          .record = fast};
    const struct cli_bench_amounts before = cli_bench_amounts_of(b->device.ex);
    enum status st = run_timed(b, &timed, pair->fast);
    const struct cli_bench_amounts after = cli_bench_amounts_of(b->device.ex);
    if (pair->work)
        b->out->trial = cli_bench_amounts_between(&before, &after, pair->n);
    timed.n = pair->n_naive;
    timed.settings = (struct trial_settings){.level = pair->level, .path = TRIAL_NAIVE};
    timed.record = naive;
    st = st ? st : run_timed(b, &timed, pair->naive);
    for (uint32_t i = 0; i < pair->n_naive && !st; i++) {
        if (record_equal(&naive[i], &fast[i], why))
            continue;
        log_error("bench campaign: trial %u at %s, naive against fast: %s", i, fast[i].fault.site,
                  why);
        b->out->differing++;
    }
    if (pair->fault == b->fault)
        memcpy(b->record, fast, pair->n * sizeof(*fast));
    return st;
}

/* The trials of each class again, alone. */
static enum status run_classes(struct bench *b)
{
    const uint32_t n = (uint32_t)b->options->trials;
    const struct fault **list = arena_array(&b->arena, n, sizeof(*list));
    struct record *record = arena_array(&b->arena, n, sizeof(*record));
    enum status st = list && record ? STATUS_OK : STATUS_MEMORY;
    for (uint32_t class = 0; class < OUTCOME_COUNT && !st; class ++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < n; i++) {
            if (b->record[i].outcome == class)
                list[count++] = &b->fault[i];
        }
        b->out->classes[class] = count;
        const struct timed timed = {
            .fault = list, .n = count, .settings = {.level = RECORD_OUTCOME}, .record = record};
        if (count > 0)
            st = run_timed(b, &timed, &b->out->by_class[class]);
    }
    return st;
}

static enum status measure(struct bench *b)
{
    const struct cli_bench_campaign_options *o = b->options;
    struct cli_bench_campaign_figures *out = b->out;
    enum status st = STATUS_OK;
    for (int level = CLI_BENCH_LEVELS - 1; level >= 0 && !st; level--) {
        /* records of outcomes come last: run_classes uses them */
        const struct pair pair = {.fault = b->fault,
                                  .n = (uint32_t)o->trials,
                                  .n_naive =
                                      (uint32_t)(o->naive < o->trials ? o->naive : o->trials),
                                  .level = (enum record_level)level,
                                  .work = level == RECORD_OUTCOME ? &out->work : NULL,
                                  .fast = &out->fast[level],
                                  .naive = &out->naive[level]};
        st = run_pair(b, &pair);
    }
    st = st ? st : run_classes(b);
    const struct pair weights = {.fault = b->weight,
                                 .n = (uint32_t)o->weights,
                                 .n_naive =
                                     (uint32_t)(o->naive < o->weights ? o->naive : o->weights),
                                 .level = RECORD_OUTCOME,
                                 .fast = &out->weight_fast,
                                 .naive = &out->weight_naive};
    return st ? st : run_pair(b, &weights);
}

enum status cli_bench_trials(void *figures, const void *options, const struct cli_env *env,
                             const char *device)
{
    struct cli_bench_campaign_figures *out = figures;
    struct bench b = {.options = options, .out = out};
    *out = (struct cli_bench_campaign_figures){0};
    enum status st = open_bench(&b, env, device);
    st = st ? st : run_golden(&b);
    st = st ? st : draw(&b);
    st = st ? st : measure(&b);
    out->peak_bytes = cli_bench_peak();
    const enum status closed = lib_device_finish(&b.device);
    certify_destroy(&b.certify);
    model_close(&b.model);
    arena_finish(&b.arena);
    return st ? st : closed;
}
