/* SPDX-License-Identifier: MIT */
/* Chat templates: the subset of Jinja that models' own templates use, run within fixed bounds. */
#ifndef VKFI_MODEL_TEMPLATE_H
#define VKFI_MODEL_TEMPLATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/text.h"

/* The most a template may cost; more is refused, so that no file hangs the program. */
#define TEMPLATE_MAX_SOURCE ((size_t)1 << 20)  /* bytes */
#define TEMPLATE_MAX_STEPS 4000000u            /* nodes evaluated, names and keys looked at */
#define TEMPLATE_MAX_BYTES ((size_t)256 << 20) /* of all texts and lists made meanwhile */
#define TEMPLATE_MAX_OUTPUT ((size_t)16 << 20) /* bytes */

/* strftime_now gives this day whatever the clock says: a prompt must be the same tomorrow.
 * Templates of Llama 3 fall back on it. */
#define TEMPLATE_DATE "2024-07-26"

/* Why a template cannot be read or run. */
struct template_problem {
    uint32_t line; /* of the template, from 1 */
    char text[256];
};

/* A message of the user, and the assistant's answer to it. */
struct template_turn {
    const char *user, *assistant;
};

/* Any message: "system", "user", "assistant". */
struct template_message {
    const char *role, *content;
};

/* The variables beside `add_generation_prompt` (true), `tools` and `documents` (none). */
struct template_context {
    const char *user; /* content of the last message, (user_size) */
    size_t user_size;
    const struct template_turn *turn; /* (n_turns) before it */
    size_t n_turns;
    const struct template_message
        *message; /* (n_messages) instead of turns and user; null: those */
    size_t n_messages;
    const char *begin, *end; /* bos_token, eos_token; null: undefined */
};

struct template;

/* Result and everything it points to from `arena`. STATUS_INPUT: `problem` says what was found. The
 * source is read as jinja2 reads it with trim_blocks and lstrip_blocks, without a last line
 * feed. */
enum status template_parse(struct template **out, struct arena *arena, const char *source,
                           size_t size, struct template_problem *problem) STATUS_MUST_USE;

/* Appends the prompt to `out`. STATUS_INPUT: `problem` says which construct is not supported, or
 * what the template itself raised. */
enum status template_render(const struct template *template, const struct template_context *context,
                            struct text *out, struct template_problem *problem) STATUS_MUST_USE;

#endif
