/* SPDX-License-Identifier: MIT */
/* Packs GGUF rows into tiles, field by field, and back. */
#include "vk/vk_pack.h"

#include <string.h>

#include "shared/order.h"
#include "shared/push.h"

#define PACK_NEG_ZERO_16 0x8000u

/* How the fields of a type are kept. */
struct form {
    uint8_t code_bits; /* 4: nibbles; 5, 6: nibbles and high bits; 8: bytes; 16, 32: numbers */
    uint8_t offset;    /* taken off a code by its decoder */
    bool min;          /* has m (no super-blocks) */
    bool super;        /* d, perhaps dmin, per 256 elements, sub-scales per block */
};

static struct form form_of(enum quant type)
{
    static const struct form forms[QUANT_COUNT] = {
        [QUANT_F32] = {32, 0, false, false}, [QUANT_F16] = {16, 0, false, false},
        [QUANT_BF16] = {16, 0, false, false}, [QUANT_Q4_0] = {4, 8, false, false},
        [QUANT_Q4_1] = {4, 0, true, false},  [QUANT_Q5_0] = {5, 16, false, false},
        [QUANT_Q5_1] = {5, 0, true, false},  [QUANT_Q8_0] = {8, 0, false, false},
        [QUANT_Q4_K] = {4, 0, false, true},  [QUANT_Q5_K] = {5, 0, false, true},
        [QUANT_Q6_K] = {6, 32, false, true},
    };
    return forms[type];
}

struct vk_pack vk_pack_layout(enum quant type, uint32_t width, bool bias)
{
    const struct form form = form_of(type);
    const uint32_t blocks = (width + NM_BLOCK - 1) / NM_BLOCK;
    struct vk_pack pack = {.type = type, .width = width, .blocks = blocks};
    uint32_t meta = 0;

    pack.codes = form.code_bits < 8 ? 1 : form.code_bits / 4;
    pack.high = form.code_bits == 5 ? 1 : form.code_bits == 6 ? 2 : 0;
    pack.high_at = blocks * pack.codes * TILE_ROWS;
    pack.meta_at = pack.high_at + blocks * pack.high * TILE_LANES;
    if (form.code_bits <= 8)
        meta = form.min ? blocks : (blocks + 1) / 2;
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

/* Word of meta, and bit in it where the row's half begins. */
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

/* Four codes of step s, `shift` bits down, a byte each. */
static uint32_t step_bytes(const uint32_t *codes, uint32_t s, uint32_t shift, uint32_t mask)
{
    const uint32_t *c = codes + 4 * s;
    return (c[0] >> shift & mask) | (c[1] >> shift & mask) << 8 | (c[2] >> shift & mask) << 16 |
           (c[3] >> shift & mask) << 24;
}

static void pack_codes(const struct vk_pack *pack, uint32_t *tile, uint32_t r, uint32_t slot,
                       const uint32_t *codes)
{
    for (uint32_t q = 0; q < pack->codes; q++) {
        uint32_t *to = &tile[code_word(pack, slot, q, r)];
        for (uint32_t i = 0; i < 4; i++) {
            if (pack->codes == 8)
                to[i] = codes[4 * q + i];
            else if (pack->codes == 4)
                to[i] = codes[8 * q + 2 * i] | codes[8 * q + 2 * i + 1] << 16;
            else if (pack->codes == 2)
                to[i] = step_bytes(codes, 4 * q + i, 0, 0xff);
            else
                to[i] = step_bytes(codes, i, 0, 0xf) | step_bytes(codes, i + 4, 0, 0xf) << 4;
        }
    }
    for (uint32_t i = 0; i < pack->high; i++) {
        const uint32_t bits = pack->high, steps = 8 / pack->high;
        uint32_t word = 0;
        for (uint32_t s = 0; s < steps; s++)
            word |= step_bytes(codes, i * steps + s, 4, (1u << bits) - 1) << (s * bits);
        tile[high_word(pack, slot, i, r)] = word;
    }
}

/* Codes of block b; the F types' as stored bits, filled up with -0.0. */
static void read_codes(const struct vk_pack *pack, const uint8_t *row, uint32_t b, uint32_t *codes)
{
    const struct form form = form_of(pack->type);

    if (form.code_bits > 8) {
        const size_t bytes = form.code_bits / 8;
        for (uint32_t i = 0; i < NM_BLOCK; i++) {
            const uint32_t k = b * NM_BLOCK + i;
            codes[i] = form.code_bits == 32 ? NM_NEG_ZERO_BITS : PACK_NEG_ZERO_16;
            if (k < pack->width) {
                codes[i] = 0;
                memcpy(&codes[i], row + k * bytes, bytes);
            }
        }
        return;
    }
    struct quant_block block;
    quant_decode(pack->type, row, pack->width, b, &block);
    for (uint32_t i = 0; i < NM_BLOCK; i++)
        codes[i] = (uint32_t)((int32_t)block.code[i] + form.offset);
}

static uint32_t field(const struct vk_pack *pack, const uint8_t *row, uint32_t k,
                      enum quant_field name)
{
    return quant_field_read(pack->type, row, k, name);
}

/* A block: its number, and its slot. */
struct at {
    uint32_t b, slot;
};

static void pack_scales(const struct vk_pack *pack, uint32_t *tile, uint32_t r, struct at at,
                        const uint8_t *row)
{
    const struct form form = form_of(pack->type);
    const uint32_t b = at.b, k = b * NM_BLOCK;
    uint32_t shift, *meta = &tile[meta_word(pack, at.slot, r, &shift)];

    if (!form.super) {
        put(meta, shift, 16, field(pack, row, k, QUANT_FIELD_SCALE));
        if (form.min)
            put(meta, 16, 16, field(pack, row, k, QUANT_FIELD_MIN));
        return;
    }
    const bool halves = pack->type == QUANT_Q6_K;
    put(meta, shift, 8, field(pack, row, k, QUANT_FIELD_SUBSCALE));
    put(meta, shift + 8, 8,
        halves ? field(pack, row, k + 16, QUANT_FIELD_SUBSCALE)
               : field(pack, row, k, QUANT_FIELD_SUBMIN));
    if (b % 8 != 0)
        return;
    put(&tile[super_word(pack, b, r)], 0, 16, field(pack, row, k, QUANT_FIELD_SCALE));
    if (!halves)
        put(&tile[super_word(pack, b, r)], 16, 16, field(pack, row, k, QUANT_FIELD_MIN));
}

void vk_pack_row(const struct vk_pack *pack, uint32_t *tile, uint32_t r, const uint8_t *row)
{
    uint32_t codes[NM_BLOCK];
    struct at at = {0};

    for (uint32_t i = 0; i < NM_PARTIALS; i++) {
        for (at.b = order_partial(i); at.b < pack->blocks; at.b += NM_PARTIALS, at.slot++) {
            read_codes(pack, row, at.b, codes);
            pack_codes(pack, tile, r, at.slot, codes);
            if (form_of(pack->type).code_bits <= 8)
                pack_scales(pack, tile, r, at, row);
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
