/* SPDX-License-Identifier: MIT */
/* Which experts golden's columns chose: its positions once more, with captures of every choice. */
#include "inject/trial/golden_experts.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"

/* Columns of a pass and their captures. */
struct capture {
    const struct golden *golden;
    struct column *column; /* (most) */
    struct column_result *result;
    struct hook *hook; /* (most, n_layers) */
    uint32_t *word;    /* (most, n_layers, n_used) */
    uint32_t *node;    /* (n_layers) that choose */
    uint32_t most;
};

static const struct model *model_of(const struct golden *golden)
{
    return golden->params.ex->model;
}

static bool make_room(struct capture *c)
{
    const struct model *model = model_of(c->golden);
    const uint32_t layers = model->hp.n_layers, most = HOOK_MOST / layers;
    const size_t hooks = (size_t)c->golden->columns * layers;

    c->most = c->golden->columns < most ? c->golden->columns : most;
    c->column = calloc(c->most, sizeof(*c->column));
    c->result = calloc(c->most, sizeof(*c->result));
    c->hook = calloc(hooks, sizeof(*c->hook));
    c->word = calloc(hooks * model->hp.n_used, sizeof(*c->word));
    c->node = calloc(layers, sizeof(*c->node));
    if (!c->column || !c->result || !c->hook || !c->word || !c->node)
        return false;
    for (uint32_t i = 0; i < model->graph.count; i++) {
        if (model->graph.node[i].op == OP_CHOOSE)
            c->node[model->graph.node[i].layer] = i;
    }
    return true;
}

static void free_room(struct capture *c)
{
    free(c->column);
    free(c->result);
    free(c->hook);
    free(c->word);
    free(c->node);
}

/* Columns of positions first .. first + n - 1 of a branch. */
static enum status run_columns(struct capture *c, uint32_t branch, uint32_t first, uint32_t n,
                               uint16_t *out)
{
    const struct hparams *hp = &model_of(c->golden)->hp;
    const uint32_t hooks = n * hp->n_layers;

    for (uint32_t i = 0; i < n; i++)
        c->column[i] = (struct column){.branch = branch,
                                       .position = first + i,
                                       .token = golden_token(c->golden, first + i),
                                       .checkpoint = EXECUTOR_NONE,
                                       .end_layer = hp->n_layers,
                                       .save = EXECUTOR_NONE};
    for (uint32_t i = 0; i < hooks; i++)
        c->hook[i] = (struct hook){
            .node = c->node[i % hp->n_layers],
            .column = i / hp->n_layers,
            .point = HOOK_OUT,
            .data = {.kind = KIND_DRY, .rows = hp->n_used, .capture = 1 + i * hp->n_used}};
    const struct pass pass = {.columns = c->column,
                              .n_columns = n,
                              .hooks = c->hook,
                              .n_hooks = hooks,
                              .words = c->word,
                              .n_words = hooks * hp->n_used};
    const enum status st = executor_pass(c->golden->params.ex, &pass, c->result);
    for (uint32_t i = 0; i < hooks * hp->n_used && !st; i++)
        out[i] = (uint16_t)c->word[i];
    return st;
}

enum status golden_experts(const uint16_t **out, struct arena *arena, const struct golden *golden)
{
    const struct hparams *hp = &model_of(golden)->hp;
    struct kv *kv = golden->params.ex->kv;
    const size_t row = (size_t)hp->n_layers * hp->n_used;
    struct capture c = {.golden = golden};
    uint32_t branch;

    *out = NULL;
    if (hp->n_expert == 0)
        return STATUS_OK;
    uint16_t *experts = arena_array(arena, golden->n_evaluated * row, sizeof(*experts));
    enum status st = experts ? kv_branch(kv, &branch) : STATUS_MEMORY;
    if (st)
        return st;
    if (!make_room(&c)) {
        log_error("golden run: no host memory for the experts of %" PRIu32 " positions",
                  golden->n_evaluated);
        st = STATUS_MEMORY;
    }
    for (uint32_t done = 0, n; done < golden->n_evaluated && !st; done += n) {
        n = golden->n_evaluated - done < c.most ? golden->n_evaluated - done : c.most;
        st = run_columns(&c, branch, done, n, experts + done * row);
    }
    kv_release(kv, branch);
    free_room(&c);
    *out = experts;
    return st;
}
