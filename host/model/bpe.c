/* SPDX-License-Identifier: MIT */
/* Merges by pair of ids, applied lowest rank first. */
#include "model/bpe.h"

#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "model/utf8.h"

#define MERGES_MAX (1u << 28)
#define SHOWN 64 /* bytes of a text shown in a message */

struct bpe_merge {
    uint64_t pair; /* + 1; 0: free */
    uint32_t rank;
    int32_t id;
};

/* One text being encoded. */
struct job {
    const struct bpe *bpe;
    struct tokenizer_work *work;
};

/* The character that spells `byte`: itself where it is printable, else the next free one from
 * U+0100 on. */
static uint32_t code_of(uint32_t byte)
{
    if (byte <= 32)
        return 256 + byte;
    if (byte >= 127 && byte <= 160)
        return 289 + byte - 127;
    return byte == 173 ? 323 : byte;
}

int bpe_byte(uint32_t code)
{
    if (code < 256)
        return code_of(code) == code ? (int)code : -1;
    if (code <= 288)
        return (int)code - 256;
    if (code <= 322)
        return (int)code - 289 + 127;
    return code == 323 ? 173 : -1;
}

static uint64_t pair_of(int32_t left, int32_t right)
{
    return ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) + 1;
}

/* The merge of this pair, or the free place where it belongs. */
static struct bpe_merge *merge_of(const struct bpe *bpe, uint64_t pair)
{
    uint32_t at = (uint32_t)hash_mix64(pair) & bpe->mask;

    while (bpe->merges[at].pair != 0 && bpe->merges[at].pair != pair)
        at = (at + 1) & bpe->mask;
    return &bpe->merges[at];
}

/* The merge list while it is read. */
struct reader {
    struct gguf_texts list;
    const char *where; /* the file's path, for messages */
    char *whole;       /* room for the longest merge */
    int32_t guess;     /* the token that the next merge makes, if the list is in the usual order */
};

static int32_t find_whole(const struct bpe *bpe, const struct reader *r, size_t len)
{
    const struct tokenizer_vocab *vocab = bpe->vocab;

    if (tokenizer_vocab_is(vocab, r->guess, r->whole, len))
        return r->guess;
    return tokenizer_vocab_find(vocab, r->whole, len);
}

/* Enters merge i, "left right". */
static enum status add_merge(struct bpe *bpe, struct reader *r, uint64_t i)
{
    const char *text = r->list.text[i];
    const uint32_t len = r->list.len[i];
    const int shown = len < SHOWN ? (int)len : SHOWN;
    const char *space = len > 1 ? memchr(text + 1, ' ', len - 1) : NULL;

    if (!space || space + 1 == text + len || text[0] == ' ' ||
        memchr(space + 1, ' ', (size_t)(text + len - space - 1))) {
        log_error("%s: key 'tokenizer.ggml.merges': found '%.*s' at index %" PRIu64
                  ", expected two tokens and one space between",
                  r->where, shown, text, i);
        return STATUS_INPUT;
    }
    const uint32_t left_len = (uint32_t)(space - text);
    const uint32_t right_len = len - left_len - 1;
    const int32_t left = tokenizer_vocab_find(bpe->vocab, text, left_len);
    const int32_t right = tokenizer_vocab_find(bpe->vocab, space + 1, right_len);
    if (left < 0 || right < 0) {
        log_error("%s: key 'tokenizer.ggml.merges': found '%.*s' at index %" PRIu64
                  ", expected its %s part in tokenizer.ggml.tokens",
                  r->where, shown, text, i, left < 0 ? "first" : "second");
        return STATUS_INPUT;
    }
    memcpy(r->whole, text, left_len);
    memcpy(r->whole + left_len, space + 1, right_len);
    const int32_t id = find_whole(bpe, r, left_len + right_len);
    struct bpe_merge *merge = merge_of(bpe, pair_of(left, right));
    if (id >= 0 && merge->pair == 0)
        *merge = (struct bpe_merge){pair_of(left, right), (uint32_t)i, id};
    r->guess = id + 1;
    return STATUS_OK;
}

static enum status read_merges(struct bpe *bpe, struct arena *arena, const struct gguf *gguf)
{
    struct reader r = {.where = gguf_path(gguf)};
    uint32_t size = 16;
    uint32_t longest = 0;

