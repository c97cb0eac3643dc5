/* SPDX-License-Identifier: MIT */
/* What is known of a trial: one table of fields for C, SQL, pipes, comparison, CSV and JSON. */
#ifndef VKFI_INJECT_TRIAL_ROW_H
#define VKFI_INJECT_TRIAL_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/field.h"
#include "base/status.h"

/* type (field.h), name, level, the schema's version that added it, unit ("none": a name, an index,
 * a share), meaning. The order is that of the export (METHOD.md 6). */
#define TRIAL_ROW_FIELDS(X)                                                                        \
    X(INT, trial, DRAW, 1, "none", "id: with the plan it gives the fault; -1 - item: clean run")   \
    X(TEXT, arm, DRAW, 1, "none", "of the plan, under whose protections it ran; 'none'")           \
    X(TEXT, control, DRAW, 1, "none",                                                              \
      "null: counts; dry, sentinel, naive, cpu, clean: kept out of rates")                         \
    X(INT, item, DRAW, 1, "none", "index of the prompt in the plan")                               \
    X(INT, stratum, DRAW, 1, "none", "index in table stratum")                                     \
    X(REAL, weight, DRAW, 1, "none", "W_h of the stratum")                                         \
    X(REAL, draw_prob, DRAW, 1, "none",                                                            \
      "probability with which this fault was drawn in its stratum")                                \
    X(INT, choice, DRAW, 6, "none", "the only choice struck, from 0; null: all, or no choices")    \
    X(TEXT, mc_target, DRAW, 9, "none",                                                            \
      "runs of choices struck: context, one_choice, all; null: no choices")                        \
    X(INT, n_faults, PLACE, 1, "faults",                                                           \
      "faults of this trial; coordinates below are of the first")                                  \
    X(TEXT, place, PLACE, 1, "none", "op, weight, kv, table, control")                             \
    X(TEXT, site, PLACE, 1, "none", "name in the graph or file")                                   \
    X(INT, layer, PLACE, 1, "none", "null: embedding, output norm, output")                        \
    X(TEXT, op, PLACE, 1, "none", "kind of operation; null for memory and control")                \
    X(TEXT, point, PLACE, 1, "none", "operand, weight, partial, out, mem, accumulator")            \
    X(TEXT, readers, PLACE, 1, "none", "who sees a weight or operand as read; null: neither")      \
    X(TEXT, granularity, DRAW, 1, "none", "elements an activation covers")                         \
    X(TEXT, kind, PLACE, 1, "none", "what happens to the bits")                                    \
    X(TEXT, duration, PLACE, 1, "none", "transient, intermittent, permanent, persistent")          \
    X(TEXT, stage, PLACE, 1, "none", "of the first position struck: prefill, first, decode")       \
    X(INT, step, PLACE, 1, "none",                                                                 \
      "decode step of the first position; null before the prompt's last")                          \
    X(INT, position, PLACE, 1, "none", "first position struck")                                    \
    X(INT, positions, PLACE, 1, "positions", "positions struck; null: to the end")                 \
    X(INT, row, PLACE, 1, "none", "first row struck")                                              \
    X(INT, rows, PLACE, 1, "rows", "rows struck from there on")                                    \
    X(INT, k, PLACE, 3, "none", "element of the row (before 3: col); null: the point has none")    \
    X(INT, key, PLACE, 1, "none", "key position; null: the point has none")                        \
    X(INT, byte_offset, PLACE, 1, "bytes",                                                         \
      "stored weight: of the struck bit's byte in the tensor")                                     \
    X(INT, bit, PLACE, 1, "none", "lowest bit of the mask; null: no mask")                         \
    X(BITS, mask, PLACE, 1, "none", "bits concerned; null: no mask")                               \
    X(TEXT, bit_field, PLACE, 3, "none",                                                           \
      "sign, exponent, mantissa, code, scale, min, subscale, submin, integer")                     \
    X(INT, width, PLACE, 3, "bits", "of what is struck: 32, 16 or those of a field of a block")    \
    X(FAULT, fault, PLACE, 3, "none",                                                              \
      "for `vkfi run --fault`: the fault, several: their list; SQL: the first")                    \
    X(TEXT, dir, OUTCOME, 1, "none", "0>1, 1>0, mixed; null: nothing changed")                     \
    X(BITS, before, OUTCOME, 1, "none", "raw bits, canonical NaN")                                 \
    X(BITS, after, OUTCOME, 1, "none", "raw bits")                                                 \
    X(FLOAT, before_value, OUTCOME, 1, "none", "value of `before` in the struck type")             \
    X(FLOAT, after_value, OUTCOME, 1, "none", "value of `after` in the struck type")               \
    X(REAL, rel_change, OUTCOME, 1, "none", "|after - before| / |before|")                         \
    X(INT, activations, OUTCOME, 1, "activations", "read back from the device")                    \
    X(INT, expected_activations, OUTCOME, 1, "activations", "predicted from golden")               \
    X(TEXT, outcome, OUTCOME, 1, "none", "ladder of METHOD.md 3")                                  \
    X(TEXT, due_reason, OUTCOME, 1, "none", "null unless due")                                     \
    X(WORDS, flags, OUTCOME, 1, "none",                                                            \
      "what else was seen; SQL: names joined by '+', null: none")                                  \
    X(INT, first_diff, OUTCOME, 1, "none", "first step with another token; null: none")            \
    X(INT, golden_len, OUTCOME, 1, "tokens", "length of the golden run")                           \
    X(INT, faulty_len, OUTCOME, 1, "tokens", "length of the run with the fault")                   \
    X(REAL, margin_at_fault, SUMMARY, 1, "logits",                                                 \
      "golden logit margin (first - second) at the struck step")                                   \
    X(REAL, margin_min_after, SUMMARY, 1, "logits", "smallest golden margin from there on")        \
    X(REAL, logp_sum, SUMMARY, 1, "nats",                                                          \
      "teacher-forced log p_faulty - log p_golden over later tokens")                              \
    X(REAL, logp_mean, SUMMARY, 1, "nats/token", "the same a token")                               \
    X(REAL, logp_worst, SUMMARY, 1, "nats/token", "the lowest of a token")                         \
    X(REAL, kl, SUMMARY, 1, "nats/token",                                                          \
      "mean KL(golden || faulty) of those steps, full vocabulary")                                 \
    X(LAYERS, deviation, FULL, 1, "none",                                                          \
      "of the struck position's residual, by layer: max_abs, rel_l2, bits")                        \
    X(INT, healed_at, FULL, 1, "none",                                                             \
      "first position from which all columns equal golden; null: none")                            \
    X(TEXT, nan_site, FULL, 1, "none", "first Inf or NaN that golden has not")                     \
    X(INT, nan_layer, FULL, 1, "none", "its layer")                                                \
    X(INT, nan_step, FULL, 1, "none", "its decode step")                                           \
    X(TEXT, answer_golden, OUTCOME, 1, "none", "of a scorer; null: no scorer")                     \
    X(TEXT, answer_faulty, OUTCOME, 1, "none", "the same of the faulty run")                       \
    X(REAL, score_golden, OUTCOME, 1, "none", "of a scorer")                                       \
    X(REAL, score_faulty, OUTCOME, 1, "none", "of a scorer")                                       \
    X(TEXT, faulty_text, OUTCOME, 3, "none",                                                       \
      "text of the faulty run; null: it did not end (SQL: or is golden's)")                        \
    X(TEXT, hash, SUMMARY, 1, "none",                                                              \
      "16 hex digits: of all step hashes; null where tokens were certified")                       \
    X(REAL, arm_weight, ARM, 7, "trials",                                                          \
      "trials of arm none that it stands for; all of these null: arm none")                        \
    X(TEXT, protection, ARM, 7, "none",                                                            \
      "none, false_alarm, corrected, uncorrected, detected: alarms' worth")                        \
    X(TEXT, verdict, ARM, 7, "none",                                                               \
      "what the protections say: clean, false_alarm, corrected, uncorrected")                      \
    X(INT, alarms, ARM, 7, "alarms", "of the run")                                                 \
    X(INT, alarm_at, ARM, 7, "none", "position of the first alarm; null: none")                    \
    X(INT, alarm_delay, ARM, 7, "tokens",                                                          \
      "given from the fault to the first alarm; null: no such alarm")                              \
    X(INT, redone, ARM, 7, "columns", "computed again")                                            \
    X(TEXT, path, RUN, 1, "none", "fast, naive")                                                   \
    X(INT, attempts, RUN, 1, "runs", "1, more after a crash")                                      \
    X(INT, device_id, RUN, 5, "none", "row of table device (before 5: device)")                    \
    X(REAL, seconds, RUN, 1, "seconds", "its share of its batch")                                  \
    X(TEXT, suspect, RUN, 1, "none", "why a failed control makes it doubtful; null: trusted")

