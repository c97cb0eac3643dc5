/* SPDX-License-Identifier: MIT */
/* Chat prompts: a user's message in the form the model was trained on, after turns if there are. */
#ifndef VKFI_MODEL_CHAT_H
#define VKFI_MODEL_CHAT_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/status.h"
#include "model/gguf.h"
#include "model/template.h"

/* The built-in templates, which may replace the file's own: A of the first name, B of each one
 * between, C of the last. */
#define CHAT_NAMES(A, B, C) A(chatml) B(gemma) B(llama3) B(phi) C(plain)
/* "chatml, gemma, llama3, phi or plain" */
#define CHAT_FIRST(name) #name
#define CHAT_NEXT(name) ", " #name
#define CHAT_LAST(name) " or " #name
#define CHAT_TEMPLATES CHAT_NAMES(CHAT_FIRST, CHAT_NEXT, CHAT_LAST)
bool chat_is_template(const char *name);
/* The end of a message about another name: "expected ..." and the nearest. Returns `out`. */
#define CHAT_EXPECTED 256
const char *chat_expected(char out[CHAT_EXPECTED], const char *name);

struct chat_message {
    const char *user;
    const char *template; /* a built-in one by name; null: the file's tokenizer.chat_template */
    const struct template_turn *turn; /* (n_turns) messages and answers before it */
    size_t n_turns;
    const struct template_message
        *message; /* (n_messages) instead of turns and user; null: those */
    size_t n_messages;
};

/* Whether the file has a template of its own. */
bool chat_has_template(const struct gguf *gguf);

/* The prompt, to be encoded with special tokens parsed: what the template adds by default (a system
 * message, a date, see template.h), the turns, the message, and the opening of the answer. Without
 * a template: the message alone. STATUS_INPUT (logged with the line) for a template that cannot be
 * run. */
enum status chat_render(const struct gguf *gguf, struct arena *arena,
                        const struct chat_message *message, char **out) STATUS_MUST_USE;

/* How the file's own template is shown: "none"; the built-in one that gives the same prompt for a
 * plain message; "own" if none does; "refused" with the reason in `problem` ("" else) if it cannot
 * be run. Memory from `arena`. */
struct chat_format {
    const char *name, *problem;
};
enum status chat_describe(const struct gguf *gguf, struct arena *arena,
                          struct chat_format *out) STATUS_MUST_USE;

#endif
