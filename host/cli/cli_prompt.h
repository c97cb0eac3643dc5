/* SPDX-License-Identifier: MIT */
/* Token ids of a prompt given as text, as a chat message or as ids. */
#ifndef VKFI_CLI_PROMPT_H
#define VKFI_CLI_PROMPT_H

#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "model/model.h"

/* Exactly one is not null. */
struct cli_prompt {
    const char *text;     /* plain text; special tokens are not parsed */
    const char *chat;     /* one user message, in the model's chat format */
    const char *template; /* of `chat`: a built-in one by name; null: the model's own */
    const char *ids;      /* "1,2,3", taken as they are */
};

/* STATUS_USAGE unless exactly one is given. Needs no model, so it comes first. */
enum status cli_prompt_check(const struct cli_prompt *prompt) STATUS_MUST_USE;

/* At least one id, each known to the model; memory from `arena`. */
enum status cli_prompt_ids(const struct cli_prompt *prompt, const struct model *model,
                           struct arena *arena, int32_t **out, uint32_t *out_count) STATUS_MUST_USE;

/* `n` tokens after `n_ids` must fit the context: the last one is never evaluated. */
enum status cli_prompt_fits(const struct model *model, uint64_t n_ids, uint64_t n) STATUS_MUST_USE;

#endif
