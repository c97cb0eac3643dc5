/* SPDX-License-Identifier: MIT */
/* A hash table of texts that keeps their order. */
#include "inject/report/report_data.h"

#include <string.h>

#include "base/hash.h"

static uint64_t hash_of(const char *text)
{
    uint64_t h = 0;
    for (; *text; text++)
        h = hash_fold64(h, (unsigned char)*text);
    return h;
}

static uint32_t slot_of(const struct report_names *names, const char *text)
{
    uint32_t at = (uint32_t)hash_of(text) & (names->slots - 1);
    while (names->slot[at] && strcmp(names->text[names->slot[at] - 1], text) != 0)
        at = (at + 1) & (names->slots - 1);
    return at;
}

static enum status grow(struct report_names *names, struct arena *arena)
{
    const uint32_t room = names->room ? 2 * names->room : 64;
    const char **text = arena_array(arena, room, sizeof(*text));
    uint32_t *slot = arena_array(arena, 2 * (size_t)room, sizeof(*slot));
    if (!text || !slot)
        return STATUS_MEMORY;
    if (names->count > 0)
        memcpy(text, names->text, names->count * sizeof(*text));
    *names = (struct report_names){text, slot, names->count, room, 2 * room};
    for (uint32_t i = 0; i < names->count; i++)
        slot[slot_of(names, text[i])] = i + 1;
    return STATUS_OK;
}

enum status report_names_find(struct report_names *names, struct arena *arena, const char *text,
                              uint32_t *out)
{
    *out = REPORT_NONE;
    if (!text)
        return STATUS_OK;
    if (names->count == names->room && grow(names, arena))
        return STATUS_MEMORY;
    const uint32_t at = slot_of(names, text);
    if (!names->slot[at]) {
        char *copy = arena_text(arena, text, strlen(text));
        if (!copy)
            return STATUS_MEMORY;
        names->text[names->count] = copy;
        names->slot[at] = ++names->count;
    }
    *out = names->slot[at] - 1;
    return STATUS_OK;
}
