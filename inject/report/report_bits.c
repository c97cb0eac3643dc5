/* SPDX-License-Identifier: MIT */
/* The picture of bit positions: one panel for each layout of bits, fields shaded. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inject/report/report_pictures.h"

#define BITS_PANELS 8
#define BITS_WIDTH 32
/* Trials whose bits have one layout: values at a point, or a field of stored weights. */
struct panel {
    uint8_t place, point;
    uint32_t field; /* of weights; REPORT_NONE otherwise */
    uint32_t width; /* bits: highest seen + 1, at least 16 of a value */
    const char *label;
    const char *of_bit[BITS_WIDTH]; /* field name by bit, null: not struck */
};

struct panels {
    struct panel panel[BITS_PANELS];
    uint32_t count, dropped;
};

static bool is_value_field(const char *field)
{
    return strcmp(field, "sign") == 0 || strcmp(field, "exponent") == 0 ||
           strcmp(field, "mantissa") == 0;
}

/* The panel of a trial, or REPORT_NONE; a new one if `make` allows. */
static uint32_t panel_of(struct panels *panels, const struct report_data *data,
                         const struct report_trial *t, bool make)
{
    if (t->bit < 0 || t->bit >= BITS_WIDTH || t->field == REPORT_NONE)
        return REPORT_NONE;
    const bool value = is_value_field(data->names.text[t->field]);
    const struct panel wanted = {
        .place = t->place, .point = t->point, .field = value ? REPORT_NONE : t->field};
    for (uint32_t p = 0; p < panels->count; p++) {
        const struct panel *panel = &panels->panel[p];
        if (panel->place == wanted.place && panel->point == wanted.point &&
            panel->field == wanted.field)
            return p;
    }
    if (!make)
        return REPORT_NONE;
    if (panels->count == BITS_PANELS) {
        panels->dropped++;
        return REPORT_NONE;
    }
    panels->panel[panels->count] = wanted;
    return panels->count++;
}

struct bit_user {
    struct panels *panels;
    const struct report_data *data;
};

static uint32_t bit_key(const struct report_trial *trial, const void *user)
{
    const struct bit_user *of = user;
    const uint32_t panel = panel_of(of->panels, of->data, trial, false);
    return panel == REPORT_NONE ? panel : panel * BITS_WIDTH + (uint32_t)trial->bit;
}

/* f32, f16 or bf16, by the place of the exponent. */
static const char *value_type(const struct panel *panel)
{
    if (panel->field != REPORT_NONE)
        return "";
    if (panel->width > 16)
        return ", f32";
    for (uint32_t b = 7; b < 10; b++) {
        if (panel->of_bit[b])
            return strcmp(panel->of_bit[b], "exponent") == 0 ? ", bf16" : ", f16";
    }
    return ", 16 bits";
}

static enum status find_panels(struct panels *panels, struct report_context *context)
{
    const struct report_data *data = context->data;
    for (size_t i = 0; i < data->n; i++) {
        const struct report_trial *t = &data->trial[i];
        const uint32_t p = panel_of(panels, data, t, true);
        if (p == REPORT_NONE)
            continue;
        struct panel *panel = &panels->panel[p];
        panel->of_bit[t->bit] = data->names.text[t->field];
        panel->width = (uint32_t)t->bit + 1 > panel->width ? (uint32_t)t->bit + 1 : panel->width;
    }
    for (uint32_t p = 0; p < panels->count; p++) {
        struct panel *panel = &panels->panel[p];
        if (panel->field == REPORT_NONE)
            panel->width = panel->width > 16 ? 32 : 16;
        panel->label =
            arena_printf(context->arena, "%s, %s%s%s", kinds_text(KINDS_PLACE, panel->place),
                         panel->field == REPORT_NONE ? kinds_text(KINDS_POINT, panel->point)
                                                     : data->names.text[panel->field],
                         value_type(panel), panel->field == REPORT_NONE ? "" : " bits");
        if (!panel->label)
            return STATUS_MEMORY;
    }
    return STATUS_OK;
}

