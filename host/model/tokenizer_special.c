/* SPDX-License-Identifier: MIT */
/* Special texts, sorted and searched by narrowing a range byte by byte. */
#include "model/tokenizer_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* Bounds the work at each position of a text (real ones are below 64 bytes). */
#define SPECIAL_LEN_MAX 1024

struct tokenizer_special_entry {
    const char *text;
    uint32_t len;
    int32_t id;
    int32_t type;
};

static bool is_special(const struct tokenizer_vocab *vocab, uint32_t id)
{
    const int32_t type = vocab->type[id];

    return vocab->len[id] > 0 && (type == TOKENIZER_VOCAB_CONTROL ||
                                  type == TOKENIZER_VOCAB_UNKNOWN || type == TOKENIZER_VOCAB_USER);
}

/* By text, a text before its continuations; equal texts by id. */
static int compare(const void *a, const void *b)
{
    const struct tokenizer_special_entry *x = a, *y = b;
    const int order = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);

    if (order != 0)
        return order;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

enum status tokenizer_special_init(struct tokenizer_special *out, struct arena *arena,
                                   const struct gguf *gguf, const struct tokenizer_vocab *vocab)
{
    struct tokenizer_special_entry *entries;

    *out = (struct tokenizer_special){0};
    for (uint32_t id = 0; id < vocab->count; id++) {
        if (is_special(vocab, id)) {
            if (vocab->len[id] > SPECIAL_LEN_MAX) {
                log_error("%s: key 'tokenizer.ggml.tokens': found %" PRIu32
                          " bytes for the special token at index %" PRIu32 ", expected at most %d",
                          gguf_path(gguf), vocab->len[id], id, SPECIAL_LEN_MAX);
                return STATUS_INPUT;
            }
            out->count++;
        }
    }
    entries = arena_array(arena, out->count, sizeof(*entries));
    if (!entries)
        return STATUS_MEMORY;
    for (uint32_t id = 0, i = 0; id < vocab->count; id++) {
        if (is_special(vocab, id))
            entries[i++] = (struct tokenizer_special_entry){vocab->text[id], vocab->len[id],
                                                            (int32_t)id, vocab->type[id]};
    }
    qsort(entries, out->count, sizeof(*entries), compare);
    for (uint32_t i = 0; i < out->count; i++)
        out->first[(uint8_t)entries[i].text[0] + 1] = i + 1;
    for (uint32_t b = 1; b <= 256; b++)
        out->first[b] = out->first[b] > out->first[b - 1] ? out->first[b] : out->first[b - 1];
    out->entries = entries;
    return STATUS_OK;
}

/* The first entry in [low, high), all longer than `depth`, whose byte there is at least `byte`. */
static uint32_t bound(const struct tokenizer_special *special, uint32_t low, uint32_t high,
                      size_t depth, uint32_t byte)
{
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if ((uint8_t)special->entries[middle].text[depth] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The longest entry that `text` starts with, null: none. */
static const struct tokenizer_special_entry *longest_at(const struct tokenizer_special *special,
                                                        const char *text, size_t len, bool all)
{
    const struct tokenizer_special_entry *best = NULL;
    uint32_t low = special->first[(uint8_t)text[0]];
    uint32_t high = special->first[(uint8_t)text[0] + 1];

    for (size_t depth = 1; low < high; depth++) {
        for (; low < high && special->entries[low].len == depth; low++) {
            if (all || special->entries[low].type == TOKENIZER_VOCAB_USER)
                best = &special->entries[low];
        }
        if (depth == len)
            break;
        const uint32_t byte = (uint8_t)text[depth];
        low = bound(special, low, high, depth, byte);
        high = bound(special, low, high, depth, byte + 1);
    }
    return best;
}

struct tokenizer_special_match tokenizer_special_next(const struct tokenizer_special *special,
                                                      const char *text, size_t len, bool all)
{
    for (size_t at = 0; at < len; at++) {
        const uint8_t byte = (uint8_t)text[at];
        if (special->first[byte] == special->first[byte + 1])
            continue;
        const struct tokenizer_special_entry *entry = longest_at(special, text + at, len - at, all);
        if (entry)
            return (struct tokenizer_special_match){at, entry->len, entry->id};
    }
    return (struct tokenizer_special_match){len, 0, -1};
}
