/* SPDX-License-Identifier: MIT */
/* The interface of a device that runs the graph: columns in, tokens, hashes and proofs out.
 *
 * host/cpu and host/vk implement it; everything above sees only this. One pass serves prompts,
 * decoding, verification and batches of trials (ENGINE.md 1). An executor is used by one thread. */
#ifndef VKFI_MODEL_EXECUTOR_H
#define VKFI_MODEL_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "model/executor_work.h"
#include "model/features.h"
#include "model/graph.h"
#include "model/guard.h"
#include "model/guard_abft.h"
#include "model/kv.h"
#include "model/model.h"
#include "model/storage.h"
#include "model/weight_pages.h"
#include "shared/hook.h"

#define EXECUTOR_NONE UINT32_MAX

/* What a column gives back besides its KV entries. */
#define COLUMN_ARGMAX 1u    /* token, its logit                            */
#define COLUMN_HASH 2u      /* 64-bit hash of the logit row (NUMERICS.md 3)   */
#define COLUMN_LOGITS 4u    /* the whole row                               */
#define COLUMN_HIDDEN 8u    /* the row entering the output matrix          */
#define COLUMN_FEATURES 16u /* statistics of the row (model/features.h) */
#define COLUMN_ANY 31u

/* A column without outputs, save row and hooks needs nothing after the K/V store of its last layer:
 * executors skip that work. Every other column is evaluated in full. */
struct column {
    uint32_t branch;
    uint32_t position;    /* absolute */
    int32_t token;        /* read when start_layer is 0 and checkpoint is EXECUTOR_NONE */
    uint32_t checkpoint;  /* row of the checkpoint store that gives the residual entering
                             start_layer, or EXECUTOR_NONE (then start_layer must be 0) */
    uint32_t start_layer; /* first layer evaluated; n_layers: only output norm and output */
    uint32_t end_layer;   /* one past the last; below n_layers: no outputs */
    uint32_t entry;       /* 1 + the KV entry written instead of the position's own (which becomes
                             zeros); 0: the position's own. At most the position; no earlier
                             position of the branch may then be in the pass */
    uint32_t keys;        /* key positions seen: 0 .. keys - 1; 0: up to its own */
    uint32_t rope;        /* 1 + row of the rope table; 0: the position's */
    uint32_t save;        /* row of the checkpoint store that receives the residual entering each
                             layer start_layer + 1 .. end_layer (and start_layer itself when it is 0
                             and came from a token), or EXECUTOR_NONE */
    uint32_t outputs;     /* COLUMN_* */
};

/* The last key position the column sees, its row of the rope table, the KV entry it writes. */
static inline uint32_t column_last(const struct column *c)
{
    return c->keys ? c->keys - 1 : c->position;
}
static inline uint32_t column_rope(const struct column *c)
{
    return c->rope ? c->rope - 1 : c->position;
}
static inline uint32_t column_entry(const struct column *c)
{
    return c->entry ? c->entry - 1 : c->position;
}

struct column_result {
    uint32_t token; /* order of NUMERICS.md 6; NaN lowest, all NaN: 0 */
    uint32_t logit; /* its bits, canonical */
    uint64_t hash;
    bool finite;              /* no logit is Inf or NaN (known with all but HIDDEN) */
    struct features features; /* zeros if not asked for */
    const float *logits;      /* (n_vocab), valid until the next pass; null if not asked for */
    const float *hidden; /* (n_embd), the same. A column that asks for this alone skips the output
                            matrix unless a hook needs it */
};

/* A fault in one evaluation: op `node` of the graph, for column `column` of the pass.
 *
 * At a node the pass first fills the captures of all columns, from evaluations without hooks; then
 * one evaluation per column applies all its hooks, in their order. */
struct hook {
    uint32_t node; /* index in model->graph.node */
    uint32_t column;
    uint32_t point;        /* HOOK_* */
    uint32_t evaluation;   /* 0: the op's own; of a twin (guard_evaluation): where there is one */
    struct hook_data data; /* coordinates and bits in; proof out */
};

/* Watching: called for each column after each node, with the node's output row of that column
 * (REG_S, REG_P: n_head * (position + 1) values, head after head; STORE: `rows` values of K and of
 * V, rounded to the KV type). Slow: for tests and to find the first Inf or NaN. */
