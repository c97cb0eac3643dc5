/* SPDX-License-Identifier: MIT */
/* The parts of a plan's fault space: sites, families, weights over positions, strata. */
#ifndef VKFI_INJECT_SAMPLE_INTERNAL_H
#define VKFI_INJECT_SAMPLE_INTERNAL_H

#include "inject/plan/sample.h"
#include "inject/plan/sample_index.h"
#include "inject/space/widen.h"
#include "model/model.h"

#define SAMPLE_CURVES 64 /* different weights over positions in one plan */
#define SAMPLE_STRATA 100000
#define SAMPLE_NONE UINT32_MAX
/* Most faults per trial, on average, of a bit error rate: in memory, since a row lists each; in
 * evaluations, since those at one position are hooks of one pass (HOOK_MOST, up to 5 per fault). */
#define SAMPLE_MEAN 4096
#define SAMPLE_MEAN_HOOKS 500

/* A site that the plan's patterns match. */
struct sample_site {
    const char *name, *kind; /* "blk.3.attn_q", "attn_q" */
    enum place place;
    uint32_t source; /* index of node, of tensor in the file, of layer (KV), table or control */
    bool value_cache;
    uint32_t layer;
    uint32_t group; /* of plan->group; SAMPLE_NONE: none */
    double weight;
};

/* How the weight of a position grows with it. */
enum sample_growth {
    GROWTH_ONE,          /* 1 */
    GROWTH_SEEN,         /* keys that the column sees */
    GROWTH_ENTRIES,      /* KV entries stored before it */
    GROWTH_ROWS,         /* rows of a table still to be read */
    GROWTH_TIME,         /* MACs of the column */
    GROWTH_ENTRIES_TIME, /* both */
    GROWTH_ROWS_TIME,    /* both */
    GROWTH_CHUNK,        /* 1 at the first position of a chunk (of the range) */
    GROWTH_RANGE,        /* 1 at the first position of the range */
    GROWTH_RANGE_SEEN,   /* keys that some column of the range sees */
    GROWTH_PART,         /* s / (rest + s) of s keys seen: points without keys, beside keyed ones */
    GROWTH_PART_SEEN     /* s * s / (rest + s): keyed points */
};

/* A weight over the positions of a stage. */
struct sample_curve {
    enum sample_growth growth;
    uint32_t window;
    enum stage stage;
    bool late;         /* evaluated from the last prompt position on */
    uint32_t least;    /* lowest position */
    double rest;       /* GROWTH_PART, GROWTH_PART_SEEN */
    const double *sum; /* (positions + 1) cumulative from 0 on */
    const double *key; /* (positions + 1) the same of one key, while it is seen */
};

/* Positions that one activation covers together. */
enum sample_unit { UNIT_COLUMN, UNIT_CHUNK, UNIT_RANGE };
struct sample_span {
    uint32_t first, end; /* its positions: first .. end - 1 */
};

/* All faults of a site that differ in coordinates, position and mask alone. */
struct sample_family {
    uint8_t point, field, kind, granularity, readers, duration, stage, unit;
    uint8_t scrub; /* of plan->when.scrub; 0 where nothing is stored */
    uint8_t weight_curve, size_curve;
    uint32_t site; /* index in sample->site */
    uint32_t bits; /* bits that masks are made of; 0: a kind without mask */
    uint32_t head; /* SAMPLE_NONE: all */
    uint32_t fault_set;
    double weight;   /* without the factor of the positions */
    double elements; /* elementary faults, likewise */
    double cum;      /* of `weight` in (fault set, weight_curve), this one included */
};

/* Strata before they are split by item. */
struct sample_fault_set {
    uint32_t key[PLAN_DIMENSION_COUNT]; /* SAMPLE_NONE: "none" */
    uint32_t
        first[SAMPLE_CURVES + 1]; /* families of a weight curve: first[k] .. first[k + 1] - 1 */
    double weight[SAMPLE_CURVES], elements[SAMPLE_CURVES]; /* by weight curve, by size curve */
    double ratio; /* largest weight / elements of a family, at most */
};

/* Items of a stratum; (count) of sample->set_item from `first` on. */
struct sample_item_set {
    uint32_t first, count;
    const char *label;
};

/* A stratum with its weight and weighed items. */
struct sample_weighed {
    struct sample_stratum shown;
    uint32_t fault_set, item_set;
    double weight;      /* W_h, not scaled */
    const double *item; /* (items of the set) cumulative weights of its items */
};

/* A sample of all strata by the plan's design: the first, or a further one (plan_waves.h), drawn by
 * its own key. Its ids and faults follow those of earlier waves. */
struct sample_wave {
    struct sample_key key;
    uint64_t first_id, first_index;          /* ids and faults of earlier waves */
    uint64_t *first_fault;                   /* (n_strata + 1) its faults before a stratum */
    uint64_t n_faults, n_trials;             /* n_faults, or times the items */
    uint64_t control[ROLE_COUNT], n_control; /* trials of a role; of all but ROLE_TRIAL */
};

