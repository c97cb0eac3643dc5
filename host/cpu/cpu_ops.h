/* SPDX-License-Identifier: MIT */
/* One function per kind of op: a thread's part of its normal run, and the patch of one hook. */
#ifndef VKFI_CPU_CPU_OPS_H
#define VKFI_CPU_CPU_OPS_H

#include "cpu/cpu_hook.h"
#include "cpu/cpu_state.h"

/* How the work of an op is cut among threads: by rows, by units as long as the node is wide, by
 * heads of the query; or so that no other cut equals it. */
enum cpu_cut { CPU_CUT_NONE, CPU_CUT_ROWS, CPU_CUT_UNITS, CPU_CUT_HEADS };

struct cpu_op {
    void (*run)(const struct cpu_task *task);
    void (*patch)(const struct cpu_patch *patch); /* null: the op is no site */
    enum cpu_cut in, out; /* of the registers read and written; pages are never cut alike twice */
};
extern const struct cpu_op CPU_OPS[OP_COUNT];

void cpu_embed(const struct cpu_task *task);
void cpu_norm(const struct cpu_task *task);
void cpu_linear(const struct cpu_task *task);
void cpu_rope(const struct cpu_task *task);
void cpu_store(const struct cpu_task *task);
void cpu_gate(const struct cpu_task *task);
void cpu_add(const struct cpu_task *task);
void cpu_choose(const struct cpu_task *task);
void cpu_route(const struct cpu_task *task);
void cpu_experts(const struct cpu_task *task);
void cpu_mix(const struct cpu_task *task);
void cpu_share_expert(const struct cpu_task *task);

/* SCORES, SOFTMAX and HEADS of the columns that keep no S and P: with no barriers in between. */
void cpu_attention(const struct cpu_task *task);

/* The single ops, for columns with a row in S and P. */
void cpu_scores(const struct cpu_task *task);
void cpu_softmax(const struct cpu_task *task);
void cpu_heads(const struct cpu_task *task);

/* The results of an op, capped if it caps them; `limit`: of its node. */
static inline void cpu_cap(float *y, uint32_t n, float limit)
{
    for (uint32_t i = 0; i < n && limit != 0; i++)
        y[i] = nm_cap(y[i], limit, 1 / limit);
}

/* What LINEAR and the output matrix share: a job without columns. */
struct cpu_linear cpu_linear_job(const struct cpu *cpu, const struct node *node,
                                 struct cpu_scratch *scratch);

/* An output of LINEAR or EXPERTS with faults, of the input in scratch->input and a row of the
 * weights. */
float cpu_linear_row(const struct cpu_patch *patch, uint32_t row, uint64_t weight_row);

/* The output matrix: a thread's rows, with argmax and hash of the columns that keep no row; then
 * those of the kept rows, after hooks; then (first thread) the results. */
void cpu_logits(const struct cpu_task *task);
void cpu_logits_digest(const struct cpu_task *task);
void cpu_logits_finish(struct cpu_run *run);

/* Memory for the features of `rows` columns of a pass. */
enum status cpu_features_room(struct cpu *cpu, uint32_t rows) STATUS_MUST_USE;
/* A slot's features: nothing seen; then what all threads have seen. */
struct cpu_features cpu_features_begin(const struct cpu_run *run, uint32_t slot);
struct features cpu_features_end(const struct cpu_run *run, uint32_t slot);

void cpu_embed_patch(const struct cpu_patch *patch);
void cpu_norm_patch(const struct cpu_patch *patch);
void cpu_linear_patch(const struct cpu_patch *patch);
void cpu_rope_patch(const struct cpu_patch *patch);
void cpu_scores_patch(const struct cpu_patch *patch);
void cpu_softmax_patch(const struct cpu_patch *patch);
void cpu_heads_patch(const struct cpu_patch *patch);
void cpu_gate_patch(const struct cpu_patch *patch);
void cpu_add_patch(const struct cpu_patch *patch);
void cpu_choose_patch(const struct cpu_patch *patch);
void cpu_route_patch(const struct cpu_patch *patch);
void cpu_experts_patch(const struct cpu_patch *patch);
void cpu_mix_patch(const struct cpu_patch *patch);
void cpu_share_expert_patch(const struct cpu_patch *patch);

/* The scalar form. */
void cpu_linear_scalar(const struct cpu_linear *job, uint32_t row_begin, uint32_t row_end);
void cpu_linear_prepare_scalar(const struct cpu_linear *job);
void cpu_norm_scalar(const struct cpu_norm *job);
void cpu_rope_scalar(const struct cpu_rope *rope, float *head);
void cpu_scores_scalar(const struct cpu_attention *job);
void cpu_softmax_scalar(const float *scores, uint32_t first, uint32_t last, float *probs);
void cpu_heads_scalar(const struct cpu_attention *job);
void cpu_gate_scalar(const struct cpu_gate *job);
void cpu_add_scalar(float *x, const float *t, uint32_t n, uint32_t act);
void cpu_logits_scalar(const float *values, uint32_t first, uint32_t n, struct cpu_digest *digest);
void cpu_features_scalar(const float *values, uint32_t first, uint32_t n, struct cpu_features *row);
void cpu_features_join_scalar(struct cpu_features *row, struct cpu_features_sums *out);
void cpu_abft_inputs_scalar(const struct cpu_abft *job, struct guard_abft_sums *out);
void cpu_abft_outputs_scalar(const struct cpu_abft_rows *job);
void cpu_abft_tiles_scalar(const float *sums, size_t plane, uint32_t n, float out[3]);
uint32_t cpu_outside_scalar(const struct range_check *check, const float *values, uint32_t n);
void cpu_halves_scalar(const struct cpu_halves *job, struct cpu_halves_sums *add);
void cpu_stored_scalar(const struct cpu_stored *job, uint32_t out[2]);

#endif
