/* SPDX-License-Identifier: MIT */
/* Looks at the tokens and the text of one output. */
#include "inject/trial/flags.h"

#include <string.h>

#include "model/detokenizer.h"

#define UNIT_MAX 16u   /* tokens of a repeated unit */
#define TIMES_MIN 4u   /* that it stands in a row */
#define LENGTH_MIN 16u /* tokens of the whole repetition */

static bool is_end(const struct flags_run *run, int32_t token)
{
    return tokenizer_is_end(run->params->ex->model->tokenizer, token);
}

static bool has_end(const struct flags_run *run)
{
    return !run->params->ignore_end && run->n_tokens > 0 &&
           is_end(run, run->tokens[run->n_tokens - 1]);
}

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

/* A model may have more logits than its tokenizer has texts. */
static bool is_known(const struct tokenizer *tk, int32_t id)
{
    return id >= 0 && (uint32_t)id < tokenizer_size(tk);
}

/* Bytes as the tokens spell them: what displays alike (U+FFFD, a leading space left out) differs.
 */
static enum status spell(struct text *out, const struct tokenizer *tk,
                         const struct flags_tokens *tokens)
{
    enum status st = STATUS_OK;

    for (uint32_t i = 0; i < tokens->n && !st; i++) {
        if (is_known(tk, tokens->tokens[i]))
            st = detokenizer_piece(tk, tokens->tokens[i], false, out);
    }
    return st;
}

static enum status look_at_text(uint32_t *flags, const struct flags_run *run)
{
    const struct tokenizer *tk = run->params->ex->model->tokenizer;
    struct text text = {0};
    bool invalid = false;
    enum status st = STATUS_OK;

    for (uint32_t i = 0; i < run->n_tokens && !st; i++) {
        const size_t before = text.size;
        if (is_known(tk, run->tokens[i]))
            st = detokenizer_piece(tk, run->tokens[i], false, &text);
        invalid = invalid || (text.size == before && !is_end(run, run->tokens[i]));
    }
    *flags |= (uint32_t)invalid << FLAG_INVALID_TOKEN;
    *flags |= (uint32_t)(text.size == 0) << FLAG_EMPTY;
    text_finish(&text);
    return st;
}

enum status flags_of(uint32_t *out, const struct flags_run *run)
{
    const bool end = has_end(run);
    const bool full = !run->ended && !end && run->n_tokens == run->params->n;

    *out = (uint32_t)repeats(run->tokens, run->n_tokens - end) << FLAG_REPETITION;
    *out |= (uint32_t)run->nonfinite << FLAG_NAN_LOGITS;
    *out |= (uint32_t)(full && !run->params->ignore_end) << FLAG_HIT_LENGTH_LIMIT;
    *out |= (uint32_t)(end && run->n_tokens < run->golden_tokens) << FLAG_STOPPED_EARLY;
    return look_at_text(out, run);
}

enum status flags_same_text(bool *out, const struct tokenizer *tk, const struct flags_tokens *a,
                            const struct flags_tokens *b)
{
    struct text text[2] = {{0}};

    *out = a->n == b->n && memcmp(a->tokens, b->tokens, a->n * sizeof *a->tokens) == 0;
    if (*out)
        return STATUS_OK;
    enum status st = spell(&text[0], tk, a);
    if (!st)
        st = spell(&text[1], tk, b);
    *out = text[0].size == text[1].size &&
           (text[0].size == 0 || memcmp(text[0].data, text[1].data, text[0].size) == 0);
    text_finish(&text[0]);
    text_finish(&text[1]);
    return st;
}
