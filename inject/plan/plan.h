/* SPDX-License-Identifier: MIT */
/* A campaign's plan as read from JSON (inject/plan.schema.json): every field checked, hashed. */
#ifndef VKFI_INJECT_PLAN_H
#define VKFI_INJECT_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/status.h"
#include "inject/space/kinds.h"
#include "model/model.h"
#include "model/storage.h"

enum plan_population { PLAN_OPS, PLAN_BITS, PLAN_EQUAL, PLAN_CENSUS };
enum plan_item_weight { PLAN_ITEMS_EQUAL, PLAN_ITEMS_EXPOSURE };
enum plan_point_weight { PLAN_POINTS_ELEMENTS, PLAN_POINTS_EQUAL };
enum plan_design { PLAN_NESTED, PLAN_CROSSED, PLAN_FAULT_MAJOR };
enum plan_record { PLAN_RECORD_OUTCOME, PLAN_RECORD_SUMMARY, PLAN_RECORD_FULL };
enum plan_nan { PLAN_NAN_SKIP, PLAN_NAN_TRAP };
enum plan_goal {
    PLAN_GOAL_TRIALS,     /* in all; of each stratum with population equal */
    PLAN_GOAL_HALF_WIDTH, /* the others: of each stratum, by stats_plan    */
    PLAN_GOAL_RELATIVE,
    PLAN_GOAL_UPPER_BOUND
};
enum plan_allocation { PLAN_ALLOCATE_EQUAL, PLAN_ALLOCATE_PROPORTIONAL }; /* of `trials` */
enum plan_stop { PLAN_STOP_FIXED, PLAN_STOP_TIME_UNIFORM, PLAN_STOP_SPENDING, PLAN_STOP_WAVES };
extern const char *const plan_stop_name[]; /* "fixed", ... */

/* The question of `vkfi gate`: which outcomes of which trials are held against a limit. */
enum plan_gate_of { PLAN_GATE_CRITICAL, PLAN_GATE_SDC, PLAN_GATE_SDC_DUE, PLAN_GATE_OF_COUNT };
enum plan_gate_given {
    PLAN_GATE_ALL,
    PLAN_GATE_CHANGED,
    PLAN_GATE_GOLDEN_RIGHT,
    PLAN_GATE_RUNS, /* a bit error rate: all runs, those without a fault too */
    PLAN_GATE_GIVEN_COUNT
};
extern const char *const plan_gate_of_name[PLAN_GATE_OF_COUNT];
extern const char *const plan_gate_given_name[PLAN_GATE_GIVEN_COUNT];
struct plan_gate {
    double max; /* 0: there is no question */
    double confidence;
    enum plan_gate_of of;
    enum plan_gate_given given;
    const char *stratum; /* label; null: all strata */
};

/* A plan's text that is in memory; `name` stands for the path, prompt files are beside it in
 * `folder`. */
struct plan_source {
    const char *text;
    size_t size;
    const char *name, *folder;
};

struct plan_item {
    const char *prompt;   /* text, or null */
    bool chat;            /* wrapped by a chat template */
    const char *template; /* of `chat`: a built-in one by name; null: the model's own */
    const int32_t *ids;   /* (n_ids) instead of a text, or null */
    uint32_t n_ids;
    uint32_t n;        /* tokens to generate */
    const char *group; /* of its prompt set; "" if none is given */
    const char *at;    /* pointer to its list in the plan, for messages: "/prompts/0/texts" */
    uint32_t index;    /* in there */
};

struct plan_ids {
    const int32_t *id; /* (count) */
    uint32_t count;
};

/* A value of one of the tables of kinds.h and its weight, as in where / what / when. Weights
 * multiply what the population gives (README). In the order of the table; the least is 1 where only
 * their ratios matter (plan_normal.c). */
struct plan_choice {
    uint32_t value;
    double weight;
};
struct plan_choices {
    const struct plan_choice *choice;
    uint32_t count; /* 0: the default named at the member */
};

struct plan_site {
    const char *glob; /* fnmatch pattern over site names */
    double weight;
};

/* Patterns of site names, as fnmatch has them. */
struct plan_globs {
    const char *const *glob; /* (count) */
    uint32_t count;
};

