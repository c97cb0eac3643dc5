/* SPDX-License-Identifier: MIT */
/* What the files of this folder share: the executor's state, and the kernels a form provides. */
#ifndef VKFI_CPU_CPU_STATE_H
#define VKFI_CPU_CPU_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "cpu/cpu.h"
#include "cpu/cpu_team.h"
#include "model/executor.h"
#include "model/schedule.h"
#include "shared/order.h"

#define CPU_TILE                                                                                   \
    16u /* rows that are packed side by side, and the unit of sharing among threads                \
         */

/* A tensor in the memory its form reads. */
struct cpu_weight {
    const struct tensor *tensor; /* null: the graph does not use it */
    uint8_t *tiles; /* (rows / CPU_TILE, tile_bytes) packed; null: rows in the mapping */
    size_t tile_bytes;
};

/* y = W x of n columns. */
struct cpu_linear {
    const struct cpu_weight *weight;
    const float *x;    /* (n, x_stride) */
    const float *bias; /* (rows) or null */
    float *y;          /* (n, y_stride), from row y_row on */
    size_t x_stride, y_stride;
    uint32_t n, y_row;
    uint32_t act; /* NM_F32: not rounded */
    float cap;    /* of the node */
    struct cpu_scratch *scratch;
};

/* One query position and some heads that share a K/V head. */
struct cpu_attention {
    const struct cpu *cpu;
    const uint32_t *table; /* pages of the branch in this layer */
    uint32_t layer, kv_head;
    uint32_t first, last; /* key positions seen */
    float cap;            /* of the node */
    uint32_t heads;
    const float *q;      /* (heads, head_dim) */
    float *scores;       /* (heads, score_stride); index: absolute key position */
    float *probs;        /* (heads, score_stride); may be `scores` */
    size_t score_stride; /* a multiple of 32 */
    float *out;          /* (heads, head_dim) */
    float *panel;        /* (CPU_HEADS, score_stride) memory of the thread */
};

struct cpu_rope {
    const float *table; /* (rope_dim / 2, 2) of the position */
    uint32_t head_dim, rope_dim;
    bool neox;
    float scale; /* 0: none */
    uint32_t act;
};

/* RMS norm or, with a bias, layer norm of one group, perhaps in place. */
struct cpu_norm {
    const float *x, *gain, *bias; /* (width) */
    float *out;                   /* (width) */
    float *terms;                 /* (width) memory of the thread */
    uint32_t width, act;
    float eps;
};

/* out = activation(g) * u, or activation(g) if u is null */
struct cpu_gate {
    const float *g, *u; /* (n) */
    float *out;         /* (n) */
    uint32_t n, act;
    enum activation_fn fn;
};

/* Result of a scan over logits; parts merge in any order. */
struct cpu_digest {
    uint32_t key, token, bits; /* of the largest logit, the first of equals */
    uint32_t low, high;        /* words of the hash */
    bool finite;
};

/* Features of a row of logits: of its blocks of NM_BLOCK ids, and what of the whole row is known so
 * far (NUMERICS.md 6). */
struct cpu_features {
    uint32_t first, second; /* keys of the two largest logits seen */
    uint32_t nonfinite;     /* logits seen that are Inf or NaN */
    uint32_t blocks, width;
    float *most, *z, *w;   /* (blocks) each with its own maximum */
    float *scale;          /* (blocks) room for the join */
    const float *residual; /* (width) that enters the output norm */
};
#define CPU_FEATURES_PARTS 4u /* arrays of a row's blocks */

struct cpu_features_sums {
    float z, w, squares;
};

/* A column's check sums with one part of a matrix (NUMERICS.md 7). */
struct cpu_abft {
    const float *rows; /* c, c2 and a of the part, 16 elements of each in turn */
    const float *x;    /* (width) */
    uint32_t width;
};

/* Check sums of some of its outputs. */
struct cpu_abft_rows {
    const float *y;       /* (n) rows from `row` on, a multiple of 16 */
    const float *weights; /* (251 + 15) of rows */
    float *sums;          /* (3, plane) of tiles of 16 rows: of y, with weights, of magnitudes */
    uint32_t row, n, plane;
};

/* Memory of the guards of a pass. */
struct cpu_abft_place {
    uint32_t slot;       /* EXECUTOR_NONE: its op has not been reached */
    size_t sums, inputs; /* indices */
};
struct cpu_abft_memory {
    struct cpu_abft_place *place;   /* (guards) */
    float *sums;                    /* (3, tiles) of each guard */
    struct guard_abft_sums *inputs; /* those of inputs, part by part */
    size_t room[3];                 /* bytes */
    float weights[ABFT_WEIGHTS + ABFT_LANES];
};

/* Halves of stored K or V (model/executor_kv.h), 16 elements side by side in each of n steps. The
 * half of step i has place first + i * step and weight weights[i * step]. */
struct cpu_halves {
    const uint8_t *at;       /* (n, 16) elements: of 16 bits, or words */
    const uint32_t *weights; /* of 16 bits */
    uint32_t n, first, step;
    uint32_t mask, shift; /* of an element, shifted down first */
    bool words;
};
struct cpu_halves_sums {
    uint32_t sum[CPU_TILE], weighted[CPU_TILE], mixed[CPU_TILE]; /* modulo 2^32 */
};

