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
#include "model/decode.h"
#include "model/model.h"
#include "model/storage.h"
#include "tasks/choices.h"
#include "tasks/task.h"

/* The words of plans (space/kinds.h) as enums. */
#define PLAN_MODE_(name, ...) PLAN_MODE_##name,
#define PLAN_END_(name, ...) PLAN_END_##name,
#define PLAN_POPULATION_(name, ...) PLAN_##name,
#define PLAN_ITEMS_(name, ...) PLAN_ITEMS_##name,
#define PLAN_POINTS_(name, ...) PLAN_POINTS_##name,
#define PLAN_DESIGN_(name, ...) PLAN_##name,
#define PLAN_BITS_(name, ...) PLAN_BITS_##name,
#define PLAN_PATTERN_(name, ...) PLAN_PATTERN_##name,
#define PLAN_BY_(name, ...) PLAN_BY_##name,
#define PLAN_GOAL_(name, ...) PLAN_GOAL_##name,
#define PLAN_ALLOCATE_(name, ...) PLAN_ALLOCATE_##name,
#define PLAN_STOP_(name, ...) PLAN_STOP_##name,
#define PLAN_SPENDING_(name, ...) PLAN_SPENDING_##name,
#define PLAN_GATE_(name, ...) PLAN_GATE_##name,
#define PLAN_MEASURE_(name, ...) PLAN_MEASURE_##name,
#define PLAN_NAN_(name, ...) PLAN_NAN_##name,
#define PLAN_RECORD_(name, ...) PLAN_RECORD_##name,
#define PLAN_SPLIT_(name, ...) PLAN_SPLIT_##name,
#define PLAN_FILTER_(name, ...) PLAN_FILTER_##name,
#define PLAN_MC_(name, ...) PLAN_MC_##name,
#define PLAN_FORMAT_(name, ...) PLAN_FORMAT_##name,
enum plan_mode { MODES(PLAN_MODE_) };
enum plan_end { ENDS(PLAN_END_) };
enum plan_population { POPULATIONS(PLAN_POPULATION_) };
enum plan_item_weight { ITEM_WEIGHTS(PLAN_ITEMS_) };
enum plan_point_weight { POINT_WEIGHTS(PLAN_POINTS_) };
enum plan_design { DESIGNS(PLAN_DESIGN_) };
enum plan_bits { MASK_BITS(PLAN_BITS_) };
enum plan_pattern { PATTERNS(PLAN_PATTERN_) };
enum plan_dimension { DIMENSIONS(PLAN_BY_) PLAN_DIMENSION_COUNT };
enum plan_goal { GOALS(PLAN_GOAL_) PLAN_GOAL_COUNT };
enum plan_allocation { ALLOCATIONS(PLAN_ALLOCATE_) }; /* of `trials` */
enum plan_stop { STOPS(PLAN_STOP_) };
enum plan_spending { SPENDINGS(PLAN_SPENDING_) };
enum plan_gate_of { GATE_CLASSES(PLAN_GATE_) PLAN_GATE_OF_COUNT };
enum plan_gate_given { GATE_TRIALS(PLAN_GATE_) };
enum plan_measure { MEASURES(PLAN_MEASURE_) };
enum plan_nan { NAN_POLICIES(PLAN_NAN_) };
enum plan_record { RECORDS(PLAN_RECORD_) };
enum plan_split { SPLITS(PLAN_SPLIT_) };
enum plan_filter { ITEM_FILTERS(PLAN_FILTER_) };
enum plan_mc { MC_TARGETS(PLAN_MC_) };
enum plan_format { ITEM_FORMATS(PLAN_FORMAT_) };

struct plan_gate {
    double max; /* 0: no question */
    double confidence;
    enum plan_gate_of of;
    enum plan_gate_given given;
    const char *stratum; /* label; null: all strata */
};

#define PLAN_TASK_SHOTS UINT32_MAX /* shots: as many as the task's definition says */
#define PLAN_TASK_OWN "own"        /* data: the items that come with the program */

/* A task that a plan names. */
struct plan_task_request {
    const char *name; /* or the path of a definition */
    const char *data; /* folder, or PLAN_TASK_OWN; null: where data are looked for */
    uint32_t shots;
};

/* How tasks of a plan are found: their definition and all items. Close and finish both in any
 * case. */
