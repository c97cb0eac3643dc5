/* SPDX-License-Identifier: MIT */
/* Prompts, messages and stop texts of a request. */
#ifndef VKFI_SERVE_SERVE_PROMPT_H
#define VKFI_SERVE_SERVE_PROMPT_H

#include "base/arena.h"
#include "serve/serve_reader.h"
#include "serve/serve_request.h"

/* "prompt": a text, a list of texts, of ids, or of lists of ids. */
void serve_prompt_read(struct serve_reader *r, struct arena *arena, struct serve_request *out,
                       const struct serve_request_rules *rules);

/* The member `key`: a list of ids, the only prompt. */
void serve_prompt_read_ids(struct serve_reader *r, struct arena *arena, struct serve_request *out,
                           const struct serve_request_rules *rules, const char *key);

/* "messages": a list of objects with role and content, the last of a user. */
void serve_prompt_read_messages(struct serve_reader *r, struct arena *arena,
                                struct serve_request *out);

/* "stop": a text or a list of at most 16 texts. */
void serve_prompt_read_stop(struct serve_reader *r, struct serve_request *out);

#endif
