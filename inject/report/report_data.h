/* SPDX-License-Identifier: MIT */
/* A campaign's database as compact arrays: which trials count, which are excluded and why. */
#ifndef VKFI_INJECT_REPORT_DATA_H
#define VKFI_INJECT_REPORT_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "inject/plan/plan.h"
#include "inject/space/kinds.h"
#include "inject/store/store.h"

#define REPORT_NONE UINT32_MAX  /* null; no group */
#define REPORT_RIGHT (1 - 1e-9) /* an answer with this score is right */

/* All zeros is empty; memory from the arena given to report_names_find. */
struct report_names {
    const char **text; /* (count) */
    uint32_t *slot;    /* (slots): 1 + number, 0 free */
    uint32_t count, room, slots;
};

/* The number of `text`, assigned if new; REPORT_NONE for null. */
enum status report_names_find(struct report_names *names, struct arena *arena, const char *text,
                              uint32_t *out) STATUS_MUST_USE;

/* A counted trial: neither control nor suspect. Null is REPORT_NONE, -1 or NaN. */
struct report_trial {
    uint64_t trial, fault_key;
    uint32_t item, stratum; /* indices of report_data.item, .stratum                       */
    /* Clusters of stats_cluster: the item with all its samples, the fault, the fault on an item. */
    uint32_t base, fault, cell;
    uint32_t site, site_kind, op, field; /* in names                                        */
    uint32_t device;
    uint32_t flags; /* bit per enum flag */
    /* With several faults, site to stage, rel_change and margin are those of the first. */
    uint32_t n_faults;
    int32_t layer, step, bit, top_bit, first_diff, golden_len, faulty_len;
    uint8_t place, point, kind, duration, stage, granularity;
    uint8_t outcome, due;
    bool changed;        /* the fault was reached and bits changed */
    bool golden_right;   /* score_golden is 1 or more              */
    bool answer_changed; /* another answer than golden's; of a DUE false */
    double weight;       /* 1; under an arm the trials for which it stands */
    double rel_change, margin, logp_sum, kl, score_golden, score_faulty;
    const char *text;     /* of a corpus: the faulty answer; null: golden's (a DUE has none) */
    size_t deviation;     /* first of data.deviation: relative L2 by layer boundary */
    uint32_t n_deviation; /* 0: not recorded */
};

struct report_data {
    struct arena arena;  /* owned */
    struct store *store; /* borrowed */
    const struct store_identity *identity;
    const struct plan *plan;
    struct store_stratum *stratum; /* (n_strata), id = index */
    struct store_item *item;       /* (n_items), id = index  */
    struct store_device *device;   /* (n_devices)            */
    struct store_incident *incident;
    uint32_t n_strata, n_items, n_devices, n_incidents;
    uint32_t n_bases; /* items, each with all its samples */

    /* (n_strata): share of a stratum's faults that were drawn, if none comes twice
     * (store_stratum.distinct_faults), so that the finite-population correction holds; else 0.
     * Population census gets weights. */
    double *drawn;
    struct report_trial *trial; /* (n) by stratum, then id; owned */
    size_t n, room;
    uint32_t n_faults, n_cells;
    double *deviation; /* owned */
    size_t n_deviation, deviation_room;
    struct report_names names;

    uint64_t expected;         /* ids of this shard                */
    uint64_t n_rows;           /* in the database                  */
    uint64_t role[ROLE_COUNT]; /* rows by role; [ROLE_TRIAL] counts */
    uint64_t suspect;          /* rows excluded as suspect */
    uint64_t limit;            /* only ids below it were read       */
    const char *arm;           /* `trial` are runs under this arm; null: none                */
    uint64_t armed_missing;    /* of these: trials that are not masked, and have no run      */
    bool scored;               /* some trial has a score            */
    uint32_t most_faults;      /* of a trial                        */
    double design_effect;      /* of the SDC rate over all, at least 1 */
};

/* Reads all of a database; the store and the plan live at least as long as `out`. `limit`: only
 * ids below it (a look of a plan), UINT64_MAX for all. `arm`: its runs instead of the trials, null:
 * none. They are all trials that are not masked and a share of the others, with weights: rates
 * hold, counts are of runs. */
enum status report_data_load(struct report_data *out, struct store *store, const struct plan *plan,
                             uint64_t limit, const char *arm) STATUS_MUST_USE;
void report_data_finish(struct report_data *data);

/* At least `needed` elements of room in an array of malloc; null if host memory is out (logged):
 * the old array then stays. */
void *report_data_grow(void *array, size_t *room, size_t needed, size_t size);

/* "" for REPORT_NONE. */
const char *report_data_name(const struct report_data *data, uint32_t name);

/* An outcome that no protection can better. */
bool report_data_is_masked(uint8_t outcome);

/* A critical SDC; SDC where items have no scores. */
bool report_data_is_harm(const struct report_data *data, const struct report_trial *trial);

/* Items whose golden run is marked underflow (NUMERICS.md 5): devices may differ there. */
uint32_t report_data_underflow(const struct report_data *data);

/* True if every id of this shard has its row. */
bool report_data_is_complete(const struct report_data *data);

/* Index of the stratum with that label, REPORT_NONE. */
uint32_t report_data_stratum(const struct report_data *data, const char *label);

/* Value of "layer" in a label "layer=3 bit_field=exponent", copied to `out`; false if absent. */
bool report_data_dimension(const char *label, const char *dimension, char *out, size_t size);

/* The identity of a row's fault, whatever the item: sites, coordinates, kind and bits, with the
 * step instead of the position if there is one. For stored values without the time of the
 * strike. */
uint64_t report_data_fault_key(const struct trial_row *row);

#endif
