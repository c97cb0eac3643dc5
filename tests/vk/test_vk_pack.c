/* SPDX-License-Identifier: MIT */
/* The device's layout of weights is a bijection: every byte of every row comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "shared/push.h"
#include "vk/vk_pack.h"

static void fill(struct rng *rng, uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)rng_u32(rng);
}

/* 32 random rows in, the same 32 rows out; packing one again changes nothing else. */
static void round_trip(enum quant type, uint32_t width, struct rng *rng)
{
    const struct vk_pack pack = vk_pack_layout(type, width, true);
    const size_t row_bytes = quant_row_bytes(type, width), tile_bytes = (size_t)pack.size * 16;
    uint32_t *tile = calloc(1, tile_bytes), *again = malloc(tile_bytes);
    uint8_t *rows = malloc(TILE_ROWS * row_bytes), *row = malloc(row_bytes);

    assert_true(tile && again && rows && row);
    fill(rng, rows, TILE_ROWS * row_bytes);
    for (uint32_t r = 0; r < TILE_ROWS; r++)
        vk_pack_row(&pack, tile, r, rows + r * row_bytes);
    for (uint32_t r = 0; r < TILE_ROWS; r++) {
        memset(row, 0xa5, row_bytes);
        vk_pack_unpack(&pack, tile, r, row);
        assert_memory_equal(row, rows + r * row_bytes, row_bytes);
    }
    memcpy(again, tile, tile_bytes);
    const uint32_t r = (uint32_t)rng_below(rng, TILE_ROWS);
    fill(rng, row, row_bytes);
    vk_pack_row(&pack, again, r, row);
    vk_pack_row(&pack, again, r, rows + r * row_bytes);
    assert_memory_equal(again, tile, tile_bytes);
    for (uint32_t i = 0; i < 32; i++) /* the bias is the caller's */
        assert_int_equal(tile[pack.bias_at * 4 + i], 0);
    free(row);
    free(rows);
    free(again);
    free(tile);
}

static void test_round_trip(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 3, 0);
    for (enum quant type = 0; type < QUANT_COUNT; type++) {
        const uint32_t unit = quant_block_elements(type);
        const uint32_t step = unit == 1 ? 4 : unit;
        for (uint32_t i = 1; i <= 21; i++)
            round_trip(type, i * step, &rng);
    }
}

/* Field edits in the packed form are edits of that field alone. */
static void test_fields(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 4, 0);
    for (enum quant type = 0; type < QUANT_COUNT; type++) {
        const uint32_t width = 768;
        const struct vk_pack pack = vk_pack_layout(type, width, false);
        const size_t row_bytes = quant_row_bytes(type, width);
        uint32_t *tile = calloc(pack.size, 16);
        uint8_t row[4 * 768], out[4 * 768];
        assert_non_null(tile);
        fill(&rng, row, row_bytes);
        for (uint32_t i = 0; i < 200; i++) {
            const enum quant_field field = (enum quant_field)rng_below(&rng, QUANT_FIELD_COUNT);
            const uint32_t k = (uint32_t)rng_below(&rng, width);
            if (quant_field_width(type, field) == 0)
                continue;
            quant_field_write(type, row, k, field, rng_u32(&rng));
            vk_pack_row(&pack, tile, i % TILE_ROWS, row);
            vk_pack_unpack(&pack, tile, i % TILE_ROWS, out);
            assert_memory_equal(row, out, row_bytes);
        }
        free(tile);
    }
}

static void test_slots(void **state)
{
    (void)state;
    for (uint32_t blocks = 1; blocks < 200; blocks++) {
        bool used[200] = {false};
        for (uint32_t b = 0; b < blocks; b++) {
            const uint32_t slot = vk_pack_slot(blocks, b);
            assert_true(slot < blocks && !used[slot]);
            used[slot] = true;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
