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

/* type, name, whether replays and other devices must agree (SAME) or may differ (FREE), what it is.
 * INT: int64_t, null ROW_NULL; REAL: double, null NaN (Inf is kept); TEXT: UTF-8, null NULL. The
 * order is that of the export (method 6). */
#define ROW_FIELDS(X)                                                                              \
    X(INT, trial, SAME, "id: with the plan it gives the fault")                                    \
    X(TEXT, arm, SAME, "mitigation arm; 'none'")                                                   \
    X(TEXT, control, SAME, "null: counts; dry, sentinel, naive, cpu: kept out of rates")           \
    X(INT, item, SAME, "index of the prompt in the plan")                                          \
    X(INT, stratum, SAME, "index in table stratum")                                                \
    X(REAL, weight, SAME, "W_h of the stratum")                                                    \
    X(REAL, draw_prob, SAME, "probability with which this fault was drawn in its stratum")         \
    X(INT, n_faults, SAME, "faults of this trial; coordinates below are of the first")             \
    X(TEXT, place, SAME, "op, weight, kv, table, control")                                         \
    X(TEXT, site, SAME, "name in the graph or file")                                               \
    X(INT, layer, SAME, "null: embedding, output norm, output")                                    \
    X(TEXT, op, SAME, "kind of operation; null for memory and control")                            \
    X(TEXT, point, SAME, "operand, weight, partial, out, mem, accumulator")                        \
    X(TEXT, readers, SAME, "who sees a weight or operand as read; null: neither")                  \
    X(TEXT, granularity, SAME, "elements an activation covers")                                    \
    X(TEXT, kind, SAME, "what happens to the bits")                                                \
    X(TEXT, duration, SAME, "transient, intermittent, permanent, persistent")                      \
    X(TEXT, stage, SAME, "of the first position struck: prefill, first, decode")                   \
    X(INT, step, SAME, "decode step of the first position; null before the prompt's last")         \
    X(INT, position, SAME, "first position struck")                                                \
    X(INT, positions, SAME, "positions struck; null: to the end")                                  \
    X(INT, row, SAME, "first row struck")                                                          \
    X(INT, rows, SAME, "rows struck")                                                              \
    X(INT, col, SAME, "k; null: the point has none")                                               \
    X(INT, key, SAME, "key position; null: the point has none")                                    \
    X(INT, byte_offset, SAME, "stored weight: of the struck bit's byte in the tensor")             \
    X(INT, bit, SAME, "lowest bit of the mask; null: no mask")                                     \
    X(INT, mask, SAME, "bits concerned; null: no mask")                                            \
    X(TEXT, field, SAME, "sign, exponent, mantissa, code, scale, min, subscale, submin, integer")  \
    X(TEXT, dir, SAME, "0>1, 1>0, mixed; null: nothing changed")                                   \
    X(INT, before, SAME, "raw bits, canonical NaN")                                                \
    X(INT, after, SAME, "raw bits")                                                                \
    X(REAL, before_value, SAME, "their value in the struck type")                                  \
    X(REAL, after_value, SAME, "the same of after")                                                \
    X(REAL, rel_change, SAME, "|after - before| / |before|")                                       \
    X(INT, activations, SAME, "read back from the device")                                         \
    X(INT, expected_activations, SAME, "predicted from golden")                                    \
    X(TEXT, outcome, SAME, "ladder of method 3")                                                   \
    X(TEXT, due_reason, SAME, "null unless due")                                                   \
    X(TEXT, flags, SAME, "names joined by '+'; null: none")                                        \
    X(INT, first_diff, SAME, "first step with another token; null: none")                          \
    X(INT, golden_len, SAME, "tokens")                                                             \
    X(INT, faulty_len, SAME, "tokens")                                                             \
    X(REAL, margin_at_fault, SAME, "golden logit margin (first - second) at the struck step")      \
    X(REAL, margin_min_after, SAME, "smallest golden margin from there on")                        \
    X(REAL, logp_sum, SAME, "teacher-forced log p_faulty - log p_golden over later tokens, nats")  \
    X(REAL, logp_mean, SAME, "the same a token")                                                   \
    X(REAL, logp_worst, SAME, "the lowest of a token")                                             \
    X(REAL, kl, SAME, "mean KL(golden || faulty) of those steps, nats, full vocabulary")           \
    X(TEXT, deviation, SAME, "JSON: by layer [max_abs, rel_l2, bits] at the struck position")      \
    X(INT, healed_at, SAME, "first position from which all columns equal golden; null: none")      \
    X(TEXT, nan_site, SAME, "first Inf or NaN that golden has not")                                \
    X(INT, nan_layer, SAME, "its layer")                                                           \
    X(INT, nan_step, SAME, "its decode step")                                                      \
    X(TEXT, answer_golden, SAME, "of a scorer; null: no scorer")                                   \
    X(TEXT, answer_faulty, SAME, "the same of the faulty run")                                     \
    X(REAL, score_golden, SAME, "of a scorer")                                                     \
    X(REAL, score_faulty, SAME, "of a scorer")                                                     \
    X(TEXT, text, SAME, "faulty text; null where it is golden's")                                  \
    X(TEXT, hash, SAME, "16 hex digits: of all step hashes; null where tokens were certified")     \
    X(TEXT, path, FREE, "fast, naive")                                                             \
    X(INT, attempts, FREE, "1, more after a crash")                                                \
    X(INT, device, FREE, "row of table device")                                                    \
    X(REAL, seconds, FREE, "its share of its batch")                                               \
    X(TEXT, suspect, FREE, "why a failed control makes it doubtful; null: trusted")

#define ROW_NULL INT64_MIN

enum row_type { ROW_INT, ROW_REAL, ROW_TEXT };

struct row {
#define ROW_C_INT int64_t
#define ROW_C_REAL double
#define ROW_C_TEXT const char *
#define ROW_MEMBER(type, name, same, what) ROW_C_##type name;
    ROW_FIELDS(ROW_MEMBER)
#undef ROW_MEMBER
};

/* The same as data; `offset` in struct row. */
struct row_field {
    const char *name, *what;
    enum row_type type;
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
