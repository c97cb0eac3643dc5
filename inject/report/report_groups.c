/* SPDX-License-Identifier: MIT */
/* A counting sort by key. */
#include "inject/report/report_groups.h"

enum status report_groups_make(struct report_groups *out, struct arena *arena,
                               const struct report_data *data, const struct report_groups_by *by)
{
    *out = (struct report_groups){
        .count = by->count,
        .first = arena_array(arena, (size_t)by->count + 2, sizeof(*out->first)),
        .index = arena_array(arena, data->n + 1, sizeof(*out->index)),
    };
    if (!out->first || !out->index)
        return STATUS_MEMORY;
    size_t *next = out->first + 1; /* first[g + 1] runs from the start of g to its end */
    for (size_t i = 0; i < data->n; i++) {
        const uint32_t g = by->key(&data->trial[i], by->user);
        if (g < by->count)
            next[g + 1]++;
    }
    for (uint32_t g = 0; g < by->count; g++)
        next[g + 1] += next[g];
    for (size_t i = 0; i < data->n; i++) {
        const uint32_t g = by->key(&data->trial[i], by->user);
        if (g < by->count)
            out->index[next[g]++] = (uint32_t)i;
    }
    return STATUS_OK;
}

static uint32_t stratum_key(const struct report_trial *trial, const void *user)
{
    (void)user;
    return trial->stratum;
}

enum status report_groups_strata(struct report_groups *out, struct arena *arena,
                                 const struct report_data *data)
{
    return report_groups_make(out, arena, data,
                              &(struct report_groups_by){stratum_key, NULL, data->n_strata});
}

size_t report_groups_size(const struct report_groups *groups, uint32_t group)
{
    return groups->first[group + 1] - groups->first[group];
}

uint32_t report_groups_layers(const struct report_data *data)
{
    int32_t most = -1;
    for (size_t i = 0; i < data->n; i++)
        most = data->trial[i].layer > most ? data->trial[i].layer : most;
    return (uint32_t)(most + 1);
}
