/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as text for a tokenizer, or as changes to a vocabulary.
 *
 * `cmake --preset fuzz` makes a libFuzzer program of it; test_tokenizer_hostile feeds it seeded
 * inputs. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/tokenizer_fixture.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/text.h"
#include "model/detokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_TOKENIZERS 7 /* kinds of text; the kind after them changes vocabularies */

static void fuzz_require(int holds, const char *what)
{
    if (!holds) {
        fprintf(stdout, "fuzz_tokenizer: %s\n", what);
        abort();
    }
}

static const struct fixture *fuzz_fixture(size_t kind)
{
    static const char *const pres[] = {"smollm", "qwen2", "llama-bpe", "default", "falcon"};
    static struct fixture *made[FUZZ_TOKENIZERS];

    if (!made[kind]) {
        made[kind] = malloc(sizeof(*made[kind]));
        fuzz_require(made[kind] != NULL, "no memory");
        if (kind < 5) {
            fixture_bpe(made[kind], pres[kind]);
        } else {
            fixture_spm(made[kind]);
            made[kind]->space_prefix = kind == 5;
        }
        fuzz_require(fixture_open(made[kind]) == STATUS_OK, "a fixture that does not open");
    }
    return made[kind];
}

/* The text as the tokens must spell it: SentencePiece cannot tell U+2581 from a space. */
static void fuzz_expected(struct text *out, const char *text, size_t len, bool spm)
{
    fuzz_require(text_add(out, "", 0) == STATUS_OK, "no memory");
    for (size_t i = 0; i < len; i++) {
        const bool space = spm && len - i >= 3 && memcmp(text + i, "\xE2\x96\x81", 3) == 0;
        fuzz_require(text_add(out, space ? " " : text + i, 1) == STATUS_OK, "no memory");
        i += space ? 2 : 0;
    }
}

/* The bytes of all tokens, and the same one by one through a detokenizer. */
static void fuzz_detokenize(const struct tokenizer *tk, const int32_t *ids, size_t count,
                            struct text *raw)
{
    struct text out = {0};
    struct detokenizer dt;
    size_t before = 0;

    fuzz_require(text_add(raw, "", 0) == STATUS_OK, "no memory");
    fuzz_require(text_add(&out, "", 0) == STATUS_OK, "no memory");
    detokenizer_init(&dt, tk, true);
    for (size_t i = 0; i < count; i++) {
        fuzz_require(ids[i] >= 0 && (uint32_t)ids[i] < tokenizer_size(tk), "an id out of range");
        fuzz_require(detokenizer_piece(tk, ids[i], true, raw) == STATUS_OK, "no piece");
        fuzz_require(detokenizer_put(&dt, ids[i], &out) == STATUS_OK, "no text");
        fuzz_require(utf8_good_prefix(out.data + before, out.size - before) == out.size - before,
                     "text that is not whole characters");
        before = out.size;
    }
    fuzz_require(detokenizer_flush(&dt, &out) == STATUS_OK, "no end");
    fuzz_require(utf8_good_prefix(out.data, out.size) == out.size, "an end that is not UTF-8");
    text_finish(&out);
}

static void fuzz_text(const struct fixture *f, const char *text, size_t len, bool special)
{
    const struct tokenizer *tk = f->tk;
    const bool spm = strcmp(f->model, "llama") == 0;
    const bool begins = tokenizer_begin(tk) >= 0;
    struct arena arena = {0};
    struct text raw = {0}, expected = {0};
    int32_t *ids;
    size_t count;

    fuzz_require(tokenizer_encode(tk, &arena, &(struct tokenizer_text){text, len, special}, &ids,
                                  &count) == STATUS_OK,
                 "a text that cannot be encoded");
    fuzz_require(count >= begins && (!begins || ids[0] == tokenizer_begin(tk)), "no begin token");
    fuzz_detokenize(tk, ids + begins, count - begins, &raw);
    /* A space prefix follows every special token: exact only without one. */
    if (f->space_prefix != 1 || (!special && !memchr(text, '\n', len))) {
        if (f->space_prefix == 1 && len > 0)
            fuzz_require(text_add(&expected, " ", 1) == STATUS_OK, "no memory");
        fuzz_expected(&expected, text, len, spm);
        fuzz_require(raw.size == expected.size && memcmp(raw.data, expected.data, raw.size) == 0,
                     "tokens that spell another text");
    }
    text_finish(&raw);
    text_finish(&expected);
    arena_finish(&arena);
}

