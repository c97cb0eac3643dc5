/* SPDX-License-Identifier: MIT */
/* Life of a tap, and where it cuts runs. */
#include "model/tap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/tap_impl.h"

static void free_held(struct tap_held **list)
{
    struct tap_held *held = *list;
    *list = held->next;
    free(held->words);
    free(held);
}

static void free_states(struct tap *tap)
{
    tap_release(tap, 0, 0);
    for (uint32_t i = 0; i < tap->n_faults; i++) {
        struct tap_state *state = tap->faults[i].state;
        if (state) {
            free(state->before);
            free(state->fired);
            free(state->lost);
            free(state);
        }
        tap->faults[i].state = NULL;
    }
}

enum status tap_init(struct tap *tap, struct tap_fault *faults, uint32_t n_faults,
                     const struct executor *ex)
{
    *tap = (struct tap){.faults = faults, .n_faults = n_faults, .ex = ex};
    for (uint32_t i = 0; i < n_faults; i++) {
        faults[i].state = NULL;
        hook_open(&faults[i].data);
        faults[i].data.draw_row = faults[i].data.row;
    }
    for (uint32_t i = 0; i < n_faults; i++) {
        faults[i].state = calloc(1, sizeof(*faults[i].state));
        if (!faults[i].state) {
            log_error("out of memory for a trial of %u faults", n_faults);
            free_states(tap);
            *tap = (struct tap){0};
            return STATUS_MEMORY;
        }
    }
    return STATUS_OK;
}

enum status tap_finish(struct tap *tap, struct executor *ex)
{
    enum status st = tap_memory_undo(tap, ex);
    executor_unlisten(ex, &tap->listener);
    free_states(tap);
    free(tap->notes);
    *tap = (struct tap){0};
    return st;
}

/* A fault left an integer out of its range at a position. */
static void note_stray(struct tap *tap, uint32_t fault, uint32_t position)
{
    if (tap->strays && tap->stray_position <= position)
        return;
    tap->strays = true;
    tap->stray_position = position;
    tap->stray_fault = fault;
}

enum status tap_note(struct tap *tap, uint32_t fault, uint32_t position,
                     const struct hook_data *proof)
{
    if (proof->stray)
        note_stray(tap, fault, position);
    const uint32_t count = position < tap->seen ? 0 : proof->count; /* counted once */
    if (count == 0 && proof->changed == 0)
        return STATUS_OK;
    if (tap->n_notes == tap->room_notes) {
        const uint32_t room = 2 * tap->room_notes + 16;
        struct tap_note *notes = realloc(tap->notes, room * sizeof(*notes));
        if (!notes) {
            log_error("out of memory for %u activations", room);
            return STATUS_MEMORY;
        }
        tap->notes = notes;
        tap->room_notes = room;
    }
    tap->notes[tap->n_notes++] = (struct tap_note){.fault = fault,
                                                   .position = position,
                                                   .attempt = tap->attempt,
                                                   .count = count,
                                                   .changed = proof->changed,
                                                   .first = proof->first,
                                                   .before = proof->before,
                                                   .after = proof->after};
    return STATUS_OK;
}

struct tap_proof tap_proof(const struct tap *tap, uint32_t fault)
{
    struct tap_proof proof = {0};
    for (uint32_t i = 0; i < tap->n_notes; i++) {
        const struct tap_note *note = &tap->notes[i];
        if (note->fault != fault)
            continue;
        if (note->count > 0 && (proof.count == 0 || note->position < proof.position)) {
            proof.position = note->position;
            proof.element = note->first;
            proof.before = note->before;
            proof.after = note->after;
        }
        proof.count += note->count;
        proof.changed += note->changed;
        proof.count_first += note->position == tap->faults[fault].position ? note->count : 0;
    }
    return proof;
}

void tap_cut(struct tap *tap, uint32_t position)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < tap->n_notes; i++) {
        const struct tap_note *note = &tap->notes[i];
        if (note->position < position || note->attempt < tap->attempt) /* earlier runs count */
            tap->notes[kept++] = *note;
    }
    tap->n_notes = kept;
    tap->strays = tap->strays && tap->stray_position < position;
    tap_release(tap, 0, position);
}

bool tap_takes(struct tap *tap, uint32_t position)
{
    if (!tap || !tap->strays || tap->stray_position != position)
        return true;
    tap->due = true;
    tap->due_position = position;
    tap->due_fault = tap->stray_fault;
    tap_cut(tap, position + 1);
    return false;
}

