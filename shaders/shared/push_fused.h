/* SPDX-License-Identifier: MIT */
/* Push constants of kernels that do several ops (push.h has those of one). */
#ifndef VKFI_SHARED_PUSH_FUSED_H
#define VKFI_SHARED_PUSH_FUSED_H

#include "shared/push.h"

/* Grid: units of eight features of q, k and v, slots. */
struct push_fused_rope {
    uint src, src_stride; /* q, and k after it */
    uint dst, dst_stride;
    uint v, v_stride;
    uint table; /* of position 0 */
    uint units; /* of q and k */
    uint all;   /* and of v */
    uint head_dim, rope_dim;
    uint neox;
    uint scale;       /* bits of the factor of q, 0: none */
    uint scaled;      /* units of q */
    uint row;         /* quads of a position in the pages */
    uint values;      /* quads before the pages of V */
    uint table_words; /* of the layer in a branch's tables */
};

/* Key positions whose scores a workgroup has room for; from a block's first on. */
#define ATTENTION_KEYS 2048u

/* Grid: heads, slots. */
struct push_fused_attention {
    uint src, src_stride;
    uint dst, dst_stride;
    uint row, values;
    uint table_words;
    uint head_dim;
    uint group;
    uint window;
    uint cap, reciprocal; /* SPEC_CAP: bits of the limit */
    uint slot0;
};

#endif
