/* SPDX-License-Identifier: MIT */
/* The coordinates, masks and number formats of a cell. */
#include "inject/plan/sample_internal.h"
#include "inject/space/coordinates.h"
#include "shared/order.h"

uint32_t sample_extent_units(const struct sample_axis *axis)
{
    switch (axis->form) {
    case FORM_ALL:
        return 1;
    case FORM_LANE:
        return axis->count < axis->width ? axis->count : axis->width;
    case FORM_TILE:
        return order_ceil(axis->count, axis->width);
    case FORM_ONE:
        break;
    }
    return axis->count ? axis->count : 1;
}

uint32_t sample_extent_start(const struct sample_axis *axis, uint32_t unit)
{
    const uint32_t step = axis->form == FORM_TILE ? axis->width * axis->stride : axis->stride;
    return axis->first + unit * step;
}

/* Elements that share one stored value of a field: 1 for codes, a block or sub-block else. */
static uint32_t field_span(const struct sample *s, const struct tensor *t, enum quant_field field)
{
    const struct fault stored = {.place = PLACE_WEIGHT, .tensor = t, .field = field};
    return fault_units(&stored, s->model).k;
}

static void set_weight_axes(struct sample_extent *out, const struct sample *s,
                            const struct tensor *t, enum quant_field field)
{
    const uint32_t span = field_span(s, t, field);
    out->row =
        (struct sample_axis){(uint32_t)(t->dim[1] * t->dim[2] * t->dim[3]), 0, 1, FORM_ONE, 0};
    out->k = (struct sample_axis){(uint32_t)t->dim[0] / span, 0, span, FORM_ONE, 0};
}

/* Coordinates of an op's point, one value each (shared/hook.h). */
static void set_op_axes(struct sample_extent *out, const struct sample *s, const struct node *node,
                        const struct sample_cell *cell)
{
    const struct hparams *hp = &s->model->hp;
    const bool weight = cell->point == HOOK_WEIGHT;
    struct coordinates c = {0};
    if (weight && node->op == OP_LINEAR) {
        set_weight_axes(out, s, node->weight, (enum quant_field)cell->field);
        return;
    }
    (void)coordinates_of(&c, node, cell->point, hp);
    out->row = (struct sample_axis){c.rows, 0, 1, FORM_ONE, 0};
    out->k = (struct sample_axis){c.ks, 0, 1, FORM_ONE, 0};
    out->seen = c.keyed;
    out->window = node->window;
    if (weight && node->op == OP_EMBED) {
        const uint32_t span = field_span(s, node->weight, (enum quant_field)cell->field);
        out->row.count = c.rows / span;
        out->row.stride = span;
    }
    if (node->op == OP_NORM && (cell->point == HOOK_OPERAND || HOOK_IS_SUM(cell->point))) {
        out->row.count = node->groups;
        out->row.stride = node->width;
    }
    if (node->op == OP_HEADS && cell->point == HOOK_OPERAND) {
        out->row.count = hp->n_head;
        out->row.stride = hp->head_dim;
    }
}

/* Features of a head on the axis that has heads. */
static uint32_t head_features(const struct sample *s, const struct sample_site *site)
{
    const struct node *node = site->place == PLACE_OP ? &s->model->graph.node[site->source] : NULL;
    return node && (node->op == OP_SCORES || node->op == OP_SOFTMAX) ? 1 : s->model->hp.head_dim;
}

uint32_t sample_extent_heads(const struct sample *s, const struct sample_site *site, uint32_t point)
{
    const struct hparams *hp = &s->model->hp;
    if (site->place == PLACE_KV)
        return hp->n_head_kv;
    if (site->place != PLACE_OP)
        return 0;
    const struct node *node = &s->model->graph.node[site->source];
    if (node->op == OP_LINEAR && point == HOOK_OPERAND)
        return 0;
    if (node->out == REG_K || node->out == REG_V)
        return hp->n_head_kv;
    return node->out == REG_Q || node->out == REG_H || node->out == REG_S || node->out == REG_P
               ? hp->n_head
               : 0;
}

/* The axis that has the heads of a site, or the features where rows are groups. */
static struct sample_axis *head_axis(struct sample_extent *out)
{
    return out->row.count == 0 ? &out->k : &out->row;
}

