/* SPDX-License-Identifier: MIT */
/* Faults of the integers that steer a column, each checked against its range before it is used. */
#include "model/tap_impl.h"

/* The integer without a fault; `token`: that of the column. */
static uint32_t clean(enum tap_control control, uint32_t position, uint32_t token)
{
    switch (control) {
    case TAP_TOKEN:
    case TAP_SAMPLER:
        return token;
    case TAP_LENGTH:
        return position + 1;
    default:
        return position;
    }
}

static bool in_range(const struct tap *tap, enum tap_control control, uint32_t position,
                     uint32_t value)
{
    switch (control) {
    case TAP_TOKEN:
    case TAP_SAMPLER:
        return value < tap->ex->model->hp.n_vocab;
    case TAP_LENGTH:
        return value >= 1 && value <= position + 1;
    case TAP_ROPE:
        return value < tap->ex->positions;
    default:
        return value <= position;
    }
}

/* Bits of the integer one position earlier. */
static uint32_t stale(const struct tap_fault *fault, uint32_t position)
{
    const struct tap_held *held = NULL;

    if (position == 0)
        return 0;
    if (fault->control != TAP_TOKEN && fault->control != TAP_SAMPLER)
        return clean(fault->control, position - 1, 0);
    held = tap_held_at(fault->state, position - 1);
    return held ? held->words[0] : 0;
}

/* The integer with the fault; `out`: this evaluation's proof. */
static uint32_t faulty(const struct tap *tap, const struct tap_fault *fault, uint32_t position,
                       uint32_t value, struct hook_data *out)
{
    *out = fault->data;
    out->position = tap_draw_position(tap, fault, position);
    out->count = out->changed = 0;
    if (!hook_fires(*out, 0, value))
        return value;
    out->count = 1;
    out->first = 0;
    out->before = value;
    out->after = hook_edit(*out, 0, value, stale(fault, position));
    out->changed = out->after != value;
    return out->after;
}

static void set_due(struct tap *tap, uint32_t fault, uint32_t position)
{
    tap->due = true;
    tap->due_position = position;
    tap->due_fault = fault;
}

static void apply(struct column *column, enum tap_control control, uint32_t value)
{
    if (control == TAP_TOKEN)
        column->token = (int32_t)value;
    if (control == TAP_POSITION || control == TAP_SLOT)
        column->entry = value == column->position ? 0 : value + 1;
    if (control == TAP_POSITION || control == TAP_ROPE)
        column->rope = value == column->position ? 0 : value + 1;
    if (control == TAP_POSITION)
        column->keys = value == column->position ? 0 : value + 1;
    if (control == TAP_LENGTH)
        column->keys = value == column->position + 1 ? 0 : value;
}

/* One fault on an integer of a column or a pick. */
static enum status strike(struct tap *tap, uint32_t index, uint32_t position, uint32_t *value)
{
    const struct tap_fault *fault = &tap->faults[index];
    const uint32_t before = *value;
    struct hook_data proof;
    enum status st = STATUS_OK;

    if (tap_hits(tap, fault, position)) {
        *value = faulty(tap, fault, position, before, &proof);
        st = tap_note(tap, index, position, &proof);
        if (!in_range(tap, fault->control, position, *value))
            set_due(tap, index, position);
    }
    if (!st && tap_stale(fault) && (fault->control == TAP_TOKEN || fault->control == TAP_SAMPLER))
        st = tap_hold(fault->state, position, &fault->data, &before);
    return st;
}

enum status tap_control_column(struct tap *tap, struct column *column)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < tap->n_faults && !tap->due && !st; i++) {
        const struct tap_fault *fault = &tap->faults[i];
        if (fault->place != TAP_CONTROL || fault->control == TAP_SAMPLER)
            continue;
        const uint32_t before = clean(fault->control, column->position, (uint32_t)column->token);
        uint32_t value = before;
        st = strike(tap, i, column->position, &value);
        if (!st && !tap->due && value != before)
            apply(column, fault->control, value);
    }
    return st;
}

bool tap_control_splits(const struct tap *tap, uint32_t position)
{
    for (uint32_t i = 0; i < tap->n_faults; i++) {
        const struct tap_fault *fault = &tap->faults[i];
        struct hook_data proof;
        if (fault->place != TAP_CONTROL || fault->control == TAP_SAMPLER ||
            !tap_hits(tap, fault, position))
            continue;
        if (fault->control == TAP_TOKEN)
            return true; /* its result is not yet known */
        const uint32_t value = clean(fault->control, position, 0);
        const uint32_t after = faulty(tap, fault, position, value, &proof);
        const bool moves = fault->control == TAP_POSITION || fault->control == TAP_SLOT;
        if (!in_range(tap, fault->control, position, after) || (moves && after != value))
            return true;
    }
    return false;
}

enum status tap_pick(struct tap *tap, uint32_t position, uint32_t *token)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; tap && i < tap->n_faults && !tap->due && !st; i++) {
        if (tap->faults[i].place == TAP_CONTROL && tap->faults[i].control == TAP_SAMPLER)
            st = strike(tap, i, position, token);
    }
    return st;
}