static const struct report_column BIT_COLUMNS[] = {
    {"struck", "struck", REPORT_TEXT, REPORT_ALONE},
    {"bit", "bit", REPORT_COUNT, REPORT_ALONE},
    {"field", "field", REPORT_TEXT, REPORT_ALONE},
    {"trials", "n", REPORT_COUNT, REPORT_ALONE},
    {"events", "events", REPORT_COUNT, REPORT_ALONE},
    REPORT_RATE_COLUMNS("rate", "of all, %"),
    {"changed", "n changed", REPORT_COUNT, REPORT_ALONE},
    REPORT_RATE_COLUMNS("given", "of changed, %"),
};

static void fill_bit(struct report_figure *out, struct report_context *context,
                     const struct report_groups *groups, uint32_t g, uint32_t row)
{
    struct report_rate all, given;
    report_figure_group(&all, context, groups, g, (struct report_query){.events = context->main});
    report_figure_group(&given, context, groups, g,
                        (struct report_query){.events = context->main, .given = REPORT_CHANGED});
    report_table_set(&out->table, row, "trials", (double)all.estimate.counted);
    report_table_set(&out->table, row, "events", (double)all.estimate.events);
    report_table_set(&out->table, row, "changed", (double)given.estimate.counted);
    report_figure_rate(&out->table, row, "rate", &all);
    report_figure_rate(&out->table, row, "given", &given);
    out->table.faint[row] = all.estimate.counted < REPORT_FEW;
    if (all.refused)
        out->absent = REPORT_NO_TOTAL;
}

static enum status fill_bits(struct report_figure *out, struct report_context *context,
                             struct panels *panels)
{
    const struct bit_user user = {panels, context->data};
    struct report_groups groups;
    uint32_t rows = 0;
    enum status st =
        report_groups_make(&groups, context->arena, context->data,
                           &(struct report_groups_by){bit_key, &user, panels->count * BITS_WIDTH});
    for (uint32_t g = 0; !st && g < groups.count; g++)
        rows += report_groups_size(&groups, g) > 0;
    st = st ? st
            : report_table_init(&out->table, context->arena, rows, BIT_COLUMNS,
                                sizeof(BIT_COLUMNS) / sizeof(*BIT_COLUMNS));
    for (uint32_t g = 0, row = 0; !st && g < groups.count; g++) {
        const struct panel *panel = &panels->panel[g / BITS_WIDTH];
        if (report_groups_size(&groups, g) == 0)
            continue;
        fill_bit(out, context, &groups, g, row);
        report_table_text(&out->table, row, "struck", panel->label);
        report_table_text(&out->table, row, "field", panel->of_bit[g % BITS_WIDTH]);
        report_table_set(&out->table, row++, "bit", g % BITS_WIDTH);
    }
    return st;
}

/* A band behind the bits of one field, with its name; unstruck bits join the field above them. */
static void shade_fields(struct report_figure *out, const struct panel *panel)
{
    static const char *const shades[] = {REPORT_SHADE_2, REPORT_SHADE_1, REPORT_SHADE_3};
    const char *field = NULL;
    char low[16];
    uint32_t high = panel->width, shade = 0;
    for (uint32_t b = panel->width; b-- > 0;) {
        const char *own = panel->of_bit[b] ? panel->of_bit[b] : field;
        const char *below = b == 0 ? NULL : panel->of_bit[b - 1] ? panel->of_bit[b - 1] : own;
        field = own;
        if (b > 0 && (below == own || !own))
            continue;
        if (b == 0)
            snprintf(low, sizeof(low), "-0.5");
        else
            snprintf(low, sizeof(low), "%u.5", b - 1);
        text_addf(&out->script,
                  "set object rectangle from %u.5,graph 0 to %s,graph 1 behind fillstyle "
                  "solid 1 noborder fillcolor rgb \"%s\"\n",
                  high - 1, low, shades[shade++ % 3]);
        if (own && high - b > 1)
            text_addf(
                &out->script,
                "set label \"%s\" at %.1f,graph 1 center offset 0,0.7 textcolor rgb \"" REPORT_GREY
                "\"\n",
                own, (high + b - 1) / 2.);
        high = b;
    }
}