/* A row of K or V as it will be stored, in halves. */
struct cpu_stored {
    const float *values;     /* (n) */
    const uint32_t *weights; /* of its halves */
    uint32_t n, type;        /* NM_* */
};

/* The loops of one form. */
struct cpu_kernels {
    const char *name;
    void (*prepare)(const struct cpu_linear *job); /* what depends on the columns alone */
    void (*linear)(const struct cpu_linear *job, uint32_t row_begin, uint32_t row_end);
    void (*norm)(const struct cpu_norm *job);
    void (*rope)(const struct cpu_rope *rope, float *head);
    void (*scores)(const struct cpu_attention *job);
    void (*softmax)(const float *scores, uint32_t first, uint32_t last, float *probs);
    void (*heads)(const struct cpu_attention *job);
    void (*gate)(const struct cpu_gate *job);
    void (*add)(float *x, const float *t, uint32_t n, uint32_t act);
    void (*logits)(const float *values, uint32_t first, uint32_t n, struct cpu_digest *digest);
    /* Ids first .. first + n - 1: `first`, and n but at the end, in whole blocks. */
    void (*features)(const float *values, uint32_t first, uint32_t n, struct cpu_features *row);
    /* Once all blocks are there; destroys them. */
    void (*features_join)(struct cpu_features *row, struct cpu_features_sums *out);
    void (*abft_inputs)(const struct cpu_abft *job, struct guard_abft_sums *out);
    void (*abft_outputs)(const struct cpu_abft_rows *job);
    /* The sums of a part from those of its tiles: (3, plane), of which n count. */
    void (*abft_tiles)(const float *sums, size_t plane, uint32_t n, float out[3]);
    /* How many of n values are outside. */
    uint32_t (*outside)(const struct range_check *check, const float *values, uint32_t n);
    void (*halves)(const struct cpu_halves *job, struct cpu_halves_sums *add);
    void (*stored)(const struct cpu_stored *job, uint32_t out[2]); /* weighted, mixed */
};

extern const struct cpu_kernels cpu_scalar_kernels;
#if defined(VKFI_CPU_SIMD)
extern const struct cpu_kernels cpu_avx2_kernels;
extern const struct cpu_kernels cpu_avx512_kernels;
#endif

/* A group of the rows of a column, for which it has chosen an expert. */
struct cpu_pair {
    uint32_t slot, group;
};

/* Memory of one thread. */
struct cpu_scratch {
    float *sum_x;              /* (max_columns, blocks, 2) sums of the columns' blocks or halves */
    float *panel;              /* (max_columns, width) columns in the form's own order */
    float *attention;          /* (heads of a group, score_stride) */
    float *attention_panel;    /* (CPU_HEADS, score_stride) */
    struct quant_block *block; /* (blocks) one decoded row */
    uint8_t *row;              /* one row in GGUF bytes */
    uint8_t *tile;             /* 16 packed rows; null: weights are packed, or read by rows */
    float *input, *terms;      /* one register row */
    struct cpu_pair *pairs;    /* (max_columns) of one expert */
    float *gathered;           /* (max_columns, width) their inputs; null without experts */
    float *watch;              /* (n_head, score_stride); of patches only */
    float *logits;             /* (max_columns, CPU_LOGIT_ROWS) */
    struct cpu_digest *digest; /* (max_columns) */
    struct cpu_features *features; /* (max_columns) */
    bool underflow;
};

#define CPU_LOGIT_ROWS 128u /* logits a thread holds at a time */
#define CPU_HEADS 4u        /* heads a kernel takes side by side */

/* What a node needs beyond the graph. */
struct cpu_node {
    bool barrier;  /* other threads' results are needed first */
    bool prepared; /* the thread's sum_x and panel are those of the same input */
};

struct cpu {
    struct executor base;
    enum cpu_form form; /* of the arithmetic: never CPU_AUTO or CPU_MAPPED */
    bool mapped;        /* weights stay in the file's mapping */
    const struct cpu_kernels *kernels;
    uint32_t threads, max_columns, positions;
    struct cpu_weight *weights;  /* (tensors) */
    struct cpu_node *nodes;      /* (graph.count) */
    struct cpu_scratch *scratch; /* (threads + 1); the last is for patches */
    float *rope[2];              /* tables; [1] null without windowed layers */
    float *reg[REG_COUNT];       /* (max_columns, stride); S, P, L: null or as the pass needs */
    size_t stride[REG_COUNT];
    size_t score_stride;    /* positions, rounded up to whole pages */
    size_t room[REG_COUNT]; /* S, P, L: rows allocated */
    float *twin, *kept;     /* (twin_room) rows of second evaluations, and inputs of those in place;
                               null: none yet */
    size_t twin_room;
    uint32_t *full_row;     /* (max_columns) row of a column in L, EXECUTOR_NONE: none */
    uint32_t *score_row;    /* (max_columns) row of a column in S and P, EXECUTOR_NONE: none */
    uint32_t *features_row; /* (max_columns) row of a column in `features`, EXECUTOR_NONE: none */
    float *features;        /* (features_room, CPU_FEATURES_PARTS, blocks of ids), owned */
    uint32_t features_room;
    uint8_t *pages[2]; /* K, V: (layers, pages, page_bytes) */
    size_t page_bytes[2];
    uint32_t page_count;  /* per layer */
    uint32_t *kv_weights; /* sums_weight of the halves of a row, then of the positions of a page */
    float *hidden;        /* (max_columns, n_embd) rows entering the output matrix */
    float *checkpoints;   /* (n_checkpoints, n_layers + 1, n_embd) */
    char brand[64];       /* of the processor */
    struct cpu_abft_memory abft;
    struct arena arena;       /* rope tables */
    struct cpu_block *blocks; /* owns all other memory */
    uint64_t weight_bytes, total_bytes;
    bool denormal; /* some stored weight is one */
};

