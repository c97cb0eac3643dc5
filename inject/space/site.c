/* SPDX-License-Identifier: MIT */
/* Names and sizes of sites, from the graph and its tensors. */
#include "inject/space/site.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "model/op.h"

struct listing {
    const struct site_shape *shape;
    struct arena *arena;
    struct site *site; /* null: only counted */
    uint32_t count;
    bool failed;
};

static void put(struct listing *l, const char *name, struct site site)
{
    if (l->site) {
        site.name = arena_text(l->arena, name, strlen(name));
        l->failed |= !site.name;
        l->site[l->count] = site;
    }
    l->count++;
}

/* Keys that the last position sees. */
static uint32_t keys_of(const struct listing *l, const struct node *node)
{
    return op_seen(l->shape->positions - 1, node->window);
}

static void put_op(struct listing *l, const struct node *node)
{
    struct op_point c;
    const bool keyed = op_point(&c, node, HOOK_OUT) && c.keyed;
    struct site site = {.place = PLACE_OP,
                        .node = node,
                        .layer = node->layer,
                        .elements = node->rows * (uint64_t)(keyed ? keys_of(l, node) : 1),
                        .macs = op_macs(node, keys_of(l, node))};
    for (uint32_t point = HOOK_OPERAND; point <= HOOK_LAST; point++) {
        if (op_point(&c, node, point))
            site.points |= 1u << point;
    }
    site.bits = site.elements * (graph_reg_wide(node->out) ? 32 : storage_bits(l->shape->act));
    site.bytes = site.bits / 8;
    put(l, node->site, site);
}

/* True if an earlier node has the tensor: tied tensors are one site. */
static bool seen(const struct graph *graph, uint32_t index, const struct tensor *t)
{
    for (uint32_t i = 0; i < index; i++) {
        if (graph->node[i].weight == t || graph->node[i].bias == t)
            return true;
    }
    return false;
}

/* Bits of all fields of the tensor: every bit of its bytes belongs to one. */
static void put_tensor(struct listing *l, const struct tensor *t, uint32_t layer)
{
    uint64_t elements = t->dim[0] * t->dim[1] * t->dim[2] * t->dim[3];
    put(l, t->name,
        (struct site){.place = PLACE_WEIGHT,
                      .tensor = t,
                      .layer = layer,
                      .points = 1u << HOOK_MEM,
                      .elements = elements,
                      .bits = t->size * 8,
                      .bytes = t->size});
}

static void put_stored(struct listing *l, const char *name, struct site site, uint32_t width)
{
    site.points = 1u << HOOK_MEM;
    site.bits = site.elements * width;
    site.bytes = site.bits / 8;
    put(l, name, site);
}

static void put_rest(struct listing *l)
{
    const struct hparams *hp = &l->shape->model->hp;
    const uint64_t positions = l->shape->positions;
    char name[FAULT_SITE_TEXT];
    for (uint32_t layer = 0; layer < hp->n_layers; layer++) {
        for (int value = 0; value < 2; value++) {
            struct fault fault = {.place = PLACE_KV, .layer = layer, .value_cache = value != 0};
            fault_site(&fault, name);
            put_stored(l, name,
                       (struct site){.place = PLACE_KV,
                                     .layer = layer,
                                     .elements = positions * hp->n_head_kv * hp->head_dim},
                       storage_bits(l->shape->kv));
        }
    }
    for (uint32_t table = 0; table < hp->rope_tables; table++) {
        fault_site(&(struct fault){.place = PLACE_TABLE, .table = table}, name);
        put_stored(l, name,
                   (struct site){.place = PLACE_TABLE,
                                 .layer = GRAPH_NO_LAYER,
                                 .elements = positions * hp->rope_dim},
                   32);
    }
    for (int control = 0; control < CONTROL_COUNT; control++) {
        fault_site(&(struct fault){.place = PLACE_CONTROL, .control = (enum control)control}, name);
        put_stored(l, name,
                   (struct site){.place = PLACE_CONTROL, .layer = GRAPH_NO_LAYER, .elements = 1},
                   32);
    }
}

static void put_all(struct listing *l)
{
    const struct graph *graph = &l->shape->model->graph;
    l->count = 0;
    for (uint32_t i = 0; i < graph->count; i++) {
        if (op_is_site(graph->node[i].op))
            put_op(l, &graph->node[i]);
    }
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        const struct tensor *const tensors[] = {node->weight, node->bias};
        for (int t = 0; t < 2; t++) {
            if (tensors[t] && !seen(graph, i, tensors[t]))
                put_tensor(l, tensors[t], node->layer);
        }
    }
    put_rest(l);
}

enum status site_list(struct site **out, uint32_t *out_count, struct arena *arena,
                      const struct site_shape *shape)
{
    struct listing l = {.shape = shape, .arena = arena};
    put_all(&l);
    l.site = arena_array(arena, l.count, sizeof(*l.site));
    if (!l.site)
        return STATUS_MEMORY;
    put_all(&l);
    *out = l.site;
    *out_count = l.count;
    return l.failed ? STATUS_MEMORY : STATUS_OK;
}

bool site_matches(const struct site *site, const char *glob)
{
    return fnmatch(glob, site->name, 0) == 0;
}