typedef void executor_watch(void *user, const struct node *node, uint32_t column,
                            const float *values, uint32_t count);

struct pass {
    const struct column *columns; /* (n_columns), at most executor_info.max_columns; sorted by
                                     start_layer; the active ones of every layer are a prefix */
    uint32_t n_columns;
    struct hook *hooks; /* (n_hooks) */
    uint32_t n_hooks;
    struct guard *guards; /* (n_guards), at most GUARD_MOST */
    uint32_t n_guards;
    uint32_t *words; /* (n_words) bits that hooks capture and take, in and out */
    uint32_t n_words;
    executor_watch *watch; /* null: none */
    void *watch_user;
};

struct executor_params {
    const struct model *model; /* outlives the executor */
    enum storage act, kv;
    uint32_t positions;   /* most positions of a branch */
    uint32_t branches;    /* most branches at a time, at least 1 */
    uint32_t pages;       /* KV pages a layer; 0: positions * branches / 32, rounded up */
    uint32_t columns;     /* most columns a pass, 0: the executor's choice */
    uint32_t checkpoints; /* rows of the checkpoint store, (n_layers + 1, n_embd) each */
    uint32_t threads;     /* CPU: 0 all cores */
    bool separate;        /* Vulkan: no two matrices in one dispatch; the same bits, slower */
};

struct executor_info {
    char device[256]; /* "AMD EPYC, AVX2, 2 threads"; "llvmpipe (LLVM 15.0.6, 256 bits)" */
    char driver[256]; /* driver and version; CPU: "vkfi" and its version */
    uint32_t max_columns;
    uint64_t weight_bytes; /* memory of the weights on the device */
    uint64_t total_bytes;  /* all memory the executor holds */
    uint64_t dispatches;   /* since creation; CPU: evaluations of ops and guards */
    uint64_t barriers;     /* between dispatches, and at each submit's ends; CPU: 0 */
    uint64_t waits;        /* of the host for a submit; CPU: 0 */
    uint64_t recordings;   /* of submits that were not those of one before; CPU: 0 */
    uint64_t macs, bytes;  /* since creation (model/executor_work.h) */
    bool underflow;        /* a value was flushed since the last fpenv_clear_underflow, or a stored
                              weight is denormal (CPU only) */
    uint32_t threads;      /* CPU; else 0 */
    char constants[1024];  /* specialization constants of the kernels, JSON; CPU: "" */
};

/* One stored KV element. */
struct kv_site {
    uint32_t branch, layer, position;
    bool value;       /* V instead of K */
    uint32_t feature; /* kv head * head_dim + feature of the head */
};

/* One number of a rope table: (positions, rope_dim / 2, {cos, sin}) f32. */
struct table_site {
    uint32_t table; /* 0: global, 1: of windowed layers */
    uint32_t position;
    uint32_t element;
};

/* One field of a stored weight, in GGUF terms. */
struct weight_site {
    const struct tensor *tensor;
    uint64_t row;
    uint32_t k; /* element of the row (any of the block for d and m) */
    enum quant_field field;
};

/* Stored K or V of consecutive positions in one page of a layer. */
struct kv_span {
    uint32_t branch, layer;
    bool value; /* V instead of K */
    uint32_t position, n;
};

/* Words first .. first + n - 1 of the check sums of a node (model/guard_abft.h). */
struct abft_span {
    uint32_t node, first, n;
};

struct kv_check;
struct kv_sums;

/* Stored bits that were written otherwise than by a pass or an edit. */
struct executor_write {
    struct weight_box weights; /* tensor null: entries of K or V */
    struct kv_span kv;
};

struct executor;
struct schedule;

/* Hears of such writes. */
struct executor_listener {
    enum status (*wrote)(void *user, struct executor *ex, const struct executor_write *write);
    void *user;
    struct executor_listener *next; /* the executor's own */
};

/* Edits of stored bits by hook_edit, with no bits from elsewhere: data->before and after are read
 * back from the device's own memory, count becomes 1. */
struct executor_edit_ops {
    enum status (*kv)(struct executor *ex, const struct kv_site *site, struct hook_data *data);
    enum status (*weight)(struct executor *ex, const struct weight_site *site,
                          struct hook_data *data);
    enum status (*table)(struct executor *ex, const struct table_site *site,
                         struct hook_data *data);
};

