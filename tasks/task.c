/* SPDX-License-Identifier: MIT */
/* Names of the enumerations. */
#include "tasks/task_definition.h"

const char *const task_kinds[TASK_KIND_COUNT] = {
    [TASK_CHOICES] = "choices", [TASK_GENERATION] = "generation", [TASK_CODE] = "code"};
const char *const task_areas[TASK_AREA_COUNT] = {[TASK_REASONING] = "reasoning",
                                                 [TASK_MULTILINGUAL] = "multilingual",
                                                 [TASK_MATHEMATICAL] = "mathematical",
                                                 [TASK_CODING] = "coding",
                                                 [TASK_OTHER] = "other"};
const char *const task_metrics[TASK_METRIC_COUNT] = {
    [TASK_ACC] = "acc",   [TASK_ACC_NORM] = "acc_norm", [TASK_EXACT_MATCH] = "exact_match",
    [TASK_BLEU] = "bleu", [TASK_CHRF] = "chrf++",       [TASK_PASS] = "pass@1"};
const char *const task_formats[TASK_FORMAT_COUNT] = {
    [TASK_JSONL] = "jsonl", [TASK_JSON] = "json",         [TASK_CSV] = "csv",  [TASK_TSV] = "tsv",
    [TASK_LINES] = "lines", [TASK_PARALLEL] = "parallel", [TASK_RUBI] = "rubi"};

const char *task_kind_name(enum task_kind kind)
{
    return task_kinds[kind];
}

const char *task_area_name(enum task_area area)
{
    return task_areas[area];
}

const char *task_metric_name(enum task_metric metric)
{
    return task_metrics[metric];
}

enum task_kind task_metric_kind(enum task_metric metric)
{
    static const enum task_kind of[TASK_METRIC_COUNT] = {[TASK_ACC] = TASK_CHOICES,
                                                         [TASK_ACC_NORM] = TASK_CHOICES,
                                                         [TASK_EXACT_MATCH] = TASK_GENERATION,
                                                         [TASK_BLEU] = TASK_GENERATION,
                                                         [TASK_CHRF] = TASK_GENERATION,
                                                         [TASK_PASS] = TASK_CODE};
    return of[metric];
}
