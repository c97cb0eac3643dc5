/* SPDX-License-Identifier: MIT */
/* Cells in print; tables as HTML and CSV. */
#include "inject/report/report_table.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inject/report/report_interval.h"
#include "inject/report/report_out.h"

#define TABLE_LONG 40 /* bytes from which a text is broken into lines */
#define TABLE_TALL 40 /* rows from which a table scrolls in its box (not in print) */

enum status report_table_init(struct report_table *out, struct arena *arena, uint32_t n_rows,
                              const struct report_column *column, uint32_t n_columns)
{
    const size_t cells = (size_t)n_rows * n_columns;
    out->column = column;
    out->n_columns = n_columns;
    out->n_rows = n_rows;
    out->cell = arena_array(arena, cells + 1, sizeof(*out->cell));
    out->faint = arena_array(arena, (size_t)n_rows + 1, sizeof(*out->faint));
    if (!out->cell || !out->faint)
        return STATUS_MEMORY;
    for (size_t i = 0; i < cells; i++)
        out->cell[i].number = NAN;
    return STATUS_OK;
}

struct report_cell *report_table_at(struct report_table *table, uint32_t row, const char *column)
{
    for (uint32_t c = 0; c < table->n_columns; c++) {
        if (strcmp(table->column[c].name, column) == 0)
            return &table->cell[(size_t)row * table->n_columns + c];
    }
    assert(!"a column of this table");
    return NULL;
}

double report_table_number(struct report_table *table, uint32_t row, const char *column)
{
    return report_table_at(table, row, column)->number;
}

void report_table_set(struct report_table *table, uint32_t row, const char *column, double number)
{
    report_table_at(table, row, column)->number = number;
}

void report_table_text(struct report_table *table, uint32_t row, const char *column,
                       const char *text)
{
    report_table_at(table, row, column)->text = text;
}

/* Digits in groups of three by a narrow space, which print and screen readers know. */
static void format_count(char out[REPORT_FORMAT_TEXT], double number)
{
    char plain[32];
    snprintf(plain, sizeof(plain), "%.0f", number);
    const size_t n = strlen(plain), sign = plain[0] == '-';
    size_t at = 0;
    for (size_t i = 0; i < n && at + 5 < REPORT_FORMAT_TEXT; i++) {
        if (i > sign && (n - i) % 3 == 0 && n - sign > 4) {
            memcpy(out + at, "\xe2\x80\xaf", 3);
            at += 3;
        }
        out[at++] = plain[i];
    }
    out[at] = '\0';
}

static int percent_digits(double percent)
{
    const double size = fabs(percent);
    return size != 0 && size < 0.1 ? 4 : size < 1 ? 3 : size < 99.95 ? 2 : 1;
}

void report_table_format(char out[REPORT_FORMAT_TEXT], double number, enum report_format format)
{
    if (isnan(number))
        snprintf(out, REPORT_FORMAT_TEXT, "\xe2\x80\x93");
    else if (isinf(number))
        snprintf(out, REPORT_FORMAT_TEXT, number > 0 ? "\xe2\x88\x9e" : "-\xe2\x88\x9e");
    else if (format == REPORT_COUNT && fabs(number) < 1e15)
        format_count(out, number);
    else if (format == REPORT_PERCENT)
        snprintf(out, REPORT_FORMAT_TEXT, "%.*f", percent_digits(number * 100), number * 100);
    else if (format == REPORT_P)
        snprintf(out, REPORT_FORMAT_TEXT, number < 1e-4 ? "< 0.0001" : "%.2g", number);
    else
        snprintf(out, REPORT_FORMAT_TEXT, "%.4g", number);
}

/* "5.4 [4.1, 7.0]" with digits by the interval. */
static void format_bounds(char out[REPORT_CELL_TEXT], const struct report_column *column,
                          const struct report_cell *cell)
{
    const struct stats_interval bounds = {cell[1].number, cell[2].number};
    const int decimals = report_interval_decimals(bounds);
    char text[3][REPORT_INTERVAL_TEXT];
    for (int i = 0; i < 3; i++) {
        if (column->format != REPORT_PERCENT || !isfinite(cell[i].number) || decimals < 0)
            report_table_format(text[i], cell[i].number, column->format);
        else
            report_interval_percent(text[i], cell[i].number, decimals);
    }
    snprintf(out, REPORT_CELL_TEXT, "%.40s [%.40s, %.40s]", text[0], text[1], text[2]);
}

void report_table_number_text(char out[REPORT_CELL_TEXT], const struct report_column *column,
                              const struct report_cell *cell)
{
    char text[REPORT_FORMAT_TEXT];
    if (column->bounds != REPORT_ALONE && !isnan(cell->number)) {
        format_bounds(out, column, cell);
        return;
    }
    report_table_format(text, cell->number, column->format);
    snprintf(out, REPORT_CELL_TEXT, "%s", text);
}

