/* SPDX-License-Identifier: MIT */
/* Scores of choices: against references, with the same bits for any batch, pass and device. */
#include "tasks_bench.h"

#include <math.h>
#include <stdlib.h>

#include "../model/model_files.h"
#include "base/json.h"
#include "model/detokenizer.h"
#include "model/sampler.h"
#include "tasks/choices.h"

#define MOST_CHOICES 5u
#define MOST_IDS 120u /* of a row */
#define SEED 20261130

/* Scores in order of arrival. */
struct told {
    struct tasks_bench_told run; /* first */
    struct choices_score score[64][MOST_CHOICES];
    const struct choices_item *item;
};

static enum status take(void *user, uint32_t item, const struct choices_score *score)
{
    struct told *told = user;
    memcpy(told->score[item], score, told->item[item].n_choices * sizeof(*score));
    return tasks_bench_take(&told->run, item);
}

static enum status run_items(struct told *told, const struct model *model,
                             const struct tasks_bench_place *place,
                             const struct choices_params *items,
                             const struct tasks_bench_split *split)
{
    struct executor_params needs = {.model = model, .columns = split->columns, .threads = 1};
    struct choices_params params = *items;
    params.batch = split->together;
    params.done = take;
    params.go_on = tasks_bench_go_on;
    params.user = told;
    told->item = items->item;
    choices_needs(&needs, &params);
    params.ex = tasks_bench_executor(place, &needs);
    const uint32_t pages = kv_pages_free(params.ex->kv, 0);
    const enum status st = choices_run(&params);
    tasks_bench_expect_free(params.ex, needs.branches, pages);
    executor_destroy(&params.ex);
    return st;
}

/* A row by itself: one branch, one column per pass. */
static struct choices_score run_whole(struct executor *ex, const struct choices_row *row)
{
    struct choices_score score = {.greedy = true};
    struct column column = {.checkpoint = EXECUTOR_NONE,
                            .end_layer = ex->model->hp.n_layers,
                            .save = EXECUTOR_NONE,
                            .outputs = COLUMN_ARGMAX | COLUMN_LOGITS};
    struct column_result result;
    assert_int_equal(kv_branch(ex->kv, &column.branch), STATUS_OK);
    for (uint32_t p = 0; p + 1 < row->n_ids; p++) {
        const int32_t next = row->ids[p + 1];
        const struct pass pass = {.columns = &column, .n_columns = 1};
        column.position = p;
        column.token = row->ids[p];
        assert_int_equal(executor_pass(ex, &pass, &result), STATUS_OK);
        if (p + 1 < row->n_context)
            continue;
        score.loglik +=
            (double)result.logits[next] - sampler_logsumexp(result.logits, ex->model->hp.n_vocab);
        score.greedy = score.greedy && result.token == (uint32_t)next;
        score.n++;
    }
    kv_release(ex->kv, column.branch);
    return score;
}

static void expect_same(const struct choices_score *found, const struct choices_score *expected,
                        const char *what)
{
    if (memcmp(&found->loglik, &expected->loglik, sizeof(double)) != 0 ||
        found->greedy != expected->greedy || found->n != expected->n)
        fail_msg("%s: found %.17g of %u tokens, greedy %d, expected %.17g of %u, %d", what,
                 found->loglik, found->n, found->greedy, expected->loglik, expected->n,
                 expected->greedy);
}

static void set_shared(struct choices_item *item)
{
    item->n_shared = item->choice[0].n_ids - 1;
    for (uint32_t c = 1; c < item->n_choices; c++) {
        const struct choices_row *row = &item->choice[c];
        uint32_t n = 0;
        while (n < item->n_shared && n < row->n_ids - 1 && row->ids[n] == item->choice[0].ids[n])
            n++;
        item->n_shared = n;
    }
}

/* Random ids. Kinds in turn: one token after a context, long continuations, own contexts after a
 * common start, nothing in common, all after a long start of the whole task, one choice. */
