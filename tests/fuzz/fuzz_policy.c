/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as a policy, through the reader, its canonical form and back. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "mitigations/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *fuzz_canon(struct arena *arena, const struct policy *policy)
{
    struct json_memory m;
    json_begin_memory(&m, false);
    policy_put(&m.w, policy);
    if (json_end_memory(&m, arena) != STATUS_OK)
        abort();
    return m.text;
}

static enum status fuzz_read(struct policy *out, struct arena *arena, const char *text, size_t size)
{
    struct json_doc *doc = NULL;
    enum status st = json_parse(&doc, text, size, "policy");
    if (!st)
        st = policy_read(out, arena, doc, json_root(doc));
    json_destroy(&doc);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct policy policy, again;
    const enum status st = fuzz_read(&policy, &arena, (const char *)data, size);
    if (!st) { /* its canonical form is a policy of the same form */
        const char *text = fuzz_canon(&arena, &policy);
        if (policy.n == 0 || policy.n > POLICY_MOST ||
            fuzz_read(&again, &arena, text, strlen(text)) != STATUS_OK ||
            strcmp(fuzz_canon(&arena, &again), text) != 0) {
            printf("fuzz_policy: another canonical form\n");
            abort();
        }
    } else if (st != STATUS_INPUT) {
        printf("fuzz_policy: status %d\n", (int)st);
        abort();
    }
    arena_finish(&arena);
    return 0;
}
