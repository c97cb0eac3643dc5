/* SPDX-License-Identifier: MIT */
/* pass@k of tasks with several samples of an item, with and without faults (METHOD.md 4). */
#ifndef VKFI_INJECT_REPORT_PASS_H
#define VKFI_INJECT_REPORT_PASS_H

#include "inject/report/report_tasks.h"

/* One k of a task. Unknown numbers are NaN. */
struct report_pass {
    const char *area, *task;
    uint32_t k, samples, items;
    uint32_t struck;   /* samples of all items with a trial */
    uint32_t units;    /* of stats_pass.h: items, or faults on an item */
    uint32_t changed;  /* those whose chance is another one than golden's */
    uint32_t left_out; /* design crossed, fault_major: faults on an item without a trial of each
                          sample */
    uint64_t trials;
    struct report_interval golden; /* mean over items by their weights, Wilson's interval */
    struct report_interval faulty; /* golden + change */
    double change;                 /* of k = 1: as in report_tasks.h */
    struct stats_interval of_change;
    const char *reason; /* why there is no faulty score; null: there is one */
};

struct report_passes {
    struct report_pass *row; /* (count) by task, then by k */
    uint32_t count;
};

/* Of a plan with several samples of an item; else count 0. Design nested: each sample of an item
 * has a fault of its own. The chance that it is right under one is golden's, plus the changes of
 * its trials by their weights, over the sample's share of all weights: unbiased however few they
 * are. crossed, fault_major: a fault strikes all samples of an item. With k = 1 the change is that
 * of `tasks`. Memory from the context's arena. */
enum status report_pass_make(struct report_passes *out, struct report_context *context,
                             const struct report_tasks *tasks) STATUS_MUST_USE;

/* A table of the context's rows, a member "passes" of an open object (if there is a row), a line a
 * row for a terminal. */
enum status report_pass_table(struct report_table *out, struct report_context *context);
void report_pass_members(struct json_writer *w, const struct report_passes *passes);
void report_pass_lines(struct text *out, const struct report_passes *passes, double confidence);

#endif