static void draw_item(struct choices_item *out, struct arena *arena, struct rng *rng, uint32_t kind)
{
    static const uint32_t common[] = {30, 20, 7, 0, 70, 9};
    const uint32_t n_common = common[kind] + (uint32_t)rng_below(rng, kind == 3 ? 1 : 35);
    int32_t start[MOST_IDS];
    struct rng same;
    rng_init(&same, SEED, 99);
    for (uint32_t i = 0; i < n_common; i++)
        start[i] = (int32_t)rng_below(kind == 4 && i < 66 ? &same : rng, 256);
    out->n_choices = kind == 5 ? 1 : 2 + (uint32_t)rng_below(rng, MOST_CHOICES - 1);
    out->choice = arena_array(arena, out->n_choices, sizeof(*out->choice));
    for (uint32_t c = 0; c < out->n_choices; c++) {
        struct choices_row *row = &out->choice[c];
        const bool own = kind == 2 || kind == 3;
        const uint32_t more = own ? 1 + (uint32_t)rng_below(rng, 9) : 0;
        row->n_context = n_common + more;
        row->n_ids = row->n_context + (kind == 0 ? 1 : 1 + (uint32_t)rng_below(rng, 12));
        row->ids = arena_array(arena, row->n_ids, sizeof(*row->ids));
        for (uint32_t i = 0; i < row->n_ids; i++)
            row->ids[i] = i < n_common ? start[i] : (int32_t)rng_below(rng, 256);
    }
    set_shared(out);
}

/* The first token of each row becomes the model's own, so that some are greedy. */
static void make_greedy(struct executor *ex, struct choices_row *row)
{
    struct column column = {.checkpoint = EXECUTOR_NONE,
                            .end_layer = ex->model->hp.n_layers,
                            .save = EXECUTOR_NONE,
                            .outputs = COLUMN_ARGMAX};
    struct column_result result;
    assert_int_equal(kv_branch(ex->kv, &column.branch), STATUS_OK);
    for (uint32_t p = 0; p < row->n_context; p++) {
        const struct pass pass = {.columns = &column, .n_columns = 1};
        column.position = p;
        column.token = row->ids[p];
        assert_int_equal(executor_pass(ex, &pass, &result), STATUS_OK);
    }
    kv_release(ex->kv, column.branch);
    row->ids[row->n_context] = (int32_t)result.token;
    row->n_ids = row->n_context + 1;
}

struct drawn {
    struct choices_item item[40];
    struct choices_score expected[40][MOST_CHOICES];
    uint32_t n, columns; /* of all rows, each by itself */
    struct arena arena;
};

static void draw(struct drawn *d, const struct model *model, uint32_t n)
{
    const struct executor_params params = {
        .model = model, .positions = MOST_IDS, .branches = 1, .threads = 1};
    struct executor *ex;
    struct rng rng;
    *d = (struct drawn){.n = n};
    rng_init(&rng, SEED, model->hp.n_layers);
    assert_int_equal(cpu_create(&ex, CPU_AUTO, &params), STATUS_OK);
    for (uint32_t i = 0; i < n; i++) {
        draw_item(&d->item[i], &d->arena, &rng, i % 6);
        make_greedy(ex, &d->item[i].choice[0]);
        set_shared(&d->item[i]);
        for (uint32_t c = 0; c < d->item[i].n_choices; c++) {
            d->expected[i][c] = run_whole(ex, &d->item[i].choice[c]);
            d->columns += d->item[i].choice[c].n_ids - 1;
        }
    }
    executor_destroy(&ex);
}

static void expect_drawn(const struct drawn *d, const struct told *told, const char *what)
{
    char name[128];
    for (uint32_t i = 0; i < told->run.n; i++) {
        for (uint32_t c = 0; c < d->item[i].n_choices; c++) {
            snprintf(name, sizeof(name), "%s: item %u choice %u", what, i, c);
            expect_same(&told->score[i][c], &d->expected[i][c], name);
        }
    }
}

static const char *const MODELS[] = {"tiny-llama-q4_1", "tiny-qwen2", "tiny-gemma3"};
#define MODEL_COUNT (sizeof(MODELS) / sizeof(*MODELS))

