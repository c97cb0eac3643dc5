/* SPDX-License-Identifier: MIT */
/* The work of an executor, counted as it is done: multiply-adds, bytes, evaluations.
 *
 * Executors add each op that they evaluate and each guard that they check; sums of stored bits are
 * added where they are made. Repairs and faults are not counted. */
#ifndef VKFI_MODEL_EXECUTOR_WORK_H
#define VKFI_MODEL_EXECUTOR_WORK_H

#include <stdbool.h>
#include <stdint.h>

struct executor;
struct guard;
struct schedule;
struct schedule_guards;

/* Since the executor's creation. */
struct executor_work {
    uint64_t macs;  /* of matrices and attention (op_macs); of checks one for each comparison
                       and each word summed */
    uint64_t bytes; /* operands and results: a matrix, table or gain once for all columns of an
                       evaluation, registers and entries of K and V for each of them */
    uint64_t evaluations; /* of ops, their second ones too, and of a node's guards of one kind */
};

/* Rows of the registers, of those that schedule.h gives to columns. */
struct executor_work_slots {
    uint32_t first, n;
};

/* A node's op over these slots. */
void executor_work_op(struct executor *ex, const struct schedule *schedule, uint32_t node,
                      struct executor_work_slots slots);

/* Its second evaluation; `shared`: done together with the first, which has read the weights. */
void executor_work_twin(struct executor *ex, const struct schedule *schedule, uint32_t node,
                        struct executor_work_slots slots, bool shared);

/* Those of a node's guards of one kind whose columns are in the slots; their second evaluation is
 * an op. */
void executor_work_guards(struct executor *ex, const struct schedule *schedule,
                          const struct schedule_guards *guards, struct executor_work_slots slots);

/* The features of a token (model/features.h): extremes and the sum of exponentials of its logits,
 * squares of its hidden state. */
void executor_work_features(struct executor *ex);

/* Sums of words: one for each word and sum. */
void executor_work_sums(struct executor *ex, uint64_t sums, uint64_t bytes);

#endif
