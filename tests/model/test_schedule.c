/* SPDX-License-Identifier: MIT */
/* Random passes: in every layer the slots in front are the columns that their ranges say, and so
 * are those after the K/V store and those with outputs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "model/schedule.h"

enum { LAYERS = 5, NODES = 23, MOST = 12, GUARDS = 40, PASSES = 20000 };

struct made {
    struct model model;
    struct node nodes[NODES];
    struct column column[MOST];
    struct hook hook[MOST];
    struct guard guard[GUARDS];
    struct pass pass;
};

static uint32_t below(struct rng *rng, uint32_t n)
{
    return (uint32_t)rng_below(rng, n);
}

static bool one_in(struct rng *rng, uint32_t n)
{
    return below(rng, n) == 0;
}

static void no_watch(void *user, const struct node *node, uint32_t column, const float *values,
                     uint32_t count)
{
    (void)user, (void)node, (void)column, (void)values, (void)count;
}

/* Starts rise and ends fall among columns that are evaluated, as executor_pass demands; columns
 * that start at the outputs come last. */
static void make(struct made *m, uint64_t id)
{
    struct rng rng;
    rng_init(&rng, 7, id);
    *m = (struct made){0};
    m->model.hp.n_layers = LAYERS;
    m->model.graph = (struct graph){.node = m->nodes, .count = NODES};
    const uint32_t n = 1 + below(&rng, MOST);
    uint32_t start = 0, end = LAYERS;
    for (uint32_t i = 0; i < n; i++) {
        struct column *c = &m->column[i];
        start += one_in(&rng, 3) ? below(&rng, LAYERS + 1 - start) : 0;
        end -= one_in(&rng, 4) && start < LAYERS && end > start + 1 ? 1 : 0;
        end = start < end || start == LAYERS ? end : start + 1;
        if (i > 0 && start < LAYERS && end > m->column[i - 1].end_layer)
            start = LAYERS;
        *c = (struct column){.position = i,
                             .start_layer = start,
                             .end_layer = start == LAYERS ? LAYERS : end,
                             .checkpoint = start > 0 || one_in(&rng, 4) ? i : EXECUTOR_NONE,
                             .save = one_in(&rng, 3) ? MOST + i : EXECUTOR_NONE};
        if (c->end_layer == LAYERS)
            c->outputs = one_in(&rng, 2) ? below(&rng, COLUMN_ANY + 1) : 0;
    }
    const uint32_t hooks = below(&rng, 4);
    for (uint32_t i = 0; i < hooks; i++)
        m->hook[i] = (struct hook){.node = one_in(&rng, 3) ? NODES - 1 : below(&rng, NODES),
                                   .column = below(&rng, n)};
    const uint32_t guards = below(&rng, one_in(&rng, 4) ? GUARDS : 3);
    for (uint32_t i = 0; i < guards; i++)
        m->guard[i] = (struct guard){.node = one_in(&rng, 3) ? NODES - 1 : below(&rng, NODES),
                                     .column = below(&rng, n),
                                     .kind = (enum guard_kind)below(&rng, GUARD_KINDS),
                                     .action = (enum guard_action)below(&rng, 3)};
    m->pass = (struct pass){.columns = m->column,
                            .guards = m->guard,
                            .n_guards = guards,
                            .n_columns = n,
                            .hooks = m->hook,
                            .n_hooks = hooks,
                            .watch = one_in(&rng, 8) ? no_watch : NULL};
}

/* A guard makes logits, but no column go on. */
static bool looked_at(const struct made *m, uint32_t column, bool logits)
{
    for (uint32_t i = 0; i < m->pass.n_hooks; i++) {
        if (m->hook[i].column == column && (!logits || m->hook[i].node == NODES - 1))
            return true;
    }
    for (uint32_t i = 0; i < m->pass.n_guards; i++) {
        if (logits && m->guard[i].column == column && m->guard[i].node == NODES - 1)
            return true;
    }
    return false;
}

/* Work after the store of `layer` is asked of the column. */
static bool goes_on(const struct made *m, uint32_t column, uint32_t layer)
{
    const struct column *c = &m->column[column];
    return c->end_layer > layer + 1 || c->save != EXECUTOR_NONE || c->outputs != 0 ||
           m->pass.watch || looked_at(m, column, false);
}

/* Some slot after this one starts later and goes on after the store. */
static bool starts_later(const struct made *m, const struct schedule *s, uint32_t layer,
                         uint32_t slot)
{
    for (uint32_t i = slot + 1; i < s->active[layer]; i++) {
        if (goes_on(m, s->column[i], layer) &&
            m->column[s->column[i]].start_layer > m->column[s->column[slot]].start_layer)
            return true;
    }
    return false;
}