/* Values from other tables that a row names by number. */
#define TRIAL_ROW_JOINED(X)                                                                        \
    X(TEXT, stratum_label, DRAW, 3, "none",                                                        \
      "label of the stratum, such as \"layer=3 bit_field=sign\"")                                  \
    X(TEXT, prompt, DRAW, 3, "none", "text of the item's prompt; empty: given as ids")             \
    X(TEXT, prompt_group, DRAW, 3, "none",                                                         \
      "group of the item's prompt set in the plan; empty: none")                                   \
    X(INT, sample, DRAW, 8, "none", "of the item's, from 0; null: it has no others")               \
    X(TEXT, golden_text, OUTCOME, 3, "none", "of the item's golden run")                           \
    X(TEXT, device, RUN, 3, "none", "name of the device that ran the trial")

#define TRIAL_ROW_NULL FIELD_NULL

#define TRIAL_ROW_C_INT int64_t
#define TRIAL_ROW_C_BITS int64_t
#define TRIAL_ROW_C_REAL double
#define TRIAL_ROW_C_FLOAT double
#define TRIAL_ROW_C_TEXT const char *
#define TRIAL_ROW_C_WORDS const char *
#define TRIAL_ROW_C_LAYERS const char *
#define TRIAL_ROW_C_FAULT const char *
#define TRIAL_ROW_MEMBER(type, name, level, since, unit, what) TRIAL_ROW_C_##type name;
struct trial_row {
    TRIAL_ROW_FIELDS(TRIAL_ROW_MEMBER)
};
struct trial_row_joined {
    TRIAL_ROW_JOINED(TRIAL_ROW_MEMBER)
};
#undef TRIAL_ROW_MEMBER

/* The same as data. */
extern const struct field_table trial_row_table, trial_row_joined_table;

/* All fields null. */
void trial_row_init(struct trial_row *row);

/* STATUS_INTERNAL, logged, if a text is not UTF-8: it could not be exported unchanged. */
enum status trial_row_check(const struct trial_row *row) STATUS_MUST_USE;

/* The first field in which two rows of one trial differ and may not. */
struct trial_row_difference {
    const struct field *field; /* null: none */
    char text[FIELD_DIFFERENCE_TEXT];
};
bool trial_row_compare(const struct trial_row *a, const struct trial_row *b,
                       struct trial_row_difference *out);

/* Equal for rows that trial_row_compare finds equal. */
uint64_t trial_row_digest(const struct trial_row *row);

#endif