static void set_form(struct sample_axis *axis, enum sample_form form, uint32_t width)
{
    axis->form = form;
    axis->width = width;
}

/* What one fault covers, as widen_fault has it. `named`: k names an operand, not elements. */
static void set_granularity(struct sample_extent *out, const struct plan *plan,
                            enum granularity granularity, bool stored, bool named)
{
    struct sample_axis *along = out->row.count > 0 && !stored ? &out->row : &out->k;
    const bool all = granularity == GRANULARITY_TENSOR;
    const bool keyed = out->seen || out->entries || out->rows;
    switch (granularity) {
    case GRANULARITY_VECTOR:
    case GRANULARITY_TENSOR:
        if (!stored || all)
            set_form(&out->row, FORM_ALL, 0);
        if (!named)
            set_form(&out->k, FORM_ALL, 0);
        out->all_keys = keyed && (all || !stored);
        break;
    case GRANULARITY_FEATURE:
        if (stored)
            set_form(&out->row, FORM_ALL, 0);
        out->all_keys = out->entries || out->rows;
        break;
    case GRANULARITY_LANE:
    case GRANULARITY_TILE:
        if (along->count > 0 && !(named && along == &out->k))
            set_form(along, granularity == GRANULARITY_LANE ? FORM_LANE : FORM_TILE,
                     granularity == GRANULARITY_LANE ? plan->lanes : plan->tiles);
        out->all_keys = keyed && !stored;
        break;
    default:
        break;
    }
}

/* Outputs that see an operand of LINEAR. */
static void set_readers(struct sample_extent *out, const struct plan *plan, const struct node *node,
                        enum readers readers)
{
    out->reader = (struct sample_axis){node->rows, 0, 1, FORM_ALL, 0};
    if (readers == READERS_ROW)
        out->reader.form = FORM_ONE;
    if (readers == READERS_TILE) {
        out->reader.form = FORM_TILE;
        out->reader.width = plan->tiles;
    }
}

/* One head alone, on the rows if they are heads or groups as wide as one. */
static void set_head(const struct sample *s, const struct sample_cell *cell,
                     struct sample_axis *axis)
{
    const uint32_t features = head_features(s, &s->site[cell->site]);
    const uint32_t a_head = features / axis->stride ? features / axis->stride : 1;
    axis->first = cell->head * a_head * axis->stride;
    axis->count = a_head;
}

static void set_axes(struct sample_extent *out, const struct sample *s,
                     const struct sample_cell *cell)
{
    const struct sample_site *site = &s->site[cell->site];
    const struct hparams *hp = &s->model->hp;
    const struct node *node = NULL;
    switch (site->place) {
    case PLACE_OP:
        node = &s->model->graph.node[site->source];
        set_op_axes(out, s, node, cell);
        if (node->op == OP_LINEAR && cell->point == HOOK_OPERAND)
            set_readers(out, s->plan, node, (enum readers)cell->readers);
        break;
    case PLACE_WEIGHT:
        set_weight_axes(out, s, &gguf_tensors(s->model->gguf)[site->source],
                        (enum quant_field)cell->field);
        break;
    case PLACE_KV:
        out->k = (struct sample_axis){hp->n_head_kv * hp->head_dim, 0, 1, FORM_ONE, 0};
        out->entries = true;
        break;
    case PLACE_TABLE:
        out->k = (struct sample_axis){hp->rope_dim, 0, 1, FORM_ONE, 0};
        out->rows = true;
        break;
    case PLACE_CONTROL:
    case PLACE_COUNT:
        break;
    }
    if (cell->head != SAMPLE_NONE)
        set_head(s, cell, head_axis(out));
    set_granularity(out, s->plan, (enum granularity)cell->granularity,
                    site->place != PLACE_OP && site->place != PLACE_CONTROL,
                    node && (node->op == OP_GATE || node->op == OP_ADD));
}

/* The fault with what its width and type depend on. */
static struct fault fault_of(const struct sample *s, const struct sample_cell *cell)
{
    const struct sample_site *site = &s->site[cell->site];
    struct fault fault = {.place = site->place,
                          .layer = site->layer,
                          .point = cell->point,
                          .field = (enum quant_field)cell->field,
                          .kind = KIND_FLIP};
    if (site->place == PLACE_OP)
        fault.node = site->source;
    if (site->place == PLACE_WEIGHT)
        fault.tensor = &gguf_tensors(s->model->gguf)[site->source];
    if (site->place == PLACE_CONTROL)
        fault.control = (enum control)site->source;
    if (site->place == PLACE_TABLE)
        fault.table = site->source;
    return fault;
}

