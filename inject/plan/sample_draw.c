/* SPDX-License-Identifier: MIT */
/* Draws a trial: its role, its stratum, then item, family, position and element by systematic
 * shares.
 *
 * Each level passes its share of the stratum's trials down: of n points spaced evenly over the
 * weights, a part gets those that fall into it, so no part gets more trials than its share rounded
 * up, and a trial finds its way by counting alone. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/rng.h"
#include "inject/plan/sample_internal.h"
#include "inject/space/widen.h"
#include "model/dmath.h"

#define COUNT_PART 500   /* mean of a part: P(none) is a normal double */
#define COUNT_MOST 10000 /* of a part: rounding must not keep the sum below 1 for ever */

enum tag { TAG_ORDER = 1, TAG_LEVELS, TAG_EXTRA, TAG_COUNT };

/* One trial on its way down the levels. */
struct descent {
    struct sample_key key;
    uint64_t n, rank; /* trials of this part, and which of them */
    double u;         /* offset of the points of the next level */
    double prob;      /* of this part, in one draw from the stratum */
};

static void next_level(struct descent *c, uint64_t path)
{
    c->key = sample_index_key(c->key, path);
    c->u = sample_index_unit(c->key);
}

static uint64_t before(const struct descent *c, double cum, double total)
{
    return sample_index_before(c->n, c->u, cum, total);
}

/* Enters the part between two cumulative weights. */
static void enter(struct descent *c, double begin, double end, double total)
{
    const uint64_t first = before(c, begin, total), next = before(c, end, total);
    c->rank -= first;
    c->n = next - first;
    c->prob *= (end - begin) / total;
}

/* Index in the stratum's set of items. */
static uint32_t pick_item(const struct sample *s, const struct sample_weighed *h, struct descent *c)
{
    uint32_t low = 0, high = s->item_set[h->item_set].count - 1;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        if (before(c, h->item[mid], h->weight) > c->rank)
            high = mid;
        else
            low = mid + 1;
    }
    enter(c, low ? h->item[low - 1] : 0, h->item[low], h->weight);
    return low;
}

static uint64_t pick_family(const struct sample *s, const struct sample_weighed *h,
                            const struct sample_item *strike, struct descent *c)
{
    const struct sample_fault_set *faults = &s->fault_set[h->fault_set];
    double growth[SAMPLE_CURVES], end[SAMPLE_CURVES], total = 0, begin = 0;
    uint32_t curve = 0;
    for (uint32_t k = 0; k < s->n_curves; k++) {
        growth[k] = faults->weight[k] > 0 ? sample_growth_all(s, &s->curve[k], strike) : 0;
        total += faults->weight[k] * growth[k];
        end[k] = total;
    }
    while (curve + 1 < s->n_curves && before(c, end[curve], total) <= c->rank)
        curve++;
    while (!(faults->weight[curve] * growth[curve] > 0)) /* rounding at the very end */
        curve--;
    begin = curve ? end[curve - 1] : 0;
    uint64_t low = faults->first[curve], high = faults->first[curve + 1] - 1;
    while (low < high) {
        const uint64_t mid = low + (high - low) / 2;
        if (before(c, begin + s->family[mid].cum * growth[curve], total) > c->rank)
            high = mid;
        else
            low = mid + 1;
    }
    const double below = low > faults->first[curve] ? s->family[low - 1].cum : 0;
    enter(c, begin + below * growth[curve], begin + s->family[low].cum * growth[curve], total);
    return low;
}

/* If sizes are weights, sums are integers, scaled like the family's, so that a census is exact. */
static double position_sum(const struct sample *s, const struct sample_family *family,
                           const struct sample_item *strike, uint32_t t)
{
    return family->weight * sample_growth_sum(s, &s->curve[family->weight_curve], strike, t);
}

