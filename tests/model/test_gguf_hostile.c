/* SPDX-License-Identifier: MIT */
/* The GGUF reader against broken files: its one line for each fault, truncations, mutations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../fuzz/fuzz_gguf.c"
#include "../fuzz/fuzz_mutate.h"
#include "base/rng.h"
#include "gguf_builder.h"

#define MUTATIONS 25000

static void expect_line(enum status st, const char *const *words, size_t count)
{
    assert_int_equal(st, STATUS_INPUT);
    for (size_t i = 0; i < count && words[i]; i++) {
        if (!strstr(log_last_error(), words[i]))
            fail_msg("'%s' is not in: %s", words[i], log_last_error());
    }
}

static const uint64_t dims_64_3[4] = {64, 3, 1, 1};

static void bad_magic(struct builder *b)
{
    builder_finish(b);
    b->file.data[0] = 'X';
}

static void bad_version_1(struct builder *b)
{
    b->version = 1;
}

static void bad_version_4(struct builder *b)
{
    b->version = 4;
}

static void bad_big_endian(struct builder *b)
{
    b->version = 0x03000000;
}

static void bad_key_count(struct builder *b)
{
    b->n_keys = UINT64_C(1) << 60;
}

static void bad_tensor_count(struct builder *b)
{
    b->n_tensors = UINT64_MAX;
}

static void bad_key_length(struct builder *b)
{
    builder_put_u64(&b->keys, UINT64_MAX - 3);
    b->n_keys++;
}

static void bad_key_empty(struct builder *b)
{
    builder_key_u32(b, "", 1);
}

static void bad_key_null(struct builder *b)
{
    builder_key_u32(b, "x.null", 1);
    b->keys.data[b->keys.size - 10] = 0;
}

static void bad_value_type(struct builder *b)
{
    builder_key(b, "x.type", 13);
    builder_put_u64(&b->keys, 0);
}

static void bad_nested(struct builder *b)
{
    builder_key_array(b, "x.nested", 9, 1);
    builder_put_u64(&b->keys, 0);
    builder_put_u64(&b->keys, 0);
}

static void bad_array_count(struct builder *b)
{
    builder_key_array(b, "x.array", 10, (UINT64_C(1) << 61) + 1);
}

static void bad_text_count(struct builder *b)
{
    builder_key_array(b, "x.texts", 8, UINT64_C(1) << 62);
}

static void bad_text_length(struct builder *b)
{
    builder_key_array(b, "x.texts", 8, 2);
    builder_put_text(&b->keys, "fine");
    builder_put_u64(&b->keys, 1 << 20);
}

static void bad_bool(struct builder *b)
{
    builder_key_bool(b, "x.bool", 2);
}

static void bad_twice_key(struct builder *b)
{
    builder_key_u32(b, "general.name", 1);
}

static void bad_twice_tensor(struct builder *b)
{
    builder_tensor(b, "a", QUANT_F32, 5, 0);
}

static void bad_tensor_name(struct builder *b)
{
    char name[300];
    memset(name, 'n', sizeof(name));
    name[256] = 0;
    builder_tensor(b, name, QUANT_F32, 5, 0);
}

static void bad_no_dims(struct builder *b)
{
    builder_info(b, "x", &(struct builder_shape){0, 0, dims_64_3, 0});
}

static void bad_five_dims(struct builder *b)
{
    builder_info(b, "x", &(struct builder_shape){0, 5, (const uint64_t[]){1, 1, 1, 1, 1}, 0});
}

static void bad_zero_dim(struct builder *b)
{
    builder_info(b, "x", &(struct builder_shape){0, 2, (const uint64_t[]){64, 0}, 0});
}

static void bad_product(struct builder *b)
{
    builder_info(b, "x",
                 &(struct builder_shape){0, 3, (const uint64_t[]){1u << 31, 1u << 31, 16}, 0});
}

static void bad_width(struct builder *b)
{
    builder_info(b, "x", &(struct builder_shape){3, 2, (const uint64_t[]){48, 2}, 0});
}

static void bad_type(struct builder *b)
{
    builder_info(b, "x", &(struct builder_shape){16, 2, dims_64_3, 0});
}

static void bad_offset(struct builder *b)
{
    builder_info(b, "x", &(struct builder_shape){0, 2, dims_64_3, 40});
}

static void bad_end(struct builder *b)
{
    builder_info(b, "x", &(struct builder_shape){0, 2, dims_64_3, 32768});
}

static void bad_far(struct builder *b)
{
    builder_info(b, "x", &(struct builder_shape){0, 2, dims_64_3, UINT64_MAX - 31});
}

static void bad_overlap(struct builder *b)
{
    builder_info(b, "x", &(struct builder_shape){3, 1, dims_64_3, 64});
}

static void bad_alignment_3(struct builder *b)
{
    builder_key_u32(b, "general.alignment", 24);
}

static void bad_alignment_0(struct builder *b)
{
    builder_key_u32(b, "general.alignment", 0);
}

static void bad_alignment_big(struct builder *b)
{
    builder_key_u32(b, "general.alignment", 1 << 17);
}

static void bad_alignment_text(struct builder *b)
{
    builder_key_text(b, "general.alignment", "32");
}

static void test_bad_files(void **state)
{
    static const struct {
        void (*spoil)(struct builder *b);
        const char *words[4];
    } cases[] = {
        {bad_magic, {"58 47 55 46", "'GGUF'"}},
        {bad_version_1, {"version 1", "2 or 3"}},
        {bad_version_4, {"version 4"}},
        {bad_big_endian, {"big-endian GGUF version 3"}},
        {bad_key_count, {"1152921504606846976 keys"}},
        {bad_tensor_count, {"18446744073709551615 tensors"}},
        {bad_key_length, {"key number 9", "18446744073709551612"}},
        {bad_key_empty, {"key number 9", "found nothing"}},
        {bad_key_null, {"key number 9", "a null byte"}},
        {bad_value_type, {"key 'x.type'", "type 13"}},
        {bad_nested, {"key 'x.nested'", "array of arrays"}},
        {bad_array_count, {"key 'x.array'", "2305843009213693953"}},
        {bad_text_count, {"key 'x.texts'", "4611686018427387904"}},
        {bad_text_length, {"key 'x.texts'", "1048576 bytes"}},
        {bad_bool, {"key 'x.bool'", "found 2"}},
        {bad_twice_key, {"key 'general.name'", "twice"}},
        {bad_twice_tensor, {"tensor 'a'", "twice"}},
        {bad_tensor_name, {"tensor number 2", "256 bytes", "at most 255"}},
        {bad_no_dims, {"tensor 'x'", "found 0 dimensions"}},
        {bad_five_dims, {"tensor 'x'", "found 5 dimensions"}},
        {bad_zero_dim, {"tensor 'x'", "dimension 1 of 0"}},
        {bad_product, {"tensor 'x'", "2147483648 x 2147483648 x 16", "64 bits"}},
        {bad_width, {"tensor 'x'", "width of 48", "multiple of 32", "Q4_1"}},
        {bad_type, {"tensor 'x'", "found type IQ2_XXS (id 16)", "F32, F16", "IQ4_XS, BF16, MXFP4"}},
        {bad_offset, {"tensor 'x'", "offset 40", "alignment 32"}},
        {bad_end, {"tensor 'x'", "768 bytes of data at offset 32768"}},
        {bad_far, {"tensor 'x'", "offset 18446744073709551584"}},
        {bad_overlap, {"tensor 'x'", "tensor 'b'"}},
        {bad_alignment_3, {"'general.alignment'", "found 24", "power of two"}},
        {bad_alignment_0, {"'general.alignment'", "found 0"}},
        {bad_alignment_big, {"'general.alignment'", "found 131072", "65536"}},
        {bad_alignment_text, {"'general.alignment'", "found string"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct builder b;
        struct gguf *g;
        builder_init(&b);
        builder_example(&b);
        cases[i].spoil(&b);
        if (b.file.size == 0)
            builder_finish(&b);
        log_error("nothing");
        expect_line(gguf_open_memory(&g, b.file.data, b.file.size, "memory"), cases[i].words, 4);
        assert_null(g);
        assert_non_null(strstr(log_last_error(), "memory: "));
        assert_non_null(strstr(log_last_error(), "expected"));
        builder_free(&b);
    }
}

/* Cut anywhere, the file is refused. */
static void test_truncated(void **state)
{
    struct builder b;
    struct gguf *g;

    (void)state;
    builder_init(&b);
    builder_tiny(&b, "llama");
    for (size_t size = 0; size < b.file.size; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        assert_non_null(copy);
        memcpy(copy, b.file.data, size);
        log_error("nothing");
        assert_int_equal(gguf_open_memory(&g, copy, size, "memory"), STATUS_INPUT);
        assert_string_not_equal(log_last_error(), "nothing");
        free(copy);
    }
    builder_free(&b);
}

