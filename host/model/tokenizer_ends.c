/* SPDX-License-Identifier: MIT */
/* End tokens as llama.cpp finds them (llama_vocab::impl::load), but for one exception
 * (`except`). */
#include "model/tokenizer_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static const char *const keys[] = {
    "tokenizer.ggml.eos_token_id",     "tokenizer.ggml.eot_token_id",
    "tokenizer.ggml.eom_token_id",     "tokenizer.ggml.fim_pad_token_id",
    "tokenizer.ggml.fim_rep_token_id", "tokenizer.ggml.fim_sep_token_id",
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

/* Ends of an answer or a turn, then what separates files in training of code. */
static const char *const texts[] = {
    "<|eot_id|>",    "<|im_end|>",
    "<|end|>",       "<|return|>",
    "<|call|>",      "<|calls|>",
    "<|flush|>",     "<end_of_turn>",
    "<|endoftext|>", "</s>",
    "<|eom_id|>",    "<EOT>",
    "_<EOT>",        "[EOT]",
    "[EOS]",         "<|end_of_text|>",
    "<turn|>",       "<end_of_utterance>",
    "<eos>",         "<|tool_response>",
    "<|fim_pad|>",   "<fim-pad>",
    "<fim_pad>",     "<PAD>",
    "[PAD]",         "<|fim_repo|>",
    "<|repo_name|>", "<fim-repo>",
    "<REPO>",        "<reponame>",
    "<|file_sep|>",
};

#define TEXTS (sizeof(texts) / sizeof(texts[0]))

/* How a token was found to be an end. */
enum { BY_KEY = 1, BY_TEXT = 2 };

struct search {
    struct tokenizer_vocab *vocab;
    uint8_t *end;       /* (vocab->count) BY_KEY | BY_TEXT */
    int32_t *type;      /* (vocab->count) copy of the types, once one is changed */
    bool seen[TEXTS];   /* texts that some token has */
    bool others, plain; /* ends other than "</s>"; a "</s>" that is plain text and named by no
                           key */
};

static bool is_text(const struct tokenizer_vocab *vocab, uint32_t id, const char *text)
{
    return vocab->len[id] == strlen(text) && memcmp(vocab->text[id], text, vocab->len[id]) == 0;
}

static enum status find_keys(struct search *s, const struct gguf *gguf)
{
    enum status st = STATUS_OK;
    int32_t id;

    for (size_t i = 0; i < KEYS && !st; i++) {
        st = tokenizer_vocab_id(s->vocab, gguf, keys[i], &id);
        if (!st && id >= 0)
            s->end[id] = BY_KEY;
    }
    return st;
}

static void find_texts(struct search *s)
{
    for (uint32_t id = 0; id < s->vocab->count; id++) {
        const char first = s->vocab->len[id] > 0 ? s->vocab->text[id][0] : 0;
        for (size_t i = 0; (first == '<' || first == '[' || first == '_') && i < TEXTS; i++) {
            if (is_text(s->vocab, id, texts[i])) {
                s->seen[i] = true;
                s->end[id] |= BY_TEXT;
            }
        }
        if (s->end[id] && !is_text(s->vocab, id, "</s>"))
            s->others = true;
        else if (s->end[id] == BY_TEXT && s->vocab->type[id] != TOKENIZER_VOCAB_CONTROL)
            s->plain = true;
    }
}

static bool has(const struct search *s, const char *text)
{
    for (size_t i = 0; i < TEXTS; i++) {
        if (strcmp(texts[i], text) == 0)
            return s->seen[i];
    }
    return false;
}

static void forget(struct search *s, const char *text)
{
    for (uint32_t id = 0; id < s->vocab->count; id++) {
        if (is_text(s->vocab, id, text))
            s->end[id] &= BY_KEY;
    }
}

/* Vocabularies where a text of the list means something else. */
static void except(struct search *s)
{
    const bool call = has(s, "<|call|>") || has(s, "<|calls|>");

    if (call && (has(s, "<|return|>") || has(s, "<|flush|>")))
        forget(s, "<|end|>"); /* ends a message, and others follow (gpt-oss, Solar) */
    /* Gemma 4; and where "</s>" is plain text beside other ends, it is HTML (Gemma 3, Qwen 2.5). */
    if (has(s, "<|tool_response>") || (s->plain && s->others))
        forget(s, "</s>");
}

static enum status make_control(struct search *s, struct arena *arena, const struct gguf *gguf,
                                uint32_t id)
{
    const size_t count = s->vocab->count;

    if (!s->type) {
        s->type = arena_array(arena, count, sizeof(*s->type));
        if (!s->type)
            return STATUS_MEMORY;
        memcpy(s->type, s->vocab->type, count * sizeof(*s->type));
        s->vocab->type = s->type;
    }
    log_warn("%s: token %" PRIu32 " '%.*s' ends an answer, but the file says it is no control "
             "token: taken as one",
             gguf_path(gguf), id, (int)s->vocab->len[id], s->vocab->text[id]);
    s->type[id] = TOKENIZER_VOCAB_CONTROL;
    return STATUS_OK;
}

static enum status list_ends(struct search *s, struct arena *arena, const struct gguf *gguf,
                             struct tokenizer_ends *out)
{
    enum status st = STATUS_OK;
    uint32_t count = 0;

    for (uint32_t id = 0; id < s->vocab->count; id++)
        count += s->end[id] != 0;
    int32_t *list = arena_array(arena, count, sizeof(*list));
    if (!list)
        return STATUS_MEMORY;
    out->id = list;
    for (uint32_t id = 0; id < s->vocab->count && !st; id++) {
        if (s->end[id])
            list[out->count++] = (int32_t)id;
        if ((s->end[id] & BY_TEXT) && s->vocab->type[id] != TOKENIZER_VOCAB_CONTROL)
            st = make_control(s, arena, gguf, id);
    }
    return st;
}

enum status tokenizer_ends_init(struct tokenizer_ends *out, struct arena *arena,
                                const struct gguf *gguf, struct tokenizer_vocab *vocab)
{
    struct search s = {.vocab = vocab, .end = calloc(vocab->count, 1)};

    *out = (struct tokenizer_ends){0};
    if (!s.end) {
        log_error("tokenizer: out of host memory");
        return STATUS_MEMORY;
    }
    enum status st = find_keys(&s, gguf);
    if (!st) {
        find_texts(&s);
        except(&s);
        st = list_ends(&s, arena, gguf, out);
    }
    free(s.end);
    return st;
}

bool tokenizer_ends_has(const struct tokenizer_ends *ends, int32_t id)
{
    for (uint32_t i = 0; i < ends->count; i++) {
        if (ends->id[i] == id)
            return true;
    }
    return false;
}
