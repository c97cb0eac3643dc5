/* SPDX-License-Identifier: MIT */
/* Flags from the tokens and the text of one output. */
#include "inject/trial/flags.h"

#include <string.h>

#define UNIT_MAX 16u   /* tokens of a repeated unit */
#define TIMES_MIN 4u   /* that it is repeated */
#define LENGTH_MIN 16u /* tokens of the whole repetition */

static bool repeats(const int32_t *tokens, uint32_t n)
{
    for (uint32_t unit = 1; unit <= UNIT_MAX; unit++) {
        uint32_t length = unit;
        while (length < n && tokens[n - 1 - length] == tokens[n - 1 - length + unit])
            length++;
        if (length <= n && length >= LENGTH_MIN && length >= TIMES_MIN * unit)
            return true;
    }
    return false;
}

static enum status look_at_text(uint32_t *flags, const struct flags_run *run)
{
    const struct tokenizer *tk = run->decode->model->tokenizer;
    struct text text = {0};
    bool invalid = false;
    enum status st = STATUS_OK;

    for (uint32_t i = 0; i < run->n_tokens && !st; i++) {
        const size_t before = text.size;
        st = decode_spell(&text, run->decode, run->tokens[i]);
        invalid = invalid || (text.size == before && !tokenizer_is_end(tk, run->tokens[i]));
    }
    *flags |= (uint32_t)invalid << FLAG_INVALID_TOKEN;
    *flags |= (uint32_t)(decode_text_end(run->decode, text.data, text.size) == 0) << FLAG_EMPTY;
    text_finish(&text);
    return st;
}

enum status flags_of(uint32_t *out, const struct flags_run *run)
{
    const struct decode_tokens tokens = {run->tokens, run->n_tokens};
    enum decode_end end;

    *out = 0;
    const enum status st = decode_end_of(&end, run->decode, &tokens);
    if (st)
        return st;
    const bool full = !run->ended && end == DECODE_LENGTH && !run->decode->rules.ignore_end;
    const bool early = end == DECODE_END || end == DECODE_STOP;
    *out = (uint32_t)repeats(run->tokens, run->n_tokens - (end == DECODE_END)) << FLAG_REPETITION;
    *out |= (uint32_t)run->nonfinite << FLAG_NAN_LOGITS;
    *out |= (uint32_t)full << FLAG_HIT_LENGTH_LIMIT;
    *out |= (uint32_t)(early && run->n_tokens < run->golden_tokens) << FLAG_STOPPED_EARLY;
    return look_at_text(out, run);
}

enum status flags_same_text(bool *out, const struct decode *decode, const struct decode_tokens *a,
                            const struct decode_tokens *b)
{
    struct text text[2] = {{0}};

    *out = a->n == b->n && memcmp(a->ids, b->ids, a->n * sizeof(*a->ids)) == 0;
    if (*out)
        return STATUS_OK;
    enum status st = decode_text(&text[0], decode, a);
    if (!st)
        st = decode_text(&text[1], decode, b);
    *out = text[0].size == text[1].size &&
           (text[0].size == 0 || memcmp(text[0].data, text[1].data, text[0].size) == 0);
    text_finish(&text[0]);
    text_finish(&text[1]);
    return st;
}
