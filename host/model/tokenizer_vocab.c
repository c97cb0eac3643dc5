/* SPDX-License-Identifier: MIT */
/* Reads the token list and hashes it by text. */
#include "model/tokenizer_vocab.h"

#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"

#define COUNT_MAX (1u << 28)

/* Most texts are short: head and length decide without reading the text itself. */
struct tokenizer_vocab_slot {
    uint64_t head; /* first bytes of the text, then zeros */
    uint32_t len;
    uint32_t id; /* + 1; 0: free */
};

#define HEAD sizeof(uint64_t)

static uint64_t head_of(const char *text, size_t len)
{
    uint64_t head = 0;

    if (len >= HEAD) {
        memcpy(&head, text, HEAD);
        return head;
    }
    for (size_t i = 0; i < len; i++)
        head |= (uint64_t)(uint8_t)text[i] << 8 * i;
    return head;
}

static uint32_t hash_text(const char *text, size_t len, uint64_t head)
{
    uint64_t state = hash_mix64(head ^ len);

    for (size_t at = HEAD; at < len; at += HEAD)
        state = hash_mix64(state ^ head_of(text + at, len - at)) + at;
    return (uint32_t)state;
}

/* The slot that holds the text, or the free one where it belongs. */
static struct tokenizer_vocab_slot *slot_of(const struct tokenizer_vocab *vocab, const char *text,
                                            size_t len)
{
    const uint64_t head = head_of(text, len);
    uint32_t at = hash_text(text, len, head) & vocab->mask;

    for (struct tokenizer_vocab_slot *slot;; at = (at + 1) & vocab->mask) {
        slot = &vocab->slots[at];
        if (slot->id == 0 || (slot->head == head && slot->len == len &&
                              (len <= HEAD || memcmp(vocab->text[slot->id - 1] + HEAD, text + HEAD,
                                                     len - HEAD) == 0)))
            return slot;
    }
}

static bool is_plain(int32_t type)
{
    return type != TOKENIZER_VOCAB_CONTROL && type != TOKENIZER_VOCAB_UNKNOWN &&
           type != TOKENIZER_VOCAB_BYTE;
}

enum status tokenizer_vocab_index(struct tokenizer_vocab *vocab, struct arena *arena)
{
    uint32_t size = 16;

    while (size < vocab->count + vocab->count / 2)
        size *= 2;
    vocab->mask = size - 1;
    vocab->slots = arena_array(arena, size, sizeof(*vocab->slots));
    if (!vocab->slots)
        return STATUS_MEMORY;
    for (uint32_t id = 0; id < vocab->count; id++) {
        const uint32_t len = vocab->len[id];
        if (len > 0 && is_plain(vocab->type[id])) {
            *slot_of(vocab, vocab->text[id], len) = (struct tokenizer_vocab_slot){
                .head = head_of(vocab->text[id], len), .len = len, .id = id + 1};
            vocab->longest = len > vocab->longest ? len : vocab->longest;
        }
    }
    return STATUS_OK;
}

enum status tokenizer_vocab_read(struct tokenizer_vocab *out, const struct gguf *gguf)
{
    struct gguf_texts tokens;
    uint64_t types;

    *out = (struct tokenizer_vocab){0};
    enum status st = gguf_texts(gguf, "tokenizer.ggml.tokens", &tokens);
    if (!st)
        st = gguf_ints(gguf, "tokenizer.ggml.token_type", &out->type, &types);
    if (st)
        return st;
    if (tokens.count == 0 || tokens.count > COUNT_MAX) {
        log_error("%s: key 'tokenizer.ggml.tokens': found %" PRIu64 " elements, expected 1 to %u",
                  gguf_path(gguf), tokens.count, COUNT_MAX);
        return STATUS_INPUT;
    }
    if (types != tokens.count) {
        log_error("%s: key 'tokenizer.ggml.token_type': found %" PRIu64
                  " elements, expected %" PRIu64 " as in tokenizer.ggml.tokens",
                  gguf_path(gguf), types, tokens.count);
        return STATUS_INPUT;
    }
    for (uint64_t i = 0; i < types; i++) {
        if (out->type[i] < 0 || out->type[i] >= TOKENIZER_VOCAB_TYPES) {
            log_error("%s: key 'tokenizer.ggml.token_type': found %" PRId32 " at index %" PRIu64
                      ", expected 0 to %d",
                      gguf_path(gguf), out->type[i], i, TOKENIZER_VOCAB_TYPES - 1);
            return STATUS_INPUT;
        }
    }
    out->count = (uint32_t)tokens.count;
    out->text = tokens.text;
    out->len = tokens.len;
    return STATUS_OK;
}

int32_t tokenizer_vocab_find(const struct tokenizer_vocab *vocab, const char *text, size_t len)
{
    if (len == 0 || len > vocab->longest)
        return -1;
    return (int32_t)slot_of(vocab, text, len)->id - 1;
}

bool tokenizer_vocab_is(const struct tokenizer_vocab *vocab, int32_t id, const char *text,
                        size_t len)
{
    return id >= 0 && (uint32_t)id < vocab->count && is_plain(vocab->type[id]) &&
           vocab->len[id] == len && memcmp(vocab->text[id], text, len) == 0;
}

enum status tokenizer_vocab_id(const struct tokenizer_vocab *vocab, const struct gguf *gguf,
                               const char *key, int32_t *out)
{
    uint64_t id;

    *out = -1;
    if (!gguf_has(gguf, key))
        return STATUS_OK;
    const enum status st = gguf_uint(gguf, key, vocab->count - 1, &id);
    if (!st)
        *out = (int32_t)id;
    return st;
}
