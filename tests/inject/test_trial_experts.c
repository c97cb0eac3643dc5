/* SPDX-License-Identifier: MIT */
/* Trials of a mixture: whole inferences and shared passes give the same records; an expert out of
 * range ends the run; what golden does not choose is not read. */
#include "inject/space/fault_reach.h"
#include "trial_mix.h"

static const struct trial_bench_params params = {
    .file = "tiny-qwen2moe.gguf", .n = 12, .level = RECORD_FULL};

/* Records of one fault, whole and shared at each level; the last is returned. */
static const struct record *run_one(struct trial_bench *b, const struct fault *fault)
{
    const struct trial_job job = {.fault = fault, .n_faults = 1};
    const struct record *fast = NULL;
    for (int level = 0; level <= RECORD_FULL; level++) {
        struct trial_settings settings = {.level = (enum record_level)level, .path = TRIAL_NAIVE};
        const struct record *naive = trial_bench_run(b, &settings, &job, 1);
        settings.path = TRIAL_FAST;
        fast = trial_bench_run(b, &settings, &job, 1);
        trial_bench_expect_equal(naive, fast, "fast against naive");
    }
    return fast;
}

static struct fault choice_fault(const struct trial_bench *b, enum kind kind, uint32_t bits,
                                 uint32_t position)
{
    struct fault fault = {.kind = kind,
                          .mask = bits,
                          .value = bits,
                          .point = HOOK_OUT,
                          .row = 1,
                          .row_count = 1,
                          .row_step = 1,
                          .position = position,
                          .position_count = 1};
    assert_true(fault_find(&fault, b->model, "blk.1.ffn_choice"));
    assert_int_equal(fault_check(&fault, &b->bounds, "choice"), STATUS_OK);
    return fault;
}

static const uint16_t *chosen(const struct trial_bench *b, uint32_t position, uint32_t layer)
{
    const struct hparams *hp = &b->model->hp;
    return b->golden.experts + ((size_t)position * hp->n_layers + layer) * hp->n_used;
}

/* Another expert changes the run at its position; a number that is none's ends it there, in the
 * prompt and later, once or for good. */
static void test_choice(void **state)
{
    struct trial_bench b;
    (void)state;
    trial_bench_open(&b, &params);
    const uint32_t n = b.model->hp.n_expert, prompt = TRIAL_BENCH_PROMPT_COUNT;
    const uint32_t positions[] = {0, 7, prompt - 1, prompt + 3};
    for (size_t i = 0; i < sizeof(positions) / sizeof(*positions); i++) {
        const uint32_t p = positions[i], own = chosen(&b, p, 1)[1];
        struct fault fault = choice_fault(&b, KIND_SET, (own + 1) % n, p);
        const struct record *r = run_one(&b, &fault);
        assert_int_equal(r->activations, 1);
        assert_int_equal(r->before, own);
        assert_int_equal(r->after, (own + 1) % n);
        assert_int_not_equal(r->outcome, OUTCOME_DUE);
        for (int last = 0; last < 2; last++) {
            fault = choice_fault(&b, KIND_SET, n + (last ? 0 : 1u << 30), p);
            fault.position_count = last ? FAULT_FOREVER : 1;
            r = run_one(&b, &fault);
            assert_int_equal(r->outcome, OUTCOME_DUE);
            assert_int_equal(r->due_reason, DUE_RANGE);
            assert_int_equal(r->activations, 1);
            assert_int_equal(r->after, fault.value);
            assert_int_equal(r->faulty_len, p < prompt ? 0 : p - prompt + 1);
        }
        fault = choice_fault(&b, KIND_DRY, 0, p);
        assert_int_equal(run_one(&b, &fault)->outcome, OUTCOME_MASKED_BITEXACT);
    }
    struct fault scaled = choice_fault(&b, KIND_DRY, 0, 3);
    scaled.kind = KIND_SCALE;
    const int kept = mute_begin();
    assert_int_equal(fault_check(&scaled, &b.bounds, "an integer"), STATUS_INPUT);
    mute_end(kept);
    trial_bench_close(&b);
}