/* Registers with rows for the columns that need them alone. */
static inline bool cpu_by_need(enum reg reg)
{
    return reg == REG_S || reg == REG_P || reg == REG_L;
}

/* Rows for `rows` columns in S, P or L; what they held is lost. */
enum status cpu_room(struct cpu *cpu, enum reg reg, uint32_t rows) STATUS_MUST_USE;

/* Zeroed, 64-byte aligned, owned by the executor; pages are allocated when touched. Null when
 * memory is out (logged). */
void *cpu_memory(struct cpu *cpu, size_t count, size_t size);

static inline const struct hparams *cpu_hparams(const struct cpu *cpu)
{
    return &cpu->base.model->hp;
}

static inline uint32_t cpu_group(const struct cpu *cpu)
{
    return cpu_hparams(cpu)->n_head / cpu_hparams(cpu)->n_head_kv;
}

static inline float *cpu_reg(const struct cpu *cpu, enum reg reg, uint32_t slot)
{
    return cpu->reg[reg] + slot * cpu->stride[reg];
}

/* A value on the grid of a storage type (NUMERICS.md 4); f32 values stay as they are. */
static inline float cpu_round(float x, uint32_t act)
{
    return act == NM_F32 ? x : nm_round(x, act);
}

/* The pass being run, as every thread sees it; the first thread changes it between barriers. */
struct cpu_run {
    struct cpu *cpu;
    const struct schedule *schedule;
    const struct pass *pass;
    const uint32_t *column; /* of each slot: the schedule's, of the layers or of the outputs */
    const uint32_t *slot;   /* and back */
    uint32_t slots;         /* register rows in use */
    uint32_t threads;       /* that run it */
    bool twins;             /* some guard evaluates an op twice */
    struct cpu_team team;
    float **saved;         /* (n_hooks) input row of hooks whose op works in place; null others */
    struct hook **patched; /* (n_hooks) room for the hooks of a patch */
    struct column_result *out;
};

/* A thread's part of a node. */
struct cpu_task {
    struct cpu_run *run;
    const struct node *node;
    uint32_t index; /* of the node in the graph */
    uint32_t thread, threads;
    bool second; /* evaluation of the op */
};

static inline struct cpu_scratch *cpu_scratch_of(const struct cpu_task *task)
{
    return &task->run->cpu->scratch[task->thread];
}

static inline const struct column *cpu_column(const struct cpu_run *run, uint32_t slot)
{
    return &run->pass->columns[run->column[slot]];
}

/* The register row of a column, EXECUTOR_NONE if it is not evaluated here. */
static inline uint32_t cpu_slot(const struct cpu_run *run, uint32_t column)
{
    return run->slot[column] < run->slots ? run->slot[column] : EXECUTOR_NONE;
}

/* [begin, end) of `units` for this thread. */
static inline void cpu_share(const struct cpu_task *task, uint32_t units, uint32_t *begin,
                             uint32_t *end)
{
    *begin = (uint32_t)((uint64_t)units * task->thread / task->threads);
    *end = (uint32_t)((uint64_t)units * (task->thread + 1) / task->threads);
}

/* Calls `group` for this thread's groups of all columns; `at`: the group's first feature. */
static inline void cpu_share_groups(const struct cpu_task *task,
                                    void (*group)(const struct cpu_task *task, uint32_t slot,
                                                  size_t at))
{
    const struct node *node = task->node;
    uint32_t begin, end;
    cpu_share(task, task->run->slots * node->groups, &begin, &end);
    for (uint32_t unit = begin; unit < end; unit++)
        group(task, unit / node->groups, (size_t)(unit % node->groups) * node->width);
}

/* The same for the rows of a node, in whole tiles: equal rows give equal parts. */
static inline void cpu_share_rows(const struct cpu_task *task, uint32_t *begin, uint32_t *end)
{
    cpu_share(task, order_ceil(task->node->rows, CPU_TILE), begin, end);
    *begin *= CPU_TILE;
    *end *= CPU_TILE;
    *end = *end > task->node->rows ? task->node->rows : *end;
}

enum status cpu_pass(struct executor *ex, const struct schedule *schedule,
                     struct column_result *out) STATUS_MUST_USE;

#endif
