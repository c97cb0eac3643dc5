/* SPDX-License-Identifier: MIT */
/* Faults of stored bits: struck once, remembered, scrubbed or undone. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "model/tap_impl.h"

/* One stored element: coordinates of the fault's box. */
struct element {
    uint32_t row, k, key;
};

static struct element element_at(const struct hook_data *box, uint32_t index)
{
    return (struct element){.row = box->row + index / box->keys / box->ks * box->row_step,
                            .k = box->k + index / box->keys % box->ks * box->k_step,
                            .key = box->key + index % box->keys};
}

/* An edit of one element: kind dry reads it, set writes it. */
static enum status edit(const struct tap_fault *fault, struct executor *ex, struct element e,
                        struct hook_data *data)
{
    if (fault->place == TAP_WEIGHT) {
        const struct weight_site site = {.tensor = fault->tensor,
                                         .row = e.row,
                                         .k = e.k,
                                         .field = (enum quant_field)fault->data.field};
        return executor_edit_weight(ex, &site, data);
    }
    if (fault->place == TAP_TABLE) {
        const struct table_site site = {.table = fault->table, .position = e.row, .element = e.k};
        return executor_edit_table(ex, &site, data);
    }
    const struct kv_site site = {.branch = fault->state->branch,
                                 .layer = fault->layer,
                                 .position = e.key,
                                 .value = fault->value_cache,
                                 .feature = e.k};
    return executor_edit_kv(ex, &site, data);
}

static enum status read_bits(const struct tap_fault *fault, struct executor *ex, struct element e,
                             uint32_t *out)
{
    struct hook_data data = {.kind = KIND_DRY};
    enum status st = edit(fault, ex, e, &data);
    *out = data.before;
    return st;
}

static enum status write_bits(const struct tap_fault *fault, struct executor *ex, struct element e,
                              uint32_t bits)
{
    struct hook_data data = {.kind = KIND_SET, .value = bits};
    enum status st = edit(fault, ex, e, &data);
    if (!st && data.after != bits) {
        log_error("memory: wrote 0x%" PRIx32 " to row %" PRIu32 " k %" PRIu32 " key %" PRIu32
                  ", read back 0x%" PRIx32,
                  bits, e.row, e.k, e.key, data.after);
        return STATUS_INTERNAL;
    }
    return st;
}

/* The bits that stale, mix and wrong_read take for an element. */
static enum status read_other(const struct tap_fault *fault, struct executor *ex, struct element e,
                              uint32_t *out)
{
    const struct hook_data *d = &fault->data;
    uint32_t *coordinate = fault->place == TAP_KV ? &e.key : &e.row;
    const uint32_t first = fault->place == TAP_KV ? d->key : d->row;

    *out = 0;
    if (d->kind == KIND_WRONG_READ)
        *coordinate = fault->from + (*coordinate - first);
    else if (!tap_stale(fault) || *coordinate == 0)
        return STATUS_OK;
    else
        --*coordinate;
    return read_bits(fault, ex, e, out);
}

/* The box with its keys resolved: entries stored before the strike. */
static struct hook_data box_of(const struct tap_fault *fault)
{
    struct hook_data box = fault->data;
    if (box.keys == TAP_ALL_KEYS) {
        box.key = 0;
        box.keys = fault->position;
    }
    box.position = fault->position;
    return box;
}

/* Bits before and after of the elements that fire: by the fault's conditions, or with `again` those
 * that fired at the strike. All are read before any is written, as elements may share a word. */
static enum status look(const struct tap_fault *fault, struct executor *ex, struct hook_data *box,
                        bool again, uint32_t *after)
{
    struct tap_state *state = fault->state;
    const uint64_t size = hook_size(box);
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < size && !st; i++) {
        const struct element e = element_at(box, i);
        uint32_t other = 0;
        if (again && !state->fired[i])
            continue;
        st = read_bits(fault, ex, e, &state->before[i]);
        if (!st)
            st = read_other(fault, ex, e, &other);
        if (st || (!again && !hook_fires(*box, i, state->before[i])))
            continue;
        after[i] = hook_edit(*box, i, state->before[i], other);
        state->fired[i] = true;
        if (box->count++ == 0) {
            box->first = i;
            box->before = state->before[i];
            box->after = after[i];
        }
        box->changed += after[i] != state->before[i];
    }
    return st;
}

/* Strikes, or strikes again after a fault below on the stack was scrubbed. */
static enum status hit(struct tap *tap, uint32_t index, struct executor *ex, bool again)
{
    struct tap_fault *fault = &tap->faults[index];
    struct hook_data box = box_of(fault);
    const uint64_t size = hook_size(&box);
    uint32_t *after = malloc((size ? size : 1) * sizeof(*after));
    enum status st = STATUS_OK;
    if (!after) {
        log_error("out of memory for %" PRIu64 " struck elements", size);
        return STATUS_MEMORY;
    }
    st = look(fault, ex, &box, again, after);
    for (uint32_t i = 0; i < size && !st; i++) {
        if (fault->state->fired[i])
            st = write_bits(fault, ex, element_at(&box, i), after[i]);
    }
    fault->state->lifted = false;
    if (!st && !again)
        st = tap_note(tap, index, fault->position, &box);
    free(after);
    return st;
}

