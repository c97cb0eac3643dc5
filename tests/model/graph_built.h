/* SPDX-License-Identifier: MIT */
/* A tiny model in memory with its graph, and what tests ask of its nodes. */
#ifndef VKFI_TESTS_MODEL_GRAPH_BUILT_H
#define VKFI_TESTS_MODEL_GRAPH_BUILT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gguf_builder.h"
#include "model/graph.h"

struct built {
    struct builder b;
    struct gguf *g;
    struct hparams hp;
    struct arena arena;
    struct graph graph;
};

static inline enum status build(struct built *t, const char *arch)
{
    builder_tiny(&t->b, arch);
    assert_int_equal(gguf_open_memory(&t->g, t->b.file.data, t->b.file.size, "memory"), STATUS_OK);
    assert_int_equal(hparams_read(&t->hp, t->g), STATUS_OK);
    const enum status st = graph_split(t->g, &t->hp);
    return st ? st : graph_build(&t->graph, &t->arena, t->g, &t->hp);
}

static inline void finish(struct built *t)
{
    arena_finish(&t->arena);
    gguf_close(&t->g);
    builder_free(&t->b);
}

/* Sites of one layer, without their prefix. */
static inline void check_layer(const struct graph *graph, uint32_t layer, const char *const *sites)
{
    uint32_t i = graph->layer_begin[layer];

    for (; *sites; sites++, i++) {
        char site[64];
        snprintf(site, sizeof(site), "blk.%u.%s", layer, *sites);
        assert_string_equal(graph->node[i].site, site);
        assert_int_equal(graph->node[i].layer, layer);
        assert_ptr_equal(graph_find(graph, site), &graph->node[i]);
    }
    assert_int_equal(i, graph->layer_begin[layer + 1]);
}

static inline const struct node *at(const struct built *t, const char *site)
{
    const struct node *node = graph_find(&t->graph, site);

    assert_non_null(node);
    return node;
}

static inline void check_flow(const struct node *n, enum op op, enum reg in, enum reg in2,
                              enum reg out)
{
    assert_int_equal(n->op, op);
    assert_int_equal(n->in, in);
    assert_int_equal(n->in2, in2);
    assert_int_equal(n->out, out);
}

#endif