void tap_back(struct tap *tap, uint32_t position, uint32_t seen)
{
    tap->seen = seen > tap->seen ? seen : tap->seen;
    tap->attempt++;
    tap->strays = false;
    tap_release(tap, 0, position);
    tap_memory_back(tap, position);
}

enum status tap_hold(struct tap_state *state, uint32_t position, const struct hook_data *box,
                     const uint32_t *words)
{
    const size_t size = hook_size(box) * sizeof(*words);
    struct tap_held *held = malloc(sizeof(*held));
    uint32_t *copy = malloc(size);
    if (!held || !copy) {
        log_error("out of memory for %zu bytes of captured bits", size);
        free(held);
        free(copy);
        return STATUS_MEMORY;
    }
    memcpy(copy, words, size);
    *held =
        (struct tap_held){.position = position, .box = *box, .words = copy, .next = state->held};
    state->held = held;
    return STATUS_OK;
}

/* In the same order. */
static enum status copy_held(struct tap_state *to, const struct tap_state *from)
{
    struct tap_held **end = &to->held;
    for (const struct tap_held *held = from->held; held; held = held->next) {
        struct tap_state one = {0};
        const enum status st = tap_hold(&one, held->position, &held->box, held->words);
        if (st)
            return st;
        *end = one.held;
        end = &one.held->next;
    }
    return STATUS_OK;
}

enum status tap_take_over(struct tap *tap, const struct tap *from)
{
    struct tap_note *notes = calloc(from->n_notes + 1, sizeof(*notes));
    enum status st = notes ? STATUS_OK : STATUS_MEMORY;
    if (st) {
        log_error("out of memory for %u activations", from->n_notes);
        return st;
    }
    assert(tap->n_faults == from->n_faults && tap->n_notes == 0);
    if (from->n_notes > 0)
        memcpy(notes, from->notes, from->n_notes * sizeof(*notes));
    free(tap->notes);
    tap->notes = notes;
    tap->n_notes = from->n_notes;
    tap->room_notes = from->n_notes + 1;
    for (uint32_t i = 0; i < tap->n_faults && !st; i++)
        st = copy_held(tap->faults[i].state, from->faults[i].state);
    return st;
}

const struct tap_held *tap_held_at(const struct tap_state *state, uint32_t position)
{
    const struct tap_held *held = state->held;
    while (held && held->position != position)
        held = held->next;
    return held;
}

void tap_release(struct tap *tap, uint32_t first, uint32_t end)
{
    for (uint32_t i = 0; i < tap->n_faults; i++) {
        if (!tap->faults[i].state)
            continue;
        for (struct tap_held **list = &tap->faults[i].state->held; *list;) {
            if ((*list)->position < first || (*list)->position >= end)
                free_held(list);
            else
                list = &(*list)->next;
        }
    }
}

uint32_t tap_first(const struct tap *tap)
{
    uint32_t first = EXECUTOR_NONE;
    for (uint32_t i = 0; i < tap->n_faults; i++) {
        const struct tap_fault *fault = &tap->faults[i];
        bool earlier = fault->place == TAP_EVALUATION ||
                       (fault->place == TAP_CONTROL &&
                        (fault->control == TAP_TOKEN || fault->control == TAP_SAMPLER));
        uint32_t position = fault->position;
        if (earlier && tap_stale(fault) && position > fault->begins)
            position--;
        first = position < first ? position : first;
    }
    return first;
}

uint32_t tap_split(const struct tap *tap, uint32_t position, uint32_t n)
{
    if (!tap)
        return n;
    for (uint32_t i = 0; i < tap->n_faults; i++) {
        const struct tap_fault *fault = &tap->faults[i];
        if (!tap_is_memory(fault))
            continue;
        uint64_t until =
            fault->position_count == TAP_FOREVER
                ? UINT64_MAX
                : (uint64_t)fault->position + (fault->position_count ? fault->position_count : 1);
        if (position < fault->position && (uint64_t)position + n > fault->position)
            n = fault->position - position;
        if (position < until && (uint64_t)position + n > until)
            n = (uint32_t)(until - position);
    }
    n = tap_memory_split(tap, position, n);
    for (uint32_t i = 1; i < n; i++) {
        if (tap_control_splits(tap, position + i))
            return i;
    }
    return n;
}

bool tap_is_shared(const struct tap *tap)
{
    for (uint32_t i = 0; i < tap->n_faults; i++) {
        if (tap->faults[i].place == TAP_WEIGHT || tap->faults[i].place == TAP_TABLE)
            return true;
    }
    return false;
}
