/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as a GGUF file, through everything that reads its structure.
 *
 * `cmake --preset fuzz` makes a libFuzzer program of it; test_gguf_hostile feeds it seeded
 * mutations. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "model/gguf.h"
#include "model/graph.h"
#include "model/hparams.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_SENTINEL "fuzz: nothing logged"

static void require(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_gguf: %s\n", what);
        abort();
    }
}

/* A refusal is due to the input and has said why. */
static void require_reason(enum status st)
{
    if (!st)
        return;
    require(st == STATUS_INPUT, "a refusal that does not blame the input");
    require(log_last_error()[0] != 0, "a refusal without a line");
    require(strcmp(log_last_error(), FUZZ_SENTINEL) != 0, "a refusal that logged nothing");
}

/* Every promise about an accepted file's tensors. */
static void check_tensors(const struct gguf *gguf, const uint8_t *begin, size_t size)
{
    volatile uint8_t sink = 0;

    for (uint64_t i = 0; i < gguf_tensor_count(gguf); i++) {
        const struct tensor *t = &gguf_tensors(gguf)[i];
        require(t->index == i && gguf_tensor(gguf, t->name) == t, "a tensor not found by name");
        require(t->size > 0 && t->data == begin + t->offset, "a tensor that is nowhere");
        require(t->offset <= size && t->size <= size - t->offset, "a tensor out of the file");
        sink = t->data[0];
        sink = t->data[t->size - 1];
    }
    (void)sink;
}

static void check_keys(const struct gguf *gguf)
{
    static const char *const keys[] = {
        "tokenizer.ggml.tokens", "tokenizer.ggml.token_type",
        "tokenizer.ggml.scores", "tokenizer.ggml.merges",
        "test.numbers",          "general.name",
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct gguf_texts texts;
        const float *floats;
        const int32_t *ints;
        const char *text;
        size_t len;
        uint64_t n;
        require_reason(gguf_texts(gguf, keys[i], &texts));
        require_reason(gguf_floats(gguf, keys[i], &floats, &n));
        require_reason(gguf_ints(gguf, keys[i], &ints, &n));
        require_reason(gguf_text(gguf, keys[i], &text, &len));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct gguf *gguf = NULL;
    struct hparams hp;
    struct graph graph;
    /* Exactly the bytes, so that a sanitizer sees one read too far. */
    uint8_t *copy = malloc(size ? size : 1);
    enum status st;

    require(copy != NULL, "no memory");
    if (size > 0)
        memcpy(copy, data, size);
    log_error(FUZZ_SENTINEL);
    st = gguf_open_memory(&gguf, copy, size, "fuzz");
    require_reason(st);
    require((!st) == (gguf != NULL), "a refusal that leaves a file open");
    if (!st) {
        check_tensors(gguf, copy, size);
        st = hparams_read(&hp, gguf);
        require_reason(st);
    }
    if (!st) {
        st = graph_split(gguf, &hp);
        require_reason(st);
        if (!st)
            require_reason(graph_build(&graph, &arena, gguf, &hp));
        check_keys(gguf);
    }
    gguf_close(&gguf);
    arena_finish(&arena);
    free(copy);
    return 0;
}
