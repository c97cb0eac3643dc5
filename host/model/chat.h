/* SPDX-License-Identifier: MIT */
/* Chat formats: one user message in the form the model was trained on. */
#ifndef VKFI_MODEL_CHAT_H
#define VKFI_MODEL_CHAT_H

#include "base/arena.h"
#include "base/status.h"
#include "model/gguf.h"

enum chat_format { CHAT_PLAIN, CHAT_CHATML, CHAT_GEMMA };

/* Chosen from the file's tokenizer.chat_template; no template: CHAT_PLAIN. */
enum chat_format chat_detect(const struct gguf *gguf);
const char *chat_name(enum chat_format format);

/* The prompt for one user message, to be encoded with special tokens parsed; includes the system
 * message the model's own template puts in by default, and the opening of the answer. */
enum status chat_render(const struct gguf *gguf, struct arena *arena, const char *user,
                        char **out) STATUS_MUST_USE;

#endif
