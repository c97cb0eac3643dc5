/* SPDX-License-Identifier: MIT */
/* Files put together in memory are read back as they were meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/gguf.h"
#include "model/gguf_write.h"

/* The file as bytes; owned by the caller. */
static uint8_t *finish(struct gguf_write *w, size_t *out_size)
{
    char *bytes = NULL;
    FILE *file = open_memstream(&bytes, out_size);
    assert_non_null(file);
    assert_int_equal(gguf_write_end(w, file, "a file"), STATUS_OK);
    assert_int_equal(fclose(file), 0);
    gguf_write_finish(w);
    return (uint8_t *)bytes;
}

static void put_tensor(struct gguf_write *w, const char *name, const struct gguf_write_shape *shape)
{
    const size_t size =
        quant_row_bytes(shape->type, shape->width) * (shape->rows > 0 ? shape->rows : 1);
    gguf_write_tensor(w, name, shape);
    for (size_t i = 0; i < size; i++)
        text_add(&w->data, &(char){(char)(i + strlen(name))}, 1);
}

static void test_keys(void **state)
{
    (void)state;
    static const char *const words[] = {"one", "", "three"};
    static const int32_t numbers[] = {-1, 0, 70000};
    struct gguf_write w = {0};
    struct gguf *g = NULL;
    struct gguf_texts texts;
    const int32_t *ints;
    const char *text;
    uint64_t number, count;
    double real;
    bool flag = false;
    size_t size, length;
    gguf_write_text(&w, "a.text", "some words");
    gguf_write_uint(&w, "a.uint", UINT32_MAX);
    gguf_write_float(&w, "a.float", 0.5f);
    gguf_write_bool(&w, "a.bool", true);
    gguf_write_texts(&w, "a.texts", words, 3);
    gguf_write_ints(&w, "a.ints", numbers, 3);
    uint8_t *bytes = finish(&w, &size);
    assert_int_equal(gguf_open_memory(&g, bytes, size, "a file"), STATUS_OK);
    assert_int_equal(gguf_key_count(g), 6);
    assert_int_equal(gguf_text(g, "a.text", &text, &length), STATUS_OK);
    assert_string_equal(text, "some words");
    assert_int_equal(gguf_uint(g, "a.uint", UINT32_MAX, &number), STATUS_OK);
    assert_int_equal(number, UINT32_MAX);
    assert_int_equal(gguf_float(g, "a.float", &real), STATUS_OK);
    assert_true(real == 0.5);
    assert_int_equal(gguf_bool(g, "a.bool", &flag), STATUS_OK);
    assert_true(flag);
    assert_int_equal(gguf_texts(g, "a.texts", &texts), STATUS_OK);
    assert_int_equal(texts.count, 3);
    assert_int_equal(texts.len[1], 0);
    assert_memory_equal(texts.text[2], "three", 5);
    assert_int_equal(gguf_ints(g, "a.ints", &ints, &count), STATUS_OK);
    assert_int_equal(count, 3);
    assert_memory_equal(ints, numbers, sizeof(numbers));
    gguf_close(&g);
    free(bytes);
}

/* Every type, rows of one and more blocks, after keys of every length: all places are aligned. */
static void test_tensors(void **state)
{
    (void)state;
    for (uint32_t key = 1; key < 40; key++) {
        char name[64] = {0};
        struct gguf_write w = {0};
        struct gguf *g = NULL;
        size_t size;
        memset(name, 'k', key);
        gguf_write_uint(&w, name, key);
        for (enum quant type = 0; type < QUANT_COUNT; type++) {
            const uint32_t width = quant_block_elements(type) * (1 + key % 3);
            snprintf(name, sizeof(name), "matrix%d", (int)type);
            put_tensor(&w, name, &(struct gguf_write_shape){type, width, 1 + key % 5});
            snprintf(name, sizeof(name), "vector%d", (int)type);
            put_tensor(&w, name, &(struct gguf_write_shape){type, width, 0});
        }
        uint8_t *bytes = finish(&w, &size);
        assert_int_equal(gguf_open_memory(&g, bytes, size, "a file"), STATUS_OK);
        assert_int_equal(gguf_tensor_count(g), 2 * QUANT_COUNT);
        for (uint64_t i = 0; i < 2 * QUANT_COUNT; i++) {
            const struct tensor *t = &gguf_tensors(g)[i];
            assert_int_equal(t->type, i / 2);
            assert_int_equal(t->n_dims, i % 2 ? 1 : 2);
            assert_int_equal(t->dim[0], quant_block_elements(t->type) * (1 + key % 3));
            assert_int_equal(t->dim[1], i % 2 ? 1 : 1 + key % 5);
            for (uint64_t at = 0; at < t->size; at++)
                assert_int_equal(t->data[at], (uint8_t)(at + strlen(t->name)));
        }
        gguf_close(&g);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_tensors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