static void write_bit(struct report_figure *out, uint32_t row, double *most)
{
    static const char *const columns[] = {"rate",  "rate_low",  "rate_high",
                                          "given", "given_low", "given_high"};
    struct report_table *table = &out->table;
    const bool differs =
        report_table_number(table, row, "changed") != report_table_number(table, row, "trials");
    report_figure_number(out, report_table_number(table, row, "bit"));
    for (size_t c = 0; c < sizeof(columns) / sizeof(*columns); c++) {
        const double share = 100 * report_table_number(table, row, columns[c]);
        report_figure_number(out, c < 3 || differs ? share : NAN);
        *most = c < 3 || differs ? fmax(*most, share) : *most;
    }
    text_addf(&out->script, "%d\n", table->faint[row]);
}

/* Lines join neighbouring bits that both have enough trials. Returns the highest end of a panel. */
static void write_bits(struct report_figure *out, const struct panels *panels, double *most)
{
    struct report_table *table = &out->table;
    for (uint32_t p = 0; p < panels->count; p++) {
        char name[16];
        double last = NAN;
        snprintf(name, sizeof(name), "panel%u", p);
        report_figure_data(out, name);
        most[p] = 0;
        for (uint32_t r = 0; r < table->n_rows; r++) {
            if (report_table_at(table, r, "struck")->text != panels->panel[p].label)
                continue;
            const double bit = report_table_number(table, r, "bit");
            if (!(fabs(bit - last) <= 1))
                text_put(&out->script, "\n");
            last = table->faint[r] ? NAN : bit;
            if (table->faint[r])
                text_put(&out->script, "\n");
            write_bit(out, r, &most[p]);
        }
        report_figure_end_data(out);
    }
}

/* True if some row has another rate of changed bits; then, if some has few trials. */
static bool any_differs(struct report_table *table)
{
    bool any = false;
    for (uint32_t r = 0; r < table->n_rows; r++)
        any = any ||
              report_table_number(table, r, "changed") != report_table_number(table, r, "trials");
    return any;
}

static bool any_faint(const struct report_table *table)
{
    bool any = false;
    for (uint32_t r = 0; r < table->n_rows; r++)
        any = any || table->faint[r];
    return any;
}

/* The key of all panels, in the strip above the first. */
static void put_key(struct report_figure *out)
{
    const double y = 1 - 16. / out->height;
    text_addf(&out->script,
              "set label \"of all\" at screen 0.45,%.4f left offset 1,0 point pointtype 7 "
              "pointsize 0.7 linecolor rgb \"" REPORT_A "\"\n",
              y);
    if (any_differs(&out->table))
        text_addf(&out->script,
                  "set label \"of changed bits\" at screen 0.6,%.4f left offset 1,0 point "
                  "pointtype 12 pointsize 0.9 linecolor rgb \"" REPORT_B "\"\n",
                  y);
    if (any_faint(&out->table))
        text_addf(&out->script,
                  "set label \"n < %d\" at screen 0.85,%.4f left offset 1,0 point "
                  "pointtype 6 pointsize 0.8 linecolor rgb \"" REPORT_GREY "\"\n",
                  REPORT_FEW, y);
}

/* Of 32 bits only the highest two and the lowest of each field, where rates turn; the second of two
 * neighbours is on its own line. Up to 16 bits, all. */
static void put_tics(struct report_figure *out, const struct panel *panel)
{
    const uint32_t top = panel->width - 1;
    text_put(&out->script, "set xtics (");
    for (uint32_t b = 0; b <= top; b++) {
        const bool edge = b > 0 && panel->of_bit[b] && panel->of_bit[b - 1] &&
                          panel->of_bit[b] != panel->of_bit[b - 1];
        if (top > 15 && b != top && b + 1 != top && !edge && b != 0 && b != 8 && b != 16)
            continue;
        text_addf(&out->script, "%s\"%s%u\" %u", b ? ", " : "",
                  top > 15 && b + 1 == top ? "\\n" : "", b, b);
    }
    text_put(&out->script, ")\n");
}

