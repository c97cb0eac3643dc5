/* SPDX-License-Identifier: MIT */
/* Which coordinates a point of a node has, and how many values each takes. */
#ifndef VKFI_INJECT_COORDINATES_H
#define VKFI_INJECT_COORDINATES_H

#include <stdbool.h>
#include <stdint.h>

#include "model/graph.h"

struct coordinates {
    uint32_t rows; /* values of `row`; 0: not used */
    uint32_t ks;   /* values of `k`; 0: not used */
    bool keyed;    /* `key` names a key position the column sees */
};

/* The table of shared/hook.h with sizes; false if the node has no such point. */
bool coordinates_of(struct coordinates *out, const struct node *node, uint32_t point,
                    const struct hparams *hp);

/* True for nodes that run only for columns with outputs (output norm and output matrix). */
bool coordinates_needs_output(const struct node *node);

#endif
