/* SPDX-License-Identifier: MIT */
/* The scalar form: the loops of the ops' own files. */
#include "cpu/cpu_ops.h"

const struct cpu_kernels cpu_scalar_kernels = {.name = "scalar",
                                               .linear = cpu_linear_scalar,
                                               .prepare = cpu_linear_prepare_scalar,
                                               .norm = cpu_norm_scalar,
                                               .rope = cpu_rope_scalar,
                                               .scores = cpu_scores_scalar,
                                               .softmax = cpu_softmax_scalar,
                                               .heads = cpu_heads_scalar,
                                               .gate = cpu_gate_scalar,
                                               .add = cpu_add_scalar,
                                               .logits = cpu_logits_scalar,
                                               .features = cpu_features_scalar,
                                               .features_join = cpu_features_join_scalar,
                                               .abft_inputs = cpu_abft_inputs_scalar,
                                               .abft_outputs = cpu_abft_outputs_scalar,
                                               .abft_tiles = cpu_abft_tiles_scalar,
                                               .outside = cpu_outside_scalar,
                                               .halves = cpu_halves_scalar,
                                               .stored = cpu_stored_scalar};
