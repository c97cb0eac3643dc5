/* SPDX-License-Identifier: MIT */
/* Pictures of arms: recovery against cost, alarms of lost texts against alarms of clean tokens. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "inject/report/report_arms.h"
#include "inject/report/report_label.h"
#include "inject/report/report_pictures.h"

#define LABEL_HIGH 18 /* pixels from one label to the next */
#define PLOT_HIGH 280 /* pixels inside the axes */
#define AROUND 62     /* above and below: labels of x */
#define KEY_HIGH 20   /* of an entry of the key, above the plot */
#define LETTER 14     /* pixels */

/* An arm as a point, in per cent. */
struct point {
    const struct report_arm *arm;
    double x, y;
    struct stats_interval across, up; /* NaN: not known */
    double label;                     /* height of its label as a share of the plot's */
};

struct plot {
    struct point *point; /* (n), highest first */
    uint32_t n;
    double left, right, low, high; /* of the axes */
};

static const struct {
    const char *title;
    int mark;
    const char *colour;
} ROLE[REPORT_ARM_ROLES] = {
    [REPORT_ARM_ALONE] = {"one protection", 7, REPORT_A},
    [REPORT_ARM_CONTROL] = {"nan_trap, the control", 2, REPORT_GREY},
    [REPORT_ARM_SOME] = {"several", 5, REPORT_C},
    [REPORT_ARM_ALL] = {"all", 9, REPORT_B},
    [REPORT_ARM_BUT_ONE] = {"all but one", 8, REPORT_B},
};

static void add(struct plot *plot, const struct point *point)
{
    uint32_t i = plot->n++;
    for (; i > 0 && plot->point[i - 1].y < point->y; i--)
        plot->point[i] = plot->point[i - 1];
    plot->point[i] = *point;
    plot->right = fmax(plot->right, isnan(point->across.high) ? point->x : point->across.high);
    plot->low = fmin(plot->low, isnan(point->up.low) ? point->y : fmax(point->up.low, -100));
}

static double pixels_of(const struct plot *plot)
{
    return fmax(PLOT_HIGH, LABEL_HIGH * plot->n);
}

/* Labels beside their points, moved apart: down from the highest, then up from the lowest. */
static void place_labels(struct plot *plot)
{
    const double step = LABEL_HIGH / pixels_of(plot);
    double at = 1 + step;
    for (uint32_t i = 0; i < plot->n; i++) {
        const double wanted = (plot->point[i].y - plot->low) / (plot->high - plot->low);
        at = plot->point[i].label = fmin(wanted, at - step);
    }
    at = -step;
    for (uint32_t i = plot->n; i-- > 0;)
        at = plot->point[i].label = fmax(plot->point[i].label, at + step);
}

static void write_labels(struct report_figure *out, const struct plot *plot)
{
    for (uint32_t i = 0; i < plot->n; i++) {
        const struct point *p = &plot->point[i];
        text_addf(
            &out->script,
            "set arrow from first %.9g, first %.9g to graph 1.02, graph %.5f nohead linewidth "
            "0.6 dashtype 3 linecolor rgb \"" REPORT_GREY "\" back\nset label ",
            p->x, p->y, p->label);
        report_figure_quoted(out, p->arm->name);
        text_addf(&out->script, "at graph 1.03, graph %.5f left\n", p->label);
    }
}

static uint32_t count_roles(const struct plot *plot)
{
    uint32_t roles = 0;
    for (uint32_t i = 0; i < plot->n; i++)
        roles |= 1u << plot->point[i].arm->role;
    return (uint32_t)__builtin_popcount(roles);
}

/* The strip right of the plot, as a share of the picture. */
static double strip_of(const struct plot *plot)
{
    double most = 0;
    for (uint32_t i = 0; i < plot->n; i++) {
        const char *name = plot->point[i].arm->name;
        most = fmax(most, report_label_width(name, strlen(name), LETTER));
    }
    return fmin(0.5, (most + 2 * LETTER) / REPORT_WIDTH);
}

/* The points of one role as data; false: there are none. */
static bool write_role(struct report_figure *out, const struct plot *plot,
                       enum report_arm_role role)
{
    bool any = false;
    for (uint32_t i = 0; i < plot->n; i++) {
        const struct point *p = &plot->point[i];
        if (p->arm->role != role)
            continue;
        if (!any)
            text_addf(&out->script, "$role%d << END_OF_DATA\n", (int)role);
        any = true;
        report_figure_number(out, p->x);
        report_figure_number(out, p->y);
        report_figure_number(out, isnan(p->across.low) ? p->x : p->across.low);
        report_figure_number(out, isnan(p->across.low) ? p->x : p->across.high);
        report_figure_number(out, isnan(p->up.low) ? p->y : fmax(p->up.low, plot->low));
        report_figure_number(out, isnan(p->up.low) ? p->y : p->up.high);
        text_put(&out->script, "\n");
    }
    if (any)
        report_figure_end_data(out);
    return any;
}

/* Joins arms of one kind with other parameters, from few false alarms to many. Returns the number
 * of curves. */
