/* SPDX-License-Identifier: MIT */
/* Fault files that were damaged at random: a refusal with a line, or faults inside the model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../fuzz/fuzz_fault.c"
#include "../fuzz/fuzz_mutate.h"
#include "base/fpenv.h"
#include "fault_text.h"

#define MUTATIONS 60000

static const char *const WORDS[] = {"\"site\":",
                                    "\"point\":",
                                    "\"kind\":",
                                    "\"mask\":",
                                    "\"bit\":",
                                    "\"bits\":",
                                    "\"value\":",
                                    "\"position\":",
                                    "\"step\":",
                                    "\"row\":",
                                    "\"k\":",
                                    "\"key\":",
                                    "\"field\":",
                                    "\"blk.0.kv_k\"",
                                    "\"blk.1.kv_v\"",
                                    "\"output\"",
                                    "\"token_embd\"",
                                    ",",
                                    "blk.4294967296.",
                                    "weight",
                                    "\"operand\"",
                                    "\"partial\"",
                                    "\"accumulator\"",
                                    "\"out\"",
                                    "\"mem\"",
                                    "\"stale\"",
                                    "\"dry\"",
                                    "\"set\"",
                                    "\"zero\"",
                                    "\"0xffffffff\"",
                                    "[31]",
                                    "4294967295",
                                    "4294967296",
                                    "-1",
                                    "1.5",
                                    "0",
                                    "[]",
                                    "{",
                                    "}",
                                    "\"scale\"",
                                    "19"};

static const char *const FILES[] = {
    ("[{\"site\":\"blk.0.attn_q\",\"point\":\"partial\",\"kind\":\"flip\",\"bits\":[1,5],\"row\":3,"
     "\"k\":7,\"position\":4}]"),
    "{\"site\":\"blk.0.attn_q.weight\",\"field\":\"code\",\"mask\":\"0x1\",\"row\":2,\"k\":5}",
    "{\"site\":\"blk.0.kv_v\",\"kind\":\"set\",\"value\":\"0x3f80\",\"k\":5,\"key\":1}",
    "{\"site\":\"blk.0.attn_scores\",\"kind\":\"stale\",\"row\":1,\"key\":2,\"step\":3}",
};

static void test_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
        const struct fault_bounds bounds = {.model = fuzz_fault_model(),
                                            .n_prompt = FUZZ_FAULT_PROMPT,
                                            .positions = FUZZ_FAULT_POSITIONS};
        struct arena arena = {0};
        uint32_t count;
        fault_text(&count, &arena, &bounds, FILES[i]);
        arena_finish(&arena);
    }
}

static void test_mutations(void **state)
{
    (void)state;
    fuzz_mutate_all(&(struct fuzz_mutate_run){.words = FUZZ_MUTATE_LIST(WORDS),
                                              .texts = FUZZ_MUTATE_LIST(FILES),
                                              .rounds = MUTATIONS,
                                              .seed = 20261125,
                                              .stream = 2,
                                              .target = LLVMFuzzerTestOneInput});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test_setup_teardown(test_mutations, mute_setup, mute_teardown),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
