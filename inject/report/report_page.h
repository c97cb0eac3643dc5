/* SPDX-License-Identifier: MIT */
/* A whole report: all tables and pictures of a campaign, as one HTML file or as files of data. */
#ifndef VKFI_INJECT_REPORT_PAGE_H
#define VKFI_INJECT_REPORT_PAGE_H

#include "inject/report/report_arms.h"
#include "inject/report/report_corpus.h"
#include "inject/report/report_methods.h"
#include "inject/report/report_pass.h"
#include "inject/report/report_pictures.h"
#include "inject/report/report_tasks.h"

enum {
    REPORT_TABLE_OUTCOMES,
    REPORT_TABLE_HYPOTHESES,
    REPORT_TABLE_TASKS,
    REPORT_TABLE_ANSWERS,
    REPORT_TABLE_CORPORA,
    REPORT_TABLE_PASSES,
    REPORT_TABLE_PLACES,
    REPORT_TABLE_ARMS,
    REPORT_TABLE_COVERAGE,
    REPORT_TABLE_ALARMS,
    REPORT_TABLE_OWN,
    REPORT_TABLE_FLAGS,
    REPORT_TABLE_CHECKS,
    REPORT_TABLE_KEPT,
    REPORT_TABLE_DEVICES,
    REPORT_TABLE_INCIDENTS,
    REPORT_TABLE_WORST, /* with the strata */
    REPORT_TABLES
};

struct report_params {
    struct report_data *data, *other;
    struct report_data *anew; /* strata of `data` on fresh trials (report_worst_check), or null */
    const struct report_site *site; /* (n_sites), or null */
    uint32_t n_sites;
    const struct model *model; /* of struct report_context, as what follows */
    const char *model_about;
    const struct report_own *own; /* null: none */
    double confidence;
};

struct report_page {
    struct arena arena; /* owned */
    struct report_work work;
    struct report_context context, anew;
    struct report_tasks tasks;
    struct report_corpora corpora;
    struct report_passes passes;
    struct report_arms arms;
    struct report_work anew_work;
    struct report_totals totals;
    struct report_table table[REPORT_TABLES];
    struct report_figure figure[REPORT_PICTURES];
};

/* Computes all; `draw`: runs gnuplot for each picture. What params points to outlives the page. */
enum status report_page_init(struct report_page *out, const struct report_params *params,
                             bool draw) STATUS_MUST_USE;
void report_page_finish(struct report_page *page);

/* One self-contained file, the same bytes for the same database. */
enum status report_page_html(struct text *out, struct report_page *page) STATUS_MUST_USE;

/* Files of data: <figure>.csv, .tex, .gp, .svg, .figure.tex; <table>.csv, .tex; methods.txt. */
typedef enum status report_sink(void *user, const char *name, const struct text *text);
enum status report_page_export(struct report_page *page, report_sink *sink,
                               void *user) STATUS_MUST_USE;

/* A sink that writes into the folder `user`. */
enum status report_page_to_folder(void *user, const char *name,
                                  const struct text *text) STATUS_MUST_USE;

/* The page's CSS. */
void report_style_write(struct text *out);

#endif
