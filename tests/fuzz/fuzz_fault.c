/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as a fault file for a small model; accepted faults stay inside it.
 *
 * `cmake --preset fuzz` makes a libFuzzer program of it; test_fault_hostile feeds it seeded
 * mutations. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/gguf_builder.h"
#include "base/json.h"
#include "base/log.h"
#include "inject/space/fault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_FAULT_SENTINEL "fuzz: nothing logged"
#define FUZZ_FAULT_PROMPT 6
#define FUZZ_FAULT_POSITIONS 20

static void fuzz_fault_require(int holds, const char *what)
{
    if (!holds) {
        fprintf(stdout, "fuzz_fault: %s\n", what);
        abort();
    }
}

/* A model of the builder without a tokenizer, made once. */
static const struct model *fuzz_fault_model(void)
{
    static struct model model;
    static struct builder builder;

    if (!model.gguf) {
        builder_init(&builder);
        builder_tiny(&builder, "llama");
        fuzz_fault_require(
            gguf_open_memory(&model.gguf, builder.file.data, builder.file.size, "tiny") ==
                    STATUS_OK &&
                hparams_read(&model.hp, model.gguf) == STATUS_OK &&
                graph_build(&model.graph, &model.arena, model.gguf, &model.hp) == STATUS_OK,
            "no model");
    }
    return &model;
}

/* What is promised of an accepted fault. */
static void fuzz_fault_inside(const struct fault *f, const struct fault_bounds *bounds)
{
    const struct graph *graph = &bounds->model->graph;
    char site[FAULT_SITE_TEXT];
    struct tap_fault tap;

    fuzz_fault_require(fault_check(f, bounds, "again") == STATUS_OK, "not valid when looked again");
    fuzz_fault_require(f->position < bounds->positions, "a position out of the run");
    fuzz_fault_require(f->kind < KIND_COUNT, "a kind that is none");
    const uint32_t width = fault_width(f, bounds);
    fuzz_fault_require(width >= 1 && width <= 32, "a width that is none");
    fuzz_fault_require(width == 32 || (f->mask | f->only_mask) >> width == 0,
                       "bits out of the width");
    fault_site(f, site);
    fault_tap(f, bounds, &tap);
    fuzz_fault_require(tap.position == f->position, "another tap");
    if (f->place == PLACE_OP) {
        fuzz_fault_require(f->node < graph->count, "a node out of the graph");
        fuzz_fault_require(strcmp(site, graph->node[f->node].site) == 0, "another site");
    } else if (f->place == PLACE_WEIGHT) {
        fuzz_fault_require(f->k < f->tensor->dim[0] &&
                               f->row < f->tensor->dim[1] * f->tensor->dim[2],
                           "an element out of the tensor");
    } else if (f->place == PLACE_KV) {
        fuzz_fault_require(f->key < f->position && f->layer < bounds->model->hp.n_layers,
                           "a KV entry that is not there");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct fault_bounds bounds = {.model = fuzz_fault_model(),
                                        .act = STORAGE_F32,
                                        .kv = size & 1 ? STORAGE_F16 : STORAGE_F32,
                                        .n_prompt = FUZZ_FAULT_PROMPT,
                                        .positions = FUZZ_FAULT_POSITIONS};
    struct arena arena = {0};
    struct json_doc *doc = NULL;
    struct fault *faults = NULL;
    uint32_t count = 0;

    log_error(FUZZ_FAULT_SENTINEL);
    enum status st = json_parse(&doc, (const char *)data, size, "fuzz");
    if (!st)
        st = fault_parse(&faults, &count, &arena, doc, &bounds);
    if (!st) {
        fuzz_fault_require(count > 0, "no fault and no refusal");
        for (uint32_t i = 0; i < count; i++)
            fuzz_fault_inside(&faults[i], &bounds);
    } else {
        fuzz_fault_require(st == STATUS_INPUT && strcmp(log_last_error(), FUZZ_FAULT_SENTINEL) != 0,
                           "a refusal that does not blame the input");
    }
    json_destroy(&doc);
    arena_finish(&arena);
    return 0;
}
