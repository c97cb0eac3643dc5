/* SPDX-License-Identifier: MIT */
/* What an open GGUF file consists of; seen only by the gguf*.c files. */
#ifndef VKFI_MODEL_GGUF_IMPL_H
#define VKFI_MODEL_GGUF_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/status.h"
#include "model/gguf.h"

/* Ids of the format's value types: GGUF specification, gguf_metadata_value_type; name, id, bytes.
 */
#define GGUF_TYPES(X)                                                                              \
    X(UINT8, 0, 1, "uint8")                                                                        \
    X(INT8, 1, 1, "int8")                                                                          \
    X(UINT16, 2, 2, "uint16")                                                                      \
    X(INT16, 3, 2, "int16")                                                                        \
    X(UINT32, 4, 4, "uint32")                                                                      \
    X(INT32, 5, 4, "int32")                                                                        \
    X(FLOAT32, 6, 4, "float32")                                                                    \
    X(BOOL, 7, 1, "bool")                                                                          \
    X(TEXT, 8, 0, "string")                                                                        \
    X(ARRAY, 9, 0, "array")                                                                        \
    X(UINT64, 10, 8, "uint64")                                                                     \
    X(INT64, 11, 8, "int64")                                                                       \
    X(FLOAT64, 12, 8, "float64")

enum gguf_type {
#define GGUF_ENUM(name, id, bytes, text) GGUF_##name = (id),
    GGUF_TYPES(GGUF_ENUM)
#undef GGUF_ENUM
        GGUF_TYPE_COUNT
};

/* Longest name shown in a message, for the conversion "%.*s". */
#define GGUF_SHOWN 100

struct gguf_value {
    const char *key;
    enum gguf_type type, item; /* item: of an array's elements; else equal to type */
    uint64_t count;            /* elements of an array; else 1 */
    const uint8_t *raw;        /* first number in the file, not aligned; null for text */
    const char **text; /* (count) for TEXT and arrays of it; a single one ends with a null */
    uint32_t *len;     /* (count) */
    float *floats;     /* (count) once asked for, else null */
    int32_t *ints;     /* (count) once asked for, else null */
};

/* The part of an open file that grows when arrays are converted. */
struct gguf_store {
    struct arena arena;
    struct gguf_value *value;   /* (value_count), in file order */
    struct gguf_value **by_key; /* (value_count), sorted */
    struct tensor *tensor;      /* (tensor_count), in file order */
    struct tensor **by_name;    /* (tensor_count), sorted */
};

struct gguf {
    const char *path;
    struct file_map map;
    bool mapped; /* false: `map` views memory of the caller */
    uint64_t value_count, tensor_count;
    uint64_t data_begin; /* offset of the tensor data */
    struct gguf_store *store;
};

const char *gguf_type_name(enum gguf_type type);
uint32_t gguf_type_bytes(enum gguf_type type); /* 0 for TEXT and ARRAY */

/* Parses and checks gguf->map into the rest of `gguf`. */
enum status gguf_read(struct gguf *gguf) STATUS_MUST_USE;

/* Checks the tensors' data ranges against the file and against each other, and places them. */
enum status gguf_layout(struct gguf *gguf, uint64_t info_end) STATUS_MUST_USE;

/* Null if the key is absent. */
struct gguf_value *gguf_value(const struct gguf *gguf, const char *key);

#endif
