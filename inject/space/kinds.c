/* SPDX-License-Identifier: MIT */
/* Texts of the fault vocabulary, and values by text. */
#include "inject/space/kinds.h"

#include <stddef.h>
#include <string.h>

#include "model/quant.h"

#define KINDS_TEXT(name, text, ...) text,
#define KINDS_ARRAY(table, list) static const char *const table##_TEXTS[] = {list(KINDS_TEXT)};
KINDS_TABLES(KINDS_ARRAY)
#undef KINDS_ARRAY
#undef KINDS_TEXT

/* POINT_TEXTS is indexed by HOOK_* values. */
#define KINDS_CHECK(name, text, value) _Static_assert(value == HOOK_##name, "order of POINTS");
POINTS(KINDS_CHECK)
#undef KINDS_CHECK
_Static_assert(HOOK_OPERAND == 1 && HOOK_LAST == 6, "POINT_TEXTS is indexed by HOOK_*");

static const struct {
    const char *const *text;
    size_t count;
} TABLES[KINDS_TABLE_COUNT] = {
#define KINDS_ENTRY(table, list) {table##_TEXTS, sizeof(table##_TEXTS) / sizeof(*table##_TEXTS)},
    KINDS_TABLES(KINDS_ENTRY)
#undef KINDS_ENTRY
};

const char *kinds_text(enum kinds_table table, uint32_t value)
{
    return value < TABLES[table].count ? TABLES[table].text[value] : "unknown";
}

int kinds_find(enum kinds_table table, const char *text)
{
    for (size_t i = 0; i < TABLES[table].count; i++) {
        if (strcmp(TABLES[table].text[i], text) == 0)
            return (int)i;
    }
    return -1;
}

uint32_t kinds_count(enum kinds_table table)
{
    return (uint32_t)TABLES[table].count;
}

const char *const *kinds_texts(enum kinds_table table)
{
    return TABLES[table].text;
}