/* Sites under one name; no site is in two groups. */
struct plan_group {
    const char *name;
    struct plan_globs sites;
};

enum plan_bits { /* which bits of the struck width a mask is drawn from */
                 PLAN_BITS_ANY,
                 PLAN_BITS_SIGN,
                 PLAN_BITS_EXPONENT,
                 PLAN_BITS_MANTISSA,
                 PLAN_BITS_LIST
};
enum plan_pattern { PLAN_PATTERN_SINGLE, PLAN_PATTERN_RANDOM, PLAN_PATTERN_BURST };

struct plan_hypothesis;

struct plan_where {
    const struct plan_site *site; /* (n_sites); all by default */
    uint32_t n_sites;
    struct plan_globs exclude;       /* none */
    struct plan_choices place;       /* op */
    struct plan_choices point;       /* out; of places other than op always mem */
    struct plan_choices granularity; /* element */
    struct plan_choices readers;     /* weights: column; operands: all */
    struct plan_choices field;       /* enum quant_field; all that the type has */
    uint32_t layer_first, layer_last;
    bool has_layers;
};

struct plan_what {
    struct plan_choices kind; /* flip */
    enum plan_bits bits;
    const uint32_t *bit; /* (n_bits) of PLAN_BITS_LIST */
    uint32_t n_bits;
    enum plan_pattern pattern;
    uint32_t pattern_bits; /* of random and burst */
    uint32_t value;        /* set: bits */
    float factor, term;    /* scale; add */
    float low, high;       /* clamp */
    uint32_t only_mask, only_value;
};

struct plan_when {
    struct plan_choices stage;    /* any: by positions */
    struct plan_choices duration; /* transient (memory: persistent) */
    double rate;                  /* intermittent */
    struct plan_choices scrub;    /* persistent: positions until scrubbed; 0 (default): never */
    uint32_t step_first, step_last;
    bool has_steps;
};

/* Dimensions whose values make strata. */
enum plan_dimension {
    PLAN_BY_LAYER,
    PLAN_BY_SITE,
    PLAN_BY_SITE_KIND, /* "attn_q" of all layers */
    PLAN_BY_OP,
    PLAN_BY_PLACE,
    PLAN_BY_POINT,
    PLAN_BY_BIT,
    PLAN_BY_BIT_FIELD, /* sign, exponent, mantissa */
    PLAN_BY_FIELD,     /* of a quant block */
    PLAN_BY_KIND,
    PLAN_BY_STAGE,
    PLAN_BY_GRANULARITY,
    PLAN_BY_READERS,
    PLAN_BY_DURATION,
    PLAN_BY_HEAD,
    PLAN_BY_ITEM,
    PLAN_BY_GROUP, /* of the item */
    PLAN_BY_SITE_GROUP,
    PLAN_BY_SCRUB, /* positions until a stored fault is scrubbed */
    PLAN_DIMENSION_COUNT
};
/* "layer", "bit_field", ... as in `strata` and contrasts. */
extern const char *const plan_dimension_name[PLAN_DIMENSION_COUNT];

/* Strata of another campaign that are estimated anew, on fresh faults. */
struct plan_confirm {
    const char *const *stratum; /* (n_strata) labels in rising order */
    uint32_t n_strata;          /* 0: the plan confirms nothing */
    char of[HASH_SHA256_TEXT];  /* identity of that campaign's plan */
};

