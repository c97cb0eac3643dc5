/* SPDX-License-Identifier: MIT */
/* The GGUF reader on good files: tensors, metadata, the private mapping, many keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/log.h"
#include "gguf_builder.h"
#include "model/gguf.h"

static void check_example(const struct gguf *g)
{
    const struct tensor *t = gguf_tensor(g, "b");
    struct gguf_texts words;
    const int32_t *ints;
    const float *floats;
    const char *text;
    uint64_t n;
    size_t len;
    double real;
    bool yes = false;

    assert_int_equal(gguf_tensor_count(g), 2);
    assert_non_null(t);
    assert_int_equal(t->type, QUANT_Q4_1);
    assert_int_equal(t->dim[0], 64);
    assert_int_equal(t->dim[1], 3);
    assert_int_equal(t->dim[2], 1);
    assert_int_equal(t->size, 3 * 2 * 20);
    assert_int_equal(t->data[1], 1);
    assert_int_equal(t->offset % 32, 0);
    assert_null(gguf_tensor(g, "c"));
    assert_int_equal(gguf_text(g, "general.name", &text, &len), STATUS_OK);
    assert_string_equal(text, "example");
    assert_int_equal(gguf_ints(g, "test.numbers", &ints, &n), STATUS_OK);
    assert_int_equal(n, 3);
    assert_int_equal(ints[1], -8);
    assert_int_equal(gguf_floats(g, "test.numbers", &floats, &n), STATUS_OK);
    assert_true(floats[1] == -8.0f);
    assert_int_equal(gguf_ints(g, "test.reals", &ints, &n), STATUS_OK);
    assert_int_equal(ints[0], 3);
    assert_int_equal(gguf_texts(g, "test.words", &words), STATUS_OK);
    assert_int_equal(words.count, 2);
    assert_int_equal(words.len[0], 3);
    assert_memory_equal(words.text[0], "one", 3);
    assert_int_equal(words.len[1], 0);
    assert_int_equal(gguf_bool(g, "test.yes", &yes), STATUS_OK);
    assert_true(yes);
    assert_int_equal(gguf_float(g, "test.real", &real), STATUS_OK);
    assert_true(real == 0.5);
    assert_int_equal(gguf_uint(g, "test.large", UINT64_MAX, &n), STATUS_OK);
    assert_true(n == UINT64_MAX);
}

static void test_versions(void **state)
{
    (void)state;
    for (uint32_t version = 2; version <= 3; version++) {
        struct builder b;
        struct gguf *g;
        builder_init(&b);
        b.version = version;
        builder_example(&b);
        builder_finish(&b);
        assert_int_equal(gguf_open_memory(&g, b.file.data, b.file.size, "memory"), STATUS_OK);
        check_example(g);
        gguf_close(&g);
        assert_null(g);
        builder_free(&b);
    }
}

/* The file on disk stays as it is when a tensor is written. */
static void test_private_mapping(void **state)
{
    char path[] = "/tmp/test_gguf_XXXXXX";
    int fd = mkstemp(path);
    struct builder b;
    struct gguf *g;
    uint8_t byte;
    uint64_t offset;

    (void)state;
    builder_init(&b);
    builder_example(&b);
    builder_finish(&b);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, b.file.data, b.file.size), (ssize_t)b.file.size);
    assert_int_equal(gguf_open(&g, path), STATUS_OK);
    assert_string_equal(gguf_path(g), path);
    check_example(g);
    offset = gguf_tensor(g, "a")->offset;
    gguf_tensor(g, "a")->data[2] = 0xaa;
    gguf_release(g);
    assert_int_equal(gguf_tensor(g, "a")->data[2], 0xaa);
    assert_int_equal(gguf_tensor(g, "b")->data[1], 1);
    assert_int_equal(pread(fd, &byte, 1, (off_t)offset + 2), 1);
    assert_int_equal(byte, 2);
    gguf_close(&g);
    close(fd);
    unlink(path);
    assert_int_equal(gguf_open(&g, path), STATUS_IO);
    assert_null(g);
    builder_free(&b);
}

static void expect_line(enum status st, const char *const *words, size_t count)
{
    assert_int_equal(st, STATUS_INPUT);
    for (size_t i = 0; i < count && words[i]; i++) {
        if (!strstr(log_last_error(), words[i]))
            fail_msg("'%s' is not in: %s", words[i], log_last_error());
    }
}