static void plot_panel(struct report_figure *out, const struct panels *panels, uint32_t p,
                       double most)
{
    const struct panel *panel = &panels->panel[p];
    const double key = 30. / out->height, high = (1 - key) / panels->count;
    const double top = 1 - key - p * high;
    text_put(&out->script, "unset object\nunset label\n");
    if (p == 0)
        put_key(out);
    shade_fields(out, panel);
    report_figure_share_axis(out, 0, most);
    put_tics(out, panel);
    text_addf(
        &out->script,
        "set tmargin at screen %.4f\nset bmargin at screen %.4f\n"
        "set xrange [%u.5:-0.5]\nset xlabel \"bit of: %s\" "
        "offset 0,0.4\nset ylabel \"rate, %%\"\n"
        "plot $panel%u using ($8==0?$1:NaN):3:(0):($4-$3) with vectors nohead linewidth 1.8 "
        "linecolor rgb \"" REPORT_A "\", \\\n"
        " '' using ($8==1?$1:NaN):3:(0):($4-$3) with vectors nohead linewidth 0.8 dashtype 3 "
        "linecolor rgb \"" REPORT_GREY "\", \\\n"
        " '' using ($8==0?$1-0.25:NaN):6:(0):($7-$6) with vectors nohead linewidth 1.1 linecolor "
        "rgb \"" REPORT_B "\", \\\n"
        " '' using 1:2 with lines linewidth 1 linecolor rgb \"" REPORT_A "\", \\\n"
        " '' using ($8==0?$1-0.25:NaN):5 with points pointtype 12 pointsize 0.9 linewidth 1 "
        "linecolor rgb \"" REPORT_B "\", \\\n"
        " '' using ($8==0?$1:NaN):2 with points pointtype 7 pointsize 0.7 linecolor rgb "
        "\"" REPORT_A "\", \\\n"
        " '' using ($8==1?$1:NaN):2 with points pointtype 6 pointsize 0.7 linewidth 1 linecolor "
        "rgb \"" REPORT_GREY "\"\n",
        top - 26. / out->height, top - high + 66. / out->height, panel->width - 1, panel->label, p);
}

enum status report_bits_curve(struct report_figure *out, struct report_context *context)
{
    struct panels panels = {0};
    double most[BITS_PANELS];
    out->id = "bits";
    out->title = "Bit position";
    if (!report_context_agrees(context, PLAN_BY_BIT) ||
        !report_context_agrees(context, PLAN_BY_PLACE) ||
        !report_context_agrees(context, PLAN_BY_POINT)) {
        out->absent = REPORT_SEVERAL;
        return STATUS_OK;
    }
    enum status st = find_panels(&panels, context);
    if (st)
        return st;
    if (panels.count == 0) {
        out->absent = "no fault of the campaign is a mask of bits";
        return STATUS_OK;
    }
    if (report_context_is_quiet(context)) {
        out->absent = REPORT_QUIET;
        return STATUS_OK;
    }
    st = fill_bits(out, context, &panels);
    if (st || out->absent)
        return st;
    out->table.id = "bits";
    out->table.caption = arena_printf(context->arena, "%s by bit position, %g %% intervals.",
                                      context->main_start, 100 * context->confidence);
    out->caption = arena_printf(
        context->arena,
        "%s by bit position, one panel a layout, with fields shaded: of all faults and of those "
        "that changed bits (where it is another rate); %g %% intervals. Masks of several bits "
        "stand at their lowest.%s%s",
        context->main_start, 100 * context->confidence,
        panels.dropped ? " Further layouts are in the data alone." : "",
        report_context_note(context));
    report_figure_begin(out, REPORT_WIDTH, 30 + 280 * panels.count);
    write_bits(out, &panels, most);
    text_put(&out->script, "set multiplot\n");
    for (uint32_t p = 0; p < panels.count; p++)
        plot_panel(out, &panels, p, most[p]);
    text_put(&out->script, "unset multiplot\n");
    return out->caption && out->table.caption ? out->script.st : STATUS_MEMORY;
}
