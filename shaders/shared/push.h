/* SPDX-License-Identifier: MIT */
/* Push constants of the kernels, one struct per op: C and GLSL.
 *
 * Registers, weights and pages are addressed in quads (16 bytes: four f32, a uvec4) of their
 * buffer; `_words` says where it is 32-bit words instead. A slot is the row of a column in the
 * registers; kernels add `slot0` to the slot of the grid, so that a patch can address one. */
#ifndef VKFI_SHARED_PUSH_H
#define VKFI_SHARED_PUSH_H

#include "shared/lang.h"

/* Words of a slot in the columns buffer; page tables follow those of all slots. */
#define COLUMN_TOKEN 0u /* COLUMN_NO_TOKEN: not embedded */
#define COLUMN_POSITION 1u
#define COLUMN_TABLE 2u /* word, in the same buffer, of the branch's page table of layer 0 */
#define COLUMN_LAST 3u  /* last key position seen */
#define COLUMN_ROPE 4u  /* row of the rope table */
#define COLUMN_ENTRY 5u /* KV entry written; another than the position: that becomes zeros */
#define COLUMN_WORDS 6u
#define COLUMN_NO_TOKEN 0xffffffffu

/* Rows of a weight matrix that lie side by side; four of them are one invocation's. */
#define TILE_ROWS 32u
#define TILE_LANES 8u

struct push_embed {
    uint tile0;         /* first tile of the part of the matrix in this buffer */
    uint tile_size;     /* quads */
    uint row0, rows;    /* rows of that part; other tokens are left alone */
    uint blocks, quads; /* of a row; 32 and 4 elements */
    uint dst, dst_stride;
    uint scale; /* bits of the factor, 0: none */
    uint slot0;
    uint hook;
};

/* Grid: groups, slots. */
struct push_norm {
    uint src, src_stride;
    uint dst, dst_stride;
    uint gain, bias; /* bias: of layer norm */
    uint width;      /* of a group, elements */
    float inv_width;
    float eps;
    uint group0;
    uint slot0;
    uint hook;
};

/* Grid: tiles, slots (both by the number a variant does at once). */
struct push_linear {
    uint src_stride; /* from the first row that `inputs` sees */
    uint dst, dst_stride;
    uint tile0, tile_size;
    uint tiles; /* from tile0 on */
    uint blocks;
    uint row0, rows;                /* first row of tile0; rows of the matrix */
    uint bias;                      /* quads from the tile's start, 0: none */
    uint residual, residual_stride; /* added to the rounded rows, as ADD does; stride 0: nothing */
    uint keep, keep_stride;         /* SPEC_KEEP: where the rows before that go too */
    uint cap, reciprocal;           /* SPEC_CAP: bits of the limit */
    uint counters;                  /* SPEC_NEXT: of workgroups; 0 before and after the dispatch */
    uint next, next_stride;         /* where its result goes */
    uint gain;                      /* NEXT_NORM: in the weights' buffer */
    float inv_width, eps;           /* as in push_norm */
    uint up, fn;                    /* NEXT_GATE: quads from G to U; as in push_gate */
    uint slot0;
    uint hook;
};

/* Grid: units of eight features of a head (heads * head_dim / 8), slots. */
struct push_rope {
    uint src, src_stride;
    uint dst, dst_stride;
    uint table; /* of position 0 */
    uint units; /* of all heads */
    uint head_dim, rope_dim;
    uint neox;
    uint scale;  /* bits of the factor, 0: none */
    uint scaled; /* units it applies to: the first ones */
    uint unit0;
    uint slot0;
    uint hook;
};

/* Grid: quads of a position's row of K (and of V), slots. */
struct push_store {
    uint k, v, stride;
    uint row;         /* quads of a position in the pages */
    uint values;      /* quads before the pages of V */
    uint table_words; /* of the layer in a branch's tables */
};

/* Grid: key positions, heads, slots. */
struct push_scores {
    uint src, src_stride;
    uint dst_words, dst_stride_words;
    uint head_words; /* from head to head in the scores */
    uint row;
    uint table_words;
    uint head_dim;
    uint group; /* query heads per K/V head */
    uint window;
    uint key0, head0, slot0;
    uint cap, reciprocal; /* SPEC_CAP: bits of the limit */
    uint hook;
};

/* Grid: heads, slots. */
struct push_softmax {
    uint src, dst, stride;
    uint head_stride;
    uint heads;
    uint window;
    uint head0, slot0;
    uint hook;
};

