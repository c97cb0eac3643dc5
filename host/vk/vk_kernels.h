/* SPDX-License-Identifier: MIT */
/* The executor's kernels: compiled on first use, kept by their specialization. */
#ifndef VKFI_VK_VK_KERNELS_H
#define VKFI_VK_VK_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "gpu/kernel.h"
#include "model/quant.h"
#include "model/storage.h"
#include "shared/hook.h"
#include "shared/push.h"

enum vk_shader {
    VK_SHADER_EMBED,
    VK_SHADER_NORM,
    VK_SHADER_NORM_LAYER,
    VK_SHADER_LINEAR,
    VK_SHADER_ROPE,
    VK_SHADER_STORE,
    VK_SHADER_SCORES,
    VK_SHADER_SOFTMAX,
    VK_SHADER_HEADS,
    VK_SHADER_GATE,
    VK_SHADER_GATE_ALONE,
    VK_SHADER_ADD,
    VK_SHADER_CHOOSE,
    VK_SHADER_ROUTE,
    VK_SHADER_EXPERTS,
    VK_SHADER_MIX,
    VK_SHADER_SHARE,
    VK_SHADER_LOGITS,
    VK_SHADER_FEATURES,
    VK_SHADER_GUARD,
    VK_SHADER_STORED_SUMS,
    VK_SHADER_KV_SUMS,
    VK_SHADER_WEIGHT_SUMS,
    VK_SHADER_GUARD_ABFT,
    VK_SHADER_FUSED_ROPE,
    VK_SHADER_FUSED_ATTENTION,
    VK_SHADER_COUNT
};

/* Points of a hook, HOOK_OFF included. */
#define VK_POINTS (HOOK_SEVERAL + 1u)

/* What picks a kernel. */
struct vk_kernel_key {
    enum vk_shader shader;
    enum quant type; /* EMBED, LINEAR, EXPERTS; else 0 */
    uint32_t form;   /* LINEAR, EXPERTS: of vk_shape.forms */
    bool unrounded;  /* LINEAR: into words whatever the activation type */
    bool keeps;      /* LINEAR: the rows are written as well as their sums with the residual */
    bool capped;     /* LINEAR, SCORES (fused too): results are capped */
    uint32_t next;   /* LINEAR: NEXT_* */
    uint32_t point;  /* HOOK_* */
};

/* Most columns of any form of LINEAR; registers have rows for whole groups of them. */
#define VK_COLUMNS_MAX 4u
#define VK_FORMS 3u

/* A form of LINEAR: columns and tiles of one invocation. */
struct vk_form {
    uint32_t columns, tiles;
};

/* How kernels read, and the shapes of their workgroups, by kind of device. */
struct vk_shape {
    bool texel;                     /* reads go through texel buffers */
    bool reread;                    /* LINEAR reads codes at each step (SPEC_REREAD) */
    struct vk_form forms[VK_FORMS]; /* of LINEAR: for 1 column, then for more; 0: none */
    uint32_t keys;                  /* SCORES: key positions of an invocation */
    uint32_t x[VK_SHADER_COUNT];    /* SPEC_LANES_X, where the shader has it */
    uint32_t y[VK_SHADER_COUNT];    /* SPEC_LANES_Y, where the shader has it */
    uint32_t patch_y;               /* SPEC_LANES_Y of LINEAR with hooks */
};

struct vk_kernels {
    struct gpu *gpu;
    enum storage act, kv;
    struct vk_shape shape;
    /* by `next`, or capped, which goes on with nothing */
    struct kernel *kernels[VK_SHADER_COUNT][QUANT_COUNT][VK_FORMS][2][2][NEXT_GATE + 2]
                          [VK_POINTS]; /* owned, null: not yet */
};

void vk_kernels_init(struct vk_kernels *out, struct gpu *gpu, enum storage act, enum storage kv);
void vk_kernels_finish(struct vk_kernels *kernels);

/* The kernel, compiled if need be. */
enum status vk_kernels_get(struct vk_kernels *kernels, const struct vk_kernel_key *key,
                           const struct kernel **out) STATUS_MUST_USE;

/* The constants that depend on the kind of device, as JSON: lanes [x, y] of each shader, whether it
 * reads through texels, the forms of LINEAR [columns, tiles]. */
void vk_kernels_describe(const struct vk_kernels *kernels, char *out, size_t size);

/* Bindings of a shader, as bits. */
uint32_t vk_kernels_bindings(const struct vk_kernels *kernels, const struct vk_kernel_key *key);

#endif
