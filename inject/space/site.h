/* SPDX-License-Identifier: MIT */
/* Every site of a model by name, with what it holds and computes: the list plans select from. */
#ifndef VKFI_INJECT_SITE_H
#define VKFI_INJECT_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "inject/space/fault.h"

struct site {
    const char *name; /* "blk.3.attn_q", "blk.3.attn_q.weight", "control.token" */
    enum place place;
    const struct node *node;     /* PLACE_OP */
    const struct tensor *tensor; /* PLACE_WEIGHT */
    uint32_t layer;              /* GRAPH_NO_LAYER: none */
    uint32_t points;             /* bit HOOK_* of each point it has */
    uint64_t elements;           /* results of one token; stored elements */
    uint64_t bits;               /* that hold them */
    uint64_t bytes;              /* bits in whole bytes; tensors: as in the file */
    uint64_t macs;               /* of one token: op_macs */
};

/* What sizes depend on: storage types, and how many positions there are (keys that the token sees,
 * entries and table rows stored). */
struct site_shape {
    const struct model *model;
    enum storage act, kv;
    uint32_t positions;
};

/* In order: ops as the graph runs them, tensors, KV, tables, control. Memory from `arena`. */
enum status site_list(struct site **out, uint32_t *out_count, struct arena *arena,
                      const struct site_shape *shape) STATUS_MUST_USE;

/* fnmatch patterns: "blk.*.attn_q", "*.ffn_*", "control.*". */
bool site_matches(const struct site *site, const char *glob);

#endif
