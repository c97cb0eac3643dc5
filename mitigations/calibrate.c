/* SPDX-License-Identifier: MIT */
/* Notes extremes of outputs by a watcher, and features of all tokens; their quantiles. */
#include "mitigations/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/sort.h"
#include "model/schedule.h"
#include "shared/numerics.h"

#define TAU_SHARE 0.05 /* share of later tokens whose margin is below tau */

struct keys {
    uint32_t low, high; /* of nm_key; low > high: nothing seen */
};

/* Values of the features of tokens: (n, CALIBRATION_FEATURES). */
struct values {
    double (*row)[CALIBRATION_FEATURES]; /* owned */
    size_t n, room;
};

/* What a branch's last column was. */
struct branch {
    uint32_t next; /* position that continues it */
    bool gave;     /* its last column gave logits */
};

struct calibrate {
    struct executor base; /* first */
    struct executor *ex;  /* borrowed */
    const struct model *model;
    bool fed;
    struct keys (*keys)[CALIBRATION_CLASSES]; /* (graph.count), owned */
    struct values values[CALIBRATION_CLASSES];
    struct branch *branch; /* (n_branches), owned */
    uint32_t n_branches;
    uint64_t columns;
    const struct pass *pass; /* under way */
    const char *odd;         /* site of an output that was Inf or NaN */
};

static void watch(void *user, const struct node *node, uint32_t column, const float *values,
                  uint32_t count)
{
    struct calibrate *c = user;
    const uint32_t index = (uint32_t)(node - c->model->graph.node);
    if (!calibration_site(&c->model->graph, index))
        return;
    struct keys *seen = &c->keys[index][calibration_class_of(c->pass->columns[column].position)];
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t bits = lang_bits(values[i]), key = nm_key(bits);
        seen->low = key < seen->low ? key : seen->low;
        seen->high = key > seen->high ? key : seen->high;
        if ((bits & NM_INF) == NM_INF)
            c->odd = node->site;
    }
}

static enum status add(struct values *values, const struct features *features)
{
    if (values->n == values->room) {
        const size_t room = values->room ? 2 * values->room : 1024;
        void *more = realloc(values->row, room * sizeof(*values->row));
        if (!more) {
            log_error("calibrate: no host memory for features of %zu tokens", room);
            return STATUS_MEMORY;
        }
        values->row = more;
        values->room = room;
    }
    calibration_features(values->row[values->n++], features);
    return STATUS_OK;
}

static enum status know_branch(struct calibrate *c, uint32_t branch)
{
    if (branch < c->n_branches)
        return STATUS_OK;
    struct branch *more = realloc(c->branch, (branch + 1) * sizeof(*more));
    if (!more) {
        log_error("calibrate: no host memory for %u branches", branch + 1);
        return STATUS_MEMORY;
    }
    memset(more + c->n_branches, 0, (branch + 1 - c->n_branches) * sizeof(*more));
    c->branch = more;
    c->n_branches = branch + 1;
    return STATUS_OK;
}

/* A column that gives logits follows another one: a later token. A branch that starts with one has
 * its first token before it if its tokens are given. */
static enum status note(struct calibrate *c, const struct column *column,
                        const struct column_result *result)
{
    enum status st = know_branch(c, column->branch);
    if (st)
        return st;
    struct branch *b = &c->branch[column->branch];
    const bool goes_on = column->position > 0 && b->next == column->position;
    const bool gives = (column->outputs & COLUMN_FEATURES) != 0;
    const bool later = goes_on ? b->gave : c->fed && column->position > 0;
    if (gives)
        st = add(&c->values[later ? CALIBRATION_LATER : CALIBRATION_FIRST], &result->features);
    *b = (struct branch){column->position + 1, gives};
    c->columns++;
    return st;
}

static enum status run_pass(struct executor *ex, const struct schedule *schedule,
                            struct column_result *out);
static void tell(const struct executor *ex, struct executor_info *out)
{
    executor_info(((const struct calibrate *)ex)->ex, out);
}
static const struct executor_ops OPS = {.pass = run_pass, .info = tell};

enum status calibrate_open(struct calibrate **out, const struct model *model)
{
    struct calibrate *c = *out = calloc(1, sizeof(*c));
    if (c)
        c->keys = calloc(model->graph.count, sizeof(*c->keys));
    if (!c || !c->keys) {
        log_error("calibrate: no host memory");
        calibrate_close(out);
        return STATUS_MEMORY;
    }
    c->model = model;
    for (uint32_t i = 0; i < model->graph.count; i++) {
        for (uint32_t k = 0; k < CALIBRATION_CLASSES; k++)
            c->keys[i][k] = (struct keys){UINT32_MAX, 0};
    }
    return STATUS_OK;
}

