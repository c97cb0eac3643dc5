/* SPDX-License-Identifier: MIT */
/* JSON that was damaged at random: a refusal with a line, or a document that survives writing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../fuzz/fuzz_json.c"
#include "../fuzz/fuzz_mutate.h"

#define MUTATIONS 60000

static const char *const WORDS[] = {"{",
                                    "}",
                                    "[",
                                    "]",
                                    ",",
                                    ":",
                                    "\"",
                                    "\\",
                                    "\\u0000",
                                    "null",
                                    "true",
                                    "false",
                                    "-0",
                                    "1e308",
                                    "1e-400",
                                    "0.5",
                                    "01",
                                    "9007199254740993",
                                    "\"a\"",
                                    "\"a\":1",
                                    "\\ud83d",
                                    "\\",
                                    "\xc3\xa9",
                                    "\xed\xa0\x80",
                                    " ",
                                    "\n",
                                    "\"Infinity\"",
                                    "~",
                                    "/",
                                    "1e5",
                                    "18446744073709551616",
                                    "-9223372036854775808",
                                    "\x01"};

static const char *const DOCUMENTS[] = {
    "{\"a\": [1, -2.5e3, \"x\\n\\u00e9\\ud83d\\ude00\", true, false, null, {}, []],\n \"b\": \"\"}",
    "[[[[[[[[1]]]]]]], {\"k/~\": {\"\": 9007199254740993}}, 0.1, 1e-320, \"NaN\"]",
    "\"text\"",
    "-12",
    "",
};

static void test_mutations(void **state)
{
    (void)state;
    fuzz_mutate_all(&(struct fuzz_mutate_run){.words = FUZZ_MUTATE_LIST(WORDS),
                                              .texts = FUZZ_MUTATE_LIST(DOCUMENTS),
                                              .rounds = MUTATIONS,
                                              .seed = 20261125,
                                              .stream = 1,
                                              .target = LLVMFuzzerTestOneInput});
}

/* Each document is cut at every byte. */
static void test_truncated(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(DOCUMENTS) / sizeof(DOCUMENTS[0]); i++) {
        for (size_t size = 0; size <= strlen(DOCUMENTS[i]); size++)
            LLVMFuzzerTestOneInput((const uint8_t *)DOCUMENTS[i], size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_truncated, mute_setup, mute_teardown),
        cmocka_unit_test_setup_teardown(test_mutations, mute_setup, mute_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
