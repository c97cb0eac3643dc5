/* SPDX-License-Identifier: MIT */
/* Prints what must not move as lines of text: plans, drawn faults, boxes of faults, whole records.
 *
 * A line has values alone, in an order that is this file's own: no name of a member, no number of
 * an enum and no layout of a struct. A redesign changes this file and leaves its lines.
 *
 * usage: frozen_tool plans PLAN...                 identity and canonical form
 *        frozen_tool draws MODEL PLAN COUNT        the first trials of a plan
 *        frozen_tool boxes MODEL < FAULTS          each line of JSON as a box of elements
 *        frozen_tool records MODEL ACT KV < FAULTS each line of JSON as the record of a trial
 *        frozen_tool cells MODEL ACT KV SEED COUNT faults over all cells, as such lines of JSON */
#include <inttypes.h>

#include "../inject/fault_cells.h"
#include "base/fpenv.h"
#include "base/log.h"
#include "cpu/cpu.h"
#include "inject/plan/plan.h"
#include "inject/plan/sample.h"
#include "inject/trial/trial.h"

#define TOOL_PROMPT 36u
#define TOOL_TOKENS 6u
#define TOOL_CONTEXT 8192u /* of every model, so that each plan's prompts fit */
#define TOOL_BATCH 64u
#define TOOL_LINE 65536

/* A model with its golden run on the CPU device. */
struct bench {
    struct model *model;
    struct executor *ex;
    struct golden golden;
    struct fault_bounds bounds;
    struct arena arena;
    int32_t ids[TOOL_PROMPT];
};

static void need(enum status st)
{
    if (st)
        exit(2); /* it has said why */
}

static enum storage storage_of(const char *name)
{
    for (uint32_t i = 0; i < STORAGE_COUNT; i++) {
        if (strcmp(name, storage_name((enum storage)i)) == 0)
            return (enum storage)i;
    }
    fprintf(stderr, "found storage type %s, expected f32, f16 or bf16\n", name);
    exit(2);
}

static void bench_open(struct bench *b, const char *path, const char *act, const char *kv)
{
    const struct golden_shape shape = {.n_ids = TOOL_PROMPT, .n = TOOL_TOKENS};
    *b = (struct bench){0};
    need(model_open(&b->model, path));
    for (uint32_t i = 0; i < TOOL_PROMPT; i++)
        b->ids[i] = (int32_t)((i * 37 + 11) % 251); /* ids of every tiny model */
    struct executor_params needs = {
        .model = b->model, .act = storage_of(act), .kv = storage_of(kv), .threads = 1};
    golden_needs(&needs, &shape);
    need(cpu_create(&b->ex, CPU_AUTO, &needs));
    const struct golden_params params = {
        .generate = {.ex = b->ex,
                     .ids = b->ids,
                     .n_ids = TOOL_PROMPT,
                     .rules = {.n = TOOL_TOKENS, .ignore_end = true},
                     .save_position = EXECUTOR_NONE},
        .shape = shape,
        .level = RECORD_FULL};
    need(golden_run(&b->golden, &b->arena, &params));
    b->bounds = golden_bounds(&b->golden);
}

static void bench_close(struct bench *b)
{
    executor_destroy(&b->ex);
    model_close(&b->model);
    arena_finish(&b->arena);
}

static void put_number(uint32_t value)
{
    if (value == UINT32_MAX) /* absent, all keys, or forever */
        printf(" -");
    else
        printf(" %" PRIu32, value);
}

/* The bits of a number; NaN are canonical. */
static void put_real(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    if (value != value)
        printf(" nan");
    else
        printf(" %016" PRIx64, bits);
}

static void put_fault(const struct fault *f)
{
    char site[FAULT_SITE_TEXT];
    const uint32_t box[] = {f->position, f->position_count, f->row,    f->row_count, f->row_step,
                            f->k,        f->k_count,        f->k_step, f->key,       f->key_count};
    const bool read = f->place == PLACE_OP && (f->point == HOOK_WEIGHT || f->point == HOOK_OPERAND);
    fault_site(f, site);
    printf(" %s %s %s %s %s %s %s", site, kinds_text(KINDS_PLACE, f->place),
           kinds_text(KINDS_POINT, f->point), quant_field_name(f->field),
           kinds_text(KINDS_GRANULARITY, f->granularity),
           read ? kinds_text(KINDS_READERS, f->readers) : "-",
           kinds_text(KINDS_DURATION, f->duration));
    for (uint32_t i = 0; i < sizeof(box) / sizeof(*box); i++) {
        if (i < 2 || i == 2 || i == 5 || i == 8 || box[i] != 0)
            put_number(box[i]);
        else
            put_number(1); /* counts and steps of 0 count as 1 */
    }
    printf(" %s %08x %08x %08x %08x %" PRIu32 " %08x %08x %08x %016" PRIx64 " %016" PRIx64,
           kinds_text(KINDS_KIND, f->kind), f->mask, f->value, f->low, f->high, f->from,
           f->only_mask, f->only_value, f->rate, f->key_low, f->key_high);
}

