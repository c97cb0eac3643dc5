/* SPDX-License-Identifier: MIT */
/* Cuts a text into the pieces in which byte-level BPE joins. */
#ifndef VKFI_MODEL_PRETOKENIZER_H
#define VKFI_MODEL_PRETOKENIZER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

struct pretokenizer;

/* `name` as in tokenizer.ggml.pre; STATUS_INPUT if it is not one of those known (`where`: the path
 * for the message). */
enum status pretokenizer_create(struct pretokenizer **out, const char *name,
                                const char *where) STATUS_MUST_USE;
void pretokenizer_destroy(struct pretokenizer **pretokenizer);

/* What else the name implies: a piece that is a whole token is taken without joining; a begin token
 * is put in front unless the file says otherwise. */
bool pretokenizer_whole_pieces(const struct pretokenizer *pretokenizer);
bool pretokenizer_begins(const struct pretokenizer *pretokenizer);

/* A piece is never empty; a failure ends the split. */
typedef enum status (*pretokenizer_piece)(void *context, const char *piece, size_t len);

/* Gives the pieces of `text` in order; together they are the whole text. A byte that is no part of
 * a well-formed UTF-8 character is a piece of its own, and for the patterns the text ends before
 * it. May run in several threads at once. */
enum status pretokenizer_split(const struct pretokenizer *pretokenizer, const char *text,
                               size_t len, pretokenizer_piece piece, void *context) STATUS_MUST_USE;

#endif
