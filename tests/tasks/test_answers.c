/* SPDX-License-Identifier: MIT */
/* Texts of many items together equal those of single whole inferences. */
#include "tasks_bench.h"

#include <stdlib.h>

#include "../model/model_files.h"
#include "model/generate.h"
#include "tasks/answers.h"

#define MOST_ITEMS 20u
#define MOST_SAMPLES 3u
#define MOST_TOKENS 32u
#define SEED 20261130

struct told {
    struct tasks_bench_told run; /* first */
    char *text[MOST_ITEMS][MOST_SAMPLES];
    uint32_t tokens[MOST_ITEMS][MOST_SAMPLES];
    int32_t first[MOST_ITEMS][MOST_SAMPLES][MOST_TOKENS]; /* of them */
    uint64_t hash[MOST_ITEMS][MOST_SAMPLES];
    enum decode_end end[MOST_ITEMS][MOST_SAMPLES];
    char middle[MOST_ITEMS][16]; /* the spelling of the token in the middle of the first sample */
    uint32_t samples;
};

static enum status take(void *user, uint32_t item, const struct answers_text *text)
{
    struct told *told = user;
    for (uint32_t k = 0; k < told->samples; k++) {
        told->text[item][k] = strdup(text[k].text);
        told->tokens[item][k] = text[k].n;
        memcpy(told->first[item][k], text[k].tokens, text[k].n * sizeof(int32_t));
        told->hash[item][k] = text[k].hash;
        told->end[item][k] = text[k].end;
    }
    return tasks_bench_take(&told->run, item);
}

static void finish(struct told *told)
{
    for (uint32_t i = 0; i < told->run.n; i++) {
        for (uint32_t k = 0; k < told->samples; k++)
            free(told->text[i][k]);
    }
    *told = (struct told){0};
}

static enum status run_items(struct told *told, const struct model *model,
                             const struct tasks_bench_place *place,
                             const struct answers_params *items,
                             const struct tasks_bench_split *split)
{
    struct executor_params needs = {.model = model, .columns = split->columns, .threads = 1};
    struct answers_params params = *items;
    params.lanes = split->together;
    params.done = take;
    params.go_on = tasks_bench_go_on;
    params.user = told;
    told->samples = params.samples;
    answers_needs(&needs, &params);
    params.ex = tasks_bench_executor(place, &needs);
    const uint32_t pages = kv_pages_free(params.ex->kv, 0);
    const enum status st = answers_run(&params);
    tasks_bench_expect_free(params.ex, needs.branches, pages);
    executor_destroy(&params.ex);
    return st;
}

struct drawn {
    struct answers_item item[MOST_ITEMS];
    struct decode_stop stop[MOST_ITEMS][2];
    char bytes[MOST_ITEMS][16];
    uint32_t n;
    struct arena arena;
};

/* Prompts of 1 to 100 ids, some after a common start. */
static void draw(struct drawn *d, uint32_t n)
{
    struct rng rng, same;
    *d = (struct drawn){.n = n};
    rng_init(&rng, SEED, 1);
    for (uint32_t i = 0; i < n; i++) {
        struct answers_item *item = &d->item[i];
        const uint32_t common = i % 3 == 2 ? 66 : 0;
        rng_init(&same, SEED, 2);
        *item = (struct answers_item){.n_ids = common + 1 +
                                               (uint32_t)rng_below(&rng, i % 4 == 1 ? 1 : 40),
                                      .key = 100 + i,
                                      .n = i % 5 == 0 ? 1 : 1 + (uint32_t)rng_below(&rng, 30)};
        int32_t *ids = arena_array(&d->arena, item->n_ids, sizeof(*ids));
        item->ids = ids;
        for (uint32_t p = 0; p < item->n_ids; p++)
            ids[p] = (int32_t)rng_below(p < common ? &same : &rng, 256);
    }
}