static void put_words(enum kinds_table table, uint32_t bits)
{
    const char *between = " ";
    for (uint32_t i = 0; i < kinds_count(table); i++) {
        if (bits >> i & 1) {
            printf("%s%s", between, kinds_text(table, i));
            between = ",";
        }
    }
    if (bits == 0)
        printf(" -");
}

static void put_record(const struct record *r, uint32_t n_layers)
{
    const double reals[] = {r->margin_at_fault, r->margin_min_after, r->logp_sum,
                            r->logp_mean,       r->logp_worst,       r->kl};
    put_fault(&r->fault);
    printf(" | %" PRIu64 " %" PRIu64 " %s %08x %08x %s", r->activations, r->expected_activations,
           r->conditional ? "conditional" : "exact", r->before, r->after,
           kinds_text(KINDS_OUTCOME, r->outcome));
    printf(" %s", r->due_reason ? kinds_text(KINDS_DUE_REASON, r->due_reason) : "-");
    put_words(KINDS_FLAG, r->flags);
    put_number(r->first_diff);
    printf(" |");
    for (uint32_t i = 0; i < r->faulty_len; i++)
        printf(" %" PRId32, r->tokens[i]);
    printf(" | %016" PRIx64, r->hashed ? r->hash : 0);
    for (uint32_t i = 0; i < sizeof(reals) / sizeof(*reals); i++)
        put_real(reals[i]);
    printf(" |");
    for (uint32_t i = 0; r->deviation && i <= n_layers; i++) {
        put_real(r->deviation[i].max_abs);
        put_real(r->deviation[i].rel_l2);
        put_number(r->deviation[i].bits);
    }
    printf(" |");
    put_number(r->healed_at);
    printf(" %s", r->nan_site ? r->nan_site : "-");
    put_number(r->nan_layer);
    put_number(r->nan_step);
}

/* The next line of standard input as faults; false at its end. A line that is refused is null. */
static bool read_fault(struct fault **out, struct arena *arena, const struct fault_bounds *bounds)
{
    static char line[TOOL_LINE];
    struct json_doc *doc = NULL;
    uint32_t count = 0;
    *out = NULL;
    if (!fgets(line, sizeof(line), stdin))
        return false;
    const int kept = mute_begin();
    if (json_parse(&doc, line, strlen(line), "line") ||
        fault_parse(out, &count, arena, doc, bounds) || count != 1)
        *out = NULL;
    mute_end(kept);
    json_destroy(&doc);
    return true;
}

static void print_boxes(const char *path)
{
    struct arena arena = {0};
    struct fault *fault;
    struct model *model;
    need(model_open(&model, path));
    const struct fault_bounds bounds = {
        .model = model, .n_prompt = TOOL_PROMPT, .positions = TOOL_PROMPT + TOOL_TOKENS};
    while (read_fault(&fault, &arena, &bounds)) {
        if (fault)
            put_fault(fault);
        else
            printf(" refused");
        putchar('\n');
    }
    arena_finish(&arena);
    model_close(&model);
}

/* Runs one batch; false if there are no more lines. */
static bool print_batch(struct bench *b)
{
    const struct trial_settings settings = {.level = RECORD_FULL};
    struct trial_job job[TOOL_BATCH];
    struct record record[TOOL_BATCH];
    struct arena arena = {0};
    uint32_t n = 0;
    for (struct fault *f; n < TOOL_BATCH && read_fault(&f, &b->arena, &b->bounds); n++) {
        if (!f) {
            fprintf(stderr, "a frozen fault is refused: %s\n", log_last_error());
            exit(2);
        }
        job[n] = (struct trial_job){.fault = f, .n_faults = 1};
    }
    if (n > 0)
        need(trial_batch(record, &arena, &b->golden, &settings, &(struct trial_jobs){job, n}));
    for (uint32_t i = 0; i < n; i++) {
        put_record(&record[i], b->model->hp.n_layers);
        putchar('\n');
    }
    arena_finish(&arena);
    return n == TOOL_BATCH;
}

