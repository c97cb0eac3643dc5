/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as a chat template.
 *
 * `cmake --preset fuzz` makes a libFuzzer program of it; test_template_hostile feeds it seeded
 * changes of templates. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_require(int holds, const char *what)
{
    if (!holds) {
        fprintf(stdout, "fuzz_template: %s\n", what);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char user[] = " a,b \xC3\xA9\xFF\n<x> ";
    static const struct template_turn turns[] = {{"a", "b"}, {"", "{{ c }}"}};
    const struct template_context context = {
        .user = user, .user_size = sizeof(user) - 1, .turn = turns, .n_turns = 2, .begin = "<s>"};
    struct arena arena = {0};
    struct template *template;
    struct template_problem problem = {0};
    struct text out = {0};
    /* Exactly the bytes, so that a sanitizer sees one read too far. */
    char *source = malloc(size ? size : 1);

    fuzz_require(source != NULL, "no memory");
    if (size > 0)
        memcpy(source, data, size);
    enum status st = template_parse(&template, &arena, source, size, &problem);
    if (!st)
        st = template_render(template, &context, &out, &problem);
    fuzz_require(!st || (st == STATUS_INPUT && problem.text[0] && problem.line > 0),
                 "a refusal without its reason");
    fuzz_require(out.size <= TEMPLATE_MAX_OUTPUT, "more text than is allowed");
    text_finish(&out);
    arena_finish(&arena);
    free(source);
    return 0;
}