/* Overwrites some bytes: random ones, or whole words with values that sit on edges. */
static void mutate(struct rng *rng, uint8_t *data, size_t size, size_t head)
{
    static const uint64_t edges[] = {0,          1,           2,          9,
                                     31,         33,          0x7fffffff, 0x80000000,
                                     0xffffffff, 0x100000000, INT64_MAX,  UINT64_MAX - 31,
                                     UINT64_MAX};
    uint64_t times = 1 + rng_below(rng, 4);

    for (uint64_t i = 0; i < times; i++) {
        size_t bytes = (size_t)1 << rng_below(rng, 4);
        size_t at = (size_t)rng_below(rng, rng_below(rng, 8) == 0 ? size : head);
        uint64_t value =
            rng_below(rng, 2) ? rng_u64(rng) : edges[rng_below(rng, sizeof(edges) / 8)];
        if (bytes > size - at)
            bytes = size - at;
        memcpy(data + at, &value, bytes);
    }
}

static void test_mutations(void **state)
{
    static const char *const archs[] = {"llama", "qwen2", "gemma3", "falcon", "phi3", "gemma2"};
    struct rng rng;

    (void)state;
    rng_init(&rng, 20261122, 3);
    for (int a = 0; a < 6; a++) {
        struct builder b;
        size_t head;
        uint8_t *work;
        builder_init(&b);
        builder_tiny(&b, archs[a]);
        head = b.file.size - b.data.size;
        work = malloc(b.file.size);
        assert_non_null(work);
        for (int i = 0; i < MUTATIONS / 6 + 1; i++) {
            size_t size = b.file.size;
            memcpy(work, b.file.data, size);
            mutate(&rng, work, size, head);
            if (rng_below(&rng, 10) == 0)
                size = (size_t)rng_below(&rng, size);
            LLVMFuzzerTestOneInput(work, size);
        }
        free(work);
        builder_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test_setup_teardown(test_truncated, mute_setup, mute_teardown),
        cmocka_unit_test_setup_teardown(test_mutations, mute_setup, mute_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