static enum status strike(struct tap *tap, uint32_t index, struct executor *ex, uint32_t branch)
{
    struct tap_fault *fault = &tap->faults[index];
    struct tap_state *state = fault->state;
    const struct hook_data box = box_of(fault);
    const uint64_t size = hook_size(&box);

    state->struck = true;
    state->order = ++tap->strikes;
    state->branch = branch;
    state->before = malloc((size ? size : 1) * sizeof(*state->before));
    state->fired = calloc(size ? size : 1, sizeof(*state->fired));
    state->lost = calloc(size ? size : 1, sizeof(*state->lost));
    if (!state->before || !state->fired || !state->lost) {
        log_error("out of memory for %" PRIu64 " struck elements", size);
        return STATUS_MEMORY;
    }
    return hit(tap, index, ex, false);
}

/* Restores the bits from before the strike, which is right if nothing struck them since. */
static enum status lift(struct tap_fault *fault, struct executor *ex)
{
    const struct hook_data box = box_of(fault);
    const uint64_t size = hook_size(&box);
    struct tap_state *state = fault->state;
    enum status st = STATUS_OK;

    state->lifted = true;
    for (uint32_t i = 0; state->before && state->fired && i < size && !st; i++) {
        if (state->fired[i])
            st = write_bits(fault, ex, element_at(&box, i), state->before[i]);
    }
    return st;
}

static bool in_force(const struct tap_fault *fault)
{
    return tap_is_memory(fault) && fault->state->struck && !fault->state->undone;
}

/* Of the faults in force, the one that struck last; of those lifted, the one that struck first. */
static struct tap_fault *newest(const struct tap *tap)
{
    struct tap_fault *found = NULL;
    for (uint32_t i = 0; i < tap->n_faults; i++) {
        struct tap_fault *fault = &tap->faults[i];
        if (in_force(fault) && !fault->state->lifted &&
            (!found || fault->state->order > found->state->order))
            found = fault;
    }
    return found;
}

static struct tap_fault *oldest_lifted(const struct tap *tap)
{
    struct tap_fault *found = NULL;
    for (uint32_t i = 0; i < tap->n_faults; i++) {
        struct tap_fault *fault = &tap->faults[i];
        if (in_force(fault) && fault->state->lifted &&
            (!found || fault->state->order < found->state->order))
            found = fault;
    }
    return found;
}

/* How many faults in force end before `position`. */
static uint32_t count_ending(const struct tap *tap, uint32_t position)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < tap->n_faults; i++)
        count += in_force(&tap->faults[i]) && !tap_strikes(&tap->faults[i], position);
    return count;
}

/* Takes faults off the stack, newest first, down to the last that ends, and puts back those that do
 * not end: the stored bits are then as these alone leave them. */
static enum status scrub(struct tap *tap, struct executor *ex, uint32_t branch, uint32_t position)
{
    uint32_t ending = count_ending(tap, position);
    struct tap_fault *fault;
    enum status st = STATUS_OK;
    while (!st && ending > 0 && (fault = newest(tap)) != NULL) {
        fault->state->branch = branch;
        st = lift(fault, ex);
        fault->state->undone = !tap_strikes(fault, position);
        ending -= fault->state->undone;
    }
    while (!st && (fault = oldest_lifted(tap)) != NULL)
        st = hit(tap, (uint32_t)(fault - tap->faults), ex, true);
    return st;
}

/* An element was written over. */
static void lose(const struct tap_fault *fault, uint32_t i)
{
    fault->state->lost[i] |= fault->state->fired[i] && tap_is_stuck(fault);
    fault->state->fired[i] = false;
}

static bool is_in(uint64_t x, uint64_t first, uint64_t n)
{
    return x >= first && x - first < n;
}

/* Whether a write went over an element of the fault. */
static bool goes_over(const struct executor_write *w, const struct tap_fault *fault,
                      struct element e)
{
    if (fault->place == TAP_WEIGHT)
        return w->weights.tensor == fault->tensor &&
               is_in(e.row, w->weights.row, w->weights.rows) &&
               is_in(e.k, w->weights.k, w->weights.ks);
    return fault->place == TAP_KV && !w->weights.tensor && w->kv.branch == fault->state->branch &&
           w->kv.layer == fault->layer && w->kv.value == fault->value_cache &&
           is_in(e.key, w->kv.position, w->kv.n);
}

/* What is forced: in weights and tables all that was lost. */
struct forced {
    const struct executor_write *write; /* only what it went over; null: */
    uint32_t position;                  /* KV entries below */
};

