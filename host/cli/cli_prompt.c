/* SPDX-License-Identifier: MIT */
/* From the prompt of a command line to token ids that fit the model. */
#include "cli/cli_prompt.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "lib/lib_prompt.h"
#include "model/chat.h"

enum status cli_prompt_check(const struct cli_prompt *prompt)
{
    int given = (prompt->text != NULL) + (prompt->chat != NULL) + (prompt->ids != NULL);
    if (prompt->template && !prompt->chat) {
        log_error("found --template without --chat TEXT, which it wraps");
        return STATUS_USAGE;
    }
    if (prompt->template && !chat_is_template(prompt->template)) {
        char expected[CHAT_EXPECTED];
        log_error("--template: found '%s', %s", prompt->template,
                  chat_expected(expected, prompt->template));
        return STATUS_USAGE;
    }
    if (given == 1)
        return STATUS_OK;
    log_error("found %s, expected exactly one of -p TEXT, --chat TEXT, --ids IDS",
              given == 0 ? "no prompt" : "more than one prompt");
    return STATUS_USAGE;
}

static enum status parse_ids(const char *text, uint32_t n_vocab, struct arena *arena, int32_t **out,
                             size_t *out_count)
{
    size_t room = 1;
    for (const char *c = text; *c; c++)
        room += *c == ',';
    int32_t *ids = arena_array(arena, room, sizeof(*ids));
    if (!ids)
        return STATUS_MEMORY;
    const char *at = text;
    for (size_t i = 0; i < room; i++) {
        char *end = NULL;
        const size_t len = strcspn(at, ",");
        const unsigned long value = strtoul(at, &end, 10);
        if (!isdigit((unsigned char)*at) || end != at + len || value >= n_vocab) {
            log_error("--ids: found \"%.*s\" at place %zu, expected a token id from 0 to %" PRIu32,
                      (int)(len < 40 ? len : 40), at, i + 1, n_vocab - 1);
            return STATUS_INPUT;
        }
        ids[i] = (int32_t)value;
        at += len + 1;
    }
    *out = ids;
    *out_count = room;
    return STATUS_OK;
}

static enum status encode(const struct cli_prompt *prompt, const struct model *model,
                          struct arena *arena, int32_t **out, size_t *out_count)
{
    struct lib_prompt given = {
        .text = {prompt->chat ? "--chat" : "-p", prompt->chat ? prompt->chat : prompt->text, 0},
        .parse = prompt->chat ? TOKENIZER_CHAT : TOKENIZER_PLAIN,
        .format = prompt->template};
    given.text.size = strlen(given.text.bytes);
    return lib_prompt_encode(&given, model, arena, out, out_count);
}

enum status cli_prompt_ids(const struct cli_prompt *prompt, const struct model *model,
                           struct arena *arena, int32_t **out, uint32_t *out_count)
{
    size_t count = 0;
    enum status st = prompt->ids ? parse_ids(prompt->ids, model->hp.n_vocab, arena, out, &count)
                                 : encode(prompt, model, arena, out, &count);
    if (st)
        return st;
    if (count == 0) {
        log_error("found an empty prompt and a model without begin token, expected at least one "
                  "token");
        return STATUS_INPUT;
    }
    if (count > UINT32_MAX / 2) {
        log_error("found a prompt of %zu tokens, expected at most %" PRIu32, count,
                  model->hp.n_ctx);
        return STATUS_INPUT;
    }
    *out_count = (uint32_t)count;
    return STATUS_OK;
}

enum status cli_prompt_fits(const struct model *model, uint64_t n_ids, uint64_t n)
{
    const uint64_t context = model->hp.n_ctx;
    if (n_ids > context) {
        log_error("found a prompt of %" PRIu64 " tokens, expected at most the model's context of "
                  "%" PRIu64,
                  n_ids, context);
        return STATUS_INPUT;
    }
    if (n_ids + n - 1 > context) {
        log_error("found -n %" PRIu64 " after a prompt of %" PRIu64 " tokens, expected at most -n "
                  "%" PRIu64 " (the model's context is %" PRIu64 ")",
                  n, n_ids, context - n_ids + 1, context);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}
