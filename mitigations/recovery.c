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
    if (r->now.gone && damage < DECODE_CORRECTED)
        damage = DECODE_CORRECTED;
    r->damage = damage > r->damage ? damage : r->damage;
    r->last = damage;
    r->open = r->nested && damage != DECODE_UNCORRECTED;
    if (r->nested)
        r->inner_tries = r->now.tries;
    if (r->open)
        r->now = r->outer;
    r->nested = false;
}

/* What becomes of a column that cannot be computed again. */
static enum recovery_action give_up(struct recovery *r)
{
    const bool proven = r->now.severity == PROTECTION_HARD;
    settle(r, proven                               ? DECODE_UNCORRECTED
              : r->now.severity == PROTECTION_SOFT ? DECODE_FALSE_ALARM
                                                   : DECODE_CLEAN);
    return RECOVERY_TAKE;
}

static enum recovery_action redo(struct recovery *r, uint32_t most, uint32_t *out_back)
{
    const uint32_t back = r->now.back < r->now.position + 1 ? r->now.back : r->now.position + 1;
    const bool spent = r->now.tries == RECOVERY_TRIES;
    if (spent && !r->now.audited && r->now.severity == PROTECTION_HARD)
        return RECOVERY_AUDIT;
    if (spent || back > most - r->redone)
        return give_up(r);
    r->now.tries++;
    r->inner_end = r->nested ? r->inner_end : 0;
    r->redone += back;
    *out_back = back;
    return RECOVERY_REDO;
}

/* An alarm, or a wish to verify, at a column that was not under treatment. */
static enum recovery_action start(struct recovery *r, const struct recovery_column *column,
                                  uint32_t most, uint32_t *out_back)
{
    const struct protection_finding *finding = column->finding;
    const bool inner = r->open && !r->nested; /* a column before the one under treatment */
    const uint32_t tries = r->nested                                  ? r->now.tries
                           : inner && column->position < r->inner_end ? r->inner_tries
                                                                      : 0;
    if (finding->severity != PROTECTION_VERIFY)
        count_alarm(r, column->position);
    if (finding->back == 0) { /* whatever is under treatment stays so */
        r->damage = r->damage > DECODE_CORRECTED ? r->damage : DECODE_CORRECTED;
        r->last = DECODE_CORRECTED;
        return RECOVERY_TAKE;
    }
    if (inner)
        r->outer = r->now;
    r->nested = r->nested || inner;
    if (r->nested && column->position >= r->inner_end)
        r->inner_end = column->position + 1;
    r->open = true;
    r->now = (struct recovery_treatment){.position = column->position,
                                         .severity = finding->severity,
                                         .back = finding->back,
                                         .tries = tries,
                                         .hashed = column->hashed,
                                         .hash = {column->hash, 0}};
    return redo(r, most, out_back);
}

/* A verified column: the same bits, or the majority of three. */
static enum recovery_action verify(struct recovery *r, const struct recovery_column *column,
                                   uint32_t most, uint32_t *out_back)
{
    if (r->now.tries == 1 && column->hash != r->now.hash[0]) {
        count_alarm(r, r->now.position);
        r->now.hash[1] = column->hash;
        return redo(r, most, out_back);
    }
    if (r->now.tries == 1)
        settle(r, DECODE_CLEAN);
    else
        settle(r, column->hash == r->now.hash[0] || column->hash == r->now.hash[1]
                      ? DECODE_CORRECTED
                      : DECODE_UNCORRECTED);
    return RECOVERY_TAKE;
}

/* After an audit: damage by proof is computed again, anything else was no damage. */
static enum recovery_action judge(struct recovery *r, uint32_t most, uint32_t *out_back)
{
    if (r->now.severity == PROTECTION_HARD)
        return redo(r, most, out_back);
    settle(r, DECODE_FALSE_ALARM);
    return RECOVERY_TAKE;
}

/* The run did not come back to the column under treatment. */
static void leave(struct recovery *r)
{
    settle(r, r->now.severity == PROTECTION_VERIFY ? DECODE_CLEAN : DECODE_CORRECTED);
}

/* A column under treatment has been computed again. */
static enum recovery_action again(struct recovery *r, const struct recovery_column *column,
                                  uint32_t most, uint32_t *out_back)
{
    const bool quiet = column->finding->severity <= PROTECTION_VERIFY;
    const bool same = r->now.hashed ? column->hash == r->now.hash[0] : !quiet;
    if (column->finding->severity == PROTECTION_HARD && r->now.severity != PROTECTION_HARD) {
        if (r->now.severity == PROTECTION_VERIFY)
            count_alarm(r, r->now.position);
        r->now.severity = PROTECTION_HARD;
    }
    if (r->now.severity == PROTECTION_VERIFY)
        return verify(r, column, most, out_back);
    if (r->now.severity == PROTECTION_HARD ? quiet : !same) {
        settle(r, DECODE_CORRECTED);
        return RECOVERY_TAKE;
    }
    if (column->finding->back > r->now.back)
        r->now.back = column->finding->back;
    if (r->now.severity == PROTECTION_HARD && column->finding->severity == PROTECTION_SOFT) {
        r->now.gone = true; /* what is left is an unlikely column: its bits decide */
        r->now.severity = PROTECTION_SOFT;
        r->now.hash[0] = column->hash;
        return redo(r, most, out_back);
    }
    return r->now.audited ? judge(r, most, out_back) : RECOVERY_AUDIT;
}

enum recovery_action recovery_look(struct recovery *r, const struct recovery_column *column,
                                   uint32_t most, uint32_t *out_back)
{
    *out_back = 0;
    if (recovery_given_up(r))
        return RECOVERY_TAKE;
    while (r->open && column->position > r->now.position)
        leave(r);
    if (r->open && column->position == r->now.position)
        return again(r, column, most, out_back);
    if (column->finding->severity != PROTECTION_QUIET)
        return start(r, column, most, out_back);
    return RECOVERY_TAKE;
}

enum recovery_action recovery_audited(struct recovery *r, const struct protection_finding *finding,
                                      uint32_t most, uint32_t *out_back)
{
    *out_back = 0;
    r->now.audited = true;
    if (finding->back > r->now.back)
        r->now.back = finding->back;
    if (finding->repaired) /* what was tried before met the damage that is now gone */
        r->now.tries = 0;
    if (finding->severity != PROTECTION_QUIET)
        r->now.severity = PROTECTION_HARD;
    return judge(r, most, out_back);
}

enum recovery_action recovery_end(struct recovery *r, const struct recovery_column *last,
                                  uint32_t most, uint32_t *out_back)
{
    *out_back = 0;
    if (recovery_given_up(r))
        return RECOVERY_TAKE;
    while (r->open)
        leave(r);
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