void calibrate_close(struct calibrate **calibrate)
{
    struct calibrate *c = *calibrate;
    if (!c)
        return;
    for (uint32_t k = 0; k < CALIBRATION_CLASSES; k++)
        free(c->values[k].row);
    free(c->keys);
    free(c->branch);
    free(c);
    *calibrate = NULL;
}

struct executor *calibrate_executor(struct calibrate *calibrate, struct executor *ex, bool fed)
{
    calibrate->base = *ex;
    calibrate->base.ops = &OPS;
    calibrate->ex = ex;
    calibrate->fed = fed;
    calibrate->n_branches = 0; /* those of another executor */
    return &calibrate->base;
}

/* The values of a feature, rising. */
static void sorted(double *out, const struct values *values, uint32_t feature)
{
    for (size_t i = 0; i < values->n; i++)
        out[i] = values->row[i][feature];
    sort_doubles(out, values->n);
}

static void take_bounds(struct calibration *out, const struct calibrate *c)
{
    for (uint32_t i = 0; i < c->model->graph.count; i++) {
        for (uint32_t k = 0; k < CALIBRATION_CLASSES; k++) {
            const struct keys *seen = &c->keys[i][k];
            struct calibration_range *to = &out->bound[i][k];
            *to = (struct calibration_range){1, 0};
            if (seen->low <= seen->high) {
                to->low = (double)lang_float(nm_unkey(seen->low));
                to->high = (double)lang_float(nm_unkey(seen->high));
            }
        }
    }
}

static void take_features(struct calibration *out, const struct calibrate *c, double *room)
{
    out->tau_share = TAU_SHARE;
    for (uint32_t k = 0; k < CALIBRATION_CLASSES; k++) {
        const size_t n = c->values[k].n;
        out->tokens[k] = n;
        for (uint32_t f = 0; f < CALIBRATION_FEATURES; f++) {
            sorted(room, &c->values[k], f);
            for (uint32_t i = 0; i < CALIBRATION_LEVELS; i++) {
                const size_t cut = (size_t)(CALIBRATION_LEVEL[i] * (double)n);
                out->feature[k][f][i] =
                    n > 0 ? (struct calibration_range){room[cut], room[n - 1 - cut]}
                          : (struct calibration_range){1, 0};
            }
            if (f == CALIBRATION_MARGIN && k == CALIBRATION_LATER && n > 0)
                out->tau = room[(size_t)(TAU_SHARE * (double)n)];
        }
    }
}

enum status calibrate_finish(struct calibration *out, struct arena *arena, struct calibrate *c)
{
    const size_t a = c->values[0].n, b = c->values[1].n, most = a > b ? a : b;
    if (c->odd || most == 0) {
        log_error("calibrate: found %s%s, expected numbers and at least one token",
                  c->odd ? "Inf or NaN at " : "no token", c->odd ? c->odd : "");
        return STATUS_INPUT;
    }
    double *room = calloc(most, sizeof(*room));
    out->bound = arena_array(arena, c->model->graph.count, sizeof(*out->bound));
    if (!room || !out->bound) {
        free(room);
        return STATUS_MEMORY;
    }
    out->model = c->model;
    out->columns = c->columns;
    take_bounds(out, c);
    take_features(out, c, room);
    free(room);
    return STATUS_OK;
}

/* Runs the pass with a watcher, and with features wherever there are logits. */
static enum status run_pass(struct executor *ex, const struct schedule *schedule,
                            struct column_result *out)
{
    struct calibrate *c = (struct calibrate *)ex;
    struct pass pass = *schedule->pass;
    struct column *columns = malloc(pass.n_columns * sizeof(*columns));
    if (!columns) {
        log_error("calibrate: no host memory for %u columns", pass.n_columns);
        return STATUS_MEMORY;
    }
    for (uint32_t i = 0; i < pass.n_columns; i++) {
        columns[i] = pass.columns[i];
        if (columns[i].outputs & (COLUMN_ARGMAX | COLUMN_LOGITS))
            columns[i].outputs |= COLUMN_FEATURES;
    }
    pass.columns = columns;
    pass.watch = watch;
    pass.watch_user = c;
    c->pass = &pass;
    enum status st = executor_pass(c->ex, &pass, out);
    for (uint32_t i = 0; i < pass.n_columns && !st; i++)
        st = note(c, &columns[i], &out[i]);
    c->pass = NULL;
    free(columns);
    return st;
}
