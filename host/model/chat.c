/* SPDX-License-Identifier: MIT */
/* The templates known by name, and when they replace a file's own. */
#include "model/chat.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/args.h"
#include "base/log.h"
#include "base/text.h"
#include "model/template.h"

#define KEY "tokenizer.chat_template"

#define TURN(before, role, between, content, after)                                                \
    "{% for m in messages %}{{ '" before "' + (" role ") + '" between "' + " content " + '" after  \
    "' }}{% endfor %}"
#define GEMMA_ROLE "'model' if m.role == 'assistant' else m.role"

#define SOURCE_chatml                                                                              \
    TURN("<|im_start|>", "m.role", "\n", "m.content", "<|im_end|>\n")                              \
    "{{ '<|im_start|>assistant\n' }}"
#define SOURCE_gemma                                                                               \
    "{{ bos_token }}" TURN("<start_of_turn>", GEMMA_ROLE, "\n", "m.content | trim",                \
                           "<end_of_turn>\n") "{{ '<start_of_turn>model\n' }}"
#define SOURCE_llama3                                                                              \
    "{{ bos_token }}" TURN(                                                                        \
        "<|start_header_id|>", "m.role", "<|end_header_id|>\n\n", "m.content | trim",              \
        "<|eot_id|>") "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
#define SOURCE_phi TURN("<|", "m.role", "|>\n", "m.content", "<|end|>\n") "{{ '<|assistant|>\n' }}"
#define SOURCE_plain "{{ messages[-1].content }}"

#define ROW(name) {#name, SOURCE_##name},
static const struct {
    const char *name, *source;
} BUILT_IN[] = {CHAT_NAMES(ROW, ROW, ROW)};
#define N_BUILT_IN (sizeof(BUILT_IN) / sizeof(*BUILT_IN))

static const char *built_in(const char *name)
{
    for (size_t i = 0; i < N_BUILT_IN; i++) {
        if (strcmp(BUILT_IN[i].name, name) == 0)
            return BUILT_IN[i].source;
    }
    return NULL;
}

bool chat_is_template(const char *name)
{
    return built_in(name) != NULL;
}

const char *chat_expected(char out[CHAT_EXPECTED], const char *name)
{
    const char *names[N_BUILT_IN];
    char suggestion[ARGS_SUGGESTION];
    for (size_t i = 0; i < N_BUILT_IN; i++)
        names[i] = BUILT_IN[i].name;
    snprintf(out, CHAT_EXPECTED, "expected " CHAT_TEMPLATES "%s",
             args_suggest(suggestion, name, names, N_BUILT_IN));
    return out;
}

/* Text of the token whose id is the value of `key`, null if there is none. */
static enum status token_text(const struct gguf *gguf, struct arena *arena, const char *key,
                              const char **out)
{
    struct gguf_texts tokens;
    uint64_t id;
    *out = NULL;
    if (!gguf_has(gguf, key) || !gguf_has(gguf, "tokenizer.ggml.tokens"))
        return STATUS_OK;
    enum status st = gguf_texts(gguf, "tokenizer.ggml.tokens", &tokens);
    if (!st)
        st = gguf_uint(gguf, key, UINT32_MAX, &id);
    if (st || id >= tokens.count)
        return st;
    *out = arena_text(arena, tokens.text[id], tokens.len[id]);
    return *out ? STATUS_OK : STATUS_MEMORY;
}

struct source {
    const char *text;
    size_t size;
};

/* `out->text` null: the file has no template. */
static enum status own_source(const struct gguf *gguf, struct source *out)
{
    *out = (struct source){NULL, 0};
    return chat_has_template(gguf) ? gguf_text(gguf, KEY, &out->text, &out->size) : STATUS_OK;
}

bool chat_has_template(const struct gguf *gguf)
{
    return gguf_has(gguf, KEY);
}

static enum status render(const struct gguf *gguf, const struct source *source,
                          const struct chat_message *message, struct text *out,
                          struct template_problem *problem)
{
    struct arena arena = {0};
    struct template_context context = {.user = message->user,
                                       .user_size = message->user ? strlen(message->user) : 0,
                                       .turn = message->turn,
                                       .n_turns = message->n_turns,
                                       .message = message->message,
                                       .n_messages = message->n_messages};
    struct template *template = NULL;
    enum status st = token_text(gguf, &arena, "tokenizer.ggml.bos_token_id", &context.begin);
    if (!st)
        st = token_text(gguf, &arena, "tokenizer.ggml.eos_token_id", &context.end);
    problem->text[0] = '\0';
    if (!st)
        st = template_parse(&template, &arena, source->text, source->size, problem);
    if (!st)
        st = template_render(template, &context, out, problem);
    arena_finish(&arena);
    return st;
}

enum status chat_render(const struct gguf *gguf, struct arena *arena,
                        const struct chat_message *message, char **out)
{
    const char *known = built_in(message->template ? message->template : "plain");
    struct source source = {known, known ? strlen(known) : 0};
    struct template_problem problem = {0};
    struct text text = {0};
    enum status st = STATUS_OK;
    *out = NULL;
    if (!known) {
        char expected[CHAT_EXPECTED];
        log_error("found the chat template '%s', %s", message->template,
                  chat_expected(expected, message->template));
        return STATUS_INPUT;
    }
    if (!message->template) {
        struct source own;
        st = own_source(gguf, &own);
        source = own.text ? own : source;
    }
    if (!st)
        st = render(gguf, &source, message, &text, &problem);
    if (st == STATUS_INPUT && problem.text[0])
        log_error("%s: key '" KEY "': line %" PRIu32 ": %s (--template takes " CHAT_TEMPLATES
                  " instead)",
                  gguf_path(gguf), problem.line, problem.text);
    if (!st) {
        *out = arena_text(arena, text.data ? text.data : "", text.size);
        st = *out ? STATUS_OK : STATUS_MEMORY;
    }
    text_finish(&text);
    return st;
}

enum status chat_describe(const struct gguf *gguf, struct arena *arena, struct chat_format *out)
{
    static const struct chat_message probe = {.user = " Two lines,\nof text. "};
    struct template_problem problem = {0}, unused;
    struct text own = {0}, other = {0};
    struct source source;
    enum status st = own_source(gguf, &source);
    *out = (struct chat_format){"none", ""};
    if (st || !source.text)
        return st;
    st = render(gguf, &source, &probe, &own, &problem);
    out->name = "own";
    for (size_t i = 0; !st && i < N_BUILT_IN && strcmp(out->name, "own") == 0; i++) {
        const struct source known = {BUILT_IN[i].source, strlen(BUILT_IN[i].source)};
        text_finish(&other);
        st = render(gguf, &known, &probe, &other, &unused);
        if (!st && own.size == other.size && own.size > 0 &&
            memcmp(own.data, other.data, own.size) == 0)
            out->name = BUILT_IN[i].name;
    }
    if (st == STATUS_INPUT && problem.text[0]) {
        out->name = "refused";
        out->problem = arena_printf(arena, "line %" PRIu32 ": %s", problem.line, problem.text);
        st = out->problem ? STATUS_OK : STATUS_MEMORY;
    }
    text_finish(&own);
    text_finish(&other);
    return st;
}