/* Common columns, branches, kept starts and passes do not change any bit. */
static void test_any_split(void **state)
{
    static const struct tasks_bench_split splits[] = {{1, 1},   {1, 7},  {1, 64},
                                                      {16, 64}, {16, 5}, {0, 0}};
    static struct drawn d;
    (void)state;
    for (size_t m = 0; m < MODEL_COUNT; m++) {
        struct model *model = tasks_bench_model(MODELS[m]);
        draw(&d, model, 30);
        const struct choices_params items = {.item = d.item, .n_items = d.n};
        for (size_t s = 0; s < sizeof(splits) / sizeof(*splits); s++) {
            static struct told told;
            const struct tasks_bench_place place = {"cpu", CPU_AUTO, NULL};
            told = (struct told){0};
            assert_int_equal(run_items(&told, model, &place, &items, &splits[s]), STATUS_OK);
            assert_int_equal(told.run.n, d.n);
            expect_drawn(&d, &told, MODELS[m]);
            assert_true(told.run.columns < d.columns / 2);
        }
        arena_finish(&d.arena);
        model_close(&model);
    }
}

static void test_devices(void **state)
{
    struct tasks_bench_place places[] = {
        {"scalar", CPU_SCALAR, NULL}, {"avx2", CPU_AVX2, NULL}, {"vk", CPU_AUTO, NULL}};
    static struct drawn d;
    struct model *model = tasks_bench_model("tiny-gemma3");
    (void)state;
    draw(&d, model, 12);
    const struct choices_params items = {.item = d.item, .n_items = d.n};
    if (gpu_open(&places[2].gpu, NULL))
        print_message("no Vulkan device: the CPU alone\n");
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        static struct told told;
        if (i == 2 ? !places[i].gpu : !cpu_form_available(places[i].form))
            continue;
        told = (struct told){0};
        assert_int_equal(
            run_items(&told, model, &places[i], &items, &(struct tasks_bench_split){16, 32}),
            STATUS_OK);
        assert_int_equal(told.run.n, d.n);
        expect_drawn(&d, &told, places[i].name);
    }
    gpu_close(&places[2].gpu);
    arena_finish(&d.arena);
    model_close(&model);
}

/* A start common to items is evaluated once, not once per item. */
static void test_kept_start(void **state)
{
    struct model *model = tasks_bench_model("tiny-llama-q4_1");
    struct choices_item item[8];
    struct arena arena = {0};
    static struct told told;
    struct rng rng;
    uint32_t alone = 0;
    (void)state;
    rng_init(&rng, SEED, 5);
    for (uint32_t i = 0; i < 8; i++) {
        draw_item(&item[i], &arena, &rng, 4);
        alone += item[i].n_shared;
        for (uint32_t c = 0; c < item[i].n_choices; c++)
            alone += item[i].choice[c].n_ids - 1 - item[i].n_shared;
    }
    const struct tasks_bench_place place = {"cpu", CPU_AUTO, NULL};
    const struct choices_params items = {.item = item, .n_items = 8};
    told = (struct told){0};
    assert_int_equal(run_items(&told, model, &place, &items, &(struct tasks_bench_split){1, 0}),
                     STATUS_OK);
    assert_int_equal(told.run.columns,
                     alone - 7 * 64); /* two pages of 66 ids, of all but the first */
    arena_finish(&arena);
    model_close(&model);
}

static void test_ends_early(void **state)
{
    struct model *model = tasks_bench_model("tiny-llama-q4_1");
    const struct tasks_bench_place place = {"cpu", CPU_AUTO, NULL};
    static struct drawn d;
    static struct told told;
    (void)state;
    draw(&d, model, 30);
    const struct choices_params items = {.item = d.item, .n_items = d.n};
    for (uint32_t after = 1; after < 12; after++) {
        told = (struct told){.run = {.stop_after = after}};
        assert_int_equal(
            run_items(&told, model, &place, &items, &(struct tasks_bench_split){16, 16}),
            STATUS_OK);
        assert_true(told.run.n < d.n);
        expect_drawn(&d, &told, "a run that was ended");
    }
    told = (struct told){.run = {.fails_with = STATUS_IO}};
    assert_int_equal(run_items(&told, model, &place, &items, &(struct tasks_bench_split){16, 16}),
                     STATUS_IO);
    assert_int_equal(told.run.n, 3);
    arena_finish(&d.arena);
    model_close(&model);
}

