/* SPDX-License-Identifier: MIT */
/* Strata of two or three dimensions as a map: one cell each, one panel per value of the third. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inject/report/report_heat.h"
#include "inject/report/report_pictures.h"

#define CELLS_ROWS 120 /* of all panels */
#define CELLS_COLUMNS 64

enum { AXIS_ROW, AXIS_COLUMN, AXIS_PANEL, AXES };

/* The values of a dimension, in the order of the picture. */
struct axis {
    uint32_t at; /* in plan->strata */
    enum plan_dimension dimension;
    const char **value; /* (count) */
    uint32_t count;
    uint32_t *of; /* (n_strata): index of the stratum's value */
};

struct cells {
    struct axis axis[AXES];
    uint32_t n_axes;
    uint32_t n_rows; /* pairs of panel and row that occur */
};

static bool is_number(const char *text)
{
    return isdigit((unsigned char)*text) && strspn(text, "0123456789") == strlen(text);
}

/* Dimensions with an order in kinds.h. */
static int table_of(enum plan_dimension dimension)
{
    switch (dimension) {
    case PLAN_BY_POINT:
        return KINDS_POINT;
    case PLAN_BY_STAGE:
        return KINDS_STAGE;
    case PLAN_BY_KIND:
        return KINDS_KIND;
    case PLAN_BY_DURATION:
        return KINDS_DURATION;
    case PLAN_BY_READERS:
        return KINDS_READERS;
    case PLAN_BY_GRANULARITY:
        return KINDS_GRANULARITY;
    default:
        return -1;
    }
}

/* True if `a` comes before `b`: numbers rise, bits fall as they are written, kinds follow their
 * table, "none" is last; others are in the order found. */
static bool comes_before(const struct axis *axis, const char *a, const char *b)
{
    const int table = table_of(axis->dimension);
    if (is_number(a) && is_number(b)) {
        const long x = atol(a), y = atol(b);
        return axis->dimension == PLAN_BY_BIT ? x > y : x < y;
    }
    if (strcmp(a, "none") == 0 || strcmp(b, "none") == 0)
        return strcmp(a, "none") != 0;
    return table >= 0 &&
           kinds_find((enum kinds_table)table, a) < kinds_find((enum kinds_table)table, b);
}

/* The value of dimension `at` in a label "op=linear bit=3"; values may have blanks, so it ends
 * where the plan's next dimension starts. */
static const char *value_of(struct arena *arena, const struct plan *plan, const char *label,
                            uint32_t at)
{
    const char *begin = label, *end = NULL;
    for (uint32_t d = 0; d <= at; d++) {
        const char *name = kinds_text(KINDS_DIMENSION, plan->strata[d]);
        const size_t n = strlen(name);
        while (begin && !(strncmp(begin, name, n) == 0 && begin[n] == '=' &&
                          (begin == label || begin[-1] == ' ')))
            begin = *begin ? begin + 1 : NULL;
        if (!begin)
            return NULL;
        begin += n + 1;
    }
    if (at + 1 < plan->n_strata) {
        const char *next =
            arena_printf(arena, " %s=", kinds_text(KINDS_DIMENSION, plan->strata[at + 1]));
        end = next ? strstr(begin, next) : NULL;
    }
    return arena_text(arena, begin, end ? (size_t)(end - begin) : strlen(begin));
}

/* Inserts `value` in its place, once; one value more than a picture takes is enough. */
static void insert_value(struct axis *axis, const char *value)
{
    uint32_t place = axis->count;
    for (uint32_t v = 0; v < axis->count; v++) {
        if (strcmp(axis->value[v], value) == 0)
            return;
    }
    if (axis->count == CELLS_ROWS + 1)
        return;
    while (place > 0 && comes_before(axis, value, axis->value[place - 1]))
        place--;
    memmove(&axis->value[place + 1], &axis->value[place],
            (axis->count - place) * sizeof(*axis->value));
    axis->value[place] = value;
    axis->count++;
}

static enum status find_values(struct axis *axis, const struct report_context *context)
{
    const struct report_data *data = context->data;
    struct arena *arena = context->arena;
    const char **own = arena_array(arena, (size_t)data->n_strata + 1, sizeof(*own));
    axis->value = arena_array(arena, CELLS_ROWS + 2, sizeof(*axis->value));
    axis->of = arena_array(arena, (size_t)data->n_strata + 1, sizeof(*axis->of));
    if (!own || !axis->value || !axis->of)
        return STATUS_MEMORY;
    for (uint32_t h = 0; h < data->n_strata; h++) {
        own[h] = value_of(arena, data->plan, data->stratum[h].label, axis->at);
        if (!own[h])
            return STATUS_MEMORY;
        insert_value(axis, own[h]);
    }
    for (uint32_t h = 0; h < data->n_strata; h++) {
        while (axis->of[h] + 1 < axis->count && strcmp(axis->value[axis->of[h]], own[h]) != 0)
            axis->of[h]++;
    }
    return STATUS_OK;
}

/* Bits and heads run across, layers down; else the plan's first dimension runs down, the last
 * across. */
