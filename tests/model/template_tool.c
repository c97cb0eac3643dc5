/* SPDX-License-Identifier: MIT */
/* Renders templates read from standard input, for the comparison with jinja2.
 *
 * In: for each case a size (u32) and a template, a size and a user message. Out: 0 (rendered) or 1
 * (refused), a size, and the prompt or the reason. */
#include <stdio.h>
#include <stdlib.h>

#include "model/template.h"

static char *read_part(uint32_t *size)
{
    if (fread(size, sizeof(*size), 1, stdin) != 1)
        return NULL;
    char *text = malloc((size_t)*size + 1);
    if (!text || fread(text, 1, *size, stdin) != *size)
        exit(2);
    return text;
}

int main(void)
{
    uint32_t size, user_size;
    for (char *source; (source = read_part(&size)) != NULL; free(source)) {
        struct arena arena = {0};
        struct template *template;
        struct template_problem problem = {0};
        struct text out = {0};
        char *user = read_part(&user_size);
        const struct template_context context = {user, user_size, "<s>", "</s>"};
        enum status st = template_parse(&template, &arena, source, size, &problem);
        if (!st)
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
