/* SPDX-License-Identifier: MIT */
/* The picture of protection: share of the harm against the cost of protecting the worst sites. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inject/report/report_pictures.h"

#define PROTECT_MIB (1024. * 1024)

/* A stratum and the cost of protecting it. */
struct part {
    uint32_t stratum;
    double harm;        /* W_h p_h: its part of the total rate   */
    double cost;        /* share of the population: sorts by harm per cost */
    double bytes, macs; /* of sites not in a worse stratum */
};

/* True if the cost of a stratum's sites is known: from the model, if trials name all sites they
 * strike. */
static bool is_priced(const struct report_context *context)
{
    return context->n_sites > 0 && report_context_agrees(context, PLAN_BY_SITE);
}

static int by_yield(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    const double i = x->harm / x->cost, j = y->harm / y->cost;
    if (i != j)
        return i > j ? -1 : 1;
    return x->stratum < y->stratum ? -1 : x->stratum > y->stratum;
}

/* Adds bytes and MACs of the sites that a stratum's trials struck and no earlier stratum did. */
static void add_sites(struct part *part, const struct report_context *context,
                      const struct report_groups *groups, uint8_t *seen)
{
    for (size_t k = groups->first[part->stratum]; k < groups->first[part->stratum + 1]; k++) {
        const uint32_t name = context->data->trial[groups->index[k]].site;
        if (name == REPORT_NONE || seen[name])
            continue;
        seen[name] = 1;
        for (uint32_t s = 0; s < context->n_sites; s++) {
            if (strcmp(context->site[s].site, context->data->names.text[name]) != 0)
                continue;
            part->bytes += context->site[s].bytes;
            part->macs += context->site[s].macs;
        }
    }
}

static const struct report_column PROTECT_COLUMNS[] = {
    {"stratum", "stratum, worst first", REPORT_TEXT, REPORT_ALONE},
    {"share", "population protected, %", REPORT_PERCENT, REPORT_ALONE},
    {"harm", "of the total rate, %", REPORT_PERCENT, REPORT_ALONE},
    {"mib", "MiB", REPORT_NUMBER, REPORT_ALONE},
    {"mmac", "MMAC a token", REPORT_NUMBER, REPORT_ALONE},
};

static void fill_table(struct report_figure *out, const struct report_context *context,
                       const struct part *part, double total)
{
    double share = 0, harm = 0, bytes = 0, macs = 0;
    report_table_text(&out->table, 0, "stratum", "none");
    for (uint32_t r = 0; r < out->table.n_rows; r++) {
        if (r > 0) {
            const struct part *p = &part[r - 1];
            share += p->cost;
            harm += p->harm / total;
            bytes += p->bytes;
            macs += p->macs;
            report_table_text(&out->table, r, "stratum", context->data->stratum[p->stratum].label);
        }
        report_table_set(&out->table, r, "share", share);
        report_table_set(&out->table, r, "harm", harm);
        report_table_set(&out->table, r, "mib", is_priced(context) ? bytes / PROTECT_MIB : NAN);
        report_table_set(&out->table, r, "mmac", is_priced(context) ? macs / 1e6 : NAN);
    }
}

/* The population's unit. */
static const char *unit_of(const struct report_context *context)
{
    return context->data->plan->population == PLAN_BITS ? "stored bits" : "operations";
}

static void write_plot(struct report_figure *out, const struct report_context *context)
{
    static const char *const axes[] = {"share", "mib", "mmac"};
    const uint32_t panels = is_priced(context) ? 3 : 1;
    report_figure_data(out, "parts");
    for (uint32_t r = 0; r < out->table.n_rows; r++) {
        for (size_t a = 0; a < sizeof(axes) / sizeof(*axes); a++) {
            const double x = report_table_at(&out->table, r, axes[a])->number;
            report_figure_number(out, a == 0 ? 100 * x : x);
        }
        report_figure_number(out, 100 * report_table_at(&out->table, r, "harm")->number);
        text_put(&out->script, "\n");
    }
    report_figure_end_data(out);
    text_addf(&out->script,
              "set multiplot layout %u,1\nset bmargin 3.4\nset yrange [0:102]\n"
              "set xrange [0:*]\nset ylabel \"%s prevented, %%\"\n",
              panels, context->main_name);
    for (uint32_t p = 0; p < panels; p++) {
        static const char *const label[] = {"", "MiB of stored weights", "MMAC a token"};
        text_addf(&out->script,
                  "set xlabel \"protected: %s%s\"\n"
                  "plot $parts using %u:4 with lines linewidth 2 linecolor rgb \"" REPORT_A
                  "\", '' using %u:4 with points pointtype 7 pointsize 0.45 linecolor rgb "
                  "\"" REPORT_A "\"%s\n",
                  p == 0 ? "% of the " : label[p], p == 0 ? unit_of(context) : "", p + 1, p + 1,
                  p == 0 ? ", x with lines linewidth 1 dashtype 2 linecolor rgb \"" REPORT_GREY "\""
                         : "");
    }
    text_put(&out->script, "unset multiplot\n");
}