static void choose_axes(struct cells *out, const struct plan *plan)
{
    uint32_t column = plan->n_strata - 1, row = 0;
    for (uint32_t d = 0; d < plan->n_strata; d++) {
        if (plan->strata[d] == PLAN_BY_BIT || plan->strata[d] == PLAN_BY_HEAD)
            column = d;
    }
    if (plan->strata[column] == PLAN_BY_LAYER)
        column = 0;
    while (row == column)
        row++;
    for (uint32_t d = 0; d < plan->n_strata; d++) {
        if (plan->strata[d] == PLAN_BY_LAYER && d != column)
            row = d;
    }
    out->n_axes = plan->n_strata;
    out->axis[AXIS_ROW].at = row;
    out->axis[AXIS_COLUMN].at = column;
    out->axis[AXIS_PANEL].at = 3 - row - column; /* of three: the remaining one */
    for (uint32_t a = 0; a < out->n_axes; a++)
        out->axis[a].dimension = plan->strata[out->axis[a].at];
}

static bool has(const struct plan *plan, enum plan_dimension a, enum plan_dimension b)
{
    return plan->n_strata == 2 && ((plan->strata[0] == a && plan->strata[1] == b) ||
                                   (plan->strata[0] == b && plan->strata[1] == a));
}

/* Why there is no map, before the strata are read. */
static const char *refuse(const struct report_data *data)
{
    const struct plan *plan = data->plan;
    if (plan->n_strata < 2 || plan->n_strata > 3)
        return "the strata have not two or three dimensions";
    if (has(plan, PLAN_BY_LAYER, PLAN_BY_HEAD))
        return "the strata are those of Layer by head";
    if (has(plan, PLAN_BY_STAGE, PLAN_BY_DURATION))
        return "the strata are those of Stage by duration";
    return data->n == 0 ? "no trial counts yet" : NULL;
}

/* Rows of the picture: (panel, row) pairs with a stratum, panel by panel. */
static enum status list_rows(struct cells *cells, struct report_heat_map *map,
                             const struct report_context *context, uint32_t *place)
{
    const struct axis *axis = cells->axis;
    const uint32_t rows = axis[AXIS_ROW].count;
    const uint32_t panels = cells->n_axes == AXES ? axis[AXIS_PANEL].count : 1;
    const char **label = arena_array(context->arena, CELLS_ROWS + 1, sizeof(*label));
    const char **panel = arena_array(context->arena, CELLS_ROWS + 1, sizeof(*panel));
    uint8_t *used = arena_alloc(context->arena, (size_t)rows * panels + 1);
    if (!label || !panel || !used)
        return STATUS_MEMORY;
    for (uint32_t h = 0; h < context->data->n_strata; h++)
        used[(cells->n_axes == AXES ? axis[AXIS_PANEL].of[h] : 0) * rows + axis[AXIS_ROW].of[h]] =
            1;
    for (uint32_t p = 0; p < panels; p++) {
        bool first = true;
        for (uint32_t r = 0; r < rows; r++) {
            if (!used[p * rows + r])
                continue;
            if (cells->n_rows == CELLS_ROWS) {
                cells->n_rows++;
                return STATUS_OK; /* too many: the caller refuses */
            }
            if (first && panels > 1)
                panel[cells->n_rows] =
                    arena_printf(context->arena, "%s: %s",
                                 kinds_text(KINDS_DIMENSION, axis[AXIS_PANEL].dimension),
                                 axis[AXIS_PANEL].value[p]);
            label[cells->n_rows] = axis[AXIS_ROW].value[r];
            place[p * rows + r] = cells->n_rows++;
            first = false;
        }
    }
    map->row = label;
    map->panel = panels > 1 ? panel : NULL;
    return STATUS_OK;
}

/* Dimensions of the plan, then values of the cell. */
static const struct report_column KNOWN[] = {
    {"trials", "n", REPORT_COUNT, REPORT_ALONE},
    {"events", "events", REPORT_COUNT, REPORT_ALONE},
    REPORT_RATE_COLUMNS("rate", "rate, %"),
};
#define KNOWN_COUNT (sizeof(KNOWN) / sizeof(*KNOWN))

static enum status make_table(struct report_table *table, const struct cells *cells,
                              const struct report_context *context)
{
    struct report_column *column = arena_array(context->arena, AXES + KNOWN_COUNT, sizeof(*column));
    if (!column)
        return STATUS_MEMORY;
    for (uint32_t d = 0; d < cells->n_axes; d++) {
        const char *name = kinds_text(KINDS_DIMENSION, context->data->plan->strata[d]);
        column[d] = (struct report_column){name, name, REPORT_TEXT, REPORT_ALONE};
    }
    memcpy(&column[cells->n_axes], KNOWN, sizeof(KNOWN));
    return report_table_init(table, context->arena, context->data->n_strata, column,
                             cells->n_axes + (uint32_t)KNOWN_COUNT);
}

