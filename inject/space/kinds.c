/* SPDX-License-Identifier: MIT */
/* Texts of the fault vocabulary and the way back. */
#include "inject/space/kinds.h"

#include <stddef.h>
#include <string.h>

#define KINDS_TEXT(name, text, ...) text,
static const char *const KIND_TEXTS[] = {KINDS(KINDS_TEXT)};
static const char *const POINT_TEXTS[] = {"off", POINTS(KINDS_TEXT)};
static const char *const PLACE_TEXTS[] = {PLACES(KINDS_TEXT)};
static const char *const CONTROL_TEXTS[] = {CONTROLS(KINDS_TEXT)};
static const char *const GRANULARITY_TEXTS[] = {GRANULARITIES(KINDS_TEXT)};
static const char *const READERS_TEXTS[] = {READERS(KINDS_TEXT)};
static const char *const DURATION_TEXTS[] = {DURATIONS(KINDS_TEXT)};
static const char *const STAGE_TEXTS[] = {STAGES(KINDS_TEXT)};
static const char *const OUTCOME_TEXTS[] = {OUTCOMES(KINDS_TEXT)};
static const char *const FLAG_TEXTS[] = {FLAGS(KINDS_TEXT)};
static const char *const DUE_TEXTS[] = {DUE_REASONS(KINDS_TEXT)};
static const char *const ROLE_TEXTS[] = {TRIAL_ROLES(KINDS_TEXT)};
#undef KINDS_TEXT

/* POINT_TEXTS is indexed by HOOK_* values. */
#define KINDS_CHECK(name, text, value) _Static_assert(value == HOOK_##name, "order of POINTS");
POINTS(KINDS_CHECK)
#undef KINDS_CHECK
_Static_assert(HOOK_OPERAND == 1 && HOOK_LAST == 6, "POINT_TEXTS is indexed by HOOK_*");

#define TABLE(texts)                                                                               \
    {                                                                                              \
        texts, sizeof(texts) / sizeof *(texts)                                                     \
    }
static const struct {
    const char *const *text;
    size_t count;
} TABLES[KINDS_TABLE_COUNT] = {
    [KINDS_KIND] = TABLE(KIND_TEXTS),
    [KINDS_POINT] = TABLE(POINT_TEXTS),
    [KINDS_PLACE] = TABLE(PLACE_TEXTS),
    [KINDS_CONTROL] = TABLE(CONTROL_TEXTS),
    [KINDS_GRANULARITY] = TABLE(GRANULARITY_TEXTS),
    [KINDS_READERS] = TABLE(READERS_TEXTS),
    [KINDS_DURATION] = TABLE(DURATION_TEXTS),
    [KINDS_STAGE] = TABLE(STAGE_TEXTS),
    [KINDS_OUTCOME] = TABLE(OUTCOME_TEXTS),
    [KINDS_FLAG] = TABLE(FLAG_TEXTS),
    [KINDS_DUE_REASON] = TABLE(DUE_TEXTS),
    [KINDS_ROLE] = TABLE(ROLE_TEXTS),
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
