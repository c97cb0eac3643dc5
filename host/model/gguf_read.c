/* SPDX-License-Identifier: MIT */
/* Reads a GGUF file's header, keys and tensor descriptions, trusting none of its bytes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/gguf_impl.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "GGUF is read as little-endian");

#define GGUF_HEADER_BYTES 24
#define GGUF_VALUE_BYTES_MIN 14  /* one-byte key, one-byte value */
#define GGUF_TENSOR_BYTES_MIN 33 /* one-byte name, one dimension */
#define GGUF_COUNT_MAX (UINT64_C(1) << 20)
#define GGUF_KEY_MAX 65535 /* GGUF specification */
#define GGUF_NAME_MAX 255  /* the specification says 64; some writers go beyond */

/* A position in the file, and what is read there, for messages. */
struct cursor {
    struct gguf *gguf;
    uint64_t at;
    char what[GGUF_SHOWN + 32];
};

const char *gguf_type_name(enum gguf_type type)
{
    static const char *const names[] = {
#define GGUF_ENTRY(name, id, bytes, text) [id] = text,
        GGUF_TYPES(GGUF_ENTRY)
#undef GGUF_ENTRY
    };
    return names[type];
}

uint32_t gguf_type_bytes(enum gguf_type type)
{
    static const uint8_t sizes[] = {
#define GGUF_ENTRY(name, id, bytes, text) [id] = bytes,
        GGUF_TYPES(GGUF_ENTRY)
#undef GGUF_ENTRY
    };
    return sizes[type];
}

static uint64_t left(const struct cursor *c)
{
    return c->gguf->map.size - c->at;
}

/* Copies the next n bytes to `out` (null: skips them). */
static enum status take(struct cursor *c, uint64_t n, void *out)
{
    if (n > left(c)) {
        log_error("%s: %s: found the end of the file at byte %zu, expected %" PRIu64
                  " bytes from byte %" PRIu64,
                  c->gguf->path, c->what, c->gguf->map.size, n, c->at);
        return STATUS_INPUT;
    }
    if (out)
        memcpy(out, c->gguf->map.data + c->at, (size_t)n);
    c->at += n;
    return STATUS_OK;
}

/* A length-prefixed string of at most `max` bytes, viewed in the file. */
static enum status take_text(struct cursor *c, uint64_t max, const char **out, uint32_t *out_len)
{
    uint64_t len;
    enum status st = take(c, sizeof(len), &len);

    if (st)
        return st;
    if (len > max || len > left(c)) {
        log_error("%s: %s: found a string of %" PRIu64 " bytes, expected at most %" PRIu64,
                  c->gguf->path, c->what, len, max < left(c) ? max : left(c));
        return STATUS_INPUT;
    }
    *out = (const char *)c->gguf->map.data + c->at;
    *out_len = (uint32_t)len;
    c->at += len;
    return STATUS_OK;
}

/* A key or a tensor's name: not empty, no inner null; copied and null-terminated. `kind` and
 * `index` name it until its own name is known. */
static enum status take_name(struct cursor *c, const char *kind, uint64_t index, const char **out)
{
    uint64_t max = strcmp(kind, "key") == 0 ? GGUF_KEY_MAX : GGUF_NAME_MAX;
    const char *text;
    uint32_t len;
    enum status st;

    snprintf(c->what, sizeof(c->what), "%s number %" PRIu64, kind, index);
    st = take_text(c, max, &text, &len);
    if (st)
        return st;
    if (len == 0 || memchr(text, 0, len)) {
        log_error("%s: %s: found %s as its name, expected text", c->gguf->path, c->what,
                  len == 0 ? "nothing" : "a null byte");
        return STATUS_INPUT;
    }
    *out = arena_text(&c->gguf->store->arena, text, len);
    if (!*out)
        return STATUS_MEMORY;
    snprintf(c->what, sizeof(c->what), "%s '%.*s'", kind, GGUF_SHOWN, *out);
    return STATUS_OK;
}

static enum status take_type(struct cursor *c, enum gguf_type *out)
{
    uint32_t id;
    enum status st = take(c, sizeof(id), &id);

    if (st)
        return st;
    if (id >= GGUF_TYPE_COUNT) {
        log_error("%s: %s: found value type %" PRIu32 ", expected 0 to %d", c->gguf->path, c->what,
                  id, GGUF_TYPE_COUNT - 1);
        return STATUS_INPUT;
    }
    *out = (enum gguf_type)id;
    return STATUS_OK;
}