/* The unit of positions that holds t. */
static void unit_at(const struct sample *s, const struct sample_family *family,
                    const struct sample_item *strike, uint32_t t, struct sample_span *unit)
{
    const uint32_t chunk = s->plan->chunk;
    uint32_t lo, hi;
    sample_growth_range(s, &s->curve[family->weight_curve], strike, &lo, &hi);
    *unit = (struct sample_span){t, t + 1};
    if (family->unit == UNIT_CHUNK) {
        unit->first = t / chunk * chunk;
        unit->end = hi - unit->first > chunk ? unit->first + chunk : hi;
        unit->first = unit->first > lo ? unit->first : lo;
    }
    if (family->unit == UNIT_RANGE)
        *unit = (struct sample_span){lo, hi};
}

static void pick_position(const struct sample *s, const struct sample_family *family,
                          const struct sample_item *strike, struct descent *c,
                          struct sample_span *unit)
{
    uint32_t low, high;
    sample_growth_range(s, &s->curve[family->weight_curve], strike, &low, &high);
    const double total = position_sum(s, family, strike, high);
    high--;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        if (before(c, position_sum(s, family, strike, mid + 1), total) > c->rank)
            high = mid;
        else
            low = mid + 1;
    }
    unit_at(s, family, strike, low, unit);
    enter(c, position_sum(s, family, strike, unit->first),
          position_sum(s, family, strike, unit->end), total);
}

/* A key of a range: weighted by the evaluations that see it, if evaluations count. */
static uint32_t pick_key(const struct sample_curve *curve, const struct sample_extent *e,
                         const struct sample_item *strike, struct descent *c,
                         const struct sample_span *unit)
{
    uint32_t key, first;
    const uint32_t keys = sample_keys_of(e, unit, strike, &first);
    double begin = 0, total = 0;
    for (key = first; key < first + keys; key++)
        total += sample_keys_weight(curve, e, unit, key);
    for (key = first; key < first + keys; key++) {
        const double end = begin + sample_keys_weight(curve, e, unit, key);
        if (before(c, end, total) > c->rank) {
            enter(c, begin, end, total);
            break;
        }
        begin = end;
    }
    return key;
}

/* Result of a walk down the levels. */
struct found {
    uint32_t item; /* of s->strike */
    uint64_t family;
    struct sample_span unit;
    uint32_t key; /* if keys vary, else 0 */
    uint64_t element;
    double prob;
};

/* `fixed`: the item, or SAMPLE_NONE to pick one. */
static void walk(const struct sample *s, const struct sample_weighed *h, struct descent *c,
                 uint32_t fixed, struct found *out)
{
    struct sample_extent e;
    next_level(c, (uint64_t)(h - s->stratum));
    out->item = fixed;
    if (fixed == SAMPLE_NONE)
        out->item = s->set_item[s->item_set[h->item_set].first + pick_item(s, h, c)];
    const struct sample_item *strike = &s->strike[out->item];
    next_level(c, out->item);
    out->family = pick_family(s, h, strike, c);
    const struct sample_family *family = &s->family[out->family];
    next_level(c, out->family);
    pick_position(s, family, strike, c, &out->unit);
    next_level(c, out->unit.first);
    sample_extent_of(s, family, &e);
    out->key = 0;
    if (sample_keys_vary(family, &e)) {
        out->key = pick_key(&s->curve[family->weight_curve], &e, strike, c, &out->unit);
        next_level(c, out->key);
    }
    const uint64_t count = sample_fault_count(family, &e, &out->unit, strike);
    out->element = sample_index_permute(c->key, c->rank % count, count);
    out->prob = c->prob / (double)count;
}

static struct sample_key tagged(const struct sample_wave *wave, enum tag tag)
{
    return sample_index_key(wave->key, (uint64_t)tag << 56);
}

/* A fault of a wave and its stratum. */
struct ticket {
    const struct sample_wave *wave;
    const struct sample_weighed *h;
    uint64_t fault; /* in the wave */
};

