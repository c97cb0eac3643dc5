/* SPDX-License-Identifier: MIT */
/* Checks texts, renders chats, and encodes. */
#include "lib/lib_prompt.h"

#include <string.h>

#include "model/chat.h"

enum status lib_prompt_encode(const struct lib_prompt *prompt, const struct model *model,
                              struct arena *arena, int32_t **out, size_t *out_count)
{
    struct outside_text given = prompt->text;
    enum status st = outside_take(&given);
    if (!st && prompt->parse == TOKENIZER_CHAT) {
        char *message = arena_text(arena, given.bytes, given.size), *rendered = NULL;
        const struct chat_message chat = {.user = message, .template = prompt->format};
        st = message ? chat_render(model->gguf, arena, &chat, &rendered) : STATUS_MEMORY;
        given.bytes = rendered;
        given.size = st ? 0 : strlen(rendered);
    }
    if (st)
        return st;
    return tokenizer_encode(model->tokenizer, arena,
                            &(struct tokenizer_text){given.bytes, given.size, prompt->parse}, out,
                            out_count);
}
