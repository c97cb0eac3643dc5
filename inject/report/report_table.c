/* SPDX-License-Identifier: MIT */
/* The same cells in three notations. */
#include "inject/report/report_table.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define TABLE_TALL 40 /* rows from which a table scrolls in its box (not in print) */

enum notation { NOTATION_HTML, NOTATION_LATEX };

enum status report_table_init(struct report_table *out, struct arena *arena, uint32_t n_rows,
                              const struct report_column *column, uint32_t n_columns)
{
    const size_t cells = (size_t)n_rows * n_columns;
    out->column = column;
    out->n_columns = n_columns;
    out->n_rows = n_rows;
    out->cell = arena_array(arena, cells + 1, sizeof *out->cell);
    out->faint = arena_array(arena, (size_t)n_rows + 1, sizeof *out->faint);
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
    snprintf(plain, sizeof plain, "%.0f", number);
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
    if (isnan(number)) {
        snprintf(out, REPORT_FORMAT_TEXT, "\xe2\x80\x93");
    } else if (isinf(number)) {
        snprintf(out, REPORT_FORMAT_TEXT, number > 0 ? "\xe2\x88\x9e" : "-\xe2\x88\x9e");
    } else if (format == REPORT_COUNT && fabs(number) < 1e15) {
        format_count(out, number);
    } else if (format == REPORT_PERCENT) {
        snprintf(out, REPORT_FORMAT_TEXT, "%.*f", percent_digits(number * 100), number * 100);
    } else if (format == REPORT_P) {
        if (number < 1e-6)
            snprintf(out, REPORT_FORMAT_TEXT, "< 1e-6");
        else
            snprintf(out, REPORT_FORMAT_TEXT, "%.3g", number);
    } else {
        snprintf(out, REPORT_FORMAT_TEXT, "%.4g", number);
    }
}

static void put_escaped(struct report_out *out, const char *text, enum notation notation)
{
    if (notation == NOTATION_HTML)
        report_out_html(out, text);
    else
        report_out_latex(out, text);
}

/* LaTeX has neither the narrow space nor the infinity sign in its default encoding. */
static void put_number(struct report_out *out, const char *text, enum notation notation)
{
    if (notation == NOTATION_HTML) {
        report_out_html(out, text);
        return;
    }
    for (const char *at = text; *at; at++) {
        if (strncmp(at, "\xe2\x80\xaf", 3) == 0)
            report_out_put(out, "\\,");
        else if (strncmp(at, "\xe2\x80\x93", 3) == 0)
            report_out_put(out, "--");
        else if (strncmp(at, "\xe2\x88\x9e", 3) == 0)
            report_out_put(out, "$\\infty$");
        else if (*at == '<')
            report_out_put(out, "$<$");
        else if ((*at & 0x80) == 0)
            report_out_put_n(out, at, 1);
    }
}

static void put_cell(struct report_out *out, const struct report_column *column,
                     const struct report_cell *cell, enum notation notation)
{
    char text[REPORT_FORMAT_TEXT];
    if (column->format == REPORT_TEXT || cell->text) {
        put_escaped(out, cell->text ? cell->text : "", notation);
        return;
    }
    report_table_format(text, cell->number, column->format);
    put_number(out, text, notation);
    if (!column->with_bounds || isnan(cell->number))
        return;
    report_out_put(out, notation == NOTATION_HTML ? " <span class=\"ci\">[" : " [");
    for (int side = 1; side <= 2; side++) {
        report_table_format(text, cell[side].number, column->format);
        put_number(out, text, notation);
        report_out_put(out, side == 1 ? ", " : "]");
    }
    report_out_put(out, notation == NOTATION_HTML ? "</span>" : "");
}

/* In print a column is there if it has a heading, and a text or a number in some row. */
static bool is_printed(const struct report_table *table, uint32_t column)
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

