/* SPDX-License-Identifier: MIT */
/* The coordinates, masks and number formats of a family. */
#include "inject/plan/sample_internal.h"
#include "model/op.h"
#include "shared/order.h"

uint32_t sample_extent_units(const struct sample_axis *axis)
{
    switch (axis->form) {
    case WIDEN_ALL:
        return 1;
    case WIDEN_LANE:
        return axis->count < axis->width ? axis->count : axis->width;
    case WIDEN_TILE:
        return order_ceil(axis->count, axis->width);
    case WIDEN_ONE:
        break;
    }
    return axis->count ? axis->count : 1;
}

uint32_t sample_extent_start(const struct sample_axis *axis, uint32_t unit)
{
    const uint32_t step = axis->form == WIDEN_TILE ? axis->width * axis->stride : axis->stride;
    return axis->first + unit * step;
}

/* Features of a head on the axis of heads; rows of scores and probabilities are heads. */
static uint32_t head_features(const struct sample *s, const struct sample_site *site)
{
    struct op_point at;
    const bool heads = site->place == PLACE_OP &&
                       op_point(&at, &s->model->graph.node[site->source], HOOK_OUT) && at.keyed;
    return heads ? 1 : s->model->hp.head_dim;
}

uint32_t sample_extent_heads(const struct sample *s, const struct sample_site *site, uint32_t point)
{
    const struct hparams *hp = &s->model->hp;
    if (site->place == PLACE_KV)
        return hp->n_head_kv;
    if (site->place != PLACE_OP)
        return 0;
    const struct node *node = &s->model->graph.node[site->source];
    struct op_point at;
    if (op_point(&at, node, point) && at.shared)
        return 0;
    if (node->out == REG_K || node->out == REG_V)
        return hp->n_head_kv;
    return node->out == REG_Q || node->out == REG_H || node->out == REG_S || node->out == REG_P
               ? hp->n_head
               : 0;
}

/* One head alone, on rows if they are heads, or groups as wide as a head. */
static void set_head(const struct sample *s, const struct sample_family *family,
                     struct sample_axis *axis)
{
    const uint32_t features = head_features(s, &s->site[family->site]);
    const uint32_t a_head = features / axis->stride ? features / axis->stride : 1;
    axis->first = family->head * a_head * axis->stride;
    axis->count = a_head;
}

struct fault_bounds sample_extent_bounds(const struct sample *s)
{
    return (struct fault_bounds){.model = s->model,
                                 .act = s->plan->act,
                                 .kv = s->plan->kv,
                                 .n_prompt = 1,
                                 .positions = s->positions};
}

static struct sample_axis axis_of(const struct plan *plan, struct fault_axis axis,
                                  enum widen_form form)
{
    return (struct sample_axis){.count = axis.count / axis.unit,
                                .stride = axis.unit,
                                .form = axis.count > 0 ? form : WIDEN_ONE,
                                .width = form == WIDEN_LANE ? plan->lanes : plan->tiles};
}

/* The extent of one fault, as in widen_fault. Rows of a table count as keys. */
static void set_axes(struct sample_extent *out, const struct sample *s,
                     const struct sample_family *family, const struct fault *fault)
{
    const struct sample_site *site = &s->site[family->site];
    const struct fault_bounds bounds = sample_extent_bounds(s);
    const struct fault_axes axes = fault_axes(fault, &bounds);
    const struct widen_forms forms = widen_forms(fault, &axes);
    const struct fault_axis none = {0, 1}, readers = {axes.readers, 1};
    const bool op = site->place == PLACE_OP;
    out->rows = site->place == PLACE_TABLE;
    out->entries = site->place == PLACE_KV;
    out->seen = op && axes.key;
    out->window = op ? s->model->graph.node[site->source].window : 0;
    out->row = axis_of(s->plan, out->rows ? none : axes.row, forms.row);
    out->k = axis_of(s->plan, axes.k, forms.k);
    out->reader =
        axis_of(s->plan, readers, fault->readers == READERS_TILE ? WIDEN_TILE : WIDEN_ONE);
    out->all_keys = out->rows ? forms.row == WIDEN_ALL : forms.all_keys;
    if (family->head != SAMPLE_NONE)
        set_head(s, family, out->row.count == 0 ? &out->k : &out->row);
}

void sample_extent_of(const struct sample *s, const struct sample_family *family,
                      struct sample_extent *out)
{
    const struct fault_bounds bounds = sample_extent_bounds(s);
    struct fault fault;
    sample_fault_site(s, family, &fault);
    *out = (struct sample_extent){.masks = 1, .width = fault_width(&fault, &bounds)};
    set_axes(out, s, family, &fault);
    if (family->bits != 0 && !hook_kinds_takes(family->kind, KIND_TAKES_DRAWS))
        out->masks = sample_extent_masks(s->plan, family->bits);
}

double sample_extent_evaluation(const struct sample *s, const struct sample_family *family,
                                bool *out_keyed)
{
    struct sample_family one = *family;
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
    return n; /* a burst may start at any bit */
}

uint32_t sample_extent_mask(const struct plan *plan, const struct sample_family *family,
                            uint64_t index)
{
    const uint32_t n = count_bits(family->bits), want = plan->what.pattern_bits;
    uint32_t left = want < n ? want : n, mask = 0;
    if (hook_kinds_takes(family->kind, KIND_TAKES_DRAWS))
        return family->bits;
    if (plan->what.pattern != PLAN_PATTERN_RANDOM)
        return nth_bit(family->bits, (uint32_t)index);
    /* unranks a combination, bit by bit from the lowest */
    for (uint32_t i = 0; i < n && left > 0; i++) {
        const uint64_t with = binomial(n - i - 1, left - 1);
        if (index < with) {
            mask |= nth_bit(family->bits, i);
            left--;
        } else {
            index -= with;
        }
    }
    return mask;
}

void sample_extent_format(const struct sample *s, const struct sample_family *family,
                          struct sample_format *out)
{
    const struct fault_bounds bounds = sample_extent_bounds(s);
    enum storage type;
    struct fault fault;
    sample_fault_site(s, family, &fault);
    *out = (struct sample_format){.width = fault_width(&fault, &bounds)};
    out->integer = !fault_number(&fault, &bounds, &type);
    if (out->integer)
        return;
    out->sign = type == STORAGE_F32 ? 0x80000000u : 0x8000u;
    out->exponent = type == STORAGE_F32 ? 0x7f800000u : type == STORAGE_F16 ? 0x7c00u : 0x7f80u;
}
