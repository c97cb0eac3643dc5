/* SPDX-License-Identifier: MIT */
/* Packs GGUF rows into tiles, field by field, and back. */
#include "vk/vk_pack.h"

#include <string.h>

#include "shared/order.h"
#include "shared/push.h"

#define PACK_NEG_ZERO_16 0x8000u
#define PACK_QUAD_BYTES 16u

/* How the fields of a type are kept. */
struct form {
    uint8_t code_bits; /* 4: nibbles; 5, 6: nibbles and high bits; 8: bytes; 16, 32: numbers */
    uint8_t offset;    /* subtracted from a code by its decoder */
    bool min;          /* has m (no super-blocks) */
    bool super;        /* d, perhaps dmin, per 256 elements, sub-scales per block */
};

static struct form form_of(enum quant type)
{
    static const struct form forms[QUANT_COUNT] = {
        [QUANT_F32] = {32, 0, false, false},  [QUANT_F16] = {16, 0, false, false},
        [QUANT_BF16] = {16, 0, false, false}, [QUANT_Q4_0] = {4, 8, false, false},
        [QUANT_Q4_1] = {4, 0, true, false},   [QUANT_Q5_0] = {5, 16, false, false},
        [QUANT_Q5_1] = {5, 0, true, false},   [QUANT_Q8_0] = {8, 0, false, false},
        [QUANT_Q4_K] = {4, 0, false, true},   [QUANT_Q5_K] = {5, 0, false, true},
        [QUANT_Q6_K] = {6, 32, false, true},
    };
    return forms[type];
}

struct vk_pack vk_pack_layout(enum quant type, uint32_t width, bool bias)
{
    const struct form form = form_of(type);
    const uint32_t blocks = order_ceil(width, NM_BLOCK);
    struct vk_pack pack = {.type = type, .width = width, .blocks = blocks};
    uint32_t meta = 0;

    pack.codes = form.code_bits < 8 ? 1 : form.code_bits / 4;
    pack.high = form.code_bits == 5 ? 1 : form.code_bits == 6 ? 2 : 0;
    pack.high_at = blocks * pack.codes * TILE_ROWS;
    pack.meta_at = pack.high_at + blocks * pack.high * TILE_LANES;
    if (form.code_bits <= 8)
        meta = form.min ? blocks : order_ceil(blocks, 2);
    pack.super_at = pack.meta_at + meta * TILE_LANES;
    pack.size = pack.super_at + (form.super ? blocks / 8 * TILE_LANES : 0);
    pack.bias_at = bias ? pack.size : 0;
    pack.size += bias ? TILE_LANES : 0;
    return pack;
}

uint32_t vk_pack_slot(uint32_t blocks, uint32_t b)
{
    uint32_t slot = b / NM_PARTIALS;

    for (uint32_t i = 0; order_partial(i) != b % NM_PARTIALS; i++)
        slot += (blocks + NM_PARTIALS - 1 - order_partial(i)) / NM_PARTIALS;
    return slot;
}

/* First word of quad q of the codes of row r in a slot. */
static uint32_t code_word(const struct vk_pack *pack, uint32_t slot, uint32_t q, uint32_t r)
{
    return (((slot * pack->codes + q) * 4 + r % 4) * TILE_LANES + r / 4) * 4;
}

static uint32_t high_word(const struct vk_pack *pack, uint32_t slot, uint32_t i, uint32_t r)
{
    return pack->high_at * 4 + (slot * pack->high + i) * TILE_ROWS + r;
}

/* Word of meta, and the bit in it where the row's half starts. */
static uint32_t meta_word(const struct vk_pack *pack, uint32_t slot, uint32_t r, uint32_t *shift)
{
    const bool whole = form_of(pack->type).min;

    *shift = whole ? 0 : slot % 2 * 16;
    return pack->meta_at * 4 + (whole ? slot : slot / 2) * TILE_ROWS + r;
}

static uint32_t super_word(const struct vk_pack *pack, uint32_t b, uint32_t r)
{
    return pack->super_at * 4 + b / 8 * TILE_ROWS + r;
}

static void put(uint32_t *word, uint32_t shift, uint32_t bits, uint32_t value)
{
    const uint32_t mask = bits == 32 ? UINT32_MAX : (1u << bits) - 1;
    *word = (*word & ~(mask << shift)) | (value & mask) << shift;
}

static uint32_t get(uint32_t word, uint32_t shift, uint32_t bits)
{
    return word >> shift & (bits == 32 ? UINT32_MAX : (1u << bits) - 1);
}

/* Where the parts of element k of a block (its low bits, its high bits) lie in the code quads. */
struct place {
    uint32_t word, shift, bits;
};