static void test_getter_errors(void **state)
{
    struct builder b;
    struct gguf *g;
    const char *text;
    const int32_t *ints;
    const float *floats;
    struct gguf_texts texts;
    double real;
    bool flag;
    uint64_t n;
    size_t len;

    (void)state;
    builder_init(&b);
    builder_example(&b);
    builder_key_array(&b, "test.wide", 10, 1);
    builder_put_u64(&b.keys, UINT64_C(1) << 40);
    builder_key_array(&b, "test.broken", 6, 1);
    builder_put(&b.keys, "\0\0\x20\x40", 4); /* 2.5 */
    builder_finish(&b);
    assert_int_equal(gguf_open_memory(&g, b.file.data, b.file.size, "memory"), STATUS_OK);
#define EXPECT(call, ...) expect_line(call, (const char *const[]){__VA_ARGS__, NULL}, 8)
    EXPECT(gguf_uint(g, "absent", 1, &n), "memory", "'absent'", "found nothing");
    EXPECT(gguf_uint(g, "test.large", 10, &n), "'test.large'", "18446744073709551615", "to 10");
    EXPECT(gguf_uint(g, "test.small", 10, &n), "'test.small'", "found -2");
    EXPECT(gguf_uint(g, "test.real", 10, &n), "'test.real'", "found float32", "an integer");
    EXPECT(gguf_uint(g, "test.words", 10, &n), "found array of string");
    EXPECT(gguf_float(g, "test.yes", &real), "found bool", "a float");
    EXPECT(gguf_bool(g, "test.small", &flag), "found int8", "a bool");
    EXPECT(gguf_text(g, "test.words", &text, &len), "found array of string", "a string");
    EXPECT(gguf_texts(g, "test.numbers", &texts), "found array of int32", "array of strings");
    EXPECT(gguf_ints(g, "test.words", &ints, &n), "found array of string", "array of numbers");
    EXPECT(gguf_floats(g, "general.name", &floats, &n), "found string", "array of numbers");
    EXPECT(gguf_ints(g, "test.wide", &ints, &n), "'test.wide'", "index 0", "32 bits");
    EXPECT(gguf_ints(g, "test.broken", &ints, &n), "'test.broken'", "found 2.5");
#undef EXPECT
    gguf_close(&g);
    builder_free(&b);
}

/* Alignments other than the default are kept to. */
static void test_alignment(void **state)
{
    (void)state;
    for (uint32_t alignment = 8; alignment <= 65536; alignment *= 8) {
        struct builder b;
        struct gguf *g;
        builder_init(&b);
        builder_key_u32(&b, "general.alignment", alignment);
        b.alignment = alignment;
        builder_example(&b);
        builder_finish(&b);
        assert_int_equal(gguf_open_memory(&g, b.file.data, b.file.size, "memory"), STATUS_OK);
        assert_int_equal(gguf_tensor(g, "b")->offset % alignment, 0);
        assert_int_equal(gguf_tensor(g, "b")->data[28], 28);
        gguf_close(&g);
        builder_free(&b);
    }
}

/* 10^5 keys and tensors: quadratic look-ups would take minutes. */
static void test_many(void **state)
{
    struct builder b;
    struct gguf *g;
    char name[32];
    uint64_t value;

    (void)state;
    builder_init(&b);
    for (uint32_t i = 0; i < 100000; i++) {
        snprintf(name, sizeof(name), "key.%u", i * 7919 % 100000);
        builder_key_u32(&b, name, i);
        snprintf(name, sizeof(name), "tensor.%u", i * 7919 % 100000);
        builder_tensor(&b, name, QUANT_F16, 1, 0);
    }
    builder_finish(&b);
    assert_int_equal(gguf_open_memory(&g, b.file.data, b.file.size, "memory"), STATUS_OK);
    for (uint32_t i = 0; i < 100000; i++) {
        snprintf(name, sizeof(name), "key.%u", i * 7919 % 100000);
        assert_int_equal(gguf_uint(g, name, UINT32_MAX, &value), STATUS_OK);
        assert_int_equal(value, i);
        snprintf(name, sizeof(name), "tensor.%u", i * 7919 % 100000);
        assert_int_equal(gguf_tensor(g, name)->index, i);
    }
    gguf_close(&g);
    builder_free(&b);
}

/* A type that this program has not is refused by its name, one that the format has not by its
 * number. */
static void test_types_by_name(void **state)
{
    static const struct {
        uint32_t id;
        const char *name;
    } some[] = {{4, "Q4_2"},     {16, "IQ2_XXS"},        {19, "IQ1_S"},
                {18, "IQ3_XXS"}, {21, "IQ3_S"},          {26, "I32"},
                {28, "F64"},     {29, "IQ1_M"},          {31, "Q4_0_4_4"},
                {34, "TQ1_0"},   {38, "IQ4_NL_8_8"},     {40, "NVFP4"},
                {42, "Q2_0"},    {43, "without a name"}, {UINT32_MAX, "without a name"}};
    static const uint64_t dims[2] = {256, 1};

    (void)state;
    for (uint32_t id = 0; id < 64; id++) {
        enum quant type;
        if (quant_from_id(id, &type))
            assert_string_equal(quant_id_name(id), quant_name(type));
        else
            assert_true(id < 43 ? quant_id_name(id) != NULL : quant_id_name(id) == NULL);
    }
    for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
        struct builder b;
        struct gguf *g;
        char expected[64];
        builder_init(&b);
        builder_info(&b, "x", &(struct builder_shape){some[i].id, 2, dims, 0});
        builder_finish(&b);
        assert_int_equal(gguf_open_memory(&g, b.file.data, b.file.size, "memory"), STATUS_INPUT);
        snprintf(expected, sizeof(expected), "found type %s (id %u)", some[i].name, some[i].id);
        assert_non_null(strstr(log_last_error(), expected));
        builder_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_by_name),   cmocka_unit_test(test_versions),
        cmocka_unit_test(test_private_mapping), cmocka_unit_test(test_getter_errors),
        cmocka_unit_test(test_alignment),       cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