struct sample {
    const struct plan *plan;
    const struct model *model;
    struct arena arena;
    struct sample_item *item; /* (n_items) those that run */
    uint32_t n_items;
    struct sample_item *strike; /* (n_strike) those that faults are drawn for: the same, or one as
                                   short as the shortest */
    uint32_t n_strike;
    double *scale;               /* (n_strike) of item_weight */
    uint32_t positions;          /* most of any item */
    double *time, *entries_time; /* (positions + 1) cumulative MACs without the output matrix */
    double output_macs;
    struct sample_site *site; /* (n_sites) */
    uint32_t n_sites;
    struct sample_curve curve[SAMPLE_CURVES];
    uint32_t n_curves;
    struct sample_family
        *family; /* (n_families) by fault set, weight curve, then in random order */
    uint64_t n_families, family_room;
    struct sample_fault_set *fault_set; /* (n_fault_sets) */
    uint32_t n_fault_sets, fault_set_room;
    struct sample_item_set *item_set; /* (n_item_sets) */
    uint32_t n_item_sets, *set_item;
    struct sample_weighed *stratum; /* (n_strata) */
    uint32_t n_strata;
    struct sample_wave *wave; /* (n_waves) */
    uint32_t n_waves;
    struct sample_key key;
};

/* sample_sites.c: sites that match; STATUS_INPUT for a pattern that matches none or layers beyond
 * the model's. */
enum status sample_sites_find(struct sample *s) STATUS_MUST_USE;

/* sample_family.c: families and fault sets. */
enum status sample_family_make(struct sample *s) STATUS_MUST_USE;

/* sample_growth.c: sum of a curve's weights over the positions of its stage that lie before
 * `position`, for an item; the stage's range [lo, hi). */
void sample_growth_time(struct sample *s);
void sample_growth_range(const struct sample *s, const struct sample_curve *c,
                         const struct sample_item *item, uint32_t *lo, uint32_t *hi);
double sample_growth_sum(const struct sample *s, const struct sample_curve *c,
                         const struct sample_item *item, uint32_t position);
double sample_growth_all(const struct sample *s, const struct sample_curve *c,
                         const struct sample_item *item);
/* Fills in curve->sum for growths without a closed form. */
enum status sample_growth_table(struct sample *s, struct sample_curve *c) STATUS_MUST_USE;

/* sample_share.c: how the points and fields of a site share its weight. Values of a site's choice,
 * with weights. */
#define SAMPLE_OPTIONS 64
struct sample_options {
    uint32_t value[SAMPLE_OPTIONS];
    double weight[SAMPLE_OPTIONS];
    uint32_t count;
};
/* The weights over their sum. */
void sample_share_equal(struct sample_options *options);
/* The same, each times the elements of that field that one evaluation reads or writes at the
 * family's point. */
void sample_share_fields(const struct sample *s, const struct sample_family *family,
                         struct sample_options *fields);

/* Elements that one evaluation reads, adds or writes at a site's points. */
struct sample_share {
    double elements[HOOK_LAST + 1]; /* at a point: of all its fields; at one key if it is keyed */
    bool keyed[HOOK_LAST + 1];
    double fixed, per_key; /* of all, times their weights: without keys, and for each key seen */
};
/* Adds the fields of the family's point. */
void sample_share_count(struct sample_share *share, const struct sample *s,
                        const struct sample_family *family, const struct sample_options *fields);
/* Adds the point with this weight to the sums. */
void sample_share_add(struct sample_share *share, uint32_t point, double weight);
/* The share of a point, without its weight: constant, or with the growth set in `curve` (SEEN) if
 * only some points have keys. */
double sample_share_of(const struct sample_share *share, uint32_t point,
                       struct sample_curve *curve);

/* The index of a curve, added if new; SAMPLE_NONE if there are too many. Then how a family's number
 * of faults grows. */
uint32_t sample_growth_curve(struct sample *s, const struct sample_curve *curve);
struct sample_extent;
enum sample_growth sample_growth_size(const struct sample_extent *e, enum sample_unit unit);

/* sample_fault_set.c: fault sets, families in order, weights and sizes of curves; the text of a
 * key. */
enum status sample_fault_set_make(struct sample *s) STATUS_MUST_USE;
const char *sample_fault_set_text(struct sample *s, enum plan_dimension dimension, uint32_t key);

/* sample_contrast.c: STATUS_INPUT if a contrast names a value that no stratum has. */
enum status sample_contrast_check(const struct sample *s) STATUS_MUST_USE;

/* sample_waves.c: trials of each stratum in each wave, controls, ids. */
enum status sample_waves_make(struct sample *s) STATUS_MUST_USE;

