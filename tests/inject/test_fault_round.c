/* SPDX-License-Identifier: MIT */
/* A fault written as JSON and read again is the same fault, for every cell of the fault space. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fpenv.h"
#include "base/json.h"
#include "base/log.h"
#include "base/rng.h"
#include "fault_text.h"
#include "inject/space/fault.h"
#include "inject/space/widen.h"
#include "model/model.h"
#include "model/op.h"
#include "plan_fixture.h"

static struct model *model;
static int null_out, error_out; /* refused faults need no message */

static struct fault_bounds bounds_of(const struct model *m)
{
    return (struct fault_bounds){.model = m, .act = STORAGE_F16, .n_prompt = 9, .positions = 20};
}

/* One value of each choice; what a cell is. */
struct cell {
    struct fault fault; /* place, site, point, field */
    enum kind kind;
    enum granularity granularity;
    enum readers readers;
    enum duration duration;
    enum stage stage;
};

static uint32_t edge(struct rng *rng, uint32_t count)
{
    if (count == 0)
        return 0;
    const uint32_t at[] = {0, count - 1, count / 2, (uint32_t)rng_below(rng, count)};
    return at[rng_below(rng, 4)];
}

static void coordinates(struct fault *f, struct rng *rng, const struct fault_bounds *bounds)
{
    const struct hparams *hp = &bounds->model->hp;
    struct op_point c = {0};
    switch (f->place) {
    case PLACE_OP:
        op_point(&c, &bounds->model->graph.node[f->node], f->point);
        f->row = edge(rng, c.rows);
        f->k = edge(rng, c.ks);
        f->key = c.keyed ? edge(rng, f->position + 1) : 0;
        if (f->point == HOOK_OPERAND && c.rows == 0 && f->readers != READERS_ALL)
            f->row = edge(rng, bounds->model->graph.node[f->node].rows);
        break;
    case PLACE_WEIGHT:
        f->row = edge(rng, (uint32_t)(f->tensor->dim[1] * f->tensor->dim[2] * f->tensor->dim[3]));
        f->k = edge(rng, (uint32_t)f->tensor->dim[0]);
        break;
    case PLACE_KV:
        f->k = edge(rng, hp->n_head_kv * hp->head_dim);
        f->key = edge(rng, f->position);
        break;
    case PLACE_TABLE:
        f->row = edge(rng, bounds->positions);
        f->k = edge(rng, hp->rope_dim);
        break;
    default:
        break;
    }
}

static uint64_t word(struct rng *rng)
{
    const uint64_t wide = (uint64_t)rng_u32(rng) << 32 | rng_u32(rng);
    return rng_below(rng, 3) ? wide >> rng_below(rng, 64) : UINT64_MAX - rng_below(rng, 3);
}

/* Makes a fault of the cell; false if it may not be run. */
static bool draw(struct fault *f, struct rng *rng, const struct cell *cell,
                 const struct fault_bounds *bounds)
{
    *f = cell->fault;
    f->kind = cell->kind;
    f->granularity = cell->granularity;
    f->readers = cell->readers;
    f->duration = cell->duration;
    f->position = (uint32_t)rng_below(rng, bounds->positions);
    coordinates(f, rng, bounds);
    const uint32_t width = fault_width(f, bounds);
    if (width == 0)
        return false;
    f->mask = hook_kinds_takes(f->kind, KIND_TAKES_MASK) ? rng_u32(rng) >> (32 - width) | 1u : 0;
    if (hook_kinds_takes(f->kind, KIND_TAKES_VALUE))
        f->value = f->kind == KIND_SET ? rng_u32(rng) >> (32 - width) : rng_u32(rng);
    if (hook_kinds_takes(f->kind, KIND_TAKES_RANGE)) {
        f->low = 0xbf800000u;
        f->high = 0x3f000000u;
    }
    if (hook_kinds_takes(f->kind, KIND_TAKES_OTHER))
        f->from = (uint32_t)rng_below(rng, 3);
    if (rng_below(rng, 4) == 0)
        f->only_mask = f->only_value = 1;
    if (f->duration == DURATION_INTERMITTENT)
        f->rate = rng_below(rng, 4) ? rng_u32(rng) | 1u : UINT32_MAX;
    f->key_low = word(rng);
    f->key_high = word(rng);
    const struct widen w = {.lanes = 3, .tile = 5, .chunk = 4};
    widen_fault(f, bounds, &w, cell->stage);
    dup2(null_out, STDERR_FILENO);
    const bool good = fault_check(f, bounds, "drawn") == STATUS_OK;
    dup2(error_out, STDERR_FILENO);
    return good;
}

/* Writes a fault and reads it again. */
static struct fault again(const struct fault *f, const struct fault_bounds *bounds,
                          struct arena *arena, const char **out_text)
{
    assert_int_equal(fault_put_text(out_text, arena, f), STATUS_OK);
    return fault_text_one(arena, bounds, *out_text);
}

static void check(const struct fault *f, const struct fault_bounds *bounds)
{
    struct arena arena = {0};
    struct tap_fault a, b;
    const char *text = NULL;
    const struct fault g = again(f, bounds, &arena, &text);
    fault_tap(f, bounds, &a);
    fault_tap(&g, bounds, &b);
    const bool same = memcmp(&a.data, &b.data, sizeof(a.data)) == 0 && a.place == b.place &&
                      a.node == b.node && a.point == b.point && a.tensor == b.tensor &&
                      a.layer == b.layer && a.value_cache == b.value_cache && a.table == b.table &&
                      a.control == b.control && a.position == b.position &&
                      a.position_count == b.position_count && a.from == b.from &&
                      a.from_axis == b.from_axis && a.begins == b.begins;
    if (!same || f->readers != g.readers || f->duration != g.duration || f->key_low != g.key_low ||
        f->key_high != g.key_high || f->rate != g.rate)
        fail_msg("%s: read as another fault: position %u + %u, row %u + %u * %u, k %u + %u * %u, "
                 "key %u + %u",
                 text, g.position, g.position_count, g.row, g.row_count, g.row_step, g.k, g.k_count,
                 g.k_step, g.key, g.key_count);
    arena_finish(&arena);
}