    enum status st = gguf_texts(gguf, "tokenizer.ggml.merges", &r.list);
    if (st)
        return st;
    if (r.list.count > MERGES_MAX) {
        log_error("%s: key 'tokenizer.ggml.merges': found %" PRIu64
                  " elements, expected at most %u",
                  r.where, r.list.count, MERGES_MAX);
        return STATUS_INPUT;
    }
    while (size < r.list.count + r.list.count / 2)
        size *= 2;
    for (uint64_t i = 0; i < r.list.count; i++)
        longest = r.list.len[i] > longest ? r.list.len[i] : longest;
    bpe->mask = size - 1;
    bpe->merges = arena_array(arena, size, sizeof(*bpe->merges));
    r.whole = arena_alloc(arena, longest);
    if (!bpe->merges || !r.whole)
        return STATUS_MEMORY;
    for (uint64_t i = 0; i < r.list.count && !st; i++)
        st = add_merge(bpe, &r, i);
    return st;
}

enum status bpe_init(struct bpe *out, struct arena *arena, const struct gguf *gguf,
                     const struct tokenizer_vocab *vocab)
{
    const char *name = "default";
    size_t len = 0;
    enum status st = STATUS_OK;

    *out = (struct bpe){.vocab = vocab};
    for (uint32_t byte = 0; byte < 256; byte++) {
        char text[UTF8_LONGEST];
        out->byte_id[byte] = tokenizer_vocab_find(vocab, text, utf8_put(text, code_of(byte)));
    }
    if (gguf_has(gguf, "tokenizer.ggml.pre"))
        st = gguf_text(gguf, "tokenizer.ggml.pre", &name, &len);
    else
        log_warn("%s: key 'tokenizer.ggml.pre': found nothing, default is taken", gguf_path(gguf));
    if (!st)
        st = pretokenizer_create(&out->pretokenizer, name, gguf_path(gguf));
    if (!st)
        st = read_merges(out, arena, gguf);
    return st;
}

void bpe_finish(struct bpe *bpe)
{
    pretokenizer_destroy(&bpe->pretokenizer);
}

static bool join(const void *context, const struct tokenizer_symbol *left,
                 const struct tokenizer_symbol *right, struct tokenizer_join *out)
{
    const struct bpe *bpe = context;

    if (left->id < 0 || right->id < 0)
        return false;
    const struct bpe_merge *merge = merge_of(bpe, pair_of(left->id, right->id));
    *out = (struct tokenizer_join){merge->rank, merge->id};
    return merge->pair != 0;
}

/* The token that spells the whole piece, -1: none. */
static int32_t whole_piece(const struct job *job, const char *piece, size_t len)
{
    struct tokenizer_work *work = job->work;
    size_t size = 0;

    if (len > job->bpe->vocab->longest || tokenizer_work_bytes_room(work, 2 * len) != STATUS_OK)
        return -1;
    for (size_t i = 0; i < len; i++)
        size += utf8_put(work->bytes + size, code_of((uint8_t)piece[i]));
    return tokenizer_vocab_find(job->bpe->vocab, work->bytes, size);
}

static enum status encode_piece(void *context, const char *piece, size_t len)
{
    const struct job *job = context;
    struct tokenizer_work *work = job->work;
    const struct bpe *bpe = job->bpe;

    if (pretokenizer_whole_pieces(bpe->pretokenizer)) {
        const int32_t id = whole_piece(job, piece, len);
        if (id >= 0)
            return tokenizer_work_put(work, id);
    }
    enum status st = STATUS_OK;
    work->n_symbols = 0;
    for (size_t i = 0; i < len && !st; i++)
        st = tokenizer_work_symbol(work, (uint32_t)i, 1, bpe->byte_id[(uint8_t)piece[i]]);
    if (!st)
        st = tokenizer_work_run(work, join, bpe);
    for (int32_t i = 0; i >= 0 && !st; i = work->symbols[i].next) {
        const struct tokenizer_symbol *symbol = &work->symbols[i];
        if (symbol->id >= 0)
            st = tokenizer_work_put(work, symbol->id);
        else
            work->dropped += symbol->size;
    }
    return st;
}

enum status bpe_encode(const struct bpe *bpe, struct tokenizer_work *work, const char *text,
                       size_t len)
{
    struct job job = {bpe, work};

    return pretokenizer_split(bpe->pretokenizer, text, len, encode_piece, &job);
}
