/* SPDX-License-Identifier: MIT */
/* The table of protections. */
#include <fnmatch.h>
#include <string.h>

#include "mitigations/protection.h"

static const struct protection *const TABLE[] = {
    &protection_nan_trap,     &protection_range_guard,  &protection_redundancy,
    &protection_abft,         &protection_weight_audit, &protection_kv_checkpoint,
    &protection_token_filter, &protection_adaptive};

bool protections_match(const struct protection_sites *sites, const char *site)
{
    for (uint32_t i = 0; i < sites->n; i++) {
        if (fnmatch(sites->glob[i], site, 0) == 0)
            return true;
    }
    return false;
}

double protections_features(const void *params, const struct protection_column *column)
{
    (void)params;
    const struct hparams *hp = &column->model->hp;
    return 2.0 * hp->n_vocab + hp->n_embd; /* extremes and the sum of exponentials; squares */
}

const struct protection *const *protections(size_t *out_n)
{
    *out_n = sizeof(TABLE) / sizeof(*TABLE);
    return TABLE;
}

const struct protection *protections_find(const char *name)
{
    for (size_t i = 0; i < sizeof(TABLE) / sizeof(*TABLE); i++) {
        if (strcmp(TABLE[i]->name, name) == 0)
            return TABLE[i];
    }
    return NULL;
}
