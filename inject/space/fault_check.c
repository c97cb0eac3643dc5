/* SPDX-License-Identifier: MIT */
/* Whether a fault may be run: coordinates inside their site, bits inside their width, a kind that
 * applies there. */
#include <inttypes.h>

#include "base/log.h"
#include "inject/space/fault.h"
#include "model/op.h"
#include "shared/order.h"

struct check {
    const struct fault *fault;
    const struct fault_bounds *bounds;
    const char *where;
    struct tap_fault tap; /* counts of 0 are 1 here */
};

/* Checks one range of a coordinate against its extent; an unused one must be 0 and single. */
static enum status check_range(const struct check *c, const char *name, const uint32_t range[3],
                               uint32_t count)
{
    const uint64_t last = (uint64_t)range[0] + (uint64_t)(range[1] - 1) * range[2];
    if (last < count || (count == 0 && last == 0))
        return STATUS_OK;
    if (count == 0)
        log_error("%s: %s %" PRIu64 " given; this site and point have no such coordinate", c->where,
                  name, last);
    else if (range[1] == 1)
        log_error("%s: %s is %" PRIu64 ", expected 0 to %u", c->where, name, last, count - 1);
    else
        log_error("%s: %s reaches %" PRIu64 ", expected 0 to %u", c->where, name, last, count - 1);
    return STATUS_INPUT;
}

static enum status check_rows(const struct check *c, uint32_t rows, uint32_t ks)
{
    const struct hook_data *d = &c->tap.data;
    enum status st = check_range(c, "row", (const uint32_t[3]){d->row, d->rows, d->row_step}, rows);
    return st ? st : check_range(c, "k", (const uint32_t[3]){d->k, d->ks, d->k_step}, ks);
}

