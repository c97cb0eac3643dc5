/* SPDX-License-Identifier: MIT */
/* The tables of the fault vocabulary: C, JSON, SQL and messages come from them.
 *
 * Kinds and points stand in shared/hook_kinds.h, where kernels have them too. */
#ifndef VKFI_INJECT_KINDS_H
#define VKFI_INJECT_KINDS_H

#include <stdint.h>

#include "shared/hook.h"

/* What sort of thing is struck. */
#define PLACES(X)                                                                                  \
    X(OP, "op")           /* evaluations of a node, at a point    (site "blk.3.attn_q")        */  \
    X(WEIGHT, "weight")   /* a stored tensor, in GGUF bits        (site "blk.3.attn_q.weight") */  \
    X(KV, "kv")           /* stored KV entries                    (site "blk.3.kv_k")          */  \
    X(TABLE, "table")     /* a stored RoPE table                  (site "rope", "rope_local")  */  \
    X(CONTROL, "control") /* an integer that steers the run     (site "control.token")       */

/* Integers that steer a column (METHOD.md 2); name, text, what it is and its range. */
#define CONTROLS(X)                                                                                \
    X(TOKEN, "token", "id that is embedded: below n_vocab")                                        \
    X(POSITION, "position", "of the column, for rope, KV slot and keys: evaluated before")         \
    X(SLOT, "slot", "position whose KV entry is written: evaluated before")                        \
    X(LENGTH, "length", "keys seen: 1 to position + 1")                                            \
    X(ROPE, "rope", "index in the rope table: below its positions")                                \
    X(SAMPLER, "sampler", "id that was picked: below n_vocab")

/* How many elements one activation covers (ENGINE.md 4). */
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

/* In order: the first that matches is the outcome (METHOD.md 3). */
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
    X(CPU, "cpu")           /* a trial again, on the CPU golden device */

/* The same tables as enums; FLAG_*: bit numbers of record.flags. */
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
/* clang-format off */
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
/* clang-format on */

/* The text of a value of one of these tables, "unknown" beyond it, and back: -1 if none has it. */
enum kinds_table {
    KINDS_KIND,
    KINDS_POINT, /* values HOOK_* */
    KINDS_PLACE,
    KINDS_CONTROL,
    KINDS_GRANULARITY,
    KINDS_READERS,
    KINDS_DURATION,
    KINDS_STAGE,
    KINDS_OUTCOME,
    KINDS_FLAG,
    KINDS_DUE_REASON,
    KINDS_ROLE,
    KINDS_TABLE_COUNT
};
const char *kinds_text(enum kinds_table table, uint32_t value);
int kinds_find(enum kinds_table table, const char *text);
uint32_t kinds_count(enum kinds_table table); /* values 0 .. count - 1 (points from 1) */

#endif
