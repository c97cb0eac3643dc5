/* SPDX-License-Identifier: MIT */
/* Rates over all strata, and counts of excluded trials. */
#include "inject/report/report_summary.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define SUMMARY_REPLICATES 2000
#define SUMMARY_DRAWS 400000000. /* replicates x trials: seconds */

static struct report_rate rate_of(struct report_context *context, report_events events,
                                  enum report_given given)
{
    struct report_rate rate;
    report_rate(&rate, context->work,
                &(struct report_query){
                    .events = events, .given = given, .level = report_figure_level(context)});
    return rate;
}

/* sum W_h P0_h; NaN without weights. */
static double no_fault(const struct report_data *data)
{
    double sum = 0;
    for (uint32_t h = 0; h < data->n_strata; h++)
        sum += (data->n_strata == 1 ? 1 : data->stratum[h].weight) * data->stratum[h].no_fault;
    return sum;
}

void report_summary_totals(struct report_totals *out, struct report_context *context)
{
    *out = (struct report_totals){
        .sdc = rate_of(context, REPORT_SDC, REPORT_ALL),
        .sdc_changed = rate_of(context, REPORT_SDC, REPORT_CHANGED),
        .due = rate_of(context, REPORT_DUE, REPORT_ALL),
        .critical = rate_of(context, REPORT_CRITICAL, REPORT_ALL),
        .main = rate_of(context, context->main, REPORT_ALL),
        .main_changed = rate_of(context, context->main, REPORT_CHANGED),
        .changed = rate_of(context, REPORT_CHANGED_EVENTS, REPORT_ALL),
        .main_runs = rate_of(context, context->main, REPORT_RUNS),
        .sdc_runs = rate_of(context, REPORT_SDC, REPORT_RUNS),
        .no_fault = no_fault(context->data),
    };
}

static const struct report_column OUTCOME_COLUMNS[] = {
    {"outcome", "outcome", REPORT_TEXT, REPORT_ALONE},
    {"events", "events", REPORT_COUNT, REPORT_ALONE},
    REPORT_RATE_COLUMNS("all", "of all faults, %"),
    REPORT_RATE_COLUMNS("changed", "of changed bits, %"),
    REPORT_RATE_COLUMNS("right", "of golden right, %"),
    {"trials", "n", REPORT_COUNT, REPORT_ALONE},
    {"n_effective", NULL, REPORT_NUMBER, REPORT_ALONE},
    {"design_effect", "design effect", REPORT_NUMBER, REPORT_ALONE},
    REPORT_RUNS_COLUMNS("runs", "of all runs, %"),
};
#define OUTCOME_COLUMN_COUNT ((uint32_t)(sizeof(OUTCOME_COLUMNS) / sizeof(*OUTCOME_COLUMNS)))
#define OUTCOME_OF_RUNS (REPORT_RATE_WIDTH + 1) /* the last columns, of a bit error rate */

/* Sums, after the ladder's own classes. */
static const struct sum {
    const char *name;
    report_events events;
} SUMS[] = {
    {"masked (both)", REPORT_MASKED},
    {"SDC (all)", REPORT_SDC},
    {"SDC or DUE", REPORT_SDC | REPORT_DUE},
};
#define SUM_COUNT ((uint32_t)(sizeof(SUMS) / sizeof(*SUMS)))

static void fill_outcome(struct report_table *table, uint32_t row, struct report_context *context,
                         const struct sum *sum)
{
    const report_events changed = sum->events & REPORT_CHANGED_EVENTS;
    const struct report_rate all = rate_of(context, sum->events, REPORT_ALL);
    report_table_text(table, row, "outcome", sum->name);
    report_table_set(table, row, "events", (double)all.estimate.events);
    report_table_set(table, row, "trials", (double)all.estimate.counted);
    report_table_set(table, row, "n_effective", all.estimate.n_effective);
    report_table_set(table, row, "design_effect", all.estimate.design_effect);
    report_figure_rate(table, row, "all", &all);
    if (changed) {
        const struct report_rate given = rate_of(context, changed, REPORT_CHANGED);
        report_figure_rate(table, row, "changed", &given);
    }
    if (context->data->scored) {
        const struct report_rate right = rate_of(context, sum->events, REPORT_GOLDEN_RIGHT);
        report_figure_rate(table, row, "right", &right);
    }
    if (report_context_is_ber(context)) {
        const struct report_rate runs = rate_of(context, sum->events, REPORT_RUNS);
        report_figure_rate(table, row, "runs", &runs);
        report_table_set(table, row, "runs_share", runs.share);
    }
}

