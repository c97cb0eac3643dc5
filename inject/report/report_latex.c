/* SPDX-License-Identifier: MIT */
/* Tables for an article: columns that fit its text, else in parts. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "inject/report/report_figure.h"
#include "inject/report/report_label.h"
#include "inject/report/report_out.h"
#include "inject/report/report_table.h"

/* Points: the text width of a 10 pt article, less the error of the estimates below. */
#define LATEX_TEXT 335.
#define LATEX_COLUMN 220. /* of one of two columns, likewise */
#define LATEX_GAP 8.      /* between two columns */
#define LATEX_LETTER 8.   /* \footnotesize */
#define LATEX_SMALL 7.    /* \scriptsize: the line below an interval */
#define LATEX_NAME 108.   /* of a column of texts before its lines are broken */
#define LATEX_HEAD 14     /* letters of a heading's line */
#define LATEX_UNBROKEN 9  /* letters without a place to break at */
#define LATEX_PAGE 38.    /* lines of \footnotesize that leave room for the caption */
#define LATEX_COLUMNS 64
#define LATEX_TALL 870 /* pixels: at 0.85 of 550 pt letters of 11.2 are 6 pt */

struct layout {
    uint32_t column[LATEX_COLUMNS]; /* printed ones */
    double width[LATEX_COLUMNS];
    uint32_t count;
};

/* Computer Modern is narrower than the letters that labels are measured by. */
static double width_of(const char *text, size_t n, double size)
{
    return 0.92 * report_label_width(text, n, size);
}

/* LaTeX's default encoding lacks some signs of numbers. */
static void put_number(struct text *out, const char *text)
{
    static const struct {
        const char *text, *tex;
    } signs[] = {{"\xe2\x80\xaf", "\\,"},
                 {"\xe2\x80\x93", "--"},
                 {"\xe2\x88\x9e", "$\\infty$"},
                 {"-", "$-$"},
                 {"+", "$+$"},
                 {"<", "$<$"}};
    while (*text) {
        size_t s = 0, n = 1;
        while (s < sizeof(signs) / sizeof(*signs) &&
               strncmp(text, signs[s].text, strlen(signs[s].text)) != 0)
            s++;
        if (s < sizeof(signs) / sizeof(*signs)) {
            n = strlen(signs[s].text);
            text_put(out, signs[s].tex);
        } else {
            text_add(out, text, 1);
        }
        text += n;
    }
}

/* A text with places to break at: after punctuation, and in long words without any. */
static void put_text(struct text *out, const char *text)
{
    uint32_t unbroken = 0;
    while (*text) {
        char letter[8] = {0};
        size_t n = 1;
        while (((unsigned char)text[n] & 0xc0) == 0x80 && n < 4)
            n++;
        memcpy(letter, text, n);
        report_out_latex(out, letter);
        unbroken = *text == ' ' ? 0 : unbroken + 1;
        text += n;
        const bool sign = strchr("._/=-,:+", letter[0]) && !isdigit((unsigned char)*text);
        if (*text && *text != ' ' && (sign || unbroken >= LATEX_UNBROKEN)) {
            text_put(out, "\\allowbreak{}");
            unbroken = 0;
        }
    }
}

/* Bytes of the first line of a heading: whole words up to LATEX_HEAD letters, at least one word. */
static size_t heading_line(const char *text)
{
    size_t fits = strcspn(text, " ");
    while (text[fits]) {
        const size_t next = fits + 1 + strcspn(text + fits + 1, " ");
        if (next > LATEX_HEAD)
            break;
        fits = next;
    }
    return fits;
}

static double heading_width(const char *text)
{
    double most = 0;
    while (*text) {
        const size_t n = heading_line(text);
        most = fmax(most, width_of(text, n, LATEX_LETTER));
        text += n + (text[n] == ' ');
    }
    return most;
}

static void put_heading(struct text *out, const struct report_column *column)
{
    const char *text = column->label;
    char line[REPORT_CELL_TEXT];
    text_addf(out, "\\shortstack[%s]{", column->format == REPORT_TEXT ? "l" : "r");
    for (bool first = true; *text; first = false) {
        size_t n = heading_line(text);
        n = n < sizeof(line) ? n : sizeof(line) - 1;
        memcpy(line, text, n);
        line[n] = '\0';
        text_put(out, first ? "" : "\\\\");
        report_out_latex(out, line);
        text += n + (text[n] == ' ');
    }
    text_put(out, "}");
}