/* The same by model/generate.h. */
static void run_whole(struct told *told, const struct model *model,
                      const struct answers_params *items)
{
    const struct executor_params needs = {
        .model = model, .positions = 160, .branches = 1, .threads = 1};
    struct executor *ex;
    assert_int_equal(cpu_create(&ex, CPU_AUTO, &needs), STATUS_OK);
    told->run.n = items->n_items;
    told->samples = items->samples;
    for (uint32_t i = 0; i < items->n_items * items->samples; i++) {
        const uint32_t k = i % items->samples, at = i / items->samples;
        const struct answers_item *item = &items->item[at];
        struct arena arena = {0};
        struct generation g;
        struct decode decode;
        struct text text = {0};
        struct generate_params p = {.ex = ex,
                                    .ids = item->ids,
                                    .n_ids = item->n_ids,
                                    .rules = items->rules,
                                    .save_position = EXECUTOR_NONE};
        p.rules.n = item->n;
        p.rules.stops = item->stop;
        p.rules.n_stops = item->n_stops;
        p.rules.sampler.seed = answers_seed(items->rules.sampler.seed, item->key, k);
        assert_int_equal(generate(&g, &arena, &p), STATUS_OK);
        assert_int_equal(decode_open(&decode, &arena, &p.rules, ex), STATUS_OK);
        assert_int_equal(
            decode_answer(&text, &decode, &(struct decode_tokens){g.tokens, g.n_tokens}),
            STATUS_OK);
        told->text[at][k] = strdup(text.data);
        told->tokens[at][k] = g.n_tokens;
        memcpy(told->first[at][k], g.tokens, g.n_tokens * sizeof(int32_t));
        told->hash[at][k] = g.hash;
        told->end[at][k] = g.end;
        text.size = 0;
        assert_int_equal(decode_spell(&text, &decode, g.tokens[g.n_tokens / 2]), STATUS_OK);
        if (k == 0 && text.size > 0)
            snprintf(told->middle[at], sizeof(told->middle[at]), "%s", text.data);
        kv_release(ex->kv, g.branch);
        text_finish(&text);
        arena_finish(&arena);
    }
    executor_destroy(&ex);
}

/* Every second item stops halfway through its text without stop strings. */
static void draw_stops(struct drawn *d, const struct model *model,
                       const struct answers_params *items)
{
    static struct told told;
    for (uint32_t i = 0; i < d->n; i++)
        d->item[i].n_stops = 0;
    finish(&told);
    run_whole(&told, model, items);
    for (uint32_t i = 1; i < d->n; i += 2) {
        snprintf(d->bytes[i], sizeof(d->bytes[i]), "%s", told.middle[i]);
        d->stop[i][0] = (struct decode_stop){"never", 5};
        d->stop[i][1] = (struct decode_stop){d->bytes[i], strlen(d->bytes[i])};
        d->item[i].stop = d->stop[i];
        d->item[i].n_stops = d->bytes[i][0] ? 2 : 1;
    }
    finish(&told);
}

static void expect_same(const struct told *found, const struct told *expected, const char *what)
{
    for (uint32_t i = 0; i < found->run.n; i++) {
        for (uint32_t k = 0; k < found->samples; k++) {
            if (strcmp(found->text[i][k], expected->text[i][k]) != 0 ||
                found->tokens[i][k] != expected->tokens[i][k] ||
                memcmp(found->first[i][k], expected->first[i][k],
                       found->tokens[i][k] * sizeof(int32_t)) != 0 ||
                found->hash[i][k] != expected->hash[i][k] ||
                found->end[i][k] != expected->end[i][k])
                fail_msg("%s: item %u sample %u: found '%s' (%u tokens, %s), expected '%s' (%u, "
                         "%s)",
                         what, i, k, found->text[i][k], found->tokens[i][k],
                         decode_end_name(found->end[i][k]), expected->text[i][k],
                         expected->tokens[i][k], decode_end_name(expected->end[i][k]));
        }
    }
}

static const char *const MODELS[] = {"tiny-llama-q4_1", "tiny-qwen2", "tiny-gemma3"};
#define MODEL_COUNT (sizeof(MODELS) / sizeof(*MODELS))

