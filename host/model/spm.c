/* SPDX-License-Identifier: MIT */
/* Joins by score, then byte fallback. */
#include "model/spm.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "model/utf8.h"

/* One text being encoded. */
struct job {
    const struct spm *spm;
    const char *bytes; /* with U+2581 for each space */
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int spm_byte(const char *text, size_t len)
{
    if (len != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>')
        return -1;
    const int high = hex_digit(text[3]);
    const int low = hex_digit(text[4]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Unsigned numbers in the falling order of floats; -0.0 equals 0.0. */
static uint32_t priority_of(float score)
{
    uint32_t bits;

    score += 0.0f;
    memcpy(&bits, &score, sizeof(bits));
    return bits & 0x80000000u ? bits : ~bits & 0x7FFFFFFFu;
}

static enum status read_scores(struct spm *spm, struct arena *arena, const struct gguf *gguf)
{
    const uint32_t count = spm->vocab->count;
    const float *scores;
    uint64_t n;

    const enum status st = gguf_floats(gguf, "tokenizer.ggml.scores", &scores, &n);
    if (st)
        return st;
    if (n != count) {
        log_error("%s: key 'tokenizer.ggml.scores': found %" PRIu64 " elements, expected %" PRIu32
                  " as in tokenizer.ggml.tokens",
                  gguf_path(gguf), n, count);
        return STATUS_INPUT;
    }
    uint32_t *priority = arena_array(arena, count, sizeof(*priority));
    if (!priority)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        if (isnan(scores[i])) {
            log_error("%s: key 'tokenizer.ggml.scores': found nan at index %" PRIu32
                      ", expected a number",
                      gguf_path(gguf), i);
            return STATUS_INPUT;
        }
        priority[i] = priority_of(scores[i]);
    }
    spm->priority = priority;
    return STATUS_OK;
}

static void find_inner_spaces(struct spm *spm)
{
    for (uint32_t i = 0; i < spm->vocab->count; i++) {
        const char *text = spm->vocab->text[i];
        for (uint32_t at = 1; at + 3 <= spm->vocab->len[i]; at++) {
            if (memcmp(text + at, SPM_SPACE, 3) == 0)
                spm->before_space[(uint8_t)text[at - 1]] = true;
        }
    }
}

static enum status find_bytes(struct spm *spm, const struct gguf *gguf)
{
    const struct tokenizer_vocab *vocab = spm->vocab;

    memset(spm->byte_id, 0xFF, sizeof(spm->byte_id));
    for (uint32_t i = 0; i < vocab->count; i++) {
        if (vocab->type[i] == TOKENIZER_VOCAB_BYTE) {
            const int byte = spm_byte(vocab->text[i], vocab->len[i]);
            if (byte < 0) {
                log_error("%s: key 'tokenizer.ggml.tokens': found '%.*s' at index %" PRIu32
                          ", a byte token, expected <0x00> to <0xFF>",
                          gguf_path(gguf), vocab->len[i] < 64 ? (int)vocab->len[i] : 64,
                          vocab->text[i], i);
                return STATUS_INPUT;
            }
            spm->byte_id[byte] = (int32_t)i;
        }
    }
    return STATUS_OK;
}

enum status spm_init(struct spm *out, struct arena *arena, const struct gguf *gguf,
                     const struct tokenizer_vocab *vocab)
{
    *out = (struct spm){.vocab = vocab};
    enum status st = read_scores(out, arena, gguf);
    if (!st)
        st = find_bytes(out, gguf);
    if (!st) {
        find_inner_spaces(out);
        st = tokenizer_vocab_id(vocab, gguf, "tokenizer.ggml.unknown_token_id", &out->unknown);
    }
    return st;
}

static bool join(const void *context, const struct tokenizer_symbol *left,
                 const struct tokenizer_symbol *right, struct tokenizer_join *out)
{
    const struct job *job = context;
    const int32_t id =
        tokenizer_vocab_find(job->spm->vocab, job->bytes + left->start, left->size + right->size);

    if (id < 0)
        return false;
    *out = (struct tokenizer_join){job->spm->priority[id], id};
    return true;
}

/* The text into work->bytes, spaces replaced. */
static enum status spell(struct tokenizer_work *work, const char *text, size_t len, bool prefix)
{
    size_t spaces = prefix;

    for (size_t i = 0; i < len; i++)
        spaces += text[i] == ' ';
    const enum status st = tokenizer_work_bytes_room(work, len + 3 * spaces);
    if (st)
        return st;
    char *to = work->bytes;
    if (prefix) {
        memcpy(to, SPM_SPACE, 3);
        to += 3;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] == ' ') {
            memcpy(to, SPM_SPACE, 3);
            to += 3;
        } else {
            *to++ = text[i];
        }
    }
    work->n_bytes = (size_t)(to - work->bytes);
    return STATUS_OK;
}

/* A symbol that no join touched: its own token, else its bytes, else the unknown token. */
static enum status put_single(const struct spm *spm, struct tokenizer_work *work,
                              const struct tokenizer_symbol *symbol)
{
    const char *bytes = work->bytes + symbol->start;
    const int32_t id = tokenizer_vocab_find(spm->vocab, bytes, symbol->size);
    enum status st = STATUS_OK;

    if (id >= 0)
        return tokenizer_work_put(work, id);
    for (uint32_t i = 0; i < symbol->size; i++) {
        if (spm->byte_id[(uint8_t)bytes[i]] < 0) {
            work->dropped += symbol->size;
            return spm->unknown >= 0 ? tokenizer_work_put(work, spm->unknown) : STATUS_OK;
        }
    }
    for (uint32_t i = 0; i < symbol->size && !st; i++)
        st = tokenizer_work_put(work, spm->byte_id[(uint8_t)bytes[i]]);
    return st;
}

/* True if no join can reach across `at`: the text is cut there, so that the queue stays small. */
static bool is_border(const struct job *job, size_t at, size_t len)
{
    return at > 0 && at + 3 <= len && memcmp(job->bytes + at, SPM_SPACE, 3) == 0 &&
           !job->spm->before_space[(uint8_t)job->bytes[at - 1]];
}

/* Appends the ids of the symbols and forgets them. */
static enum status put_symbols(const struct job *job, struct tokenizer_work *work)
{
    enum status st = tokenizer_work_run(work, join, job);

    for (int32_t i = 0; i >= 0 && !st; i = work->symbols[i].next) {
        const struct tokenizer_symbol *symbol = &work->symbols[i];
        st = symbol->id >= 0 ? tokenizer_work_put(work, symbol->id)
                             : put_single(job->spm, work, symbol);
    }
    work->n_symbols = 0;
    return st;
}

enum status spm_encode(const struct spm *spm, struct tokenizer_work *work, const char *text,
                       size_t len, bool prefix)
{
    enum status st = spell(work, text, len, prefix);
    const struct job job = {spm, work->bytes};

    work->n_symbols = 0;
    for (size_t at = 0; !st && at < work->n_bytes;) {
        const struct utf8_char c = utf8_next(work->bytes + at, work->n_bytes - at);
        const uint32_t size = c.kind == UTF8_GOOD ? c.size : 1;
        if (work->n_symbols > 0 && is_border(&job, at, work->n_bytes))
            st = put_symbols(&job, work);
        if (!st)
            st = tokenizer_work_symbol(work, (uint32_t)at, size, -1);
        at += size;
    }
    if (!st && work->n_symbols > 0)
        st = put_symbols(&job, work);
    return st;
}
