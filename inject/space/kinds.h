/* SPDX-License-Identifier: MIT */
/* The tables of the fault vocabulary: C, JSON, SQL and messages come from them.
 *
 * Kinds and points are in shared/hook_kinds.h, for kernels too. */
#ifndef VKFI_INJECT_KINDS_H
#define VKFI_INJECT_KINDS_H

#include <stdint.h>

#include "shared/hook.h"

/* What is struck. */
#define PLACES(X)                                                                                  \
    X(OP, "op")           /* evaluations of a node, at a point    (site "blk.3.attn_q")        */  \
    X(WEIGHT, "weight")   /* a stored tensor, in GGUF bits        (site "blk.3.attn_q.weight") */  \
    X(KV, "kv")           /* stored KV entries                    (site "blk.3.kv_k")          */  \
    X(TABLE, "table")     /* a stored RoPE table                  (site "rope", "rope_local")  */  \
    X(CONTROL, "control") /* an integer that steers the run     (site "control.token")       */

/* Integers that steer a column (METHOD.md 2); name, text, meaning and range. */
#define CONTROLS(X)                                                                                \
    X(TOKEN, "token", "id that is embedded: below n_vocab")                                        \
    X(POSITION, "position", "of the column, for rope, KV slot and keys: evaluated before")         \
    X(SLOT, "slot", "position whose KV entry is written: evaluated before")                        \
    X(LENGTH, "length", "keys seen: 1 to position + 1")                                            \
    X(ROPE, "rope", "index in the rope table: below its positions")                                \
    X(SAMPLER, "sampler", "id that was picked: below n_vocab")

/* The elements that one activation covers (ENGINE.md 4). */
#define GRANULARITIES(X)                                                                           \
    X(ELEMENT, "element") /* one element at one position                 */                        \
    X(VECTOR, "vector")   /* all elements of a position                  */                        \
    X(FEATURE, "feature") /* one element at every position of the stage  */                        \
    X(TENSOR, "tensor")   /* all elements at every position of the stage */                        \
    X(LANE, "lane")       /* elements k with k mod L = lane, one position  */                      \
    X(TILE, "tile")       /* a logical tile of 32 elements, one position */

/* Who sees a weight or an operand as read (METHOD.md 2). */
#define READERS(X)                                                                                 \
    X(COLUMN, "column") /* weight: one column                  */                                  \
    X(CHUNK, "chunk")   /* weight: the C positions of a chunk  */                                  \
    X(STAGE, "stage")   /* weight: all columns of the stage    */                                  \
    X(ROW, "row")       /* operand: one output                 */                                  \
    X(TILE, "tile")     /* operand: a tile of R outputs        */                                  \
    X(ALL, "all")       /* operand: all outputs                */

#define DURATIONS(X)                                                                               \
    X(TRANSIENT, "transient")       /* one activation                                  */          \
    X(INTERMITTENT, "intermittent") /* a seeded draw for each evaluation               */          \
    X(PERMANENT, "permanent")       /* each evaluation from the first on               */          \
    X(PERSISTENT, "persistent")     /* memory: from the strike until it is scrubbed    */

/* P: prompt length; positions evaluated (ENGINE.md 4). */
#define STAGES(X)                                                                                  \
    X(PREFILL, "prefill") /* below P - 1   */                                                      \
    X(FIRST, "first")     /* P - 1         */                                                      \
    X(DECODE, "decode")   /* P and later   */                                                      \
    X(ANY, "any")

/* In order: the first match is the outcome (METHOD.md 3). */
#define OUTCOMES(X)                                                                                \
    X(NOT_REACHED, "not_reached")         /* coordinates beyond the golden run's work */           \
    X(INERT, "inert")                     /* the bits did not change */                            \
    X(DUE, "due")                         /* detected: the run ended abnormally */                 \
    X(MASKED_BITEXACT, "masked_bitexact") /* every logit of every step has the same bits */        \
    X(MASKED_TOKENS, "masked_tokens")     /* same bytes of text, other logits or tokens */         \
    X(SDC_UNSCORED, "sdc_unscored")       /* another text, and no scorer */                        \
    X(SDC_IMPROVED, "sdc_improved")       /* score rose by more than eps */                        \
    X(SDC_BENIGN, "sdc_benign")           /* |score change| <= eps */                              \
    X(SDC_CRITICAL, "sdc_critical")       /* score fell by more than eps */