static double cell_width(const struct report_column *column, const struct report_cell *cell)
{
    char text[REPORT_CELL_TEXT];
    if (column->format == REPORT_TEXT || cell->text)
        return cell->text ? width_of(cell->text, strlen(cell->text), LATEX_LETTER) : 0;
    report_table_number_text(text, column, cell);
    const double number = width_of(text, strlen(text), LATEX_LETTER);
    report_table_basis(text, column, cell);
    return fmax(number, width_of(text, strlen(text), LATEX_SMALL));
}

static void measure(struct layout *out, const struct report_table *table)
{
    out->count = 0;
    for (uint32_t c = 0; c < table->n_columns && out->count < LATEX_COLUMNS; c++) {
        if (!report_table_prints(table, c))
            continue;
        double most = heading_width(table->column[c].label);
        for (uint32_t r = 0; r < table->n_rows; r++) {
            const double own =
                cell_width(&table->column[c], &table->cell[(size_t)r * table->n_columns + c]);
            most = fmax(most, fmin(own, LATEX_NAME));
        }
        out->column[out->count] = c;
        out->width[out->count++] = most + LATEX_GAP;
    }
}

/* End of the part from column `from` of the layout on, which also has the first column. */
static uint32_t end_of_part(const struct layout *layout, uint32_t from)
{
    double sum = from > 0 ? layout->width[0] : 0;
    uint32_t end = from;
    while (end < layout->count && (end == from || sum + layout->width[end] <= LATEX_TEXT)) {
        sum += layout->width[end];
        end++;
    }
    return end;
}

static void put_cell(struct text *out, const struct report_column *column,
                     const struct report_cell *cell)
{
    char text[REPORT_CELL_TEXT], basis[REPORT_CELL_TEXT];
    if (column->format == REPORT_TEXT || cell->text) {
        put_text(out, cell->text ? cell->text : "");
        return;
    }
    report_table_number_text(text, column, cell);
    report_table_basis(basis, column, cell);
    if (!basis[0]) {
        put_number(out, text);
        return;
    }
    text_put(out, "\\begin{tabular}[t]{@{}r@{}}");
    put_number(out, text);
    text_put(out, "\\\\[-2pt]\\scriptsize ");
    put_number(out, basis);
    text_put(out, "\\end{tabular}");
}

/* The columns of a part, starting with the table's first. */
struct part {
    const struct report_table *table;
    const struct layout *layout;
    uint32_t from, end;
};

static bool is_in(const struct part *part, uint32_t i)
{
    return i == 0 || (i >= part->from && i < part->end);
}

static void put_row(struct text *out, const struct part *part, uint32_t row, bool heading)
{
    const struct report_table *table = part->table;
    bool first = true;
    for (uint32_t i = 0; i < part->end; i++) {
        const uint32_t c = part->layout->column[i];
        if (!is_in(part, i))
            continue;
        text_put(out, first ? "" : " & ");
        first = false;
        if (heading)
            put_heading(out, &table->column[c]);
        else
            put_cell(out, &table->column[c], &table->cell[(size_t)row * table->n_columns + c]);
    }
    text_put(out, " \\\\\n");
}

static void put_columns(struct text *out, const struct part *part)
{
    text_put(out, "{@{}");
    for (uint32_t i = 0; i < part->end; i++) {
        if (!is_in(part, i))
            continue;
        if (part->table->column[part->layout->column[i]].format == REPORT_TEXT)
            text_addf(out, ">{\\raggedright\\arraybackslash}p{%.1fpt}",
                      part->layout->width[i] - LATEX_GAP + 2);
        else
            text_put(out, "r");
    }
    text_put(out, "@{}}\n");
}

static void put_caption(struct text *out, const struct report_table *table)
{
    text_put(out, "\\caption{");
    report_out_latex(out, table->caption);
    report_out_latex(out, report_table_note(table));
    text_addf(out, "}\\label{tab:%s}", table->id);
}

static void put_rows(struct text *out, const struct part *part)
{
    for (uint32_t r = 0; r < part->table->n_rows; r++)
        put_row(out, part, r, false);
}

/* A part as a longtable, the first with the caption. */
static void put_long(struct text *out, const struct part *part)
{
    if (part->from > 0)
        text_put(out, "\\addtocounter{table}{-1}\n"); /* the same table goes on */
    text_put(out, "\\begin{longtable}");
    put_columns(out, part);
    if (part->from == 0) {
        put_caption(out, part->table);
        text_put(out, "\\\\\n");
    }
    text_put(out, "\\toprule\n");
    put_row(out, part, 0, true);
    text_put(out, "\\midrule\n\\endfirsthead\n\\toprule\n");
    put_row(out, part, 0, true);
    text_put(out, "\\midrule\n\\endhead\n\\bottomrule\n\\endfoot\n");
    put_rows(out, part);
    text_put(out, "\\end{longtable}\n");
}