static void print_records(char **argv)
{
    struct bench b;
    bench_open(&b, argv[0], argv[1], argv[2]);
    while (print_batch(&b))
        ;
    bench_close(&b);
}

static void print_cells(char **argv)
{
    const uint64_t seed = strtoull(argv[3], NULL, 10), count = strtoull(argv[4], NULL, 10);
    struct fault_cells cells;
    struct json_writer w;
    struct fault fault;
    struct bench b;
    bench_open(&b, argv[0], argv[1], argv[2]);
    fault_cells_init(&cells, &b.bounds, b.golden.n_evaluated, seed);
    fprintf(stderr, "%s: %" PRIu32 " cells\n", argv[0], cells.count);
    for (uint64_t i = 0; i < count; i++) {
        fault_cells_draw(&fault, &cells, i);
        json_begin(&w, stdout, false);
        fault_put(&w, &fault);
        need(json_end(&w));
    }
    fault_cells_finish(&cells);
    bench_close(&b);
}

static void print_plans(int count, char **paths)
{
    for (int i = 0; i < count; i++) {
        struct arena arena = {0};
        struct plan plan;
        need(plan_load(&plan, &arena, paths[i], NULL));
        printf("%s %s", plan.hash, plan.canon); /* ends in a line feed */
        arena_finish(&arena);
    }
}

static void put_draw(const struct sample *sample, const struct sample_draw *d)
{
    printf("%" PRIu64 " %s %" PRIu64 " %" PRIu64 " %" PRIu32 " %s", d->trial,
           d->role == ROLE_TRIAL ? "trial" : kinds_text(KINDS_ROLE, d->role), d->original,
           d->fault_index, d->item, kinds_text(KINDS_STAGE, d->stage));
    printf(" \"%s\"", d->role == ROLE_SENTINEL ? "" : sample_stratum(sample, d->stratum).label);
    put_real(d->weight);
    put_real(d->draw_prob);
    for (uint32_t i = 0; i < d->n_faults; i++) {
        printf(" |");
        put_fault(&d->fault[i]);
    }
    putchar('\n');
}

/* Hypotheses do not enter a draw, but may name what this model lacks. */
static void print_draws(char **argv)
{
    const uint64_t count = strtoull(argv[2], NULL, 10);
    struct arena arena = {0};
    struct sample *sample = NULL;
    struct model *model;
    struct plan plan;
    need(model_open(&model, argv[0]));
    model->hp.n_ctx = TOOL_CONTEXT;
    need(plan_load(&plan, &arena, argv[1], NULL));
    plan.n_hypotheses = 0;
    struct sample_item *item = arena_array(&arena, plan.n_items, sizeof(*item));
    for (uint32_t i = 0; i < plan.n_items; i++) {
        struct plan_input input;
        need(plan_item_input(&plan, i, model, &arena, &input));
        need(plan_item_size(&item[i], &arena, &plan, &input, input.n));
    }
    need(sample_create(&sample, &plan, model, item));
    for (uint64_t i = 0; i < count && i < sample_trials(sample); i++) {
        struct arena one = {0};
        struct sample_draw draw;
        need(sample_draw(sample, i, &one, &draw));
        put_draw(sample, &draw);
        arena_finish(&one);
    }
    sample_destroy(&sample);
    model_close(&model);
    arena_finish(&arena);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    fpenv_set();
    if (strcmp(what, "plans") == 0 && argc > 2) {
        print_plans(argc - 2, argv + 2);
    } else if (strcmp(what, "draws") == 0 && argc == 5) {
        print_draws(argv + 2);
    } else if (strcmp(what, "boxes") == 0 && argc == 3) {
        print_boxes(argv[2]);
    } else if (strcmp(what, "records") == 0 && argc == 5) {
        print_records(argv + 2);
    } else if (strcmp(what, "cells") == 0 && argc == 7) {
        print_cells(argv + 2);
    } else {
        fprintf(stderr, "usage: frozen_tool plans|draws|boxes|records|cells ...\n");
        return 2;
    }
    return ferror(stdout) || fflush(stdout) ? 2 : 0;
}