static enum status fill_parts(struct part *part, double *out_total, struct report_context *context)
{
    const struct report_data *data = context->data;
    struct report_groups groups;
    uint8_t *seen = arena_alloc(context->arena, (size_t)data->names.count + 1);
    const enum status st = report_groups_strata(&groups, context->arena, data);
    if (st || !seen)
        return STATUS_MEMORY;
    *out_total = 0;
    for (uint32_t h = 0; h < data->n_strata; h++) {
        struct report_rate rate;
        const double weight = data->stratum[h].weight;
        report_figure_group(&rate, context, &groups, h,
                            (struct report_query){.events = context->main});
        part[h] = (struct part){.stratum = h, .cost = weight, .harm = weight * rate.estimate.rate};
        *out_total += part[h].harm;
    }
    qsort(part, data->n_strata, sizeof(*part), by_yield);
    for (uint32_t h = 0; h < data->n_strata; h++)
        add_sites(&part[h], context, &groups, seen);
    return STATUS_OK;
}

/* True if strata are places one can protect, not bits, kinds or times alone. */
static bool has_places(const struct plan *plan)
{
    static const enum plan_dimension places[] = {PLAN_BY_LAYER, PLAN_BY_SITE,  PLAN_BY_SITE_KIND,
                                                 PLAN_BY_OP,    PLAN_BY_PLACE, PLAN_BY_POINT,
                                                 PLAN_BY_FIELD, PLAN_BY_HEAD};
    for (uint32_t d = 0; d < plan->n_strata; d++) {
        for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
            if (plan->strata[d] == places[i])
                return true;
        }
    }
    return false;
}

enum status report_protect_share(struct report_figure *out, struct report_context *context)
{
    const struct report_data *data = context->data;
    double total = 0;
    struct part *part = arena_array(context->arena, (size_t)data->n_strata + 1, sizeof(*part));
    out->id = "protect";
    out->title = "What protection would buy";
    if (!part)
        return STATUS_MEMORY;
    if (data->plan->population == PLAN_EQUAL && data->n_strata > 1) {
        out->absent = REPORT_NO_TOTAL;
        return STATUS_OK;
    }
    if (data->n_strata < 2 || data->n == 0) {
        out->absent = "the campaign has no second stratum";
        return STATUS_OK;
    }
    if (!has_places(data->plan)) {
        out->absent = "the strata are no places that could be protected";
        return STATUS_OK;
    }
    enum status st = fill_parts(part, &total, context);
    if (!st && !(total > 0))
        out->absent = "no stratum has a rate above 0, or one has no trial yet";
    if (st || out->absent)
        return st;
    st = report_table_init(&out->table, context->arena, data->n_strata + 1, PROTECT_COLUMNS,
                           sizeof(PROTECT_COLUMNS) / sizeof(*PROTECT_COLUMNS));
    if (st)
        return st;
    fill_table(out, context, part, total);
    out->table.id = "protect";
    out->table.caption = out->caption = arena_printf(
        context->arena,
        "Cumulative share of %s that perfect protection of the worst strata would prevent. Strata "
        "are sorted by their estimates, so the curve is biased upwards; the dashed line is "
        "protection without knowledge.%s",
        context->main_name,
        is_priced(context)      ? ""
        : context->n_sites == 0 ? " MiB and MACs need the model (-m)."
                                : " MiB and MACs are not known: a trial strikes several sites.");
    report_figure_begin(out, REPORT_WIDTH, is_priced(context) ? 690 : 340);
    write_plot(out, context);
    return out->caption ? out->script.st : STATUS_MEMORY;
}
