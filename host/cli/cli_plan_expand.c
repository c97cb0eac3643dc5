/* SPDX-License-Identifier: MIT */
/* `vkfi plan expand`: trials of a plan as they will be run. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli_output.h"
#include "cli/cli_plan.h"
#include "cli/cli_record.h"

/* Where a fault is does not depend on the item that runs. */
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

/* Of the column of strata. */
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
    json_put_key(w, "stratum");
    if (d->role == ROLE_SENTINEL)
        json_put_null(w);
    else
        json_put_text(w, sample_stratum(p->sample, d->stratum).label);
    json_member_number(w, "weight", d->weight);
    json_member_number(w, "draw_prob", d->draw_prob);
    json_member_text(w, "stage", kinds_text(KINDS_STAGE, d->stage));
    json_member_text(w, "place", kinds_text(KINDS_PLACE, d->fault->place));
    json_member_text(w, "granularity", kinds_text(KINDS_GRANULARITY, d->fault->granularity));
    json_put_key(w, "faults");
    json_array_open(w);
    for (uint32_t i = 0; i < d->n_faults; i++)
        fault_put(w, &d->fault[i]); /* as a fault file has it */
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

enum status cli_plan_expand(const struct cli_env *env, const char *path,
                            const struct cli_plan_options *options)
{
    struct cli_plan plan = {0};
    const bool one = options->trial != CLI_PLAN_NO_TRIAL;
    const uint64_t first = one ? options->trial : options->first;
    enum status st = cli_plan_open(&plan, env, path, options);
    if (!st && first >= sample_trials(plan.sample)) {
        log_error("%s: found %s %" PRIu64 ", expected one of the %" PRIu64 " trials, 0 to %" PRIu64,
                  path, one ? "--trial" : "--first", first, sample_trials(plan.sample),
                  sample_trials(plan.sample) - 1);
        st = STATUS_USAGE;
    }
    if (!st) {
        const uint64_t left = sample_trials(plan.sample) - first;
        const uint64_t count = one ? 1 : options->limit < left ? options->limit : left;
        st = print_range(&plan, first, count, options->json);
    }
    cli_plan_close(&plan);
    return st;
}
