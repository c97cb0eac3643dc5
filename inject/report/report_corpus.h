/* SPDX-License-Identifier: MIT */
/* What faults do to scores of whole corpora, BLEU and chrF++, by pair of languages and task
 * (METHOD.md 4). */
#ifndef VKFI_INJECT_REPORT_CORPUS_H
#define VKFI_INJECT_REPORT_CORPUS_H

#include "inject/report/report_figure.h"

#define REPORT_CORPUS_SENTENCES 50 /* below which there is no normalised score */
#define REPORT_CORPUS_CHANGED 10   /* sentences with another text, below which no interval */
#define REPORT_CORPUS_DRAWS 1000

/* The sentences of a group (a pair of languages), or all of a task: then scores are means over its
 * groups. Scores are in points, 0 to 100; unknown ones are NaN. */
struct report_corpus {
    const char *area, *task, *group; /* group null: all of the task */
    enum task_metric metric;
    const char *signature; /* sacrebleu's; null for several groups */
    uint32_t sentences;    /* that some trial struck: the corpus */
    uint64_t trials;       /* of them, */
    uint32_t changed;      /* sentences of which some trial gave another text */
    double chance;         /* golden's texts against references of other sentences */
    double golden, faulty; /* faulty: one fault a sentence (stats_corpus.h) */
    double change;         /* faulty - golden */
    double normalised;     /* (faulty - chance) / (golden - chance) */
    struct stats_interval of_golden, of_change, of_normalised;
    const char *no_interval; /* why the change has none; null: it has */
    const char *reason;      /* why there is no normalised score; null: there is one */
};

struct report_corpora {
    struct report_corpus *row; /* (count) a metric's groups, then all of them; by task */
    uint32_t count;
};

/* Of tasks whose metric is one of a corpus; none: count 0. Memory from the context's arena. */
enum status report_corpus_make(struct report_corpora *out,
                               struct report_context *context) STATUS_MUST_USE;

/* A table of the context's rows, a member "corpora" of an open object (if there is a row), some
 * lines for a terminal. */
enum status report_corpus_table(struct report_table *out, struct report_context *context);
void report_corpus_members(struct json_writer *w, const struct report_corpora *corpora);
/* "-1.2 [-2.0, -0.5]", or why there is no interval. */
void report_corpus_change(char out[REPORT_INTERVAL_TEXT], const struct report_corpus *row);
void report_corpus_lines(struct text *out, const struct report_corpora *corpora, double confidence);

#endif
