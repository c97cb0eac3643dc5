/* SPDX-License-Identifier: MIT */
/* A GGUF file (version 2 or 3), mapped and checked: metadata by key, tensors by name. */
#ifndef VKFI_MODEL_GGUF_H
#define VKFI_MODEL_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "model/quant.h"

struct tensor {
    const char *name;
    enum quant type;
    uint32_t n_dims;
    uint64_t dim[4]; /* GGUF order: dim[0] = width (fastest), dim[1] = rows; absent ones 1 */
    uint64_t offset; /* of the data in the file */
    uint64_t size;   /* bytes */
    uint8_t *data;   /* in the private mapping: writing changes this process only */
    uint32_t index;  /* in gguf_tensors */
};

struct gguf;

/* Nothing in the file is trusted: every count, length, offset, type and product is checked, and a
 * failure is one line with the key or tensor, what was found and what was expected (STATUS_INPUT).
 */
enum status gguf_open(struct gguf **out, const char *path) STATUS_MUST_USE;

/* The same for a file already in memory; `data` must outlive it, `name` stands for the path. */
enum status gguf_open_memory(struct gguf **out, uint8_t *data, size_t size,
                             const char *name) STATUS_MUST_USE;
void gguf_close(struct gguf **gguf);

const char *gguf_path(const struct gguf *gguf);

/* 1 + the descriptor by which gguf_stored reads the file, which must stay open; 0: none. */
int gguf_file(const struct gguf *gguf);
uint64_t gguf_tensor_count(const struct gguf *gguf);
const struct tensor *gguf_tensors(const struct gguf *gguf);
const struct tensor *gguf_tensor(const struct gguf *gguf, const char *name); /* null if absent */

/* A tensor that is several: rows of a matrix, or elements of a vector, one after the other. */
enum { GGUF_PART_NAME = 48, GGUF_PARTS = 3 };
struct gguf_part {
    char name[GGUF_PART_NAME];
    uint64_t rows;
};
struct gguf_split {
    char name[GGUF_PART_NAME];
    struct gguf_part part[GGUF_PARTS];
    uint32_t parts;
};

/* Puts the parts of each such tensor that the file has in its place, over the same bytes; indices
 * and pointers of tensors are others afterwards. STATUS_INPUT: its rows are not those of the parts,
 * or the file has a tensor of a part's name. */
enum status gguf_split(struct gguf *gguf, const struct gguf_split *splits,
                       size_t n) STATUS_MUST_USE;

/* Makes a tensor of three dimensions one of two, with the rows of all matrices in turn. */
void gguf_flatten(struct gguf *gguf, const struct tensor *tensor);

/* Bytes of a tensor as they are in the file, whatever was written to its data since; of a file
 * opened from memory, as they are there. */
enum status gguf_stored(const struct gguf *gguf, const struct tensor *tensor, uint64_t offset,
                        void *out, size_t size) STATUS_MUST_USE;

/* Hint that the file's pages, tensors and metadata, are not needed for now (they come back when
 * touched). */
void gguf_release(const struct gguf *gguf);

/* Metadata. Each getter returns STATUS_INPUT (logged with the key) when the key is absent or of
 * another type or out of range; gguf_has tells beforehand whether a key exists. */
bool gguf_has(const struct gguf *gguf, const char *key);
enum status gguf_uint(const struct gguf *gguf, const char *key, uint64_t max, uint64_t *out)
    STATUS_MUST_USE; /* any integer type, not negative, at most max */
enum status gguf_float(const struct gguf *gguf, const char *key, double *out) STATUS_MUST_USE;
enum status gguf_bool(const struct gguf *gguf, const char *key, bool *out) STATUS_MUST_USE;
enum status gguf_text(const struct gguf *gguf, const char *key, const char **out, size_t *out_len)
    STATUS_MUST_USE; /* null-terminated copy; may hold inner nulls, hence the length */

/* Keys in the order of the file. */
uint64_t gguf_key_count(const struct gguf *gguf);
const char *gguf_key(const struct gguf *gguf, uint64_t i);

/* True if the key holds this number (or bool as 0 or 1) or text, or an array of nothing else. */
bool gguf_is_number(const struct gguf *gguf, const char *key, double value);
bool gguf_is_text(const struct gguf *gguf, const char *key, const char *value);

/* The value as a message shows it: `4`, `'yarn'`, `true`, `an array of 3 float32`. Returns out. */
enum { GGUF_TEXT_OF = 64 };
const char *gguf_text_of(char out[GGUF_TEXT_OF], const struct gguf *gguf, const char *key);

/* Arrays: a view into the file. */
struct gguf_texts {
    uint64_t count;
    const char **text;   /* (count), not null-terminated */
    const uint32_t *len; /* (count) */
};
enum status gguf_texts(const struct gguf *gguf, const char *key,
                       struct gguf_texts *out) STATUS_MUST_USE;
/* Numbers of any integer, float or bool type, converted; owned by the gguf. */
enum status gguf_floats(const struct gguf *gguf, const char *key, const float **out,
                        uint64_t *out_count) STATUS_MUST_USE;
enum status gguf_ints(const struct gguf *gguf, const char *key, const int32_t **out,
                      uint64_t *out_count) STATUS_MUST_USE;

#endif