/* Puts the rate of each stratum into the table and its cell. */
static enum status fill(struct report_figure *out, struct report_heat_map *map,
                        const struct cells *cells, struct report_context *context,
                        const uint32_t *place)
{
    const struct axis *axis = cells->axis;
    const size_t count = (size_t)map->n_rows * map->n_columns;
    double *value = arena_array(context->arena, count + 1, sizeof(*value));
    uint64_t *trials = arena_array(context->arena, count + 1, sizeof(*trials));
    struct report_groups groups;
    enum status st = report_groups_strata(&groups, context->arena, context->data);
    st = st ? st : make_table(&out->table, cells, context);
    if (st || !value || !trials)
        return STATUS_MEMORY;
    for (uint32_t h = 0; h < context->data->n_strata; h++) {
        struct report_rate rate;
        const uint32_t panel = cells->n_axes == AXES ? axis[AXIS_PANEL].of[h] : 0;
        const uint32_t row = place[panel * axis[AXIS_ROW].count + axis[AXIS_ROW].of[h]];
        const size_t cell = (size_t)row * map->n_columns + axis[AXIS_COLUMN].of[h];
        report_figure_group(&rate, context, &groups, h,
                            (struct report_query){.events = context->main});
        value[cell] = rate.estimate.rate;
        trials[cell] = rate.estimate.counted;
        for (uint32_t a = 0; a < cells->n_axes; a++)
            report_table_text(&out->table, h, kinds_text(KINDS_DIMENSION, axis[a].dimension),
                              axis[a].value[axis[a].of[h]]);
        report_table_set(&out->table, h, "trials", (double)rate.estimate.counted);
        report_table_set(&out->table, h, "events", (double)rate.estimate.events);
        report_figure_rate(&out->table, h, "rate", &rate);
        out->table.faint[h] = rate.estimate.counted < REPORT_FEW;
    }
    map->value = value;
    map->trials = trials;
    return STATUS_OK;
}

static enum status name_map(struct report_figure *out, const struct cells *cells,
                            const struct report_context *context)
{
    const char *name[AXES];
    for (int a = 0; a < AXES; a++)
        name[a] = kinds_text(KINDS_DIMENSION, cells->axis[a].dimension);
    const bool panels = cells->n_axes == AXES;
    out->title =
        arena_printf(context->arena, "Strata: %s by %s%s%s", name[AXIS_ROW], name[AXIS_COLUMN],
                     panels ? " and " : "", panels ? name[AXIS_PANEL] : "");
    out->table.id = "cells";
    out->table.caption =
        arena_printf(context->arena, "%s of all faults by stratum, %g %% intervals.",
                     context->main_start, 100 * context->confidence);
    out->caption = arena_printf(
        context->arena,
        "%s of all faults in each stratum, %%: %s down, %s across%s%s. Cells with fewer than %d "
        "trials are outlines without a colour, their numbers in brackets; empty ones are no "
        "stratum%s. n "
        "and interval of each cell are in the table of strata. The highest of many cells is biased "
        "upwards.",
        context->main_start, name[AXIS_ROW], name[AXIS_COLUMN], panels ? ", a panel for each " : "",
        panels ? name[AXIS_PANEL] : "", REPORT_FEW,
        report_data_is_complete(context->data) ? "" : ", or have no trial yet");
    return out->title && out->caption && out->table.caption ? STATUS_OK : STATUS_MEMORY;
}

enum status report_cells_map(struct report_figure *out, struct report_context *context)
{
    struct cells cells = {0};
    struct report_heat_map map = {0};
    out->id = "cells";
    out->title = "Strata as a map";
    out->absent = refuse(context->data);
    if (!out->absent && report_context_is_quiet(context))
        out->absent = REPORT_QUIET;
    if (out->absent)
        return STATUS_OK;
    choose_axes(&cells, context->data->plan);
    enum status st = STATUS_OK;
    for (uint32_t a = 0; !st && a < cells.n_axes; a++)
        st = find_values(&cells.axis[a], context);
    const struct axis *axis = cells.axis;
    const size_t pairs = (size_t)axis[AXIS_ROW].count * (axis[AXIS_PANEL].count + 1);
    uint32_t *place = arena_array(context->arena, pairs + 1, sizeof(*place));
    if (st || !place)
        return STATUS_MEMORY;
    st = list_rows(&cells, &map, context, place);
    if (!st &&
        (cells.n_rows > CELLS_ROWS || axis[AXIS_COLUMN].count > CELLS_COLUMNS ||
         context->data->n_strata * 4ull < (uint64_t)cells.n_rows * axis[AXIS_COLUMN].count)) {
        out->absent = "the strata fill no map of a readable size";
        return STATUS_OK;
    }
    map.column = axis[AXIS_COLUMN].value;
    map.n_rows = cells.n_rows;
    map.n_columns = axis[AXIS_COLUMN].count;
    map.row_title = kinds_text(KINDS_DIMENSION, axis[AXIS_ROW].dimension);
    map.column_title = kinds_text(KINDS_DIMENSION, axis[AXIS_COLUMN].dimension);
    map.value_title = context->main_name;
    st = st ? st : fill(out, &map, &cells, context, place);
    st = st ? st : name_map(out, &cells, context);
    if (st)
        return st;
    report_heat_write(out, &map);
    return out->script.st;
}
