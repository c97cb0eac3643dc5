/* SPDX-License-Identifier: MIT */
/* Cells as rectangles in six steps of one colour, their labels, their scale. */
#include "inject/report/report_heat.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAT_KEY 22      /* pixels of the scale above the map */
#define HEAT_LABELLED 24 /* most columns with numbers in cells */

static double round_up(double most)
{
    static const double steps[] = {0.001, 0.002, 0.003, 0.006, 0.012, 0.03, 0.06,
                                   0.12,  0.18,  0.3,   0.48,  0.6,   0.9};
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        if (most <= steps[i])
            return steps[i];
    }
    return 1;
}

/* Cells with few trials have no colour and set no scale. */
static double highest(const struct report_heat_map *map)
{
    double most = 0;
    for (size_t i = 0; i < (size_t)map->n_rows * map->n_columns; i++) {
        if (map->trials[i] >= REPORT_FEW && map->value[i] > most)
            most = map->value[i];
    }
    return round_up(most);
}

static bool has_colours(const struct report_heat_map *map)
{
    bool has = map->counts;
    for (size_t i = 0; i < (size_t)map->n_rows * map->n_columns; i++)
        has = has || map->trials[i] >= REPORT_FEW;
    return has;
}

static uint32_t step_of(double value, double most)
{
    const double step = value / most * REPORT_HEAT;
    return step >= REPORT_HEAT ? REPORT_HEAT - 1 : step > 0 ? (uint32_t)step : 0;
}

static bool is_few(const struct report_heat_map *map, size_t cell)
{
    return map->trials[cell] > 0 && map->trials[cell] < REPORT_FEW && !map->counts;
}

/* In brackets if trials are few. */
static void put_label(struct report_figure *out, const struct report_heat_map *map, size_t cell)
{
    const double percent = 100 * map->value[cell];
    const bool few = is_few(map, cell);
    const char *open = few ? "(" : "", *close = few ? ")" : "";
    if (map->counts)
        text_addf(&out->script, "\"%" PRIu64 "\"", map->trials[cell]);
    else if (percent > 0 && percent < 0.95)
        text_addf(&out->script, "\"%s.%.0f%s\"", open, fmax(10 * percent, 1), close);
    else
        text_addf(&out->script, "\"%s%.0f%s\"", open, percent, close);
}

/* Rows of panel titles above row `row`, its own included. */
static uint32_t titles_above(const struct report_heat_map *map, uint32_t row)
{
    uint32_t titles = 0;
    for (uint32_t r = 0; map->panel && r <= row && r < map->n_rows; r++)
        titles += map->panel[r] != NULL;
    return titles;
}

/* A cell of few trials is an outline without colour, so that it does not draw the eye. */
static void put_cell(struct report_figure *out, const struct report_heat_map *map, size_t cell,
                     double most)
{
    const uint32_t x = (uint32_t)(cell % map->n_columns), row = (uint32_t)(cell / map->n_columns);
    const uint32_t y = row + titles_above(map, row), step = step_of(map->value[cell], most);
    struct text *script = &out->script;
    if (map->trials[cell] == 0 || isnan(map->value[cell]))
        return;
    const bool few = is_few(map, cell);
    if (few)
        text_addf(script,
                  "set object rectangle from %u.08,%u.1 to %u.92,%u.9 fillstyle empty "
                  "border linecolor rgb \"" REPORT_GREY "\" linewidth 0.7 dashtype 3\n",
                  x, y, x, y);
    else
        text_addf(script,
                  "set object rectangle from %u.04,%u.04 to %u.96,%u.96 fillstyle solid 1 "
                  "noborder fillcolor rgb \"%s\"\n",
                  x, y, x, y, report_heat[step]);
    if (map->n_columns > HEAT_LABELLED)
        return;
    text_put(script, "set label ");
    put_label(out, map, cell);
    text_addf(script, " at %u.5,%u.5 center font \",%d\" textcolor rgb \"%s\"\n", x, y,
              map->n_columns > 16 ? 10 : 12,
              few                       ? REPORT_GREY
              : step >= REPORT_HEAT - 2 ? REPORT_ON_DARK
                                        : REPORT_INK);
}

