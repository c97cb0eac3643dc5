/* SPDX-License-Identifier: MIT */
/* Integers that steer, tables, stored bits, several faults, shared passes. */
#include "inject/space/fault_reach.h"
#include "space_bench.h"

static struct space_bench bench;
static struct space_run clean, faulty, other;

#define P SPACE_PROMPT

static void open_bench(const char *file)
{
    space_open(&bench, file, STORAGE_F32, STORAGE_F32);
    space_run(&bench, NULL, (struct space_how){0, 40, NULL}, &clean);
}

static void expect_due(const char *text, uint32_t position, uint32_t after)
{
    space_everywhere(&bench, text, &faulty);
    assert_true(faulty.due);
    assert_int_equal(faulty.due_position, position);
    assert_int_equal(faulty.end, DECODE_DUE);
    assert_int_equal(faulty.proof[0].count, 1);
    assert_int_equal(faulty.proof[0].after, after);
}

static void test_out_of_range_is_caught(void **state)
{
    (void)state;
    open_bench("tiny-llama-q4_1");
    expect_due("{\"site\":\"control.token\",\"bit\":30,\"position\":4}", 4, 7u | 1u << 30);
    expect_due("{\"site\":\"control.position\",\"kind\":\"set\",\"value\":6,\"position\":5}", 5, 6);
    expect_due("{\"site\":\"control.slot\",\"bit\":31,\"position\":5}", 5, 5u | 1u << 31);
    expect_due("{\"site\":\"control.length\",\"kind\":\"zero\",\"step\":1}", P, 0);
    expect_due("{\"site\":\"control.length\",\"kind\":\"set\",\"value\":13,\"step\":1}", P, 13);
    expect_due("{\"site\":\"control.rope\",\"kind\":\"set\",\"value\":16,\"position\":2}", 2, 16);
    expect_due("{\"site\":\"control.sampler\",\"bit\":20,\"step\":2}", P + 1,
               (uint32_t)clean.tokens[2] | 1u << 20);
    assert_int_equal(faulty.n_tokens, 2);
    space_close(&bench);
}

/* Values within range have the effect of what they must be equal to, and have one. */
static void test_in_range_propagates(void **state)
{
    static const char *const texts[] = {
        "{\"site\":\"control.token\",\"kind\":\"stale\",\"position\":4}",
        "{\"site\":\"control.position\",\"kind\":\"stale\",\"step\":1}",
        "{\"site\":\"control.slot\",\"kind\":\"set\",\"value\":3,\"position\":7}",
        "{\"site\":\"control.slot\",\"kind\":\"stale\",\"position\":7,\"duration\":\"permanent\"}",
        "{\"site\":\"control.length\",\"kind\":\"set\",\"value\":2,\"step\":2}",
        "{\"site\":\"control.rope\",\"kind\":\"zero\",\"position\":9}",
        "{\"site\":\"control.sampler\",\"kind\":\"set\",\"value\":17,\"step\":1}"};
    (void)state;
    open_bench("tiny-gemma3"); /* with a window and a second table */
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        space_everywhere(&bench, texts[i], &faulty);
        assert_false(faulty.due);
        if (faulty.hash == clean.hash)
            fail_msg("%s: nothing changed", texts[i]);
    }
    assert_int_equal(faulty.tokens[1], 17); /* the last */
    space_everywhere(&bench,
                     "[{\"site\":\"control.sampler\",\"kind\":\"set\",\"value\":17,\"step\":1},"
                     "{\"site\":\"control.sampler\",\"kind\":\"stale\",\"step\":2}]",
                     &faulty);
    assert_int_equal(faulty.tokens[2], 17);
    space_close(&bench);
}

/* A column that rotates by another row of the table is one whose row was replaced by it. */
static void test_rope_index_is_the_table_row(void **state)
{
    char text[2048];
    size_t used = 0;
    (void)state;
    open_bench("tiny-llama-q4_1");
    const uint32_t n = bench.model->hp.rope_dim;
    space_everywhere(&bench,
                     "{\"site\":\"control.rope\",\"kind\":\"set\",\"value\":2,"
                     "\"step\":1}",
                     &faulty);
    used += (size_t)snprintf(text + used, sizeof(text) - used,
                             "{\"site\":\"rope\",\"kind\":\"wrong_read\",\"from\":2,\"row\":%u,"
                             "\"k\":0,\"ks\":%u,\"step\":1,\"positions\":1}",
                             P, n);
    space_everywhere(&bench, text, &other);
    assert_int_equal(other.hash, faulty.hash);
    assert_int_equal(other.proof[0].count, n);
    space_run(&bench, NULL, (struct space_how){0, 40, NULL}, &faulty);
    assert_int_equal(faulty.hash, clean.hash); /* the table is as it was */
    space_close(&bench);
}

