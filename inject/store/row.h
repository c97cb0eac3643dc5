/* SPDX-License-Identifier: MIT */
/* What the database holds of a trial: one table of fields for C, SQL, CSV, JSON and comparison. */
#ifndef VKFI_INJECT_ROW_H
#define VKFI_INJECT_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/text.h"

/* type, name, whether replays and other devices must agree (SAME) or may differ (FREE), the version
 * of the schema since which it is there, unit ("none": a name, an index, a share), what it is. INT:
 * int64_t, null ROW_NULL; REAL: double, null NaN (Inf is kept); TEXT: UTF-8, null NULL. The order
 * is that of the export (METHOD.md 6). */
#define ROW_FIELDS(X)                                                                              \
    X(INT, trial, SAME, 1, "none", "id: with the plan it gives the fault")                         \
    X(TEXT, arm, SAME, 1, "none", "mitigation arm; 'none'")                                        \
    X(TEXT, control, SAME, 1, "none",                                                              \
      "null: counts; dry, sentinel, naive, cpu: kept out of rates")                                \
    X(INT, item, SAME, 1, "none", "index of the prompt in the plan")                               \
    X(INT, stratum, SAME, 1, "none", "index in table stratum")                                     \
    X(REAL, weight, SAME, 1, "none", "W_h of the stratum")                                         \
    X(REAL, draw_prob, SAME, 1, "none",                                                            \
      "probability with which this fault was drawn in its stratum")                                \
    X(INT, n_faults, SAME, 1, "faults",                                                            \
      "faults of this trial; coordinates below are of the first")                                  \
    X(TEXT, place, SAME, 1, "none", "op, weight, kv, table, control")                              \
    X(TEXT, site, SAME, 1, "none", "name in the graph or file")                                    \
    X(INT, layer, SAME, 1, "none", "null: embedding, output norm, output")                         \
    X(TEXT, op, SAME, 1, "none", "kind of operation; null for memory and control")                 \
    X(TEXT, point, SAME, 1, "none", "operand, weight, partial, out, mem, accumulator")             \
    X(TEXT, readers, SAME, 1, "none", "who sees a weight or operand as read; null: neither")       \
    X(TEXT, granularity, SAME, 1, "none", "elements an activation covers")                         \
    X(TEXT, kind, SAME, 1, "none", "what happens to the bits")                                     \
    X(TEXT, duration, SAME, 1, "none", "transient, intermittent, permanent, persistent")           \
    X(TEXT, stage, SAME, 1, "none", "of the first position struck: prefill, first, decode")        \
    X(INT, step, SAME, 1, "none",                                                                  \
      "decode step of the first position; null before the prompt's last")                          \
    X(INT, position, SAME, 1, "none", "first position struck")                                     \
    X(INT, positions, SAME, 1, "positions", "positions struck; null: to the end")                  \
    X(INT, row, SAME, 1, "none", "first row struck")                                               \
    X(INT, rows, SAME, 1, "rows", "rows struck from there on")                                     \
    X(INT, k, SAME, 3, "none", "element of the row (before 3: col); null: the point has none")     \
    X(INT, key, SAME, 1, "none", "key position; null: the point has none")                         \
    X(INT, byte_offset, SAME, 1, "bytes", "stored weight: of the struck bit's byte in the tensor") \
    X(INT, bit, SAME, 1, "none", "lowest bit of the mask; null: no mask")                          \
    X(INT, mask, SAME, 1, "none", "bits concerned; null: no mask")                                 \
    X(TEXT, bit_field, SAME, 3, "none",                                                            \
      "sign, exponent, mantissa, code, scale, min, subscale, submin, integer")                     \
    X(INT, width, SAME, 3, "bits", "of what is struck: 32, 16 or those of a field of a block")     \
    X(TEXT, fault, SAME, 3, "none",                                                                \
      "the first fault whole, as `vkfi run --fault` reads it (JSON)")                              \
    X(TEXT, dir, SAME, 1, "none", "0>1, 1>0, mixed; null: nothing changed")                        \
    X(INT, before, SAME, 1, "none", "raw bits, canonical NaN")                                     \
    X(INT, after, SAME, 1, "none", "raw bits")                                                     \
    X(REAL, before_value, SAME, 1, "none", "value of `before` in the struck type")                 \
    X(REAL, after_value, SAME, 1, "none", "value of `after` in the struck type")                   \
    X(REAL, rel_change, SAME, 1, "none", "|after - before| / |before|")                            \
    X(INT, activations, SAME, 1, "activations", "read back from the device")                       \
    X(INT, expected_activations, SAME, 1, "activations", "predicted from golden")                  \
    X(TEXT, outcome, SAME, 1, "none", "ladder of METHOD.md 3")                                     \
    X(TEXT, due_reason, SAME, 1, "none", "null unless due")                                        \
    X(TEXT, flags, SAME, 1, "none", "names joined by '+'; null: none")                             \
    X(INT, first_diff, SAME, 1, "none", "first step with another token; null: none")               \
    X(INT, golden_len, SAME, 1, "tokens", "length of the golden run")                              \
    X(INT, faulty_len, SAME, 1, "tokens", "length of the run with the fault")                      \
    X(REAL, margin_at_fault, SAME, 1, "logits",                                                    \
      "golden logit margin (first - second) at the struck step")                                   \
    X(REAL, margin_min_after, SAME, 1, "logits", "smallest golden margin from there on")           \
    X(REAL, logp_sum, SAME, 1, "nats",                                                             \
      "teacher-forced log p_faulty - log p_golden over later tokens")                              \
    X(REAL, logp_mean, SAME, 1, "nats/token", "the same a token")                                  \
    X(REAL, logp_worst, SAME, 1, "nats/token", "the lowest of a token")                            \
    X(REAL, kl, SAME, 1, "nats/token",                                                             \
      "mean KL(golden || faulty) of those steps, full vocabulary")                                 \
    X(TEXT, deviation, SAME, 1, "none",                                                            \
      "JSON: by layer [max_abs, rel_l2, bits] at the struck position")                             \
    X(INT, healed_at, SAME, 1, "none",                                                             \
      "first position from which all columns equal golden; null: none")                            \
    X(TEXT, nan_site, SAME, 1, "none", "first Inf or NaN that golden has not")                     \
    X(INT, nan_layer, SAME, 1, "none", "its layer")                                                \
    X(INT, nan_step, SAME, 1, "none", "its decode step")                                           \
    X(TEXT, answer_golden, SAME, 1, "none", "of a scorer; null: no scorer")                        \
    X(TEXT, answer_faulty, SAME, 1, "none", "the same of the faulty run")                          \
    X(REAL, score_golden, SAME, 1, "none", "of a scorer")                                          \
    X(REAL, score_faulty, SAME, 1, "none", "of a scorer")                                          \
    X(TEXT, faulty_text, SAME, 3, "none",                                                          \
      "faulty text (before 3: text); null where it is golden's")                                   \
    X(TEXT, hash, SAME, 1, "none",                                                                 \
      "16 hex digits: of all step hashes; null where tokens were certified")                       \
    X(TEXT, path, FREE, 1, "none", "fast, naive")                                                  \
    X(INT, attempts, FREE, 1, "runs", "1, more after a crash")                                     \
    X(INT, device, FREE, 1, "none", "row of table device")                                         \
    X(REAL, seconds, FREE, 1, "seconds", "its share of its batch")                                 \
    X(TEXT, suspect, FREE, 1, "none", "why a failed control makes it doubtful; null: trusted")