/* One change to a vocabulary, from four bytes. */
static void fuzz_change(struct fixture *f, const uint8_t *data)
{
    static const float scores[] = {NAN, INFINITY, -INFINITY, -0.0f, 1e-45f};
    static const char *const names[] = {"gpt2", "llama", "bert", "default", "", NULL};
    struct fixture_token *token = &f->token[(data[1] | data[2] << 8) % (int)f->n_tokens];
    int64_t *const ids[] = {&f->begin, &f->end, &f->turn_end, &f->unknown};
    int *const flags[] = {&f->add_begin, &f->add_end, &f->space_prefix};

    switch (data[0] % 10) {
    case 0:
        token->text[data[3] % FIXTURE_TEXT] = (char)data[2];
        break;
    case 1:
        token->len = data[3] % (FIXTURE_TEXT + 1);
        break;
    case 2:
        token->type = data[3] % 9 - 1;
        break;
    case 3:
        token->score = scores[data[3] % 5];
        break;
    case 4:
        *(data[3] & 1 ? &f->n_types : &f->n_scores) = data[2] % FIXTURE_TOKENS;
        break;
    case 5:
        f->merge[data[1] % FIXTURE_MERGES][data[2] % (FIXTURE_TEXT - 1)] = (char)data[3];
        break;
    case 6:
        *ids[data[1] % 4] = (int64_t)data[2] << (data[3] % 24);
        break;
    case 7:
        *flags[data[1] % 3] = data[2] & 1;
        break;
    case 8:
        f->n_tokens = 1 + (data[1] | data[2] << 8) % FIXTURE_TOKENS;
        break;
    default:
        *(data[1] & 1 ? &f->model : &f->pre) = names[data[2] % 6];
        break;
    }
}

static void fuzz_vocabulary(const uint8_t *data, size_t size)
{
    static const char sample[] = "hello  ababcab\n\n<|im_end|>b a\xC3\xA9\xFF</s> 12";
    struct fixture *f = malloc(sizeof(*f));
    struct arena arena = {0};
    struct text raw = {0};
    int32_t *ids;
    size_t count;

    fuzz_require(f != NULL, "no memory");
    if (size > 0 && data[0] & 1)
        fixture_spm(f);
    else
        fixture_bpe(f, "qwen2");
    for (size_t i = 1; i + 4 <= size; i += 4)
        fuzz_change(f, data + i);
    const enum status st = fixture_open(f);
    fuzz_require(!st || (st == STATUS_INPUT && log_last_error()[0] != '\0'),
                 "a refusal that does not blame the input");
    if (!st) {
        fuzz_require(tokenizer_encode(f->tk, &arena,
                                      &(struct tokenizer_text){sample, sizeof(sample) - 1, true},
                                      &ids, &count) == STATUS_OK,
                     "a sample that cannot be encoded");
        fuzz_detokenize(f->tk, ids, count, &raw);
    }
    text_finish(&raw);
    arena_finish(&arena);
    fixture_close(f);
    free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const size_t kind = data[0] % (FUZZ_TOKENIZERS + 1);
    if (kind == FUZZ_TOKENIZERS) {
        fuzz_vocabulary(data + 1, size - 1);
    } else {
        /* Exactly the bytes, so that a sanitizer sees one read too far. */
        char *text = malloc(size - 1);
        fuzz_require(text != NULL, "no memory");
        memcpy(text, data + 2, size - 2);
        fuzz_text(fuzz_fixture(kind), text, size - 2, data[1] & 1);
        free(text);
    }
    return 0;
}
