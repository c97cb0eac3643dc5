/* SPDX-License-Identifier: MIT */
/* A GGUF file's metadata by key, as the types the rest of the program uses. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/gguf_impl.h"

/* One stored number: an integer (sign and magnitude) or a real. */
struct number {
    bool real, negative;
    uint64_t magnitude; /* of an integer */
    double value;       /* of either */
};

static int match_key(const void *key, const void *slot)
{
    return strcmp(key, (*(struct gguf_value *const *)slot)->key);
}

struct gguf_value *gguf_value(const struct gguf *gguf, const char *key)
{
    struct gguf_value **slot = NULL;

    if (gguf->value_count > 0)
        slot = bsearch(key, gguf->store->by_key, (size_t)gguf->value_count,
                       sizeof(struct gguf_value *), match_key);
    return slot ? *slot : NULL;
}

bool gguf_has(const struct gguf *gguf, const char *key)
{
    return gguf_value(gguf, key) != NULL;
}

uint64_t gguf_key_count(const struct gguf *gguf)
{
    return gguf->value_count;
}

const char *gguf_key(const struct gguf *gguf, uint64_t i)
{
    return gguf->store->value[i].key;
}

static enum status wrong_type(const struct gguf *gguf, const struct gguf_value *v,
                              const char *expected)
{
    bool array = v->type == GGUF_ARRAY;

    log_error("%s: key '%.*s': found %s%s, expected %s", gguf->path, GGUF_SHOWN, v->key,
              array ? "array of " : "", gguf_type_name(v->item), expected);
    return STATUS_INPUT;
}

static enum status find(const struct gguf *gguf, const char *key, const char *expected,
                        struct gguf_value **out)
{
    *out = gguf_value(gguf, key);
    if (*out)
        return STATUS_OK;
    log_error("%s: key '%.*s': found nothing, expected %s", gguf->path, GGUF_SHOWN, key, expected);
    return STATUS_INPUT;
}

static struct number from_signed(int64_t i)
{
    uint64_t magnitude = i < 0 ? -(uint64_t)i : (uint64_t)i;
    return (struct number){.negative = i < 0, .magnitude = magnitude, .value = (double)i};
}

static struct number from_unsigned(uint64_t u)
{
    return (struct number){.magnitude = u, .value = (double)u};
}

static struct number from_real(double d)
{
    return (struct number){.real = true, .value = d};
}

/* Element i of a value whose items are numbers. */
static struct number read_number(const struct gguf_value *v, uint64_t i)
{
    uint32_t bytes = gguf_type_bytes(v->item);
    union {
        uint8_t u8;
        int8_t i8;
        uint16_t u16;
        int16_t i16;
        uint32_t u32;
        int32_t i32;
        uint64_t u64;
        int64_t i64;
        float f32;
        double f64;
    } x;

    memcpy(&x, v->raw + i * bytes, bytes);
    switch (v->item) {
    case GGUF_INT8:
        return from_signed(x.i8);
    case GGUF_INT16:
        return from_signed(x.i16);
    case GGUF_INT32:
        return from_signed(x.i32);
    case GGUF_INT64:
        return from_signed(x.i64);
    case GGUF_UINT16:
        return from_unsigned(x.u16);
    case GGUF_UINT32:
        return from_unsigned(x.u32);
    case GGUF_UINT64:
        return from_unsigned(x.u64);
    case GGUF_FLOAT32:
        return from_real((double)x.f32);
    case GGUF_FLOAT64:
        return from_real(x.f64);
    default: /* UINT8, BOOL */
        return from_unsigned(x.u8);
    }
}

bool gguf_is_number(const struct gguf *gguf, const char *key, double value)
{
    const struct gguf_value *v = gguf_value(gguf, key);

    if (!v || v->item == GGUF_TEXT)
        return false;
    for (uint64_t i = 0; i < v->count; i++) {
        if (!(read_number(v, i).value == value))
            return false;
    }
    return true;
}

bool gguf_is_text(const struct gguf *gguf, const char *key, const char *value)
{
    const struct gguf_value *v = gguf_value(gguf, key);

    return v && v->type == GGUF_TEXT && v->len[0] == strlen(value) &&
           memcmp(v->text[0], value, v->len[0]) == 0;
}

const char *gguf_text_of(char out[GGUF_TEXT_OF], const struct gguf *gguf, const char *key)
{
    const struct gguf_value *v = gguf_value(gguf, key);

    if (!v)
        snprintf(out, GGUF_TEXT_OF, "nothing");
    else if (v->type == GGUF_ARRAY)
        snprintf(out, GGUF_TEXT_OF, "an array of %" PRIu64 " %s", v->count,
                 gguf_type_name(v->item));
    else if (v->type == GGUF_TEXT)
        snprintf(out, GGUF_TEXT_OF, "'%.40s'", v->text[0]);
    else if (v->type == GGUF_BOOL)
        snprintf(out, GGUF_TEXT_OF, "%s", v->raw[0] ? "true" : "false");
    else
        snprintf(out, GGUF_TEXT_OF, "%g", read_number(v, 0).value);
    return out;
}

