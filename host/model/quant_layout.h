/* SPDX-License-Identifier: MIT */
/* Byte offsets in stored blocks of 256. */
#ifndef VKFI_MODEL_QUANT_LAYOUT_H
#define VKFI_MODEL_QUANT_LAYOUT_H

#define QUANT_Q2_K_CODES 16 /* after 16 bytes: a sub-scale, and in the upper half a sub-min */
#define QUANT_Q2_K_SCALE 80
#define QUANT_Q3_K_CODES 32 /* after the high bits */
#define QUANT_Q3_K_SUBSCALES 96
#define QUANT_Q3_K_SCALE 108
#define QUANT_K_SUBSCALES 4 /* 12 bytes of packed 6-bit pairs: Q4_K, Q5_K */
#define QUANT_Q4_K_CODES 16
#define QUANT_Q5_K_HIGH 16
#define QUANT_Q5_K_CODES 48
#define QUANT_Q6_K_HIGH 128
#define QUANT_Q6_K_SUBSCALES 192
#define QUANT_Q6_K_SCALE 208
#define QUANT_IQ4_XS_SUBSCALES 4 /* low halves; the upper two bits are before them */
#define QUANT_IQ4_XS_CODES 8

#endif
