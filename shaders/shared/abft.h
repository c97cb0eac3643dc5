/* SPDX-License-Identifier: MIT */
/* Check sums of LINEAR (NUMERICS.md 7): their order, the tables, the verdict; C and GLSL.
 *
 * The rows of a matrix are checked in equal parts. A part has a head and, for each 16 inputs, 16
 * elements of each of three rows: c = sum of the weights over the part's rows, c2 = the same with
 * weight 1 + row % 251, a = sum of their magnitudes. */
#ifndef VKFI_SHARED_ABFT_H
#define VKFI_SHARED_ABFT_H

#include "shared/numerics.h"

#define ABFT_ROWS 1024u    /* most rows of a part, a multiple of ABFT_LANES */
#define ABFT_LANES 16u     /* terms side by side; rows of a tile */
#define ABFT_BLOCK 128u    /* terms that a sum over inputs takes at a time: eight of a lane */
#define ABFT_SETS 4u       /* running sums of a lane: block b joins sum b % 4 */
#define ABFT_WEIGHTS 251u  /* weights of rows are 1 .. 251 */
#define ABFT_HEAD_QUADS 2u /* of a part */
#define ABFT_ROW_QUADS 12u /* of 16 inputs: c, c2, a */

/* Words of a head: numbers as bits. */
#define ABFT_BIAS 0u    /* sum of the part's biases */
#define ABFT_BIAS2 1u   /* the same with the rows' weights */
#define ABFT_INPUTS 2u  /* factor of a.|x| in the bound */
#define ABFT_OUTPUTS 3u /* factor of the sum of the outputs' magnitudes */
#define ABFT_FLOOR 4u   /* what flushing and biases may add */
#define ABFT_LIMIT 5u   /* below it a.|x| excludes that an output overflows */

/* Inputs below 2^100 do not overflow inside a sum before its scale. */
#define ABFT_LARGEST 0x71800000u

/* Words of the verdict on a part. */
#define ABFT_ALARM 0u
#define ABFT_RESIDUAL 1u
#define ABFT_RESIDUAL2 2u
#define ABFT_BOUND 3u

LANG_FN uint abft_magnitude(float x)
{
    return LANG_BITS(x) & 0x7fffffffu;
}

/* `largest`: of the inputs' magnitudes; `inputs`: a.|x|; `limit`: of the head; all as bits.
 * Infinities and NaN of the outputs alarm where the inputs exclude them. */
LANG_FN bool abft_alarms(float residual, float bound, uint largest, uint inputs, uint limit)
{
    uint deviation = abft_magnitude(residual), most = abft_magnitude(bound);
    bool excluded = largest < ABFT_LARGEST && inputs < limit;
    return deviation < NM_INF && most < NM_INF ? deviation > most : excluded;
}

#endif
