/* SPDX-License-Identifier: MIT */
/* What guards look at: entries of lists that the host writes as it records a pass, a workgroup for
 * each; guards of any nodes and columns share a dispatch. C and GLSL; all words, no padding. */
#ifndef VKFI_SHARED_GUARDS_H
#define VKFI_SHARED_GUARDS_H

#include "shared/range.h"

#define GUARDS_STRIP 256u /* quads of a strip */

/* A strip of a row against a range, or against the same row of a second evaluation. */
struct guards_strip {
    uint row;         /* quad of the row: lines (heads) of keys, or one line */
    uint line_quads;  /* from line to line */
    uint first, last; /* elements of a line that are present */
    uint at, end;     /* of the quads that have such elements, line after line */
    uint twin;    /* quads from the row to that of a second evaluation; 0: the range is checked */
    uint verdict; /* quad: number, lowest index */
    RANGE_CHECK range;
};

/* A part of the rows of a LINEAR (shared/abft.h). */
struct guards_part {
    uint src, quads; /* the inputs */
    uint dst;        /* quad of the part's first row */
    uint row, end;   /* of the matrix: first row, one past the last */
    uint table;      /* quad of the part */
    uint factor;     /* bits, of the bound */
    uint verdict;    /* quad */
};

/* A row of K and of V, as a STORE stores them; k = v: a row of an EMBED, its words. */
struct guards_stored {
    uint k, v, quads; /* of f32 values */
    uint verdict;     /* quad: weighted and mixed sum of K, of V (0 of an EMBED) */
};

/* Grid: entries. */
struct push_guard {
    uint entry0;
};

#ifdef VKFI_GLSL
#define GUARDS_BUFFER(n, type, name)                                                               \
    layout(std430, binding = n) readonly buffer name##_buffer                                      \
    {                                                                                              \
        type name[];                                                                               \
    };                                                                                             \
    layout(push_constant) uniform push_block                                                       \
    {                                                                                              \
        push_guard push;                                                                           \
    }
#endif

#endif