struct plan_tasks {
    enum status (*open)(const void *user, const struct plan_task_request *request,
                        struct task **task, struct task_items *items);
    const void *user;
};

/* A plan's text in memory; `name` stands for the path, and prompt files lie in `folder`. */
struct plan_source {
    const char *text;
    size_t size;
    const char *name, *folder;
    const struct plan_tasks *tasks; /* null: a plan that names tasks is refused */
};

/* An item of a task, with all that a score needs. Texts from the plan's arena. */
struct plan_question {
    const char *task;            /* its name */
    uint32_t area, kind, metric; /* enum task_area, task_kind, task_metric */
    const char *rule;            /* exact_match: of extraction; else "" */
    double chance;               /* score of a guess; NaN: not known */
    enum plan_format format;     /* of the prompt */
    struct task_item item;
};

struct plan_item {
    const char *prompt;   /* text, or null */
    bool chat;            /* wrapped by a chat template */
    const char *template; /* of `chat`: a built-in one by name; null: the model's own */
    const int32_t *ids;   /* (n_ids) instead of a text, or null */
    uint32_t n_ids;
    uint32_t n;        /* tokens to generate */
    const char *group; /* of its prompt set, or the name of its task; "" if not given */
    const char *at;    /* pointer to its list in the plan, for messages: "/prompts/0/texts" */
    uint32_t index;    /* in there */
    const struct plan_question *question; /* of an item of a task; null: no score */
    uint32_t sample; /* of the item, from 0: those of one item follow each other */
    uint32_t base;   /* its number where an item counts once, however many samples it has */
};

/* An item as a model takes it. */
struct plan_input {
    const int32_t *ids; /* (n_ids) prompt; of choices, the first one's context */
    uint32_t n_ids;     /* of choices: of the shortest context */
    uint32_t n; /* most tokens; of choices: columns from the last of `ids` to the last of the
                   longest */
    const struct decode_stop *stop; /* (n_stops) */
    uint32_t n_stops;
    struct choices_item choices; /* n_choices 0: a generation */
};

/* A value of one of the tables of kinds.h and its weight, as in where / what / when. Weights
 * multiply the population's (README). In the table's order; the least weight is 1 where only ratios
 * matter (plan_normal.c). */
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

/* First and last of layers or steps. */
struct plan_pair {
    uint32_t first, last;
    bool given;
};

/* Patterns of site names, as of fnmatch. */
struct plan_globs {
    const char *const *glob; /* (count) */
    uint32_t count;
};

/* Sites under one name; no site is in two groups. */
struct plan_group {
    const char *name;
    struct plan_globs sites;
};

struct plan_hypothesis;

struct plan_where {
    const struct plan_site *site; /* (n_sites); all by default */
    uint32_t n_sites;
    struct plan_globs exclude;       /* none */
    struct plan_choices place;       /* op */
    struct plan_choices point;       /* out; of places other than op always mem */
    struct plan_choices granularity; /* element */
    struct plan_choices readers;     /* weights: column; operands: all */
    struct plan_choices field;       /* enum quant_field; all of the type */
    struct plan_pair layers;
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
    struct plan_pair steps;
};

/* Strata of another campaign to estimate anew, on fresh faults. */
struct plan_confirm {
    const char *const *stratum; /* (n_strata) labels in rising order */
    uint32_t n_strata;          /* 0: the plan confirms nothing */
    char of[HASH_SHA256_TEXT];  /* identity of that campaign's plan */
};

#define PLAN_ARMS_MOST 32u
#define PLAN_ARM_NONE "none" /* name of the arm without protection, in which every trial runs */

/* A policy of protections under which trials run again. */
struct plan_arm {
    const char *name;
    const char *policy;                /* one line of JSON, without its calibration */
    const char *calibration;           /* path of the file that it names; "": it names none */
    char calibrated[HASH_SHA256_TEXT]; /* SHA-256 of that file; "" */
};

