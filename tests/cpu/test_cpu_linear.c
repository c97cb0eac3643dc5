/* SPDX-License-Identifier: MIT */
/* LINEAR and the packed weights: every form against the scalar one, every tensor type. */
#include "matrices.h"

static void run(const struct cpu_kernels *kernels, const struct cpu_linear *job, uint32_t rows)
{
    const uint32_t middle = rows / 32 * CPU_TILE;

    kernels->prepare(job);
    kernels->linear(job, 0, middle);
    kernels->linear(job, middle, rows);
}

static void compare(struct matrix *m, struct rng *rng, uint32_t n, enum forms_mood mood)
{
    const uint32_t width = (uint32_t)m->tensor.dim[0], rows = (uint32_t)m->tensor.dim[1];
    const size_t x_stride = width + 3, y_stride = rows + 5;
    struct cpu_scratch scratch = matrices_scratch_of(width);
    float *x = forms_memory(n, x_stride * sizeof(float));
    float *bias = forms_memory(rows, sizeof(float));
    float *expected = forms_memory(n, y_stride * sizeof(float));
    float *found = forms_memory(n, y_stride * sizeof(float));
    struct cpu_linear job = {.weight = &m->scalar,
                             .x = x,
                             .bias = n % 2 ? bias : NULL,
                             .y = expected,
                             .x_stride = x_stride,
                             .y_stride = y_stride,
                             .n = n,
                             .act = n % 3,
                             .scratch = &scratch};

    forms_fill(rng, mood, x, n * x_stride);
    forms_fill(rng, FORMS_TAME, bias, rows);
    run(&cpu_scalar_kernels, &job, rows);
    job.weight = &m->packed;
    job.y = found;
    FORMS_EACH(kernels)
    {
        char what[96];
        memset(found, 0x7f, n * y_stride * sizeof(float));
        run(kernels, &job, rows);
        snprintf(what, sizeof(what), "%s %s, %u x %u, %u columns, mood %d", kernels->name,
                 quant_name(m->tensor.type), width, rows, n, (int)mood);
        for (uint32_t j = 0; j < n; j++)
            forms_equal(found + j * y_stride, expected + j * y_stride, rows, what);
        assert_int_equal(lang_bits(found[rows]), 0x7f7f7f7f); /* nothing after the rows */
    }
    matrices_scratch_finish(&scratch);
    free(x);
    free(bias);
    free(expected);
    free(found);
}

static void test_forms_agree(void **state)
{
    (void)state;
    static const uint32_t rows[] = {1, 15, 16, 17, 48, 67};
    static const uint32_t columns[] = {1, 2, 3, 4, 5, 7, 8, 9, 13, 17};
    struct rng rng;

    rng_init(&rng, 11, 0);
    for (enum quant type = 0; type < QUANT_COUNT; type++) {
        const uint32_t unit = quant_block_elements(type);
        for (uint32_t i = 0; i < 60; i++) {
            const uint32_t blocks = 1 + rng_u32(&rng) % (unit == 1 ? 700 : 768 / unit);
            struct matrix m;
            matrices_init(&m, &rng, type, unit * blocks, rows[i % 6]);
            if (i % 3 != 2)
                matrices_tame(&m, &rng);
            matrices_pack(&m);
            compare(&m, &rng, columns[i % 10], (enum forms_mood)(i % FORMS_MOODS));
            matrices_finish(&m);
        }
    }
}

static void test_packing_is_a_bijection(void **state)
{
    (void)state;
    struct rng rng;

    rng_init(&rng, 12, 0);
    for (enum quant type = 0; type < QUANT_COUNT; type++) {
        const uint32_t unit = quant_block_elements(type), width = unit == 1 ? 45 : 3 * unit;
        const size_t row_bytes = quant_row_bytes(type, width);
        uint8_t *row = forms_memory(1, row_bytes);
        struct matrix m;
        matrices_init(&m, &rng, type, width, 37);
        matrices_pack(&m);
        assert_int_equal(m.packed.tile_bytes, CPU_TILE * row_bytes);
        for (uint32_t r = 0; r < 37; r++)
            assert_memory_equal(cpu_weight_row(&m.packed, r, row), m.tensor.data + r * row_bytes,
                                row_bytes);
        matrices_finish(&m);
        free(row);
    }
}

/* Every bit of every field of one row: the packed edit is the GGUF edit, and nothing else moves. */
static void test_edits_reach_packed_fields(void **state)
{
    (void)state;
    struct rng rng;

    rng_init(&rng, 13, 0);
    for (enum quant type = 0; type < QUANT_COUNT; type++) {
        const uint32_t unit = quant_block_elements(type), width = unit == 1 ? 33 : 2 * unit;
        const size_t row_bytes = quant_row_bytes(type, width);
        uint8_t *row = forms_memory(1, row_bytes), *expected = forms_memory(1, row_bytes);
        struct matrix m;
        matrices_init(&m, &rng, type, width, 20);
        matrices_pack(&m);
        for (enum quant_field field = 0; field < QUANT_FIELD_COUNT; field++) {
            for (uint32_t bit = 0; bit < quant_field_width(type, field); bit++) {
                const struct weight_site site = {
                    .tensor = &m.tensor, .row = 19, .k = rng_u32(&rng) % width, .field = field};
                struct hook_data data = {.mask = 1u << bit};
                memcpy(expected, m.tensor.data + 19 * row_bytes, row_bytes);
                const uint32_t before = quant_field_read(type, expected, site.k, field);
                quant_field_write(type, expected, site.k, field, before ^ 1u << bit);
                cpu_weight_edit(&m.packed, &site, &data, row);
                assert_int_equal(data.before, before);
                assert_int_equal(data.after, before ^ 1u << bit);
                assert_int_equal(data.count, 1);
                assert_memory_equal(cpu_weight_row(&m.packed, 19, row), expected, row_bytes);
                assert_memory_equal(cpu_weight_row(&m.packed, 18, row),
                                    m.tensor.data + 18 * row_bytes, row_bytes);
                cpu_weight_edit(&m.packed, &site, &data, row);
                assert_int_equal(data.after, before);
            }
        }
        matrices_finish(&m);
        free(row);
        free(expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_agree),
        cmocka_unit_test(test_packing_is_a_bijection),
        cmocka_unit_test(test_edits_reach_packed_fields),
    };
    return forms_run(tests, sizeof(tests) / sizeof(*tests));
}