static void test_any_split(void **state)
{
    static const struct tasks_bench_split splits[] = {{1, 1},   {1, 64}, {3, 5},
                                                      {16, 64}, {24, 8}, {0, 0}};
    static struct drawn d;
    (void)state;
    draw(&d, MOST_ITEMS);
    for (size_t m = 0; m < MODEL_COUNT; m++) {
        struct model *model = tasks_bench_model(MODELS[m]);
        for (int sampled = 0; sampled < 2; sampled++) {
            const struct answers_params items = {
                .item = d.item,
                .n_items = d.n,
                .samples = sampled ? MOST_SAMPLES : 1,
                .rules.sampler = {.temperature = sampled ? 0.9 : 0, .seed = 7}};
            static struct told expected, told;
            draw_stops(&d, model, &items);
            run_whole(&expected, model, &items);
            uint32_t stopped = 0;
            for (uint32_t i = 0; i < d.n; i++)
                stopped += expected.end[i][0] == DECODE_STOP;
            assert_true(stopped > 0 && stopped < d.n);
            for (size_t s = 0; s < sizeof(splits) / sizeof(*splits); s++) {
                const struct tasks_bench_place place = {"cpu", CPU_AUTO, NULL};
                assert_int_equal(run_items(&told, model, &place, &items, &splits[s]), STATUS_OK);
                assert_int_equal(told.run.n, d.n);
                expect_same(&told, &expected, MODELS[m]);
                finish(&told);
            }
            finish(&expected);
        }
        model_close(&model);
    }
    arena_finish(&d.arena);
}

static void test_devices(void **state)
{
    struct tasks_bench_place places[] = {{"scalar", CPU_SCALAR, NULL}, {"vk", CPU_AUTO, NULL}};
    static struct drawn d;
    static struct told expected, told;
    struct model *model = tasks_bench_model("tiny-llama-q4_1");
    (void)state;
    draw(&d, 8);
    const struct answers_params items = {.item = d.item,
                                         .n_items = d.n,
                                         .samples = 2,
                                         .rules.sampler = {.temperature = 0.7, .seed = 1}};
    draw_stops(&d, model, &items);
    run_whole(&expected, model, &items);
    if (gpu_open(&places[1].gpu, NULL))
        print_message("no Vulkan device: the CPU alone\n");
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        if (i == 1 && !places[i].gpu)
            continue;
        assert_int_equal(
            run_items(&told, model, &places[i], &items, &(struct tasks_bench_split){5, 16}),
            STATUS_OK);
        assert_int_equal(told.run.n, d.n);
        expect_same(&told, &expected, places[i].name);
        finish(&told);
    }
    gpu_close(&places[1].gpu);
    finish(&expected);
    arena_finish(&d.arena);
    model_close(&model);
}

static void test_check_refused(void **state)
{
    const struct tasks_bench_place place = {"cpu", CPU_AUTO, NULL};
    const struct decode_check check = {.most_back = 1};
    struct model *model = tasks_bench_model("tiny-llama-q4_1");
    static struct drawn d;
    static struct told told;
    (void)state;
    draw(&d, 2);
    const struct answers_params items = {
        .item = d.item, .n_items = d.n, .samples = 1, .rules.check = &check};
    assert_int_equal(run_items(&told, model, &place, &items, &(struct tasks_bench_split){0, 0}),
                     STATUS_USAGE);
    arena_finish(&d.arena);
    model_close(&model);
}

/* Samples share their prompt, and prompts their common start. */
static void test_shared_prompts(void **state)
{
    struct model *model = tasks_bench_model("tiny-llama-q4_1");
    struct answers_item item[2];
    int32_t ids[2][81];
    struct rng rng;
    static struct told told;
    (void)state;
    rng_init(&rng, SEED, 3);
    for (uint32_t i = 0; i < 2; i++) {
        for (uint32_t p = 0; p < 81; p++)
            ids[i][p] = i && p < 70 ? ids[0][p] : (int32_t)rng_below(&rng, 256);
        item[i] = (struct answers_item){.ids = ids[i], .n_ids = 81, .n = 1};
    }
    const struct tasks_bench_place place = {"cpu", CPU_AUTO, NULL};
    const struct answers_params items = {
        .item = item, .n_items = 2, .samples = 3, .rules.sampler = {.temperature = 1}};
    assert_int_equal(run_items(&told, model, &place, &items, &(struct tasks_bench_split){1, 80}),
                     STATUS_OK);
    assert_int_equal(told.run.columns, 80 + 80 - 64 + 2 * 3);
    finish(&told);
    model_close(&model);
}

