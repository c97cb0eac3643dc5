/* SPDX-License-Identifier: MIT */
/* Push constants of the kernels that sum memory: C and GLSL. */
#ifndef VKFI_SHARED_SUMS_H
#define VKFI_SHARED_SUMS_H

#include "shared/lang.h"

/* Grid: pages of one region of weights. */
struct push_weight_sums {
    uint src, quads; /* of the region, from the first page on */
    uint page_quads;
    uint dst; /* quad of the results */
};

/* Grid: slots. The sums of what a STORE stores (host/model/guard.h). */
struct push_stored_sums {
    uint k, v, stride;
    uint quads; /* of f32 values of K (and of V) of a slot */
    uint slot0;
    uint verdict, verdict_step; /* quads of the verdicts: of the first slot, from slot to slot */
};

/* Grid: spans of K or V in one layer (host/model/executor_kv.h). */
struct push_kv_sums {
    uint job; /* quad of the first span in the jobs: quad of its page, first position, positions,
                 mask of a word */
    uint row; /* quads of a position */
    uint dst; /* quad of the results */
};

#endif