/* A struck entry that is scrubbed before anything reads it again does nothing from then on. */
static void test_scrub(void **state)
{
    (void)state;
    open_bench("tiny-llama-q4_1");
    space_everywhere(&bench,
                     "{\"site\":\"blk.0.kv_v\",\"bit\":30,\"k\":3,\"key\":2,"
                     "\"step\":0,\"positions\":1}",
                     &faulty);
    space_everywhere(&bench,
                     "{\"site\":\"blk.0.attn_heads\",\"point\":\"weight\",\"bit\":30,"
                     "\"key\":2,\"row\":3,\"rows\":1,\"step\":0}",
                     &other);
    assert_int_equal(faulty.proof[0].before, other.proof[0].before);
    assert_true(faulty.hash != clean.hash);
    space_everywhere(&bench,
                     "{\"site\":\"blk.0.kv_v\",\"bit\":30,\"k\":3,\"key\":2,"
                     "\"step\":0}",
                     &other);
    assert_true(faulty.hash != other.hash);
    space_close(&bench);
}

/* Faults of one evaluation all apply, in their order; those of several, each in its own. */
static void test_several(void **state)
{
    static const char *const texts[] = {
        /* the second takes back the first */
        "[{\"site\":\"blk.0.ffn_up\",\"point\":\"operand\",\"bit\":29,\"k\":3,\"step\":1},"
        "{\"site\":\"blk.0.ffn_up\",\"point\":\"operand\",\"bit\":29,\"k\":3,\"step\":1}]",
        "[{\"site\":\"blk.0.ffn_up\",\"point\":\"out\",\"bit\":29,\"row\":3,\"step\":1},"
        "{\"site\":\"blk.0.ffn_up\",\"point\":\"mem\",\"bit\":29,\"row\":3,\"step\":1}]",
        "[{\"site\":\"blk.0.attn_q.weight\",\"bit\":2,\"row\":3,\"k\":9,\"position\":3},"
        "{\"site\":\"blk.0.attn_q.weight\",\"bit\":2,\"row\":3,\"k\":9,\"position\":3}]",
        "[{\"site\":\"control.token\",\"bit\":2,\"position\":3},"
        "{\"site\":\"control.token\",\"bit\":2,\"position\":3}]"};
    (void)state;
    open_bench("tiny-llama-q4_1");
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        space_everywhere(&bench, texts[i], &faulty);
        assert_int_equal(faulty.proof[0].count, 1);
        assert_int_equal(faulty.proof[1].count, 1);
        assert_int_equal(faulty.proof[1].before, faulty.proof[0].after);
        assert_int_equal(faulty.proof[1].after, faulty.proof[0].before);
        if (faulty.hash != clean.hash)
            fail_msg("%s: not the clean run", texts[i]);
    }
    /* operand, weight, partial and result of one output at once */
    space_everywhere(&bench,
                     "[{\"site\":\"blk.0.ffn_up\",\"point\":\"operand\",\"bit\":29,\"k\":3,"
                     "\"step\":1},{\"site\":\"blk.0.ffn_up\",\"point\":\"weight\",\"bit\":3,"
                     "\"k\":4,\"row\":8,\"step\":1},{\"site\":\"blk.0.ffn_up\","
                     "\"point\":\"partial\",\"bit\":28,\"k\":5,\"row\":8,\"step\":1},"
                     "{\"site\":\"blk.0.ffn_up\",\"kind\":\"stale\",\"row\":9,\"step\":1},"
                     "{\"site\":\"blk.0.ffn_up\",\"bit\":22,\"row\":8,\"step\":1}]",
                     &faulty);
    for (int i = 0; i < 5; i++)
        assert_int_equal(faulty.proof[i].count, 1);
    space_close(&bench);
}

static const char *const shared_texts[] = {
    "{\"site\":\"blk.0.attn_k\",\"bit\":30,\"row\":3,\"position\":6}",
    "{\"site\":\"blk.0.attn_q\",\"kind\":\"stale\",\"granularity\":\"vector\",\"position\":6}",
    "{\"site\":\"blk.0.kv_k\",\"bit\":29,\"k\":3,\"key\":2,\"position\":6}",
    "{\"site\":\"control.length\",\"kind\":\"set\",\"value\":3,\"position\":6}",
    "{\"site\":\"blk.0.attn_probs\",\"point\":\"operand\",\"kind\":\"zero\",\"row\":1,"
    "\"keys\":\"all\",\"position\":6}",
    "{\"site\":\"blk.0.ffn_down\",\"kind\":\"random\",\"granularity\":\"tensor\","
    "\"position\":6,\"duration\":\"permanent\"}",
    "{\"site\":\"output\",\"bit\":30,\"row\":3,\"position\":10}",
    "{\"site\":\"token_embd\",\"kind\":\"wrong_write\",\"from\":9,\"row\":3,\"position\":6}"};
