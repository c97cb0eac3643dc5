/* SPDX-License-Identifier: MIT */
/* Plans with changed, cut and spliced bytes: a plan or one line, never a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "../base/mute.h"
#include "../fuzz/fuzz_plan.c"
#include "base/file.h"
#include "base/rng.h"

#define MUTATIONS 6000

static const char *const SEEDS[] = {"hypotheses", "prompt_sets",    "parameters", "looks",
                                    "fields",     "bit_error_rate", "settings",   "stage_weights"};
#define SEED_COUNT (sizeof(SEEDS) / sizeof(*SEEDS))

struct seed {
    char *text;
    size_t size;
};

static struct arena arena;
static struct seed seeds[SEED_COUNT];

/* Pieces of a plan's grammar. */
static const char *const PIECES[] = {
    "null",  "-1",           "1e999", "\"\"", "[]",   "{}",     "true",      "0.5",
    "99999", "\"0xffffff\"", ":",     ",",    "\\u0", "\"op\"", "{\"ber\":", "\"trend layer\"",
    "-",     "\x80"};

static void mutate(struct rng *rng, char *text, size_t *size, size_t room)
{
    for (uint64_t n = 1 + rng_below(rng, 4); n > 0 && *size > 1; n--) {
        const size_t at = rng_below(rng, *size);
        const char *piece = PIECES[rng_below(rng, sizeof(PIECES) / sizeof(*PIECES))];
        const size_t length = strlen(piece);
        switch (rng_below(rng, 5)) {
        case 0:
            text[at] = (char)rng_below(rng, 256);
            break;
        case 1:
            *size = at + 1;
            break;
        case 2: { /* drops a stretch */
            const size_t cut = 1 + rng_below(rng, 12);
            const size_t left = *size - at > cut ? *size - at - cut : 0;
            memmove(text + at, text + *size - left, left);
            *size = at + left;
            break;
        }
        case 3: /* puts a piece over what is there */
            memcpy(text + at, piece, length < *size - at ? length : *size - at);
            break;
        default:
            if (*size + length <= room) {
                memmove(text + at + length, text + at, *size - at);
                memcpy(text + at, piece, length);
                *size += length;
            }
            break;
        }
    }
}

static void test_mutations(void **state)
{
    struct rng rng;
    (void)state;
    const int kept = mute_begin();
    rng_init(&rng, 11, 4);
    for (int i = 0; i < MUTATIONS; i++) {
        static char text[8192];
        const struct seed *seed = &seeds[rng_below(&rng, SEED_COUNT)];
        size_t size = seed->size;
        memcpy(text, seed->text, size);
        mutate(&rng, text, &size, sizeof(text));
        assert_int_equal(LLVMFuzzerTestOneInput((const uint8_t *)text, size), 0);
    }
    mute_end(kept);
}

static void test_truncations(void **state)
{
    (void)state;
    for (size_t size = 0; size < seeds[0].size; size++) {
        struct plan plan;
        struct arena own = {0};
        if (size >= seeds[0].size - 1) /* only the newline is gone */
            break;
        assert_int_equal(
            plan_read(&plan, &own, &(struct plan_source){seeds[0].text, size, "cut", "", NULL}),
            STATUS_INPUT);
        arena_finish(&own);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_mutations),
    };
    for (size_t i = 0; i < SEED_COUNT; i++) {
        char path[512];
        snprintf(path, sizeof(path), VKFI_SOURCE "/tests/inject/plans/good/%s.json", SEEDS[i]);
        if (file_read(&arena, path, &seeds[i].text, &seeds[i].size) || seeds[i].size > 4096)
            return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_finish(&arena);
    return failed;
}
