/* SPDX-License-Identifier: MIT */
/* Tables with a copy and a CRC: any one damaged bit of the three is put right, and said only if the
 * table itself was struck. */
#include "mitigations/own_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

enum { SIZE_MOST = 40 };

static void test_any_bit(void **state)
{
    uint8_t bytes[SIZE_MOST], kept[SIZE_MOST], copies[SIZE_MOST + 4];
    struct arena arena = {0};
    struct rng rng;
    (void)state;
    rng_init(&rng, 5, 0);
    for (size_t size = 0; size <= SIZE_MOST; size += size < 3 ? 1 : 37) {
        struct own_table table;
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)rng_u32(&rng);
        memcpy(kept, bytes, size);
        assert_int_equal(own_table_keep(&table, &arena, bytes, size), STATUS_OK);
        const struct protection_area area = own_table_copies(&table);
        assert_int_equal(area.size, size + 4);
        memcpy(copies, area.bytes, area.size);
        assert_false(own_table_mend(&table));
        for (size_t bit = 0; bit < 8 * (size + area.size); bit++) {
            const bool own = bit < 8 * size;
            uint8_t *byte = own ? &bytes[bit / 8] : &area.bytes[bit / 8 - size];
            *byte ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(own_table_mend(&table), own);
            assert_memory_equal(bytes, kept, size);
            assert_memory_equal(area.bytes, copies, area.size);
        }
    }
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_any_bit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
