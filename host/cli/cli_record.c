/* SPDX-License-Identifier: MIT */
/* A fault's coordinates and mask in words, for both forms of a record. */
#include "cli/cli_record.h"

#include <inttypes.h>
#include <stdio.h>

#include "inject/space/coordinates.h"

static const struct node *node_of(const struct fault *fault, const struct fault_bounds *bounds)
{
    return fault->place == PLACE_OP ? &bounds->model->graph.node[fault->node] : NULL;
}

const char *cli_record_bits(const struct fault *fault, char *out, size_t size)
{
    int n = 0;
    out[0] = '\0';
    if (fault->kind == KIND_SET) {
        snprintf(out, size, "0x%" PRIx32, fault->value);
        return out;
    }
    if (fault->kind != KIND_FLIP && fault->kind != KIND_STUCK_AT_0 &&
        fault->kind != KIND_STUCK_AT_1)
        return out;
    for (uint32_t bit = 0; bit < 32; bit++) {
        if (fault->mask >> bit & 1u && n >= 0 && (size_t)n < size)
            n += snprintf(out + n, size - (size_t)n, n == 0 ? "%" PRIu32 : ",%" PRIu32, bit);
    }
    return out;
}

const char *cli_record_where(const struct fault *fault, const struct fault_bounds *bounds,
                             char *out, size_t size)
{
    struct coordinates c = {.rows = 1, .ks = 1};
    const struct node *node = node_of(fault, bounds);
    const struct {
        bool used;
        const char *name;
        uint32_t value;
    } part[] = {
        {fault->place != PLACE_KV &&
             (!node || (coordinates_of(&c, node, fault->point, &bounds->model->hp) && c.rows > 0)),
         "row", fault->row},
        {c.ks > 0, "k", fault->k},
        {fault->place == PLACE_KV || (node && c.keyed), "key", fault->key},
    };
    int n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        if (part[i].used && n >= 0 && (size_t)n < size)
            n += snprintf(out + n, size - (size_t)n, "%s%s %" PRIu32, n > 0 ? ", " : "",
                          part[i].name, part[i].value);
    }
    return out;
}
