/* SPDX-License-Identifier: MIT */
/* What a compute shader says about its interface. */
#ifndef VKFI_GPU_SPIRV_REFLECT_H
#define VKFI_GPU_SPIRV_REFLECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "gpu/spirv.h"

#define SPIRV_REFLECT_BINDINGS 32
#define SPIRV_REFLECT_SPECS 64
#define SPIRV_REFLECT_LITERAL UINT32_MAX

struct spirv_reflect {
    uint32_t entry_point; /* id of the one GLCompute entry point, named "main" */
    uint32_t bindings;    /* bit b: set 0 has a buffer at binding b */
    uint32_t texels;      /* bit b: that one is a texel buffer of unsigned words */
    uint32_t aliased;     /* bit b: every variable of that binding is Aliased */
    bool other_resources; /* a resource of another set or kind */
    uint32_t push_size;   /* bytes of the push constant block, 0: none */
    uint32_t spec_count;
    uint32_t spec_ids[SPIRV_REFLECT_SPECS];
    uint32_t local_size[3];    /* literal, or the default of the constant */
    uint32_t local_size_id[3]; /* spec id, or SPIRV_REFLECT_LITERAL */
};

/* STATUS_INPUT with one line if the module is no compute shader of the kind this program makes. */
enum status spirv_reflect(struct spirv_reflect *out, const struct spirv *module) STATUS_MUST_USE;

#endif
