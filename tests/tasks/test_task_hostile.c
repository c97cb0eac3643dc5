/* SPDX-License-Identifier: MIT */
/* Definitions and data files with changed, cut and spliced bytes: one line, never a crash. */
#define _GNU_SOURCE /* memfd_create */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"

#define FUZZ_TASK_DATA VKFI_SOURCE "/tests/tasks/items"
#define LLVMFuzzerTestOneInput fuzz_task_one
#include "../fuzz/fuzz_task.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_reader_one
#include "../fuzz/fuzz_reader.c"
#undef LLVMFuzzerTestOneInput

#include "../fuzz/fuzz_mutate.h"

static const char *const NAMES[] = {"arc_challenge", "winogrande",  "mmlu", "xnli",     "mgsm",
                                    "flores200",     "integration", "mbpp", "humaneval"};
static const char *const WORDS[] = {
    "null",    "-1",         "\"\"",       "[]",           "{}",      "true",   "0.5",
    "{{",      "}}",         "{% if ",     "{% endif %}",  " | list", "[9]",    "\"kind\"",
    "choices", "generation", "\"code\"",   "\"extract\":", "words",   "'*'",    "\\u0000",
    "file",    "regex:(",    "\"gold\": ", "integral",     "/../",    "\x80\n", "{% for a in b %}"};

static void test_definitions(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, 20260101, 0);
    for (size_t n = 0; n < sizeof(NAMES) / sizeof(*NAMES); n++) {
        struct arena arena = {0};
        struct fuzz_mutate m = {.words = WORDS, .n_words = sizeof(WORDS) / sizeof(*WORDS)};
        char path[256], *text;
        size_t size;
        snprintf(path, sizeof(path), VKFI_SOURCE "/tasks/definitions/%s.json", NAMES[n]);
        assert_int_equal(file_read(&arena, path, &text, &size), STATUS_OK);
        assert_int_equal(fuzz_task_one((const uint8_t *)text, size), 0);
        for (int i = 0; i < 400; i++) {
            fuzz_mutate_text(&m, &rng, text);
            fuzz_task_one((const uint8_t *)m.data, m.size);
        }
        for (size_t cut = 0; cut < size; cut += 7)
            fuzz_task_one((const uint8_t *)text, cut);
        arena_finish(&arena);
    }
}

static void test_files(void **state)
{
    static const char *const seeds[] = {"{\"a\": 1}\n{\"a\": [\"b\", {}]}\n",
                                        "[{\"a\": 1}, {\"a\": \"x\\\"\"}]",
                                        "a,b\n1,\"2\n\"\"3\"\n",
                                        "a\tb\n1\t2\r\n3\t4",
                                        "one\ntwo\nthree\nfour\n",
                                        "one\ntwo\n",
                                        "(* c *)\n{f[x], x, 1, {g}, \"s\"}\n"};
    static const char *const words[] = {
        "\"", ",",    "\t",           "\n",   "\r\n",         "{",       "}", "[", "]", "(*", "*)",
        "\\", "\xFF", "\xEF\xBB\xBF", "BZh9", "\x1F\x8B\x08", "\xC3\xA9"};
    struct rng rng;
    (void)state;
    rng_init(&rng, 20260102, 0);
    for (size_t s = 0; s < sizeof(seeds) / sizeof(*seeds); s++) {
        struct fuzz_mutate m = {.words = words, .n_words = sizeof(words) / sizeof(*words)};
        for (int i = 0; i < 3000; i++) {
            uint8_t input[FUZZ_MUTATE_ROOM + 1];
            fuzz_mutate_text(&m, &rng, seeds[s]);
            input[0] = (uint8_t)(s + TASK_FORMAT_COUNT * (size_t)(i % 2));
            memcpy(input + 1, m.data, m.size);
            fuzz_reader_one(input, m.size + 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_definitions, mute_setup, mute_teardown),
        cmocka_unit_test_setup_teardown(test_files, mute_setup, mute_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
