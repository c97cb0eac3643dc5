/* SPDX-License-Identifier: MIT */
/* The token ids of a prompt as in table item, and where two lists differ. */
#ifndef VKFI_INJECT_STORE_PROMPT_H
#define VKFI_INJECT_STORE_PROMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

/* "[1,2,3]" from `arena`; null, logged, if it is out. */
char *store_prompt_text(struct arena *arena, const int32_t *ids, uint32_t count);

/* Where two lists of ids first differ; null: a database without them. */
#define STORE_PROMPT_DIFFERENCE 96
struct store_prompt_difference {
    char text[STORE_PROMPT_DIFFERENCE]; /* "found token 3 of the prompt to be 17, expected 19" */
};
bool store_prompt_same(const char *found, const char *expected,
                       struct store_prompt_difference *out);

#endif
