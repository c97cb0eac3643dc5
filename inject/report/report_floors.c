/* SPDX-License-Identifier: MIT */
/* Task floors: what a task's scores can show if golden itself is often wrong (METHOD.md 4). */
#include <math.h>

#include "inject/report/report_summary.h"

#define FLOORS_ITEMS 50 /* golden-right items below which a normalised score is meaningless */

static const struct report_column FLOOR_COLUMNS[] = {
    {"what", "task", REPORT_TEXT, REPORT_ALONE},
    {"value", "value", REPORT_NUMBER, REPORT_ALONE},
    {"trials", "n", REPORT_COUNT, REPORT_ALONE},
};

struct floors {
    double golden, faulty, right_to_wrong, wrong_to_right, changed, logp;
    uint64_t scored, right, wrong, due, with_logp;
    uint32_t right_items;
};

/* Trials as drawn. An unchanged text keeps golden's score; a DUE has none. */
static void gather(struct floors *out, struct report_context *context, uint8_t *right_item)
{
    const struct report_data *data = context->data;
    for (size_t i = 0; i < data->n; i++) {
        const struct report_trial *t = &data->trial[i];
        if (!isnan(t->logp_sum)) {
            out->logp += t->logp_sum;
            out->with_logp++;
        }
        if (isnan(t->score_golden))
            continue;
        if (t->golden_right && !right_item[t->item]) {
            right_item[t->item] = 1;
            out->right_items++;
        }
        if (t->outcome == OUTCOME_DUE) {
            out->due++;
            continue;
        }
        const double faulty = isnan(t->score_faulty) ? t->score_golden : t->score_faulty;
        const bool right = faulty >= 1 - 1e-9;
        out->scored++;
        out->golden += t->score_golden;
        out->faulty += faulty;
        out->right += t->golden_right;
        out->wrong += !t->golden_right;
        out->right_to_wrong += t->golden_right && !right;
        out->wrong_to_right += !t->golden_right && right;
        out->changed += faulty != t->score_golden;
    }
}

static void put(struct report_table *table, uint32_t row, const char *what, double value,
                uint64_t trials)
{
    report_table_text(table, row, "what", what);
    report_table_set(table, row, "value", value);
    report_table_set(table, row, "trials", (double)trials);
}

enum status report_summary_floors(struct report_table *out, struct report_context *context)
{
    struct floors f = {0};
    uint8_t *right_item = arena_alloc(context->arena, (size_t)context->data->n_items + 1);
    out->id = "floors";
    out->caption =
        "Scores of the task, trials as drawn. A normalised score needs the task's chance "
        "level and at least 50 golden-right items.";
    if (!right_item)
        return STATUS_MEMORY;
    gather(&f, context, right_item);
    const enum status st = report_table_init(out, context->arena, f.scored ? 8 : 0, FLOOR_COLUMNS,
                                             sizeof(FLOOR_COLUMNS) / sizeof(*FLOOR_COLUMNS));
    if (st || f.scored == 0)
        return st;
    const double n = (double)f.scored;
    put(out, 0, "golden score, mean", f.golden / n, f.scored);
    put(out, 1, "faulty score, mean (DUE left out)", f.faulty / n, f.scored);
    put(out, 2, "golden-right items", f.right_items, f.scored);
    put(out, 3, "right to wrong among golden right", f.right_to_wrong / (double)f.right, f.right);
    put(out, 4, "wrong to right among golden wrong", f.wrong_to_right / (double)f.wrong, f.wrong);
    put(out, 5, "score changed", f.changed / n, f.scored);
    put(out, 6, "log-probability shift of golden's text, nats", f.logp / (double)f.with_logp,
        f.with_logp);
    put(out, 7, "normalised score", NAN, f.scored);
    report_table_at(out, 7, "value")->text =
        f.right_items < FLOORS_ITEMS ? "not identifiable: fewer than 50 golden-right items"
                                     : "not identifiable: no chance level is recorded";
    return STATUS_OK;
}
