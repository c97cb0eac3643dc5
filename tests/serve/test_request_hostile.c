/* SPDX-License-Identifier: MIT */
/* Requests that were damaged at random: a refusal with a line, or a request within its limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../fuzz/fuzz_mutate.h"
#include "../fuzz/fuzz_request.c"

static const char *const WORDS[] = {"\"prompt\":",
                                    "\"messages\":",
                                    "\"role\":",
                                    "\"content\":",
                                    "\"user\"",
                                    "\"n\":",
                                    "\"max_tokens\":",
                                    "\"temperature\":",
                                    "\"top_p\":",
                                    "\"logprobs\":",
                                    "\"stop\":",
                                    "\"stream\":",
                                    "\"stream_options\":",
                                    "\"vkfi\":",
                                    "\"fault\":",
                                    "\"plan\":",
                                    "\"trial\":",
                                    "\"protect\":",
                                    "\"calibration\":",
                                    "\"random\"",
                                    "\"robust\"",
                                    "\"type\":\"text\"",
                                    "[[1,2],[3]]",
                                    "null",
                                    "true",
                                    "-1",
                                    "1.5",
                                    "1e400",
                                    "300",
                                    "4294967296",
                                    "[]",
                                    "{}",
                                    "{",
                                    "}",
                                    "[",
                                    ",",
                                    "\xff",
                                    "\\ud800",
                                    "\""};

/* The first byte is the endpoint's and what is allowed. */
static const char *const TEXTS[] = {
    "0{\"prompt\": \"a\", \"n\": 2, \"max_tokens\": 3, \"logprobs\": 1, \"echo\": true}",
    "0{\"prompt\": [[1, 2], [3]], \"stop\": [\"x\"], \"vkfi\": {\"protect\": \"robust\"}}",
    "4{\"prompt\": [1, 2], \"vkfi\": {\"plan\": {\"where\": {\"sites\": \"*\"}}, \"trial\": 3}}",
    ("4{\"prompt\": \"a\", \"vkfi\": {\"fault\": [{\"site\": \"output\"}], \"protect\": "
     "{\"protect\": "
     "[{\"kind\": \"nan_trap\"}]}}}"),
    ("1{\"messages\": [{\"role\": \"system\", \"content\": \"a\"}, {\"role\": \"user\", "
     "\"content\": "
     "[{\"type\": \"text\", \"text\": \"b\"}]}], \"logprobs\": true, \"top_logprobs\": 2}"),
    ("9{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"stream\": true, "
     "\"stream_options\": {\"include_usage\": true}, \"temperature\": 0.5, \"seed\": -3}"),
    "2{\"prompt\": \"a\", \"add_special_tokens\": false}",
    "3{\"tokens\": [1, 2, 3]}",
};

int main(void)
{
    return fuzz_mutate_main((struct fuzz_mutate_run){.words = FUZZ_MUTATE_LIST(WORDS),
                                                     .texts = FUZZ_MUTATE_LIST(TEXTS),
                                                     .rounds = 100000,
                                                     .target = LLVMFuzzerTestOneInput});
}
