/* SPDX-License-Identifier: MIT */
/* Models: opening, users, ids of texts and back. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "lib/lib_prompt.h"
#include "lib/vkfi_impl.h"
#include "model/detokenizer.h"

vkfi_status vkfi_model_open(vkfi_model **out, const char *path)
{
    log_keep_error("");
    if (!out || !path)
        return vkfi_status_refuse(VKFI_USAGE, "vkfi_model_open: found null, expected `out` and a "
                                              "path");
    struct vkfi_model *model = *out = calloc(1, sizeof(*model));
    if (!model)
        return vkfi_status_refuse(VKFI_MEMORY, "out of memory for a model");
    const enum status st = model_open(&model->model, path);
    if (st) {
        free(model);
        *out = NULL;
        return vkfi_status_of(st);
    }
    pthread_mutex_init(&model->lock, NULL);
    atomic_init(&model->users, 1);
    return VKFI_OK;
}

void vkfi_model_keep(struct vkfi_model *model)
{
    atomic_fetch_add(&model->users, 1);
}

void vkfi_model_close(vkfi_model *model)
{
    if (!model || atomic_fetch_sub(&model->users, 1) != 1)
        return;
    model_close(&model->model);
    pthread_mutex_destroy(&model->lock);
    free(model);
}

uint32_t vkfi_model_vocabulary(const vkfi_model *model)
{
    return model ? model->model->hp.n_vocab : 0;
}

uint32_t vkfi_model_context(const vkfi_model *model)
{
    return model ? model->model->hp.n_ctx : 0;
}

vkfi_status vkfi_model_tokenize(const vkfi_model *model, const char *text, size_t size,
                                vkfi_parse parse, vkfi_ids *out)
{
    struct arena arena = {0};
    int32_t *found = NULL;
    size_t n = 0;
    log_keep_error("");
    if (!model || (!text && size > 0) || !out || (!out->id && out->room > 0) || (unsigned)parse > 1)
        return vkfi_status_refuse(VKFI_USAGE,
                                  "vkfi_model_tokenize: found null or an unknown way to parse, "
                                  "expected a model, a text and room for ids");
    const struct lib_prompt prompt = {.text = {"text", text ? text : "", size},
                                      .parse = parse == VKFI_PARSE_SPECIAL ? TOKENIZER_SPECIAL
                                                                           : TOKENIZER_PLAIN};
    const enum status st = lib_prompt_encode(&prompt, model->model, &arena, &found, &n);
    out->count = st ? 0 : n;
    if (!st && out->room > 0 && n > 0)
        memcpy(out->id, found, (n < out->room ? n : out->room) * sizeof(*found));
    arena_finish(&arena);
    return vkfi_status_of(st);
}

vkfi_status vkfi_model_spell(const vkfi_model *model, int32_t id, char *bytes, size_t room,
                             size_t *size)
{
    struct text text = {0};
    log_keep_error("");
    if (!model || (!bytes && room > 0) || !size)
        return vkfi_status_refuse(VKFI_USAGE, "vkfi_model_spell: found null, expected a model, "
                                              "room for bytes and `size`");
    if (id < 0 || (uint32_t)id >= tokenizer_size(model->model->tokenizer)) {
        log_error("found token id %" PRId32 ", expected one from 0 to %" PRIu32, id,
                  tokenizer_size(model->model->tokenizer) - 1);
        return VKFI_INPUT;
    }
    const enum status st = detokenizer_piece(model->model->tokenizer, id, false, &text);
    *size = st ? 0 : text.size;
    if (!st && room > 0 && text.size > 0)
        memcpy(bytes, text.data, text.size < room ? text.size : room);
    text_finish(&text);
    return vkfi_status_of(st);
}
