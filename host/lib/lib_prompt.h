/* SPDX-License-Identifier: MIT */
/* Token ids of a text from outside, as it is or as a chat message. */
#ifndef VKFI_LIB_PROMPT_H
#define VKFI_LIB_PROMPT_H

#include "base/arena.h"
#include "base/outside.h"
#include "base/status.h"
#include "model/model.h"

struct lib_prompt {
    struct outside_text text;   /* checked here */
    enum tokenizer_parse parse; /* TOKENIZER_CHAT: the text is a user's message */
    const char *format;         /* of a chat: a built-in template; null: the model's own */
};

/* Any number of ids; memory from `arena`. */
enum status lib_prompt_encode(const struct lib_prompt *prompt, const struct model *model,
                              struct arena *arena, int32_t **out,
                              size_t *out_count) STATUS_MUST_USE;

#endif
