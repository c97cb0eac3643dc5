/* SPDX-License-Identifier: MIT */
/* The kernels of one instruction set. */
#include "cpu/simd/simd.h"

const struct cpu_kernels SIMD(kernels) = {.name = SIMD_NAME,
                                          .prepare = SIMD(linear_prepare),
                                          .linear = SIMD(linear),
                                          .norm = SIMD(norm),
                                          .rope = cpu_rope_scalar,
                                          .scores = SIMD(scores),
                                          .softmax = SIMD(softmax),
                                          .heads = SIMD(heads),
                                          .gate = SIMD(gate),
                                          .add = SIMD(add),
                                          .logits = SIMD(logits),
                                          .features = SIMD(features),
                                          .features_join = SIMD(features_join),
                                          .abft_inputs = SIMD(abft_inputs),
                                          .abft_outputs = SIMD(abft_outputs),
                                          .abft_tiles = SIMD(abft_tiles),
                                          .outside = SIMD(outside),
                                          .halves = SIMD(halves),
                                          .stored = SIMD(stored)};