static void test_ends_early(void **state)
{
    struct model *model = tasks_bench_model("tiny-llama-q4_1");
    const struct tasks_bench_place place = {"cpu", CPU_AUTO, NULL};
    static struct drawn d;
    static struct told expected, told;
    (void)state;
    draw(&d, MOST_ITEMS);
    const struct answers_params items = {
        .item = d.item, .n_items = d.n, .samples = 2, .rules.sampler = {.temperature = 0.7}};
    draw_stops(&d, model, &items);
    run_whole(&expected, model, &items);
    for (uint32_t after = 1; after < 30; after += 3) {
        told.run.stop_after = after;
        assert_int_equal(
            run_items(&told, model, &place, &items, &(struct tasks_bench_split){7, 16}), STATUS_OK);
        assert_true(told.run.n < d.n);
        expect_same(&told, &expected, "a run that was ended");
        finish(&told);
    }
    told.run.fails_with = STATUS_IO;
    assert_int_equal(run_items(&told, model, &place, &items, &(struct tasks_bench_split){7, 16}),
                     STATUS_IO);
    assert_int_equal(told.run.n, 3);
    finish(&told);
    finish(&expected);
    arena_finish(&d.arena);
    model_close(&model);
}

/* Uniforms depend on seed, item and sample only. */
static void test_seeds(void **state)
{
    uint64_t seen[4 * 8 * 8];
    uint32_t n = 0;
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        for (uint32_t key = 0; key < 8; key++) {
            for (uint32_t sample = 0; sample < 8; sample++)
                seen[n++] = answers_seed(seed, key, sample);
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < i; k++)
            assert_true(seen[i] != seen[k]);
    }
    assert_int_equal(answers_seed(1, 2, 3), answers_seed(1, 2, 3));
}

static void test_encode(void **state)
{
    static const char *const stops[] = {"\n\n", "Question:"};
    struct task_item item = {
        .index = 7, .doc_id = "x/7", .prompt = "Hi", .stop = stops, .n_stops = 2, .max_tokens = 9};
    struct model *model = tasks_bench_model("tiny-llama-q4_1");
    struct arena arena = {0};
    struct answers_item out;
    char longer[300];
    (void)state;
    assert_false(answers_chats(model, ANSWERS_AUTO)); /* it has no template */
    assert_true(answers_chats(model, ANSWERS_CHAT));
    assert_int_equal(answers_encode(&out, &arena, model, &item, ANSWERS_AUTO), STATUS_OK);
    assert_int_equal(out.n_ids, 2);
    assert_int_equal(out.key, 7);
    assert_int_equal(out.n, 9);
    assert_int_equal(out.n_stops, 2);
    assert_string_equal(out.stop[1].bytes, "Question:");
    memset(longer, 'x', sizeof(longer));
    longer[250] = '\0';
    item.prompt = longer;
    assert_int_equal(answers_encode(&out, &arena, model, &item, ANSWERS_AUTO), STATUS_OK);
    assert_int_equal(out.n, 7); /* of 256 positions */
    longer[250] = 'x';
    longer[257] = '\0';
    assert_int_equal(answers_encode(&out, &arena, model, &item, ANSWERS_AUTO), STATUS_INPUT);
    assert_string_equal(log_last_error(), "item x/7: found a prompt of 257 tokens, expected 1 to "
                                          "the model's context of 256");
    item.prompt = "";
    assert_int_equal(answers_encode(&out, &arena, model, &item, ANSWERS_AUTO), STATUS_INPUT);
    arena_finish(&arena);
    model_close(&model);
}

