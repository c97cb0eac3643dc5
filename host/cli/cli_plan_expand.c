/* SPDX-License-Identifier: MIT */
/* `vkfi plan expand`: the trials that will run; `vkfi plan diff`: fields in which two plans
 * differ. */
#include "cli/cli_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/cli_record.h"
#include "cli/cli_task.h"

/* --- expand --- */

/* A fault's place does not depend on the item run. */
static void print_fault(const struct fault *f, const struct model *model)
{
    const struct fault_bounds bounds = {.model = model, .positions = UINT32_MAX};
    char site[FAULT_SITE_TEXT], what[64], where[CLI_RECORD_WHERE];
    fault_site(f, site);
    if (hook_kinds_takes(f->kind, KIND_TAKES_VALUE))
        snprintf(what, sizeof(what), "%s 0x%x", kinds_text(KINDS_KIND, f->kind), f->value);
    else if (f->mask)
        snprintf(what, sizeof(what), "%s 0x%x", kinds_text(KINDS_KIND, f->kind), f->mask);
    else
        snprintf(what, sizeof(what), "%s", kinds_text(KINDS_KIND, f->kind));
    printf("%-24s %-7s %-21s at %" PRIu32, site, kinds_text(KINDS_POINT, f->point), what,
           f->position);
    if (f->position_count == FAULT_FOREVER)
        printf("..");
    else if (f->position_count != 1)
        printf("..%" PRIu32, f->position + f->position_count - 1);
    cli_record_where(f, &bounds, where, sizeof(where));
    printf("%s%s\n", where[0] ? ", " : "", where);
}

/* Width of the column of strata. */
static int label_width(const struct cli_plan *p)
{
    size_t width = strlen("stratum");
    for (uint32_t i = 0; i < sample_strata(p->sample); i++) {
        const size_t n = strlen(sample_stratum(p->sample, i).label);
        width = n > width ? n : width;
    }
    return (int)width;
}

static void print_draw(const struct cli_plan *p, const struct sample_draw *d, int width)
{
    printf("%8" PRIu64 "  %-8s  %4" PRIu32 "  %-*s  ", d->trial,
           d->role == ROLE_TRIAL ? "trial" : kinds_text(KINDS_ROLE, d->role), d->item, width,
           d->role == ROLE_SENTINEL ? "-" : sample_stratum(p->sample, d->stratum).label);
    for (uint32_t i = 0; i < d->n_faults; i++) {
        if (i > 0)
            printf("%*s", 28 + width, "");
        print_fault(&d->fault[i], p->model);
    }
}

static void put_draw(struct json_writer *w, const struct cli_plan *p, const struct sample_draw *d)
{
    json_object_open(w);
    json_member_int(w, "trial", d->trial);
    json_member_text(w, "role", d->role == ROLE_TRIAL ? "trial" : kinds_text(KINDS_ROLE, d->role));
    json_member_int(w, "original", d->original);
    json_member_int(w, "fault_index", d->fault_index);
    json_member_int(w, "item", d->item);
    json_member_text(w, "stratum",
                     d->role == ROLE_SENTINEL ? NULL : sample_stratum(p->sample, d->stratum).label);
    json_member_number(w, "weight", d->weight);
    json_member_number(w, "draw_prob", d->draw_prob);
    json_member_text(w, "stage", kinds_text(KINDS_STAGE, d->stage));
    json_member_text(w, "place", kinds_text(KINDS_PLACE, d->fault->place));
    json_member_text(w, "granularity", kinds_text(KINDS_GRANULARITY, d->fault->granularity));
    json_member_array(w, "faults");
    for (uint32_t i = 0; i < d->n_faults; i++)
        fault_put(w, &d->fault[i]); /* as in a fault file */
    json_array_close(w);
    json_object_close(w);
}

static enum status print_range(const struct cli_plan *p, uint64_t first, uint64_t count, bool json)
{
    const int width = label_width(p);
    struct json_writer w;
    enum status st = STATUS_OK;
    if (json) {
        json_begin(&w, stdout, true);
        json_array_open(&w);
    } else {
        printf("%8s  %-8s  %4s  %-*s  %s\n", "trial", "role", "item", width, "stratum", "fault");
    }
    for (uint64_t i = 0; !st && i < count; i++) {
        struct arena arena = {0};
        struct sample_draw d;
        st = sample_draw(p->sample, first + i, &arena, &d);
        if (!st && json)
            put_draw(&w, p, &d);
        else if (!st)
            print_draw(p, &d, width);
        arena_finish(&arena);
    }
    if (st || !json)
        return st;
    json_array_close(&w);
    return json_end(&w);
}

enum status cli_plan_expand(const struct cli_env *env, const void *options,
                            const struct args_list *operands)
{
    const struct cli_plan_options *o = options;
    const char *path = operands->item[0];
    struct cli_plan plan = {0};
    const bool one = o->trial != CLI_PLAN_NO_TRIAL;
    const uint64_t first = one ? o->trial : o->first;
    enum status st = cli_plan_open(&plan, env, path, o);
    if (!st && first >= sample_trials(plan.sample)) {
        log_error("%s: found %s %" PRIu64 ", expected one of the %" PRIu64 " trials, 0 to %" PRIu64,
                  path, one ? "--trial" : "--first", first, sample_trials(plan.sample),
                  sample_trials(plan.sample) - 1);
        st = STATUS_USAGE;
    }
    if (!st) {
        const uint64_t left = sample_trials(plan.sample) - first;
        const uint64_t count = one ? 1 : o->limit < left ? o->limit : left;
        st = print_range(&plan, first, count, o->json);
    }
    cli_plan_close(&plan);
    return st;
}

