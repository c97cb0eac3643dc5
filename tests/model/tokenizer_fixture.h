/* SPDX-License-Identifier: MIT */
/* Small tokenizers for tests: a byte-level BPE and a SentencePiece one, to be changed before they
 * are opened. */
#ifndef VKFI_TESTS_TOKENIZER_FIXTURE_H
#define VKFI_TESTS_TOKENIZER_FIXTURE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/mute.h"
#include "gguf_builder.h"
#include "model/gguf.h"
#include "model/tokenizer.h"
#include "model/tokenizer_vocab.h"
#include "model/utf8.h"

#define FIXTURE_FN __attribute__((unused)) static
#define FIXTURE_TOKENS 400
#define FIXTURE_MERGES 32
#define FIXTURE_TEXT 32
#define FIXTURE_ABSENT (-1)

struct fixture_token {
    char text[FIXTURE_TEXT];
    uint32_t len;
    int32_t type;
    float score;
};

struct fixture {
    const char *model, *pre, *chat_template; /* null: absent */
    struct fixture_token token[FIXTURE_TOKENS];
    char merge[FIXTURE_MERGES][FIXTURE_TEXT];
    uint32_t n_tokens, n_merges;
    uint32_t n_types, n_scores;            /* entries written */
    bool types, scores, merges;            /* lists written at all */
    int add_begin, add_end, space_prefix;  /* 0, 1 or FIXTURE_ABSENT */
    int64_t begin, end, turn_end, unknown; /* ids or FIXTURE_ABSENT */
    struct builder b;
    struct gguf *gguf;
    struct tokenizer *tk;
};

FIXTURE_FN int32_t fixture_token(struct fixture *f, const char *text, int32_t type, float score)
{
    struct fixture_token *token = &f->token[f->n_tokens];

    token->len = (uint32_t)strlen(text);
    memcpy(token->text, text, token->len);
    token->type = type;
    token->score = score;
    f->n_types = f->n_scores = f->n_tokens + 1;
    return (int32_t)f->n_tokens++;
}

FIXTURE_FN int32_t fixture_find(const struct fixture *f, const char *text)
{
    for (uint32_t i = 0; i < f->n_tokens; i++) {
        if (f->token[i].len == strlen(text) && memcmp(f->token[i].text, text, strlen(text)) == 0)
            return (int32_t)i;
    }
    return -1;
}

FIXTURE_FN void fixture_merge(struct fixture *f, const char *left, const char *right)
{
    char whole[FIXTURE_TEXT];

    snprintf(f->merge[f->n_merges++], FIXTURE_TEXT, "%s %s", left, right);
    snprintf(whole, sizeof(whole), "%s%s", left, right);
    if (fixture_find(f, whole) < 0)
        fixture_token(f, whole, TOKENIZER_VOCAB_NORMAL, 0);
}

FIXTURE_FN void fixture_begin(struct fixture *f, const char *model)
{
    memset(f, 0, sizeof(*f));
    f->model = model;
    f->types = true;
    f->add_begin = f->add_end = f->space_prefix = FIXTURE_ABSENT;
    f->begin = f->end = f->turn_end = f->unknown = FIXTURE_ABSENT;
}

/* Ids 0 to 255 are the bytes in the order of GPT-2's bytes_to_unicode, not of their values. */
FIXTURE_FN void fixture_bpe(struct fixture *f, const char *pre)
{
    static const char *const pairs[][2] = {
        {"\xC4\xA0", "\xC4\xA0"},
        {"a", "b"},
        {"b", "c"},
        {"a", "a"},
        {"ab", "ab"},
        {"c", "ab"},
        {"aa", "aa"},
        {"bc", "a"},
        {"\xC4\xA0", "a"},
        {"1", "2"},
        {"abab", "abab"},
        {"h", "e"},
        {"he", "l"},
        {"hel", "lo"},
        {"aaaa", "aaaa"},
    };
    char spelled[8] = {0};

    fixture_begin(f, "gpt2");
    f->pre = pre;
    f->merges = true;
    for (uint32_t code = 33; f->n_tokens < 256; code++) {
        if (code == 127)
            code = 161;
        if (code == 173)
            code = 174;
        memset(spelled, 0, sizeof(spelled));
        utf8_put(spelled, code);
        fixture_token(f, spelled, TOKENIZER_VOCAB_NORMAL, 0);
    }
    fixture_token(f, "lo", TOKENIZER_VOCAB_NORMAL, 0);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        fixture_merge(f, pairs[i][0], pairs[i][1]);
    f->end = fixture_token(f, "<|im_end|>", TOKENIZER_VOCAB_CONTROL, 0);
    fixture_token(f, "<|im_start|>", TOKENIZER_VOCAB_CONTROL, 0);
    fixture_token(f, "<|im", TOKENIZER_VOCAB_CONTROL, 0);
    fixture_token(f, "<tool>", TOKENIZER_VOCAB_USER, 0);
    fixture_token(f, "[PAD0]", TOKENIZER_VOCAB_UNUSED, 0);
    f->begin = fixture_token(f, "<|endoftext|>", TOKENIZER_VOCAB_CONTROL, 0);
}

