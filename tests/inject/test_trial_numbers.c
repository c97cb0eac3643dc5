/* SPDX-License-Identifier: MIT */
/* Flags of an output by its tokens, and log-probabilities against plain sums. */
#include "trial_bench.h"

#include <math.h>

#include "inject/trial/flags.h"
#include "inject/trial/shift.h"

#define MOST 40

static struct decode decode;

static uint32_t flags(const int32_t *tokens, uint32_t n, uint32_t golden)
{
    const struct flags_run run = {
        .decode = &decode, .tokens = tokens, .n_tokens = n, .golden_tokens = golden};
    uint32_t out;
    assert_int_equal(flags_of(&out, &run), STATUS_OK);
    return out;
}

static bool has(uint32_t bits, enum flag flag)
{
    return bits >> flag & 1u;
}

/* Makes a text that ends in `times` units of `unit` tokens. */
static uint32_t repeated(uint32_t unit, uint32_t times, uint32_t golden)
{
    int32_t tokens[2 * MOST];
    uint32_t n = 0;
    for (; n < 3; n++)
        tokens[n] = (int32_t)(90 + n);
    for (uint32_t i = 0; i < unit * times; i++)
        tokens[n++] = (int32_t)(40 + i % unit);
    return flags(tokens, n, golden);
}

static void test_flags(void **state)
{
    struct trial_bench b;
    int32_t end = 0;
    (void)state;
    trial_bench_open(&b, &(struct trial_bench_params){.file = "tiny-llama-q4_1.gguf", .n = 4});
    decode = b.golden.decode;
    decode.rules.n = MOST;
    decode.rules.ignore_end = false;
    while (!tokenizer_is_end(b.model->tokenizer, end))
        end++;
    assert_true(has(repeated(1, 16, 99), FLAG_REPETITION));
    assert_false(has(repeated(1, 15, 99), FLAG_REPETITION)); /* not long enough */
    assert_true(has(repeated(5, 4, 99), FLAG_REPETITION));
    assert_false(has(repeated(5, 3, 99), FLAG_REPETITION)); /* not often enough */
    assert_true(has(repeated(9, 4, 99), FLAG_REPETITION));
    int32_t tokens[MOST];
    for (int i = 0; i < MOST; i++)
        tokens[i] = 40 + i;
    assert_int_equal(flags(tokens, 8, 8), 0);
    assert_true(has(flags(tokens, MOST, MOST), FLAG_HIT_LENGTH_LIMIT));
    decode.rules.ignore_end = true;
    assert_false(has(flags(tokens, MOST, MOST), FLAG_HIT_LENGTH_LIMIT));
    decode.rules.ignore_end = false;
    tokens[5] = end;
    assert_true(has(flags(tokens, 6, 8), FLAG_STOPPED_EARLY));
    assert_false(has(flags(tokens, 6, 6), FLAG_STOPPED_EARLY));
    assert_false(has(flags(tokens, 6, 8), FLAG_INVALID_TOKEN));
    assert_true(has(flags(&end, 1, 8), FLAG_EMPTY));
    const int32_t beyond = (int32_t)tokenizer_size(b.model->tokenizer);
    assert_true(has(flags(&beyond, 1, 8), FLAG_INVALID_TOKEN));
    trial_bench_close(&b);
}

static long double plain_lse(const float *x, uint32_t n)
{
    long double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += expl((long double)x[i]);
    return logl(sum);
}

static void test_shift(void **state)
{
    static const float golden[] = {1.5f, -2, 0.25f, 3, -7}, faulty[] = {1, -2.5f, 4, 3, -1};
    const struct shift_step step = {.golden = golden,
                                    .faulty = faulty,
                                    .golden_logsumexp = (double)plain_lse(golden, 5),
                                    .n = 5,
                                    .token = 3,
                                    .kl = true};
    struct shift shift = {0};
    (void)state;
    shift_add_equal(&shift);
    assert_true(shift.logp_sum == 0 && shift.kl_sum == 0 && shift.logp_worst == 0);
    shift_add(&shift, &step);
    const long double lg = plain_lse(golden, 5), lf = plain_lse(faulty, 5);
    long double kl = 0;
    for (int i = 0; i < 5; i++)
        kl += expl(golden[i] - lg) * ((golden[i] - lg) - (faulty[i] - lf));
    const double logp = (double)((faulty[3] - lf) - (golden[3] - lg));
    assert_true(fabs(shift.logp_sum - logp) < 1e-14);
    assert_true(shift.logp_worst == shift.logp_sum);
    assert_true(fabs(shift.kl_sum - (double)kl) < 1e-14);
    assert_int_equal(shift.steps, 2);
    const float bad[] = {1, NAN, 4, 3, -1};
    shift_add(&shift, &(struct shift_step){.golden = golden,
                                           .faulty = bad,
                                           .golden_logsumexp = step.golden_logsumexp,
                                           .n = 5,
                                           .token = 3,
                                           .kl = true});
    shift_add_equal(&shift);
    assert_true(isnan(shift.logp_sum) && isnan(shift.logp_worst) && isnan(shift.kl_sum));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_flags), cmocka_unit_test(test_shift)};
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