void report_table_html(struct report_out *out, const struct report_table *table)
{
    report_out_printf(out, "<p class=\"caption\" id=\"caption-%s\">", table->id);
    report_out_html(out, table->caption);
    report_out_printf(out,
                      "</p>\n<div class=\"scroll%s\" tabindex=\"0\" role=\"region\" "
                      "aria-labelledby=\"caption-%s\"><table id=\"table-%s\">\n<thead><tr>",
                      table->n_rows > TABLE_TALL ? " tall" : "", table->id, table->id);
    for (uint32_t c = 0; c < table->n_columns; c++) {
        if (!is_printed(table, c))
            continue;
        report_out_printf(out, "<th scope=\"col\"%s>",
                          table->column[c].format == REPORT_TEXT ? "" : " class=\"n\"");
        report_out_html(out, table->column[c].label);
        report_out_put(out, "</th>");
    }
    report_out_put(out, "</tr></thead>\n<tbody>\n");
    for (uint32_t r = 0; r < table->n_rows; r++) {
        report_out_put(out, table->faint[r] ? "<tr class=\"few\">" : "<tr>");
        for (uint32_t c = 0; c < table->n_columns; c++) {
            const struct report_column *column = &table->column[c];
            if (!is_printed(table, c))
                continue;
            report_out_put(out, column->format == REPORT_TEXT ? "<td>" : "<td class=\"n\">");
            put_cell(out, column, &table->cell[(size_t)r * table->n_columns + c], NOTATION_HTML);
            report_out_put(out, "</td>");
        }
        report_out_put(out, "</tr>\n");
    }
    report_out_put(out, "</tbody></table></div>\n");
}

static void put_csv_number(struct report_out *out, double number)
{
    if (isnan(number))
        return; /* empty: what pandas reads as missing */
    if (isinf(number))
        report_out_put(out, number > 0 ? "inf" : "-inf");
    else if (number == floor(number) && fabs(number) < 1e15)
        report_out_printf(out, "%.0f", number);
    else
        report_out_printf(out, "%.17g", number);
}

void report_table_csv(struct report_out *out, const struct report_table *table)
{
    for (uint32_t c = 0; c < table->n_columns; c++) {
        report_out_put(out, c ? "," : "");
        report_out_csv(out, table->column[c].name);
    }
    report_out_put(out, "\n");
    for (uint32_t r = 0; r < table->n_rows; r++) {
        for (uint32_t c = 0; c < table->n_columns; c++) {
            const struct report_cell *cell = &table->cell[(size_t)r * table->n_columns + c];
            report_out_put(out, c ? "," : "");
            if (table->column[c].format == REPORT_TEXT)
                report_out_csv(out, cell->text ? cell->text : "");
            else
                put_csv_number(out, cell->number);
        }
        report_out_put(out, "\n");
    }
}

void report_table_latex(struct report_out *out, const struct report_table *table)
{
    report_out_printf(out, "%% needs \\usepackage{booktabs}\n\\begin{table}\n\\centering\n"
                           "\\caption{");
    report_out_latex(out, table->caption);
    report_out_printf(out, "}\n\\label{tab:%s}\n\\begin{tabular}{", table->id);
    for (uint32_t c = 0; c < table->n_columns; c++) {
        if (is_printed(table, c))
            report_out_put(out, table->column[c].format == REPORT_TEXT ? "l" : "r");
    }
    report_out_put(out, "}\n\\toprule\n");
    for (uint32_t r = 0; r <= table->n_rows; r++) {
        bool first = true;
        for (uint32_t c = 0; c < table->n_columns; c++) {
            const struct report_column *column = &table->column[c];
            if (!is_printed(table, c))
                continue;
            report_out_put(out, first ? "" : " & ");
            first = false;
            if (r == 0)
                report_out_latex(out, column->label);
            else
                put_cell(out, column, &table->cell[(size_t)(r - 1) * table->n_columns + c],
                         NOTATION_LATEX);
        }
        report_out_put(out, r == 0 ? " \\\\\n\\midrule\n" : " \\\\\n");
    }
    report_out_put(out, "\\bottomrule\n\\end{tabular}\n\\end{table}\n");
}
