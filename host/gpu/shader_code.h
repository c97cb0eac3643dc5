/* SPDX-License-Identifier: MIT */
/* A shader as the build step leaves it: SPIR-V with its name. */
#ifndef VKFI_GPU_SHADER_CODE_H
#define VKFI_GPU_SHADER_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The generated header "shader_table.h" (target vkfi_shaders) has one of these per shader and
 * variant, and `const struct shader_code *shader_find(const char *name)`. */
struct shader_code {
    const char *name;      /* "probe"; "linear_q4_1" for variant q4_1 of linear.comp */
    const uint32_t *words; /* SPIR-V, host byte order */
    size_t size;           /* bytes */
    bool exact;            /* passed the checker of NUMERICS.md 2 */
};

#endif