static void check_layers(const struct made *m, const struct schedule *s)
{
    for (uint32_t layer = 0; layer < LAYERS; layer++) {
        for (uint32_t slot = 0; slot < m->pass.n_columns; slot++) {
            const uint32_t column = s->column[slot];
            const struct column *c = &m->column[column];
            const bool active = c->start_layer <= layer && layer < c->end_layer;
            assert_int_equal(slot < s->active[layer], active);
            assert_true(slot < s->tail[layer] || !active || !goes_on(m, column, layer));
            /* who has nothing to do there stays only in front of a later start that has */
            if (slot < s->tail[layer] && !goes_on(m, column, layer))
                assert_true(starts_later(m, s, layer, slot));
        }
    }
}

static void check_outputs(const struct made *m, const struct schedule *s)
{
    uint32_t outputs = 0, logits = 0;
    for (uint32_t i = 0; i < m->pass.n_columns; i++) {
        const uint32_t wanted = m->column[i].outputs, slot = s->output_slot[i];
        const bool needs =
            wanted & ~COLUMN_HIDDEN || (wanted && (m->pass.watch || looked_at(m, i, true)));
        assert_int_equal(slot != EXECUTOR_NONE, wanted != 0);
        outputs += wanted != 0;
        logits += needs;
        if (wanted) {
            assert_int_equal(s->output[slot], i);
            assert_int_equal(slot < s->n_logits, needs);
        }
    }
    assert_int_equal(s->n_outputs, outputs);
    assert_int_equal(s->n_logits, logits);
}

/* Every guard once, at its node, under its kind, in the order given. */
static void check_guards(const struct made *m, const struct schedule *s, uint32_t node)
{
    struct schedule_guards it = {0};
    uint32_t seen = 0, wanted = 0;
    for (uint32_t i = 0; i < m->pass.n_guards; i++)
        wanted += m->guard[i].node == node;
    for (uint32_t kinds = 0; schedule_next_guards(s, node, &it); kinds++) {
        assert_true(it.n > 0);
        assert_true(kinds == 0 || it.kind > m->guard[s->guard[it.first - 1]].kind);
        for (uint32_t i = it.first; i < it.first + it.n; i++) {
            assert_int_equal(m->guard[s->guard[i]].node, node);
            assert_int_equal(m->guard[s->guard[i]].kind, it.kind);
            assert_true(i == it.first || s->guard[i - 1] < s->guard[i]);
        }
        seen += it.n;
    }
    assert_int_equal(seen, wanted);
}

static void check_nodes(const struct made *m, const struct schedule *s)
{
    for (uint32_t node = 0; node < NODES; node++) {
        bool hooked = false, guarded = false, edited = false, twice = false;
        for (uint32_t i = 0; i < m->pass.n_hooks; i++)
            hooked |= m->hook[i].node == node;
        for (uint32_t i = 0; i < m->pass.n_guards; i++) {
            const struct guard *guard = &m->guard[i];
            if (guard->node != node)
                continue;
            guarded = true;
            edited |= guard->kind == GUARD_RANGE && guard->action != GUARD_COUNT;
            twice |= guard->kind == GUARD_TWIN || guard->kind == GUARD_ROTATED;
        }
        assert_int_equal(s->hooked[node], hooked);
        assert_int_equal(s->guarded[node], guarded);
        assert_int_equal(s->edited[node], edited);
        assert_int_equal(s->twice[node], twice);
        check_guards(m, s, node);
    }
}

static void test_random_passes(void **state)
{
    static struct made m;
    (void)state;
    for (uint64_t id = 0; id < PASSES; id++) {
        struct schedule s;
        make(&m, id);
        assert_int_equal(schedule_make(&s, &m.model, &m.pass), STATUS_OK);
        for (uint32_t i = 0; i < m.pass.n_columns; i++)
            assert_int_equal(s.slot[s.column[i]], i);
        check_nodes(&m, &s);
        check_layers(&m, &s);
        check_outputs(&m, &s);
        schedule_finish(&s);
    }
}

/* A row is loaded where the column starts, and saved where it has been made. */
static void test_residuals(void **state)
{
    const struct column token = {.checkpoint = EXECUTOR_NONE, .save = 3, .end_layer = 2};
    const struct column later = {.checkpoint = 1, .save = 3, .start_layer = 1, .end_layer = 3};
    (void)state;
    for (uint32_t layer = 0; layer <= LAYERS; layer++) {
        assert_false(schedule_loads(&token, layer));
        assert_int_equal(schedule_loads(&later, layer), layer == 1);
        assert_int_equal(schedule_saves(&token, layer), layer <= 2);
        assert_int_equal(schedule_saves(&later, layer), layer == 2 || layer == 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_passes),
                                       cmocka_unit_test(test_residuals)};
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
