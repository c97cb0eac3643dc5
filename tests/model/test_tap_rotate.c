/* SPDX-License-Identifier: MIT */
/* A fault of a lane in an op whose rows are rotated: random boxes of every point of every kind of
 * op strike, element by element, the row that the lane then computes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "model/op.h"
#include "model/tap_impl.h"

enum { ROUNDS = 20000 };

static uint32_t below(struct rng *rng, uint32_t n)
{
    return (uint32_t)rng_below(rng, n);
}

/* A node whose rows are whole groups of its width. */
static struct node draw_node(struct rng *rng)
{
    struct node node = {.op = (enum op)below(rng, OP_COUNT)};
    node.groups = 1 + below(rng, 5);
    node.width = 1 + below(rng, 9);
    node.rows =
        node.op == OP_SCORES || node.op == OP_SOFTMAX ? node.groups : node.groups * node.width;
    return node;
}

/* A range of n units from `first` on, `step` apart, below `count`. */
static void draw_range(struct rng *rng, uint32_t count, uint32_t unit, uint32_t out[3])
{
    const uint32_t units = count / unit;
    out[0] = below(rng, units) * unit;
    out[2] = (1 + below(rng, 3)) * unit;
    out[1] = 1 + below(rng, (count - 1 - out[0]) / out[2] + 1);
}

/* Row and k of element `i` of a box. */
static void element(const struct hook_data *box, uint32_t i, uint32_t out[2])
{
    out[0] = box->row + i / box->ks * box->row_step;
    out[1] = box->k + i % box->ks * box->k_step;
}

/* Readers of an operand are rows. */
static void check_readers(const struct hook_data *box, const struct node *node,
                          const struct tap_rotated *all)
{
    for (uint32_t row = 0; row < node->rows; row++) {
        const uint32_t moved = (row + node->rows / 2) % node->rows;
        const bool reads = box->readers == 0 || row - box->reader < box->readers;
        bool found = false;
        for (uint32_t i = 0; i < all->n; i++)
            found |= all->box[i].readers == 0 || moved - all->box[i].reader < all->box[i].readers;
        assert_int_equal(found, reads);
    }
}

static void check_elements(const struct hook_data *box, const struct op_point *at,
                           const struct tap_rotated *all)
{
    const uint32_t rows = at->rows / at->row_step, n = box->rows * box->ks;
    for (uint32_t i = 0, part = 0; i < n; i++) {
        uint32_t from[2], to[2];
        if (part + 1 < all->n && all->offset[part + 1] == i)
            part++;
        const struct hook_data *one = &all->box[part];
        element(box, i, from);
        element(one, i - all->offset[part], to);
        assert_true(i - all->offset[part] < one->rows * one->ks);
        if (at->rows > 0) {
            const uint32_t unit = from[0] / at->row_step;
            assert_int_equal(to[0] / at->row_step, (unit + rows / 2) % rows);
            assert_int_equal(to[0] % at->row_step, from[0] % at->row_step);
            assert_int_equal(to[1], from[1]);
            /* draws are those of the lane */
            assert_int_equal(one->draw_row + (i - all->offset[part]) / one->ks * one->row_step,
                             from[0]);
        } else {
            assert_int_equal(to[1], (from[1] + at->ks / 2) % at->ks);
        }
    }
}

static void test_boxes(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, 3, 1);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        const struct node node = draw_node(&rng);
        const uint32_t point = below(&rng, HOOK_LAST + 1);
        struct hook_data box = {.kind = KIND_FLIP};
        uint32_t range[3] = {0, 1, 1};
        struct tap_rotated all;
        struct op_point at;
        if (!op_point(&at, &node, point))
            continue;
        if (at.rows > 0)
            draw_range(&rng, at.rows, at.row_step, range);
        box.row = box.draw_row = range[0], box.rows = range[1], box.row_step = range[2];
        range[0] = 0, range[1] = range[2] = 1;
        if (at.ks > 0)
            draw_range(&rng, at.ks, 1, range);
        box.k = range[0], box.ks = range[1], box.k_step = range[2];
        if (at.shared && below(&rng, 2)) {
            box.reader = below(&rng, node.rows);
            box.readers = 1 + below(&rng, node.rows - box.reader);
        }
        hook_open(&box);
        tap_rotate(&all, &box, &node, point);
        assert_true(all.n == 1 || all.n == 2);
        if (at.shared)
            check_readers(&box, &node, &all);
        else
            check_elements(&box, &at, &all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_boxes)};
    return cmocka_run_group_tests_name("tap_rotate", tests, NULL, NULL);
}
