/* SPDX-License-Identifier: MIT */
/* Philox and hashes against published answers, and the draws made from Philox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/hash.h"
#include "base/rng.h"

static void philox_gives_the_published_answers(void **state)
{
    (void)state;
    /* Random123 1.14, tests/kat_vectors, philox4x32 10. */
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        uint32_t out[4];
        rng_philox(out, known[i].counter, known[i].key);
        assert_memory_equal(out, known[i].out, sizeof(out));
    }
}

static void a_stream_is_the_blocks_of_its_counter(void **state)
{
    (void)state;
    const uint64_t seed = UINT64_C(0x0123456789abcdef), stream = UINT64_C(0xfedcba9876543210);
    const uint32_t key[2] = {0x89abcdef, 0x01234567};
    struct rng rng;

    rng_init(&rng, seed, stream);
    for (uint32_t block = 0; block < 5; block++) {
        const uint32_t counter[4] = {block, 0, 0x76543210, 0xfedcba98};
        uint32_t out[4];
        rng_philox(out, counter, key);
        assert_int_equal(rng_u32(&rng), out[0]);
        assert_int_equal(rng_u32(&rng), out[1]);
        assert_int_equal(rng_u64(&rng), (uint64_t)out[3] << 32 | out[2]);
    }
    /* The counter carries into its second word. */
    rng_init(&rng, seed, stream);
    rng.counter[0] = UINT32_MAX;
    rng_u32(&rng);
    assert_int_equal(rng.counter[0], 0);
    assert_int_equal(rng.counter[1], 1);
}

static void draws_below_a_bound_are_even(void **state)
{
    (void)state;
    enum { DRAWS = 70000 };
    int count[7] = {0};
    struct rng rng;

    rng_init(&rng, 1, 2);
    for (int i = 0; i < DRAWS; i++) {
        const uint64_t draw = rng_below(&rng, 7);
        assert_true(draw < 7);
        count[draw]++;
    }
    double chi2 = 0;
    for (int i = 0; i < 7; i++)
        chi2 += (count[i] - DRAWS / 7.0) * (count[i] - DRAWS / 7.0) / (DRAWS / 7.0);
    assert_true(chi2 < 22.46); /* 99.9 % point of chi-squared with 6 degrees of freedom */
    for (int i = 0; i < 100; i++) {
        assert_int_equal(rng_below(&rng, 1), 0);
        assert_true(rng_below(&rng, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
    }
}

static void unit_draws_fill_the_interval(void **state)
{
    (void)state;
    struct rng rng;
    double sum = 0, low = 1, high = 0;

    rng_init(&rng, 42, 0);
    for (int i = 0; i < 100000; i++) {
        const double u = rng_unit(&rng);
        assert_true(u >= 0 && u < 1);
        sum += u;
        low = u < low ? u : low;
        high = u > high ? u : high;
    }
    assert_true(sum > 49500 && sum < 50500 && low < 1e-3 && high > 1 - 1e-3);
}

static void sha256_gives_the_published_answers(void **state)
{
    (void)state;
    char out[HASH_SHA256_TEXT];

    /* FIPS 180-4 examples. */
    hash_sha256("", 0, out);
    assert_string_equal(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hash_sha256("abc", 3, out);
    assert_string_equal(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    char *million = malloc(1000000);
    memset(million, 'a', 1000000);
    hash_sha256(million, 1000000, out);
    free(million);
    assert_string_equal(out, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void folding_depends_on_order(void **state)
{
    (void)state;
    /* SplitMix64 with seed 0 gives this first (Vigna's splitmix64.c). */
    assert_int_equal(hash_mix64(UINT64_C(0x9e3779b97f4a7c15)), UINT64_C(0xe220a8397b1dcdaf));
    assert_int_not_equal(hash_fold64(hash_fold64(0, 1), 2), hash_fold64(hash_fold64(0, 2), 1));
    assert_int_not_equal(hash_fold64(0, 0), 0);
}

static void the_clock_does_not_go_back(void **state)
{
    (void)state;
    const double start = clock_seconds();
    double last = start;

    for (int i = 0; i < 1000; i++) {
        const double now = clock_seconds();
        assert_true(now >= last);
        last = now;
    }
    assert_true(last < start + 60);
}

static void crc32c_gives_the_published_answers(void **state)
{
    uint8_t bytes[32];

    (void)state;
    assert_int_equal(crc32c_add(0, "", 0), 0);
    assert_int_equal(crc32c_add(0, "123456789", 9), 0xe3069283);
    assert_int_equal(crc32c_add(crc32c_add(0, "1234", 4), "56789", 5), 0xe3069283);
    memset(bytes, 0, sizeof(bytes)); /* RFC 3720, appendix B.4 */
    assert_int_equal(crc32c_add(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(crc32c_add(0, bytes, 32), 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = i;
    assert_int_equal(crc32c_add(0, bytes, 32), 0x46dd794e);
}

/* Bytes at any place and of any length, whole or in two parts, against one bit at a time. */
static void crc32c_is_that_of_single_bits(void **state)
{
    uint8_t bytes[300];
    struct rng rng;

    (void)state;
    rng_init(&rng, 7, 0);
    for (uint32_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)rng_u32(&rng);
    for (uint32_t i = 0; i < 2000; i++) {
        const size_t at = rng_below(&rng, 40), size = rng_below(&rng, sizeof(bytes) - at + 1);
        const size_t first = rng_below(&rng, size + 1);
        uint32_t crc = UINT32_MAX;
        for (size_t bit = 0; bit < 8 * size; bit++) {
            crc ^= bytes[at + bit / 8] >> bit % 8 & 1;
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
        }
        const uint32_t begun = crc32c_add(0, bytes + at, first);
        assert_int_equal(crc32c_add(begun, bytes + at + first, size - first), ~crc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_answers),
        cmocka_unit_test(a_stream_is_the_blocks_of_its_counter),
        cmocka_unit_test(draws_below_a_bound_are_even),
        cmocka_unit_test(unit_draws_fill_the_interval),
        cmocka_unit_test(sha256_gives_the_published_answers),
        cmocka_unit_test(crc32c_gives_the_published_answers),
        cmocka_unit_test(crc32c_is_that_of_single_bits),
        cmocka_unit_test(folding_depends_on_order),
        cmocka_unit_test(the_clock_does_not_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