static void test_encode_chat(void **state)
{
    static const char *const stops[] = {"\n\n"};
    const struct task_item item = {
        .doc_id = "x", .prompt = "Hi", .stop = stops, .n_stops = 1, .max_tokens = 9};
    struct model *model;
    struct arena arena = {0};
    struct answers_item chat, plain;
    (void)state;
    if (!model_files_path("smollm2-135m")) {
        print_message("no model smollm2-135m here\n");
        skip();
    }
    assert_int_equal(model_open(&model, model_files_path("smollm2-135m")), STATUS_OK);
    assert_true(answers_chats(model, ANSWERS_AUTO));
    assert_false(answers_chats(model, ANSWERS_PLAIN));
    assert_int_equal(answers_encode(&chat, &arena, model, &item, ANSWERS_AUTO), STATUS_OK);
    assert_int_equal(answers_encode(&plain, &arena, model, &item, ANSWERS_PLAIN), STATUS_OK);
    assert_int_equal(plain.n_ids, 1);
    assert_int_equal(plain.n_stops, 1);
    assert_true(chat.n_ids > 10);
    assert_int_equal(chat.n_stops, 0); /* only the end token */
    arena_finish(&arena);
    model_close(&model);
}

/* Examples are turns by the model's own template; plain, or without a template, they are in the
 * prompt. */
static void test_encode_turns(void **state)
{
    static const struct template_turn turns[] = {{"1 + 1", "2"}, {"3 + 4", "7"}};
    static const char rendered[] =
        "<|im_start|>user\n1 + 1<|im_end|>\n<|im_start|>assistant\n2<|im_end|>\n<|im_start|>user\n"
        "3 + 4<|im_end|>\n<|im_start|>assistant\n7<|im_end|>\n<|im_start|>user\n5 + 6<|im_end|>\n"
        "<|im_start|>assistant\n";
    const struct task_item item = {.doc_id = "x",
                                   .prompt = "1 + 1 = 2, 3 + 4 = 7, 5 + 6 =",
                                   .instruction = "5 + 6",
                                   .turn = turns,
                                   .n_turns = 2,
                                   .max_tokens = 9};
    struct model *model = tasks_bench_model("tiny-llama-q4_1");
    struct arena arena = {0};
    struct answers_item chat, plain;
    int32_t *ids;
    size_t n;
    (void)state;
    assert_int_equal(answers_encode(&chat, &arena, model, &item, ANSWERS_CHAT), STATUS_OK);
    assert_int_equal(answers_encode(&plain, &arena, model, &item, ANSWERS_PLAIN), STATUS_OK);
    assert_int_equal(chat.n_ids, plain.n_ids);
    assert_memory_equal(chat.ids, plain.ids, plain.n_ids * sizeof(*plain.ids));
    model_close(&model);
    if (!model_files_path("smollm2-135m"))
        skip();
    assert_int_equal(model_open(&model, model_files_path("smollm2-135m")), STATUS_OK);
    assert_int_equal(answers_encode(&chat, &arena, model, &item, ANSWERS_AUTO), STATUS_OK);
    const struct tokenizer_text text = {rendered, strlen(rendered), TOKENIZER_CHAT};
    assert_int_equal(tokenizer_encode(model->tokenizer, &arena, &text, &ids, &n), STATUS_OK);
    assert_true(chat.n_ids > n); /* the template begins with a message of the system */
    assert_memory_equal(chat.ids + (chat.n_ids - n), ids, n * sizeof(*ids));
    assert_int_equal(answers_encode(&plain, &arena, model, &item, ANSWERS_PLAIN), STATUS_OK);
    assert_true(plain.n_ids < n);
    arena_finish(&arena);
    model_close(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_split),     cmocka_unit_test(test_devices),
        cmocka_unit_test(test_check_refused), cmocka_unit_test(test_shared_prompts),
        cmocka_unit_test(test_ends_early),    cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_encode),        cmocka_unit_test(test_encode_chat),
        cmocka_unit_test(test_encode_turns),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