/* Spans of K and V, and their sums (executor_kv.h). */
struct executor_kv_ops {
    enum status (*read)(struct executor *ex, const struct kv_span *spans, uint32_t n, uint8_t *out);
    enum status (*write)(struct executor *ex, const struct kv_span *span, const uint8_t *rows);
    enum status (*sum)(struct executor *ex, const struct kv_check *checks, uint32_t n,
                       struct kv_sums *out);
};

/* Weights by pages and units (executor_weights.h). */
struct executor_weight_ops {
    /* Sums of pages in the device's memory. */
    enum status (*sum)(struct executor *ex, uint32_t first, uint32_t n, struct weight_sums *out);
    /* A unit as the file gives it. */
    enum status (*make)(const struct executor *ex, const struct weight_region *region,
                        uint32_t unit, uint8_t *out);
    /* Writes one. */
    enum status (*put)(struct executor *ex, const struct weight_region *region, uint32_t unit,
                       const uint8_t *bytes);
    /* Elements of the i-th tensor of a unit; false: there are no more. */
    bool (*box)(const struct executor *ex, const struct weight_region *region, uint32_t unit,
                uint32_t i, struct weight_box *out);
};

/* Words of check sums where passes read them (executor_abft.h). */
struct executor_abft_ops {
    enum status (*read)(struct executor *ex, const struct abft_span *span, uint32_t *out);
    enum status (*write)(struct executor *ex, const struct abft_span *span, const uint32_t *words);
};

struct executor_ops {
    void (*destroy)(struct executor *ex);
    /* Runs schedule->pass (model/schedule.h). */
    enum status (*pass)(struct executor *ex, const struct schedule *schedule,
                        struct column_result *out);
    /* Residual entering `layer` in checkpoint row `row`: out (n_embd). */
    enum status (*read_checkpoint)(struct executor *ex, uint32_t row, uint32_t layer, float *out);
    void (*info)(const struct executor *ex, struct executor_info *out);
    const struct executor_edit_ops *edit;
    const struct executor_kv_ops *kv;
    const struct executor_weight_ops *weights;
    const struct executor_abft_ops *abft;
};

/* First member of every executor; `kv` does the bookkeeping of branches (kv_branch, kv_share,
 * kv_cut, kv_release are called on it directly; kv_write only by the executor). */
struct executor {
    const struct executor_ops *ops;
    const struct model *model;
    struct kv *kv;
    enum storage act, kv_storage;
    uint32_t n_checkpoints;
    uint32_t positions;      /* most of a branch, and rows of the rope tables */
    struct guard_abft *abft; /* (graph.count) of executor_abft_make; null: none; owned */
    struct weight_pages weights;
    struct executor_listener *listeners;
    struct executor_work work;
};

/* Results: (n_columns). STATUS_USAGE (logged) for columns that are not in order or out of range:
 * checked here, before the executor sees them. */
enum status executor_pass(struct executor *ex, const struct pass *pass,
                          struct column_result *out) STATUS_MUST_USE;
/* For executors, after the pages that a pass writes exist: every page that its attention reads must
 * exist; else STATUS_USAGE (logged). */
enum status executor_check_pages(const struct executor *ex,
                                 const struct pass *pass) STATUS_MUST_USE;
enum status executor_edit_kv(struct executor *ex, const struct kv_site *site,
                             struct hook_data *data) STATUS_MUST_USE;
enum status executor_edit_weight(struct executor *ex, const struct weight_site *site,
                                 struct hook_data *data) STATUS_MUST_USE;
enum status executor_edit_table(struct executor *ex, const struct table_site *site,
                                struct hook_data *data) STATUS_MUST_USE;
enum status executor_read_checkpoint(struct executor *ex, uint32_t row, uint32_t layer,
                                     float *out) STATUS_MUST_USE;
void executor_info(const struct executor *ex, struct executor_info *out);

/* The listener lives until it is taken off, which may be done to one that was never put on. */
void executor_listen(struct executor *ex, struct executor_listener *listener);
void executor_unlisten(struct executor *ex, struct executor_listener *listener);
enum status executor_wrote(struct executor *ex, const struct executor_write *write) STATUS_MUST_USE;

void executor_destroy(struct executor **ex);

#endif
