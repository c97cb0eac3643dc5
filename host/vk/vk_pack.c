/* SPDX-License-Identifier: MIT */
/* Packs GGUF rows into tiles, field by field, and back. */
#include "vk/vk_pack.h"

#include <string.h>

#include "model/quant_layout.h"
#include "shared/order.h"
#include "shared/push.h"

#define PACK_NEG_ZERO_16 0x8000u
#define PACK_QUAD_BYTES 16u

struct vk_pack vk_pack_layout(enum quant type, uint32_t width, bool bias)
{
    const uint32_t bits = quant_field_width(type, QUANT_FIELD_CODE);
    const uint32_t blocks = order_ceil(width, NM_BLOCK);
    const bool super = quant_block_elements(type) > NM_BLOCK;
    struct vk_pack pack = {.type = type,
                           .width = width,
                           .blocks = blocks,
                           .code_bits = bits,
                           .min = quant_has_min(quant_form(type)) && !super,
                           .super = super};
    uint32_t meta = 0;

    pack.codes = bits < 4 ? 0 : bits < 8 ? 1 : bits / 4;
    pack.high = bits < 4 ? bits : bits < 8 ? bits - 4 : 0;
    pack.high_at = blocks * pack.codes * TILE_ROWS;
    pack.meta_at = pack.high_at + blocks * pack.high * TILE_LANES;
    if (bits <= 8)
        meta = pack.min ? blocks : order_ceil(blocks, 2);
    pack.super_at = pack.meta_at + meta * TILE_LANES;
    pack.size = pack.super_at + (super ? blocks / 8 * TILE_LANES : 0);
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
    const bool whole = pack->min;

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

/* Where bits of element k of a block lie. */
struct place {
    uint32_t word, shift, bits;
};

/* In the code quads. */
static struct place quad_place(const struct vk_pack *pack, uint32_t slot, uint32_t k, uint32_t r)
{
    switch (pack->code_bits) {
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

/* One bit in word `word`, or two in word 0 or 1. */
static struct place bit_place(const struct vk_pack *pack, uint32_t slot, uint32_t k, uint32_t r,
                              uint32_t word)
{
    return (struct place){high_word(pack, slot, word, r), k % 4 * 8 + k / 4, 1};
}

static struct place pair_place(const struct vk_pack *pack, uint32_t slot, uint32_t k, uint32_t r)
{
    return (struct place){high_word(pack, slot, k / 16, r), k % 4 * 8 + k / 4 % 4 * 2, 2};
}

/* The parts of an element, from its lowest bits on; how many there are. */
static uint32_t places_of(const struct vk_pack *pack, uint32_t slot, uint32_t k, uint32_t r,
                          struct place out[2])
{
    uint32_t n = 0;

    if (pack->codes > 0)
        out[n++] = quad_place(pack, slot, k, r);
    if (pack->high > 1)
        out[n++] = pair_place(pack, slot, k, r);
    if (pack->high % 2 == 1)
        out[n++] = bit_place(pack, slot, k, r, pack->high - 1);
    return n;
}

static uint32_t load32(const uint8_t *bytes)
{
    uint32_t word;

    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* A GGUF block of 32 elements starts with d (or an exponent) and perhaps m and ends with its codes
 * as the tile has them: moved as words. */
static void pack_simple(const struct vk_pack *pack, uint32_t *tile, uint32_t r, uint32_t slot,
                        const uint8_t *block)
{
    const uint8_t *codes =
        block + quant_block_bytes(pack->type) - (size_t)pack->codes * PACK_QUAD_BYTES;
    uint32_t shift, scales = 0, *meta = &tile[meta_word(pack, slot, r, &shift)];

    memcpy(&scales, block, pack->min ? 4 : 2);
    if (pack->type == QUANT_MXFP4) /* one byte */
        scales &= 255;
    put(meta, shift, pack->min ? 32 : 16, scales);
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

/* `bits` (1 or 2) bits from `shift` on of each of the 32 / bits bytes as a word of `high`. */
static uint32_t spread(const uint8_t *bytes, uint32_t shift, uint32_t bits)
{
    const uint32_t mask = ((1u << bits) - 1) * 0x01010101u;
    uint32_t word = 0;

    for (uint32_t s = 0; s < 8 / bits; s++)
        word |= (load32(bytes + 4 * (size_t)s) >> shift & mask) << (s * bits);
    return word;
}

/* Nibbles of a block, in one half of each of 32 bytes. */
static void pack_nibbles(uint32_t *to, const uint8_t *codes, uint32_t shift)
{
    for (uint32_t i = 0; i < 4; i++)
        to[i] = (load32(codes + 4 * (size_t)i) >> shift & 0x0f0f0f0f) |
                (load32(codes + 16 + 4 * (size_t)i) >> shift & 0x0f0f0f0f) << 4;
}

/* Two bits of each element of a block, from where four blocks share 32 bytes. */
static void pack_pairs(const struct vk_pack *pack, uint32_t *tile, uint32_t r, struct at at,
                       const uint8_t *pairs)
{
    const uint32_t sub = at.b % 8;

    for (uint32_t i = 0; i < 2; i++)
        tile[high_word(pack, at.slot, i, r)] =
            spread(pairs + sub / 4 * 32 + 16 * i, sub % 4 * 2, 2);
}

/* Codes of a block of 32 of a super-block: but for IQ4_XS, GGUF keeps those of several blocks in
 * shared bytes. */
static void pack_super(const struct vk_pack *pack, uint32_t *tile, uint32_t r, struct at at,
                       const uint8_t *block)
{
    const uint32_t sub = at.b % 8;
    uint32_t *to = &tile[code_word(pack, at.slot, 0, r)];

    switch (pack->type) {
    case QUANT_Q2_K:
        pack_pairs(pack, tile, r, at, block + QUANT_Q2_K_CODES);
        break;
    case QUANT_Q3_K:
        pack_pairs(pack, tile, r, at, block + QUANT_Q3_K_CODES);
        tile[high_word(pack, at.slot, 2, r)] = spread(block, sub, 1);
        break;
    case QUANT_Q6_K:
        pack_nibbles(to, block + sub / 4 * 64 + sub % 2 * 32, sub % 4 / 2 * 4);
        pack_pairs(pack, tile, r, at, block + QUANT_Q6_K_HIGH);
        break;
    case QUANT_IQ4_XS:
        memcpy(to, block + QUANT_IQ4_XS_CODES + (size_t)sub * PACK_QUAD_BYTES, PACK_QUAD_BYTES);
        break;
    case QUANT_Q5_K:
        pack_nibbles(to, block + QUANT_Q5_K_CODES + sub / 2 * 32, sub % 2 * 4);
        tile[high_word(pack, at.slot, 0, r)] = spread(block + QUANT_Q5_K_HIGH, sub, 1);
        break;
    default: /* Q4_K */
        pack_nibbles(to, block + QUANT_Q4_K_CODES + sub / 2 * 32, sub % 2 * 4);
        break;
    }
}

/* Sub-scale and sub-min of a block of Q4_K or Q5_K, 6 bits each in 12 bytes; sc, mn << 8. */
static uint32_t packed_scales(const uint8_t *packed, uint32_t sub)
{
    const uint8_t *q = packed + sub % 4;

    if (sub < 4)
        return (q[0] & 63u) | (q[4] & 63u) << 8;
    return (q[8] & 15u) | (uint32_t)(q[0] >> 6) << 4 |
           ((uint32_t)(q[8] >> 4) | (uint32_t)(q[4] >> 6) << 4) << 8;
}

/* Sub-scale `half` of Q3_K. */
static uint32_t third_scale(const uint8_t *packed, uint32_t half)
{
    return (packed[half % 8] >> half / 8 * 4 & 15u) | (packed[8 + half % 4] >> half / 4 * 2 & 3u)
                                                          << 4;
}

/* The sub-scales of a block as `meta` has them. */
static uint32_t sub_scales(enum quant type, const uint8_t *block, uint32_t sub)
{
    const uint8_t *bytes = block + (type == QUANT_Q6_K ? QUANT_Q6_K_SUBSCALES : 0) + 2 * sub;

    switch (type) {
    case QUANT_Q2_K:
    case QUANT_Q6_K:
        return bytes[0] | (uint32_t)bytes[1] << 8;
    case QUANT_Q3_K:
        return third_scale(block + QUANT_Q3_K_SUBSCALES, 2 * sub) |
               third_scale(block + QUANT_Q3_K_SUBSCALES, 2 * sub + 1) << 8;
    case QUANT_IQ4_XS:
        return (block[QUANT_IQ4_XS_SUBSCALES + sub / 2] >> sub % 2 * 4 & 15u) |
               (block[2 + sub / 4] >> sub % 4 * 2 & 3u) << 4;
    default:
        return packed_scales(block + QUANT_K_SUBSCALES, sub);
    }
}

/* Sub-scales of a block, and the scales of its super-block. */
static void pack_scales(const struct vk_pack *pack, uint32_t *tile, uint32_t r, struct at at,
                        const uint8_t *block)
{
    const struct quant_place d = quant_field_place(pack->type, 0, QUANT_FIELD_SCALE, 0);
    uint32_t shift, scales = 0, *meta = &tile[meta_word(pack, at.slot, r, &shift)];

    memcpy(&scales, block + d.byte, quant_has_min(quant_form(pack->type)) ? 4 : 2);
    tile[super_word(pack, at.b, r)] = scales;
    put(meta, shift, 16, sub_scales(pack->type, block, at.b % 8));
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
                pack_super(pack, tile, r, at, row + at.b / 8 * bytes);
                pack_scales(pack, tile, r, at, row + at.b / 8 * bytes);
            }
        }
    }
}

static void unpack_scales(const struct vk_pack *pack, const uint32_t *tile, uint32_t r, uint32_t b,
                          uint8_t *row)
{
    const enum quant type = pack->type;
    const uint32_t k = b * NM_BLOCK, halves = quant_halves(quant_form(type));
    const uint32_t width = quant_field_width(type, QUANT_FIELD_SUBSCALE);
    uint32_t shift;
    const uint32_t meta = tile[meta_word(pack, vk_pack_slot(pack->blocks, b), r, &shift)];

    if (!pack->super) {
        quant_field_write(type, row, k, QUANT_FIELD_SCALE, get(meta, shift, 16));
        if (pack->min)
            quant_field_write(type, row, k, QUANT_FIELD_MIN, get(meta, 16, 16));
        return;
    }
    for (uint32_t half = 0; half < halves; half++) {
        const uint32_t byte = get(meta, shift + 8 * half, 8);
        const uint32_t low = halves == 2 ? byte >> width : get(meta, shift + 8, 8);
        quant_field_write(type, row, k + 16 * half, QUANT_FIELD_SUBSCALE, byte);
        if (quant_field_width(type, QUANT_FIELD_SUBMIN) > 0)
            quant_field_write(type, row, k + 16 * half, QUANT_FIELD_SUBMIN, low);
    }
    const uint32_t super = tile[super_word(pack, b, r)];
    quant_field_write(type, row, k, QUANT_FIELD_SCALE, get(super, 0, 16));
    if (quant_field_width(type, QUANT_FIELD_MIN) > 0)
        quant_field_write(type, row, k, QUANT_FIELD_MIN, get(super, 16, 16));
}

void vk_pack_unpack(const struct vk_pack *pack, const uint32_t *tile, uint32_t r, uint8_t *row)
{
    for (uint32_t b = 0; b < pack->blocks; b++) {
        const uint32_t slot = vk_pack_slot(pack->blocks, b);
        for (uint32_t i = 0; i < NM_BLOCK && b * NM_BLOCK + i < pack->width; i++) {
            struct place parts[2];
            const uint32_t n = places_of(pack, slot, i, r, parts);
            uint32_t code = 0;
            for (uint32_t p = 0, at = 0; p < n; at += parts[p++].bits)
                code |= get(tile[parts[p].word], parts[p].shift, parts[p].bits) << at;
            quant_field_write(pack->type, row, (uint64_t)b * NM_BLOCK + i, QUANT_FIELD_CODE, code);
        }
        if (pack->code_bits <= 8)
            unpack_scales(pack, tile, r, b, row);
    }
}
