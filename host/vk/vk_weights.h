/* SPDX-License-Identifier: MIT */
/* The model's weights on the device: packed once, in buffers no longer than one binding may see. */
#ifndef VKFI_VK_VK_WEIGHTS_H
#define VKFI_VK_VK_WEIGHTS_H

#include <stdint.h>

#include "base/status.h"
#include "gpu/buffer.h"
#include "model/executor.h"
#include "vk/vk_pack.h"

/* Consecutive tiles of a matrix in one slab. */
struct vk_part {
    uint32_t slab;
    uint32_t at;           /* first tile, quads */
    uint32_t tile0, tiles; /* of the matrix */
};

/* LINEAR nodes that read the same input, have the same type and follow each other are one matrix:
 * their rows in sequence, each node padded to a multiple of 32. */
struct vk_matrix {
    struct vk_pack pack;
    uint32_t rows;
    uint32_t n_parts;
    struct vk_part *parts; /* (n_parts) owned */
};

/* Where a tensor is. */
struct vk_weight {
    struct vk_matrix *matrix; /* rows of a matrix, or its biases; null: a vector of f32 */
    uint32_t row0;            /* first row in the matrix */
    uint32_t slab, at;        /* a vector: quads */
    bool is_bias;
};

/* The dispatch of a LINEAR node: several nodes share a matrix. */
struct vk_linear_plan {
    struct vk_matrix *matrix;
    uint32_t row0;
    uint32_t merged; /* nodes, with this one, that one dispatch computes; 0: an earlier one's */
};

struct vk_weights {
    struct gpu *gpu;
    const struct model *model;
    struct gpu_buffer **slabs; /* (n_slabs) owned */
    uint32_t n_slabs;
    uint64_t *slab_quads; /* (n_slabs) */
    struct vk_matrix *matrices;
    uint32_t n_matrices;
    struct vk_weight *weights;   /* (tensors) */
    struct vk_linear_plan *plan; /* (graph.count), of LINEAR nodes */
    bool separate;               /* each matrix alone */
    uint64_t bytes;
};

enum status vk_weights_init(struct vk_weights *out, struct gpu *gpu,
                            const struct executor_params *params) STATUS_MUST_USE;
void vk_weights_finish(struct vk_weights *weights);

/* The part that holds a tile of the matrix. */
const struct vk_part *vk_weights_part(const struct vk_matrix *matrix, uint32_t tile);

/* Where rows come from: the mapping, or with `room` (the longest row) the file. */
struct vk_row_source {
    const struct gguf *gguf;
    uint8_t *room;
    enum status st; /* out: of the reads */
};

/* Tiles of a matrix in host memory: words (n, 4 pack.size). */
struct vk_tiles {
    uint32_t *words;
    uint32_t first, n;
};

/* All tensors of a matrix, for a run of its tiles. */
void vk_weights_pack(const struct vk_weights *w, const struct vk_matrix *m,
                     struct vk_row_source *from, struct vk_tiles tiles);

/* Edits one stored field as it is on the device. No work is in flight. */
enum status vk_weights_edit(struct vk_weights *weights, const struct weight_site *site,
                            struct hook_data *data) STATUS_MUST_USE;

#endif