static uint32_t write_curves(struct report_figure *out, const struct plot *plot)
{
    uint32_t curves = 0, done = 0;
    for (uint32_t i = 0; i < plot->n; i++) {
        const uint32_t kinds = plot->point[i].arm->kinds;
        if (plot->point[i].arm->role != REPORT_ARM_ALONE || (done & kinds))
            continue;
        done |= kinds;
        text_addf(&out->script, "$curve%" PRIu32 " << END_OF_DATA\n", curves++);
        for (uint32_t k = plot->n; k-- > 0;) { /* lowest first */
            if (plot->point[k].arm->kinds == kinds)
                text_addf(&out->script, "%.9g %.9g\n", plot->point[k].x, plot->point[k].y);
        }
        report_figure_end_data(out);
    }
    return curves;
}

struct axes {
    const char *x, *y; /* labels */
    bool joined;       /* write_curves */
};

static void draw(struct report_figure *out, struct plot *plot, const struct axes *axes)
{
    bool has[REPORT_ARM_ROLES];
    const char *between = "";
    plot->right = plot->right > 0 ? 1.06 * plot->right : 1;
    plot->left = -0.03 * plot->right;
    plot->low = plot->low < 0 ? plot->low - 5 : -4;
    plot->high = 104;
    place_labels(plot);
    const uint32_t key = KEY_HIGH * count_roles(plot);
    report_figure_begin(out, REPORT_WIDTH, (uint32_t)pixels_of(plot) + AROUND + key);
    text_addf(&out->script,
              "set tmargin %.1f\nset key at screen 0.99, screen 0.985 right top Left reverse "
              "samplen 1\n",
              1 + key / 17.0);
    write_labels(out, plot);
    for (int role = 0; role < REPORT_ARM_ROLES; role++)
        has[role] = write_role(out, plot, (enum report_arm_role)role);
    const uint32_t curves = axes->joined ? write_curves(out, plot) : 0;
    text_addf(&out->script,
              "set rmargin at screen %.4f\nset xrange [%.9g:%.9g]\nset yrange [%.9g:%.9g]\n"
              "set xlabel \"%s\"\nset ylabel \"%s\"\nplot ",
              1 - strip_of(plot), plot->left, plot->right, plot->low, plot->high, axes->x, axes->y);
    for (uint32_t c = 0; c < curves; c++, between = ", ")
        text_addf(&out->script,
                  "%s$curve%" PRIu32 " using 1:2 with lines linewidth 1 dashtype 2 linecolor rgb "
                  "\"" REPORT_GREY "\" notitle",
                  between, c);
    for (int role = 0; role < REPORT_ARM_ROLES; role++) {
        if (!has[role])
            continue;
        text_addf(&out->script,
                  "%s$role%d using 1:2:3:4:5:6 with xyerrorbars linewidth 1.5 pointtype %d "
                  "pointsize 0.9 linecolor rgb \"%s\" title \"%s\"",
                  between, role, ROLE[role].mark, ROLE[role].colour, ROLE[role].title);
        between = ", ";
    }
    text_put(&out->script, "\n");
}

/* Memory of the points, and the table, a row an arm. */
static enum status begin(struct plot *plot, struct report_figure *out,
                         struct report_context *context, const struct report_column *columns,
                         uint32_t n)
{
    const uint32_t arms = context->arms->count;
    plot->point = arena_array(context->arena, arms + 1, sizeof(*plot->point));
    return plot->point ? report_table_init(&out->table, context->arena, arms, columns, n)
                       : STATUS_MEMORY;
}

static struct stats_interval percent(struct stats_interval bounds)
{
    if (isinf(bounds.low) || isinf(bounds.high))
        return (struct stats_interval){NAN, NAN};
    return (struct stats_interval){100 * bounds.low, 100 * bounds.high};
}

static const char *why_absent(const struct report_arms *arms)
{
    bool any = false;
    for (uint32_t i = 0; arms && i < arms->count; i++)
        any = any || !isnan(arms->arm[i].all.recovery.recovery);
    if (any)
        return NULL;
    return !arms || arms->count == 0
               ? REPORT_UNASKED
               : "no trial of the arms loses anything, or there is no total over strata";
}

/* --- recovery against cost --- */

static const struct report_column PARETO_COLUMNS[] = {
    {"arm", "arm", REPORT_TEXT, REPORT_ALONE},
    {"work", "checks, % of multiply-adds", REPORT_PERCENT, REPORT_ALONE},
    {"redone_clean", "redone, %", REPORT_PERCENT, REPORT_ALONE},
    {"redone", "under faults, %", REPORT_PERCENT, REPORT_ALONE},
    {"cost", "cost, %", REPORT_PERCENT, REPORT_ALONE},
    REPORT_ARM_COLUMNS("recovery", "recovery, %"),
};

/* Of clean runs, where the model is known; else what is computed again under faults. */
static double cost_of(const struct report_arm *arm, bool known)
{
    return known ? (1 + arm->work) * (1 + arm->redone_clean) - 1 : arm->redone;
}

