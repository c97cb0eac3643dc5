/* SPDX-License-Identifier: MIT */
/* The text of tokens, and the stop strings in it. */
#define _GNU_SOURCE /* memmem */
#include <string.h>

#include "model/decode.h"
#include "model/detokenizer.h"

enum status decode_spell(struct text *out, const struct decode *decode, int32_t token)
{
    const struct tokenizer *tk = decode->model->tokenizer;
    const bool known = token >= 0 && (uint32_t)token < tokenizer_size(tk);
    return known ? detokenizer_piece(tk, token, false, out) : STATUS_OK;
}

size_t decode_text_end(const struct decode *decode, const char *bytes, size_t size)
{
    size_t end = size;
    for (uint32_t i = 0; i < decode->rules.n_stops; i++) {
        const struct decode_stop *stop = &decode->rules.stops[i];
        const char *at = size ? memmem(bytes, size, stop->bytes, stop->size) : NULL;
        end = at && (size_t)(at - bytes) < end ? (size_t)(at - bytes) : end;
    }
    return end;
}

static bool starts_stop(const struct decode *decode, const char *bytes, size_t size)
{
    for (uint32_t i = 0; i < decode->rules.n_stops; i++) {
        const struct decode_stop *stop = &decode->rules.stops[i];
        if (size < stop->size && memcmp(bytes, stop->bytes, size) == 0)
            return true;
    }
    return false;
}

size_t decode_text_held(const struct decode *decode, const char *bytes, size_t size)
{
    size_t held = decode->longest ? decode->longest - 1 : 0;
    held = held < size ? held : size;
    while (held > 0 && !starts_stop(decode, bytes + size - held, held))
        held--;
    return held;
}

enum status decode_text(struct text *out, const struct decode *decode,
                        const struct decode_tokens *tokens)
{
    const size_t before = out->size;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < tokens->n && !st; i++)
        st = decode_spell(out, decode, tokens->ids[i]);
    if (!st && out->data)
        out->size = before + decode_text_end(decode, out->data + before, out->size - before);
    if (out->data)
        out->data[out->size] = '\0';
    return st;
}

enum status decode_answer(struct text *out, const struct decode *decode,
                          const struct decode_tokens *tokens)
{
    struct text bytes = {0};
    enum status st = decode_text(&bytes, decode, tokens);
    if (!st)
        st = detokenizer_bytes(out, bytes.data, bytes.size);
    text_finish(&bytes);
    return st;
}

/* Whether the last token completes a stop string: earlier tokens are searched as far back as one
 * that ends in it can start. */
static enum status ends_in_stop(bool *out, const struct decode *decode,
                                const struct decode_tokens *tokens)
{
    struct text text = {0};
    uint32_t first = tokens->n - 1;
    enum status st = decode_spell(&text, decode, tokens->ids[first]);
    const size_t last = text.size;
    while (!st && first > 0 && text.size < last + decode->longest - 1)
        st = decode_spell(&text, decode, tokens->ids[--first]);
    text.size = 0;
    for (uint32_t i = first; i < tokens->n && !st; i++)
        st = decode_spell(&text, decode, tokens->ids[i]);
    *out = last > 0 && decode_text_end(decode, text.data, text.size) < text.size;
    text_finish(&text);
    return st;
}

enum status decode_end_of(enum decode_end *out, const struct decode *decode,
                          const struct decode_tokens *tokens)
{
    const struct decode_rules *rules = &decode->rules;
    bool stops = false;
    enum status st = STATUS_OK;
    *out = DECODE_OPEN;
    if (tokens->n == 0)
        return STATUS_OK;
    if (rules->n_stops > 0)
        st = ends_in_stop(&stops, decode, tokens);
    if (!rules->ignore_end &&
        tokenizer_is_end(decode->model->tokenizer, tokens->ids[tokens->n - 1]))
        *out = DECODE_END;
    else if (stops)
        *out = DECODE_STOP;
    else if (tokens->n == rules->n)
        *out = DECODE_LENGTH;
    return st;
}