/* The first position from `from` on whose column chose the expert in the layer; n_evaluated: none.
 */
static uint32_t first_use(const struct trial_bench *b, uint32_t layer, uint32_t expert,
                          uint32_t from)
{
    for (uint32_t p = from; p < b->golden.n_evaluated; p++) {
        for (uint32_t j = 0; j < b->model->hp.n_used; j++) {
            if (chosen(b, p, layer)[j] == expert)
                return p;
        }
    }
    return b->golden.n_evaluated;
}

/* A stored weight of an expert is reached from the first column on that chooses it, and not at all
 * if none does while it is struck. */
static void test_reach(void **state)
{
    struct trial_bench b;
    uint32_t reached = 0, missed = 0;
    (void)state;
    trial_bench_open(&b, &params);
    const struct hparams *hp = &b.model->hp;
    for (uint32_t i = 0; i < 3 * hp->n_expert; i++) {
        const uint32_t expert = i % hp->n_expert, from = b.golden.n_evaluated - 1 - i % 5;
        struct fault fault = trial_bench_fault(&b, "blk.0.ffn_up_exps.weight", from, 0x40);
        fault.row = expert * hp->n_ff_exp + 8;
        fault.position_count = i % 2 ? FAULT_FOREVER : 1 + i % 3;
        const uint32_t use = first_use(&b, 0, expert, from);
        const bool read = use < b.golden.n_evaluated && (fault.position_count == FAULT_FOREVER ||
                                                         use < from + fault.position_count);
        uint32_t start[256];
        int32_t tokens[256];
        for (uint32_t p = 0; p < b.golden.n_evaluated; p++)
            tokens[p] = golden_token(&b.golden, p);
        fault_reach(&(struct fault_reach){.faults = &fault,
                                          .n_faults = 1,
                                          .bounds = &b.bounds,
                                          .tokens = tokens,
                                          .n_evaluated = b.golden.n_evaluated,
                                          .experts = b.golden.experts},
                    start);
        for (uint32_t p = 0; p < use && p < b.golden.n_evaluated; p++)
            assert_int_equal(start[p], FAULT_REACH_NONE);
        if (read)
            assert_int_equal(start[use], 0);
        const struct record *r = run_one(&b, &fault);
        assert_int_equal(r->outcome != OUTCOME_NOT_REACHED, read);
        assert_int_equal(r->activations, read ? 8 : 0);
        reached += read;
        missed += !read;
    }
    assert_true(reached > 0 && missed > 0);
    trial_bench_close(&b);
}

/* All places, kinds, ranges and durations of faults, one or several a trial. */
static void test_mix(void **state)
{
    static const char *const files[] = {"tiny-mixtral.gguf", "tiny-qwen2moe.gguf",
                                        "tiny-qwen3moe.gguf"};
    uint32_t struck = 0, ranges = 0;
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct trial_bench b;
        struct trial_bench_params p = params;
        p.file = files[i];
        p.act = p.kv = (enum storage)i;
        trial_bench_open(&b, &p);
        trial_mix_draw(&b, 120);
        const struct trial_settings naive = {.level = RECORD_FULL, .path = TRIAL_NAIVE};
        const struct trial_settings fast = {.level = RECORD_FULL, .path = TRIAL_FAST};
        const struct record *whole = trial_bench_run(&b, &naive, b.job, b.count);
        const struct record *shared = trial_bench_run(&b, &fast, b.job, b.count);
        for (uint32_t k = 0; k < b.count; k++) {
            const struct fault *f = &shared[k].fault;
            trial_bench_expect_equal(&whole[k], &shared[k], "fast against naive");
            struck += f->place == PLACE_OP && b.model->graph.node[f->node].op >= OP_CHOOSE;
            ranges += shared[k].due_reason == DUE_RANGE;
        }
        trial_bench_close(&b);
    }
    assert_true(struck > 20 && ranges > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_reach),
        cmocka_unit_test(test_mix),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
