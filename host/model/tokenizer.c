/* SPDX-License-Identifier: MIT */
/* Reads a file's tokenizer; encodes a text around its special tokens. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/tokenizer_impl.h"

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
    if (st)
        return st;
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

/* The token put in front of every text: asked for by a flag, named by an id. */
static enum status read_begin(struct tokenizer *tk, const struct gguf *gguf, bool absent)
{
    static const char key[] = "tokenizer.ggml.bos_token_id";
    bool wanted;
    int32_t id = -1;

    enum status st = read_flag(gguf, "tokenizer.ggml.add_bos_token", absent, &wanted);
    if (!st)
        st = tokenizer_vocab_id(&tk->vocab, gguf, key, &id);
    if (!st && wanted && id < 0) {
        log_error("%s: key '%s': found nothing, expected the token that "
                  "tokenizer.ggml.add_bos_token puts in",
                  gguf_path(gguf), key);
        st = STATUS_INPUT;
    }
    tk->begin = wanted ? id : -1;
    return st;
}

/* What is put before a text; defaults differ between models (llama.cpp, llama_vocab::impl::load).
 * tokenizer.ggml.add_eos_token is ignored: every text encoded here is a prompt, which goes on. */
static enum status read_rules(struct tokenizer *tk, const struct gguf *gguf)
{
    const bool spm = tk->model == TOKENIZER_SPM;

    enum status st = read_begin(tk, gguf, spm || pretokenizer_begins(tk->bpe.pretokenizer));
    if (!st)
        st = read_flag(gguf, "tokenizer.ggml.add_space_prefix", spm, &tk->space_prefix);
    tk->space_prefix = tk->space_prefix && spm;
    return st;
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
    if (!st)
        st = tokenizer_vocab_read(&tk->vocab, gguf);
    if (!st)
        st = tokenizer_ends_init(&tk->ends, &tk->arena, gguf, &tk->vocab);
    if (!st)
        st = tokenizer_vocab_index(&tk->vocab, &tk->arena);
    if (!st)
        st = tokenizer_special_init(&tk->special, &tk->arena, gguf, &tk->vocab);
    if (!st)
        st = tk->model == TOKENIZER_BPE ? bpe_init(&tk->bpe, &tk->arena, gguf, &tk->vocab)
                                        : spm_init(&tk->spm, &tk->arena, gguf, &tk->vocab);
    if (!st)
        st = read_rules(tk, gguf);
    if (st)
        tokenizer_destroy(&tk);
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
    return tokenizer_ends_has(&tk->ends, id);
}

const int32_t *tokenizer_end_ids(const struct tokenizer *tk, uint32_t *out_count)
{
    *out_count = tk->ends.count;
    return tk->ends.id;
}

/* The template's text starts with the begin token itself. */
static bool begins(const struct tokenizer *tk, const struct tokenizer_text *text)
{
    const size_t len = tk->vocab.len[tk->begin];

    return text->parse == TOKENIZER_CHAT && len > 0 && text->size >= len &&
           memcmp(text->bytes, tk->vocab.text[tk->begin], len) == 0;
}

/* Appends the ids of all of `text`, special tokens where they stand. */
static enum status encode(const struct tokenizer *tk, struct tokenizer_work *work, const char *text,
                          size_t len, bool special)
{
    enum status st = STATUS_OK;

    while (len > 0 && !st) {
        const struct tokenizer_special_match match =
            tokenizer_special_next(&tk->special, text, len, special);
        if (match.start > 0 && tk->model == TOKENIZER_BPE) {
            st = bpe_encode(&tk->bpe, work, text, match.start);
        } else if (match.start > 0) {
            /* Plain text is at the start or after a special token: nothing else cuts it. */
            st = spm_encode(&tk->spm, work, text, match.start, tk->space_prefix);
        }
        if (!st && match.id >= 0)
            st = tokenizer_work_put(work, match.id);
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
    if (tk->begin >= 0 && !begins(tk, text))
        st = tokenizer_work_put(&work, tk->begin);
    if (!st)
        st = encode(tk, &work, text->bytes, text->size, text->parse != TOKENIZER_PLAIN);
    if (!st) {
        *out = arena_array(arena, work.n_ids, sizeof(**out));
        st = *out ? STATUS_OK : STATUS_MEMORY;
    }
    if (!st && work.n_ids > 0) {
        memcpy(*out, work.ids, work.n_ids * sizeof(**out));
        *out_count = work.n_ids;
    }
    if (!st && work.dropped > 0)
        log_warn("%zu of %zu bytes of the text have no token in this vocabulary", work.dropped,
                 text->size);
    tokenizer_work_finish(&work);
    return st;
}