/* --- diff: the canonical forms, member by member --- */

/* Differences in the order of the canonical form. */
struct differ {
    struct json_writer *w; /* null: as text */
    size_t count;
};

static void print_value(const struct json *value)
{
    struct json_writer w;
    if (!value) {
        printf("nothing");
        return;
    }
    json_begin(&w, stdout, false);
    json_put_value(&w, value);
}

static void report(struct differ *d, const char *path, const struct json *a, const struct json *b)
{
    d->count++;
    if (d->w) {
        json_object_open(d->w);
        json_member_text(d->w, "field", path);
        json_member_value(d->w, "first", a);
        json_member_value(d->w, "second", b);
        json_object_close(d->w);
        return;
    }
    printf("%s: ", path);
    print_value(a);
    printf(" | ");
    print_value(b);
    putchar('\n');
}

static bool equal(const struct json *a, const struct json *b)
{
    if (json_type(a) != json_type(b) || json_count(a) != json_count(b))
        return false;
    for (size_t i = 0; i < json_count(a); i++) {
        const struct json *x = json_at(a, i);
        const bool object = json_type(a) == JSON_OBJECT;
        if (!equal(x, object ? json_get(b, json_key(x)) : json_at(b, i)))
            return false;
    }
    if (json_type(a) == JSON_TEXT)
        return strcmp(json_text(a), json_text(b)) == 0;
    if (json_type(a) == JSON_NUMBER)
        return !(json_number(a) < json_number(b)) && !(json_number(a) > json_number(b));
    return json_type(a) != JSON_BOOL || json_bool(a) == json_bool(b);
}

static enum status compare(struct differ *d, const char *path, const struct json *a,
                           const struct json *b);

/* Members or elements of either; objects by key, lists by index. */
static enum status compare_inside(struct differ *d, const char *path, const struct json *a,
                                  const struct json *b)
{
    const bool object = json_type(a) == JSON_OBJECT;
    enum status st = STATUS_OK;
    const size_t most = json_count(a) > json_count(b) ? json_count(a) : json_count(b);
    for (size_t i = 0; !st && i < (object ? json_count(a) : most); i++) {
        struct text inner = {0};
        const struct json *x = json_at(a, i);
        st = object ? text_addf(&inner, "%s/%s", path, json_key(x))
                    : text_addf(&inner, "%s/%zu", path, i);
        st = st ? st : compare(d, inner.data, x, object ? json_get(b, json_key(x)) : json_at(b, i));
        text_finish(&inner);
    }
    for (size_t i = 0; !st && object && i < json_count(b); i++) {
        struct text inner = {0};
        const struct json *y = json_at(b, i);
        if (json_get(a, json_key(y)))
            continue;
        st = text_addf(&inner, "%s/%s", path, json_key(y));
        if (!st)
            report(d, inner.data, NULL, y);
        text_finish(&inner);
    }
    return st;
}

static enum status compare(struct differ *d, const char *path, const struct json *a,
                           const struct json *b)
{
    const enum json_type type = json_type(a);
    if (a && b && type == json_type(b) && (type == JSON_OBJECT || type == JSON_ARRAY))
        return compare_inside(d, path, a, b);
    if (!a || !b || !equal(a, b))
        report(d, path, a, b);
    return STATUS_OK;
}

static enum status compare_plans(struct differ *d, const struct plan *a, const struct plan *b)
{
    struct json_doc *x = NULL, *y = NULL;
    enum status st = json_parse(&x, a->canon, strlen(a->canon), "the first plan");
    st = st ? st : json_parse(&y, b->canon, strlen(b->canon), "the second plan");
    st = st ? st : compare(d, "", json_root(x), json_root(y));
    json_destroy(&x);
    json_destroy(&y);
    return st;
}

static enum status print_diff(const struct plan *a, const struct plan *b, bool json)
{
    struct json_writer w;
    struct differ d = {.w = json ? &w : NULL};
    const bool same = strcmp(a->hash, b->hash) == 0;
    const bool words = strcmp(a->title, b->title) == 0 && strcmp(a->notes, b->notes) == 0;
    if (json) {
        json_begin(&w, stdout, true);
        json_object_open(&w);
        json_member_bool(&w, "same_identity", same);
        json_member_bool(&w, "same_title_and_notes", words);
        json_member_array(&w, "differences");
    }
    enum status st = compare_plans(&d, a, b);
    if (st)
        return st;
    if (json) {
        json_array_close(&w);
        json_object_close(&w);
        return json_end(&w);
    }
    if (!words)
        printf("title or notes differ, which does not matter\n");
    printf("%s: %s\n", same ? "the same campaign" : "different campaigns",
           same ? a->hash : "their databases never mix");
    return STATUS_OK;
}

enum status cli_plan_diff(const struct cli_env *env, const void *options,
                          const struct args_list *operands)
{
    const struct cli_plan_options *o = options;
    struct arena arena = {0};
    struct plan a, b;
    (void)env;
    enum status st =
        plan_load(&a, &arena, operands->item[0], &(struct plan_tasks){cli_task_of_plan, env});
    st = st ? st
            : plan_load(&b, &arena, operands->item[1], &(struct plan_tasks){cli_task_of_plan, env});
    st = st ? st : print_diff(&a, &b, o->json);
    arena_finish(&arena);
    return st;
}
