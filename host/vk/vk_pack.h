/* SPDX-License-Identifier: MIT */
/* Weights in the device's layout (shaders/shared/weights.glsl): rows in and out of tiles. */
#ifndef VKFI_VK_VK_PACK_H
#define VKFI_VK_VK_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "model/quant.h"

/* Planes of a tile of 32 rows; positions and sizes in quads (16 bytes). */
struct vk_pack {
    enum quant type;
    uint32_t width, blocks; /* blocks of 32 elements per row, the last perhaps partial */
    uint32_t code_bits;     /* 2, 3: words; 4: nibbles; 5, 6: both; 8: bytes; else numbers */
    bool min, super; /* m beside d; d, perhaps dmin, per 256 elements, sub-scales per block */
    uint32_t codes;  /* quads of codes per row and block; 0: all bits are in `high` */
    uint32_t high;   /* words of further code bits per row and block */
    uint32_t high_at, meta_at, super_at;
    uint32_t bias_at; /* 0: no bias */
    uint32_t size;    /* of the tile */
};

struct vk_pack vk_pack_layout(enum quant type, uint32_t width, bool bias);

/* Where a row keeps block b: 0 .. blocks - 1. */
uint32_t vk_pack_slot(uint32_t blocks, uint32_t b);

/* One row in GGUF bytes into row `r` (0 .. 31) of a tile: words (4 size). Unused bits of the tile
 * must be zero before the first row. */
void vk_pack_row(const struct vk_pack *pack, uint32_t *tile, uint32_t r, const uint8_t *row);

/* The exact inverse: all bytes of the row. */
void vk_pack_unpack(const struct vk_pack *pack, const uint32_t *tile, uint32_t r, uint8_t *row);

#endif