/* Grid: quads of a head, heads, slots. */
struct push_heads {
    uint src, src_stride;
    uint head_stride;
    uint dst, dst_stride;
    uint row, values;
    uint table_words;
    uint head_dim;
    uint group;
    uint window;
    uint quad0, head0, slot0;
    uint hook;
};

/* Grid: quads of a row, slots. */
struct push_gate {
    uint gate, up, src_stride;
    uint dst, dst_stride;
    uint quads;
    uint fn; /* 0: SiLU, 1: GELU by tanh, 2 (ACT alone): GELU by erf */
    uint quad0, slot0;
    uint hook;
};

/* ADD: the residual and what is added; SHARE: the result of the shared expert and its gate. */
struct push_add {
    uint src, src_stride; /* as read */
    uint src2, src2_stride;
    uint dst, dst_stride;
    uint quads;
    uint quad0, slot0;
    uint hook;
};

/* Grid: experts, slots. */
struct push_choose {
    uint src, src_stride;
    uint dst_words, dst_stride_words;
    uint experts, used;
    uint slot0;
    uint hook;
};

/* Grid: experts of a column, slots. */
struct push_route {
    uint src, src_stride;
    uint chosen, chosen_stride;
    uint dst_words, dst_stride_words;
    uint terms; /* of the sum */
    uint alone; /* not 0: they are those of the chosen */
    uint used;
    uint slot0;
    uint hook;
};

/* Grid: tiles of a column's groups, slots; with several columns tiles of an expert, experts. */
struct push_experts {
    uint src_stride, in_quads; /* from column to column, from group to group */
    uint dst, dst_stride;
    uint chosen, chosen_stride;
    uint tile0, tile_size;
    uint first, tiles;  /* of the matrices, in this buffer */
    uint group_tiles;   /* of an expert */
    uint groups, pairs; /* of a column; of all */
    uint blocks;
    uint x0;
    uint slot0;
    uint hook;
};

/* Grid: quads of a row, slots. */
struct push_mix {
    uint src, src_stride;
    uint weights, weights_stride;
    uint dst, dst_stride;
    uint quads; /* of a row, and from expert to expert */
    uint used;
    uint slot0;
    uint hook;
};

/* Stage 0: strips of a row of logits, rows. Stage 1: rows. */
struct push_logits {
    uint src, src_stride;
    uint count; /* logits of a row */
    uint strip; /* quads of one strip */
    uint strips;
    uint row0; /* of the results */
    uint stage;
};

/* Stage 0: blocks of NM_BLOCK ids of a row of logits, rows. Stage 1: rows. */
struct push_features {
    uint src, src_stride;
    uint count;  /* logits of a row */
    uint blocks; /* of a row */
    uint row0;   /* of the residuals and the results */
    uint residual, residual_stride;
    uint width; /* of a residual */
    uint stage;
};

/* Words of a digest, in the strips and in the results. */
#define DIGEST_KEY 0u
#define DIGEST_TOKEN 1u
#define DIGEST_LOW 2u
#define DIGEST_HIGH 3u
#define DIGEST_FINITE 4u
#define DIGEST_QUADS 2u

/* Words of the features of a block of ids, and of a row (model/features.h). */
#define FEATURES_FIRST 0u /* keys */
#define FEATURES_SECOND 1u
#define FEATURES_Z 2u
#define FEATURES_W 3u
#define FEATURES_NONFINITE 4u
#define FEATURES_SQUARES 5u /* of a row */
#define FEATURES_QUADS 2u

/* Specialization constants. */
#define SPEC_ACT 1     /* storage type of activations */
#define SPEC_KV 2      /* storage type of K and V */
#define SPEC_LANES_X 3 /* workgroup: items side by side */
#define SPEC_LANES_Y 4 /* workgroup: invocations that share a sum's partials: 1, 2, 4, 8, 16 */
#define SPEC_KEEP 5    /* not 0: LINEAR writes its rows as well as their sums with the residual */
#define SPEC_REREAD 6  /* not 0: LINEAR reads codes at each step, which takes fewer registers */
#define SPEC_CAP 7     /* not 0: results are capped (SCORES, LINEAR) */
#define SPEC_NEXT 8    /* what LINEAR goes on with: NEXT_* */

#define NEXT_NONE 0u
#define NEXT_NORM 1u /* of the rows of a column, or their sums with the residual */
#define NEXT_GATE 2u /* of the rows of G and of U, which are as many */

#endif
