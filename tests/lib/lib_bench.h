/* SPDX-License-Identifier: MIT */
/* A tiny model through vkfi.h, and the same run by generate(), for tests of the library. */
#ifndef VKFI_TESTS_LIB_BENCH_H
#define VKFI_TESTS_LIB_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fpenv.h"
#include "base/rng.h"
#include "cpu/cpu.h"
#include "lib/vkfi.h"
#include "model/generate.h"

#define LIB_BENCH_TOKENS 24u
#define LIB_BENCH_PROMPT 37u

static inline const char *lib_bench_path(char out[512], const char *file)
{
    snprintf(out, 512, "%s/%s", VKFI_TINY, file);
    return out;
}

/* A run as it was given. */
struct lib_bench_run {
    uint32_t n;
    int32_t id[LIB_BENCH_TOKENS];
    uint64_t hash[LIB_BENCH_TOKENS];
    double logprob[LIB_BENCH_TOKENS];
    char text[4096];
    size_t text_size;
    char end[16];
    bool uncorrected;
};

/* Steps a session to its end and checks what every step must hold. */
static inline void lib_bench_steps(struct lib_bench_run *out, vkfi_session *session)
{
    vkfi_token token;
    vkfi_status status;
    while ((status = vkfi_session_step(session, &token)) == VKFI_OK) {
        assert_true(token.index < LIB_BENCH_TOKENS);
        out->n = token.index + 1;
        out->id[token.index] = token.id;
        out->hash[token.index] = token.hash;
        out->logprob[token.index] = token.logprob;
        assert_true(out->text_size + token.text_size < sizeof(out->text));
        memcpy(out->text + out->text_size, token.text, token.text_size);
        out->text_size += token.text_size;
    }
    out->uncorrected = status == VKFI_UNCORRECTED;
    if (status != VKFI_END && !out->uncorrected)
        print_error("%s: %s\n", vkfi_status_name(status), vkfi_message());
    assert_true(status == VKFI_END || out->uncorrected);
    assert_int_equal(token.id, -1);
    assert_true(out->text_size + token.text_size < sizeof(out->text));
    memcpy(out->text + out->text_size, token.text, token.text_size);
    out->text_size += token.text_size;
    snprintf(out->end, sizeof(out->end), "%s", vkfi_session_end(session));
}

static inline void lib_bench_equal(const struct lib_bench_run *a, const struct lib_bench_run *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->id, b->id, a->n * sizeof(*a->id));
    assert_memory_equal(a->hash, b->hash, a->n * sizeof(*a->hash));
    assert_memory_equal(a->logprob, b->logprob, a->n * sizeof(*a->logprob));
    assert_int_equal(a->text_size, b->text_size);
    assert_memory_equal(a->text, b->text, a->text_size);
    assert_string_equal(a->end, b->end);
}

/* The session's text as a whole is that of its steps. */
static inline void lib_bench_text(vkfi_session *session, const struct lib_bench_run *run)
{
    const char *text;
    size_t size;
    assert_int_equal(vkfi_session_text(session, &text, &size), VKFI_OK);
    assert_int_equal(size, run->text_size);
    assert_memory_equal(text, run->text, size);
}

/* Ids below 250, which every tiny model has. */
static inline void lib_bench_prompt(int32_t *out, uint32_t n, uint64_t seed)
{
    struct rng rng;
    rng_init(&rng, seed, 7);
    for (uint32_t i = 0; i < n; i++)
        out[i] = (int32_t)rng_below(&rng, 250);
}

#define LIB_BENCH_OK(call)                                                                         \
    do {                                                                                           \
        const vkfi_status lib_bench_status = (call);                                               \
        if (lib_bench_status != VKFI_OK)                                                           \
            print_error("%s: %s\n", vkfi_status_name(lib_bench_status), vkfi_message());           \
        assert_int_equal(lib_bench_status, VKFI_OK);                                               \
    } while (0)

#endif