static const char *outcomes_caption(struct report_context *context)
{
    const char *text, *look = report_context_look(context);
    if (rate_of(context, context->main, REPORT_ALL).refused)
        text = "Outcomes of all trials that count; strata without weights have no share in "
               "common.";
    else if (report_context_is_ber(context))
        text = "Outcomes of all trials that count: share of trials, each of which has one "
               "fault at least, of those that changed bits, of those whose golden answer is "
               "right, and of all runs, those without a fault among them; weighed over "
               "strata.";
    else
        text = "Outcomes of all trials that count: share of all faults, of those that "
               "changed bits, and of those whose golden answer is right; weighed over "
               "strata.";
    return look ? arena_printf(context->arena, "%s%s", text, look) : NULL;
}

enum status report_summary_outcomes(struct report_table *out, struct report_context *context)
{
    uint64_t count[OUTCOME_COUNT] = {0};
    uint32_t rows = SUM_COUNT, row = 0;
    out->id = "outcomes";
    out->caption = outcomes_caption(context);
    for (size_t i = 0; i < context->data->n; i++)
        rows += count[context->data->trial[i].outcome]++ == 0;
    enum status st = out->caption ? STATUS_OK : STATUS_MEMORY;
    st = st ? st
            : report_table_init(out, context->arena, rows, OUTCOME_COLUMNS,
                                OUTCOME_COLUMN_COUNT -
                                    (report_context_is_ber(context) ? 0 : OUTCOME_OF_RUNS));
    for (uint32_t o = 0; !st && o < OUTCOME_COUNT; o++) {
        if (count[o] > 0)
            fill_outcome(out, row++, context,
                         &(struct sum){kinds_text(KINDS_OUTCOME, o), UINT32_C(1) << o});
    }
    for (uint32_t s = 0; !st && s < SUM_COUNT; s++)
        fill_outcome(out, row++, context, &SUMS[s]);
    return st;
}

static enum stats_bootstrap_unit unit_of(const struct report_data *data)
{
    if (data->plan->design == PLAN_CROSSED && data->n_bases > 1)
        return STATS_BOOTSTRAP_BOTH;
    return data->plan->design == PLAN_FAULT_MAJOR || data->n_bases < 2 ? STATS_BOOTSTRAP_FAULT
                                                                       : STATS_BOOTSTRAP_ITEM;
}

enum status report_summary_bootstrap(struct report_bootstrap *out, struct report_context *context,
                                     report_events events, enum report_given given)
{
    struct stats_cluster_data data;
    const double most = SUMMARY_DRAWS / ((double)context->data->n + 1);
    *out = (struct report_bootstrap){
        .unit = unit_of(context->data), .seed = context->data->plan->seed, .interval = {0, 1}};
    out->replicates = most < 200                  ? 200
                      : most < SUMMARY_REPLICATES ? (uint32_t)most
                                                  : SUMMARY_REPLICATES;
    report_rate_data(&data, context->work,
                     &(struct report_query){.events = events, .given = given});
    uint32_t *times =
        arena_array(context->arena, (size_t)data.n_items + data.n_faults + 1, sizeof(*times));
    double *rate = arena_array(context->arena, out->replicates, sizeof(*rate));
    if (!times || !rate)
        return STATUS_MEMORY;
    stats_bootstrap_run(&out->result, &(struct stats_bootstrap_params){
                                          .data = &data,
                                          .unit = out->unit,
                                          .replicates = out->replicates,
                                          .seed = out->seed,
                                          .times = times,
                                          .rate = rate,
                                      });
    out->interval =
        stats_bootstrap_interval(rate, out->result.defined, report_figure_level(context));
    return STATUS_OK;
}

static const struct report_column CHECK_COLUMNS[] = {
    {"rate_of", "rate", REPORT_TEXT, REPORT_ALONE},
    REPORT_RATE_COLUMNS("rate", "clustered, %"),
    {"bootstrap", "bootstrap mean, %", REPORT_PERCENT, REPORT_BOUNDS},
    {"bootstrap_low", NULL, REPORT_PERCENT, REPORT_ALONE},
    {"bootstrap_high", NULL, REPORT_PERCENT, REPORT_ALONE},
    REPORT_RATE_COLUMNS("plain", "as if independent, %"),
    {"items", "items", REPORT_COUNT, REPORT_ALONE},
    {"faults", "faults", REPORT_COUNT, REPORT_ALONE},
    {"n_effective", NULL, REPORT_NUMBER, REPORT_ALONE},
    {"replicates", "replicates", REPORT_COUNT, REPORT_ALONE},
};

