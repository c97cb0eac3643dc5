/* SPDX-License-Identifier: MIT */
/* Tokenizers of BLEU as in the PyPI package sacrebleu (Post 2018, arXiv:1804.08771). */
#ifndef VKFI_TASKS_BLEU_TOKENS_H
#define VKFI_TASKS_BLEU_TOKENS_H

#include "base/arena.h"
#include "base/status.h"
#include "tasks/ngram.h"

/* Not to be used by two threads at once. */
struct bleu_tokens;

/* By sacrebleu's name: "13a" (Western languages), "zh" (Chinese characters one by one), "ja-mecab"
 * (MeCab with its IPA dictionary), "char", "none" (only blanks). STATUS_INPUT, logged: another
 * name, or no dictionary on this machine. */
enum status bleu_tokens_create(struct bleu_tokens **out, const char *name) STATUS_MUST_USE;
void bleu_tokens_destroy(struct bleu_tokens **tokens);

/* The name for a target language, by ISO 639-1, 639-3 or FLORES ("ja", "jpn", "jpn_Jpan"). */
const char *bleu_tokens_name(const char *language);

/* As in a score's signature: "13a", "ja-mecab-0.996-IPA". */
const char *bleu_tokens_signature(const struct bleu_tokens *tokens);

/* The words of a text (UTF-8), in the arena. */
enum status bleu_tokens_split(const struct ngram_word **out, size_t *out_n, struct arena *arena,
                              const struct bleu_tokens *tokens, const char *text) STATUS_MUST_USE;

/* Words between blanks, as in Python's str.split; they point into the text. */
enum status bleu_tokens_blanks(const struct ngram_word **out, size_t *out_n, struct arena *arena,
                               const char *text, size_t size) STATUS_MUST_USE;

#endif
