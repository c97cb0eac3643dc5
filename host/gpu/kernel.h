/* SPDX-License-Identifier: MIT */
/* Kernels: a shader with its constants set, compiled by the device, its interface checked. */
#ifndef VKFI_GPU_KERNEL_H
#define VKFI_GPU_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"
#include "gpu/device.h"

/* The generated header "shader_table.h" (target vkfi_shaders) has one of these per shader and
 * variant, and `const struct shader_code *shader_find(const char *name)`. */
struct shader_code {
    const char *name;      /* "probe"; "linear_q4_1" for variant q4_1 of linear.comp */
    const uint32_t *words; /* SPIR-V, host byte order */
    size_t size;           /* bytes */
    bool exact;            /* passed the checker of NUMERICS.md 2 */
    uint64_t hash;         /* of the words */
};

#define KERNEL_BINDINGS_MAX 16
#define KERNEL_LITERAL UINT32_MAX

/* The interface that the host expects; kernel_create compares it with the SPIR-V. */
struct kernel_layout {
    uint32_t bindings;   /* bit b: set 0 has a buffer at binding b, below KERNEL_BINDINGS_MAX */
    uint32_t texels;     /* bit b: it is a texel buffer of quads, else a storage buffer */
    uint32_t push_size;  /* bytes of the push constant block, 0: none */
    uint32_t spec_count; /* specialization ids the shader has, local sizes included */
    const uint32_t *spec_ids;  /* (spec_count), any order */
    uint32_t local_size_id[3]; /* spec id of each local size, or KERNEL_LITERAL */
};

struct kernel_constant {
    uint32_t id;
    uint32_t value; /* bits; a bool is 0 or 1 */
};

/* What pointers lead to lives until the call returns; code->name as long as the kernel. */
struct kernel_params {
    const struct shader_code *code;
    struct kernel_layout layout;
    const struct kernel_constant *constants; /* (constant_count) ids not named keep their default */
    uint32_t constant_count;
    uint32_t subgroup_size; /* 0: the driver's choice; else required, with full subgroups */
    bool capture;           /* keep statistics and ISA for kernel_statistics; slower to create */
};

struct kernel;

/* Interface other than stated, or a constant id the shader lacks: STATUS_INTERNAL, one line. A
 * workgroup or subgroup size the device lacks: STATUS_DEVICE. Exact shaders get the float execution
 * modes the device reports (NUMERICS.md 5). */
enum status kernel_create(struct kernel **out, struct gpu *gpu,
                          const struct kernel_params *params) STATUS_MUST_USE;
void kernel_destroy(struct kernel **kernel);

const char *kernel_name(const struct kernel *kernel);

/* Workgroup size after specialization. */
void kernel_local_size(const struct kernel *kernel, uint32_t out[3]);

/* "stage/statistic = value" lines ("Compute Shader/VGPRs = 24"), then, per internal representation,
 * a line "# name" and its text (the ISA). Needs `capture` and info->statistics, else STATUS_DEVICE.
 */
enum status kernel_statistics(const struct kernel *kernel, struct text *out) STATUS_MUST_USE;

#endif