/* P(no fault) of a bit error rate over `bits` bits. */
static double none_of(double bits, double rate)
{
    const double log_keep =
        rate < 1e-4 ? -rate * (1 + rate * (0.5 + rate / 3)) : dmath_log(1 - rate);
    return dmath_exp(bits * log_keep);
}

/* Binomial(bits, rate), given at least one if `some`, by inversion of its distribution function at
 * `u` in [0, 1). */
static double invert(double bits, double rate, bool some, double u)
{
    const double none = none_of(bits, rate), at = some ? none + (1 - none) * u : u;
    double p = none, sum = none, k = 0;
    while ((some && k == 0) || (sum <= at && k < bits && k < COUNT_MOST)) {
        p *= (bits - k) / (k + 1) * (rate / (1 - rate));
        sum += p;
        k++;
    }
    return k;
}

/* Binomial(bits, ber) given at least one. P(none) of many bits would be 0 in a double: they are cut
 * into parts, whose counts add up. With several parts P(none) is below 1e-200, so the condition is
 * void. */
static uint32_t count_faults(const struct sample *s, const struct ticket *ticket, uint32_t item)
{
    const double ber = s->plan->ber, bits = sample_strata_bits(s, ticket->h, item);
    const struct sample_key key = sample_index_key(tagged(ticket->wave, TAG_COUNT), ticket->fault);
    if (s->plan->faults_per_trial > 0)
        return s->plan->faults_per_trial;
    const uint32_t parts = (uint32_t)ceil(bits * ber / COUNT_PART);
    if (parts <= 1)
        return (uint32_t)invert(bits, ber, true, sample_index_unit(key));
    double sum = 0, left = bits;
    for (uint32_t i = 0; i < parts; i++) {
        const double part = i + 1 == parts ? left : floor(bits / parts);
        sum += invert(part, ber, false, sample_index_unit(sample_index_key(key, i)));
        left -= part;
    }
    return sum < 1 ? 1 : (uint32_t)sum;
}

double sample_no_fault(const struct sample *sample, uint32_t stratum)
{
    const struct sample_weighed *h = &sample->stratum[stratum];
    const struct sample_item_set *set = &sample->item_set[h->item_set];
    double sum = 0, last = 0;
    if (sample->plan->faults_per_trial > 0)
        return 0;
    for (uint32_t i = 0; i < set->count; i++) {
        const double share = (h->item[i] - last) / h->weight;
        sum += share * none_of(sample_strata_bits(sample, h, sample->set_item[set->first + i]),
                               sample->plan->ber);
        last = h->item[i];
    }
    return sum;
}

static bool same(const struct found *a, const struct found *b)
{
    return a->family == b->family && a->unit.first == b->unit.first && a->key == b->key &&
           a->element == b->element;
}

/* Further faults of a trial: independent draws from the same stratum and item, none twice. */
static void draw_more(const struct sample *s, const struct ticket *ticket, struct found *found,
                      uint32_t count)
{
    const struct sample_key key = sample_index_key(tagged(ticket->wave, TAG_EXTRA), ticket->fault);
    uint64_t attempt = 0;
    for (uint32_t i = 1; i < count;) {
        struct descent c = {.key = sample_index_key(key, attempt++), .n = 1, .prob = 1};
        bool again = false;
        walk(s, ticket->h, &c, found[0].item, &found[i]);
        for (uint32_t j = 0; j < i; j++)
            again = again || same(&found[i], &found[j]);
        i += !again;
    }
}

/* Adds the fault found to the trial, a burst in a stored weight as the fields that it touches. */
static void add_fault(const struct sample *s, const struct found *found, struct sample_draw *out)
{
    const struct sample_place place = {.family = &s->family[found->family],
                                       .strike = &s->strike[found->item],
                                       .item = &s->item[out->item],
                                       .unit = found->unit,
                                       .key = found->key,
                                       .element = found->element,
                                       .fault_index = out->fault_index};
    struct fault fault;
    sample_fault_make(s, &place, &fault);
    if (sample_burst_spreads(s->plan, &fault))
        out->n_faults += sample_burst_spread(s->plan, &fault, &out->fault[out->n_faults]);
    else
        out->fault[out->n_faults++] = fault;
}

