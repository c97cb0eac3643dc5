/* SPDX-License-Identifier: MIT */
/* Transitions of the state machine of alarms. */
#include "mitigations/recovery.h"

static void count_alarm(struct recovery *r, uint32_t position)
{
    r->alarms++;
    if (r->first == 0)
        r->first = position + 1;
}

static void settle(struct recovery *r, enum decode_damage damage)
{
    r->damage = damage > r->damage ? damage : r->damage;
    r->last = damage;
    r->open = false;
}

/* What becomes of a column that cannot be computed again. */
static enum recovery_action give_up(struct recovery *r)
{
    const bool proven = r->severity == PROTECTION_HARD;
    settle(r, proven                           ? DECODE_UNCORRECTED
              : r->severity == PROTECTION_SOFT ? DECODE_FALSE_ALARM
                                               : DECODE_CLEAN);
    return RECOVERY_TAKE;
}

static enum recovery_action redo(struct recovery *r, uint32_t most, uint32_t *out_back)
{
    const uint32_t back = r->back < r->position + 1 ? r->back : r->position + 1;
    if (r->tries == RECOVERY_TRIES || back > most - r->redone)
        return give_up(r);
    r->tries++;
    r->redone += back;
    *out_back = back;
    return RECOVERY_REDO;
}

/* An alarm, or a wish to verify, at a column that was not under treatment. */
static enum recovery_action start(struct recovery *r, const struct recovery_column *column,
                                  uint32_t most, uint32_t *out_back)
{
    const struct protection_finding *finding = column->finding;
    const uint32_t tries =
        r->open ? r->tries : 0; /* this column is before the one under treatment */
    if (finding->severity != PROTECTION_VERIFY)
        count_alarm(r, column->position);
    if (finding->back == 0) { /* whatever is under treatment stays so */
        const bool open = r->open;
        settle(r, DECODE_CORRECTED);
        r->open = open;
        return RECOVERY_TAKE;
    }
    r->open = true;
    r->position = column->position;
    r->severity = finding->severity;
    r->back = finding->back;
    r->tries = tries;
    r->audited = false;
    r->hashed = column->hashed;
    r->hash[0] = column->hash;
    return redo(r, most, out_back);
}

/* A verified column: the same bits, or the majority of three. */
static enum recovery_action verify(struct recovery *r, const struct recovery_column *column,
                                   uint32_t most, uint32_t *out_back)
{
    if (r->tries == 1 && column->hash != r->hash[0]) {
        count_alarm(r, r->position);
        r->hash[1] = column->hash;
        return redo(r, most, out_back);
    }
    if (r->tries == 1)
        settle(r, DECODE_CLEAN);
    else
        settle(r, column->hash == r->hash[0] || column->hash == r->hash[1] ? DECODE_CORRECTED
                                                                           : DECODE_UNCORRECTED);
    return RECOVERY_TAKE;
}

/* A column under treatment has been computed again. */
static enum recovery_action again(struct recovery *r, const struct recovery_column *column,
                                  uint32_t most, uint32_t *out_back)
{
    const bool quiet = column->finding->severity <= PROTECTION_VERIFY;
    const bool same = r->hashed ? column->hash == r->hash[0] : !quiet;
    if (column->finding->severity == PROTECTION_HARD && r->severity != PROTECTION_HARD) {
        if (r->severity == PROTECTION_VERIFY)
            count_alarm(r, r->position);
        r->severity = PROTECTION_HARD;
    }
    if (r->severity == PROTECTION_VERIFY)
        return verify(r, column, most, out_back);
    if (r->severity == PROTECTION_HARD ? quiet : !same) {
        settle(r, DECODE_CORRECTED);
        return RECOVERY_TAKE;
    }
    if (column->finding->back > r->back)
        r->back = column->finding->back;
    if (!r->audited)
        return RECOVERY_AUDIT;
    if (r->severity == PROTECTION_HARD)
        return redo(r, most, out_back);
    settle(r, DECODE_FALSE_ALARM);
    return RECOVERY_TAKE;
}

enum recovery_action recovery_look(struct recovery *r, const struct recovery_column *column,
                                   uint32_t most, uint32_t *out_back)
{
    *out_back = 0;
    if (recovery_given_up(r))
        return RECOVERY_TAKE;
    if (r->open && column->position > r->position) /* the run did not come back to it */
        settle(r, r->severity == PROTECTION_VERIFY ? DECODE_CLEAN : DECODE_CORRECTED);
    if (r->open && column->position == r->position)
        return again(r, column, most, out_back);
    if (column->finding->severity != PROTECTION_QUIET)
        return start(r, column, most, out_back);
    return RECOVERY_TAKE;
}

enum recovery_action recovery_audited(struct recovery *r, const struct protection_finding *finding,
                                      uint32_t most, uint32_t *out_back)
{
    const bool found = finding->severity != PROTECTION_QUIET;
    *out_back = 0;
    r->audited = true;
    if (finding->back > r->back)
        r->back = finding->back;
    if (found)
        r->severity = PROTECTION_HARD;
    if (found || r->severity == PROTECTION_HARD)
        return redo(r, most, out_back);
    settle(r, DECODE_FALSE_ALARM);
    return RECOVERY_TAKE;
}

enum recovery_action recovery_end(struct recovery *r, const struct recovery_column *last,
                                  uint32_t most, uint32_t *out_back)
{
    *out_back = 0;
    if (recovery_given_up(r))
        return RECOVERY_TAKE;
    if (r->open) /* the run did not come back to it */
        settle(r, r->severity == PROTECTION_VERIFY ? DECODE_CLEAN : DECODE_CORRECTED);
    if (last->finding->severity == PROTECTION_QUIET)
        return RECOVERY_TAKE;
    if (r->ends++ < RECOVERY_TRIES)
        return start(r, last, most, out_back);
    count_alarm(r, last->position);
    settle(r, DECODE_UNCORRECTED);
    return RECOVERY_TAKE;
}

bool recovery_given_up(const struct recovery *r)
{
    return r->damage == DECODE_UNCORRECTED && !r->open;
}