/* Sums of log-probabilities from an independent implementation, for every split of its prompts. */
static void expect_reference(const struct model *model, const struct json *one, const char *name)
{
    const struct json *ids = json_get(one, "ids"), *logprobs = json_get(one, "prompt_logprobs");
    const uint32_t n = (uint32_t)json_count(ids);
    int32_t id[64];
    struct choices_row row[3];
    static struct told told;
    const struct tasks_bench_place place = {"cpu", CPU_AUTO, NULL};
    for (uint32_t i = 0; i < n; i++)
        id[i] = (int32_t)json_number(json_at(ids, i));
    for (uint32_t first = 1; first + 2 < n; first += 3) {
        for (uint32_t c = 0; c < 3; c++)
            row[c] = (struct choices_row){id, n - c, first};
        struct choices_item item = {.choice = row, .n_choices = 3};
        set_shared(&item);
        told = (struct told){0};
        assert_int_equal(run_items(&told, model, &place,
                                   &(struct choices_params){.item = &item, .n_items = 1},
                                   &(struct tasks_bench_split){0, 0}),
                         STATUS_OK);
        for (uint32_t c = 0; c < 3; c++) {
            double expected = 0;
            for (uint32_t p = first; p < n - c; p++)
                expected += json_number(json_at(logprobs, p - 1));
            assert_int_equal(told.score[0][c].n, n - c - first);
            if (!(fabs(told.score[0][c].loglik - expected) < 1e-3))
                fail_msg("%s, from %u: found %.6f, expected %.6f", name, first,
                         told.score[0][c].loglik, expected);
        }
    }
}

static void test_reference(void **state)
{
    struct json_doc *doc;
    (void)state;
    assert_int_equal(json_load(&doc, model_files_reference("tiny.json")), STATUS_OK);
    for (size_t i = 0; i < json_count(json_root(doc)); i++) {
        const struct json *of = json_at(json_root(doc), i);
        struct model *model = tasks_bench_model(json_key(of));
        expect_reference(model, json_at(json_get(of, "cases"), 0), json_key(of));
        model_close(&model);
    }
    json_destroy(&doc);
}

/* A text item and its expected encoding; tokens of the tiny models are bytes. */
struct texts {
    const char *prompt, *context; /* null: the prompt */
    const char *text;
    uint32_t n_context, n_ids;
};

static const struct texts TEXTS[] = {
    {"Q: hot?\nA:", NULL, " yes", 10, 14},
    {"Q: hot?\nA: ", NULL, "yes", 10, 14}, /* the blank goes to the continuation */
    {"Q: hot?\nA:\n\t ", NULL, "yes", 10, 16},
    {"Q:\xE3\x80\x80", NULL, "yes", 2, 8},   /* an ideographic space is one */
    {"Q:\xC2\xA0\xC2\x85", NULL, "y", 2, 7}, /* no-break space, next line */
    {"Q:\xE2\x80\x8B", NULL, "y", 5, 6},     /* zero-width space is none */
    {"not this", "this", " one", 4, 8},
    {"", NULL, "all of it", 1, 10}, /* the begin token stands for the context */
    {"  \n", NULL, "x", 1, 5},
    {"x", "", "yes", 1, 4},
};