FIXTURE_FN void fixture_spm(struct fixture *f)
{
    static const char *const texts[] = {
        "\xE2\x96\x81",
        "a",
        "b",
        "c",
        "h",
        "e",
        "l",
        "o",
        "ab",
        "abab",
        "bc",
        "cab",
        "aa",
        "aaaa",
        "he",
        "ll",
        "hell",
        "hello",
        "\xE2\x96\x81he",
        "\xE2\x96\x81hello",
        "\xC3\xA9",
        "<",
        ">",
        "\xE2\x96\x81\xE2\x96\x81",
        "b\xE2\x96\x81",
        ("b\xE2\x96\x81"
         "a"),
        "s",
        "<s",
        "s>",
    };

    fixture_begin(f, "llama");
    f->scores = true;
    f->unknown = fixture_token(f, "<unk>", TOKENIZER_VOCAB_UNKNOWN, 0);
    f->begin = fixture_token(f, "<s>", TOKENIZER_VOCAB_CONTROL, 0);
    f->end = fixture_token(f, "</s>", TOKENIZER_VOCAB_CONTROL, 0);
    for (int byte = 0; byte < 256; byte++) {
        char text[8];
        snprintf(text, sizeof(text), "<0x%02X>", byte);
        fixture_token(f, text, TOKENIZER_VOCAB_BYTE, 0);
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        fixture_token(f, texts[i], TOKENIZER_VOCAB_NORMAL, -(float)((7 * i) % 23));
    fixture_token(f, "\n\n", TOKENIZER_VOCAB_USER, 0);
    fixture_token(f, "\n", TOKENIZER_VOCAB_USER, 0);
}

FIXTURE_FN void fixture_put_lists(struct fixture *f)
{
    struct builder_bytes *keys = &f->b.keys;

    builder_key_array(&f->b, "tokenizer.ggml.tokens", 8, f->n_tokens);
    for (uint32_t i = 0; i < f->n_tokens; i++) {
        builder_put_u64(keys, f->token[i].len);
        builder_put(keys, f->token[i].text, f->token[i].len);
    }
    if (f->types) {
        builder_key_array(&f->b, "tokenizer.ggml.token_type", 5, f->n_types);
        for (uint32_t i = 0; i < f->n_types; i++)
            builder_put_u32(keys, (uint32_t)f->token[i].type);
    }
    if (f->scores) {
        builder_key_array(&f->b, "tokenizer.ggml.scores", 6, f->n_scores);
        for (uint32_t i = 0; i < f->n_scores; i++)
            builder_put(keys, &f->token[i].score, sizeof(float));
    }
    if (f->merges) {
        builder_key_array(&f->b, "tokenizer.ggml.merges", 8, f->n_merges);
        for (uint32_t i = 0; i < f->n_merges; i++)
            builder_put_text(keys, f->merge[i]);
    }
}

FIXTURE_FN void fixture_put_rules(struct fixture *f)
{
    const struct {
        const char *key;
        int value;
    } flags[] = {
        {"tokenizer.ggml.add_bos_token", f->add_begin},
        {"tokenizer.ggml.add_eos_token", f->add_end},
        {"tokenizer.ggml.add_space_prefix", f->space_prefix},
    };
    const struct {
        const char *key;
        int64_t value;
    } ids[] = {
        {"tokenizer.ggml.bos_token_id", f->begin},
        {"tokenizer.ggml.eos_token_id", f->end},
        {"tokenizer.ggml.eot_token_id", f->turn_end},
        {"tokenizer.ggml.unknown_token_id", f->unknown},
    };
    const char *const texts[][2] = {
        {"tokenizer.ggml.model", f->model},
        {"tokenizer.ggml.pre", f->pre},
        {"tokenizer.chat_template", f->chat_template},
    };

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (flags[i].value != FIXTURE_ABSENT)
            builder_key_bool(&f->b, flags[i].key, (uint8_t)flags[i].value);
    }
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        if (ids[i].value != FIXTURE_ABSENT)
            builder_key_u32(&f->b, ids[i].key, (uint32_t)ids[i].value);
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i][1])
            builder_key_text(&f->b, texts[i][0], texts[i][1]);
    }
}

/* The file in memory, then its tokenizer; fixture_close whatever comes back. */
FIXTURE_FN enum status fixture_open(struct fixture *f)
{
    builder_init(&f->b);
    fixture_put_lists(f);
    fixture_put_rules(f);
    builder_finish(&f->b);
    const enum status st = gguf_open_memory(&f->gguf, f->b.file.data, f->b.file.size, "fixture");
    return st ? st : tokenizer_create(&f->tk, f->gguf);
}

FIXTURE_FN void fixture_close(struct fixture *f)
{
    tokenizer_destroy(&f->tk);
    gguf_close(&f->gguf);
    builder_free(&f->b);
}

#endif
