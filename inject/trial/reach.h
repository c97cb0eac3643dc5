/* SPDX-License-Identifier: MIT */
/* What a fault leaves golden (engine 2). */
#ifndef VKFI_INJECT_REACH_H
#define VKFI_INJECT_REACH_H

#include "inject/space/fault.h"

struct fault_reach {
    bool from_token;     /* columns start from their tokens, not from checkpoints */
    bool rest;           /* later columns differ at all */
    uint32_t first;      /* layer where a struck column starts */
    uint32_t rest_first; /* layer where later columns start */
};

struct fault_reach fault_reach(const struct fault *fault, const struct model *model);

#endif
