/* SPDX-License-Identifier: MIT */
/* The box of elements that a fault strikes at a position, and the hooks that this takes. */
#include "model/op.h"
#include "model/tap_impl.h"
#include "shared/order.h"

bool tap_box(const struct tap_fault *fault, const struct node *node, uint32_t last_key,
             struct hook_data *out)
{
    const uint32_t first_key = order_first_key(last_key, node->window);
    struct op_point at;

    *out = fault->data;
    if (!op_point(&at, node, fault->point) || !at.keyed)
        return true;
    if (out->keys == TAP_ALL_KEYS) {
        out->key = first_key;
        out->keys = last_key - first_key + 1;
        return true;
    }
    const uint64_t end = (uint64_t)out->key + out->keys;
    const uint64_t last = end - 1 < last_key ? end - 1 : last_key;
    if (out->key > last_key || last < first_key)
        return false;
    out->key = out->key < first_key ? first_key : out->key;
    out->keys = (uint32_t)last - out->key + 1;
    return true;
}

/* A range of values first, first + step, .. (n) below `count`, moved by `by`, in at most two. */
struct moved {
    uint32_t first[2], n[2];
};

static struct moved move(uint32_t first, uint32_t n, uint32_t step, uint32_t count, uint32_t by)
{
    const uint64_t room = count - by; /* values below it stay in front of the end */
    const uint32_t kept = first >= room ? 0 : (uint32_t)((room - first + step - 1) / step);
    struct moved m = {.n = {kept < n ? kept : n}};
    m.n[1] = n - m.n[0];
    m.first[0] = first + by;
    m.first[1] = (uint32_t)((uint64_t)first + (uint64_t)m.n[0] * step + by - count);
    return m;
}

/* All readers of an operand see it, or those that the rotation moves. */
static void rotate_readers(struct tap_rotated *out, const struct hook_data *box, uint32_t rows)
{
    out->box[0] = *box;
    out->n = 1;
    if (box->readers == 0 || box->readers >= rows)
        return;
    const struct moved m = move(box->reader, box->readers, 1, rows, rows / 2);
    out->n = 0;
    for (int i = 0; i < 2; i++) {
        if (m.n[i] == 0)
            continue;
        out->box[out->n] = *box;
        out->box[out->n].reader = m.first[i];
        out->box[out->n++].readers = m.n[i];
    }
}

void tap_rotate(struct tap_rotated *out, const struct hook_data *box, const struct node *node,
                uint32_t point)
{
    struct op_point at;
    *out = (struct tap_rotated){.n = 1, .box = {*box}};
    if (!op_point(&at, node, point))
        return;
    if (at.shared) {
        rotate_readers(out, box, node->rows);
        return;
    }
    /* a point that has no rows names elements of the row by k */
    const bool by_row = at.rows > 0;
    const uint32_t count = by_row ? at.rows : at.ks;
    const uint32_t by = count / at.row_step / 2 * at.row_step;
    const struct moved m = by_row ? move(box->row, box->rows, box->row_step, count, by)
                                  : move(box->k, box->ks, box->k_step, count, by);
    out->n = 0;
    for (int i = 0; i < 2; i++) {
        struct hook_data *part = &out->box[out->n];
        const uint32_t before = i == 0 ? 0 : m.n[0];
        if (m.n[i] == 0)
            continue;
        *part = *box;
        *(by_row ? &part->row : &part->k) = m.first[i];
        *(by_row ? &part->rows : &part->ks) = m.n[i];
        part->draw_row += by_row ? before * box->row_step : 0;
        out->offset[out->n++] = before * box->keys * (by_row ? box->ks : 1);
    }
}

bool tap_may_fire(const struct hook_data *box)
{
    const uint64_t size = hook_size(box);
    if (box->rate == 0 || size > TAP_DRAWS)
        return true;
    for (uint32_t i = 0; i < size; i++) {
        if (hook_draw(*box, i, HOOK_SALT_RATE) < box->rate)
            return true;
    }
    return false;
}

uint64_t tap_size(const struct tap_fault *fault, const struct node *node, uint32_t last_key)
{
    struct hook_data box;
    return tap_box(fault, node, last_key, &box) ? hook_size(&box) : 0;
}

/* Hooks of a fault at a column that it strikes, as tap_add adds them: a proof, and captures of
 * the bits before, of bits read elsewhere, or of bits overwritten by what goes astray. */
static uint32_t hooks_of(const struct tap_fault *fault)
{
    return 1u + tap_stale(fault) + (fault->data.kind == KIND_WRONG_READ) +
           (fault->data.kind == KIND_WRONG_WRITE ? 2u : 0u);
}

uint32_t tap_hooks(const struct tap *tap, uint32_t position, bool guarded)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < tap->n_faults; i++) {
        const struct tap_fault *fault = &tap->faults[i];
        if (fault->place == TAP_EVALUATION)
            n += (tap_hits(tap, fault, position) ? hooks_of(fault) : 0) +
                 (guarded && tap_strikes_twin(fault, position)
                      ? 3 * hooks_of(fault) /* plain, and two boxes rotated */
                      : 0) +
                 (tap_stale(fault) && tap_hits(tap, fault, position + 1));
    }
    return n;
}