static void fill_pareto(struct report_table *table, const struct report_arms *arms, bool known)
{
    for (uint32_t r = 0; r < arms->count; r++) {
        const struct report_arm *arm = &arms->arm[r];
        report_table_text(table, r, "arm", arm->name);
        report_table_set(table, r, "work", arm->work);
        report_table_set(table, r, "redone_clean", arm->redone_clean);
        report_table_set(table, r, "redone", arm->redone);
        report_table_set(table, r, "cost", cost_of(arm, known));
        report_arms_bounds(table, r, "recovery", arm->all.recovery.recovery,
                           arm->all.recovery.bounds);
    }
}

enum status report_arms_pareto(struct report_figure *out, struct report_context *context)
{
    const struct report_arms *arms = context->arms;
    const bool known = context->model != NULL;
    struct plot plot = {0};
    out->id = "arms";
    out->title = "Recovery against cost";
    out->absent = why_absent(arms);
    if (out->absent)
        return STATUS_OK;
    const enum status st = begin(&plot, out, context, PARETO_COLUMNS,
                                 sizeof(PARETO_COLUMNS) / sizeof(*PARETO_COLUMNS));
    if (st)
        return st;
    fill_pareto(&out->table, arms, known);
    for (uint32_t i = 0; i < arms->count; i++) {
        const struct report_arm *arm = &arms->arm[i];
        const double cost = 100 * cost_of(arm, known);
        if (!isnan(cost) && !isnan(arm->all.recovery.recovery))
            add(&plot, &(struct point){.arm = arm,
                                       .x = cost,
                                       .y = 100 * arm->all.recovery.recovery,
                                       .across = {NAN, NAN},
                                       .up = percent(arm->all.recovery.bounds)});
    }
    out->table.id = "pareto";
    out->table.caption = out->caption =
        known ? "What each arm wins back of what faults cost (interval: bootstrap-t by item) "
                "against its cost in clean runs: multiply-adds of its checks, a comparison or a "
                "word summed counted as one, and columns computed again. `vkfi protect bench` has "
                "the cost in time."
              : "What each arm wins back of what faults cost (interval: bootstrap-t by item) "
                "against the columns that it computes again in runs with a fault. With the model "
                "(-m) the cost is that of clean runs, with the multiply-adds of its checks.";
    draw(out, &plot,
         &(struct axes){known ? "extra work of clean runs, %"
                              : "columns computed again under faults, %",
                        "recovery, %", false});
    return out->script.st;
}

/* --- alarms --- */

static const struct report_column ROC_COLUMNS[] = {
    {"arm", "arm", REPORT_TEXT, REPORT_ALONE},
    {"lossy", "that lose", REPORT_COUNT, REPORT_ALONE},
    REPORT_ARM_COLUMNS("found", "of these with an alarm, %"),
    {"tokens", "clean tokens", REPORT_COUNT, REPORT_ALONE},
    REPORT_ARM_COLUMNS("by_token", "false alarms a token, %"),
    REPORT_ARM_COLUMNS("by_request", "a request, %"),
};

enum status report_arms_roc(struct report_figure *out, struct report_context *context)
{
    const struct report_arms *arms = context->arms;
    struct plot plot = {0};
    out->id = "roc";
    out->title = "Alarms of faults against false alarms";
    out->absent = why_absent(arms);
    if (out->absent)
        return STATUS_OK;
    const enum status st =
        begin(&plot, out, context, ROC_COLUMNS, sizeof(ROC_COLUMNS) / sizeof(*ROC_COLUMNS));
    if (st)
        return st;
    for (uint32_t r = 0; r < arms->count; r++) {
        const struct report_arm *arm = &arms->arm[r];
        const struct stats_recovery *found = &arm->all.alarm;
        const double rate =
            arm->tokens > 0 ? (double)arm->by_token.events / (double)arm->tokens : NAN;
        report_table_text(&out->table, r, "arm", arm->name);
        report_table_set(&out->table, r, "lossy", (double)arm->all.lossy);
        report_arms_bounds(&out->table, r, "found", found->recovery, found->bounds);
        report_table_set(&out->table, r, "tokens", (double)arm->tokens);
        report_arms_seen(&out->table, r, "by_token", &arm->by_token);
        report_arms_seen(&out->table, r, "by_request", &arm->by_request);
        if (!isnan(rate) && !isnan(found->recovery))
            add(&plot, &(struct point){.arm = arm,
                                       .x = 100 * rate,
                                       .y = 100 * found->recovery,
                                       .across = percent(arm->by_token.interval),
                                       .up = percent(found->bounds)});
    }
    out->table.id = "roc";
    out->table.caption = out->caption =
        "Share of the texts that faults change in which the arm raises an alarm (interval: "
        "bootstrap-t by item) against alarms of clean tokens (exact interval). Dashed lines join "
        "arms of one protection with other parameters, as the quantiles of the token filter.";
    draw(out, &plot,
         &(struct axes){"alarms a clean token, %", "changed texts with an alarm, %", true});
    return out->script.st;
}
