/* SPDX-License-Identifier: MIT */
/* The token ids of a prompt as in table item, and where two lists differ. */
#ifndef VKFI_INJECT_STORE_PROMPT_H
#define VKFI_INJECT_STORE_PROMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

/* How many ids a list has, and what all of them are below. */
struct store_prompt_range {
    uint32_t count, end;
};

/* "[1,2,3]" from `arena`; null, logged, if it is out. */
char *store_prompt_text(struct arena *arena, const int32_t *ids, uint32_t count);

/* The ids of such a list, from `arena`; STATUS_INPUT, not logged: it is none of `count` ids from 0
 * to below `end`. */
enum status store_prompt_ids(int32_t **out, struct arena *arena, const char *text,
                             struct store_prompt_range range) STATUS_MUST_USE;

/* Where two lists of ids first differ; null: a database without them. */
#define STORE_PROMPT_DIFFERENCE 96
struct store_prompt_difference {
    char text[STORE_PROMPT_DIFFERENCE]; /* "found token 3 of the prompt to be 17, expected 19" */
};
bool store_prompt_same(const char *found, const char *expected,
                       struct store_prompt_difference *out);

#endif