/* Flags beside the outcome, set only if true of the faulty and not of the golden output. */
#define FLAGS(X)                                                                                   \
    X(REPETITION, "repetition")                                                                    \
    X(INVALID_TOKEN, "invalid_token")                                                              \
    X(EMPTY, "empty")                                                                              \
    X(NAN_LOGITS, "nan_logits")                                                                    \
    X(HIT_LENGTH_LIMIT, "hit_length_limit")                                                        \
    X(STOPPED_EARLY, "stopped_early")

/* Why a trial is `due` (METHOD.md 3). */
#define DUE_REASONS(X)                                                                             \
    X(NONE, "")                                                                                    \
    X(RANGE, "range")       /* a control value out of its range */                                 \
    X(NAN_TRAP, "nan_trap") /* nan_policy trap                  */                                 \
    X(RUNAWAY, "runaway")   /* logical work beyond the budget   */                                 \
    X(DEVICE_LOST, "device_lost")                                                                  \
    X(ABORT, "abort")

/* Controls inside a campaign, kept out of rates (METHOD.md 4). */
#define TRIAL_ROLES(X)                                                                             \
    X(TRIAL, "")            /* counts                                  */                          \
    X(DRY, "dry")           /* everything runs, nothing changes        */                          \
    X(SENTINEL, "sentinel") /* a fault known to change the text        */                          \
    X(NAIVE, "naive")       /* a trial again, as a whole inference     */                          \
    X(CPU, "cpu")           /* a trial again, on the CPU golden device */                          \
    X(CLEAN, "clean")       /* an arm's run of an item without a fault */

/* What an arm's protections say of a run, in the order of enum decode_damage. */
#define VERDICTS(X)                                                                                \
    X(CLEAN, "clean")             /* no alarm */                                                   \
    X(FALSE_ALARM, "false_alarm") /* what was computed again has the same bits */                  \
    X(CORRECTED, "corrected")     /* it has other bits, or the alarm is gone */                    \
    X(UNCORRECTED, "uncorrected") /* damage was found and is still there */

/* What that was worth, known from the fault and golden's run: the first that matches. */
#define PROTECTED(X)                                                                               \
    X(NONE, "none")               /* no alarm */                                                   \
    X(FALSE_ALARM, "false_alarm") /* an alarm, and the fault changed no bits */                    \
    X(CORRECTED, "corrected")     /* an alarm, and the text is golden's */                         \
    X(UNCORRECTED, "uncorrected") /* another text, and the protections know that it is damaged */  \
    X(DETECTED, "detected")       /* an alarm, and another text that passes for right */

/* --- words of plans (inject/plan; meaning: inject/plans/README.md) --- */

/* Storage types of activations and KV entries (model/storage.h); where an answer ends. */
#define STORAGE_TYPES(X) X(F32, "f32") X(F16, "f16") X(BF16, "bf16")
#define MODES(X) X(EXACT, "exact")
#define ENDS(X) X(TOKEN, "end") X(LENGTH, "none")

/* The population of a rate; how items and the points of a site share it. */
#define POPULATIONS(X)                                                                             \
    X(OPS, "ops")     /* evaluations, by MACs or elements written             */                   \
    X(BITS, "bits")   /* stored bits, by the MACs that run during their life */                    \
    X(EQUAL, "equal") /* the faults of each stratum equally, no total */                           \
    X(CENSUS, "census")
#define ITEM_WEIGHTS(X) X(EQUAL, "equal") X(EXPOSURE, "exposure")
#define POINT_WEIGHTS(X) X(ELEMENTS, "elements") X(EQUAL, "equal")

#define DESIGNS(X)                                                                                 \
    X(NESTED, "nested")   /* each item has its own faults */                                       \
    X(CROSSED, "crossed") /* every fault strikes every item  */                                    \
    X(FAULT_MAJOR, "fault_major")

/* Which bits of the struck width masks are drawn from, and how many. */
#define MASK_BITS(X)                                                                               \
    X(ANY, "any")                                                                                  \
    X(SIGN, "sign")                                                                                \
    X(EXPONENT, "exponent")                                                                        \
    X(MANTISSA, "mantissa")                                                                        \
    X(LIST, "list")
#define PATTERNS(X) X(SINGLE, "single") X(RANDOM, "random") X(BURST, "burst")

