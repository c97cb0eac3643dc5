/* SPDX-License-Identifier: MIT */
/* Counts over the rows of a database. */
#include "inject/store/store_status.h"

#include <math.h>
#include <string.h>

#define TEXTS(name, text, ...) text,
static const char *const OUTCOME_TEXTS[] = {OUTCOMES(TEXTS)};
static const char *const DUE_TEXTS[] = {DUE_REASONS(TEXTS)};
static const char *const ROLE_TEXTS[] = {TRIAL_ROLES(TEXTS)};
#undef TEXTS
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Counts the word; null is the empty word of tables that have one. The schema admits no other
 * word. */
static void count_word(uint64_t *counts, const char *const *words, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(words[i], word ? word : "") == 0) {
            counts[i]++;
            return;
        }
    }
}

static void count_part(struct store_status_part *parts, uint32_t n, int64_t index, double seconds)
{
    if (index >= 0 && index < n) {
        parts[index].done++;
        parts[index].seconds += seconds;
    }
}

static enum status count_row(void *user, const struct trial_row *row)
{
    struct store_status *out = user;
    const double seconds = isnan(row->seconds) ? 0 : row->seconds;

    out->done++;
    out->seconds += seconds;
    out->suspect += row->suspect != NULL;
    out->retried += row->attempts > 1;
    count_word(out->control, ROLE_TEXTS, COUNT(ROLE_TEXTS), row->control);
    count_part(out->by_device, out->n_devices, row->device_id, seconds);
    if (!row->control)
        count_part(out->by_stratum, out->n_strata, row->stratum, seconds);
    if (!row->control && !row->suspect) {
        out->counted++;
        count_word(out->outcome, OUTCOME_TEXTS, COUNT(OUTCOME_TEXTS), row->outcome);
        count_word(out->due, DUE_TEXTS, COUNT(DUE_TEXTS), row->due_reason);
    }
    return STATUS_OK;
}

/* A run under an arm: no rate counts it. */
static enum status count_armed(void *user, const struct trial_row *row)
{
    struct store_status *out = user;
    const double seconds = isnan(row->seconds) ? 0 : row->seconds;

    out->seconds += seconds;
    out->suspect += row->suspect != NULL;
    out->retried += row->attempts > 1;
    out->armed += row->trial >= 0;
    out->control[ROLE_CLEAN] += row->trial < 0;
    count_part(out->by_device, out->n_devices, row->device_id, seconds);
    return STATUS_OK;
}

enum status store_status_read(const struct store *store, struct arena *arena,
                              struct store_status *out)
{
    struct store_device *devices = NULL;
    struct store_stratum *strata = NULL;
    struct store_incident *incidents = NULL;
    uint32_t n_incidents = 0;
    enum status st;

    *out = (struct store_status){.planned = store_planned(store_identity(store))};
    st = store_read_devices(store, arena, &devices, &out->n_devices);
    if (!st)
        st = store_read_strata(store, arena, &strata, &out->n_strata);
    if (!st)
        st = store_read_incidents(store, arena, &incidents, &n_incidents);
    out->device = devices;
    out->stratum = strata;
    out->incidents = n_incidents;
    out->by_device = arena_array(arena, out->n_devices, sizeof(*out->by_device));
    out->by_stratum = arena_array(arena, out->n_strata, sizeof(*out->by_stratum));
    if (!st && (!out->by_device || !out->by_stratum))
        st = STATUS_MEMORY;
    for (uint32_t i = 0; !st && i < out->n_strata; i++)
        out->by_stratum[i].planned = strata[i].planned;
    if (!st)
        st = store_each_row(store, count_row, out);
    return st ? st : store_each_armed(store, count_armed, out);
}
