/* SPDX-License-Identifier: MIT */
/* Fuzz target: the first byte chooses an endpoint and what the server allows, the others are the
 * body of a request. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "serve/serve_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_SENTINEL "fuzz: nothing logged"
#define FUZZ_VOCABULARY 300u
#define FUZZ_POSITIONS 50u

static void fuzz_require(int holds, const char *what)
{
    if (!holds) {
        printf("fuzz_request: %s\n", what);
        abort();
    }
}

static void fuzz_check_prompts(const struct serve_request *request)
{
    for (uint32_t i = 0; request->prompt && i < request->n_prompts; i++) {
        const struct serve_prompt *prompt = &request->prompt[i];
        fuzz_require((prompt->text != NULL) != (prompt->ids != NULL), "a prompt that is not one");
        fuzz_require(prompt->n_ids <= FUZZ_POSITIONS, "more ids than positions");
        for (uint32_t k = 0; k < prompt->n_ids; k++)
            fuzz_require(prompt->ids[k] >= 0 && (uint32_t)prompt->ids[k] < FUZZ_VOCABULARY,
                         "an id that is none");
    }
    for (uint32_t i = 0; i < request->n_messages; i++)
        fuzz_require(request->message[i].role && request->message[i].content, "half a message");
}

/* What is promised of every accepted request. */
static void fuzz_check(const struct serve_request *request, enum serve_endpoint endpoint,
                       const struct serve_request_rules *rules)
{
    fuzz_check_prompts(request);
    fuzz_require((endpoint == SERVE_CHAT ? request->n_messages : request->n_prompts) > 0,
                 "a request about nothing");
    fuzz_require(request->n >= 1 && request->tokens <= rules->limits.tokens &&
                     (uint64_t)request->n * request->n_prompts <= rules->limits.choices,
                 "more than the limits");
    fuzz_require(request->temperature >= 0 && request->top_p > 0 && request->top_p <= 1 &&
                     request->top <= SERVE_TOP_MOST,
                 "sampling out of its range");
    fuzz_require(rules->allow_faults || !request->strikes, "a fault that is not allowed");
    fuzz_require(!rules->protects || rules->allow_faults || !request->protect,
                 "a policy that is not allowed");
    fuzz_require(!request->protect || !strstr(request->protect, "\"calibration\""),
                 "the path of a file");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t first = size > 0 ? data[0] : 0;
    const enum serve_endpoint endpoint = first % SERVE_TOKENIZER_INFO;
    const struct serve_request_rules rules = {.limits = SERVE_LIMITS_DEFAULT,
                                              .name = "m",
                                              .vocabulary = FUZZ_VOCABULARY,
                                              .positions = FUZZ_POSITIONS,
                                              .allow_faults = first / 4 % 2,
                                              .protects = first / 8 % 2};
    struct arena arena = {0};
    struct json_doc *doc = NULL;
    struct serve_request request;
    log_error(FUZZ_SENTINEL);
    enum status st =
        size > 1 ? json_parse(&doc, (const char *)data + 1, size - 1, "request") : STATUS_INPUT;
    st = st ? st : serve_request_read(&request, &arena, doc, endpoint, &rules);
    if (!st)
        fuzz_check(&request, endpoint, &rules);
    else
        fuzz_require(st == STATUS_INPUT &&
                         (size < 2 || strcmp(log_last_error(), FUZZ_SENTINEL) != 0),
                     "a refusal without a line, or that does not blame the request");
    json_destroy(&doc);
    arena_finish(&arena);
    return 0;
}
