/* SPDX-License-Identifier: MIT */
/* A table of texts and numbers, written as HTML, CSV and LaTeX. */
#ifndef VKFI_INJECT_REPORT_TABLE_H
#define VKFI_INJECT_REPORT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/text.h"

/* A column's form in print, which omits columns without any number; CSV has all digits and all
 * columns. */
enum report_format {
    REPORT_TEXT,
    REPORT_COUNT,   /* integer, thousands apart */
    REPORT_PERCENT, /* a share in [0, 1], as per cent       */
    REPORT_NUMBER,  /* four significant digits              */
    REPORT_P,       /* a p-value: two digits, or "< 0.0001" */
};

/* The interval columns that follow a rate. */
enum report_bounds {
    REPORT_ALONE,  /* nothing                                                              */
    REPORT_BOUNDS, /* two: its ends, shown as "3.2 [2.8, 3.7]"                             */
    REPORT_RATED,  /* five: the ends, and n, method and shift of stats_cluster_interval, shown
                      below: with the rate they give the ends */
    REPORT_SHARED, /* six: the same and the share that multiplies all */
};

struct report_column {
    const char *name;  /* CSV: "sdc_low"              */
    const char *label; /* heading: "SDC"; null: only in CSV (or shown by its neighbour) */
    enum report_format format;
    enum report_bounds bounds;
};

/* A rate with its whole interval, and one of all runs; only the first column is printed. */
#define REPORT_RATE_COLUMNS(name, label) REPORT_OWN_COLUMNS(name, label, REPORT_RATED)
#define REPORT_RUNS_COLUMNS(name, label)                                                           \
    REPORT_OWN_COLUMNS(name, label, REPORT_SHARED),                                                \
    {                                                                                              \
        name "_share", NULL, REPORT_NUMBER, REPORT_ALONE                                           \
    }
#define REPORT_OWN_COLUMNS(name, label, bounds)                                                    \
    {name, label, REPORT_PERCENT, bounds}, {name "_low", NULL, REPORT_PERCENT, REPORT_ALONE},      \
        {name "_high", NULL, REPORT_PERCENT, REPORT_ALONE},                                        \
        {name "_n", NULL, REPORT_NUMBER, REPORT_ALONE},                                            \
        {name "_method", NULL, REPORT_TEXT, REPORT_ALONE},                                         \
    {                                                                                              \
        name "_shift", NULL, REPORT_NUMBER, REPORT_ALONE                                           \
    }
/* A mean with the ends of its interval alone. */
#define REPORT_MEAN_COLUMNS(name, label, format)                                                   \
    {name, label, format, REPORT_BOUNDS}, {name "_low", NULL, format, REPORT_ALONE},               \
    {                                                                                              \
        name "_high", NULL, format, REPORT_ALONE                                                   \
    }
#define REPORT_RATE_WIDTH 6 /* columns of REPORT_RATE_COLUMNS; of runs one more */

struct report_cell {
    const char *text; /* REPORT_TEXT; of a number: shown instead of it, or null */
    double number;    /* NaN: not known, shown as a dash                        */
};

struct report_table {
    const char *id;      /* file stem: "strata"       */
    const char *caption; /* one sentence              */
    const struct report_column *column;
    uint32_t n_columns;
    struct report_cell *cell; /* (n_rows, n_columns) */
    bool *faint;              /* (n_rows): n < 30, marked; null: none */
    uint32_t n_rows;
};

/* All cells are unknown, texts "". */
enum status report_table_init(struct report_table *out, struct arena *arena, uint32_t n_rows,
                              const struct report_column *column,
                              uint32_t n_columns) STATUS_MUST_USE;

/* The cell of a row by the column's name, which the table must have. */
struct report_cell *report_table_at(struct report_table *table, uint32_t row, const char *column);
double report_table_number(struct report_table *table, uint32_t row, const char *column);
void report_table_set(struct report_table *table, uint32_t row, const char *column, double number);
void report_table_text(struct report_table *table, uint32_t row, const char *column,
                       const char *text);

void report_table_html(struct text *out, const struct report_table *table);
void report_table_csv(struct text *out, const struct report_table *table);

/* For an article with array, booktabs, longtable: nothing wider than a text of 345 pt; columns that
 * do not fit go into parts below each other, each starting with the first column. In two columns a
 * table takes one or both; tables of more than a page are longtables, for which the article goes to
 * one column and back. */
void report_table_latex(struct text *out, const struct report_table *table);

/* In print a column is there if it has a heading, and a text or a number in some row. */
bool report_table_prints(const struct report_table *table, uint32_t column);

/* A number's cell, with any bounds: "5.4 [4.1, 7.0]"; then their basis, for a line below: "n 412.3,
 * exact", or "". */
#define REPORT_CELL_TEXT 160
void report_table_number_text(char out[REPORT_CELL_TEXT], const struct report_column *column,
                              const struct report_cell *cell);
void report_table_basis(char out[REPORT_CELL_TEXT], const struct report_column *column,
                        const struct report_cell *cell);

/* A sentence after the caption of tables with such lines, else "". */
const char *report_table_note(const struct report_table *table);

/* A number in print. */
#define REPORT_FORMAT_TEXT 48
void report_table_format(char out[REPORT_FORMAT_TEXT], double number, enum report_format format);

#endif