#define ROW_NULL INT64_MIN

enum row_type { ROW_INT, ROW_REAL, ROW_TEXT };

struct row {
#define ROW_C_INT int64_t
#define ROW_C_REAL double
#define ROW_C_TEXT const char *
#define ROW_MEMBER(type, name, same, since, unit, what) ROW_C_##type name;
    ROW_FIELDS(ROW_MEMBER)
#undef ROW_MEMBER
};

/* The same as data; `offset` in struct row. */
struct row_field {
    const char *name, *unit, *what;
    enum row_type type;
    int since; /* user_version of the schema */
    bool same;
    size_t offset;
};
extern const struct row_field row_fields[];
extern const size_t row_field_count;

/* All fields null. */
void row_init(struct row *row);

/* A field of a row by its table entry; null as at ROW_FIELDS. */
int64_t row_int(const struct row *row, const struct row_field *field);
double row_real(const struct row *row, const struct row_field *field);
const char *row_text(const struct row *row, const struct row_field *field);

/* STATUS_INTERNAL, logged, if a text is not UTF-8: it could not be exported as it is. */
enum status row_check(const struct row *row) STATUS_MUST_USE;

/* The first SAME field in which two rows differ: by bits, but all NaN are one null. */
#define ROW_DIFFERENCE_TEXT 256
struct row_difference {
    const struct row_field *field;  /* null: none */
    char text[ROW_DIFFERENCE_TEXT]; /* "first_diff: 3 against null"; long texts from where they
                                       part */
};
bool row_compare(const struct row *a, const struct row *b, struct row_difference *out);

/* Equal for rows that row_compare finds equal. */
uint64_t row_digest(const struct row *row);

/* Rows on a pipe between processes of one build: a length, a sum of all bytes, the fields. Appends
 * to `out`. */
enum status row_pack(struct text *out, const struct row *row) STATUS_MUST_USE;

/* The row at the head of `size` bytes; texts live in `arena`. `*out_used` is its length, or 0 if
 * the bytes end before the row does: more must be read. STATUS_INTERNAL, logged, if the bytes are
 * no row. */
enum status row_unpack(struct row *out, struct arena *arena, const void *data, size_t size,
                       size_t *out_used) STATUS_MUST_USE;

#endif