/* `count` strings: views into the file, or for a single value a null-terminated copy. */
static enum status take_texts(struct cursor *c, struct gguf_value *v)
{
    struct arena *arena = &c->gguf->store->arena;
    enum status st = STATUS_OK;

    v->text = arena_array(arena, (size_t)v->count, sizeof(*v->text));
    v->len = arena_array(arena, (size_t)v->count, sizeof(*v->len));
    if (!v->text || !v->len)
        return STATUS_MEMORY;
    for (uint64_t i = 0; i < v->count && !st; i++)
        st = take_text(c, UINT32_MAX, &v->text[i], &v->len[i]);
    if (!st && v->type == GGUF_TEXT) {
        v->text[0] = arena_text(arena, v->text[0], v->len[0]);
        if (!v->text[0])
            st = STATUS_MEMORY;
    }
    return st;
}

static enum status take_numbers(struct cursor *c, struct gguf_value *v)
{
    v->raw = c->gguf->map.data + c->at;
    enum status st = take(c, v->count * gguf_type_bytes(v->item), NULL);
    if (st || v->item != GGUF_BOOL)
        return st;
    for (uint64_t i = 0; i < v->count; i++) {
        if (v->raw[i] > 1) {
            log_error("%s: %s: found %u as a bool, expected 0 or 1", c->gguf->path, c->what,
                      v->raw[i]);
            return STATUS_INPUT;
        }
    }
    return STATUS_OK;
}

static enum status take_array_head(struct cursor *c, struct gguf_value *v)
{
    enum status st = take_type(c, &v->item);
    uint64_t bytes;

    if (!st)
        st = take(c, sizeof(v->count), &v->count);
    if (st)
        return st;
    if (v->item == GGUF_ARRAY) {
        log_error("%s: %s: found an array of arrays, expected an array of numbers or strings",
                  c->gguf->path, c->what);
        return STATUS_INPUT;
    }
    bytes = v->item == GGUF_TEXT ? sizeof(uint64_t) : gguf_type_bytes(v->item);
    if (v->count > left(c) / bytes) {
        log_error("%s: %s: found an array of %" PRIu64 " elements, expected at most %" PRIu64
                  " (the rest of the file)",
                  c->gguf->path, c->what, v->count, left(c) / bytes);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

static enum status take_value(struct cursor *c, struct gguf_value *v)
{
    enum status st = take_type(c, &v->type);

    if (st)
        return st;
    v->item = v->type;
    v->count = 1;
    if (v->type == GGUF_ARRAY)
        st = take_array_head(c, v);
    if (st)
        return st;
    return v->item == GGUF_TEXT ? take_texts(c, v) : take_numbers(c, v);
}

/* All types that are read, ", " before each. */
#define TYPE_NAME(name, id, elements, bytes) ", " #name
static const char type_names[] = QUANT_TYPES(TYPE_NAME);
#undef TYPE_NAME

static enum status take_tensor(struct cursor *c, struct tensor *t)
{
    uint32_t id;
    enum status st = take(c, sizeof(t->n_dims), &t->n_dims);

    if (st)
        return st;
    if (t->n_dims < 1 || t->n_dims > 4) {
        log_error("%s: %s: found %" PRIu32 " dimensions, expected 1 to 4", c->gguf->path, c->what,
                  t->n_dims);
        return STATUS_INPUT;
    }
    for (uint32_t i = 0; i < 4; i++)
        t->dim[i] = 1;
    st = take(c, t->n_dims * sizeof(t->dim[0]), t->dim);
    if (!st)
        st = take(c, sizeof(id), &id);
    if (!st)
        st = take(c, sizeof(t->offset), &t->offset);
    if (!st && !quant_from_id(id, &t->type)) {
        const char *name = quant_id_name(id);
        log_error("%s: %s: found type %s (id %" PRIu32 "), expected one of %s", c->gguf->path,
                  c->what, name ? name : "without a name", id, type_names + 2);
        st = STATUS_INPUT;
    }
    return st;
}

static int order_keys(const void *a, const void *b)
{
    return strcmp((*(struct gguf_value *const *)a)->key, (*(struct gguf_value *const *)b)->key);
}

static int order_names(const void *a, const void *b)
{
    return strcmp((*(struct tensor *const *)a)->name, (*(struct tensor *const *)b)->name);
}

static enum status read_values(struct cursor *c)
{
    struct gguf *g = c->gguf;
    struct gguf_store *s = g->store;
    size_t count = (size_t)g->value_count;

    s->value = arena_array(&s->arena, count, sizeof(*s->value));
    s->by_key = arena_array(&s->arena, count, sizeof(*s->by_key));
    if (!s->value || !s->by_key)
        return STATUS_MEMORY;
    for (size_t i = 0; i < count; i++) {
        enum status st = take_name(c, "key", i, &s->value[i].key);
        if (!st)
            st = take_value(c, &s->value[i]);
        if (st)
            return st;
        s->by_key[i] = &s->value[i];
    }
    qsort(s->by_key, count, sizeof(*s->by_key), order_keys);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(s->by_key[i - 1]->key, s->by_key[i]->key) == 0) {
            log_error("%s: key '%.*s': found twice, expected once", g->path, GGUF_SHOWN,
                      s->by_key[i]->key);
            return STATUS_INPUT;
        }
    }
    return STATUS_OK;
}

