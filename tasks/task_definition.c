/* SPDX-License-Identifier: MIT */
/* Reads a definition, and checks its fields against each other. */
#include "tasks/task_definition.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"

/* Fields that a kind's items need. */
struct need {
    const char *key;
    bool given, wanted, refused;
};

static enum status check_needs(const struct task_reading *r, const struct need *need, size_t count)
{
    const char *kind = task_kinds[r->out->task.kind];
    const struct json *root = json_root(r->doc);
    for (size_t i = 0; i < count; i++) {
        if (need[i].wanted && !need[i].given) {
            log_error("%s: '%s' is missing; expected it in a task of kind %s",
                      json_where(r->doc, root), need[i].key, kind);
            return STATUS_INPUT;
        }
        if (need[i].refused && need[i].given) {
            log_error("%s: found a field that a task of kind %s does not have",
                      json_where(r->doc, json_get(root, need[i].key)), kind);
            return STATUS_INPUT;
        }
    }
    return STATUS_OK;
}

static bool has_rule(const struct task_definition *d, const char *rule)
{
    for (uint32_t i = 0; i < d->extract.count; i++) {
        if (strcmp(d->extract.text[i], rule) == 0)
            return true;
    }
    return false;
}

static enum status check_kind(const struct task_reading *r)
{
    const struct task_definition *d = r->out;
    const struct json *root = json_root(r->doc);
    const bool choices = d->task.kind == TASK_CHOICES, code = d->task.kind == TASK_CODE;
    const bool integral = has_rule(d, "integral");
    const struct need needs[] = {
        {"template", d->prompt != NULL, !d->contexts.given, d->contexts.given},
        {"choices", d->choices.given, choices, !choices},
        {"contexts", d->contexts.given, false, !choices},
        {"gold", d->gold != NULL, choices, !choices},
        {"labels", d->labels.given, false, !choices},
        {"reply", d->reply != NULL, false, choices},
        {"target", d->target != NULL, !choices && !code, choices},
        {"stop", d->stop.count > 0, false, choices},
        {"max_tokens", json_get(root, "max_tokens") != NULL, false, choices},
        {"extract", d->extract.count > 0, !choices && !code, choices},
        {"prefix", d->prefix != NULL, false, !code},
        {"test", d->test != NULL, code, !code},
        {"entry_point", d->entry_point != NULL, false, !code},
        {"integrand", d->integrand != NULL, integral, !integral},
        {"variable", d->variable != NULL, integral, !integral},
    };
    return check_needs(r, needs, sizeof(needs) / sizeof(*needs));
}

/* Metrics and extraction rules, which belong to a kind. */
static enum status check_words(const struct task_reading *r)
{
    const struct task *task = &r->out->task;
    const struct json *root = json_root(r->doc);
    for (uint32_t i = 0; i < task->n_metrics; i++) {
        if (task_metric_kind(task->metric[i]) == task->kind)
            continue;
        log_error("%s: found %s, expected a metric of tasks of kind %s",
                  json_where(r->doc, json_get(root, "metrics")), task_metrics[task->metric[i]],
                  task_kinds[task->kind]);
        return STATUS_INPUT;
    }
    for (uint32_t i = 0; i < r->out->extract.count; i++) {
        const char *rule = r->out->extract.text[i];
        if ((strcmp(rule, "code") == 0) == (task->kind == TASK_CODE))
            continue;
        log_error("%s: found %s, expected a rule for tasks of kind %s",
                  json_where(r->doc, json_get(root, "extract")), rule, task_kinds[task->kind]);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

static enum status check_examples(const struct task_reading *r)
{
    const struct task_definition *d = r->out;
    const uint32_t n = d->examples ? (uint32_t)json_count(d->examples) : d->pool;
    const struct json *few_shot = json_get(json_root(r->doc), "few_shot");
    if (d->pool > 0 && d->examples) {
        log_error("%s: found pool and records, expected one of them", json_where(r->doc, few_shot));
        return STATUS_INPUT;
    }
    if (d->task.shots <= n)
        return STATUS_OK;
    log_error("%s: found %u shots, expected at most %u, as many as pool or records give",
              json_where(r->doc, few_shot), d->task.shots, n);
    return STATUS_INPUT;
}

static enum status check(const struct task_reading *r)
{
    const struct task_definition *d = r->out;
    enum status st = check_kind(r);
    if (!st && d->format == TASK_LINES && d->columns.count == 0) {
        log_error("%s: 'columns' is missing; expected the names of the lines of a record",
                  json_where(r->doc, json_get(json_root(r->doc), "data")));
        st = STATUS_INPUT;
    }
    if (!st && d->labels.each && d->choices.each && d->labels.count != d->choices.count) {
        log_error("%s: found %u labels, expected one for each of %u choices",
                  json_where(r->doc, json_get(json_root(r->doc), "labels")), d->labels.count,
                  d->choices.count);
        st = STATUS_INPUT;
    }
    if (!st)
        st = check_words(r);
    return st ? st : check_examples(r);
}

/* Defaults of absent fields. */
static void set_defaults(struct task_definition *d)
{
    d->task = (struct task){
        .title = "", .licence = "", .area = TASK_OTHER, .max_tokens = 256, .chance = NAN};
    d->delimiter = " ";
    d->separator = "\n\n";
}

static void fill_in(struct task_definition *d)
{
    static const enum task_metric metric[] = {
        [TASK_CHOICES] = TASK_ACC, [TASK_GENERATION] = TASK_EXACT_MATCH, [TASK_CODE] = TASK_PASS};
    struct task *task = &d->task;
    if (task->n_metrics == 0)
        task->metric[task->n_metrics++] = metric[task->kind];
    static const char *const code[] = {"code"};
    if (d->extract.count == 0 && task->kind == TASK_CODE)
        d->extract = (struct task_texts){code, 1};
    task->extract = d->extract.text;
    task->n_extracts = d->extract.count;
    task->stop = d->stop.text;
    task->n_stops = d->stop.count;
    if (isnan(task->chance) && task->kind != TASK_CHOICES)
        task->chance = 0;
}

enum status task_read(struct task **out, const char *text, size_t size, const char *name)
{
    struct task_definition *d = calloc(1, sizeof(*d));
    *out = d ? &d->task : NULL;
    if (!d) {
        log_error("%s: out of host memory", name);
        return STATUS_MEMORY;
    }
    set_defaults(d);
    enum status st = json_parse(&d->doc, text, size, name);
    struct task_reading r = {d, d->doc};
    if (!st)
        st = task_field_read(&r, json_root(d->doc), &task_fields_root);
    if (!st)
        st = check(&r);
    if (!st)
        fill_in(d);
    if (st)
        task_close(out);
    return st;
}

enum status task_open(struct task **out, const char *path)
{
    struct arena arena = {0};
    char *text = NULL;
    size_t size = 0;
    *out = NULL;
    enum status st = file_read(&arena, path, &text, &size);
    if (!st)
        st = task_read(out, text, size, path);
    arena_finish(&arena);
    return st;
}

void task_close(struct task **task)
{
    struct task_definition *d = (struct task_definition *)*task;
    if (d) {
        json_destroy(&d->doc);
        arena_finish(&d->arena);
    }
    free(d);
    *task = NULL;
}
