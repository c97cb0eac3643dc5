/* SPDX-License-Identifier: MIT */
/* The models of `vkfi selftest`: seeded random weights, the same bytes on every machine. */
#ifndef VKFI_CLI_SELFTEST_MODEL_H
#define VKFI_CLI_SELFTEST_MODEL_H

#include "base/status.h"

enum cli_selftest_shape {
    CLI_SELFTEST_LLAMA,  /* all tensor types, three layers of width 256 */
    CLI_SELFTEST_QWEN2,  /* biases, the other pairs of rope */
    CLI_SELFTEST_GEMMA3, /* GELU, norms of heads and after ops, sliding windows */
    CLI_SELFTEST_SPEED,  /* the shape of SmolLM2-135M in Q4_1: 30 layers of width 576 */
};

/* "llama of 4 layers, all tensor types" */
const char *cli_selftest_model_about(enum cli_selftest_shape shape);

/* A file in memory, which no crash leaves behind; open it by its path while it lives. */
struct cli_selftest_model {
    int file; /* descriptor, -1: none */
    char path[64];
};

enum status cli_selftest_model_init(struct cli_selftest_model *out,
                                    enum cli_selftest_shape shape) STATUS_MUST_USE;
void cli_selftest_model_finish(struct cli_selftest_model *model);

#endif
