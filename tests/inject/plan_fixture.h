/* SPDX-License-Identifier: MIT */
/* Plans from JSON texts over a tiny model, for tests of plans and samples. */
#ifndef VKFI_TESTS_PLAN_FIXTURE_H
#define VKFI_TESTS_PLAN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/fpenv.h"
#include "base/log.h"
#include "inject/plan/plan.h"
#include "inject/plan/sample.h"
#include "model/model.h"
#include "model/op.h"
#include "tiny_model.h"

#define FIXTURE_TINY VKFI_TINY "/"
#define FIXTURE_ITEMS 4
#define FIXTURE_DRAWS 8u

/* Prompt lengths and tokens of the items: one has a prompt of one token (no prefill). */
static const struct sample_item fixture_items[FIXTURE_ITEMS] = {{.n_prompt = 5, .n_tokens = 7},
                                                                {.n_prompt = 9, .n_tokens = 4},
                                                                {.n_prompt = 1, .n_tokens = 6},
                                                                {.n_prompt = 6, .n_tokens = 3}};

struct plan_fixture {
    struct arena arena;
    struct plan plan;
    struct sample *sample;
    struct arena drawn[FIXTURE_DRAWS]; /* of the last draws */
    uint32_t draws;
};

/* `{"model": ..., "prompts": (n_items ids)` and `rest`, which starts with a comma or is empty. */
static inline enum status fixture_plan(struct plan_fixture *f, uint32_t n_items, const char *rest)
{
    static const char *const prompts[] = {"[1]", "[1],[2]", "[1],[2],[3]", "[1],[2],[3],[4]"};
    char text[4096];
    snprintf(text, sizeof(text), "{\"model\":\"tiny\",\"prompts\":{\"ids\":[%s]}%s}",
             prompts[n_items - 1], rest);
    *f = (struct plan_fixture){0};
    return plan_read(&f->plan, &f->arena,
                     &(struct plan_source){text, strlen(text), "plan.json", "", NULL});
}

static inline enum status fixture_sample(struct plan_fixture *f, const struct model *model,
                                         uint32_t n_items, const char *rest)
{
    enum status st = fixture_plan(f, n_items, rest);
    if (!st)
        st = sample_create(&f->sample, &f->plan, model, fixture_items);
    return st;
}

static inline void fixture_finish(struct plan_fixture *f)
{
    sample_destroy(&f->sample);
    for (uint32_t i = 0; i < FIXTURE_DRAWS; i++)
        arena_finish(&f->drawn[i]);
    arena_finish(&f->arena);
}

/* Opens a tiny model; null if that fails. */
static inline struct model *fixture_model(const char *name)
{
    char path[512];
    struct model *model = NULL;
    snprintf(path, sizeof(path), "%s%s", FIXTURE_TINY, name);
    return model_open(&model, path) ? NULL : model;
}

/* Its faults live until FIXTURE_DRAWS more are drawn. */
static inline struct sample_draw fixture_draw(struct plan_fixture *f, uint64_t id)
{
    struct arena *arena = &f->drawn[f->draws++ % FIXTURE_DRAWS];
    struct sample_draw d;
    arena_finish(arena);
    assert_int_equal(sample_draw(f->sample, id, arena, &d), STATUS_OK);
    assert_true(d.n_faults > 0);
    return d;
}

static inline struct fault_bounds fixture_bounds(const struct plan_fixture *f,
                                                 const struct model *model, uint32_t item)
{
    const struct sample_item *i = &fixture_items[item];
    return (struct fault_bounds){.model = model,
                                 .act = f->plan.act,
                                 .kv = f->plan.kv,
                                 .n_prompt = i->n_prompt,
                                 .positions = i->n_prompt + i->n_tokens - 1};
}

/* A point that faults may strike. */
static inline bool fixture_has(const struct node *node, uint32_t point)
{
    struct op_point c;
    return op_is_site(node->op) && op_point(&c, node, point);
}

/* The identity of a drawn fault. */
struct fixture_identity {
    uint32_t item, node, tensor, layer, point, field, value, readers, granularity, kind, mask, row,
        k, key, position, count;
};

static inline struct fixture_identity fixture_identity_of(const struct sample_draw *d,
                                                          const struct fault *f)
{
    return (struct fixture_identity){.item = d->item,
                                     .node = f->node,
                                     .tensor = f->tensor ? f->tensor->index : UINT32_MAX,
                                     .layer = f->layer,
                                     .point = f->point,
                                     .field = (uint32_t)f->field,
                                     .value = f->value_cache,
                                     .readers = (uint32_t)f->readers,
                                     .granularity = (uint32_t)f->granularity,
                                     .kind = (uint32_t)f->kind,
                                     .mask = f->mask,
                                     .row = f->row,
                                     .k = f->k,
                                     .key = f->key,
                                     .position = f->position,
                                     .count = f->position_count};
}

#define NO_CONTROLS ",\"controls\":{\"dry\":0,\"sentinel\":0,\"naive\":0,\"cpu\":0}"

#endif
