/* SPDX-License-Identifier: MIT */
/* Spells tokens, and holds back what may yet be no text. */
#include "lib/lib_text.h"

#include <string.h>

/* The first n bytes. */
static enum status settle(struct lib_text *t, size_t n)
{
    if (n == 0)
        return STATUS_OK;
    const enum status st = detokenizer_put_bytes(&t->dt, t->bytes.data, n, &t->text);
    memmove(t->bytes.data, t->bytes.data + n, t->bytes.size - n);
    t->bytes.size -= n;
    return st;
}

enum status lib_text_add(struct lib_text *text, int32_t token)
{
    const enum status st = decode_spell(&text->bytes, text->decode, token);
    if (st)
        return st;
    struct text *bytes = &text->bytes;
    bytes->size = decode_text_end(text->decode, bytes->data, bytes->size);
    return settle(text, bytes->size - decode_text_held(text->decode, bytes->data, bytes->size));
}

enum status lib_text_end(struct lib_text *text)
{
    const enum status st = settle(text, text->bytes.size);
    return st ? st : detokenizer_flush(&text->dt, &text->text);
}

void lib_text_finish(struct lib_text *text)
{
    text_finish(&text->bytes);
    text_finish(&text->text);
    *text = (struct lib_text){0};
}
