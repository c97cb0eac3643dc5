/* SPDX-License-Identifier: MIT */
/* The rules of each tokenizer, applied in sacrebleu's order. */
#include "tasks/bleu_tokens.h"

#include <mecab.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "model/utf8.h"

#define DICTIONARY "/var/lib/mecab/dic/ipadic-utf8"
#define DICTIONARY_WORDS 392126 /* of the IPA dictionary of published scores */
#define DEBIAN_WORDS 392127     /* Debian's also has the present era's name, Reiwa */

struct rule;
struct bleu_tokens {
    const struct rule *rule;
    mecab_t *mecab; /* owned; null unless ja-mecab */
    char signature[64];
};

struct rule {
    const char *name;
    /* Writes the text with blanks between its words. */
    enum status (*apply)(struct text *out, const struct bleu_tokens *tokens, struct ngram_word in);
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Punctuation that is always separate; not ' , - . */
static bool is_mark(char c)
{
    return (c >= '{' && c <= '~') || (c >= '[' && c <= '`') || (c >= ' ' && c <= '&') ||
           (c >= '(' && c <= '+') || (c >= ':' && c <= '@') || c == '/';
}

static bool is_point(char c)
{
    return c == '.' || c == ',';
}

typedef bool pair_test(char left, char right);

static bool point_after_other(char left, char right)
{
    return !is_digit(left) && is_point(right);
}

static bool point_before_other(char left, char right)
{
    return is_point(left) && !is_digit(right);
}

static bool dash_after_digit(char left, char right)
{
    return is_digit(left) && right == '-';
}

/* One pass of a regular expression of two characters: a match is written with blanks around its
 * right (or left) one, and the search continues after it. Bytes suffice: the pattern is ASCII, and
 * the rest of a longer character is not a digit. */
static void separate(struct text *text, pair_test *test, bool right)
{
    struct text out = {0};
    const char *at = text_of(text);
    for (size_t i = 0; i < text->size;) {
        if (i + 1 < text->size && test(at[i], at[i + 1])) {
            text_addf(&out, right ? "%c %c " : " %c %c", at[i], at[i + 1]);
            i += 2;
        } else {
            text_add(&out, &at[i++], 1);
        }
    }
    text_take(&out, text->st);
    text_finish(text);
    *text = out;
}

/* Shared by 13a and zh. */
static void western(struct text *text)
{
    struct text out = {0};
    const char *at = text_of(text);
    for (size_t i = 0; i < text->size; i++) {
        const char alone[] = {' ', at[i], ' '};
        text_add(&out, is_mark(at[i]) ? alone : &alone[1], is_mark(at[i]) ? 3 : 1);
    }
    text_take(&out, text->st);
    text_finish(text);
    *text = out;
    separate(text, point_after_other, true);
    separate(text, point_before_other, false);
    separate(text, dash_after_digit, true);
}

static void replace(struct text *text, const char *from, const char *to)
{
    struct text out = {0};
    const size_t n = strlen(from);
    const char *at = text_of(text), *const end = at + text->size;
    while (at < end) {
        const bool found = (size_t)(end - at) >= n && memcmp(at, from, n) == 0;
        if (found)
            text_put(&out, to);
        else
            text_add(&out, at, 1);
        at += found ? n : 1;
    }
    text_take(&out, text->st);
    text_finish(text);
    *text = out;
}

static enum status apply_13a(struct text *out, const struct bleu_tokens *tokens,
                             struct ngram_word in)
{
    static const char *const pair[][2] = {{"<skipped>", ""}, {"-\n", ""},    {"\n", " "},
                                          {"&quot;", "\""},  {"&amp;", "&"}, {"&lt;", "<"},
                                          {"&gt;", ">"}};
    struct text line = {0};
    (void)tokens;
    text_add(&line, in.at, in.size);
    for (size_t i = 0; i < sizeof(pair) / sizeof(*pair); i++)
        replace(&line, pair[i][0], pair[i][1]);
    text_addf(out, " %s ", text_of(&line));
    text_take(out, line.st);
    text_finish(&line);
    western(out);
    return out->st;
}

/* sacrebleu's ranges. Two of its ends are five hexadecimal digits after \u, which takes four: it
 * compares with U+2000 and U+2A6D, U+2F80 and U+2FA1, and published scores depend on that. */
static bool is_chinese(uint32_t code)
{
    static const uint32_t range[][2] = {
        {0x3400, 0x4DB5}, {0x4E00, 0x9FBB}, {0xF900, 0xFA2D}, {0xFA30, 0xFA6A}, {0xFA70, 0xFAD9},
        {0x2001, 0x2A6D}, {0x2F81, 0x2FA1}, {0xFF00, 0xFFEF}, {0x2E80, 0x2EFF}, {0x3000, 0x303F},
        {0x31C0, 0x31EF}, {0x2F00, 0x2FDF}, {0x2FF0, 0x2FFF}, {0x3100, 0x312F}, {0x31A0, 0x31BF},
        {0xFE10, 0xFE1F}, {0xFE30, 0xFE4F}, {0x3200, 0x33FF}};
    for (size_t i = 0; i < sizeof(range) / sizeof(*range); i++) {
        if (code >= range[i][0] && code <= range[i][1])
            return true;
    }
    return false;
}

static enum status apply_zh(struct text *out, const struct bleu_tokens *tokens,
                            struct ngram_word in)
{
    (void)tokens;
    for (size_t at = 0; at < in.size;) {
        const struct utf8_char c = utf8_next(in.at + at, in.size - at);
        const bool alone = c.kind == UTF8_GOOD && is_chinese(c.code);
        text_addf(out, alone ? " %.*s " : "%.*s", (int)c.size, in.at + at);
        at += c.size;
    }
    western(out);
    return out->st;
}

static enum status apply_char(struct text *out, const struct bleu_tokens *tokens,
                              struct ngram_word in)
{
    (void)tokens;
    for (size_t at = 0; at < in.size;) {
        const uint32_t n = utf8_next(in.at + at, in.size - at).size;
        text_addf(out, "%.*s ", (int)n, in.at + at);
        at += n;
    }
    return out->st;
}

static enum status apply_none(struct text *out, const struct bleu_tokens *tokens,
                              struct ngram_word in)
{
    (void)tokens;
    return text_add(out, in.at, in.size);
}

static enum status apply_mecab(struct text *out, const struct bleu_tokens *tokens,
                               struct ngram_word in)
{
    const mecab_node_t *node = mecab_sparse_tonode2(tokens->mecab, in.at, in.size);
    if (!node) {
        log_error("MeCab: %s", mecab_strerror(tokens->mecab));
        return STATUS_INTERNAL;
    }
    for (; node; node = node->next) {
        if (node->stat != MECAB_BOS_NODE && node->stat != MECAB_EOS_NODE)
            text_addf(out, "%.*s ", (int)node->length, node->surface);
    }
    return out->st;
}

static const struct rule RULE[] = {{"13a", apply_13a},
                                   {"zh", apply_zh},
                                   {"ja-mecab", apply_mecab},
                                   {"char", apply_char},
                                   {"none", apply_none}};

static enum status open_mecab(struct bleu_tokens *tokens)
{
    /* No user configuration: only the dictionary decides. */
    tokens->mecab = mecab_new2("-r /dev/null -d " DICTIONARY);
    const mecab_dictionary_info_t *info =
        tokens->mecab ? mecab_dictionary_info(tokens->mecab) : NULL;
    snprintf(tokens->signature, sizeof(tokens->signature), "ja-mecab-%s-IPA", mecab_version());
    if (info && (info->size == DICTIONARY_WORDS || info->size == DEBIAN_WORDS) && !info->next)
        return STATUS_OK;
    log_error("found no IPA dictionary of MeCab in " DICTIONARY ", expected it there to split "
              "Japanese for BLEU (Debian: apt-get install mecab-ipadic-utf8)");
    return STATUS_INPUT;
}

enum status bleu_tokens_create(struct bleu_tokens **out, const char *name)
{
    struct bleu_tokens *tokens = calloc(1, sizeof(*tokens));
    *out = NULL;
    if (!tokens) {
        log_error("found no memory for a tokenizer");
        return STATUS_MEMORY;
    }
    for (size_t i = 0; i < sizeof(RULE) / sizeof(*RULE); i++) {
        if (strcmp(RULE[i].name, name) == 0)
            tokens->rule = &RULE[i];
    }
    enum status st = STATUS_OK;
    snprintf(tokens->signature, sizeof(tokens->signature), "%s", name);
    if (!tokens->rule) {
        log_error("found tokenizer '%s', expected 13a, zh, ja-mecab, char or none", name);
        st = STATUS_INPUT;
    } else if (tokens->rule->apply == apply_mecab) {
        st = open_mecab(tokens);
    }
    if (st)
        bleu_tokens_destroy(&tokens);
    *out = tokens;
    return st;
}

void bleu_tokens_destroy(struct bleu_tokens **tokens)
{
    if (*tokens && (*tokens)->mecab)
        mecab_destroy((*tokens)->mecab);
    free(*tokens);
    *tokens = NULL;
}

static bool is_language(const char *language, const char *code)
{
    const size_t n = strlen(code);
    return strncmp(language, code, n) == 0 && (language[n] == '\0' || strchr("_-", language[n]));
}

const char *bleu_tokens_name(const char *language)
{
    if (is_language(language, "zh") || is_language(language, "zho"))
        return "zh";
    return is_language(language, "ja") || is_language(language, "jpn") ? "ja-mecab" : "13a";
}

const char *bleu_tokens_signature(const struct bleu_tokens *tokens)
{
    return tokens->signature;
}

enum status bleu_tokens_blanks(const struct ngram_word **out, size_t *out_n, struct arena *arena,
                               const char *text, size_t size)
{
    struct ngram_word *word = arena_array(arena, size / 2 + 1, sizeof(*word));
    size_t n = 0, start = 0;
    *out = word;
    *out_n = 0;
    if (!word)
        return STATUS_MEMORY;
    for (size_t at = 0; at <= size;) {
        const struct utf8_char c =
            at < size ? utf8_next(text + at, size - at) : (struct utf8_char){UTF8_GOOD, 1, ' '};
        if (c.kind == UTF8_GOOD && utf8_is_space(c.code)) {
            if (at > start)
                word[n++] = (struct ngram_word){text + start, at - start};
            start = at + c.size;
        }
        at += c.size;
    }
    *out_n = n;
    return STATUS_OK;
}

/* Without the blanks at both ends. */
static struct ngram_word strip(const char *text)
{
    const size_t size = strlen(text);
    size_t first = size, end = 0;
    for (size_t at = 0; at < size;) {
        const struct utf8_char c = utf8_next(text + at, size - at);
        const bool blank = c.kind == UTF8_GOOD && utf8_is_space(c.code);
        if (!blank && first == size)
            first = at;
        at += c.size;
        end = blank ? end : at;
    }
    return (struct ngram_word){text + first, end > first ? end - first : 0};
}

enum status bleu_tokens_split(const struct ngram_word **out, size_t *out_n, struct arena *arena,
                              const struct bleu_tokens *tokens, const char *text)
{
    struct text line = {0};
    enum status st = tokens->rule->apply(&line, tokens, strip(text));
    const size_t size = line.size;
    const char *kept = st ? NULL : arena_text(arena, text_of(&line), size);
    text_finish(&line);
    if (st || !kept)
        return st ? st : STATUS_MEMORY;
    return bleu_tokens_blanks(out, out_n, arena, kept, size);
}