/* The scale: six fields from 0 to `most`, across the top right. */
static void put_scale(struct report_figure *out, const struct report_heat_map *map, double most)
{
    const double top = 1 - 6. / out->height, bottom = 1 - (double)HEAT_KEY / out->height;
    struct text *script = &out->script;
    for (uint32_t s = 0; s < REPORT_HEAT; s++)
        text_addf(script,
                  "set object rectangle from screen %.4f,%.4f to screen %.4f,%.4f fillstyle "
                  "solid 1 noborder fillcolor rgb \"%s\"\n",
                  0.58 + 0.05 * s, bottom, 0.58 + 0.05 * (s + 1), top, report_heat[s]);
    text_addf(script, "set label \"%s  0\" at screen 0.57,%.4f right\n", map->value_title,
              (top + bottom) / 2);
    text_addf(script, "set label \"%.3g%s\" at screen 0.89,%.4f left\n",
              map->counts ? most : 100 * most, map->counts ? "" : " %", (top + bottom) / 2);
}

/* Every how many numbers of an axis are written; 1: all. */
static uint32_t step_of_tics(const char *const *label, uint32_t count, size_t letters)
{
    uint32_t step = 1;
    for (uint32_t i = 0; i < count; i++) {
        if (strspn(label[i], "0123456789") != strlen(label[i]) && strcmp(label[i], "none") != 0)
            return 1; /* names are all written, turned */
    }
    while (letters * count / step > 52)
        step = step == 1 ? 2 : step + 2;
    return step;
}

static void put_x_tics(struct report_figure *out, const struct report_heat_map *map, uint32_t step)
{
    bool first = true;
    text_put(&out->script, "set xtics scale 0 (");
    for (uint32_t i = 0; i < map->n_columns; i++) {
        if (step > 1 && (uint32_t)atoi(map->column[i]) % step != 0)
            continue;
        text_put(&out->script, first ? "" : ", ");
        report_figure_quoted(out, map->column[i]);
        text_addf(&out->script, "%u.5", i);
        first = false;
    }
    text_put(&out->script, ")\n");
}

/* Names of the rows, and titles above the panels. */
static void put_y_tics(struct report_figure *out, const struct report_heat_map *map)
{
    text_put(&out->script, "set ytics scale 0 (");
    for (uint32_t i = 0; i < map->n_rows; i++) {
        text_put(&out->script, i ? ", " : "");
        report_figure_quoted(out, map->row[i]);
        text_addf(&out->script, "%u.5", i + titles_above(map, i));
    }
    text_put(&out->script, ")\n");
    for (uint32_t i = 0; map->panel && i < map->n_rows; i++) {
        if (!map->panel[i])
            continue;
        text_put(&out->script, "set label ");
        report_figure_quoted(out, map->panel[i]);
        text_addf(&out->script, "at 0.1,%u.45 left\n", i + titles_above(map, i) - 1);
    }
}

static size_t longest(const char *const *label, uint32_t count)
{
    size_t most = 1;
    for (uint32_t i = 0; i < count; i++)
        most = strlen(label[i]) > most ? strlen(label[i]) : most;
    return most;
}

void report_heat_write(struct report_figure *out, const struct report_heat_map *map)
{
    const size_t row_letters = longest(map->row, map->n_rows);
    const size_t column_letters = longest(map->column, map->n_columns);
    const uint32_t step = step_of_tics(map->column, map->n_columns, column_letters);
    const bool turned = step == 1 && column_letters * map->n_columns > 52;
    const double most = map->most > 0 ? map->most : highest(map);
    const uint32_t rows = map->n_rows + titles_above(map, map->n_rows);
    const uint32_t cell = rows > 12 ? 19 : 30;
    const uint32_t below = 52 + (turned ? (uint32_t)(column_letters * 8) : 14);
    report_figure_begin(out, REPORT_WIDTH, HEAT_KEY + 14 + cell * rows + below);
    if (has_colours(map))
        put_scale(out, map, most);
    put_y_tics(out, map);
    put_x_tics(out, map, step);
    /* a label instead of an axis title, which gnuplot hides behind turned names */
    text_addf(&out->script,
              "unset border\nset grid noxtics noytics\n%s"
              "set xrange [0:%u]\nset yrange [%u:0]\nset tmargin at screen %.4f\n"
              "set bmargin at screen %.4f\nset lmargin %.1f\nset rmargin 1\n"
              "set label \"%s\" at graph 0.5,screen %.4f center\nset ylabel \"%s\"\n",
              turned ? "set xtics rotate by 90 right\n" : "", map->n_columns, rows,
              1 - (HEAT_KEY + 14.) / out->height, (double)below / out->height,
              fmin((double)row_letters * 1.02 + 4.5, 30), map->column_title, 14. / out->height,
              map->row_title);
    for (size_t i = 0; i < (size_t)map->n_rows * map->n_columns; i++)
        put_cell(out, map, i, most);
    text_put(&out->script, "plot NaN notitle\n");
}

