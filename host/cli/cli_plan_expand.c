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

static bool is_set(const struct fault *f)
{
    return f->kind == KIND_SET || f->kind == KIND_SCALE || f->kind == KIND_ADD;
}

static void print_fault(const struct fault *f, const struct model *model)
{
    char site[FAULT_SITE_TEXT], what[64], where[CLI_RECORD_WHERE];
    fault_site(f, site);
    if (is_set(f))
        snprintf(what, sizeof what, "%s 0x%x", kinds_text(KINDS_KIND, f->kind), f->value);
    else if (f->mask)
        snprintf(what, sizeof what, "%s 0x%x", kinds_text(KINDS_KIND, f->kind), f->mask);
    else
        snprintf(what, sizeof what, "%s", kinds_text(KINDS_KIND, f->kind));
    printf("%-24s %-7s %-21s at %" PRIu32, site, kinds_text(KINDS_POINT, f->point), what,
           f->position);
    if (f->position_count == FAULT_FOREVER)
        printf("..");
    else if (f->position_count != 1)
        printf("..%" PRIu32, f->position + f->position_count - 1);
    cli_record_where(f, model, where, sizeof where);
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

static void put_bits(struct json_writer *w, const char *key, uint32_t bits)
{
    json_put_key(w, key);
    cli_output_bits(w, bits, 32);
}

/* The bits of a kind, under the names that a fault file has. */
static void put_kind(struct json_writer *w, const struct fault *f)
{
    json_member_text(w, "kind", kinds_text(KINDS_KIND, f->kind));
    if (f->mask && f->kind != KIND_DRY)
        put_bits(w, "mask", f->mask);
    if (is_set(f))
        put_bits(w, "value", f->value);
    if (f->kind == KIND_CLAMP) {
        put_bits(w, "low", f->low);
        put_bits(w, "high", f->high);
    }
    if (f->kind == KIND_WRONG_READ || f->kind == KIND_WRONG_WRITE)
        json_member_int(w, "from", f->from);
    if (f->only_mask) {
        put_bits(w, "only_mask", f->only_mask);
        put_bits(w, "only_value", f->only_value);
    }
}

/* As a fault file has it, so that `vkfi run --fault` takes it. */
static void put_fault(struct json_writer *w, const struct fault *f)
{
    char site[FAULT_SITE_TEXT];
    fault_site(f, site);
    json_object_open(w);
    json_member_text(w, "site", site);
    json_member_text(w, "point", kinds_text(KINDS_POINT, f->point));
    put_kind(w, f);
    if (f->place == PLACE_OP && (f->point == HOOK_WEIGHT || f->point == HOOK_OPERAND))
        json_member_text(w, "readers", kinds_text(KINDS_READERS, f->readers));
    if (f->place == PLACE_WEIGHT || (f->place == PLACE_OP && f->point == HOOK_WEIGHT))
        json_member_text(w, "field", quant_field_name(f->field));
    json_member_text(w, "duration", kinds_text(KINDS_DURATION, f->duration));
    if (f->duration == DURATION_INTERMITTENT)
        json_member_number(w, "rate", (double)f->rate / 0x1p32);
    json_member_int(w, "position", f->position);
    json_member_int(w, "positions", f->position_count);
    json_member_int(w, "row", f->row);
    json_member_int(w, "rows", f->row_count);
    json_member_int(w, "row_step", f->row_step);
    json_member_int(w, "k", f->k);
    json_member_int(w, "ks", f->k_count);
    json_member_int(w, "k_step", f->k_step);
    json_member_int(w, "key", f->key);
    json_put_key(w, "keys");
    if (f->key_count == FAULT_ALL_KEYS)
        json_put_text(w, "all");
    else
        json_put_int(w, f->key_count);
    json_member_int(w, "seed", f->key_low);
    json_member_int(w, "trial", f->key_high);
    json_object_close(w);
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
        put_fault(w, &d->fault[i]);
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
