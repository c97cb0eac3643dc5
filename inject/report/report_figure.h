/* SPDX-License-Identifier: MIT */
/* One picture: its data as a table, its gnuplot script, or why it is not drawn. */
#ifndef VKFI_INJECT_REPORT_FIGURE_H
#define VKFI_INJECT_REPORT_FIGURE_H

#include "base/arena.h"
#include "inject/report/report_groups.h"
#include "inject/report/report_interval.h"
#include "inject/report/report_rate.h"
#include "inject/report/report_table.h"

/* Work of a site: the cost of protecting it. */
struct report_site {
    const char *site;
    double bytes, macs; /* stored bytes; MACs of the golden runs a token */
};

struct report_tasks;   /* report_tasks.h */
struct report_arms;    /* report_arms.h */
struct report_corpora; /* report_corpus.h */
struct report_own;     /* report_own.h */
struct report_passes;  /* report_pass.h */

/* The source of every picture. */
struct report_context {
    struct report_data *data;
    struct report_data *other;      /* of a second database to compare with; null: none */
    const struct report_site *site; /* (n_sites), by name; null: not known */
    uint32_t n_sites;
    const struct model *model; /* the struck one; null: not given */
    const char *model_about;   /* of the model, as "Q4_1", or null */
    struct arena *arena;
    struct report_work *work;
    double asked;                     /* confidence of all looks together: 0.95 */
    double confidence;                /* of this look: 1 - (1 - asked) spends   */
    double spends;                    /* the error that a look at an extended campaign may spend:
                                         plan_waves.h */
    const struct report_arms *arms;   /* null: not made */
    const struct report_tasks *tasks; /* rows of tasks, none without scores; null: not made */
    const struct report_corpora *corpora; /* the same of corpora, */
    const struct report_passes *passes;   /* and of pass@k */
    const struct report_own *own;         /* null: none */
    struct report_context *anew;          /* of a campaign that estimates strata anew; null: none */
    report_events main;                   /* critical if there are scores, else SDC */
    const char *main_name, *main_start;   /* "critical SDC", "Critical SDC" */
};

/* Fills in work, main and the look; data, arena and asked are set. Sets the data's design effect.
 */
enum status report_context_init(struct report_context *context,
                                struct report_work *work) STATUS_MUST_USE;

/* True if faults come by a bit error rate: runs without any are not drawn. */
bool report_context_is_ber(const struct report_context *context);

/* True if trials have several faults: all of one stratum and item, but each with its own
 * coordinates, of which a row holds the first's. */
bool report_context_is_several(const struct report_context *context);

/* True if all faults of a trial agree in the dimension: there is one fault, or it splits strata. */
bool report_context_agrees(const struct report_context *context, enum plan_dimension dimension);

/* A sentence for captions of such pictures of trials with several faults, else "". */
const char *report_context_note(const struct report_context *context);

/* What a look spends, for tables of a campaign that was or may be extended, else "". From the
 * arena; null: no memory. */
const char *report_context_look(const struct report_context *context);

/* Why a picture of a dimension in which they disagree is not drawn. */
#define REPORT_SEVERAL                                                                             \
    "trials have several faults, which differ in it; rows hold the coordinates of the first alone"

/* True if no trial is an event of `main`: pictures of its place or time would say nothing. */
bool report_context_is_quiet(const struct report_context *context);
#define REPORT_QUIET "no trial shows the event, so there is nothing to tell apart"

/* Why a picture is not drawn of which the plan asks nothing: nobody is told. */
#define REPORT_UNASKED ""

/* If strata have no weights. */
#define REPORT_NO_TOTAL "each needs a total over strata, which population equal does not have"

struct report_figure {
    const char *id, *title, *caption;
    const char *absent; /* null: drawn */
    uint32_t width, height;
    struct report_table table;
    struct text script, svg; /* owned */
};

/* Colours, as hex for gnuplot; report_plot.c makes them variables of the page. */
#define REPORT_INK "#000000"
#define REPORT_GREY "#6b7280"
#define REPORT_GRID "#d0d0d1"
#define REPORT_A "#0072b2" /* blue       */
#define REPORT_B "#d55e00" /* vermillion */
#define REPORT_C "#009e73" /* green      */
#define REPORT_D "#a0528b" /* purple     */
#define REPORT_SHADE_1 "#e6edf6"
#define REPORT_SHADE_2 "#f7eddf"
#define REPORT_SHADE_3 "#e9f4ec"
#define REPORT_ON_DARK "#fffffe"
#define REPORT_HEAT 6
extern const char *const report_heat[REPORT_HEAT]; /* from low to high */

typedef enum status report_draw(struct report_figure *out, struct report_context *context);

/* The two-sided level of all rates here. */
struct stats_interval_level report_figure_level(const struct report_context *context);

/* Pixels, for letters of 14: readable on half a page and on a telephone. */
#define REPORT_WIDTH 560

/* Terminal, borders, tics, no key. */
void report_figure_begin(struct report_figure *figure, uint32_t width, uint32_t height);

/* The key in a strip above the plot, out of reach of the data. */
void report_figure_key_above(struct report_figure *figure);

/* The axis of a share in per cent up to `most`, its peak inside; if `least` is above 0 the axis
 * starts there, with a mark that it is cut. */
void report_figure_share_axis(struct report_figure *figure, double least, double most);

/* Opens and closes a block of inline data "$name". */
void report_figure_data(struct report_figure *figure, const char *name);
void report_figure_end_data(struct report_figure *figure);

/* A number of inline data; NaN as "NaN", which gnuplot skips. */
void report_figure_number(struct report_figure *figure, double value);

/* A text in double quotes for gnuplot. */
void report_figure_quoted(struct report_figure *figure, const char *text);

/* Puts rate, bounds and their basis into the columns of REPORT_RATE_COLUMNS(<prefix>, ...). */
void report_figure_interval(struct report_table *table, uint32_t row, const char *prefix,
                            const struct report_interval *of);
void report_figure_rate(struct report_table *table, uint32_t row, const char *prefix,
                        const struct report_rate *rate);

/* Of REPORT_MEAN_COLUMNS(<prefix>, ...). */
void report_figure_mean(struct report_table *table, uint32_t row, const char *prefix, double mean,
                        struct stats_interval bounds);

/* \includegraphics with its caption, over both columns of a two-column article: letters would be of
 * 4.6 pt in one of these, are of 8.4 in 420 pt, and of 6.9 in a one-column article. */
bool report_figure_prints(const struct report_figure *figure); /* on a page, its letters 6 pt */
void report_figure_latex(struct text *out, const struct report_figure *figure);

/* Rate of `events` among the trials of a group. */
void report_figure_group(struct report_rate *out, struct report_context *context,
                         const struct report_groups *groups, uint32_t group,
                         struct report_query query);

#endif
