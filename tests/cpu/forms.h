/* SPDX-License-Identifier: MIT */
/* Numbers at every edge, and the comparison of a form with the scalar one. */
#ifndef VKFI_TESTS_CPU_FORMS_H
#define VKFI_TESTS_CPU_FORMS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fpenv.h"
#include "base/rng.h"
#include "cpu/cpu_ops.h"
#include "cpu/cpu_weight.h"

/* The form's loops, null if this machine lacks it. */
static inline const struct cpu_kernels *forms_kernels(enum cpu_form form)
{
    if (!cpu_form_available(form))
        return NULL;
#if defined(VKFI_CPU_SIMD)
    if (form == CPU_AVX2)
        return &cpu_avx2_kernels;
    if (form == CPU_AVX512)
        return &cpu_avx512_kernels;
#endif
    return &cpu_scalar_kernels;
}

#define FORMS_EACH(kernels)                                                                        \
    for (enum cpu_form form_ = CPU_AVX2; form_ <= CPU_AVX512; form_++)                             \
        for (const struct cpu_kernels *kernels = forms_kernels(form_); kernels; kernels = NULL)

/* How wild the numbers are. */
enum forms_mood {
    FORMS_TAME,    /* around 1, all signs                                  */
    FORMS_WIDE,    /* exponents that overflow and underflow in sums        */
    FORMS_SPECIAL, /* one in eight is a zero, denormal, Inf or NaN          */
    FORMS_MOODS
};

static inline float forms_number(struct rng *rng, enum forms_mood mood)
{
    static const uint32_t special[] = {0x00000000, 0x80000000, 0x00000001, 0x807fffff,
                                       0x7f800000, 0xff800000, 0x7fc00001, 0xffa00000};
    const uint32_t bits = rng_u32(rng);

    if (mood == FORMS_SPECIAL && bits % 8 == 0)
        return lang_float(special[bits / 8 % 8]);
    if (mood == FORMS_WIDE)
        return lang_float((bits & 0x807fffffu) | (rng_u32(rng) % 253 + 1) << 23);
    return lang_float((bits & 0x807fffffu) | (122 + rng_u32(rng) % 7) << 23);
}

static inline void forms_fill(struct rng *rng, enum forms_mood mood, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = forms_number(rng, mood);
}

/* Bit for bit, any NaN equal to any other. */
static inline void forms_equal(const float *found, const float *expected, size_t n,
                               const char *what)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t a = nm_canon(lang_bits(found[i])), b = nm_canon(lang_bits(expected[i]));
        if (a != b)
            fail_msg("%s: element %zu: found %08x, expected %08x", what, i, a, b);
    }
}

static inline void *forms_memory(size_t count, size_t size)
{
    void *memory = aligned_alloc(64, (count * size + 127) / 64 * 64);
    assert_non_null(memory);
    memset(memory, 0x7f, (count * size + 127) / 64 * 64); /* NaN where nothing was written */
    return memory;
}

/* The end of main: runs the tests in the program's floating-point mode. */
static inline int forms_run(const struct CMUnitTest *tests, size_t n)
{
    fpenv_set();
    return _cmocka_run_group_tests("tests", tests, n, NULL, NULL);
}

#endif