/* The stratum of fault `at` in the order of strata. */
static uint32_t stratum_of(const struct sample *s, const struct sample_wave *wave, uint64_t at)
{
    uint32_t low = 0, high = s->n_strata - 1;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        if (wave->first_fault[mid + 1] > at)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

/* Of an item of choices, the run that the faults of an index strike: one that comes as far. */
static uint32_t pick_choice(const struct sample *s, const struct sample_draw *draw)
{
    const struct sample_item *item = &s->item[draw->item];
    uint32_t n = 0, place;
    struct rng rng;
    if (item->n_choices == 0 || s->plan->mc_target != PLAN_MC_ONE_CHOICE)
        return 0;
    for (uint32_t i = 0; i < item->n_choices; i++)
        n += item->evaluated[i] > draw->fault[0].position;
    if (n == 0)
        return 0;
    rng_init(&rng, s->plan->seed, hash_mix64(draw->fault_index ^ UINT64_C(0x63686f696365)));
    place = (uint32_t)rng_below(&rng, n);
    for (uint32_t i = 0;; i++) {
        if (item->evaluated[i] > draw->fault[0].position && place-- == 0)
            return i + 1;
    }
}

/* Trial `t` of a wave's counted trials. */
static enum status draw_trial(const struct sample *s, const struct sample_wave *wave, uint64_t t,
                              struct arena *arena, struct sample_draw *out)
{
    const uint64_t per_fault = s->n_items / s->n_strike;
    const uint64_t fault = t / per_fault;
    const uint64_t at = sample_index_permute(tagged(wave, TAG_ORDER), fault, wave->n_faults);
    const uint32_t low = stratum_of(s, wave, at);
    const struct sample_weighed *h = &s->stratum[low];
    const struct ticket ticket = {wave, h, fault};
    const uint64_t before = wave->first_fault[low];
    struct descent c = {.key = tagged(wave, TAG_LEVELS),
                        .n = wave->first_fault[low + 1] - before,
                        .rank = at - before,
                        .prob = 1};
    struct found first;
    walk(s, h, &c, SAMPLE_NONE, &first);
    const uint32_t count = count_faults(s, &ticket, first.item);
    const uint64_t pieces =
        s->plan->what.pattern == PLAN_PATTERN_BURST ? s->plan->what.pattern_bits : 1;
    struct found *found = arena_array(arena, count, sizeof(*found));
    out->fault = arena_array(arena, count * pieces, sizeof(*out->fault));
    if (!found || !out->fault)
        return STATUS_MEMORY;
    found[0] = first;
    draw_more(s, &ticket, found, count);
    out->stratum = low;
    out->item = s->n_strike == 1 ? (uint32_t)(t % per_fault) : first.item;
    out->fault_index = wave->first_index + fault;
    out->weight = h->shown.weight;
    out->size = h->shown.size;
    out->draw_prob = first.prob;
    for (uint32_t i = 0; i < count; i++)
        add_fault(s, &found[i], out);
    out->choice = pick_choice(s, out);
    if (s->item[out->item].n_choices > 0)
        out->mc_target = kinds_text(KINDS_MC_TARGET, s->plan->mc_target);
    return STATUS_OK;
}

/* A fault that changes the first token of any model: all its logits are negated, so that the least
 * likely token is picked. */
static enum status draw_sentinel(const struct sample *s, uint64_t index, struct arena *arena,
                                 struct sample_draw *out)
{
    const struct graph *graph = &s->model->graph;
    const struct node *node = &graph->node[graph->count - 1];
    const float minus_one = -1;
    out->item = (uint32_t)(index % s->n_items);
    for (uint32_t i = 0; i < s->n_items && s->item[out->item].left_out; i++)
        out->item = (out->item + 1) % s->n_items;
    out->fault = arena_array(arena, 1, sizeof(*out->fault));
    if (!out->fault)
        return STATUS_MEMORY;
    out->n_faults = 1;
    out->weight = out->draw_prob = out->size = NAN;
    *out->fault = (struct fault){.place = PLACE_OP,
                                 .site = node->site,
                                 .node = graph->count - 1,
                                 .layer = node->layer,
                                 .point = HOOK_OUT,
                                 .granularity = GRANULARITY_VECTOR,
                                 .duration = DURATION_TRANSIENT,
                                 .position = s->item[out->item].n_prompt - 1,
                                 .position_count = 1,
                                 .row_count = node->rows,
                                 .row_step = 1,
                                 .kind = KIND_SCALE,
                                 .key_low = s->plan->seed,
                                 .key_high = out->trial};
    memcpy(&out->fault->value, &minus_one, sizeof(minus_one));
    return STATUS_OK;
}

/* Role of control `index`, each spread evenly over the others. */
static enum trial_role control_role(const struct sample_wave *wave, uint64_t index)
{
    uint64_t left = wave->n_control;
    for (int role = ROLE_DRY; role < ROLE_CPU; role++) {
        uint64_t place;
        if (sample_index_marked(index, left, wave->control[role], &place))
            return (enum trial_role)role;
        index = place;
        left -= wave->control[role];
    }
    return ROLE_CPU;
}

/* The meaning of an id. */
struct numbered {
    const struct sample_wave *wave;
    enum trial_role role;
    uint64_t index;    /* among the wave's counted trials; among its sentinels */
    uint64_t original; /* the id itself, or that of the trial that a control runs again */
};

static enum status number_id(const struct sample *s, uint64_t id, struct numbered *out)
{
    uint32_t w = s->n_waves - 1;
    *out = (struct numbered){.role = ROLE_TRIAL, .original = id};
    if (id >= sample_trials(s)) {
        log_error("trial %" PRIu64 ": expected an id from 0 to %" PRIu64, id, sample_trials(s) - 1);
        return STATUS_USAGE;
    }
    while (s->wave[w].first_id > id)
        w--;
    const struct sample_wave *wave = out->wave = &s->wave[w];
    const uint64_t total = wave->n_trials + wave->n_control;
    uint64_t place = id - wave->first_id;
    if (!sample_index_marked(place, total, wave->n_control, &out->index))
        return STATUS_OK;
    uint64_t index;
    out->role = control_role(wave, out->index);
    do /* the trial before the control; waves do not start with one */
        place--;
    while (sample_index_marked(place, total, wave->n_control, &index));
    if (out->role == ROLE_SENTINEL)
        return STATUS_OK;
    out->original = wave->first_id + place;
    out->index = index;
    return STATUS_OK;
}

enum status sample_original(const struct sample *sample, uint64_t id, uint64_t *out)
{
    struct numbered numbered;
    const enum status st = number_id(sample, id, &numbered);
    *out = numbered.original;
    return st;
}

enum status sample_draw(const struct sample *sample, uint64_t id, struct arena *arena,
                        struct sample_draw *out)
{
    struct numbered numbered;
    enum status st = number_id(sample, id, &numbered);
    if (st)
        return st;
    *out = (struct sample_draw){.trial = id, .role = numbered.role, .original = numbered.original};
    if (out->role == ROLE_SENTINEL)
        st = draw_sentinel(sample, numbered.index, arena, out);
    else
        st = draw_trial(sample, numbered.wave, numbered.index, arena, out);
    if (st)
        return st;
    if (out->role == ROLE_DRY) {
        for (uint32_t i = 0; i < out->n_faults; i++)
            out->fault[i] = fault_dry(&out->fault[i]);
    }
    out->stage = widen_stage_of(out->fault[0].position, sample->item[out->item].n_prompt);
    return STATUS_OK;
}
