/* SPDX-License-Identifier: MIT */
/* Renders templates read from standard input, for the comparison with jinja2.
 *
 * In: for each case a size (u32) and a template, a size and a user message; called with "record", a
 * size and a JSON object of variables instead of the message. Out: 0 (rendered) or 1
 * (refused), a size, and the prompt or the reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/template_record.h"

static char *read_part(uint32_t *size)
{
    if (fread(size, sizeof(*size), 1, stdin) != 1)
        return NULL;
    char *text = malloc((size_t)*size + 1);
    if (!text || fread(text, 1, *size, stdin) != *size)
        exit(2);
    text[*size] = '\0';
    return text;
}

/* The template of a record, with the members of a JSON object as its variables. */
static enum status render_record(const char *source, const char *object, uint32_t size,
                                 struct text *out, struct template_problem *problem)
{
    struct arena arena = {0};
    struct template *template;
    struct json_doc *doc = NULL;
    struct template_record *record = NULL;
    enum status st = json_parse(&doc, object, size, "record");
    if (!st)
        st = template_record_create(&record, NULL);
    for (size_t i = 0; !st && i < json_count(json_root(doc)); i++) {
        const struct json *member = json_at(json_root(doc), i);
        st = template_record_set(record, json_key(member), member, problem);
    }
    if (!st)
        st = template_record_parse(&template, &arena, source, problem);
    if (!st)
        st = template_record_render(record, template, out, problem);
    template_record_destroy(&record);
    json_destroy(&doc);
    arena_finish(&arena);
    return st;
}

/* Parts between TURN are messages of user and assistant by turns, the last one of the user. */
#define TURN '\x1e'
#define TURNS 8

static void split_turns(struct template_context *out, struct template_turn turns[TURNS])
{
    char *user = (char *)out->user, *first, *second;
    while (out->n_turns < TURNS && (first = memchr(user, TURN, strlen(user))) != NULL &&
           (second = strchr(first + 1, TURN)) != NULL) {
        *first = *second = '\0';
        turns[out->n_turns++] = (struct template_turn){user, first + 1};
        user = second + 1;
    }
    out->turn = turns;
    out->user_size -= (size_t)(user - out->user);
    out->user = user;
}

int main(int argc, char **argv)
{
    const bool records = argc > 1 && strcmp(argv[1], "record") == 0;
    uint32_t size, user_size;
    for (char *source; (source = read_part(&size)) != NULL; free(source)) {
        struct arena arena = {0};
        struct template *template;
        struct template_problem problem = {0};
        struct text out = {0};
        char *user = read_part(&user_size);
        struct template_context context = {
            .user = user, .user_size = user_size, .begin = "<s>", .end = "</s>"};
        struct template_turn turns[TURNS];
        if (!records)
            split_turns(&context, turns);
        enum status st = records ? render_record(source, user, user_size, &out, &problem)
                                 : template_parse(&template, &arena, source, size, &problem);
        if (!st && !records)
            st = template_render(template, &context, &out, &problem);
        if (st)
            out.size = 0;
        if (st && text_addf(&out, "line %u: %s", problem.line, problem.text))
            return 2;
        const uint32_t head[2] = {st ? 1 : 0, (uint32_t)out.size};
        fwrite(head, sizeof(head), 1, stdout);
        fwrite(out.data ? out.data : "", 1, out.size, stdout);
        text_finish(&out);
        arena_finish(&arena);
        free(user);
    }
    return 0;
}