/* sample_strata.c: sets and strata; the bits of a bit error rate. */
enum status sample_strata_make(struct sample *s) STATUS_MUST_USE;
double sample_strata_bits(const struct sample *s, const struct sample_weighed *h, uint32_t item);

/* sample_extent.c. One coordinate: indices `first + stride * unit`, each with what it covers. */
struct sample_axis {
    uint32_t count;  /* indices; 0: the point has no such coordinate */
    uint32_t first;  /* of a head */
    uint32_t stride; /* between indices: elements that share one, of a group or a scale; else 1 */
    enum widen_form form;
    uint32_t width; /* L or R */
};
struct sample_extent {
    struct sample_axis row, k, reader;
    bool seen, entries, rows; /* keys: those the column sees, entries stored before it, or rows of a
                                 table from its own on */
    bool all_keys;            /* of them together, not one */
    uint32_t window;
    uint64_t masks; /* of the family's bits */
    uint32_t width; /* bits struck */
};
/* What a fault's axes need, for any item. */
struct fault_bounds sample_extent_bounds(const struct sample *s);
void sample_extent_of(const struct sample *s, const struct sample_family *family,
                      struct sample_extent *out);
/* Heads of a point of a site, 0 if none. */
uint32_t sample_extent_heads(const struct sample *s, const struct sample_site *site,
                             uint32_t point);
uint32_t sample_extent_units(const struct sample_axis *axis);
uint32_t sample_extent_start(const struct sample_axis *axis, uint32_t unit); /* its first value */
/* Elements of one evaluation at the family's point and field, per key if `*out_keyed`. */
double sample_extent_evaluation(const struct sample *s, const struct sample_family *family,
                                bool *out_keyed);
/* Without the position: elementary faults per unit of positions, over its keys. */
double sample_extent_elements(const struct sample_extent *extent);
/* Mask `index` of extent->masks. */
uint32_t sample_extent_mask(const struct plan *plan, const struct sample_family *family,
                            uint64_t index);
/* Number of masks over a set of bits. */
uint64_t sample_extent_masks(const struct plan *plan, uint32_t bits);

/* Bits of a struck value by meaning; the others are mantissa. */
struct sample_format {
    uint32_t width;
    bool integer;
    uint32_t sign, exponent; /* masks */
};
void sample_extent_format(const struct sample *s, const struct sample_family *family,
                          struct sample_format *out);

/* sample_keys.c: keys that some column of a unit sees: their number, and the first. */
uint32_t sample_keys_of(const struct sample_extent *extent, const struct sample_span *unit,
                        const struct sample_item *item, uint32_t *out_first);
/* Whether keys of one unit are seen by different numbers of evaluations: a range strikes one key
 * wherever it is seen. Then the key is drawn before the element, else with it. */
bool sample_keys_vary(const struct sample_family *family, const struct sample_extent *extent);
/* The first position of a unit that sees a key. */
uint32_t sample_keys_begin(const struct sample_span *unit, uint32_t key);
/* Weight of a unit's key, by the family's weight curve: the evaluations that see it, or 1 if faults
 * are counted; then the largest of all keys. */
double sample_keys_weight(const struct sample_curve *curve, const struct sample_extent *extent,
                          const struct sample_span *unit, uint32_t key);
double sample_keys_most(const struct sample_curve *curve, const struct sample_extent *extent,
                        const struct sample_span *unit);
/* Keys that some position of the unit sees with `key`: their number, and the first. */
uint32_t sample_keys_beside(const struct sample_extent *extent, const struct sample_span *unit,
                            uint32_t key, uint32_t *out_first);

/* sample_fault.c: what all faults of a family share: site, point, field, granularity, readers,
 * duration, kind; all else 0. */
void sample_fault_site(const struct sample *s, const struct sample_family *family,
                       struct fault *out);
/* The fault of a family at a unit of positions, with index `element` there. */
struct sample_place {
    const struct sample_family *family;
    const struct sample_item *strike; /* the position's item */
    const struct sample_item *item;   /* the item run */
    struct sample_span unit;
    uint32_t key; /* if keys vary (sample_keys.c) */
    uint64_t element;
    uint64_t fault_index; /* key of the fault's random draws */
};
void sample_fault_make(const struct sample *s, const struct sample_place *place, struct fault *out);
/* sample_burst.c: whether the fault starts a burst that goes on beyond its field; else (several
 * elements of a row) each element's burst ends with its field. */
bool sample_burst_spreads(const struct plan *plan, const struct fault *start);

/* The faults of a burst that starts at the lowest bit of start->mask, goes on from row to row, and
 * ends with the tensor at the latest; out: (pattern_bits). Returns their number. */
uint32_t sample_burst_spread(const struct plan *plan, const struct fault *start, struct fault *out);
/* Elements of a unit: times its keys unless those are drawn before. */
uint64_t sample_fault_count(const struct sample_family *family, const struct sample_extent *extent,
                            const struct sample_span *unit, const struct sample_item *item);

#endif