void report_table_basis(char out[REPORT_CELL_TEXT], const struct report_column *column,
                        const struct report_cell *cell)
{
    char n[REPORT_INTERVAL_TEXT], shift[32] = "", share[32] = "";
    out[0] = '\0';
    if (column->bounds < REPORT_RATED || isnan(cell->number) || !cell[4].text)
        return;
    if (strcmp(cell[4].text, "known") == 0)
        snprintf(out, REPORT_CELL_TEXT, "all");
    if (!(cell[3].number > 0) || isinf(cell[3].number))
        return;
    report_interval_n(n, cell[3].number);
    if (cell[5].number > 0 || cell[5].number < 0)
        snprintf(shift, sizeof(shift), ", %+.3g", 100 * cell[5].number);
    if (column->bounds == REPORT_SHARED)
        snprintf(share, sizeof(share), ", times %.4g", cell[6].number);
    snprintf(out, REPORT_CELL_TEXT, "n %.20s%s%s%s", n,
             strcmp(cell[4].text, "exact") == 0 ? ", exact" : "", shift, share);
}

const char *report_table_note(const struct report_table *table)
{
    for (uint32_t c = 0; c < table->n_columns; c++) {
        if (table->column[c].bounds >= REPORT_RATED && report_table_prints(table, c))
            return " Below each interval the n that gives it: Wilson's at that n, Clopper and "
                   "Pearson's where it says exact; + or - points that skewness moved an end out.";
    }
    return "";
}

static void put_cell(struct text *out, const struct report_column *column,
                     const struct report_cell *cell)
{
    char text[REPORT_CELL_TEXT];
    if (column->format == REPORT_TEXT || cell->text) {
        report_out_html(out, cell->text ? cell->text : "");
        return;
    }
    report_table_number_text(text, column, cell);
    const char *ends = strchr(text, '[');
    const size_t n = ends ? (size_t)(ends - text) : strlen(text);
    report_out_html_n(out, text, n);
    if (ends) {
        text_put(out, "<span class=\"ci\">");
        report_out_html(out, ends);
        text_put(out, "</span>");
    }
    report_table_basis(text, column, cell);
    if (text[0])
        text_addf(out, "<span class=\"from\">%s</span>", text);
}

/* A column is printed if it has a heading, and a text or a number in some row. */
bool report_table_prints(const struct report_table *table, uint32_t column)
{
    if (!table->column[column].label)
        return false;
    bool known = table->column[column].format == REPORT_TEXT || table->n_rows == 0;
    for (uint32_t r = 0; !known && r < table->n_rows; r++) {
        const struct report_cell *cell = &table->cell[(size_t)r * table->n_columns + column];
        known = cell->text || !isnan(cell->number);
    }
    return known;
}

void report_table_html(struct text *out, const struct report_table *table)
{
    text_addf(out, "<p class=\"caption\" id=\"caption-%s\">", table->id);
    report_out_html(out, table->caption);
    text_put(out, report_table_note(table));
    text_addf(out,
              "</p>\n<div class=\"scroll%s\" tabindex=\"0\" role=\"region\" "
              "aria-labelledby=\"caption-%s\"><table id=\"table-%s\">\n<thead><tr>",
              table->n_rows > TABLE_TALL ? " tall" : "", table->id, table->id);
    for (uint32_t c = 0; c < table->n_columns; c++) {
        if (!report_table_prints(table, c))
            continue;
        text_addf(out, "<th scope=\"col\"%s>",
                  table->column[c].format == REPORT_TEXT ? "" : " class=\"n\"");
        report_out_html(out, table->column[c].label);
        text_put(out, "</th>");
    }
    text_put(out, "</tr></thead>\n<tbody>\n");
    for (uint32_t r = 0; r < table->n_rows; r++) {
        text_put(out, table->faint[r] ? "<tr class=\"few\">" : "<tr>");
        for (uint32_t c = 0; c < table->n_columns; c++) {
            const struct report_column *column = &table->column[c];
            if (!report_table_prints(table, c))
                continue;
            const struct report_cell *cell = &table->cell[(size_t)r * table->n_columns + c];
            const bool text = column->format == REPORT_TEXT;
            const bool sentence = text && cell->text && strlen(cell->text) > TABLE_LONG;
            text_put(out, sentence ? "<td class=\"long\">" : text ? "<td>" : "<td class=\"n\">");
            put_cell(out, column, cell);
            text_put(out, "</td>");
        }
        text_put(out, "</tr>\n");
    }
    text_put(out, "</tbody></table></div>\n");
}

static void put_csv_number(struct text *out, double number)
{
    if (isnan(number))
        return; /* empty: what pandas reads as missing */
    if (isinf(number))
        text_put(out, number > 0 ? "inf" : "-inf");
    else if (number == floor(number) && fabs(number) < 1e15)
        text_addf(out, "%.0f", number);
    else
        text_addf(out, "%.17g", number);
}

void report_table_csv(struct text *out, const struct report_table *table)
{
    for (uint32_t c = 0; c < table->n_columns; c++) {
        text_put(out, c ? "," : "");
        report_out_csv(out, table->column[c].name);
    }
    text_put(out, "\n");
    for (uint32_t r = 0; r < table->n_rows; r++) {
        for (uint32_t c = 0; c < table->n_columns; c++) {
            const struct report_cell *cell = &table->cell[(size_t)r * table->n_columns + c];
            text_put(out, c ? "," : "");
            if (table->column[c].format == REPORT_TEXT)
                report_out_csv(out, cell->text ? cell->text : "");
            else
                put_csv_number(out, cell->number);
        }
        text_put(out, "\n");
    }
}