struct plan {
    const char *schema, *title, *notes; /* outside the identity */
    const char *model;                  /* path or name of third_party/models.json */
    enum plan_mode mode;
    enum storage act, kv;
    uint32_t n; /* tokens */
    enum plan_end end;
    double temperature;     /* 0: greedy */
    uint32_t top_k;         /* 0: all tokens */
    uint64_t decoding_seed; /* draws are keyed by it, the item, the sample and the step */
    struct plan_item *item; /* (n_items): each sample of an item of a task is one */
    uint32_t n_items;
    uint32_t samples;        /* of each item of a task; 0: there are none */
    enum plan_split split;   /* that items of tasks were drawn from */
    enum plan_filter filter; /* of items of tasks */
    enum plan_mc mc_target;  /* of items of choices */
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
    double ber;                /* bit error rate over a stratum's bits of an item */
    enum plan_stop stop;
    enum plan_spending spending;
    const double *look; /* (n_looks) rising shares of the trials; the last is 1 */
    uint32_t n_looks;
    struct plan_gate gate; /* its answer ends the campaign; no question with rule fixed */
    double control_dry, control_sentinel, control_naive, control_cpu; /* shares: 0.01 each */
    enum plan_nan nan_policy;
    double score_eps;
    enum plan_record record;
    uint32_t retry;               /* fresh workers after an abnormal end: 2 */
    uint32_t lanes, tiles, chunk; /* L, R, C of METHOD.md 2: 8, 32, 512 */
    uint64_t seed;
    uint64_t checkpoint_bytes;          /* budget of golden residuals: 256 MiB */
    double work_factor;                 /* runaway: logical work over golden's: 4 */
    struct plan_hypothesis *hypothesis; /* (n_hypotheses), see plan_contrast.h */
    uint32_t n_hypotheses;
    struct plan_confirm confirm;
    struct plan_arm *arm; /* (n_arms) */
    uint32_t n_arms;
    const char *canon;           /* canonical form: every field with its default, prompts inline */
    char hash[HASH_SHA256_TEXT]; /* its SHA-256: the identity of the plan */
    const char *text;            /* as given, with prompts inline: needs no other file */
    struct plan_source source;   /* the text read, for plan_place */
};

/* STATUS_INPUT: one line with JSON pointer, line and what was expected; unknown fields with a
 * suggestion. Memory from `arena`. Prompt files lie beside the plan (`folder`). */
enum status plan_load(struct plan *out, struct arena *arena, const char *path,
                      const struct plan_tasks *tasks) STATUS_MUST_USE;

/* The same from text in memory, which is copied. */
enum status plan_read(struct plan *out, struct arena *arena,
                      const struct plan_source *source) STATUS_MUST_USE;

/* Where a value is in the file, for findings that need a model: "plan.json: /where/sites/1 (line
 * 3)". `pointer`: keys, and indices of elements and members; anything after the last existing one
 * is ignored. Lives as long as json_where's text. */
const char *plan_place(const struct plan *plan, const char *pointer);

/* Whether points or fields can share a site's weight: point_weight needs it. */
bool plan_shares_sites(const struct plan *plan);

/* Whether some item is of a task, so that its answers have scores. */
bool plan_scores(const struct plan *plan);

/* How many items there are, each with all its samples. */
uint32_t plan_bases(const struct plan *plan);

/* True if the campaign ends once its question is answered. */
bool plan_stops_itself(const struct plan *plan);

/* Look 0, 1, ... of a spending plan takes the ids below this one of `trials`. */
uint64_t plan_look_end(const struct plan *plan, uint32_t look, uint64_t trials);

/* The item at a place in a time-uniform plan's order of items: drawn from the seed, so that those
 * before any place are a random sample of all, in whatever order the plan lists them. */
uint32_t plan_stop_item(const struct plan *plan, uint32_t place);

/* The least number of prompts, all without an event, that answers a time-uniform plan's question
 * with yes: with fewer a campaign cannot pass. 0: other plans; PLAN_STOP_NEVER: more than any plan
 * has. The second warns, in one line, if a plan has fewer. */
#define PLAN_STOP_NEVER UINT32_MAX
enum status plan_stop_least(const struct plan *plan, uint32_t *out) STATUS_MUST_USE;
enum status plan_stop_warn(const struct plan *plan) STATUS_MUST_USE;

/* An item's tokens: at least one of the prompt, all known to the model, with room for n more in its
 * context. STATUS_INPUT names the item. Memory from `arena`. */
enum status plan_item_input(const struct plan *plan, uint32_t item, const struct model *model,
                            struct arena *arena, struct plan_input *out) STATUS_MUST_USE;

/* plan.schema.json: each field with description, default and example; the same fields as paragraphs
 * of a manual. */
struct text;
enum status plan_schema_put(struct json_writer *w) STATUS_MUST_USE;
enum status plan_schema_text(struct text *out) STATUS_MUST_USE;

#endif
