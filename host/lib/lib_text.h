/* SPDX-License-Identifier: MIT */
/* The text of a run as its tokens come: whole characters that cannot start a stop string. */
#ifndef VKFI_LIB_TEXT_H
#define VKFI_LIB_TEXT_H

#include "base/text.h"
#include "model/decode.h"
#include "model/detokenizer.h"

/* All zeros but `decode` is the empty text. */
struct lib_text {
    const struct decode *decode;
    struct text bytes; /* spelled, not yet settled */
    struct detokenizer dt;
    struct text text; /* settled; who reads it sets its size to 0 */
};

enum status lib_text_add(struct lib_text *text, int32_t token) STATUS_MUST_USE;

/* Settles what was held back, incomplete characters included. */
enum status lib_text_end(struct lib_text *text) STATUS_MUST_USE;
void lib_text_finish(struct lib_text *text);

#endif