/* Forces the bits of a stuck fault that were written over. */
static enum status force(const struct tap_fault *fault, struct executor *ex, struct forced which)
{
    const struct hook_data box = box_of(fault);
    struct tap_state *state = fault->state;
    const uint64_t size = hook_size(&box);
    enum status st = STATUS_OK;

    for (uint32_t i = 0; i < size && !st; i++) {
        const struct element e = element_at(&box, i);
        if (!state->lost[i] || (which.write ? !goes_over(which.write, fault, e)
                                            : fault->place == TAP_KV && e.key >= which.position))
            continue;
        st = read_bits(fault, ex, e, &state->before[i]);
        if (!st)
            st = write_bits(fault, ex, e, hook_edit(box, i, state->before[i], 0));
        state->fired[i] = true;
        state->lost[i] = false;
    }
    return st;
}

/* Of the stuck faults in force that struck after `order`, the first. */
static struct tap_fault *next_stuck(const struct tap *tap, uint64_t order)
{
    struct tap_fault *found = NULL;
    for (uint32_t i = 0; i < tap->n_faults; i++) {
        struct tap_fault *fault = &tap->faults[i];
        if (in_force(fault) && tap_is_stuck(fault) && fault->state->order > order &&
            (!found || fault->state->order < found->state->order))
            found = fault;
    }
    return found;
}

/* Forces stuck faults in the order of their strikes. */
static enum status force_all(struct tap *tap, struct executor *ex, struct forced which)
{
    enum status st = STATUS_OK;
    for (struct tap_fault *fault = next_stuck(tap, 0); fault && !st;
         fault = next_stuck(tap, fault->state->order))
        st = force(fault, ex, which);
    return st;
}

/* A repair went over struck bits: flips are gone, stuck bits come again at once. */
static enum status wrote(void *user, struct executor *ex, const struct executor_write *write)
{
    struct tap *tap = user;
    for (uint32_t i = 0; i < tap->n_faults; i++) {
        const struct tap_fault *fault = &tap->faults[i];
        const struct hook_data box = box_of(fault);
        const uint64_t size = tap_is_memory(fault) && in_force(fault) ? hook_size(&box) : 0;
        for (uint32_t k = 0; k < size; k++) {
            if (goes_over(write, fault, element_at(&box, k)))
                lose(fault, k);
        }
    }
    return force_all(tap, ex, (struct forced){.write = write});
}

static void listen(struct tap *tap, struct executor *ex)
{
    if (tap->listener.wrote)
        return;
    tap->listener = (struct executor_listener){.wrote = wrote, .user = tap};
    executor_listen(ex, &tap->listener);
}

enum status tap_strike(struct tap *tap, struct executor *ex, uint32_t branch, uint32_t position)
{
    /* stored bits do not go back with the run */
    const uint32_t now = position < tap->seen ? tap->seen - 1 : position;
    enum status st = scrub(tap, ex, branch, now);
    st = st ? st : force_all(tap, ex, (struct forced){.position = position});
    for (uint32_t i = 0; i < tap->n_faults && !st; i++) {
        struct tap_fault *fault = &tap->faults[i];
        if (!tap_is_memory(fault) || fault->state->struck || !tap_strikes(fault, now))
            continue;
        listen(tap, ex);
        st = strike(tap, i, ex, branch);
    }
    return st;
}

/* Walks the elements of K and V that faults in force hold. */
struct held {
    const struct tap_fault *fault;
    uint32_t k, key; /* of the element: its index in the fault's box, its position */
    uint32_t next, next_k;
};

static bool next_held(const struct tap *tap, struct held *held)
{
    for (; held->next < tap->n_faults; held->next++, held->next_k = 0) {
        held->fault = &tap->faults[held->next];
        if (held->fault->place != TAP_KV || !in_force(held->fault))
            continue;
        const struct hook_data box = box_of(held->fault);
        held->k = held->next_k++;
        if (held->k >= hook_size(&box))
            continue;
        held->key = element_at(&box, held->k).key;
        return true;
    }
    return false;
}

void tap_memory_back(struct tap *tap, uint32_t position)
{
    for (struct held h = {0}; next_held(tap, &h);) {
        if (h.key >= position)
            lose(h.fault, h.k);
    }
}

uint32_t tap_memory_split(const struct tap *tap, uint32_t position, uint32_t n)
{
    for (struct held h = {0}; next_held(tap, &h);) {
        if (h.fault->state->lost[h.k] && h.key >= position && h.key - position < n)
            n = h.key - position + 1;
    }
    return n;
}

enum status tap_memory_undo(struct tap *tap, struct executor *ex)
{
    enum status st = STATUS_OK;
    struct tap_fault *fault;
    while ((fault = newest(tap)) != NULL) {
        const enum status one = fault->place == TAP_KV ? STATUS_OK : lift(fault, ex);
        fault->state->undone = true;
        st = st ? st : one;
    }
    return st;
}
