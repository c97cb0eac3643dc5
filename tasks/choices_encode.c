/* SPDX-License-Identifier: MIT */
/* From the texts of an item to the ids of its rows. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "model/utf8.h"
#include "tasks/choices.h"

/* Bytes of a text before the blanks at its end. */
static size_t before_blanks(const char *text)
{
    const size_t size = strlen(text);
    size_t end = 0;
    for (size_t at = 0; at < size;) {
        const struct utf8_char c = utf8_next(text + at, size - at);
        at += c.size;
        if (c.kind != UTF8_GOOD || !utf8_is_space(c.code))
            end = at;
    }
    return end;
}

/* What stands for a context without tokens. */
static enum status first_id(const struct model *model, int32_t *out)
{
    static const char begin[] = "tokenizer.ggml.bos_token_id";
    uint32_t n_ends;
    const int32_t *ends = tokenizer_end_ids(model->tokenizer, &n_ends);
    *out = n_ends > 0 ? ends[0] : -1;
    if (gguf_has(model->gguf, begin)) {
        uint64_t id;
        const enum status st =
            gguf_uint(model->gguf, begin, tokenizer_size(model->tokenizer) - 1, &id);
        *out = (int32_t)id;
        return st;
    }
    if (*out >= 0)
        return STATUS_OK;
    log_error("found a choice without context and a model without begin and end token, expected "
              "one of them");
    return STATUS_INPUT;
}

struct ids {
    int32_t *id; /* (n) */
    size_t n;
};

static enum status encode_text(struct ids *out, struct arena *arena, const struct model *model,
                               const struct tokenizer_text *text)
{
    return tokenizer_encode(model->tokenizer, arena, text, &out->id, &out->n);
}

/* The context's own tokens, then those of both texts together after as many. */
static enum status join(struct choices_row *out, struct arena *arena, const struct model *model,
                        const struct ids *context, const struct ids *both)
{
    const bool none = context->n == 0;
    const size_t first = none ? 1 : context->n;
    const size_t n = both->n > context->n ? both->n - context->n : 0;
    out->ids = arena_array(arena, first + n, sizeof(*out->ids));
    if (!out->ids)
        return STATUS_MEMORY;
    out->n_ids = (uint32_t)(first + n);
    out->n_context = (uint32_t)first;
    if (n > 0)
        memcpy(out->ids + first, both->id + context->n, n * sizeof(*out->ids));
    if (none)
        return first_id(model, out->ids);
    memcpy(out->ids, context->id, first * sizeof(*out->ids));
    return STATUS_OK;
}

static enum status encode_choice(struct choices_row *out, struct arena *arena,
                                 const struct model *model, const struct task_item *item,
                                 uint32_t index)
{
    const struct task_choice *choice = &item->choice[index];
    const char *context = choice->context ? choice->context : item->prompt;
    const char *text = arena_printf(arena, "%s%s", context, choice->text);
    struct ids first, both;
    if (!text)
        return STATUS_MEMORY;
    enum status st =
        encode_text(&first, arena, model,
                    &(struct tokenizer_text){.bytes = text, .size = before_blanks(context)});
    if (!st)
        st = encode_text(&both, arena, model,
                         &(struct tokenizer_text){.bytes = text, .size = strlen(text)});
    if (!st)
        st = join(out, arena, model, &first, &both);
    if (st)
        return st;
    if (out->n_ids == out->n_context) {
        log_error("item %s: choice %" PRIu32 ": found a continuation without tokens of its own, "
                  "expected at least 1",
                  item->doc_id, index + 1);
        return STATUS_INPUT;
    }
    if (out->n_ids - 1 > model->hp.n_ctx) {
        log_error("item %s: choice %" PRIu32 ": found %" PRIu32 " tokens, expected at most the "
                  "model's context of %" PRIu32 " and one",
                  item->doc_id, index + 1, out->n_ids, model->hp.n_ctx);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

/* Positions whose columns all rows share; the last id of a row has no column. */
static uint32_t shared_of(const struct choices_item *item)
{
    const struct choices_row *first = &item->choice[0];
    uint32_t n = first->n_ids - 1;
    for (uint32_t c = 1; c < item->n_choices; c++) {
        const struct choices_row *row = &item->choice[c];
        uint32_t alike = 0;
        while (alike < n && alike < row->n_ids - 1 && row->ids[alike] == first->ids[alike])
            alike++;
        n = alike;
    }
    return n;
}

enum status choices_encode(struct choices_item *out, struct arena *arena, const struct model *model,
                           const struct task_item *item)
{
    enum status st = STATUS_OK;
    *out = (struct choices_item){.n_choices = item->n_choices};
    if (item->n_choices == 0) {
        log_error("item %s: found no choices, expected at least 1", item->doc_id);
        return STATUS_INPUT;
    }
    out->choice = arena_array(arena, item->n_choices, sizeof(*out->choice));
    if (!out->choice)
        return STATUS_MEMORY;
    for (uint32_t c = 0; c < item->n_choices && !st; c++)
        st = encode_choice(&out->choice[c], arena, model, item, c);
    if (!st)
        out->n_shared = shared_of(out);
    return st;
}

double choices_characters(const char *text)
{
    const char *at = text + (*text == ' ');
    uint32_t n = 0;
    for (size_t left = strlen(at); left > 0; n++) {
        const struct utf8_char c = utf8_next(at, left);
        at += c.size;
        left -= c.size;
    }
    return n > 0 ? n : 1;
}