enum { SHARED = 8, CHUNK = 5 };

struct shared {
    struct tap_fault tapped[SHARED];
    struct tap tap[SHARED];
    uint32_t branch[SHARED];
    struct tap_pass *pass;
    struct column_result out[SHARED][P];
    struct tap_proof proof[SHARED];
};

static void open_shared(struct shared *s, struct executor *ex)
{
    assert_int_equal(tap_open(&s->pass, ex), STATUS_OK);
    for (int i = 0; i < SHARED; i++) {
        struct fault fault[SPACE_FAULTS];
        space_parse(&bench, shared_texts[i], fault);
        fault_tap(&fault[0], &bench.bounds, &s->tapped[i]);
        assert_int_equal(tap_init(&s->tap[i], &s->tapped[i], 1, ex), STATUS_OK);
        assert_int_equal(kv_branch(ex->kv, &s->branch[i]), STATUS_OK);
    }
}

static void close_shared(struct shared *s, struct executor *ex)
{
    for (int i = 0; i < SHARED; i++) {
        s->proof[i] = tap_proof(&s->tap[i], 0);
        kv_release(ex->kv, s->branch[i]);
        assert_int_equal(tap_finish(&s->tap[i], ex), STATUS_OK);
    }
    tap_close(&s->pass);
}

static void go(struct shared *s)
{
    assert_int_equal(tap_go(s->pass, NULL, NULL), STATUS_OK);
    tap_begin(s->pass);
}

/* Columns [first, first + n) of a branch; separate passes where the tap needs a cut. */
static void add_shared(struct shared *s, int i, uint32_t first, uint32_t n)
{
    for (uint32_t j = 0, m; j < n; j += m) {
        struct column columns[CHUNK];
        m = tap_split(&s->tap[i], first + j, n - j);
        for (uint32_t c = 0; c < m; c++)
            columns[c] = (struct column){
                .branch = s->branch[i],
                .position = first + j + c,
                .token = space_prompt[first + j + c],
                .checkpoint = EXECUTOR_NONE,
                .end_layer = bench.model->hp.n_layers,
                .save = EXECUTOR_NONE,
                .outputs = first + j + c + 1 == P ? COLUMN_HASH | COLUMN_ARGMAX : 0};
        if (j > 0)
            go(s);
        assert_int_equal(tap_add(s->pass, &s->tap[i], columns, m, &s->out[i][first + j]),
                         STATUS_OK);
    }
}

/* Eight branches with one fault each in shared passes give what eight runs give. */
static void test_shared_pass(void **state)
{
    static struct shared together, alone;
    (void)state;
    open_bench("tiny-llama-q4_1");
    for (uint32_t d = 0; d < bench.n; d++) {
        open_shared(&together, bench.ex[d]);
        for (uint32_t first = 0; first < P; first += CHUNK) {
            for (int i = 0; i < SHARED; i++)
                add_shared(&together, i, first, P - first < CHUNK ? P - first : CHUNK);
            go(&together);
        }
        close_shared(&together, bench.ex[d]);
        open_shared(&alone, bench.ex[d]);
        for (int i = 0; i < SHARED; i++) {
            for (uint32_t first = 0; first < P; first += CHUNK) {
                add_shared(&alone, i, first, P - first < CHUNK ? P - first : CHUNK);
                go(&alone);
            }
        }
        close_shared(&alone, bench.ex[d]);
        for (int i = 0; i < SHARED; i++) {
            assert_true(together.proof[i].count > 0);
            assert_memory_equal(&together.proof[i], &alone.proof[i], sizeof(alone.proof[i]));
            assert_int_equal(together.out[i][P - 1].hash, alone.out[i][P - 1].hash);
        }
    }
    space_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_out_of_range_is_caught),
        cmocka_unit_test(test_in_range_propagates),
        cmocka_unit_test(test_rope_index_is_the_table_row),
        cmocka_unit_test(test_scrub),
        cmocka_unit_test(test_several),
        cmocka_unit_test(test_shared_pass),
    };
    return space_main(tests, sizeof(tests) / sizeof(*tests));
}
