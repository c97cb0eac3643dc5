/* SPDX-License-Identifier: MIT */
/* A GGUF file (version 3) put together in memory: metadata and tensors in the order of the calls.
 */
#ifndef VKFI_MODEL_GGUF_WRITE_H
#define VKFI_MODEL_GGUF_WRITE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"
#include "base/text.h"
#include "model/quant.h"

/* All zeros is empty. The first failure is kept and returned by gguf_write_end. */
struct gguf_write {
    struct text keys, tensors, data; /* the parts of the file */
    uint64_t n_keys, n_tensors;
};

void gguf_write_text(struct gguf_write *w, const char *key, const char *value);
void gguf_write_uint(struct gguf_write *w, const char *key, uint32_t value);
void gguf_write_float(struct gguf_write *w, const char *key, float value);
void gguf_write_bool(struct gguf_write *w, const char *key, bool value);
void gguf_write_texts(struct gguf_write *w, const char *key, const char *const *value, uint64_t n);
void gguf_write_ints(struct gguf_write *w, const char *key, const int32_t *value, uint64_t n);

/* Begins a tensor of `rows` rows of `width` elements; rows 0: one dimension. Its blocks, row after
 * row, are then added to w->data by the caller, before the next call. */
struct gguf_write_shape {
    enum quant type;
    uint32_t width, rows;
};
void gguf_write_tensor(struct gguf_write *w, const char *name,
                       const struct gguf_write_shape *shape);

/* Writes the file. STATUS_IO, logged with `name`, if not all of it was written. */
enum status gguf_write_end(struct gguf_write *w, FILE *file, const char *name) STATUS_MUST_USE;
void gguf_write_finish(struct gguf_write *w);

#endif
