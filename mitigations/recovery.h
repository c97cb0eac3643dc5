/* SPDX-License-Identifier: MIT */
/* The one state machine of alarms: from a finding at a column to what the run does about it.
 *
 * A soft finding is cleared by bits: other bits after computing again are taken, the same bits call
 * for an audit of memory and are then a false alarm. A hard one has to go away: the column is
 * computed again, memory is audited, the column is computed again; what is still there after
 * RECOVERY_TRIES is uncorrected. A verification that gives other bits is an alarm, and the majority
 * of three is taken. */
#ifndef VKFI_MITIGATIONS_RECOVERY_H
#define VKFI_MITIGATIONS_RECOVERY_H

#include "mitigations/protection.h"

#define RECOVERY_TRIES 3u

/* Of a column that raised an alarm. */
struct recovery_treatment {
    uint32_t position;
    enum protection_severity severity;
    uint32_t back;    /* columns computed again at a time */
    uint32_t tries;   /* how often the column was computed again */
    bool audited;     /* memory was */
    bool gone;        /* damage was found, and is not there any more */
    bool hashed;      /* bits are known: the column gives a token */
    uint64_t hash[2]; /* of its row: at the alarm, and once computed again */
};

/* Of a run; all zeros at its start. */
struct recovery {
    bool open; /* a column is under treatment */
    struct recovery_treatment now;
    bool nested;                     /* a column before it raised an alarm when it came again: */
    struct recovery_treatment outer; /* what goes on once that is settled */
    uint32_t inner_end;              /* 1 + the last such column since `outer` went back; 0: none */
    uint32_t inner_tries;            /* of the last of them */

    uint32_t ends; /* how many alarms came at the end of the run */
    uint32_t alarms;
    uint32_t first; /* 1 + position of the first alarm; 0: none */
    uint32_t redone;
    enum decode_damage damage, last; /* the worst outcome, and that of the last treatment */
};

enum recovery_action {
    RECOVERY_TAKE, /* the column stands */
    RECOVERY_REDO, /* go back */
    RECOVERY_AUDIT /* audit all memory, then recovery_audited */
};

/* A column just evaluated. */
struct recovery_column {
    uint32_t position;
    bool hashed;
    uint64_t hash;
    const struct protection_finding *finding; /* the most severe; quiet if there is none */
};

/* `out_back`: columns to compute again. `most`: of the run; a column that would need more stands.
 */
enum recovery_action recovery_look(struct recovery *r, const struct recovery_column *column,
                                   uint32_t most, uint32_t *out_back);

/* After the audit that was wanted: its finding, whose `back` is 0 if nothing was found. */
enum recovery_action recovery_audited(struct recovery *r, const struct protection_finding *finding,
                                      uint32_t most, uint32_t *out_back);

/* At the end of the run, after the audit there, whose finding `last` has. */
enum recovery_action recovery_end(struct recovery *r, const struct recovery_column *last,
                                  uint32_t most, uint32_t *out_back);

/* Some damage is uncorrected: the run is known to be damaged to its end, columns stand whatever is
 * found, and it need not be looked at. */
bool recovery_given_up(const struct recovery *r);

#endif