static const struct report_column COLUMNS[] = {
    {"row", "row", REPORT_TEXT, REPORT_ALONE},   {"column", "column", REPORT_TEXT, REPORT_ALONE},
    {"trials", "n", REPORT_COUNT, REPORT_ALONE}, {"events", "events", REPORT_COUNT, REPORT_ALONE},
    REPORT_RATE_COLUMNS("rate", "rate, %"),
};

/* Marks rows and columns with trials; returns the number of such cells. */
static uint32_t find_used(const struct report_groups *groups,
                          const struct report_heat_request *request, uint8_t *row, uint8_t *column)
{
    uint32_t cells = 0;
    for (uint32_t g = 0; g < groups->count; g++) {
        if (report_groups_size(groups, g) == 0)
            continue;
        row[g / request->n_columns] = column[g % request->n_columns] = 1;
        cells++;
    }
    return cells;
}

static uint32_t keep_used(const char **out, const char *const *label, uint8_t *used, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (used[i])
            out[kept++] = label[i];
    }
    return kept;
}

/* Puts rates of all used cells into the table and the map. */
static enum status fill_cells(struct report_heat_map *map, struct report_figure *figure,
                              struct report_context *context, const struct report_groups *groups,
                              const struct report_heat_request *request)
{
    double *value =
        arena_array(context->arena, (size_t)map->n_rows * map->n_columns + 1, sizeof(*value));
    uint64_t *trials =
        arena_array(context->arena, (size_t)map->n_rows * map->n_columns + 1, sizeof(*trials));
    if (!value || !trials)
        return STATUS_MEMORY;
    uint32_t at = 0;
    for (uint32_t g = 0, y = 0; g < groups->count; g++) {
        struct report_rate rate;
        const char *row = request->row[g / request->n_columns];
        const char *column = request->column[g % request->n_columns];
        if (report_groups_size(groups, g) == 0)
            continue;
        while (map->row[y] != row)
            y++;
        uint32_t x = 0;
        while (map->column[x] != column)
            x++;
        report_figure_group(&rate, context, groups, g,
                            (struct report_query){.events = context->main});
        value[y * map->n_columns + x] = rate.estimate.rate;
        trials[y * map->n_columns + x] = rate.estimate.counted;
        report_table_text(&figure->table, at, "row", row);
        report_table_text(&figure->table, at, "column", column);
        report_table_set(&figure->table, at, "trials", (double)rate.estimate.counted);
        report_table_set(&figure->table, at, "events", (double)rate.estimate.events);
        report_figure_rate(&figure->table, at, "rate", &rate);
        figure->table.faint[at++] = rate.estimate.counted < REPORT_FEW;
        if (rate.refused)
            figure->absent = REPORT_NO_TOTAL;
    }
    map->value = value;
    map->trials = trials;
    return STATUS_OK;
}

enum status report_heat_rates(struct report_heat_map *out, struct report_figure *figure,
                              struct report_context *context, const struct report_groups *groups,
                              const struct report_heat_request *request)
{
    struct arena *arena = context->arena;
    uint8_t *used_row = arena_alloc(arena, request->n_rows + 1);
    uint8_t *used_column = arena_alloc(arena, request->n_columns + 1);
    const char **row = arena_array(arena, (size_t)request->n_rows + 1, sizeof(*row));
    const char **column = arena_array(arena, (size_t)request->n_columns + 1, sizeof(*column));
    if (!used_row || !used_column || !row || !column)
        return STATUS_MEMORY;
    const uint32_t cells = find_used(groups, request, used_row, used_column);
    *out = (struct report_heat_map){
        .row = row,
        .column = column,
        .n_rows = keep_used(row, request->row, used_row, request->n_rows),
        .n_columns = keep_used(column, request->column, used_column, request->n_columns),
        .row_title = request->row_title,
        .column_title = request->column_title,
        .value_title = context->main_name,
    };
    if (out->n_columns < 2)
        figure->absent = arena_printf(arena, "all lies in one %s", request->column_title);
    else if (report_context_is_quiet(context))
        figure->absent = REPORT_QUIET;
    if (figure->absent)
        return STATUS_OK;
    enum status st = report_table_init(&figure->table, arena, cells, COLUMNS,
                                       sizeof(COLUMNS) / sizeof(*COLUMNS));
    return st ? st : fill_cells(out, figure, context, groups, request);
}
