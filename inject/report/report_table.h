/* SPDX-License-Identifier: MIT */
/* A table of texts and numbers, and how it is written as HTML, CSV and LaTeX. */
#ifndef VKFI_INJECT_REPORT_TABLE_H
#define VKFI_INJECT_REPORT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "inject/report/report_out.h"

/* How a column reads in print; CSV always has all digits, and all columns: print leaves out those
 * without any number. */
enum report_format {
    REPORT_TEXT,
    REPORT_COUNT,   /* whole number, thousands apart        */
    REPORT_PERCENT, /* a share in [0, 1], as per cent       */
    REPORT_NUMBER,  /* four significant digits              */
    REPORT_P,       /* a p-value: three digits, or "< 1e-6" */
};

struct report_column {
    const char *name;  /* CSV: "sdc_low"              */
    const char *label; /* heading: "SDC"; null: in CSV alone (or shown by its neighbour) */
    enum report_format format;
    /* The two columns behind this one are its bounds: shown as "3.2 [2.8, 3.7]". */
    bool with_bounds;
};

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
    bool *faint;              /* (n_rows): n < 30, hatched; null: none */
    uint32_t n_rows;
};

/* Cells all unknown, texts "". */
enum status report_table_init(struct report_table *out, struct arena *arena, uint32_t n_rows,
                              const struct report_column *column,
                              uint32_t n_columns) STATUS_MUST_USE;

/* The cell of a row by the column's name, which the table must have. */
struct report_cell *report_table_at(struct report_table *table, uint32_t row, const char *column);
double report_table_number(struct report_table *table, uint32_t row, const char *column);
void report_table_set(struct report_table *table, uint32_t row, const char *column, double number);
void report_table_text(struct report_table *table, uint32_t row, const char *column,
                       const char *text);

void report_table_html(struct report_out *out, const struct report_table *table);
void report_table_csv(struct report_out *out, const struct report_table *table);
void report_table_latex(struct report_out *out, const struct report_table *table);

/* A number as print shows it. */
#define REPORT_FORMAT_TEXT 48
void report_table_format(char out[REPORT_FORMAT_TEXT], double number, enum report_format format);

#endif
