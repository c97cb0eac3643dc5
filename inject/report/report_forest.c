/* SPDX-License-Identifier: MIT */
/* Rows of labels and n, two series of points with error bars. */
#include "inject/report/report_forest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inject/report/report_label.h"

/* Pixels of a row; a few rows are set wider. The key and the head of n are above the rows, the axis
 * below. */
#define FOREST_ROW 23
#define FOREST_WIDE_ROW 30
#define FOREST_FEW 20
#define FOREST_ABOVE 52
#define FOREST_BELOW 72

/* Pixels for the names of rows: half of the picture is for the rates. Longer names are set smaller,
 * then broken into lines. */
#define FOREST_NAMES (REPORT_WIDTH / 2 - 24)
#define FOREST_LEAST 56
#define FOREST_GAP 14 /* between a name and its row */
#define FOREST_LETTER 14
#define FOREST_SMALL 12
#define FOREST_LINE 16

/* Layout of the rows' names. */
struct names {
    double width;  /* pixels of the widest line */
    uint32_t size; /* of letters               */
    uint32_t lines;
};

/* "layer=3 bit_field=sign" as "layer 3, sign": a number needs its dimension, a word does not. */
static void put_short(struct text *out, const char *label)
{
    out->size = 0;
    for (const char *at = label; *at;) {
        const size_t word = strcspn(at, " "), name = strcspn(at, "= ");
        const bool value = name < word;
        const bool numeric = value && strchr("0123456789", at[name + 1]);
        text_put(out, at == label ? "" : ", ");
        if (numeric) {
            text_add(out, at, name);
            text_put(out, " ");
        }
        text_add(out, value ? at + name + 1 : at, value ? word - name - 1 : word);
        at += word;
        at += strspn(at, " ");
    }
    text_add(out, "", 1); /* its end: an earlier text may have been longer */
}

/* n at the right, in brackets if it is small. */
static void write_row(struct report_figure *out, const struct report_forest *forest, uint32_t row,
                      uint32_t y)
{
    char n[REPORT_FORMAT_TEXT];
    const bool few = out->table.faint[row];
    report_table_format(n, report_table_number(&out->table, row, forest->n), REPORT_COUNT);
    text_addf(&out->script,
              "set label %u \"%s%s%s\" at graph 1.04,first %u left textcolor rgb \"%s\"\n", y + 10,
              few ? "(" : "", n, few ? ")" : "", y, few ? REPORT_GREY : REPORT_INK);
}

/* True if the second series has other trials than the first. */
static bool has_second(struct report_figure *out, const struct report_forest *forest, uint32_t row)
{
    const double first = report_table_number(&out->table, row, forest->series[0].trials);
    const double second = report_table_number(&out->table, row, forest->series[1].trials);
    return second > 0 && (forest->always || second != first);
}

static bool has_any_second(struct report_figure *out, const struct report_forest *forest)
{
    bool any = false;
    for (uint32_t i = 0; i < forest->count; i++)
        any = any || has_second(out, forest, forest->row[i]);
    return any;
}

/* Place, then for each series rate, ends and place; then 1 if trials are few. */
static double write_rates(struct report_figure *out, const struct report_forest *forest)
{
    static const char *const suffixes[] = {"", "_low", "_high"};
    double most = 0;
    report_figure_data(out, "rows");
    for (uint32_t i = 0; i < forest->count; i++) {
        const uint32_t row = forest->row[i], y = forest->count - i;
        const bool both = has_second(out, forest, row);
        for (int s = 0; s < 2; s++) {
            const double n = report_table_number(&out->table, row, forest->series[s].trials);
            const bool shown = n > 0 && (s == 0 || both);
            for (size_t c = 0; c < sizeof(suffixes) / sizeof(*suffixes); c++) {
                char name[64];
                snprintf(name, sizeof(name), "%s%s", forest->series[s].prefix, suffixes[c]);
                const double share = 100 * report_table_number(&out->table, row, name);
                report_figure_number(out, shown ? share : NAN);
                most = shown && share > most ? share : most;
            }
            text_addf(&out->script, "%.2f ", y + (both ? s ? -0.2 : 0.2 : 0));
        }
        text_addf(&out->script, "%d\n", out->table.faint[row]);
    }
    report_figure_end_data(out);
    return most;
}

static const char *name_of(struct text *room, struct report_figure *figure,
                           const struct report_forest *forest, uint32_t i)
{
    put_short(room, report_table_at(&figure->table, forest->row[i], "stratum")->text);
    return text_of(room);
}

