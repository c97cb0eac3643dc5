/* SPDX-License-Identifier: MIT */
/* Knows a chat template by its markers; fills in one user message. */
#define _GNU_SOURCE /* memmem */
#include "model/chat.h"

#include <stdbool.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"

#define TEMPLATE "tokenizer.chat_template"
#define SYSTEM "<|im_start|>system"
#define TURN_END "<|im_end|>"

/* A part of a template, not null-terminated. */
struct part {
    const char *text;
    size_t len;
};

/* The template, empty if the file has none. */
static enum status read_template(const struct gguf *gguf, struct part *out)
{
    *out = (struct part){"", 0};
    return gguf_has(gguf, TEMPLATE) ? gguf_text(gguf, TEMPLATE, &out->text, &out->len) : STATUS_OK;
}

static const char *find(struct part part, const char *what)
{
    return memmem(part.text, part.len, what, strlen(what));
}

static enum chat_format detect(struct part part)
{
    if (find(part, "<|im_start|>")) {
        return CHAT_CHATML;
    }
    return find(part, "<start_of_turn>") ? CHAT_GEMMA : CHAT_PLAIN;
}

enum chat_format chat_detect(const struct gguf *gguf)
{
    struct part part;

    return read_template(gguf, &part) == STATUS_OK ? detect(part) : CHAT_PLAIN;
}

const char *chat_name(enum chat_format format)
{
    static const char *const names[] = {"plain", "chatml", "gemma"};

    return names[format];
}

/* Skips a line feed, written as itself or as the escape of a string literal. */
static bool skip_line_feed(struct part *part)
{
    const size_t n = part->len > 0 && part->text[0] == '\n'               ? 1
                     : part->len > 1 && memcmp(part->text, "\\n", 2) == 0 ? 2
                                                                          : 0;

    part->text += n;
    part->len -= n;
    return n > 0;
}

/* True if the text of a turn stands in the template as it is: no expression inside, and inside a
 * string literal not the quote that would end it. */
static bool is_literal(struct part body, char before)
{
    if (find(body, "{{") || find(body, "{%")) {
        return false;
    }
    for (size_t i = 0; i < body.len; i++) {
        if (body.text[i] == '\\') {
            i++;
        } else if ((before == '\'' || before == '"') && body.text[i] == before) {
            return false;
        }
    }
    return true;
}

/* The system message that the template puts in when it is given none: the first system turn that is
 * spelled out in it. Empty if there is none. */
static struct part default_system(struct part rest, bool *out_found)
{
    const char *start;

    *out_found = false;
    for (char before = '\0'; (start = find(rest, SYSTEM)) != NULL;) {
        before = start > rest.text ? start[-1] : '\0';
        rest.len -= (size_t)(start - rest.text) + strlen(SYSTEM);
        rest.text = start + strlen(SYSTEM);
        const char *end = skip_line_feed(&rest) ? find(rest, TURN_END) : NULL;
        const struct part body = {rest.text, end ? (size_t)(end - rest.text) : 0};
        if (end && is_literal(body, before)) {
            *out_found = true;
            return body;
        }
    }
    return (struct part){"", 0};
}

/* Appends the value of a string literal's inside (Jinja: escapes as in Python). */
static enum status add_literal(struct text *out, struct part part)
{
    static const char from[] = "nrt\\'\"";
    static const char to[] = "\n\r\t\\'\"";
    enum status st = STATUS_OK;

    for (size_t i = 0; i < part.len && st == STATUS_OK; i++) {
        const char *escape =
            part.text[i] == '\\' && i + 1 < part.len ? memchr(from, part.text[i + 1], 6) : NULL;
        if (escape) {
            st = text_add(out, &to[escape - from], 1);
            i++;
        } else {
            st = text_add(out, &part.text[i], 1);
        }
    }
    return st;
}

static enum status render_chatml(struct text *out, struct part template, const char *user)
{
    bool found;
    const struct part system = default_system(template, &found);
    enum status st = STATUS_OK;

    if (found) {
        st = text_addf(out, "%s\n", SYSTEM);
        if (st == STATUS_OK) {
            st = add_literal(out, system);
        }
        if (st == STATUS_OK) {
            st = text_addf(out, "%s\n", TURN_END);
        }
    }
    if (st == STATUS_OK) {
        st = text_addf(out, "<|im_start|>user\n%s%s\n<|im_start|>assistant\n", user, TURN_END);
    }
    return st;
}

/* Gemma's template trims the message; the begin token comes from the tokenizer. */
static enum status render_gemma(struct text *out, const char *user)
{
    static const char space[] = " \t\n\v\f\r";
    size_t len;

    user += strspn(user, space);
    for (len = strlen(user); len > 0 && strchr(space, user[len - 1]); len--) {
    }
    enum status st = text_addf(out, "<start_of_turn>user\n");
    if (st == STATUS_OK) {
        st = text_add(out, user, len);
    }
    if (st == STATUS_OK) {
        st = text_addf(out, "<end_of_turn>\n<start_of_turn>model\n");
    }
    return st;
}

enum status chat_render(const struct gguf *gguf, struct arena *arena, const char *user, char **out)
{
    struct text text = {0};
    struct part template;

    *out = NULL;
    enum status st = read_template(gguf, &template);
    if (st != STATUS_OK) {
        return st;
    }
    switch (detect(template)) {
    case CHAT_CHATML:
        st = render_chatml(&text, template, user);
        break;
    case CHAT_GEMMA:
        st = render_gemma(&text, user);
        break;
    default:
        if (template.len > 0) {
            log_warn("%s: key '" TEMPLATE "': found neither ChatML nor Gemma turns, the message is "
                     "taken as it is",
                     gguf_path(gguf));
        }
        st = text_add(&text, user, strlen(user));
        break;
    }
    if (st == STATUS_OK) {
        *out = arena_text(arena, text.data, text.size);
        st = *out ? STATUS_OK : STATUS_MEMORY;
    }
    text_finish(&text);
    return st;
}