/* Dimensions whose values make strata. */
#define DIMENSIONS(X)                                                                              \
    X(LAYER, "layer")                                                                              \
    X(SITE, "site")                                                                                \
    X(SITE_KIND, "site_kind") /* "attn_q" of all layers */                                         \
    X(OP, "op")                                                                                    \
    X(PLACE, "place")                                                                              \
    X(POINT, "point")                                                                              \
    X(BIT, "bit")                                                                                  \
    X(BIT_FIELD, "bit_field") /* sign, exponent, mantissa */                                       \
    X(FIELD, "field")         /* of a quant block */                                               \
    X(KIND, "kind")                                                                                \
    X(STAGE, "stage")                                                                              \
    X(GRANULARITY, "granularity")                                                                  \
    X(READERS, "readers")                                                                          \
    X(DURATION, "duration")                                                                        \
    X(HEAD, "head")                                                                                \
    X(ITEM, "item")                                                                                \
    X(GROUP, "group") /* of the item */                                                            \
    X(SITE_GROUP, "site_group")                                                                    \
    X(SCRUB, "scrub") /* positions until a stored fault is scrubbed */

/* How many trials: in total (population equal: per stratum), or by the interval of each. */
#define GOALS(X)                                                                                   \
    X(TRIALS, "trials")                                                                            \
    X(HALF_WIDTH, "half_width")                                                                    \
    X(RELATIVE, "relative_half_width")                                                             \
    X(UPPER_BOUND, "upper_bound")
#define ALLOCATIONS(X) X(EQUAL, "equal") X(PROPORTIONAL, "proportional")

/* When a campaign may be looked at; how a spending rule spends its error. */
#define STOPS(X)                                                                                   \
    X(FIXED, "fixed")                                                                              \
    X(TIME_UNIFORM, "time_uniform")                                                                \
    X(SPENDING, "spending")                                                                        \
    X(WAVES, "waves")
#define SPENDINGS(X) X(OBRIEN_FLEMING, "obrien_fleming") X(POCOCK, "pocock")

/* The question of `vkfi gate`: which outcomes, among which trials. */
#define GATE_CLASSES(X) X(CRITICAL, "critical") X(SDC, "sdc") X(SDC_DUE, "sdc+due")
#define GATE_TRIALS(X)                                                                             \
    X(ALL, "all")                                                                                  \
    X(CHANGED, "changed")                                                                          \
    X(GOLDEN_RIGHT, "golden_right")                                                                \
    X(RUNS, "runs") /* a bit error rate: all runs, also those without a fault */

/* Classes whose rate a hypothesis compares. */
#define MEASURES(X)                                                                                \
    X(SDC, "sdc")                                                                                  \
    X(SDC_DUE, "sdc+due")                                                                          \
    X(CRITICAL, "critical")                                                                        \
    X(DUE, "due")                                                                                  \
    X(CHANGED, "changed") /* logits, not bits: all but not_reached, inert, masked_bitexact */

/* Which items of a task a plan takes (METHOD.md 4), and which runs of an item of choices are
 * struck.
 */
#define SPLITS(X)                                                                                  \
    X(ALL, "all")                                                                                  \
    X(CALIBRATE, "calibrate")                                                                      \
    X(PROFILE, "profile")                                                                          \
    X(EVALUATE, "evaluate")
#define ITEM_FILTERS(X) X(ALL, "all") X(GOLDEN_RIGHT, "golden_right")
#define MC_TARGETS(X)                                                                              \
    X(CONTEXT, "context")       /* every choice's, before the choice starts */                     \
    X(ONE_CHOICE, "one_choice") /* that of one choice, drawn                */                     \
    X(ALL, "all")               /* every choice's, anywhere                 */
#define ITEM_FORMATS(X) X(AUTO, "auto") X(CHAT, "chat") X(PLAIN, "plain")

#define NAN_POLICIES(X) X(SKIP, "skip") X(TRAP, "trap")
#define RECORDS(X) X(OUTCOME, "outcome") X(SUMMARY, "summary") X(FULL, "full")