static struct names fit_names(struct report_figure *figure, const struct report_forest *forest)
{
    struct text name = {0}, drawn = {0};
    struct names out = {FOREST_LEAST, FOREST_LETTER, 1};
    double longest = 0;
    for (uint32_t i = 0; i < forest->count; i++) {
        const char *text = name_of(&name, figure, forest, i);
        longest = fmax(longest, report_label_width(text, strlen(text), FOREST_LETTER));
    }
    if (longest > FOREST_NAMES)
        out.size = FOREST_SMALL;
    for (uint32_t i = 0; i < forest->count; i++) {
        const struct report_label label =
            report_label_put(&drawn, name_of(&name, figure, forest, i), FOREST_NAMES, out.size);
        out.lines = label.lines > out.lines ? label.lines : out.lines;
        out.width = fmax(out.width, label.width);
    }
    text_finish(&name);
    text_finish(&drawn);
    return out;
}

static void write_names(struct report_figure *out, const struct report_forest *forest,
                        const struct names *names)
{
    struct text name = {0};
    text_addf(&out->script, "set ytics scale 0 font \",%u\" (", names->size);
    for (uint32_t i = 0; i < forest->count; i++) {
        text_put(&out->script, i ? ", " : "");
        report_label_put(&out->script, name_of(&name, out, forest, i), FOREST_NAMES, names->size);
        text_addf(&out->script, "%u", forest->count - i);
    }
    text_put(&out->script, ")\n");
    if (name.st)
        out->script.st = name.st;
    text_finish(&name);
}

/* The key in the strip above the rows: the first series at the middle, the second after it. */
static void write_key(struct report_figure *out, const struct report_forest *forest, int series)
{
    static const double place[] = {0.45, 0.62};
    for (int s = 0; s < series; s++) {
        const struct report_forest_series *own = &forest->series[s];
        text_addf(&out->script,
                  "set label %d \"%s\" at screen %.2f,%.4f left offset 1,0 point pointtype "
                  "%u pointsize %g linecolor rgb \"%s\"\n",
                  s + 2, own->label, place[s], 1 - 14. / out->height, own->point, own->size,
                  own->colour);
    }
}

/* Rows of few trials are grey, thin and open. */
static void plot_series(struct report_figure *out, const struct report_forest_series *series, int s)
{
    const int at = 4 * s + 1;
    text_addf(&out->script,
              "%s$rows using ($9==0?$%d:NaN):%d:%d:%d with xerrorbars pointtype %u "
              "pointsize %g linewidth %g linecolor rgb \"%s\", \\\n"
              " '' using ($9==1?$%d:NaN):%d:%d:%d with xerrorbars pointtype %d pointsize "
              "%g linewidth 0.7 linecolor rgb \"" REPORT_GREY "\"",
              s ? ", \\\n " : "plot ", at, at + 3, at + 1, at + 2, series->point, series->size,
              series->line, series->colour, at, at + 3, at + 1, at + 2, s ? 12 : 6, series->size);
}

void report_forest_write(struct report_figure *out, const struct report_forest *forest)
{
    struct text *script = &out->script;
    const uint32_t count = forest->count;
    const struct names names = fit_names(out, forest);
    const uint32_t plain = count > FOREST_FEW ? FOREST_ROW : FOREST_WIDE_ROW;
    const uint32_t lines = names.lines * FOREST_LINE + (names.lines > 1 ? 10 : 0);
    const uint32_t rows = (lines > plain ? lines : plain) * count;
    const int series = has_any_second(out, forest) ? 2 : 1;
    report_figure_begin(out, REPORT_WIDTH, FOREST_ABOVE + rows + FOREST_BELOW);
    const double most = write_rates(out, forest);
    for (uint32_t i = 0; i < count; i++)
        write_row(out, forest, forest->row[i], count - i);
    write_names(out, forest, &names);
    text_addf(script,
              "set lmargin at screen %.4f\nset rmargin 8\nset tmargin at screen %.4f\n"
              "set bmargin at screen %.4f\nset yrange [0.5:%u.5]\nset xrange [0:%.4g]\n"
              "set grid xtics noytics\nset label 1 \"n\" at graph 1.04,graph 1 left offset 0,0.9\n",
              (names.width + FOREST_GAP) / REPORT_WIDTH, 1 - (double)FOREST_ABOVE / out->height,
              (double)FOREST_BELOW / out->height, count, most > 0 ? fmin(1.05 * most, 102) : 1);
    write_key(out, forest, series);
    text_addf(script, "set xlabel \"%s, %%\"\n", forest->title);
    for (int s = 0; s < series; s++)
        plot_series(out, &forest->series[s], s);
    text_put(script, "\n");
}
