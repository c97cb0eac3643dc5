/* SPDX-License-Identifier: MIT */
/* Token texts to bytes, bytes to whole characters. */
#define _GNU_SOURCE /* memmem */
#include "model/detokenizer.h"

#include <assert.h>
#include <string.h>

#include "model/bpe.h"
#include "model/spm.h"
#include "model/tokenizer_impl.h"
#include "model/utf8.h"

/* Text of a byte-level token: each character spells a byte; one that spells none stays itself. */
static enum status put_bpe(const char *text, size_t len, struct text *out)
{
    enum status st = STATUS_OK;

    for (size_t at = 0; at < len && !st;) {
        const struct utf8_char c = utf8_next(text + at, len - at);
        const int byte = c.kind == UTF8_GOOD ? bpe_byte(c.code) : -1;
        const char spelled = (char)byte;
        st = byte >= 0 ? text_add(out, &spelled, 1) : text_add(out, text + at, c.size);
        at += c.size;
    }
    return st;
}

static enum status put_spm(const char *text, size_t len, struct text *out)
{
    enum status st = STATUS_OK;

    while (len > 0 && !st) {
        const char *space = memmem(text, len, SPM_SPACE, 3);
        const size_t before = space ? (size_t)(space - text) : len;
        st = text_add(out, text, before);
        if (!st && space)
            st = text_add(out, " ", 1);
        text += before + (space ? 3 : 0);
        len -= before + (space ? 3 : 0);
    }
    return st;
}

enum status detokenizer_piece(const struct tokenizer *tk, int32_t id, bool special,
                              struct text *out)
{
    assert(id >= 0 && (uint32_t)id < tk->vocab.count);
    const char *text = tk->vocab.text[id];
    const size_t len = tk->vocab.len[id];

    switch (tk->vocab.type[id]) {
    case TOKENIZER_VOCAB_CONTROL:
    case TOKENIZER_VOCAB_UNKNOWN:
    case TOKENIZER_VOCAB_UNUSED:
        return special ? text_add(out, text, len) : STATUS_OK;
    case TOKENIZER_VOCAB_USER:
        return text_add(out, text, len);
    case TOKENIZER_VOCAB_BYTE:
        if (tk->model == TOKENIZER_SPM) {
            const char byte = (char)spm_byte(text, len);
            return text_add(out, &byte, 1);
        }
        break;
    default:
        break;
    }
    return tk->model == TOKENIZER_SPM ? put_spm(text, len, out) : put_bpe(text, len, out);
}

void detokenizer_init(struct detokenizer *dt, const struct tokenizer *tk, bool special)
{
    *dt = (struct detokenizer){.tk = tk, .special = special};
}

/* Appends the whole characters of `len` bytes, U+FFFD for ill-formed bytes; `*out_rest`: how many
 * bytes at the end are the start of a character. */
static enum status put_characters(const char *bytes, size_t len, struct text *out,
                                  uint32_t *out_rest)
{
    enum status st = STATUS_OK;

    *out_rest = 0;
    while (len > 0 && !st) {
        const size_t good = utf8_good_prefix(bytes, len);
        st = text_add(out, bytes, good);
        bytes += good;
        len -= good;
        if (!st && len > 0) {
            const struct utf8_char c = utf8_next(bytes, len);
            if (c.kind == UTF8_CUT) {
                *out_rest = c.size;
                break;
            }
            st = text_add(out, UTF8_REPLACEMENT, 3);
            bytes += c.size;
            len -= c.size;
        }
    }
    return st;
}

enum status detokenizer_put_bytes(struct detokenizer *dt, const char *bytes, size_t size,
                                  struct text *out)
{
    struct text all = {0};
    uint32_t rest = 0;

    enum status st = text_add(&all, (const char *)dt->held, dt->n_held);
    if (!st)
        st = text_add(&all, bytes, size);
    if (!st)
        st = put_characters(all.data, all.size, out, &rest);
    if (!st) {
        memcpy(dt->held, all.data + all.size - rest, rest);
        dt->n_held = rest;
    }
    text_finish(&all);
    return st;
}

enum status detokenizer_put(struct detokenizer *dt, int32_t id, struct text *out)
{
    struct text piece = {0};

    enum status st = detokenizer_piece(dt->tk, id, dt->special, &piece);
    const bool first = !dt->started && dt->tk->vocab.type[id] != TOKENIZER_VOCAB_CONTROL;
    const bool drop = first && dt->tk->space_prefix && piece.size > 0 && piece.data[0] == ' ';
    if (!st) {
        st = detokenizer_put_bytes(dt, piece.data ? piece.data + drop : "", piece.size - drop, out);
        dt->started = dt->started || first;
    }
    text_finish(&piece);
    return st;
}

enum status detokenizer_flush(struct detokenizer *dt, struct text *out)
{
    const bool held = dt->n_held > 0;

    dt->n_held = 0;
    return held ? text_add(out, UTF8_REPLACEMENT, 3) : STATUS_OK;
}

enum status detokenizer_bytes(struct text *out, const char *bytes, size_t size)
{
    struct detokenizer dt = {0};
    struct text shown = {0};

    enum status st = detokenizer_put_bytes(&dt, size > 0 ? bytes : "", size, &shown);
    if (!st)
        st = detokenizer_flush(&dt, &shown);
    if (!st)
        st = text_add_marked(out, size > 0 ? shown.data : "", shown.size);
    text_finish(&shown);
    return st;
}

enum status detokenizer_answer(struct text *out, const struct tokenizer *tk, const int32_t *ids,
                               size_t count)
{
    struct text bytes = {0};
    enum status st = STATUS_OK;

    for (size_t i = 0; !st && i < count; i++)
        st = detokenizer_piece(tk, ids[i], false, &bytes);
    if (!st)
        st = detokenizer_bytes(out, bytes.data, bytes.size);
    text_finish(&bytes);
    return st;
}