static bool is_real(enum gguf_type type)
{
    return type == GGUF_FLOAT32 || type == GGUF_FLOAT64;
}

enum status gguf_uint(const struct gguf *gguf, const char *key, uint64_t max, uint64_t *out)
{
    struct gguf_value *v;
    struct number n;
    enum status st = find(gguf, key, "an integer", &v);

    if (st)
        return st;
    if (v->type == GGUF_ARRAY || v->type == GGUF_TEXT || v->type == GGUF_BOOL || is_real(v->type))
        return wrong_type(gguf, v, "an integer");
    n = read_number(v, 0);
    if (n.negative || n.magnitude > max) {
        log_error("%s: key '%s': found %s%" PRIu64 ", expected 0 to %" PRIu64, gguf->path, key,
                  n.negative ? "-" : "", n.magnitude, max);
        return STATUS_INPUT;
    }
    *out = n.magnitude;
    return STATUS_OK;
}

enum status gguf_float(const struct gguf *gguf, const char *key, double *out)
{
    struct gguf_value *v;
    enum status st = find(gguf, key, "a float", &v);

    if (st)
        return st;
    if (!is_real(v->type))
        return wrong_type(gguf, v, "a float");
    *out = read_number(v, 0).value;
    return STATUS_OK;
}

enum status gguf_bool(const struct gguf *gguf, const char *key, bool *out)
{
    struct gguf_value *v;
    enum status st = find(gguf, key, "a bool", &v);

    if (st)
        return st;
    if (v->type != GGUF_BOOL)
        return wrong_type(gguf, v, "a bool");
    *out = v->raw[0] != 0;
    return STATUS_OK;
}

enum status gguf_text(const struct gguf *gguf, const char *key, const char **out, size_t *out_len)
{
    struct gguf_value *v;
    enum status st = find(gguf, key, "a string", &v);

    if (st)
        return st;
    if (v->type != GGUF_TEXT)
        return wrong_type(gguf, v, "a string");
    *out = v->text[0];
    *out_len = v->len[0];
    return STATUS_OK;
}

enum status gguf_texts(const struct gguf *gguf, const char *key, struct gguf_texts *out)
{
    struct gguf_value *v;
    enum status st = find(gguf, key, "an array of strings", &v);

    if (st)
        return st;
    if (v->type != GGUF_ARRAY || v->item != GGUF_TEXT)
        return wrong_type(gguf, v, "an array of strings");
    *out = (struct gguf_texts){.count = v->count, .text = v->text, .len = v->len};
    return STATUS_OK;
}

static enum status find_numbers(const struct gguf *gguf, const char *key, struct gguf_value **out)
{
    enum status st = find(gguf, key, "an array of numbers", out);

    if (st)
        return st;
    if ((*out)->type != GGUF_ARRAY || (*out)->item == GGUF_TEXT)
        return wrong_type(gguf, *out, "an array of numbers");
    return STATUS_OK;
}

enum status gguf_floats(const struct gguf *gguf, const char *key, const float **out,
                        uint64_t *out_count)
{
    struct gguf_value *v;
    enum status st = find_numbers(gguf, key, &v);

    if (st)
        return st;
    if (!v->floats) {
        float *floats = arena_array(&gguf->store->arena, (size_t)v->count, sizeof(*floats));
        if (!floats)
            return STATUS_MEMORY;
        for (uint64_t i = 0; i < v->count; i++)
            floats[i] = (float)read_number(v, i).value;
        v->floats = floats;
    }
    *out = v->floats;
    *out_count = v->count;
    return STATUS_OK;
}

/* False if the number is no integer or out of range. */
static bool to_int32(struct number n, int32_t *out)
{
    if (!(n.value >= INT32_MIN && n.value <= INT32_MAX))
        return false;
    *out = (int32_t)n.value;
    return (double)*out == n.value;
}

enum status gguf_ints(const struct gguf *gguf, const char *key, const int32_t **out,
                      uint64_t *out_count)
{
    struct gguf_value *v;
    enum status st = find_numbers(gguf, key, &v);

    if (st)
        return st;
    if (!v->ints) {
        int32_t *ints = arena_array(&gguf->store->arena, (size_t)v->count, sizeof(*ints));
        if (!ints)
            return STATUS_MEMORY;
        for (uint64_t i = 0; i < v->count; i++) {
            struct number n = read_number(v, i);
            if (!to_int32(n, &ints[i])) {
                log_error("%s: key '%s': found %g at index %" PRIu64
                          ", expected an integer of 32 bits",
                          gguf->path, key, n.value, i);
                return STATUS_INPUT;
            }
        }
        v->ints = ints;
    }
    *out = v->ints;
    *out_count = v->count;
    return STATUS_OK;
}