struct plan {
    const char *title, *notes; /* outside the identity */
    const char *model;         /* path or name of third_party/models.json */
    enum storage act, kv;
    uint32_t n; /* tokens */
    bool ignore_end;
    struct plan_item *item; /* (n_items) */
    uint32_t n_items;
    enum plan_population population;
    enum plan_item_weight item_weight;
    enum plan_point_weight point_weight; /* how points and fields share a site: population ops */
    enum plan_design design;
    const struct plan_group *group; /* (n_groups) */
    uint32_t n_groups;
    struct plan_where where;
    struct plan_what what;
    struct plan_when when;
    enum plan_dimension strata[PLAN_DIMENSION_COUNT];
    uint32_t n_strata;
    enum plan_goal goal;
    enum plan_allocation allocation;
    double goal_value, confidence, expected_rate, design_effect;
    uint64_t trials;      /* PLAN_GOAL_TRIALS */
    const uint64_t *wave; /* (n_waves) trials of each further wave: outside the identity */
    uint32_t n_waves;
    uint32_t faults_per_trial; /* 1 by default; 0: by ber */
    double ber;                /* bit error rate over the bits a stratum holds of an item */
    enum plan_stop stop;
    bool pocock;        /* spending: alpha spent evenly instead of late (O'Brien, Fleming) */
    const double *look; /* (n_looks) rising shares of the trials; the last is 1 */
    uint32_t n_looks;
    struct plan_gate gate; /* its answer ends the campaign; no question with rule fixed */
    double control_dry, control_sentinel, control_naive, control_cpu; /* shares: 0.01 each */
    enum plan_nan nan_policy;
    double score_eps;
    enum plan_record record;
    uint32_t retry;               /* fresh workers that an abnormal end gets: 2 */
    uint32_t lanes, tiles, chunk; /* L, R, C of METHOD.md 2: 8, 32, 512 */
    uint64_t seed;
    uint64_t checkpoint_bytes;          /* budget of golden residuals: 256 MiB */
    double work_factor;                 /* runaway: logical work over golden's: 4 */
    struct plan_hypothesis *hypothesis; /* (n_hypotheses), see plan_contrast.h */
    uint32_t n_hypotheses;
    struct plan_confirm confirm;
    const char *canon;           /* canonical form: every field with its default, prompts inline */
    char hash[HASH_SHA256_TEXT]; /* its SHA-256: the identity of the plan */
    const char *text;            /* as given, with prompts inline: needs no other file */
    struct plan_source source;   /* what was read, for plan_place */
};

/* STATUS_INPUT: one line with JSON pointer, line and what was expected; unknown fields with a
 * suggestion. Memory from `arena`. Prompt files are looked up beside the plan (`folder`). */
enum status plan_load(struct plan *out, struct arena *arena, const char *path) STATUS_MUST_USE;
enum status plan_parse(struct plan *out, struct arena *arena, const struct json_doc *doc,
                       const char *folder) STATUS_MUST_USE;

/* The same from text that is in memory, which is copied. */
enum status plan_read(struct plan *out, struct arena *arena,
                      const struct plan_source *source) STATUS_MUST_USE;

/* Where a value stands in the file that was read, for what only a model can tell: "plan.json:
 * /where/sites/1 (line 3)". `pointer`: keys, and numbers of elements and members; what is behind
 * the last that is there does not count. As long-lived as what json_where gives. */
const char *plan_place(const struct plan *plan, const char *pointer);

/* Whether points or fields can share a site's weight: point_weight means nothing else. */
bool plan_shares_sites(const struct plan *plan);

/* The campaign ends once its question is answered. */
bool plan_stops_itself(const struct plan *plan);

/* Look 0, 1, ... of a spending plan is at the ids below this one of `trials`. */
uint64_t plan_look_end(const struct plan *plan, uint32_t look, uint64_t trials);

/* The item at a place of the order in which a time-uniform plan takes its items: drawn from the
 * seed, so that those before any place are a random sample of all, however the plan lists them. */
uint32_t plan_stop_item(const struct plan *plan, uint32_t place);

/* Prompts without any event after which the question of a time-uniform plan is first answered by
 * yes: with fewer a campaign cannot pass. 0: of other plans; PLAN_STOP_NEVER: more than any plan
 * has. Warns, in one line, of a plan with fewer. */
#define PLAN_STOP_NEVER UINT32_MAX
enum status plan_stop_least(const struct plan *plan, uint32_t *out) STATUS_MUST_USE;
enum status plan_stop_warn(const struct plan *plan) STATUS_MUST_USE;

/* Token ids of an item's prompt, at least one, all known to the model, and with item->n tokens
 * behind them inside its context. STATUS_INPUT names the item. Memory from `arena`. */
enum status plan_item_ids(const struct plan *plan, uint32_t item, const struct model *model,
                          struct arena *arena, struct plan_ids *out) STATUS_MUST_USE;

#endif
