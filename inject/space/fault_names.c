/* SPDX-License-Identifier: MIT */
/* The names of all sites of a model, to suggest the nearest for an unknown one. */
#include <inttypes.h>

#include "inject/space/fault.h"
#include "model/op.h"

static void add(struct fault_names *names, const char *name)
{
    names->name[names->count++] = name;
}

static enum status add_kv(struct fault_names *names, struct arena *arena, uint32_t n_layers)
{
    for (uint32_t layer = 0; layer < n_layers; layer++) {
        for (int v = 0; v < 2; v++) {
            const char *name = arena_printf(arena, "blk.%" PRIu32 ".kv_%c", layer, v ? 'v' : 'k');
            if (!name)
                return STATUS_MEMORY;
            add(names, name);
        }
    }
    return STATUS_OK;
}

enum status fault_names_list(struct fault_names *out, struct arena *arena,
                             const struct model *model)
{
    const struct graph *graph = &model->graph;
    const size_t most =
        3 * (size_t)graph->count + 2 * (size_t)model->hp.n_layers + 2 + CONTROL_COUNT;
    *out = (struct fault_names){arena_array(arena, most, sizeof(*out->name)), 0};
    if (!out->name)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        if (op_is_site(node->op))
            add(out, node->site);
        if (node->weight)
            add(out, node->weight->name);
        if (node->bias)
            add(out, node->bias->name);
    }
    add(out, "rope");
    if (model->hp.rope_tables == 2)
        add(out, "rope_local");
    for (uint32_t i = 0; i < CONTROL_COUNT; i++) {
        const char *name = arena_printf(arena, "control.%s", kinds_text(KINDS_CONTROL, i));
        if (!name)
            return STATUS_MEMORY;
        add(out, name);
    }
    return add_kv(out, arena, model->hp.n_layers);
}
