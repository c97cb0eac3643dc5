/* SPDX-License-Identifier: MIT */
/* The layout of a GGUF file, little-endian as the machines that run this program. */
#include "model/gguf_write.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

#define ALIGNMENT 32

/* GGUF's numbers of value types. */
enum {
    TYPE_UINT32 = 4,
    TYPE_INT32 = 5,
    TYPE_FLOAT32 = 6,
    TYPE_BOOL = 7,
    TYPE_TEXT = 8,
    TYPE_ARRAY = 9
};

static void put_u32(struct text *out, uint32_t value)
{
    text_add(out, (const char *)&value, sizeof(value));
}

static void put_u64(struct text *out, uint64_t value)
{
    text_add(out, (const char *)&value, sizeof(value));
}

static void put_text(struct text *out, const char *value)
{
    const size_t n = strlen(value);
    put_u64(out, n);
    text_add(out, value, n);
}

static void align(struct text *out)
{
    static const char zeros[ALIGNMENT];
    text_add(out, zeros, (ALIGNMENT - out->size % ALIGNMENT) % ALIGNMENT);
}

static void begin_key(struct gguf_write *w, const char *key, uint32_t type)
{
    put_text(&w->keys, key);
    put_u32(&w->keys, type);
    w->n_keys++;
}

void gguf_write_text(struct gguf_write *w, const char *key, const char *value)
{
    begin_key(w, key, TYPE_TEXT);
    put_text(&w->keys, value);
}

void gguf_write_uint(struct gguf_write *w, const char *key, uint32_t value)
{
    begin_key(w, key, TYPE_UINT32);
    put_u32(&w->keys, value);
}

void gguf_write_float(struct gguf_write *w, const char *key, float value)
{
    begin_key(w, key, TYPE_FLOAT32);
    text_add(&w->keys, (const char *)&value, sizeof(value));
}

void gguf_write_bool(struct gguf_write *w, const char *key, bool value)
{
    begin_key(w, key, TYPE_BOOL);
    text_add(&w->keys, value ? "\1" : "\0", 1);
}

static void begin_array(struct gguf_write *w, const char *key, uint32_t type, uint64_t n)
{
    begin_key(w, key, TYPE_ARRAY);
    put_u32(&w->keys, type);
    put_u64(&w->keys, n);
}

void gguf_write_texts(struct gguf_write *w, const char *key, const char *const *value, uint64_t n)
{
    begin_array(w, key, TYPE_TEXT, n);
    for (uint64_t i = 0; i < n; i++)
        put_text(&w->keys, value[i]);
}

void gguf_write_ints(struct gguf_write *w, const char *key, const int32_t *value, uint64_t n)
{
    begin_array(w, key, TYPE_INT32, n);
    text_add(&w->keys, (const char *)value, n * sizeof(*value));
}

void gguf_write_tensor(struct gguf_write *w, const char *name, const struct gguf_write_shape *shape)
{
    align(&w->data);
    put_text(&w->tensors, name);
    put_u32(&w->tensors, shape->rows > 0 ? 2 : 1);
    put_u64(&w->tensors, shape->width);
    if (shape->rows > 0)
        put_u64(&w->tensors, shape->rows);
    put_u32(&w->tensors, quant_id(shape->type));
    put_u64(&w->tensors, w->data.size);
    w->n_tensors++;
}

static bool put(FILE *file, const struct text *part)
{
    return part->size == 0 || fwrite(part->data, 1, part->size, file) == part->size;
}

enum status gguf_write_end(struct gguf_write *w, FILE *file, const char *name)
{
    struct text head = {0}, gap = {0};
    text_put(&head, "GGUF");
    put_u32(&head, 3);
    put_u64(&head, w->n_tensors);
    put_u64(&head, w->n_keys);
    const size_t before = head.size + w->keys.size + w->tensors.size;
    for (size_t at = before; at % ALIGNMENT != 0; at++)
        text_add(&gap, "", 1);
    align(&w->data);
    enum status st = w->keys.st ? w->keys.st : w->tensors.st;
    st = st ? st : w->data.st;
    st = st ? st : head.st;
    st = st ? st : gap.st;
    if (!st && !(put(file, &head) && put(file, &w->keys) && put(file, &w->tensors) &&
                 put(file, &gap) && put(file, &w->data) && fflush(file) == 0)) {
        log_error("%s: not all of the model could be written: %s", name, strerror(errno));
        st = STATUS_IO;
    }
    text_finish(&head);
    text_finish(&gap);
    return st;
}

void gguf_write_finish(struct gguf_write *w)
{
    text_finish(&w->keys);
    text_finish(&w->tensors);
    text_finish(&w->data);
    *w = (struct gguf_write){0};
}
