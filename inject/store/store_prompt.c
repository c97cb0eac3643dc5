/* SPDX-License-Identifier: MIT */
/* Lists of token ids as texts. */
#include "inject/store/store_prompt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

char *store_prompt_text(struct arena *arena, const int32_t *ids, uint32_t count)
{
    struct text text = {0};

    text_put(&text, "[");
    for (uint32_t i = 0; i < count; i++)
        text_addf(&text, i > 0 ? ",%" PRId32 : "%" PRId32, ids[i]);
    text_put(&text, "]");
    char *list = !text.st ? arena_text(arena, text.data, text.size) : NULL;
    text_finish(&text);
    return list;
}

/* The next id of a list, after "[" or ","; false at its end. */
static bool next_id(const char **at, long *out)
{
    char *end;

    if (**at != '[' && **at != ',')
        return false;
    *out = strtol(*at + 1, &end, 10);
    const bool is = end > *at + 1;
    *at = end;
    return is;
}

static uint32_t count_left(const char *at)
{
    uint32_t count = 0;
    long id;

    while (next_id(&at, &id))
        count++;
    return count;
}

enum status store_prompt_ids(int32_t **out, struct arena *arena, const char *text,
                             struct store_prompt_range range)
{
    const char *at = text ? text : "";
    long id;
    *out = arena_array(arena, (size_t)range.count + 1, sizeof(**out));
    if (!*out)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < range.count; i++) {
        if (!next_id(&at, &id) || id < 0 || id >= (long)range.end)
            return STATUS_INPUT;
        (*out)[i] = (int32_t)id;
    }
    return strcmp(at, "]") == 0 ? STATUS_OK : STATUS_INPUT;
}

bool store_prompt_same(const char *found, const char *expected, struct store_prompt_difference *out)
{
    const char *a = found ? found : "", *b = expected ? expected : "";
    const uint32_t n_a = count_left(a), n_b = count_left(b);
    long x = 0, y = 0;
    uint32_t i = 0;

    out->text[0] = '\0';
    if (strcmp(a, b) == 0)
        return true;
    while (next_id(&a, &x) && next_id(&b, &y) && x == y)
        i++;
    if (i < n_a && i < n_b)
        snprintf(out->text, sizeof(out->text),
                 "found token %" PRIu32 " of the prompt to be %ld, expected %ld", i, x, y);
    else
        snprintf(out->text, sizeof(out->text),
                 "found %" PRIu32 " tokens of the prompt, expected %" PRIu32, n_a, n_b);
    return false;
}
