/* SPDX-License-Identifier: MIT */
/* From an item to the ids of its prompt, plain or as a message. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "model/chat.h"
#include "tasks/answers.h"

bool answers_chats(const struct model *model, enum answers_format format)
{
    return format == ANSWERS_CHAT || (format == ANSWERS_AUTO && chat_has_template(model->gguf));
}

/* In chat form an item's examples are turns before its message; without a template there are no
 * turns, and the prompt, which has them too, is the message. */
static enum status encode_prompt(struct answers_item *out, struct arena *arena,
                                 const struct model *model, const struct task_item *item, bool chat)
{
    const bool whole = item->n_turns > 0 && !chat_has_template(model->gguf);
    const char *user = item->instruction && !whole ? item->instruction : item->prompt;
    char *rendered = NULL;
    int32_t *ids = NULL;
    size_t n;
    enum status st = STATUS_OK;
    if (chat)
        st =
            chat_render(model->gguf, arena,
                        &(struct chat_message){
                            .user = user, .turn = item->turn, .n_turns = whole ? 0 : item->n_turns},
                        &rendered);
    if (st)
        return st;
    const char *text = chat ? rendered : item->prompt;
    st = tokenizer_encode(
        model->tokenizer, arena,
        &(struct tokenizer_text){text, strlen(text), chat ? TOKENIZER_CHAT : TOKENIZER_PLAIN}, &ids,
        &n);
    out->ids = ids;
    out->n_ids = (uint32_t)n;
    return st;
}

static enum status take_stops(struct answers_item *out, struct arena *arena,
                              const struct task_item *item)
{
    struct decode_stop *stop = arena_array(arena, item->n_stops, sizeof(*stop));
    if (!stop)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < item->n_stops; i++)
        stop[i] = (struct decode_stop){item->stop[i], strlen(item->stop[i])};
    out->stop = stop;
    out->n_stops = item->n_stops;
    return STATUS_OK;
}

enum status answers_encode(struct answers_item *out, struct arena *arena, const struct model *model,
                           const struct task_item *item, enum answers_format format)
{
    const uint32_t context = model->hp.n_ctx;
    const bool chat = answers_chats(model, format);
    *out = (struct answers_item){.key = item->index, .n = item->max_tokens};
    enum status st = encode_prompt(out, arena, model, item, chat);
    if (!st && !chat)
        st = take_stops(out, arena, item);
    if (st)
        return st;
    if (out->n_ids == 0 || out->n_ids > context) {
        log_error("item %s: found a prompt of %" PRIu32 " tokens, expected 1 to the model's "
                  "context of %" PRIu32,
                  item->doc_id, out->n_ids, context);
        return STATUS_INPUT;
    }
    const uint32_t room = context - out->n_ids + 1; /* the last token is not fed */
    out->n = out->n < room ? out->n : room;
    return STATUS_OK;
}