static struct fault_bounds bounds_of(const struct sample *s)
{
    return (struct fault_bounds){.model = s->model,
                                 .act = s->plan->act,
                                 .kv = s->plan->kv,
                                 .n_prompt = 1,
                                 .positions = s->positions};
}

void sample_extent_of(const struct sample *s, const struct sample_cell *cell,
                      struct sample_extent *out)
{
    const struct fault fault = fault_of(s, cell);
    const struct fault_bounds bounds = bounds_of(s);
    *out = (struct sample_extent){.masks = 1, .width = fault_width(&fault, &bounds)};
    set_axes(out, s, cell);
    if (cell->bits != 0 && cell->kind != KIND_RANDOM)
        out->masks = sample_extent_masks(s->plan, cell->bits);
}

double sample_extent_evaluation(const struct sample *s, const struct sample_cell *cell,
                                bool *out_keyed)
{
    struct sample_cell one = *cell;
    struct sample_extent e;
    one.granularity = GRANULARITY_ELEMENT;
    one.head = SAMPLE_NONE;
    one.bits = 0;
    sample_extent_of(s, &one, &e);
    *out_keyed = e.seen;
    return (double)sample_extent_units(&e.row) * sample_extent_units(&e.k);
}

double sample_extent_elements(const struct sample_extent *extent)
{
    const uint32_t readers = extent->reader.count ? sample_extent_units(&extent->reader) : 1;
    return (double)sample_extent_units(&extent->row) * sample_extent_units(&extent->k) * readers *
           (double)extent->masks;
}

static uint64_t binomial(uint32_t n, uint32_t k)
{
    uint64_t c = 1;
    for (uint32_t i = 1; i <= k; i++)
        c = c * (n - k + i) / i;
    return c;
}

static uint32_t count_bits(uint32_t bits)
{
    return (uint32_t)__builtin_popcount(bits);
}

/* The n-th lowest bit of a set. */
static uint32_t nth_bit(uint32_t bits, uint32_t n)
{
    while (n-- > 0)
        bits &= bits - 1;
    return bits & (~bits + 1);
}

uint64_t sample_extent_masks(const struct plan *plan, uint32_t bits)
{
    const uint32_t n = count_bits(bits), want = plan->what.pattern_bits;
    const uint32_t k = want < n ? want : n;
    if (plan->what.pattern == PLAN_PATTERN_RANDOM)
        return binomial(n, k);
    return n; /* a burst begins at each bit */
}

uint32_t sample_extent_mask(const struct plan *plan, const struct sample_cell *cell, uint64_t index)
{
    const uint32_t n = count_bits(cell->bits), want = plan->what.pattern_bits;
    uint32_t left = want < n ? want : n, mask = 0;
    if (cell->kind == KIND_RANDOM)
        return cell->bits;
    if (plan->what.pattern != PLAN_PATTERN_RANDOM)
        return nth_bit(cell->bits, (uint32_t)index);
    /* unranks a combination: bit by bit from the lowest, with or without it */
    for (uint32_t i = 0; i < n && left > 0; i++) {
        const uint64_t with = binomial(n - i - 1, left - 1);
        if (index < with) {
            mask |= nth_bit(cell->bits, i);
            left--;
        } else {
            index -= with;
        }
    }
    return mask;
}

void sample_extent_format(const struct sample *s, const struct sample_cell *cell,
                          struct sample_format *out)
{
    const struct fault fault = fault_of(s, cell);
    const struct fault_bounds bounds = bounds_of(s);
    enum storage type;
    *out = (struct sample_format){.width = fault_width(&fault, &bounds)};
    out->integer = !fault_number(&fault, &bounds, &type);
    if (out->integer)
        return;
    out->sign = type == STORAGE_F32 ? 0x80000000u : 0x8000u;
    out->exponent = type == STORAGE_F32 ? 0x7f800000u : type == STORAGE_F16 ? 0x7c00u : 0x7f80u;
}
