/* SPDX-License-Identifier: MIT */
/* Numbers that need no table: a keyed permutation, even interleaving, systematic shares. */
#ifndef VKFI_INJECT_SAMPLE_INDEX_H
#define VKFI_INJECT_SAMPLE_INDEX_H

#include <stdbool.h>
#include <stdint.h>

/* A key of draws, from the plan's seed and what distinguishes two draws. */
struct sample_key {
    uint32_t word[2];
};
struct sample_key sample_index_key(struct sample_key key, uint64_t value);

/* The image of `index` under a permutation of 0 .. count - 1, chosen by the key: a balanced Feistel
 * network of Philox rounds over the next even number of bits, walked until it is inside (Black and
 * Rogaway 2002). count > 0, index < count. */
uint64_t sample_index_permute(struct sample_key key, uint64_t index, uint64_t count);

/* Uniform in [0, 1), 53 bits. */
double sample_index_unit(struct sample_key key);

/* Of `total` places `part` are marked, as evenly as possible. Whether `place` is marked, and its
 * index among the marked (else: the others). */
bool sample_index_marked(uint64_t place, uint64_t total, uint64_t part, uint64_t *out_index);

/* Systematic sampling with probability proportional to size (Madow 1949): n points, (j + u) / n of
 * the whole. How many lie before `cum` of `total`; exact if n == total and cum is an integer. */
uint64_t sample_index_before(uint64_t n, double u, double cum, double total);

#endif