static void test_encode(void **state)
{
    struct model *model = tasks_bench_model("tiny-llama-q4_1");
    struct arena arena = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(*TEXTS); i++) {
        const struct texts *t = &TEXTS[i];
        const struct task_choice choice[] = {{t->context, t->text}, {t->context, t->text}};
        const struct task_item item = {
            .doc_id = "x", .prompt = t->prompt, .choice = choice, .n_choices = 2};
        struct choices_item out;
        const char *context = t->context ? t->context : t->prompt;
        char all[64];
        assert_int_equal(choices_encode(&out, &arena, model, &item), STATUS_OK);
        assert_int_equal(out.choice[1].n_context, t->n_context);
        assert_int_equal(out.choice[1].n_ids, t->n_ids);
        assert_int_equal(out.n_shared, t->n_ids - 1);
        snprintf(all, sizeof(all), "%s%s", context, t->text);
        const uint32_t begin = t->n_ids - (uint32_t)strlen(all); /* one id before, or none */
        for (uint32_t c = begin; c < t->n_ids; c++) {
            struct text piece = {0};
            assert_int_equal(
                detokenizer_piece(model->tokenizer, out.choice[0].ids[c], false, &piece),
                STATUS_OK);
            assert_int_equal(piece.data[0], all[c - begin]);
            text_finish(&piece);
        }
        if (begin == 1)
            assert_int_equal(out.choice[0].ids[0], 256);
    }
    arena_finish(&arena);
    model_close(&model);
}

static void expect_refused(const struct model *model, const struct task_item *item,
                           const char *message)
{
    struct arena arena = {0};
    struct choices_item out;
    assert_int_equal(choices_encode(&out, &arena, model, item), STATUS_INPUT);
    assert_string_equal(log_last_error(), message);
    arena_finish(&arena);
}

static void test_refused(void **state)
{
    struct model *model = tasks_bench_model("tiny-llama-q4_1");
    char longer[260];
    struct task_choice choice[] = {{NULL, " a"}, {NULL, ""}, {NULL, longer}};
    struct task_item item = {.doc_id = "x/7", .prompt = "Q", .choice = choice, .n_choices = 2};
    struct arena arena = {0};
    struct choices_item out;
    (void)state;
    expect_refused(model, &item,
                   "item x/7: choice 2: found a continuation without tokens of its own, expected "
                   "at least 1");
    item.n_choices = 0;
    expect_refused(model, &item, "item x/7: found no choices, expected at least 1");
    memset(longer, 'x', sizeof(longer));
    longer[257] = '\0';
    choice[1].text = " b";
    item.n_choices = 3;
    expect_refused(model, &item,
                   "item x/7: choice 3: found 258 tokens, expected at most the model's context of "
                   "256 and one");
    longer[256] = '\0';
    assert_int_equal(choices_encode(&out, &arena, model, &item), STATUS_OK);
    arena_finish(&arena);
    model_close(&model);
}

/* If the last token of a context extends into the continuation, its own tokens stay, and as many of
 * both are left out. */
static void test_merged_boundary(void **state)
{
    const struct task_choice choice = {NULL, "wer is"};
    const struct task_item item = {
        .doc_id = "x", .prompt = "The ans", .choice = &choice, .n_choices = 1};
    struct arena arena = {0};
    struct choices_item out;
    struct model *model;
    struct text text = {0};
    (void)state;
    if (!model_files_path("smollm2-135m")) {
        print_message("no model smollm2-135m here\n");
        skip();
    }
    assert_int_equal(model_open(&model, model_files_path("smollm2-135m")), STATUS_OK);
    assert_int_equal(choices_encode(&out, &arena, model, &item), STATUS_OK);
    for (uint32_t i = 0; i < out.choice[0].n_ids; i++) {
        assert_int_equal(
            text_add(&text, i == out.choice[0].n_context ? "|" : "", i == out.choice[0].n_context),
            STATUS_OK);
        assert_int_equal(detokenizer_piece(model->tokenizer, out.choice[0].ids[i], false, &text),
                         STATUS_OK);
    }
    assert_string_equal(text.data, "The ans| is");
    text_finish(&text);
    arena_finish(&arena);
    model_close(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_split),  cmocka_unit_test(test_devices),
        cmocka_unit_test(test_kept_start), cmocka_unit_test(test_ends_early),
        cmocka_unit_test(test_reference),  cmocka_unit_test(test_encode),
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_merged_boundary),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