static enum status fill_check(struct report_table *table, uint32_t row,
                              struct report_context *context, enum report_given given)
{
    struct report_bootstrap bootstrap;
    const struct report_rate rate = rate_of(context, context->main, given);
    if (rate.refused || rate.missing > 0)
        return STATUS_OK;
    const enum status st = report_summary_bootstrap(&bootstrap, context, context->main, given);
    if (st)
        return st;
    const double n = (double)rate.estimate.counted;
    const struct report_interval plain = {
        rate.estimate.rate,
        {stats_interval_wilson(rate.estimate.rate, n, report_figure_level(context)),
         STATS_CLUSTER_SCORE, n, 0},
        1};
    report_figure_rate(table, row, "rate", &rate);
    report_table_set(table, row, "bootstrap", bootstrap.result.mean);
    report_table_set(table, row, "bootstrap_low", bootstrap.interval.low);
    report_table_set(table, row, "bootstrap_high", bootstrap.interval.high);
    report_figure_interval(table, row, "plain", &plain);
    report_table_set(table, row, "replicates", bootstrap.replicates);
    report_table_set(table, row, "items", rate.estimate.items);
    report_table_set(table, row, "faults", rate.estimate.faults);
    report_table_set(table, row, "n_effective", rate.estimate.n_effective);
    return STATUS_OK;
}

enum status report_summary_checks(struct report_table *out, struct report_context *context)
{
    static const char *const units[] = {"items", "faults", "items and faults"};
    out->id = "checks";
    out->caption = arena_printf(
        context->arena,
        "The interval held against a bootstrap that draws whole %s (percentiles, seed %" PRIu64
        ") and against Wilson's for as many independent trials, which is too narrow where trials "
        "share items or faults.",
        units[unit_of(context->data)], context->data->plan->seed);
    /* without a total there is nothing to check */
    const uint32_t rows = rate_of(context, context->main, REPORT_ALL).refused ? 0 : 2;
    enum status st = report_table_init(out, context->arena, rows, CHECK_COLUMNS,
                                       sizeof(CHECK_COLUMNS) / sizeof(*CHECK_COLUMNS));
    if (st || !out->caption)
        return STATUS_MEMORY;
    for (uint32_t r = 0; !st && r < rows; r++) {
        const char *name = arena_printf(context->arena, "%s %s", context->main_name,
                                        r == 0 ? "of all faults" : "of changed bits");
        if (!name)
            return STATUS_MEMORY;
        report_table_text(out, r, "rate_of", name);
        st = fill_check(out, r, context, r == 0 ? REPORT_ALL : REPORT_CHANGED);
    }
    return st;
}

static const struct report_column KEPT_COLUMNS[] = {
    {"rows", "rows", REPORT_TEXT, REPORT_ALONE},
    {"count", "count", REPORT_COUNT, REPORT_ALONE},
    {"what", "what becomes of them", REPORT_TEXT, REPORT_ALONE},
};

enum status report_summary_kept(struct report_table *out, struct report_context *context)
{
    const struct report_data *data = context->data;
    const struct {
        const char *rows, *what;
        uint64_t count;
    } lines[] = {
        {"planned", "ids of this database's shard", data->expected},
        {"done", "rows in the database", data->n_rows},
        {"trials", "count in every rate", data->n},
        {"dry controls", "must end masked_bitexact; kept out of rates", data->role[ROLE_DRY]},
        {"sentinels", "must change the text; kept out of rates", data->role[ROLE_SENTINEL]},
        {"naive reruns", "must equal their trial; kept out of rates", data->role[ROLE_NAIVE]},
        {"CPU reruns", "must equal their trial; kept out of rates", data->role[ROLE_CPU]},
        {"suspect", "written after the last good control before a bad one; kept out",
         data->suspect},
        {"incidents", "abnormal ends that did not come back; the trial was run again",
         data->n_incidents},
    };
    const uint32_t rows = sizeof(lines) / sizeof(*lines);
    out->id = "kept";
    out->caption = "What the database holds and what of it counts.";
    const enum status st = report_table_init(out, context->arena, rows, KEPT_COLUMNS,
                                             sizeof(KEPT_COLUMNS) / sizeof(*KEPT_COLUMNS));
    for (uint32_t r = 0; !st && r < rows; r++) {
        report_table_text(out, r, "rows", lines[r].rows);
        report_table_text(out, r, "what", lines[r].what);
        report_table_set(out, r, "count", (double)lines[r].count);
    }
    return st;
}