static enum status check_key(const struct check *c, bool keyed, uint32_t window)
{
    const struct fault *fault = c->fault;
    const struct hook_data *d = &c->tap.data;
    uint32_t first = order_first_key(fault->position, window);
    if (!keyed)
        return check_range(c, "key", (const uint32_t[3]){d->key, d->keys, 1}, 0);
    if (d->keys == FAULT_ALL_KEYS)
        return check_range(c, "key", (const uint32_t[3]){d->key, 1, 1}, 0);
    if (d->key < first || (uint64_t)d->key + d->keys - 1 > fault->position) {
        log_error("%s: key is %u, but position %u sees keys %u to %u", c->where,
                  d->key < first ? d->key : d->key + d->keys - 1, fault->position, first,
                  fault->position);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

/* Only outputs of a dot product can have fewer readers than all. */
static enum status check_readers(const struct check *c)
{
    const struct fault *fault = c->fault;
    const uint32_t readers = fault_axes(fault, c->bounds).readers;
    bool part = fault->readers == READERS_ROW || fault->readers == READERS_TILE;
    if (fault->point != HOOK_OPERAND || !part)
        return STATUS_OK;
    if (readers == 0) {
        log_error("%s: readers '%s' at %s of %s; expected 'all': this op reads its own copy",
                  c->where, kinds_text(KINDS_READERS, fault->readers),
                  kinds_text(KINDS_POINT, fault->point), fault->site);
        return STATUS_INPUT;
    }
    const uint32_t rows[3] = {c->tap.data.reader, c->tap.data.readers, 1};
    if (fault->row_step > 1) {
        log_error("%s: readers every %u rows, expected neighbouring rows", c->where,
                  fault->row_step);
        return STATUS_INPUT;
    }
    return check_range(c, "row (of the readers)", rows, readers);
}

/* Steps between groups of rows must land on first elements. */
static enum status check_steps(const struct check *c, uint32_t group)
{
    const struct hook_data *d = &c->tap.data;
    if (d->rows > 1 && (d->row % group != 0 || d->row_step % group != 0)) {
        log_error("%s: rows %u + i * %u, expected the first features of groups of %u", c->where,
                  d->row, d->row_step, group);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

static enum status check_op(const struct check *c)
{
    const struct fault *fault = c->fault;
    const struct node *node = &c->bounds->model->graph.node[fault->node];
    struct op_point size;
    if (!op_point(&size, node, fault->point)) {
        log_error("%s: site %s has no point '%s'", c->where, fault->site,
                  kinds_text(KINDS_POINT, fault->point));
        return STATUS_INPUT;
    }
    if (op_is_output(node) && fault->position + 1 < c->bounds->n_prompt) {
        log_error("%s: site %s is evaluated from position %u on (the last of the prompt), not at "
                  "%u",
                  c->where, fault->site, c->bounds->n_prompt - 1, fault->position);
        return STATUS_INPUT;
    }
    enum status st = check_rows(c, size.rows, size.ks);
    if (!st)
        st = check_key(c, size.keyed, node->window);
    if (!st)
        st = check_readers(c);
    return st ? st : check_steps(c, size.row_step);
}

static enum status check_kv(const struct check *c)
{
    const struct hparams *hp = &c->bounds->model->hp;
    const struct fault *fault = c->fault;
    const struct hook_data *d = &c->tap.data;
    uint64_t last = d->keys == FAULT_ALL_KEYS ? 0 : (uint64_t)d->key + d->keys - 1;
    if (last >= fault->position) {
        log_error("%s: key is %" PRIu64 ": an entry struck at position %u must lie before it",
                  c->where, last, fault->position);
        return STATUS_INPUT;
    }
    return check_rows(c, 0, hp->n_head_kv * hp->head_dim);
}

static enum status check_place(const struct check *c)
{
    const struct fault *fault = c->fault;
    const struct tensor *t = fault->tensor;
    enum status st;
    switch (fault->place) {
    case PLACE_OP:
        return check_op(c);
    case PLACE_KV:
        return check_kv(c);
    case PLACE_WEIGHT:
        st = check_rows(c, (uint32_t)(t->dim[1] * t->dim[2] * t->dim[3]), (uint32_t)t->dim[0]);
        return st ? st : check_key(c, false, 0);
    case PLACE_TABLE:
        st = check_rows(c, c->bounds->positions, c->bounds->model->hp.rope_dim);
        return st ? st : check_key(c, false, 0);
    default:
        if (fault->control == CONTROL_SAMPLER && fault->position + 1 < c->bounds->n_prompt) {
            log_error("%s: the sampler picks from position %u on (the last of the prompt), not at "
                      "%u",
                      c->where, c->bounds->n_prompt - 1, fault->position);
            return STATUS_INPUT;
        }
        st = check_rows(c, 0, 0);
        return st ? st : check_key(c, false, 0);
    }
}

/* `from` and the whole box moved to it must exist. */
static enum status check_from(const struct check *c)
{
    const struct fault *fault = c->fault;
    struct check moved = *c;
    struct fault to = *fault;
    uint32_t axis = fault->kind == KIND_WRONG_WRITE ? TAP_FROM_ROW : fault_from(fault, c->bounds);
    if (c->tap.data.keys == FAULT_ALL_KEYS && axis == TAP_FROM_KEY) {
        log_error("%s: %s of all keys, expected one key", c->where,
                  kinds_text(KINDS_KIND, fault->kind));
        return STATUS_INPUT;
    }
    *(axis == TAP_FROM_ROW ? &to.row : axis == TAP_FROM_K ? &to.k : &to.key) = fault->from;
    moved.fault = &to;
    fault_tap(&to, c->bounds, &moved.tap);
    return check_place(&moved);
}

/* Kinds that a place or point does not have, and why. */
static const char *unfit(const struct fault *fault, const struct fault_bounds *bounds)
{
    enum kind kind = fault->kind;
    bool stored =
        fault->place == PLACE_WEIGHT || (fault->place == PLACE_OP && fault->point == HOOK_WEIGHT);
    enum storage type;
    if (hook_kinds_takes(kind, KIND_TAKES_EARLIER) && stored)
        return "is defined for values that change with the position, not for weights";
    if (hook_kinds_takes(kind, KIND_TAKES_NUMBER) && !fault_number(fault, bounds, &type))
        return "needs a number; these bits are an integer";
    if (kind == KIND_WRONG_WRITE && (fault->place != PLACE_OP || !HOOK_IS_RESULT(fault->point)))
        return "is defined for results: points out and mem";
    if (kind == KIND_WRONG_READ &&
        (fault->place == PLACE_CONTROL || (fault->place == PLACE_OP && HOOK_IS_SUM(fault->point))))
        return "is defined for what has an address: not for partial sums and control integers";
    return NULL;
}

/* The element has fields besides its value: a weight, stored or as read. */
static bool has_fields(const struct check *c)
{
    const struct fault *fault = c->fault;
    if (fault->place != PLACE_OP)
        return fault->place == PLACE_WEIGHT;
    return fault->point == HOOK_WEIGHT && c->bounds->model->graph.node[fault->node].weight != NULL;
}

static enum status check_bits(const struct check *c)
{
    const struct fault *fault = c->fault;
    uint32_t width = fault_width(fault, c->bounds);
    if (width == 0 || (fault->field != QUANT_FIELD_CODE && !has_fields(c))) {
        log_error("%s: what is struck has no field '%s'", c->where, quant_field_name(fault->field));
        return STATUS_INPUT;
    }
    if (hook_kinds_takes(fault->kind, KIND_TAKES_MASK) && fault->mask == 0) {
        log_error("%s: mask of no bits; the kind that changes nothing is dry", c->where);
        return STATUS_INPUT;
    }
    const struct {
        const char *name;
        uint32_t bits;
        bool used;
    } words[] = {
        {"mask", fault->mask, true},
        {"value", fault->value, fault->kind == KIND_SET},
        {"only_mask", fault->only_mask, true},
        {"only_value", fault->only_value, true},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (words[i].used && width < 32 && words[i].bits >> width != 0) {
            log_error("%s: %s 0x%x reaches beyond the %u bits struck here", c->where, words[i].name,
                      words[i].bits, width);
            return STATUS_INPUT;
        }
    }
    if ((fault->only_value & ~fault->only_mask) != 0) {
        log_error("%s: only_value 0x%x has bits outside only_mask 0x%x: it would never fire",
                  c->where, fault->only_value, fault->only_mask);
        return STATUS_INPUT;
    }
    if (hook_kinds_takes(fault->kind, KIND_TAKES_RANGE) &&
        nm_key(fault->low) > nm_key(fault->high)) {
        log_error("%s: low is above high", c->where);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

/* Steps between elements that share a scale must go by whole blocks. */
static enum status check_unit(const struct check *c)
{
    const struct hook_data *d = &c->tap.data;
    const struct fault_axes at = fault_axes(c->fault, c->bounds);
    const struct {
        const char *name;
        uint32_t count, step, unit;
    } axes[] = {{"row", d->rows, d->row_step, at.row.unit}, {"k", d->ks, d->k_step, at.k.unit}};
    for (size_t i = 0; i < sizeof(axes) / sizeof(*axes); i++) {
        if (axes[i].count > 1 && axes[i].step % axes[i].unit != 0) {
            log_error("%s: %s in steps of %u, but %u elements share one '%s'", c->where,
                      axes[i].name, axes[i].step, axes[i].unit, quant_field_name(c->fault->field));
            return STATUS_INPUT;
        }
    }
    return STATUS_OK;
}

enum status fault_check(const struct fault *fault, const struct fault_bounds *bounds,
                        const char *where)
{
    struct check c = {.fault = fault, .bounds = bounds, .where = where};
    const char *why = unfit(fault, bounds);
    if (fault->position >= bounds->positions) {
        log_error("%s: position is %u, expected below %u (prompt and generated tokens)", where,
                  fault->position, bounds->positions);
        return STATUS_INPUT;
    }
    fault_tap(fault, bounds, &c.tap);
    enum status st = check_place(&c);
    if (!st && why) {
        log_error("%s: %s %s", where, kinds_text(KINDS_KIND, fault->kind), why);
        st = STATUS_INPUT;
    }
    if (!st && hook_kinds_takes(fault->kind, KIND_TAKES_OTHER))
        st = check_from(&c);
    if (!st)
        st = check_unit(&c);
    if (!st && hook_size(&c.tap.data) > INT32_MAX && c.tap.data.keys != FAULT_ALL_KEYS) {
        log_error("%s: more than %d elements at a time", where, INT32_MAX);
        st = STATUS_INPUT;
    }
    return st ? st : check_bits(&c);
}
