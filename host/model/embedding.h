/* SPDX-License-Identifier: MIT */
/* What the embedding of a token must be: the sums of its row, made from the model file. */
#ifndef VKFI_MODEL_EMBEDDING_H
#define VKFI_MODEL_EMBEDDING_H

#include <stdint.h>

#include "base/status.h"
#include "model/executor.h"

/* Index of the node that looks rows up. */
uint32_t embedding_node(const struct executor *ex);

/* The words of a GUARD_STORED at that node for a column of this token: weighted and mixed sum of
 * the halves of its row, which is read from the file and not from the mapping. `token` is below
 * n_vocab. */
enum status embedding_sums(const struct executor *ex, uint32_t token,
                           uint32_t out[2]) STATUS_MUST_USE;

#endif