static const struct report_column DEVICE_COLUMNS[] = {
    {"device", "device", REPORT_TEXT, REPORT_ALONE},
    {"driver", "driver", REPORT_TEXT, REPORT_ALONE},
    {"version", "version", REPORT_TEXT, REPORT_ALONE},
    {"uuid", "UUID", REPORT_TEXT, REPORT_ALONE},
    {"probe", "probe", REPORT_TEXT, REPORT_ALONE},
    {"constants", "constants", REPORT_TEXT, REPORT_ALONE},
    {"cpu_flags", "CPU flags", REPORT_TEXT, REPORT_ALONE},
    {"threads", "threads", REPORT_COUNT, REPORT_ALONE},
    {"trials", "trials", REPORT_COUNT, REPORT_ALONE},
    {"sdc", "SDC events", REPORT_COUNT, REPORT_ALONE},
    {"due", "DUE events", REPORT_COUNT, REPORT_ALONE},
};

enum status report_summary_devices(struct report_table *out, struct report_context *context)
{
    const struct report_data *data = context->data;
    out->id = "devices_used";
    out->caption = arena_printf(
        context->arena,
        "Devices that ran trials, and what they found; the split over devices is free, so "
        "counts here are no comparison of devices. Golden runs of %" PRIu32 " of %" PRIu32
        " items are marked underflow: a value was flushed, and devices that treat denormals in "
        "another way may differ there.",
        report_data_underflow(data), data->n_items);
    if (!out->caption)
        return STATUS_MEMORY;
    const enum status st = report_table_init(out, context->arena, data->n_devices, DEVICE_COLUMNS,
                                             sizeof(DEVICE_COLUMNS) / sizeof(*DEVICE_COLUMNS));
    for (uint32_t d = 0; !st && d < data->n_devices; d++) {
        const struct store_device *device = &data->device[d];
        report_table_text(out, d, "device", device->name);
        report_table_text(out, d, "driver", device->driver);
        report_table_text(out, d, "version", device->driver_version);
        report_table_text(out, d, "uuid", device->uuid);
        report_table_text(out, d, "probe", device->probe);
        report_table_text(out, d, "constants", device->constants);
        report_table_text(out, d, "cpu_flags", device->cpu_flags);
        report_table_set(out, d, "threads", device->threads);
        double trials = 0, sdc = 0, due = 0;
        for (size_t i = 0; i < data->n; i++) {
            const struct report_trial *t = &data->trial[i];
            trials += t->device == d;
            sdc += t->device == d && (REPORT_SDC >> t->outcome & 1);
            due += t->device == d && t->outcome == OUTCOME_DUE;
        }
        report_table_set(out, d, "trials", trials);
        report_table_set(out, d, "sdc", sdc);
        report_table_set(out, d, "due", due);
    }
    return st;
}

static const struct report_column FLAG_COLUMNS[] = {
    {"flag", "flag or reason", REPORT_TEXT, REPORT_ALONE},
    {"trials", "trials", REPORT_COUNT, REPORT_ALONE},
    {"share", "of all trials, %", REPORT_PERCENT, REPORT_ALONE},
};

enum status report_summary_flags(struct report_table *out, struct report_context *context)
{
    const struct report_data *data = context->data;
    uint64_t flag[FLAG_COUNT] = {0}, due[DUE_REASON_COUNT] = {0};
    uint32_t rows = 0, row = 0;
    out->id = "flags";
    out->caption =
        "Flags that are true of the faulty and not of the golden text, and reasons of DUE; "
        "trials as drawn, without weights.";
    for (size_t i = 0; i < data->n; i++) {
        const struct report_trial *t = &data->trial[i];
        for (uint32_t f = 0; f < FLAG_COUNT; f++)
            rows += (t->flags >> f & 1) && flag[f]++ == 0;
        rows += t->due != DUE_NONE && due[t->due]++ == 0;
    }
    const enum status st = report_table_init(out, context->arena, rows, FLAG_COLUMNS,
                                             sizeof(FLAG_COLUMNS) / sizeof(*FLAG_COLUMNS));
    for (uint32_t k = 0; !st && k < FLAG_COUNT + DUE_REASON_COUNT; k++) {
        const bool is_flag = k < FLAG_COUNT;
        const uint64_t count = is_flag ? flag[k] : due[k - FLAG_COUNT];
        if (count == 0)
            continue;
        report_table_text(out, row, "flag",
                          is_flag ? kinds_text(KINDS_FLAG, k)
                                  : arena_printf(context->arena, "due: %s",
                                                 kinds_text(KINDS_DUE_REASON, k - FLAG_COUNT)));
        report_table_set(out, row, "trials", (double)count);
        report_table_set(out, row++, "share", (double)count / (double)data->n);
    }
    return st;
}
