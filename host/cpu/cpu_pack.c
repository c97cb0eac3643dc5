/* SPDX-License-Identifier: MIT */
/* Moves the bits of one row between GGUF blocks and its lane of a tile.
 *
 * Both directions are written as the same walk over the parts of a block: `part` in the file's
 * order of bits, `lane` words in the tile's. */
#include "cpu/cpu_pack.h"

#include <assert.h>
#include <string.h>

#include "model/quant_layout.h"

size_t cpu_pack_tile_bytes(enum quant type, uint64_t width)
{
    return CPU_PACK_LANES * quant_row_bytes(type, width);
}

static uint32_t get32(const uint8_t *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

static void put32(uint8_t *p, uint32_t word)
{
    memcpy(p, &word, sizeof(word));
}

/* Word i of a (n, 16 rows) array of words, at the lane `at` points to. */
static uint8_t *word_at(uint8_t *at, uint32_t i)
{
    return at + (size_t)i * CPU_PACK_LANES * 4;
}

/* 4 x 4 bytes transposed: its own inverse. */
static void transpose(uint32_t w[4])
{
    const uint32_t even = 0x00ff00ff, low = 0x0000ffff;
    const uint32_t a = (w[0] & even) | (w[1] & even) << 8, b = (w[0] >> 8 & even) | (w[1] & ~even);
    const uint32_t c = (w[2] & even) | (w[3] & even) << 8, d = (w[2] >> 8 & even) | (w[3] & ~even);

    w[0] = (a & low) | c << 16;
    w[1] = (b & low) | d << 16;
    w[2] = a >> 16 | (c & ~low);
    w[3] = b >> 16 | (d & ~low);
}

/* 16 bytes, with elements j and j + 16 as nibbles of byte j, to and from a lane; `flip` as
 * stored. */
static void put_nibbles(uint8_t *at, const uint8_t bytes[16], uint32_t flip)
{
    uint32_t w[4];

    memcpy(w, bytes, sizeof(w));
    transpose(w);
    for (uint32_t c = 0; c < 4; c++)
        put32(word_at(at, c), w[c] ^ flip);
}

static void get_nibbles(uint8_t *at, uint8_t bytes[16], uint32_t flip)
{
    uint32_t w[4];

    for (uint32_t c = 0; c < 4; c++)
        w[c] = get32(word_at(at, c)) ^ flip;
    transpose(w);
    memcpy(bytes, w, sizeof(w));
}

static void put_codes(uint8_t *at, const uint8_t codes[32])
{
    for (uint32_t half = 0; half < 2; half++) {
        uint32_t w[4];
        memcpy(w, codes + 16 * half, sizeof(w));
        transpose(w);
        for (uint32_t c = 0; c < 4; c++)
            put32(word_at(at, 2 * c + half), w[c]);
    }
}

static void get_codes(uint8_t *at, uint8_t codes[32])
{
    for (uint32_t half = 0; half < 2; half++) {
        uint32_t w[4];
        for (uint32_t c = 0; c < 4; c++)
            w[c] = get32(word_at(at, 2 * c + half));
        transpose(w);
        memcpy(codes + 16 * half, w, sizeof(w));
    }
}

/* Bit k of `bits` (element k) to and from the order of `fifths`. */
static uint32_t put_fifths(uint32_t bits)
{
    uint32_t out = 0;

    for (uint32_t i = 0; i < 4; i++)
        out |= (bits >> (4 * i) & 15u) << (8 * i) | (bits >> (16 + 4 * i) & 15u) << (8 * i + 4);
    return out;
}

static uint32_t get_fifths(uint32_t word)
{
    uint32_t out = 0;

    for (uint32_t i = 0; i < 4; i++)
        out |= (word >> (8 * i) & 15u) << (4 * i) | (word >> (8 * i + 4) & 15u) << (16 + 4 * i);
    return out;
}

/* Sub-block `sub` of the K types: 32 nibbles, each in one half of a byte, to and from the small
 * types' form of 16 bytes. */
static void join_nibbles(const uint8_t *codes, uint32_t shift, uint8_t out[16])
{
    for (uint32_t i = 0; i < 16; i++)
        out[i] = (uint8_t)((codes[i] >> shift & 15) | (codes[i + 16] >> shift & 15) << 4);
}

static void split_nibbles(uint8_t *codes, uint32_t shift, const uint8_t in[16])
{
    for (uint32_t i = 0; i < 16; i++) {
        codes[i] = (uint8_t)(codes[i] | (in[i] & 15) << shift);
        codes[i + 16] = (uint8_t)(codes[i + 16] | in[i] >> 4 << shift);
    }
}

/* `count` bits of each of 32 bytes from bit `shift` on, element k at bit count * k: two words for
 * two bits. */
static uint64_t join_bits(const uint8_t *bytes, uint32_t shift, uint32_t count)
{
    uint64_t bits = 0;

    for (uint32_t k = 0; k < 32; k++)
        bits |= (uint64_t)(bytes[k] >> shift & ((1u << count) - 1)) << (count * k);
    return bits;
}

static void split_bits(uint8_t *bytes, uint32_t shift, uint32_t count, uint64_t bits)
{
    for (uint32_t k = 0; k < 32; k++)
        bytes[k] = (uint8_t)(bytes[k] | (bits >> (count * k) & ((1u << count) - 1)) << shift);
}

static void put_halves(uint8_t *group, const struct cpu_pack_layout *l, uint32_t lane,
                       const uint8_t *halves, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        memcpy(group + l->scale + i * CPU_PACK_HALVES + lane * 2, halves + 2 * i, 2);
}

static void get_halves(const uint8_t *group, const struct cpu_pack_layout *l, uint32_t lane,
                       uint8_t *halves, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        memcpy(halves + 2 * i, group + l->scale + i * CPU_PACK_HALVES + lane * 2, 2);
}

static uint32_t n_halves(enum quant type)
{
    return quant_has_min(quant_form(type)) ? 2 : 1;
}

static uint32_t flip_of(enum quant type)
{
    return type == QUANT_Q4_0 ? 0x88888888u : 0;
}

static bool has_fifths(enum quant type)
{
    return type == QUANT_Q5_0 || type == QUANT_Q5_1;
}

/* Bytes before the codes of a block of 32 elements. */
static uint32_t head_bytes(enum quant type)
{
    return type == QUANT_MXFP4 ? 1 : 2 * n_halves(type);
}

static void put_head(enum quant type, uint8_t *group, uint32_t lane, const uint8_t *block)
{
    const struct cpu_pack_layout l = cpu_pack_layout(type);

    if (type == QUANT_MXFP4)
        group[l.scale + lane] = block[0];
    else
        put_halves(group, &l, lane, block, n_halves(type));
}

static void get_head(enum quant type, const uint8_t *group, uint32_t lane, uint8_t *block)
{
    const struct cpu_pack_layout l = cpu_pack_layout(type);

    if (type == QUANT_MXFP4)
        block[0] = group[l.scale + lane];
    else
        get_halves(group, &l, lane, block, n_halves(type));
}

/* Types of 32 elements. */
static void put_small(enum quant type, uint8_t *group, uint32_t lane, const uint8_t *block)
{
    const struct cpu_pack_layout l = cpu_pack_layout(type);
    const uint8_t *codes = block + head_bytes(type);

    put_head(type, group, lane, block);
    if (type == QUANT_Q8_0) {
        put_codes(group + 4 * lane, codes);
        return;
    }
    if (has_fifths(type)) {
        const uint32_t bits = type == QUANT_Q5_0 ? ~get32(codes) : get32(codes);
        put32(group + l.high + 4 * lane, put_fifths(bits));
        codes += 4;
    }
    put_nibbles(group + 4 * lane, codes, flip_of(type));
}

static void get_small(enum quant type, uint8_t *group, uint32_t lane, uint8_t *block)
{
    const struct cpu_pack_layout l = cpu_pack_layout(type);
    uint8_t *codes = block + head_bytes(type);

    get_head(type, group, lane, block);
    if (type == QUANT_Q8_0) {
        get_codes(group + 4 * lane, codes);
        return;
    }
    if (has_fifths(type)) {
        const uint32_t bits = get_fifths(get32(group + l.high + 4 * lane));
        put32(codes, type == QUANT_Q5_0 ? ~bits : bits);
        codes += 4;
    }
    get_nibbles(group + 4 * lane, codes, flip_of(type));
}

/* `n` words of bytes in the file's order. */
static void put_words(uint8_t *at, const uint8_t *bytes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        put32(word_at(at, i), get32(bytes + 4 * i));
}

static void get_words(uint8_t *at, uint8_t *bytes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        put32(bytes + 4 * i, get32(word_at(at, i)));
}

static void put_packed(enum quant type, uint8_t *group, uint32_t lane, const uint8_t *block)
{
    const struct cpu_pack_layout l = cpu_pack_layout(type);
    const uint8_t *codes = block + (type == QUANT_Q5_K ? QUANT_Q5_K_CODES : QUANT_Q4_K_CODES);

    put_halves(group, &l, lane, block, 2);
    put_words(group + l.sub + 4 * lane, block + QUANT_K_SUBSCALES, 3);
    for (uint32_t sub = 0; sub < 8; sub++) {
        uint8_t bytes[16];
        join_nibbles(codes + sub / 2 * 32, sub % 2 * 4, bytes);
        put_nibbles(group + sub * CPU_PACK_NIBBLES + 4 * lane, bytes, 0);
        if (type == QUANT_Q5_K)
            put32(group + l.high + sub * CPU_PACK_FIFTHS + 4 * lane,
                  put_fifths((uint32_t)join_bits(block + QUANT_Q5_K_HIGH, sub, 1)));
    }
}

static void get_packed(enum quant type, uint8_t *group, uint32_t lane, uint8_t *block)
{
    const struct cpu_pack_layout l = cpu_pack_layout(type);
    uint8_t *codes = block + (type == QUANT_Q5_K ? QUANT_Q5_K_CODES : QUANT_Q4_K_CODES);

    memset(block, 0, quant_block_bytes(type));
    get_halves(group, &l, lane, block, 2);
    get_words(group + l.sub + 4 * lane, block + QUANT_K_SUBSCALES, 3);
    for (uint32_t sub = 0; sub < 8; sub++) {
        uint8_t bytes[16];
        get_nibbles(group + sub * CPU_PACK_NIBBLES + 4 * lane, bytes, 0);
        split_nibbles(codes + sub / 2 * 32, sub % 2 * 4, bytes);
        if (type == QUANT_Q5_K)
            split_bits(block + QUANT_Q5_K_HIGH, sub, 1,
                       get_fifths(get32(group + l.high + sub * CPU_PACK_FIFTHS + 4 * lane)));
    }
}

/* Two bits of each of 32 elements, flipped as stored. */
static void put_sixths(uint8_t *at, uint64_t bits, uint32_t flip)
{
    put32(word_at(at, 0), (uint32_t)bits ^ flip);
    put32(word_at(at, 1), (uint32_t)(bits >> 32) ^ flip);
}

static uint64_t get_sixths(uint8_t *at, uint32_t flip)
{
    const uint32_t first = get32(word_at(at, 0)) ^ flip, second = get32(word_at(at, 1)) ^ flip;

    return (uint64_t)second << 32 | first;
}

/* The upper two bits: code - 32 modulo 64 has the top bit flipped. */
#define SIXTHS_FLIP 0xaaaaaaaau

static void put_q6_k(uint8_t *group, uint32_t lane, const uint8_t *block)
{
    const struct cpu_pack_layout l = cpu_pack_layout(QUANT_Q6_K);

    put_halves(group, &l, lane, block + QUANT_Q6_K_SCALE, 1);
    put_words(group + l.sub + 4 * lane, block + QUANT_Q6_K_SUBSCALES, 4);
    for (uint32_t sub = 0; sub < 8; sub++) {
        const uint8_t *low = block + sub / 4 * 64 + sub % 2 * 32;
        uint8_t bytes[16];
        join_nibbles(low, sub / 2 % 2 * 4, bytes);
        put_nibbles(group + sub * CPU_PACK_NIBBLES + 4 * lane, bytes, 0);
        put_sixths(group + l.high + sub * CPU_PACK_SIXTHS + 4 * lane,
                   join_bits(block + QUANT_Q6_K_HIGH + sub / 4 * 32, sub % 4 * 2, 2), SIXTHS_FLIP);
    }
}

static void get_q6_k(uint8_t *group, uint32_t lane, uint8_t *block)
{
    const struct cpu_pack_layout l = cpu_pack_layout(QUANT_Q6_K);

    memset(block, 0, quant_block_bytes(QUANT_Q6_K));
    get_halves(group, &l, lane, block + QUANT_Q6_K_SCALE, 1);
    get_words(group + l.sub + 4 * lane, block + QUANT_Q6_K_SUBSCALES, 4);
    for (uint32_t sub = 0; sub < 8; sub++) {
        uint8_t bytes[16];
        get_nibbles(group + sub * CPU_PACK_NIBBLES + 4 * lane, bytes, 0);
        split_nibbles(block + sub / 4 * 64 + sub % 2 * 32, sub / 2 % 2 * 4, bytes);
        split_bits(block + QUANT_Q6_K_HIGH + sub / 4 * 32, sub % 4 * 2, 2,
                   get_sixths(group + l.high + sub * CPU_PACK_SIXTHS + 4 * lane, SIXTHS_FLIP));
    }
}

/* Q2_K and Q3_K: two bits a code, of Q3_K a third one. */
struct twos {
    uint32_t codes, subs, n_subs, scale, n_halves;
};

static struct twos twos_of(enum quant type)
{
    return type == QUANT_Q2_K
               ? (struct twos){QUANT_Q2_K_CODES, 0, 4, QUANT_Q2_K_SCALE, 2}
               : (struct twos){QUANT_Q3_K_CODES, QUANT_Q3_K_SUBSCALES, 3, QUANT_Q3_K_SCALE, 1};
}

static void put_twos(enum quant type, uint8_t *group, uint32_t lane, const uint8_t *block)
{
    const struct cpu_pack_layout l = cpu_pack_layout(type);
    const struct twos at = twos_of(type);

    put_halves(group, &l, lane, block + at.scale, at.n_halves);
    put_words(group + l.sub + 4 * lane, block + at.subs, at.n_subs);
    for (uint32_t sub = 0; sub < 8; sub++) {
        put_sixths(group + sub * CPU_PACK_SIXTHS + 4 * lane,
                   join_bits(block + at.codes + sub / 4 * 32, sub % 4 * 2, 2), 0);
        if (type == QUANT_Q3_K)
            put32(group + l.high + sub * CPU_PACK_FIFTHS + 4 * lane,
                  put_fifths(~(uint32_t)join_bits(block, sub, 1)));
    }
}

static void get_twos(enum quant type, uint8_t *group, uint32_t lane, uint8_t *block)
{
    const struct cpu_pack_layout l = cpu_pack_layout(type);
    const struct twos at = twos_of(type);

    memset(block, 0, quant_block_bytes(type));
    get_halves(group, &l, lane, block + at.scale, at.n_halves);
    get_words(group + l.sub + 4 * lane, block + at.subs, at.n_subs);
    for (uint32_t sub = 0; sub < 8; sub++) {
        split_bits(block + at.codes + sub / 4 * 32, sub % 4 * 2, 2,
                   get_sixths(group + sub * CPU_PACK_SIXTHS + 4 * lane, 0));
        if (type == QUANT_Q3_K)
            split_bits(block, sub, 1,
                       ~get_fifths(get32(group + l.high + sub * CPU_PACK_FIFTHS + 4 * lane)));
    }
}

static void put_iq4_xs(uint8_t *group, uint32_t lane, const uint8_t *block)
{
    const struct cpu_pack_layout l = cpu_pack_layout(QUANT_IQ4_XS);

    put_halves(group, &l, lane, block, 2);
    put_words(group + l.sub + 4 * lane, block + QUANT_IQ4_XS_SUBSCALES, 1);
    for (uint32_t sub = 0; sub < 8; sub++)
        put_nibbles(group + sub * CPU_PACK_NIBBLES + 4 * lane,
                    block + QUANT_IQ4_XS_CODES + 16 * sub, 0);
}

static void get_iq4_xs(uint8_t *group, uint32_t lane, uint8_t *block)
{
    const struct cpu_pack_layout l = cpu_pack_layout(QUANT_IQ4_XS);

    get_halves(group, &l, lane, block, 2);
    get_words(group + l.sub + 4 * lane, block + QUANT_IQ4_XS_SUBSCALES, 1);
    for (uint32_t sub = 0; sub < 8; sub++)
        get_nibbles(group + sub * CPU_PACK_NIBBLES + 4 * lane,
                    block + QUANT_IQ4_XS_CODES + 16 * sub, 0);
}

static void put_block(enum quant type, uint8_t *group, uint32_t lane, const uint8_t *block)
{
    switch (type) {
    case QUANT_Q2_K:
    case QUANT_Q3_K:
        put_twos(type, group, lane, block);
        break;
    case QUANT_Q4_K:
    case QUANT_Q5_K:
        put_packed(type, group, lane, block);
        break;
    case QUANT_Q6_K:
        put_q6_k(group, lane, block);
        break;
    case QUANT_IQ4_XS:
        put_iq4_xs(group, lane, block);
        break;
    default:
        put_small(type, group, lane, block);
        break;
    }
}

static void get_block(enum quant type, uint8_t *group, uint32_t lane, uint8_t *block)
{
    switch (type) {
    case QUANT_Q2_K:
    case QUANT_Q3_K:
        get_twos(type, group, lane, block);
        break;
    case QUANT_Q4_K:
    case QUANT_Q5_K:
        get_packed(type, group, lane, block);
        break;
    case QUANT_Q6_K:
        get_q6_k(group, lane, block);
        break;
    case QUANT_IQ4_XS:
        get_iq4_xs(group, lane, block);
        break;
    default:
        get_small(type, group, lane, block);
        break;
    }
}

void cpu_pack_put_row(const struct tensor *t, uint8_t *tile, uint32_t lane, const uint8_t *row)
{
    const uint32_t elements = quant_block_elements(t->type), bytes = quant_block_bytes(t->type);
    const size_t group = (size_t)bytes * CPU_PACK_LANES;

    for (uint64_t i = 0; i < t->dim[0] / elements; i++) {
        if (elements == 1)
            memcpy(tile + i * group + lane * bytes, row + i * bytes, bytes);
        else
            put_block(t->type, tile + i * group, lane, row + i * bytes);
    }
}

void cpu_pack_row(const struct tensor *t, const uint8_t *tile, uint32_t lane, uint8_t *out)
{
    const uint32_t elements = quant_block_elements(t->type), bytes = quant_block_bytes(t->type);
    const size_t group = (size_t)bytes * CPU_PACK_LANES;

    for (uint64_t i = 0; i < t->dim[0] / elements; i++) {
        if (elements == 1)
            memcpy(out + i * bytes, tile + i * group + lane * bytes, bytes);
        else
            get_block(t->type, (uint8_t *)tile + i * group, lane, out + i * bytes);
    }
}

void cpu_pack_tile(const struct tensor *t, uint32_t tile, uint8_t *out)
{
    const size_t row_bytes = quant_row_bytes(t->type, t->dim[0]);
    const uint64_t first = (uint64_t)tile * CPU_PACK_LANES;

    assert(first < t->dim[1]);
    for (uint32_t lane = 0; lane < CPU_PACK_LANES && first + lane < t->dim[1]; lane++)
        cpu_pack_put_row(t, out, lane, t->data + (first + lane) * row_bytes);
}
