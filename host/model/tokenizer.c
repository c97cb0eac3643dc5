/* SPDX-License-Identifier: MIT */
/* Reads a file's tokenizer; encodes a text around its special tokens. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/tokenizer_impl.h"

/* Control tokens that end an answer whatever the file's ids say. */
static const char *const end_texts[] = {"<|im_end|>", "<end_of_turn>", "<|endoftext|>",
                                        "<|eot_id|>"};

static enum status read_flag(const struct gguf *gguf, const char *key, bool absent, bool *out)
{
    *out = absent;
    return gguf_has(gguf, key) ? gguf_bool(gguf, key, out) : STATUS_OK;
}

static enum status read_model(struct tokenizer *tk, const struct gguf *gguf)
{
    const char *name;
    size_t len;

    const enum status st = gguf_text(gguf, "tokenizer.ggml.model", &name, &len);
    if (st != STATUS_OK) {
        return st;
    }
    if (strcmp(name, "gpt2") == 0) {
        tk->model = TOKENIZER_BPE;
    } else if (strcmp(name, "llama") == 0) {
        tk->model = TOKENIZER_SPM;
    } else {
        log_error("%s: key 'tokenizer.ggml.model': found '%.64s', expected gpt2 or llama",
                  gguf_path(gguf), name);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

/* The token put at one side of every text: asked for by a flag, named by an id. */
static enum status read_side(const struct tokenizer *tk, const struct gguf *gguf, bool absent,
                             const char *const keys[2], int32_t *out)
{
    bool wanted;
    int32_t id = -1;

    enum status st = read_flag(gguf, keys[0], absent, &wanted);
    if (st == STATUS_OK) {
        st = tokenizer_vocab_id(&tk->vocab, gguf, keys[1], &id);
    }
    if (st == STATUS_OK && wanted && id < 0) {
        log_error("%s: key '%s': found nothing, expected the token that %s puts in",
                  gguf_path(gguf), keys[1], keys[0]);
        st = STATUS_INPUT;
    }
    *out = wanted ? id : -1;
    return st;
}

static void add_end(struct tokenizer *tk, int32_t id)
{
    if (id >= 0 && !tokenizer_is_end(tk, id)) {
        tk->ends[tk->n_ends++] = id;
    }
}

static enum status read_ends(struct tokenizer *tk, const struct gguf *gguf)
{
    static const char *const keys[] = {"tokenizer.ggml.eos_token_id",
                                       "tokenizer.ggml.eot_token_id"};
    enum status st = STATUS_OK;
    int32_t id;

    for (size_t i = 0; i < 2 && st == STATUS_OK; i++) {
        st = tokenizer_vocab_id(&tk->vocab, gguf, keys[i], &id);
        add_end(tk, id);
    }
    for (size_t i = 0; i < sizeof(end_texts) / sizeof(end_texts[0]); i++) {
        add_end(tk, tokenizer_special_control(&tk->special, end_texts[i]));
    }
    return st;
}

/* What surrounds the texts; the models differ in what a file that says nothing means (llama.cpp,
 * llama_vocab::impl::load). */
static enum status read_rules(struct tokenizer *tk, const struct gguf *gguf)
{
    static const char *const begin[] = {"tokenizer.ggml.add_bos_token",
                                        "tokenizer.ggml.bos_token_id"};
    static const char *const end[] = {"tokenizer.ggml.add_eos_token",
                                      "tokenizer.ggml.eos_token_id"};
    const bool spm = tk->model == TOKENIZER_SPM;

    enum status st =
        read_side(tk, gguf, spm || pretokenizer_begins(tk->bpe.pretokenizer), begin, &tk->begin);
    if (st == STATUS_OK) {
        st = read_side(tk, gguf, false, end, &tk->end);
    }
    if (st == STATUS_OK) {
        st = read_flag(gguf, "tokenizer.ggml.add_space_prefix", spm, &tk->space_prefix);
    }
    tk->space_prefix = tk->space_prefix && spm;
    return st == STATUS_OK ? read_ends(tk, gguf) : st;
}

enum status tokenizer_create(struct tokenizer **out, const struct gguf *gguf)
{
    struct tokenizer *tk = calloc(1, sizeof(*tk));

    *out = NULL;
    if (!tk) {
        log_error("tokenizer: out of host memory");
        return STATUS_MEMORY;
    }
    enum status st = read_model(tk, gguf);
    if (st == STATUS_OK) {
        st = tokenizer_vocab_init(&tk->vocab, &tk->arena, gguf);
    }
    if (st == STATUS_OK) {
        st = tokenizer_special_init(&tk->special, &tk->arena, gguf, &tk->vocab);
    }
    if (st == STATUS_OK) {
        st = tk->model == TOKENIZER_BPE ? bpe_init(&tk->bpe, &tk->arena, gguf, &tk->vocab)
                                        : spm_init(&tk->spm, &tk->arena, gguf, &tk->vocab);
    }
    if (st == STATUS_OK) {
        st = read_rules(tk, gguf);
    }
    if (st != STATUS_OK) {
        tokenizer_destroy(&tk);
    }
    *out = tk;
    return st;
}

void tokenizer_destroy(struct tokenizer **tokenizer)
{
    if (*tokenizer) {
        bpe_finish(&(*tokenizer)->bpe);
        arena_finish(&(*tokenizer)->arena);
        free(*tokenizer);
        *tokenizer = NULL;
    }
}

uint32_t tokenizer_size(const struct tokenizer *tk)
{
    return tk->vocab.count;
}

int32_t tokenizer_begin(const struct tokenizer *tk)
{
    return tk->begin;
}

bool tokenizer_is_end(const struct tokenizer *tk, int32_t id)
{
    for (uint32_t i = 0; i < tk->n_ends; i++) {
        if (tk->ends[i] == id) {
            return true;
        }
    }
    return false;
}

/* Appends the ids of all of `text`, special tokens where they stand. */
static enum status encode(const struct tokenizer *tk, struct tokenizer_work *work, const char *text,
                          size_t len, bool special)
{
    enum status st = STATUS_OK;

    while (len > 0 && st == STATUS_OK) {
        const struct tokenizer_special_match match =
            tokenizer_special_next(&tk->special, text, len, special);
        if (match.start > 0 && tk->model == TOKENIZER_BPE) {
            st = bpe_encode(&tk->bpe, work, text, match.start);
        } else if (match.start > 0) {
            /* Plain text stands at the start or behind a special token: nothing else cuts it. */
            st = spm_encode(&tk->spm, work, text, match.start, tk->space_prefix);
        }
        if (st == STATUS_OK && match.id >= 0) {
            st = tokenizer_work_put(work, match.id);
        }
        text += match.start + match.size;
        len -= match.start + match.size;
    }
    return st;
}

enum status tokenizer_encode(const struct tokenizer *tk, struct arena *arena,
                             const struct tokenizer_text *text, int32_t **out, size_t *out_count)
{
    struct tokenizer_work work = {0};
    enum status st = STATUS_OK;

    *out = NULL;
    *out_count = 0;
    if (text->size > TOKENIZER_WORK_TEXT_MAX) {
        log_error("text to tokenize has %zu bytes, expected at most %zu", text->size,
                  TOKENIZER_WORK_TEXT_MAX);
        return STATUS_INPUT;
    }
    if (tk->begin >= 0) {
        st = tokenizer_work_put(&work, tk->begin);
    }
    if (st == STATUS_OK) {
        st = encode(tk, &work, text->bytes, text->size, text->special);
    }
    if (st == STATUS_OK && tk->end >= 0) {
        st = tokenizer_work_put(&work, tk->end);
    }
    if (st == STATUS_OK) {
        *out = arena_array(arena, work.n_ids, sizeof(**out));
        st = *out ? STATUS_OK : STATUS_MEMORY;
    }
    if (st == STATUS_OK && work.n_ids > 0) {
        memcpy(*out, work.ids, work.n_ids * sizeof(**out));
        *out_count = work.n_ids;
    }
    if (st == STATUS_OK && work.dropped > 0) {
        log_warn("%zu of %zu bytes of the text have no token in this vocabulary", work.dropped,
                 text->size);
    }
    tokenizer_work_finish(&work);
    return st;
}