static struct place low_place(const struct vk_pack *pack, uint32_t slot, uint32_t k, uint32_t r)
{
    switch (form_of(pack->type).code_bits) {
    case 32:
        return (struct place){code_word(pack, slot, k / 4, r) + k % 4, 0, 32};
    case 16:
        return (struct place){code_word(pack, slot, k / 8, r) + k / 2 % 4, k % 2 * 16, 16};
    case 8:
        return (struct place){code_word(pack, slot, k / 16, r) + k / 4 % 4, k % 4 * 8, 8};
    default:
        return (struct place){code_word(pack, slot, 0, r) + k / 4 % 4, k % 4 * 8 + k / 16 * 4, 4};
    }
}

static struct place high_place(const struct vk_pack *pack, uint32_t slot, uint32_t k, uint32_t r)
{
    const uint32_t step = k / 4, c = k % 4;

    if (pack->high == 1)
        return (struct place){high_word(pack, slot, 0, r), 8 * c + step, 1};
    return (struct place){high_word(pack, slot, step / 4, r), 8 * c + step % 4 * 2, 2};
}

static uint32_t load32(const uint8_t *bytes)
{
    uint32_t word;

    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* A GGUF block of 32 elements starts with d and perhaps m and ends with its codes as the tile has
 * them: moved as words. */
static void pack_simple(const struct vk_pack *pack, uint32_t *tile, uint32_t r, uint32_t slot,
                        const uint8_t *block)
{
    const struct form form = form_of(pack->type);
    const uint8_t *codes =
        block + quant_block_bytes(pack->type) - (size_t)pack->codes * PACK_QUAD_BYTES;
    uint32_t shift, scales = 0, *meta = &tile[meta_word(pack, slot, r, &shift)];

    memcpy(&scales, block, form.min ? 4 : 2);
    put(meta, shift, form.min ? 32 : 16, scales);
    for (uint32_t q = 0; q < pack->codes; q++)
        memcpy(&tile[code_word(pack, slot, q, r)], codes + (size_t)q * PACK_QUAD_BYTES,
               PACK_QUAD_BYTES);
    if (pack->high == 0)
        return;
    uint32_t bits, word = 0;
    memcpy(&bits, codes - 4, sizeof(bits));
    for (uint32_t k = 0; k < NM_BLOCK; k++)
        word |= (bits >> k & 1) << (k % 4 * 8 + k / 4);
    tile[high_word(pack, slot, 0, r)] = word;
}

/* A block: its index and its slot. */
struct at {
    uint32_t b, slot;
};

/* Codes of a block of a K type: GGUF keeps those of two blocks in the halves of shared bytes, and
 * further bits of several blocks in one byte. */
static void pack_k(const struct vk_pack *pack, uint32_t *tile, uint32_t r, struct at at,
                   const uint8_t *super_block)
{
    const bool q6 = pack->type == QUANT_Q6_K;
    const uint32_t sub = at.b % 8, bits = pack->high, mask = ((1u << bits) - 1) * 0x01010101u;
    const uint8_t *codes =
        super_block + (q6 ? sub / 4 * 64 + sub % 2 * 32 : (pack->high ? 48 : 16) + sub / 2 * 32);
    const uint8_t *high = super_block + (q6 ? 128 + sub / 4 * 32 : 16);
    const uint32_t shift = q6 ? sub % 4 / 2 * 4 : sub % 2 * 4, high_shift = q6 ? sub % 4 * 2 : sub;
    uint32_t *to = &tile[code_word(pack, at.slot, 0, r)];

    for (uint32_t i = 0; i < 4; i++)
        to[i] = (load32(codes + 4 * (size_t)i) >> shift & 0x0f0f0f0f) |
                (load32(codes + 16 + 4 * (size_t)i) >> shift & 0x0f0f0f0f) << 4;
    for (uint32_t i = 0; i < pack->high; i++) {
        uint32_t word = 0;
        for (uint32_t s = 0; s < 8 / bits; s++)
            word |= (load32(high + 4 * (size_t)(i * 8 / bits + s)) >> high_shift & mask)
                    << (s * bits);
        tile[high_word(pack, at.slot, i, r)] = word;
    }
}

/* Sub-scale and sub-min of a block of Q4_K or Q5_K, 6 bits each in 12 bytes; sc, mn << 8. */
static uint32_t sub_scales(const uint8_t *packed, uint32_t sub)
{
    const uint8_t *q = packed + sub % 4;

    if (sub < 4)
        return (q[0] & 63u) | (q[4] & 63u) << 8;
    return (q[8] & 15u) | (uint32_t)(q[0] >> 6) << 4 |
           ((uint32_t)(q[8] >> 4) | (uint32_t)(q[4] >> 6) << 4) << 8;
}

/* Sub-scales of a block, and the scales of its super-block. */
static void pack_scales(const struct vk_pack *pack, uint32_t *tile, uint32_t r, struct at at,
                        const uint8_t *super_block)
{
    const bool q6 = pack->type == QUANT_Q6_K;
    const uint32_t sub = at.b % 8;
    uint32_t shift, d = 0, *meta = &tile[meta_word(pack, at.slot, r, &shift)];

    memcpy(&d, super_block + (q6 ? 208 : 0), q6 ? 2 : 4);
    tile[super_word(pack, at.b, r)] = d;
    put(meta, shift, 16,
        q6 ? super_block[192 + 2 * sub] | (uint32_t)super_block[193 + 2 * sub] << 8
           : sub_scales(super_block + 4, sub));
}

/* A block of numbers, padded with -0.0. */
static void pack_numbers(const struct vk_pack *pack, uint32_t *tile, uint32_t r, struct at at,
                         const uint8_t *row)
{
    const bool halves = pack->codes == 4;
    const uint32_t left = pack->width - at.b * NM_BLOCK, size = halves ? 2 : 4;
    uint32_t words[NM_BLOCK];

    for (uint32_t i = 0; i < NM_BLOCK; i++)
        words[i] = halves ? PACK_NEG_ZERO_16 * 0x10001u : NM_NEG_ZERO_BITS;
    memcpy(words, row + (size_t)at.b * NM_BLOCK * size, (left < NM_BLOCK ? left : NM_BLOCK) * size);
    for (uint32_t q = 0; q < pack->codes; q++)
        memcpy(&tile[code_word(pack, at.slot, q, r)], words + 4 * (size_t)q, PACK_QUAD_BYTES);
}

void vk_pack_row(const struct vk_pack *pack, uint32_t *tile, uint32_t r, const uint8_t *row)
{
    const uint32_t elements = quant_block_elements(pack->type);
    const size_t bytes = quant_block_bytes(pack->type);
    struct at at = {0};

    for (uint32_t i = 0; i < NM_PARTIALS; i++) {
        for (at.b = order_partial(i); at.b < pack->blocks; at.b += NM_PARTIALS, at.slot++) {
            if (elements == 1) {
                pack_numbers(pack, tile, r, at, row);
            } else if (elements == NM_BLOCK) {
                pack_simple(pack, tile, r, at.slot, row + at.b * bytes);
            } else {
                pack_k(pack, tile, r, at, row + at.b / 8 * bytes);
                pack_scales(pack, tile, r, at, row + at.b / 8 * bytes);
            }
        }
    }
}

static void unpack_scales(const struct vk_pack *pack, const uint32_t *tile, uint32_t r, uint32_t b,
                          uint8_t *row)
{
    const struct form form = form_of(pack->type);
    const enum quant type = pack->type;
    const uint32_t k = b * NM_BLOCK;
    uint32_t shift;
    const uint32_t meta = tile[meta_word(pack, vk_pack_slot(pack->blocks, b), r, &shift)];

    if (!form.super) {
        quant_field_write(type, row, k, QUANT_FIELD_SCALE, get(meta, shift, 16));
        if (form.min)
            quant_field_write(type, row, k, QUANT_FIELD_MIN, get(meta, 16, 16));
        return;
    }
    const bool halves = type == QUANT_Q6_K;
    const uint32_t super = tile[super_word(pack, b, r)];
    quant_field_write(type, row, k, QUANT_FIELD_SUBSCALE, get(meta, shift, 8));
    quant_field_write(type, row, halves ? k + 16 : k,
                      halves ? QUANT_FIELD_SUBSCALE : QUANT_FIELD_SUBMIN, get(meta, shift + 8, 8));
    quant_field_write(type, row, k, QUANT_FIELD_SCALE, get(super, 0, 16));
    if (!halves)
        quant_field_write(type, row, k, QUANT_FIELD_MIN, get(super, 16, 16));
}

void vk_pack_unpack(const struct vk_pack *pack, const uint32_t *tile, uint32_t r, uint8_t *row)
{
    for (uint32_t b = 0; b < pack->blocks; b++) {
        const uint32_t slot = vk_pack_slot(pack->blocks, b);
        for (uint32_t i = 0; i < NM_BLOCK && b * NM_BLOCK + i < pack->width; i++) {
            const struct place low = low_place(pack, slot, i, r);
            uint32_t code = get(tile[low.word], low.shift, low.bits);
            if (pack->high != 0) {
                const struct place high = high_place(pack, slot, i, r);
                code |= get(tile[high.word], high.shift, high.bits) << 4;
            }
            quant_field_write(pack->type, row, (uint64_t)b * NM_BLOCK + i, QUANT_FIELD_CODE, code);
        }
        if (form_of(pack->type).code_bits <= 8)
            unpack_scales(pack, tile, r, b, row);
    }
}
