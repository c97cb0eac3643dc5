/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as a plan, through the reader, its canonical form and back.
 *
 * clang -fsanitize=fuzzer,address,undefined with the sources of host/base, host/model,
 * inject/space, inject/stats and inject/plan makes a libFuzzer program of it (run with
 * -close_fd_mask=2); test_plan_hostile feeds it seeded mutations. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "inject/plan/plan.h"
#include "inject/plan/plan_contrast.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_SENTINEL "fuzz: nothing logged"

static void fuzz_require(int holds, const char *what)
{
    if (!holds) {
        fprintf(stdout, "fuzz_plan: %s\n", what);
        abort();
    }
}

static double fuzz_weights(const struct plan_choices *choices)
{
    double sum = 0;
    for (uint32_t i = 0; i < choices->count; i++)
        sum += choices->choice[i].weight;
    return sum;
}

/* What is promised of every accepted plan. */
static void fuzz_check(const struct plan *plan)
{
    struct json_doc *doc = NULL;
    const char *value[PLAN_DIMENSION_COUNT] = {NULL};

    fuzz_require(plan->n_items > 0 && plan->model[0] != '\0', "a plan without items or model");
    for (uint32_t i = 0; i < plan->n_items; i++) {
        const struct plan_item *item = &plan->item[i];
        fuzz_require((item->prompt != NULL) != (item->ids != NULL), "a prompt that is not one");
        fuzz_require(item->n > 0 && item->group != NULL, "an item without tokens");
        fuzz_require(!item->ids || item->n_ids > 0, "a prompt without ids");
    }
    fuzz_require(fuzz_weights(&plan->where.place) > 0 && fuzz_weights(&plan->where.point) > 0 &&
                     fuzz_weights(&plan->where.granularity) > 0 &&
                     fuzz_weights(&plan->what.kind) > 0 && fuzz_weights(&plan->when.stage) > 0 &&
                     fuzz_weights(&plan->when.duration) > 0,
                 "a choice of nothing");
    fuzz_require(plan->population == PLAN_CENSUS || plan->goal != PLAN_GOAL_TRIALS ||
                     plan->trials > 0,
                 "no trials");
    for (uint32_t i = 0; i < plan->n_hypotheses; i++)
        fuzz_require(plan_contrast_sign(&plan->hypothesis[i], value) == 0,
                     "a contrast that no value fulfils");
    fuzz_require(strlen(plan->hash) == 64, "an identity that is none");
    fuzz_require(json_parse(&doc, plan->canon, strlen(plan->canon), "canon") == STATUS_OK,
                 "a canonical form that is no JSON");
    json_destroy(&doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct plan plan;
    /* Exactly the bytes, so that a sanitizer sees one read too far. */
    char *copy = malloc(size ? size : 1);

    fuzz_require(copy != NULL, "no memory");
    if (size > 0)
        memcpy(copy, data, size);
    log_error(FUZZ_SENTINEL);
    const enum status st =
        plan_read(&plan, &arena, &(struct plan_source){copy, size, "fuzz", "/nonexistent", NULL});
    if (!st) {
        fuzz_check(&plan);
    } else {
        fuzz_require(st == STATUS_INPUT || st == STATUS_IO,
                     "a refusal that does not blame the input");
        fuzz_require(strcmp(log_last_error(), FUZZ_SENTINEL) != 0, "a refusal without a line");
    }
    free(copy);
    arena_finish(&arena);
    return 0;
}