/* Checks faults of all choices at a point; returns how many could be run. */
static uint32_t every_choice(struct cell *cell, struct rng *rng, const struct fault_bounds *bounds)
{
    const bool op = cell->fault.place == PLACE_OP;
    const bool stored = !op && cell->fault.place != PLACE_CONTROL;
    const bool operand = op && cell->fault.point == HOOK_OPERAND;
    const uint32_t readers0 = operand ? READERS_ROW : READERS_COLUMN;
    const uint32_t readers = operand || (op && cell->fault.point == HOOK_WEIGHT) ? 3 : 1;
    uint32_t count = 0;
    for (uint32_t i = 0; i < KIND_COUNT * GRANULARITY_COUNT * readers * DURATION_COUNT; i++) {
        struct fault f;
        cell->kind = (enum kind)(i % KIND_COUNT);
        cell->granularity = (enum granularity)(i / KIND_COUNT % GRANULARITY_COUNT);
        cell->readers = (enum readers)(readers0 + i / KIND_COUNT / GRANULARITY_COUNT % readers);
        cell->duration =
            (enum duration)(i / KIND_COUNT / GRANULARITY_COUNT / readers % DURATION_COUNT);
        cell->stage = (enum stage)rng_below(rng, STAGE_COUNT);
        if ((cell->duration == DURATION_PERSISTENT) != stored || !draw(&f, rng, cell, bounds))
            continue;
        check(&f, bounds);
        count++;
    }
    return count;
}

static void test_every_cell(void **state)
{
    const struct fault_bounds bounds = bounds_of(model);
    static const char *const others[] = {
        "blk.0.attn_q.weight", "output_norm.weight", "blk.0.kv_k", "blk.0.kv_v", "rope",
        "control.token",       "control.sampler"};
    struct rng rng;
    uint32_t count = 0, cells = 0;
    (void)state;
    null_out = open("/dev/null", O_WRONLY | O_CLOEXEC);
    error_out = dup(STDERR_FILENO);
    assert_true(null_out >= 0 && error_out >= 0);
    rng_init(&rng, 6, 6);
    for (uint32_t n = 0; n < model->graph.count; n++) {
        const struct node *node = &model->graph.node[n];
        for (uint32_t point = HOOK_OPERAND; point <= HOOK_LAST; point++) {
            struct cell cell = {.fault = {.layer = GRAPH_NO_LAYER}};
            struct op_point c;
            if (node->op == OP_STORE || !op_point(&c, node, point))
                continue;
            assert_true(fault_find(&cell.fault, model, node->site));
            cell.fault.point = point;
            for (int field = 0; field < QUANT_FIELD_COUNT; field++) {
                cell.fault.field = (enum quant_field)field;
                if (field == 0 || (point == HOOK_WEIGHT && node->weight))
                    count += every_choice(&cell, &rng, &bounds);
            }
            cells++;
        }
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        struct cell cell = {.fault = {.point = HOOK_MEM}};
        assert_true(fault_find(&cell.fault, model, others[i]));
        cell.fault.point = HOOK_MEM;
        const uint32_t some = every_choice(&cell, &rng, &bounds);
        assert_true(some > 10);
        count += some;
    }
    print_message("%u faults of %u points\n", count, cells);
    assert_true(cells > 50 && count > 5000);
    close(null_out);
    close(error_out);
}

/* Trials of several faults keep their bounds; a flat list is a trial each. */
static void test_trials(void **state)
{
    static const struct {
        const char *text;
        uint32_t count, faults[4];
    } good[] = {{"F", 1, {1}},
                {"[F, F]", 2, {1, 1}},
                {"[[F, F]]", 1, {2}},
                {"[[F, F], F, [F]]", 3, {2, 1, 1}}};
    static const char *const bad[] = {"[]", "[[]]", "[[[F]]]", "[[F], []]", "[[F, 1]]"};
    static const char fault[] = "{\"site\":\"blk.0.attn_q\",\"bit\":3}";
    const struct fault_bounds bounds = bounds_of(model);
    (void)state;
    for (size_t i = 0; i < 4 + 5; i++) {
        char text[512] = "";
        const char *form = i < 4 ? good[i].text : bad[i - 4];
        for (; *form; form++) {
            const size_t n = strlen(text);
            snprintf(text + n, sizeof(text) - n, *form == 'F' ? "%s" : "%.1s",
                     *form == 'F' ? fault : form);
        }
        struct json_doc *doc = NULL;
        struct arena arena = {0};
        struct fault_trials trials;
        assert_int_equal(json_parse(&doc, text, strlen(text), "f"), STATUS_OK);
        const enum status st = fault_parse_trials(&trials, &arena, doc, &bounds);
        assert_int_equal(st, i < 4 ? STATUS_OK : STATUS_INPUT);
        for (uint32_t k = 0; i < 4 && k < good[i].count; k++)
            assert_int_equal(trials.trial[k].count, good[i].faults[k]);
        if (i < 4)
            assert_int_equal(trials.count, good[i].count);
        arena_finish(&arena);
        json_destroy(&doc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cell),
        cmocka_unit_test(test_trials),
    };
    return tiny_model_tests(tests, sizeof(tests) / sizeof(*tests), &model);
}