/* The first tables as enums (those of plans: plan.h); FLAG_*: bit numbers of record.flags. */
#define KINDS_PLACE_(name, ...) PLACE_##name,
#define KINDS_CONTROL_(name, ...) CONTROL_##name,
#define KINDS_GRANULARITY_(name, ...) GRANULARITY_##name,
#define KINDS_READERS_(name, ...) READERS_##name,
#define KINDS_DURATION_(name, ...) DURATION_##name,
#define KINDS_STAGE_(name, ...) STAGE_##name,
#define KINDS_OUTCOME_(name, ...) OUTCOME_##name,
#define KINDS_FLAG_(name, ...) FLAG_##name,
#define KINDS_DUE_(name, ...) DUE_##name,
#define KINDS_ROLE_(name, ...) ROLE_##name,
#define KINDS_PROTECTED_(name, ...) PROTECTED_##name,
enum place { PLACES(KINDS_PLACE_) PLACE_COUNT };
enum control { CONTROLS(KINDS_CONTROL_) CONTROL_COUNT };
enum granularity { GRANULARITIES(KINDS_GRANULARITY_) GRANULARITY_COUNT };
enum readers { READERS(KINDS_READERS_) READERS_COUNT };
enum duration { DURATIONS(KINDS_DURATION_) DURATION_COUNT };
enum stage { STAGES(KINDS_STAGE_) STAGE_COUNT };
enum outcome { OUTCOMES(KINDS_OUTCOME_) OUTCOME_COUNT };
enum flag { FLAGS(KINDS_FLAG_) FLAG_COUNT };
enum due_reason { DUE_REASONS(KINDS_DUE_) DUE_REASON_COUNT };
enum trial_role { TRIAL_ROLES(KINDS_ROLE_) ROLE_COUNT };
enum protected { PROTECTED(KINDS_PROTECTED_) PROTECTED_COUNT };

/* All of them. Values of points are HOOK_*; of fields enum quant_field of model/quant.h. */
#define KINDS_POINTS(X) X(OFF, "", 0u) POINTS(X) /* no text: nothing is struck there */
#define KINDS_TABLES(X)                                                                            \
    X(KIND, KINDS)                                                                                 \
    X(POINT, KINDS_POINTS)                                                                         \
    X(PLACE, PLACES)                                                                               \
    X(CONTROL, CONTROLS)                                                                           \
    X(GRANULARITY, GRANULARITIES)                                                                  \
    X(READERS, READERS)                                                                            \
    X(DURATION, DURATIONS)                                                                         \
    X(STAGE, STAGES)                                                                               \
    X(OUTCOME, OUTCOMES)                                                                           \
    X(FLAG, FLAGS)                                                                                 \
    X(DUE_REASON, DUE_REASONS)                                                                     \
    X(ROLE, TRIAL_ROLES)                                                                           \
    X(VERDICT, VERDICTS)                                                                           \
    X(PROTECTED, PROTECTED)                                                                        \
    X(FIELD, QUANT_FIELDS)                                                                         \
    X(STORAGE, STORAGE_TYPES)                                                                      \
    X(MODE, MODES)                                                                                 \
    X(END, ENDS)                                                                                   \
    X(POPULATION, POPULATIONS)                                                                     \
    X(ITEM_WEIGHT, ITEM_WEIGHTS)                                                                   \
    X(POINT_WEIGHT, POINT_WEIGHTS)                                                                 \
    X(DESIGN, DESIGNS)                                                                             \
    X(MASK_BITS, MASK_BITS)                                                                        \
    X(PATTERN, PATTERNS)                                                                           \
    X(DIMENSION, DIMENSIONS)                                                                       \
    X(GOAL, GOALS)                                                                                 \
    X(ALLOCATION, ALLOCATIONS)                                                                     \
    X(STOP, STOPS)                                                                                 \
    X(SPENDING, SPENDINGS)                                                                         \
    X(GATE_CLASS, GATE_CLASSES)                                                                    \
    X(GATE_TRIALS, GATE_TRIALS)                                                                    \
    X(MEASURE, MEASURES)                                                                           \
    X(SPLIT, SPLITS)                                                                               \
    X(ITEM_FILTER, ITEM_FILTERS)                                                                   \
    X(MC_TARGET, MC_TARGETS)                                                                       \
    X(ITEM_FORMAT, ITEM_FORMATS)                                                                   \
    X(NAN_POLICY, NAN_POLICIES)                                                                    \
    X(RECORD, RECORDS)

/* The text of a value of one of these tables, "unknown" beyond it, and back: -1 if none has it. */
#define KINDS_TABLE_(table, list) KINDS_##table,
enum kinds_table { KINDS_TABLES(KINDS_TABLE_) KINDS_TABLE_COUNT };
const char *kinds_text(enum kinds_table table, uint32_t value);
int kinds_find(enum kinds_table table, const char *text);
uint32_t kinds_count(enum kinds_table table);           /* values 0 .. count - 1 (points from 1) */
const char *const *kinds_texts(enum kinds_table table); /* (count) */

#endif