static void put_short(struct text *out, const struct part *part)
{
    text_put(out, "\\par\\smallskip\n\\begin{tabular}");
    put_columns(out, part);
    text_put(out, "\\toprule\n");
    put_row(out, part, 0, true);
    text_put(out, "\\midrule\n");
    put_rows(out, part);
    text_put(out, "\\bottomrule\n\\end{tabular}\n");
}

/* Lines of a row: an interval has two, a text as many as it is broken into. */
static double row_lines(const struct layout *layout, const struct report_table *table, uint32_t row)
{
    double most = 1;
    for (uint32_t i = 0; i < layout->count; i++) {
        const uint32_t c = layout->column[i];
        const struct report_cell *cell = &table->cell[(size_t)row * table->n_columns + c];
        const bool text = table->column[c].format == REPORT_TEXT;
        most = fmax(most, text ? ceil(1.15 * cell_width(&table->column[c], cell) /
                                      (layout->width[i] - LATEX_GAP + 2))
                          : table->column[c].bounds >= REPORT_RATED ? 1.9
                                                                    : 1);
    }
    return most;
}

/* Lines of all parts, each with its heading. */
static double all_lines(const struct layout *layout, const struct report_table *table)
{
    double rows = 0, parts = 0;
    for (uint32_t r = 0; r < table->n_rows; r++)
        rows += row_lines(layout, table, r);
    for (uint32_t from = 0; from < layout->count; from = end_of_part(layout, from))
        parts++;
    return parts * (rows + 4);
}

/* The environment of a float: a star spans both columns of a two-column article, and changes
 * nothing in one column. */
static const char *float_of(const struct layout *layout)
{
    double widest = 0;
    for (uint32_t from = 0; from < layout->count;) {
        double sum = from > 0 ? layout->width[0] : 0;
        const uint32_t end = end_of_part(layout, from);
        while (from < end)
            sum += layout->width[from++];
        widest = fmax(widest, sum);
    }
    return widest > LATEX_COLUMN ? "table*" : "table";
}

/* A longtable needs one column: a two-column article switches to one there. */
static const char LATEX_ONE_COLUMN[] =
    "\\begingroup\\footnotesize\\setlength{\\tabcolsep}{4pt}\n"
    "\\let\\columnsback\\relax\n\\makeatletter\n"
    "\\if@twocolumn\\onecolumn\\def\\columnsback{\\twocolumn}\\fi\n\\makeatother\n";

bool report_figure_prints(const struct report_figure *figure)
{
    return figure->height <= LATEX_TALL;
}

void report_figure_latex(struct text *out, const struct report_figure *figure)
{
    const char *id = figure->id;
    text_addf(out,
              "%% needs \\usepackage{graphicx}; %s.pdf is made by: gnuplot -e pdf=1 %s.gp > "
              "%s.pdf\n\\begin{figure*}\n\\centering\n\\includegraphics[width=\\ifdim"
              "\\textwidth>420pt 420pt\\else\\textwidth\\fi,height=0.85\\textheight,"
              "keepaspectratio]{%s}\n\\caption[",
              id, id, id, id);
    report_out_latex(out, figure->title);
    text_put(out, "]{");
    report_out_latex(out, figure->caption);
    text_addf(out, "}\\label{fig:%s}\n\\end{figure*}\n", id);
}

void report_table_latex(struct text *out, const struct report_table *table)
{
    struct layout layout;
    measure(&layout, table);
    const bool longer = all_lines(&layout, table) > LATEX_PAGE;
    text_addf(out, "%% needs \\usepackage{array,booktabs%s}\n", longer ? ",longtable" : "");
    if (longer) {
        text_put(out, LATEX_ONE_COLUMN);
    } else {
        text_addf(out, "\\begin{%s}\n\\centering\n", float_of(&layout));
        put_caption(out, table);
        text_put(out, "\n\\footnotesize\\setlength{\\tabcolsep}{4pt}\n");
    }
    for (uint32_t from = 0; from < layout.count;) {
        const struct part part = {table, &layout, from, end_of_part(&layout, from)};
        if (longer)
            put_long(out, &part);
        else
            put_short(out, &part);
        from = part.end;
    }
    if (longer)
        text_put(out, "\\columnsback\n\\endgroup\n");
    else
        text_addf(out, "\\end{%s}\n", float_of(&layout));
}
