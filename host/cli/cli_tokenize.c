/* SPDX-License-Identifier: MIT */
/* `vkfi tokenize` and `vkfi detokenize`. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/outside.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/cli_manifest.h"
#include "model/detokenizer.h"

struct conversion {
    const char *model;
    bool special;
};

static enum status parse(struct conversion *out, const struct args_spec *form, int argc,
                         char **argv, bool *out_done)
{
    const struct args_option options[] = {
        {'m', "model", ARGS_TEXT, &out->model, "MODEL",
         "Model whose tokenizer is used: the path of a GGUF file, or a name of `vkfi model list`.",
         0, 0},
        {0, "special", ARGS_FLAG, &out->special, NULL,
         "Special tokens stand as their text, such as <|im_start|>; without it their text is plain "
         "text to tokenize, and they are left out by detokenize.",
         0, 0},
        {0}};
    struct args_spec spec = *form;
    spec.options = options;
    const enum status st = args_parse(&spec, argc, argv, out_done);
    return st || *out_done ? st : cli_manifest_check(out->model);
}

static enum status print_ids(const struct model *model, bool special)
{
    struct arena arena = {0};
    char *text = NULL;
    size_t size = 0, count = 0;
    int32_t *ids = NULL;
    enum status st = file_read(&arena, "-", &text, &size);
    struct outside_text given = {"standard input", text, size};
    st = st ? st : outside_take(&given);
    if (!st)
        st = tokenizer_encode(
            model->tokenizer, &arena,
            &(struct tokenizer_text){given.bytes, given.size,
                                     special ? TOKENIZER_SPECIAL : TOKENIZER_PLAIN},
            &ids, &count);
    for (size_t i = 0; !st && i < count; i++)
        printf(i == 0 ? "%" PRId32 : " %" PRId32, ids[i]);
    if (!st)
        putchar('\n');
    arena_finish(&arena);
    return st;
}

/* A command line, and its work with the model. */
struct call {
    int argc;
    char **argv;
    const struct args_spec *form;
    enum status (*print)(const struct model *model, bool special);
};

static enum status convert(const struct cli_env *env, const struct call *call)
{
    struct conversion c = {0};
    struct model *model = NULL;
    bool done = false;
    enum status st = parse(&c, call->form, call->argc, call->argv, &done);
    if (st || done)
        return st;
    st = cli_manifest_open(&model, env, c.model);
    st = st ? st : call->print(model, c.special);
    model_close(&model);
    return st;
}

enum status cli_tokenize(const struct cli_env *env, int argc, char **argv)
{
    static const struct args_spec form = {
        .command = "vkfi tokenize",
        .summary = "text to token ids",
        .synopsis = "-m MODEL [--special] < TEXT",
        .details = "DESCRIPTION\n"
                   "Reads text in UTF-8 on standard input, all of it, adding and removing "
                   "nothing but a byte-order mark, and prints its token ids, separated by spaces, "
                   "on one line. The model's begin token is included where its file asks for it.\n"
                   "\n"
                   "EXAMPLES\n"
                   "  printf 'The capital of France is' | vkfi tokenize -m smollm2-135m\n"
                   "  vkfi tokenize -m model.gguf < a.txt | vkfi detokenize -m model.gguf\n"};
    return convert(env, &(struct call){argc, argv, &form, print_ids});
}

/* The next id of the text; false at its end. */
static enum status next_id(const char **at, uint32_t n_vocab, size_t place, int32_t *out,
                           bool *out_found)
{
    char *end = NULL;
    *at += strspn(*at, " \t\r\n");
    *out_found = **at != '\0';
    if (!*out_found)
        return STATUS_OK;
    const size_t len = strcspn(*at, " \t\r\n");
    const unsigned long value = strtoul(*at, &end, 10);
    if (!isdigit((unsigned char)**at) || end != *at + len || value >= n_vocab) {
        log_error("standard input: found \"%.*s\" at place %zu, expected a token id from 0 to "
                  "%" PRIu32,
                  (int)(len < 40 ? len : 40), *at, place, n_vocab - 1);
        return STATUS_INPUT;
    }
    *out = (int32_t)value;
    *at += len;
    return STATUS_OK;
}

static enum status print_text(const struct model *model, bool special)
{
    struct arena arena = {0};
    struct text out = {0};
    struct detokenizer dt;
    char *text = NULL;
    size_t size = 0;
    bool found = true;
    detokenizer_init(&dt, model->tokenizer, special);
    enum status st = file_read(&arena, "-", &text, &size);
    struct outside_text given = {"standard input", text, size};
    st = st ? st : outside_take(&given);
    const char *at = given.bytes;
    for (size_t place = 1; !st && found; place++) {
        int32_t id = 0;
        st = next_id(&at, tokenizer_size(model->tokenizer), place, &id, &found);
        if (!st && found)
            st = detokenizer_put(&dt, id, &out);
    }
    st = st ? st : detokenizer_flush(&dt, &out);
    if (!st && out.size > 0)
        fwrite(out.data, 1, out.size, stdout);
    text_finish(&out);
    arena_finish(&arena);
    return st;
}

enum status cli_detokenize(const struct cli_env *env, int argc, char **argv)
{
    static const struct args_spec form = {
        .command = "vkfi detokenize",
        .summary = "token ids to text",
        .synopsis = "-m MODEL [--special] < IDS",
        .details = "DESCRIPTION\n"
                   "Reads token ids on standard input, separated by white space, and prints "
                   "exactly their text, with nothing added. Bytes that are no valid UTF-8 become "
                   "U+FFFD.\n"
                   "\n"
                   "EXAMPLES\n"
                   "  echo 504 3575 282 4649 314 | vkfi detokenize -m smollm2-135m\n"};
    return convert(env, &(struct call){argc, argv, &form, print_text});
}
