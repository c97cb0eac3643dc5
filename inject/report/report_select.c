/* SPDX-License-Identifier: MIT */
/* Labels parsed, and matched with the conditions of a side. */
#include "inject/report/report_select.h"

#include <math.h>
#include <string.h>

#include "base/args.h"
#include "base/log.h"

void report_select_values(struct report_values *out, const char *label)
{
    for (int d = 0; d < PLAN_DIMENSION_COUNT; d++)
        out->value[d] = report_data_dimension(label, kinds_text(KINDS_DIMENSION, d), out->text[d],
                                              sizeof(out->text[d]))
                            ? out->text[d]
                            : NULL;
}

static enum status refuse(const struct report_data *data, struct arena *arena, const char *text,
                          const char *problem)
{
    char suggestion[ARGS_SUGGESTION] = "";
    const char **label = arena_array(arena, (size_t)data->n_strata + 1, sizeof(*label));
    if (!label)
        return STATUS_MEMORY;
    for (uint32_t h = 0; h < data->n_strata; h++)
        label[h] = data->stratum[h].label;
    args_suggest(suggestion, text, label, data->n_strata);
    log_error("found no stratum \"%s\", expected one of %u such as \"%s\", or conditions such as "
              "\"site_group: mlp & layer: 0-3\"%s%s%s",
              text, data->n_strata, data->n_strata ? data->stratum[0].label : "",
              problem ? ": " : "", problem ? problem : "", suggestion);
    return STATUS_INPUT;
}

enum status report_select(struct report_selection *out, struct arena *arena,
                          const struct report_data *data, const char *text)
{
    struct plan_side side = {0};
    const uint32_t one = text ? report_data_stratum(data, text) : REPORT_NONE;
    const char *problem =
        text && one == REPORT_NONE ? plan_contrast_side(&side, arena, text, data->plan) : NULL;
    *out = (struct report_selection){.has = arena_alloc(arena, (size_t)data->n_strata + 1)};
    if (!out->has)
        return STATUS_MEMORY;
    for (uint32_t h = 0; !problem && h < data->n_strata; h++) {
        struct report_values values;
        report_select_values(&values, data->stratum[h].label);
        out->has[h] = one == REPORT_NONE ? plan_contrast_has(&side, values.value) : h == one;
        out->count += out->has[h];
        out->weight += out->has[h] ? data->stratum[h].weight : 0;
    }
    return text && out->count == 0 ? refuse(data, arena, text, problem) : STATUS_OK;
}
