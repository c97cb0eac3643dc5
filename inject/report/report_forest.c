/* SPDX-License-Identifier: MIT */
/* Rows of labels and n, two series of points with error bars. */
#include "inject/report/report_forest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inject/report/report_label.h"

/* Pixels of a row; few rows are set wider. */
#define FOREST_ROW 19
#define FOREST_WIDE_ROW 26
#define FOREST_FEW 20

/* Pixels that the names of rows may take: half of the picture is left to the rates. Names are set
 * smaller where they need more, and then in lines. */
#define FOREST_NAMES (REPORT_WIDTH / 2 - 24)
#define FOREST_LEAST 56
#define FOREST_GAP 14 /* between a name and its row */
#define FOREST_LETTER 14
#define FOREST_SMALL 12
#define FOREST_LINE 16

/* How the names of all rows are set. */
struct names {
    double width;  /* pixels of the widest line */
    uint32_t size; /* of letters               */
    uint32_t lines;
};

/* "layer=3 bit_field=sign" as "layer 3, sign": a number needs its dimension, a word does not. */
static void put_short(struct report_out *out, const char *label)
{
    out->text.size = 0;
    for (const char *at = label; *at;) {
        const size_t word = strcspn(at, " "), name = strcspn(at, "= ");
        const bool value = name < word;
        const bool numeric = value && strchr("0123456789", at[name + 1]);
        report_out_put(out, at == label ? "" : ", ");
        if (numeric) {
            report_out_put_n(out, at, name);
            report_out_put(out, " ");
        }
        report_out_put_n(out, value ? at + name + 1 : at, value ? word - name - 1 : word);
        at += word;
        at += strspn(at, " ");
    }
    report_out_put_n(out, "", 1); /* its end: the text before may have been longer */
}

/* n at the right, and a hatched band behind a row with few trials. */
static void write_row(struct report_figure *out, const struct report_forest *forest, uint32_t row,
                      uint32_t y)
{
    char n[REPORT_FORMAT_TEXT];
    report_table_format(n, report_table_number(&out->table, row, forest->n), REPORT_COUNT);
    report_out_printf(&out->script, "set label %u \"%s\" at graph 1.04,first %u left\n", y + 10, n,
                      y);
    if (out->table.faint[row])
        report_out_printf(&out->script,
                          "set object %u rectangle from graph 0,first %u.55 to graph 1,first %u.45 "
                          "behind fillstyle pattern 5 noborder fillcolor rgb \"" REPORT_GRID "\"\n",
                          y, y - 1, y);
}

static void write_rates(struct report_figure *out, const struct report_forest *forest)
{
    static const char *const suffixes[] = {"", "_low", "_high"};
    report_figure_data(out, "rows");
    for (uint32_t i = 0; i < forest->count; i++) {
        const uint32_t row = forest->row[i];
        report_out_printf(&out->script, "%u ", forest->count - i);
        for (int s = 0; s < 2; s++) {
            const double n = report_table_number(&out->table, row, forest->series[s].trials);
            for (size_t c = 0; c < sizeof suffixes / sizeof *suffixes; c++) {
                char name[64];
                snprintf(name, sizeof name, "%s%s", forest->series[s].prefix, suffixes[c]);
                report_figure_number(out, n > 0 ? 100 * report_table_number(&out->table, row, name)
                                                : NAN);
            }
        }
        report_out_put(&out->script, "\n");
    }
    report_figure_end_data(out);
}

static const char *name_of(struct report_out *room, struct report_figure *figure,
                           const struct report_forest *forest, uint32_t i)
{
    put_short(room, report_table_at(&figure->table, forest->row[i], "stratum")->text);
    return report_out_text(room);
}

static struct names fit_names(struct report_figure *figure, const struct report_forest *forest)
{
    struct report_out name = {0}, drawn = {0};
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
    report_out_finish(&name);
    report_out_finish(&drawn);
    return out;
}

static void write_names(struct report_figure *out, const struct report_forest *forest,
                        const struct names *names)
{
    struct report_out name = {0};
    report_out_printf(&out->script, "set ytics scale 0 font \",%u\" (", names->size);
    for (uint32_t i = 0; i < forest->count; i++) {
        report_out_put(&out->script, i ? ", " : "");
        report_label_put(&out->script, name_of(&name, out, forest, i), FOREST_NAMES, names->size);
        report_out_printf(&out->script, "%u", forest->count - i);
    }
    report_out_put(&out->script, ")\n");
    if (name.status)
        out->script.status = name.status;
    report_out_finish(&name);
}

/* The key in the strip above the rows: the first series at the middle, the second behind it. */
static void write_key(struct report_figure *out, const struct report_forest *forest)
{
    static const double place[] = {0.45, 0.62};
    for (int s = 0; s < 2; s++) {
        const struct report_forest_series *series = &forest->series[s];
        report_out_printf(&out->script,
                          "set label %d \"%s\" at screen %.2f,%.4f left offset 1,0 point pointtype "
                          "%u pointsize %g linecolor rgb \"%s\"\n",
                          s + 2, series->label, place[s], 1 - 14. / out->height, series->point,
                          series->size, series->colour);
    }
}

void report_forest_write(struct report_figure *out, const struct report_forest *forest)
{
    struct report_out *script = &out->script;
    const uint32_t count = forest->count;
    const struct names names = fit_names(out, forest);
    const uint32_t plain = count > FOREST_FEW ? FOREST_ROW : FOREST_WIDE_ROW;
    const uint32_t lines = names.lines * FOREST_LINE + (names.lines > 1 ? 10 : 0);
    report_figure_begin(out, REPORT_WIDTH, 120 + (lines > plain ? lines : plain) * count);
    write_rates(out, forest);
    for (uint32_t i = 0; i < count; i++)
        write_row(out, forest, forest->row[i], count - i);
    write_names(out, forest, &names);
    report_out_printf(
        script,
        "set lmargin at screen %.4f\nset rmargin 8\nset tmargin 3.4\nset yrange [0.4:%u.6]\n"
        "set xrange [0:*<100]\nset grid xtics noytics\n"
        "set label 1 \"n\" at graph 1.04,first %u left\n",
        (names.width + FOREST_GAP) / REPORT_WIDTH, count, count + 1);
    write_key(out, forest);
    report_out_printf(script, "set xlabel \"%s, %%\"\nplot ", forest->title);
    for (int s = 0; s < 2; s++) {
        const struct report_forest_series *series = &forest->series[s];
        report_out_printf(
            script,
            "%s$rows using %d:($1%s0.17):%d:%d with xerrorbars pointtype %u pointsize "
            "%g linewidth %g linecolor rgb \"%s\"%s",
            s ? " " : "", 3 * s + 2, s ? "-" : "+", 3 * s + 3, 3 * s + 4, series->point,
            series->size, series->line, series->colour, s ? "\n" : ", \\\n");
    }
}
