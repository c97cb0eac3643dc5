/* SPDX-License-Identifier: MIT */
/* The patterns of the known pre-tokenizers. */
#include "model/pretokenizer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/regex.h"
#include "model/utf8.h"

#define STAGES_MAX 4

/* \s of PCRE2 has U+180E, which is no white space since Unicode 6.3: name the property instead. */
#define SPACE "\\p{White_Space}"
#define NO_SPACE "\\P{White_Space}"

/* GPT-2, its published encoder.py. Its last alternative, \s+, is what no other one takes. */
#define GPT2                                                                                       \
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^" SPACE "\\p{L}\\p{N}]+|" SPACE               \
    "+(?!" NO_SPACE ")"

/* Llama 3 and Qwen 2, their tokenizer.json: digits differ. */
#define LLAMA3(digits)                                                                             \
    "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits  \
    "| ?[^" SPACE "\\p{L}\\p{N}]+[\\r\\n]*|" SPACE "*[\\r\\n]+|" SPACE "+(?!" NO_SPACE ")|" SPACE  \
    "+"

/* Each stage cuts what the previous one left, at the start and end of every match. */
struct rule {
    const char *names; /* each between spaces; the first is that of messages */
    bool whole_pieces, begins;
    const char *stage[STAGES_MAX + 1]; /* ends with null */
};

/* Names that stand for one pattern are those of llama.cpp (llama_vocab::impl::load). */
static const struct rule rules[] = {
    {" smollm starcoder refact command-r codeshell exaone minerva-7b ",
     false,
     false,
     {"\\p{N}", GPT2}},
    {" qwen2 deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan ",
     false,
     false,
     {LLAMA3("\\p{N}")}},
    {" llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 ",
     true,
     true,
     {LLAMA3("\\p{N}{1,3}")}},
    {" dbrx smaug-bpe glm4 chatglm-bpe ", false, false, {LLAMA3("\\p{N}{1,3}")}},
    {" gpt-2 phi-2 mpt olmo jais trillion granite-docling exaone4 mellum gigachat a.x-4.0 jina-es "
     "jina-de jina-v2-es jina-v2-de ",
     false,
     false,
     {GPT2}},
    {" default ", false, false, {"[\\p{P}$+<=>^~|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"}},
    {" falcon ", false, false, {"[\\p{P}$+<=>^~|`]+", GPT2, "[0-9][0-9][0-9]"}},
};

struct pretokenizer {
    const struct rule *rule;
    struct regex *code[STAGES_MAX + 1]; /* owned; ends with null */
};

/* One call of pretokenizer_split. */
struct split {
    const struct pretokenizer *pt;
    struct regex_scratch *scratch; /* owned */
    pretokenizer_piece piece;
    void *context;
};

static const struct rule *find_rule(const char *name, const char *where)
{
    const size_t len = strlen(name);

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        const char *at = rules[i].names;
        while (len > 0 && !strchr(name, ' ') && (at = strstr(at, name))) {
            if (at[-1] == ' ' && at[len] == ' ')
                return &rules[i];
            at += len;
        }
    }
    log_error(
        "%s: key 'tokenizer.ggml.pre': found '%.64s', expected smollm, qwen2, llama-bpe, gpt-2, "
        "default or falcon, or a name of the same pattern such as llama3",
        where, name);
    return NULL;
}

enum status pretokenizer_create(struct pretokenizer **out, const char *name, const char *where)
{
    const struct rule *rule = find_rule(name, where);
    enum status st = STATUS_OK;

    *out = NULL;
    if (!rule)
        return STATUS_INPUT;
    struct pretokenizer *pt = calloc(1, sizeof(*pt));
    if (!pt) {
        log_error("pre-tokenizer: out of host memory");
        return STATUS_MEMORY;
    }
    pt->rule = rule;
    for (size_t i = 0; rule->stage[i] && !st; i++)
        st = regex_compile(&pt->code[i], rule->stage[i], REGEX_TEXT_GOOD, "pre-tokenizer");
    if (st)
        pretokenizer_destroy(&pt);
    *out = pt;
    return st;
}

void pretokenizer_destroy(struct pretokenizer **pretokenizer)
{
    struct pretokenizer *pt = *pretokenizer;

    if (pt) {
        for (size_t i = 0; i < STAGES_MAX; i++)
            regex_destroy(&pt->code[i]);
        free(pt);
        *pretokenizer = NULL;
    }
}

bool pretokenizer_whole_pieces(const struct pretokenizer *pretokenizer)
{
    return pretokenizer->rule->whole_pieces;
}

bool pretokenizer_begins(const struct pretokenizer *pretokenizer)
{
    return pretokenizer->rule->begins;
}

/* The next match from span[1] on, into span; none: both at the end. */
static enum status match(const struct split *s, size_t stage, const char *text, size_t len,
                         size_t span[2])
{
    struct regex_found found;

    enum status st = regex_find(&found, s->pt->code[stage], s->scratch,
                                &(struct regex_subject){text, len, span[1]});
    if (!st && found.gave_up) {
        log_error("pre-tokenizer %.*s: gave up at byte %zu of %zu",
                  (int)strcspn(s->pt->rule->names + 1, " "), s->pt->rule->names + 1, span[1], len);
        st = STATUS_INTERNAL;
    }
    span[0] = found.any ? found.whole[0] : len;
    span[1] = found.any ? found.whole[1] : len;
    return st;
}

/* Cuts well-formed text by the stages from `stage` on; recursion ends after STAGES_MAX. */
static enum status cut(const struct split *s, size_t stage, const char *text, size_t len)
{
    enum status st = STATUS_OK;
    size_t done = 0;
    size_t span[2] = {0, 0};

    if (len == 0)
        return STATUS_OK;
    if (!s->pt->code[stage])
        return s->piece(s->context, text, len);
    while (done < len && !st) {
        st = match(s, stage, text, len, span);
        if (!st)
            st = cut(s, stage + 1, text + done, span[0] - done);
        if (!st)
            st = cut(s, stage + 1, text + span[0], span[1] - span[0]);
        done = span[1];
    }
    return st;
}

static enum status cut_any(const struct split *s, const char *text, size_t len)
{
    enum status st = STATUS_OK;
    size_t at = 0;

    while (at < len && !st) {
        const size_t good = utf8_good_prefix(text + at, len - at);
        if (good > 0) {
            st = cut(s, 0, text + at, good);
            at += good;
        } else {
            st = s->piece(s->context, text + at, 1);
            at++;
        }
    }
    return st;
}

enum status pretokenizer_split(const struct pretokenizer *pretokenizer, const char *text,
                               size_t len, pretokenizer_piece piece, void *context)
{
    struct split s = {.pt = pretokenizer, .piece = piece, .context = context};

    /* The patterns try one start only a few times: only long texts reach a limit. */
    enum status st = regex_scratch_create(&s.scratch, UINT32_MAX);
    if (!st)
        st = cut_any(&s, text, len);
    regex_scratch_destroy(&s.scratch);
    return st;
}
