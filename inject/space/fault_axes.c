/* SPDX-License-Identifier: MIT */
/* The elements that a fault can strike, coordinate by coordinate, from the table of the ops. */
#include "inject/space/fault.h"
#include "model/op.h"

static struct fault_axes of_op(const struct fault *fault, const struct node *node)
{
    const bool some = fault->readers == READERS_ROW || fault->readers == READERS_TILE;
    struct op_point at;
    if (!op_point(&at, node, fault->point))
        return (struct fault_axes){.row.unit = 1, .k.unit = 1};
    struct fault_axes axes = {.row = {at.rows, at.row_step},
                              .k = {at.ks, 1},
                              .readers = at.shared && some ? node->rows : 0,
                              .key = at.keyed,
                              .operands = at.operands};
    /* A range of elements that share a field would strike it more than once. */
    if (at.stored == OP_STORED_FIELD) /* an embedding as read has its elements on `row` */
        *(at.ks > 0 ? &axes.k.unit : &axes.row.unit) =
            quant_field_span(node->weight->type, fault->field);
    return axes;
}

struct fault_axes fault_axes(const struct fault *fault, const struct fault_bounds *bounds)
{
    const struct hparams *hp = &bounds->model->hp;
    const struct tensor *t = fault->tensor;
    switch (fault->place) {
    case PLACE_OP:
        return of_op(fault, &bounds->model->graph.node[fault->node]);
    case PLACE_WEIGHT:
        return (struct fault_axes){
            .row = {(uint32_t)(t->dim[1] * t->dim[2] * t->dim[3]), 1},
            .k = {(uint32_t)t->dim[0], quant_field_span(t->type, fault->field)}};
    case PLACE_KV:
        return (struct fault_axes){
            .row.unit = 1, .k = {hp->n_head_kv * hp->head_dim, 1}, .key = true};
    case PLACE_TABLE:
        return (struct fault_axes){.row = {bounds->positions, 1}, .k = {hp->rope_dim, 1}};
    default:
        return (struct fault_axes){.row.unit = 1, .k.unit = 1};
    }
}

enum tap_from fault_from(const struct fault *fault, const struct fault_bounds *bounds)
{
    const struct fault_axes axes = fault_axes(fault, bounds);
    if (axes.key)
        return TAP_FROM_KEY;
    const bool copy = fault->place == PLACE_OP && fault->point == HOOK_OPERAND;
    return copy && !axes.operands ? TAP_FROM_K : TAP_FROM_ROW;
}