static enum status read_tensors(struct cursor *c)
{
    struct gguf *g = c->gguf;
    struct gguf_store *s = g->store;
    size_t count = (size_t)g->tensor_count;

    s->tensor = arena_array(&s->arena, count, sizeof(*s->tensor));
    s->by_name = arena_array(&s->arena, count, sizeof(*s->by_name));
    if (!s->tensor || !s->by_name)
        return STATUS_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct tensor *t = &s->tensor[i];
        enum status st = take_name(c, "tensor", i, &t->name);
        if (!st)
            st = take_tensor(c, t);
        if (st)
            return st;
        t->index = (uint32_t)i;
        s->by_name[i] = t;
    }
    qsort(s->by_name, count, sizeof(*s->by_name), order_names);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(s->by_name[i - 1]->name, s->by_name[i]->name) == 0) {
            log_error("%s: tensor '%s': found twice, expected once", g->path, s->by_name[i]->name);
            return STATUS_INPUT;
        }
    }
    return STATUS_OK;
}

static enum status check_count(const struct cursor *c, const char *kind, uint64_t found,
                               uint64_t bytes_each)
{
    uint64_t most = left(c) / bytes_each;

    if (most > GGUF_COUNT_MAX)
        most = GGUF_COUNT_MAX;
    if (found <= most)
        return STATUS_OK;
    log_error("%s: header: found a count of %" PRIu64 " %s, expected at most %" PRIu64
              " in a file of %zu bytes",
              c->gguf->path, found, kind, most, c->gguf->map.size);
    return STATUS_INPUT;
}

static enum status read_header(struct cursor *c)
{
    struct gguf *g = c->gguf;
    const uint8_t *data = g->map.data;
    uint32_t version;
    enum status st;

    if (g->map.size < GGUF_HEADER_BYTES) {
        log_error("%s: found %zu bytes, expected a GGUF file (at least %d)", g->path, g->map.size,
                  GGUF_HEADER_BYTES);
        return STATUS_INPUT;
    }
    if (memcmp(data, "GGUF", 4) != 0) {
        log_error("%s: found the first bytes %02x %02x %02x %02x, expected 'GGUF'", g->path,
                  data[0], data[1], data[2], data[3]);
        return STATUS_INPUT;
    }
    memcpy(&version, data + 4, sizeof(version));
    if (version != 2 && version != 3) {
        uint32_t swapped = __builtin_bswap32(version);
        log_error("%s: found %s GGUF version %" PRIu32 ", expected little-endian version 2 or 3",
                  g->path, swapped < version ? "big-endian" : "little-endian",
                  swapped < version ? swapped : version);
        return STATUS_INPUT;
    }
    memcpy(&g->tensor_count, data + 8, sizeof(g->tensor_count));
    memcpy(&g->value_count, data + 16, sizeof(g->value_count));
    c->at = GGUF_HEADER_BYTES;
    st = check_count(c, "keys", g->value_count, GGUF_VALUE_BYTES_MIN);
    if (!st)
        st = check_count(c, "tensors", g->tensor_count, GGUF_TENSOR_BYTES_MIN);
    return st;
}

enum status gguf_read(struct gguf *gguf)
{
    struct cursor c = {.gguf = gguf};
    enum status st = read_header(&c);

    if (!st)
        st = read_values(&c);
    if (!st)
        st = read_tensors(&c);
    return st ? st : gguf_layout(gguf, c.at);
}
