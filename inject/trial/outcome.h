/* SPDX-License-Identifier: MIT */
/* From the facts of a trial to its outcome: a pure function (METHOD.md 3). */
#ifndef VKFI_INJECT_OUTCOME_H
#define VKFI_INJECT_OUTCOME_H

#include <stdbool.h>

#include "inject/space/kinds.h"

struct outcome_facts {
    bool reached;      /* the golden run evaluates the coordinates              */
    bool dry;          /* the fault is a control that changes nothing           */
    bool bits_changed; /* an activation changed bits */
    bool abnormal;     /* the run ended by a trap, a crash, a lost device, ...  */
    bool same_bits;    /* every logit of every step has the golden bits         */
    bool same_tokens;  /* no token differs, none is missing                     */
    bool same_text;    /* byte for byte; other tokens may spell it */
    bool scored;       /* the item has a scorer: the scores below count         */
    double score_change, eps;
};

/* First match wins. */
enum outcome outcome_of(const struct outcome_facts *facts);

#endif
