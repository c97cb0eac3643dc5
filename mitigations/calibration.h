/* SPDX-License-Identifier: MIT */
/* What clean runs of a model look like: bounds of its ops' outputs, quantiles of its tokens'
 * features. Read from a file that belongs to one model and one pair of storage types. */
#ifndef VKFI_MITIGATIONS_CALIBRATION_H
#define VKFI_MITIGATIONS_CALIBRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/status.h"
#include "model/features.h"
#include "model/model.h"
#include "model/storage.h"

#define CALIBRATION_VERSION 1 /* of the file */
#define CALIBRATION_VERSION_KEY "vkfi_calibration"

/* Of an op's outputs: position 0, where massive activations sit, and all others. Of a token's
 * features: the first token after a prompt, and later ones. */
enum calibration_class { CALIBRATION_FIRST, CALIBRATION_LATER, CALIBRATION_CLASSES };

/* Features of a token (model/features.h). */
enum calibration_feature {
    CALIBRATION_MAXIMUM,   /* the largest logit */
    CALIBRATION_MARGIN,    /* of it above the second */
    CALIBRATION_LOGSUMEXP, /* of all logits */
    CALIBRATION_ENTROPY,   /* of their softmax, in nats */
    CALIBRATION_HIDDEN,    /* L2 norm of the residual before the output norm */
    CALIBRATION_FEATURES
};
extern const char *const CALIBRATION_CLASS[CALIBRATION_CLASSES];    /* "first", "later" */
extern const char *const CALIBRATION_FEATURE[CALIBRATION_FEATURES]; /* "maximum", .. */

/* Shares of clean tokens outside a bound, on each side. The first is the extremes themselves. */
#define CALIBRATION_LEVELS 4
extern const double CALIBRATION_LEVEL[CALIBRATION_LEVELS]; /* 0, 1e-4, 1e-3, 1e-2 */

/* low > high: nothing was seen. */
struct calibration_range {
    double low, high;
};

struct calibration_item {
    const char *task, *doc_id;
};

struct calibration {
    const struct model *model; /* borrowed */
    const char *model_hash;    /* SHA-256 of the model's file */
    enum storage act, kv;
    const char *split;                   /* "calibrate" */
    const char *data_hash;               /* of the names of the items, in order */
    const struct calibration_item *item; /* (n_items) by name */
    uint32_t n_items;
    uint64_t columns;                     /* whose bounds were seen */
    uint64_t tokens[CALIBRATION_CLASSES]; /* whose features were seen */
    double tau;                           /* margin of a token in doubt; 0: none is */
    double tau_share;                     /* of later tokens below it */
    struct calibration_range (*bound)[CALIBRATION_CLASSES]; /* (graph.count) */
    struct calibration_range feature[CALIBRATION_CLASSES][CALIBRATION_FEATURES][CALIBRATION_LEVELS];
};

/* Sites that have bounds: outputs of attention, gate * up, ffn_down, residual adds, logits. */
bool calibration_site(const struct graph *graph, uint32_t node);

/* The smallest and largest output of a node in clean runs; false: not known. */
bool calibration_bounds(const struct calibration *calibration, uint32_t node,
                        enum calibration_class position_class, float *out_low, float *out_high);
static inline enum calibration_class calibration_class_of(uint32_t position)
{
    return position == 0 ? CALIBRATION_FIRST : CALIBRATION_LATER;
}

/* Of a token's row; NaN where it has Inf or NaN. */
void calibration_features(double out[CALIBRATION_FEATURES], const struct features *features);

/* The first feature outside its range, ranges that saw nothing left out; CALIBRATION_FEATURES: none
 * is. */
enum calibration_feature calibration_outside(const struct calibration_range *range,
                                             const double *value);

/* The ranges of one level, of CALIBRATION_LEVELS: out (CALIBRATION_CLASSES). */
void calibration_level(struct calibration_range out[][CALIBRATION_FEATURES],
                       const struct calibration *calibration, uint32_t level);

/* The class of a token by the column that gives it. */
static inline enum calibration_class calibration_token_class(uint32_t position, uint32_t prompt)
{
    return position + 1 > prompt ? CALIBRATION_LATER : CALIBRATION_FIRST;
}

/* Whether an item of a task was used: a study must not contain it. */
bool calibration_saw(const struct calibration *calibration, const char *task, const char *doc_id);

/* What a calibration is read for. */
struct calibration_use {
    const struct model *model; /* outlives it */
    const char *model_hash;    /* SHA-256 of its file; null: computed here */
    enum storage act, kv;
};

/* Memory from `arena`. STATUS_INPUT (logged, one line): not such a file, or of another model or
 * other storage types. */
enum status calibration_load(struct calibration *out, struct arena *arena, const char *path,
                             const struct calibration_use *use) STATUS_MUST_USE;
/* The same from memory; `name` appears in messages. */
struct calibration_text {
    const char *text; /* (size) */
    size_t size;
    const char *name;
};
enum status calibration_read(struct calibration *out, struct arena *arena,
                             const struct calibration_text *text,
                             const struct calibration_use *use) STATUS_MUST_USE;

/* Sorts its items and sets their hash. */
enum status calibration_seal(struct calibration *calibration, struct arena *arena) STATUS_MUST_USE;

/* The text of its file. */
void calibration_put(struct json_writer *w, const struct calibration *calibration);

#endif
