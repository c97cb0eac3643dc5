/* SPDX-License-Identifier: MIT */
/* The canonical form of a plan: one line of JSON with every field, from which its identity comes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "inject/plan/plan_confirm.h"
#include "inject/plan/plan_contrast.h"
#include "inject/plan/plan_read.h"
#include "model/quant.h"

/* As plan_normal has left them. */
static void put_choices(struct json_writer *w, const char *key, const struct plan_choices *choices,
                        enum kinds_table table)
{
    json_put_key(w, key);
    json_object_open(w);
    for (uint32_t i = 0; i < choices->count; i++)
        json_member_number(w, kinds_text(table, choices->choice[i].value),
                           choices->choice[i].weight);
    json_object_close(w);
}

/* Positions; one alone as a number. */
static void put_scrub(struct json_writer *w, const struct plan_choices *scrub)
{
    if (scrub->count == 1 && !(scrub->choice[0].weight > 1) && !(scrub->choice[0].weight < 1)) {
        json_member_int(w, "scrub", scrub->choice[0].value);
        return;
    }
    json_put_key(w, "scrub");
    json_object_open(w);
    for (uint32_t i = 0; i < scrub->count; i++) {
        char text[16];
        snprintf(text, sizeof text, "%" PRIu32, scrub->choice[i].value);
        json_member_number(w, text, scrub->choice[i].weight);
    }
    json_object_close(w);
}

static void put_pair(struct json_writer *w, const char *key, uint32_t first, uint32_t last)
{
    json_put_key(w, key);
    json_array_open(w);
    json_put_int(w, first);
    json_put_int(w, last);
    json_array_close(w);
}

static void put_items(struct json_writer *w, const struct plan *plan)
{
    json_put_key(w, "prompts");
    json_array_open(w);
    for (uint32_t i = 0; i < plan->n_items; i++) {
        const struct plan_item *item = &plan->item[i];
        json_object_open(w);
        json_put_key(w, item->ids ? "ids" : item->chat ? "chat" : "text");
        if (item->ids) {
            json_array_open(w);
            for (uint32_t k = 0; k < item->n_ids; k++)
                json_put_int(w, item->ids[k]);
            json_array_close(w);
        } else {
            json_put_text(w, item->prompt);
        }
        if (item->template) /* plans without one keep their identity */
            json_member_text(w, "template", item->template);
        json_member_int(w, "n", item->n);
        json_member_text(w, "group", item->group);
        json_object_close(w);
    }
    json_array_close(w);
}

static int by_glob(const void *a, const void *b)
{
    const struct plan_site *x = a, *y = b;
    return strcmp(x->glob, y->glob);
}

/* The first pattern that matches a site gives its weight, so the order stays. Without weights that
 * differ it means nothing. */
static enum status put_sites(struct json_writer *w, const struct plan_where *where)
{
    bool even = true;
    struct plan_site *site = calloc(where->n_sites ? where->n_sites : 1, sizeof *site);
    if (!site) {
        log_error("out of host memory, %u patterns of sites", where->n_sites);
        return STATUS_MEMORY;
    }
    if (where->n_sites > 0)
        memcpy(site, where->site, where->n_sites * sizeof *site);
    for (uint32_t i = 1; i < where->n_sites; i++)
        even = even && site[i].weight == site[0].weight;
    if (even)
        qsort(site, where->n_sites, sizeof *site, by_glob);
    json_put_key(w, "sites");
    json_array_open(w);
    for (uint32_t i = 0; i < where->n_sites; i++) {
        json_array_open(w);
        json_put_text(w, site[i].glob);
        json_put_number(w, site[i].weight);
        json_array_close(w);
    }
    json_array_close(w);
    free(site);
    return STATUS_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In rising order: which of them matches means nothing. */
static enum status put_globs(struct json_writer *w, const struct plan_globs *globs)
{
    const char **sorted = calloc(globs->count, sizeof *sorted);
    if (!sorted) {
        log_error("out of host memory, %u patterns of sites", globs->count);
        return STATUS_MEMORY;
    }
    memcpy(sorted, globs->glob, globs->count * sizeof *sorted);
    qsort(sorted, globs->count, sizeof *sorted, by_text);
    json_array_open(w);
    for (uint32_t i = 0; i < globs->count; i++)
        json_put_text(w, sorted[i]);
    json_array_close(w);
    free(sorted);
    return STATUS_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct plan_group *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Left out of plans without any: they keep their identity. */
static enum status put_groups(struct json_writer *w, const struct plan *plan)
{
    enum status st = STATUS_OK;
    if (plan->n_groups == 0)
        return STATUS_OK;
    struct plan_group *sorted = calloc(plan->n_groups, sizeof *sorted);
    if (!sorted) {
        log_error("out of host memory, %u groups of sites", plan->n_groups);
        return STATUS_MEMORY;
    }
    memcpy(sorted, plan->group, plan->n_groups * sizeof *sorted);
    qsort(sorted, plan->n_groups, sizeof *sorted, by_name);
    json_put_key(w, "groups");
    json_object_open(w);
    for (uint32_t i = 0; !st && i < plan->n_groups; i++) {
        json_put_key(w, sorted[i].name);
        st = put_globs(w, &sorted[i].sites);
    }
    json_object_close(w);
    free(sorted);
    return st;
}

static enum status put_where(struct json_writer *w, const struct plan_where *where)
{
    json_put_key(w, "where");
    json_object_open(w);
    enum status st = put_sites(w, where);
    if (where->has_layers)
        put_pair(w, "layers", where->layer_first, where->layer_last);
    if (where->exclude.count > 0) {
        json_put_key(w, "exclude");
        st = st ? st : put_globs(w, &where->exclude);
    }
    put_choices(w, "place", &where->place, KINDS_PLACE);
    put_choices(w, "point", &where->point, KINDS_POINT);
    put_choices(w, "granularity", &where->granularity, KINDS_GRANULARITY);
    if (where->readers.count > 0)
        put_choices(w, "readers", &where->readers, KINDS_READERS);
    if (where->field.count > 0)
        put_choices(w, "field", &where->field, KINDS_FIELD);
    json_object_close(w);
    return st;
}

static bool includes(const struct plan_choices *choices, uint32_t value)
{
    for (uint32_t i = 0; i < choices->count; i++) {
        if (choices->choice[i].value == value)
            return true;
    }
    return false;
}

static void put_what(struct json_writer *w, const struct plan *plan)
{
    const struct plan_what *what = &plan->what;
    uint32_t bits = 0;
    for (uint32_t i = 0; i < what->n_bits; i++)
        bits |= 1u << what->bit[i];
    json_put_key(w, "what");
    json_object_open(w);
    put_choices(w, "kind", &what->kind, KINDS_KIND);
    json_member_text(w, "bits", kinds_text(KINDS_MASK_BITS, what->bits));
    json_member_int(w, "bit_set", bits);
    json_member_text(w, "pattern", kinds_text(KINDS_PATTERN, what->pattern));
    json_member_int(w, "pattern_bits", what->pattern_bits);
    /* they ended with the row once, in plans without this */
    if (what->pattern == PLAN_PATTERN_BURST && includes(&plan->where.place, PLACE_WEIGHT))
        json_member_text(w, "burst_end", "tensor");
    json_member_int(w, "value", what->value);
    json_member_number(w, "factor", (double)what->factor);
    json_member_number(w, "term", (double)what->term);
    json_member_number(w, "low", (double)what->low);
    json_member_number(w, "high", (double)what->high);
    json_member_int(w, "only_mask", what->only_mask);
    json_member_int(w, "only_value", what->only_value);
    json_object_close(w);
}

/* One key through a stage, where the site has keys: such plans once struck key 0 alone, and that is
 * another sample. */
static bool strikes_one_key(const struct plan *plan)
{
    const bool feature = includes(&plan->where.granularity, GRANULARITY_FEATURE);
    return includes(&plan->where.place, PLACE_OP) &&
           (feature || (includes(&plan->when.duration, DURATION_INTERMITTENT) &&
                        includes(&plan->where.granularity, GRANULARITY_ELEMENT)));
}

static void put_when(struct json_writer *w, const struct plan *plan)
{
    const struct plan_when *when = &plan->when;
    json_put_key(w, "when");
    json_object_open(w);
    put_choices(w, "stage", &when->stage, KINDS_STAGE);
    put_choices(w, "duration", &when->duration, KINDS_DURATION);
    json_member_number(w, "rate", when->rate);
    put_scrub(w, &when->scrub);
    if (when->has_steps)
        put_pair(w, "steps", when->step_first, when->step_last);
    if (strikes_one_key(plan))
        json_member_text(w, "keys", "each");
    json_object_close(w);
}

/* The question is there only where it is asked: plans without one keep their identity. */
static void put_stop(struct json_writer *w, const struct plan *plan)
{
    json_put_key(w, "stop");
    json_object_open(w);
    json_member_text(w, "rule", kinds_text(KINDS_STOP, plan->stop));
    if (plan->stop == PLAN_STOP_SPENDING)
        json_member_text(w, "spending", kinds_text(KINDS_SPENDING, plan->spending));
    json_put_key(w, "looks");
    json_array_open(w);
    for (uint32_t i = 0; i < plan->n_looks; i++)
        json_put_number(w, plan->look[i]);
    json_array_close(w);
    if (plan_stops_itself(plan)) {
        json_put_key(w, "gate");
        json_object_open(w);
        json_member_number(w, "max", plan->gate.max);
        json_member_text(w, "of", kinds_text(KINDS_GATE_CLASS, plan->gate.of));
        json_member_text(w, "given", kinds_text(KINDS_GATE_TRIALS, plan->gate.given));
        json_member_number(w, "confidence", plan->gate.confidence);
        if (plan->gate.stratum)
            json_member_text(w, "stratum", plan->gate.stratum);
        json_object_close(w);
    }
    json_object_close(w);
}

static void put_sampling(struct json_writer *w, const struct plan *plan)
{
    json_put_key(w, "strata");
    json_array_open(w);
    for (uint32_t i = 0; i < plan->n_strata; i++)
        json_put_text(w, kinds_text(KINDS_DIMENSION, plan->strata[i]));
    json_array_close(w);
    json_put_key(w, "sampling");
    json_object_open(w);
    json_member_text(w, "goal", kinds_text(KINDS_GOAL, plan->goal));
    json_member_number(w, "goal_value", plan->goal_value);
    json_member_int(w, "trials", plan->trials);
    json_member_text(w, "allocation", kinds_text(KINDS_ALLOCATION, plan->allocation));
    json_member_number(w, "confidence", plan->confidence);
    json_member_number(w, "expected_rate", plan->expected_rate);
    json_member_number(w, "design_effect", plan->design_effect);
    json_object_close(w);
    json_member_int(w, "faults_per_trial", plan->faults_per_trial);
    json_member_number(w, "ber", plan->ber);
    put_stop(w, plan);
    json_put_key(w, "controls");
    json_object_open(w);
    json_member_number(w, "dry", plan->control_dry);
    json_member_number(w, "sentinel", plan->control_sentinel);
    json_member_number(w, "naive", plan->control_naive);
    json_member_number(w, "cpu", plan->control_cpu);
    json_object_close(w);
}

static void put_hypotheses(struct json_writer *w, const struct plan *plan)
{
    json_put_key(w, "hypotheses");
    json_array_open(w);
    for (uint32_t i = 0; i < plan->n_hypotheses; i++) {
        const struct plan_hypothesis *h = &plan->hypothesis[i];
        json_object_open(w);
        json_member_text(w, "name", h->name);
        json_member_text(w, "contrast", h->contrast);
        json_member_text(w, "of", kinds_text(KINDS_MEASURE, h->of));
        json_member_number(w, "alpha", h->alpha);
        json_member_number(w, "margin", h->margin);
        json_object_close(w);
    }
    json_array_close(w);
}

static enum status put_plan(struct json_writer *w, const struct plan *plan)
{
    json_object_open(w);
    json_member_text(w, "model", plan->model);
    json_member_text(w, "mode", "exact");
    json_member_text(w, "act", storage_name(plan->act));
    json_member_text(w, "kv", storage_name(plan->kv));
    json_member_text(w, "stop_at", kinds_text(KINDS_END, plan->ignore_end));
    put_items(w, plan);
    json_member_text(w, "population", kinds_text(KINDS_POPULATION, plan->population));
    json_member_text(w, "item_weight", kinds_text(KINDS_ITEM_WEIGHT, plan->item_weight));
    /* equal shares have the identity from when there were no others */
    if (plan_shares_sites(plan) && plan->point_weight == PLAN_POINTS_ELEMENTS)
        json_member_text(w, "point_weight", "elements");
    json_member_text(w, "design", kinds_text(KINDS_DESIGN, plan->design));
    enum status st = put_where(w, &plan->where);
    if (!st)
        st = put_groups(w, plan);
    put_what(w, plan);
    put_when(w, plan);
    put_sampling(w, plan);
    json_member_text(w, "nan_policy", kinds_text(KINDS_NAN_POLICY, plan->nan_policy));
    json_member_number(w, "score_eps", plan->score_eps);
    json_member_text(w, "record", kinds_text(KINDS_RECORD, plan->record));
    json_member_int(w, "retry", plan->retry);
    json_member_int(w, "lanes", plan->lanes);
    json_member_int(w, "tiles", plan->tiles);
    json_member_int(w, "chunk", plan->chunk);
    json_member_int(w, "seed", plan->seed);
    json_member_int(w, "checkpoint_bytes", plan->checkpoint_bytes);
    json_member_number(w, "work_factor", plan->work_factor);
    put_hypotheses(w, plan);
    if (plan->confirm.n_strata > 0) /* left out of plans that confirm nothing */
        plan_confirm_put(w, &plan->confirm);
    json_object_close(w);
    return st;
}

enum status plan_canon(struct plan *plan, struct arena *arena)
{
    char *text = NULL;
    size_t size = 0;
    struct json_writer w;
    FILE *file = open_memstream(&text, &size);
    if (!file) {
        log_error("out of host memory for the canonical form of the plan");
        return STATUS_MEMORY;
    }
    json_begin(&w, file, false);
    enum status st = put_plan(&w, plan);
    const enum status ended = json_end(&w);
    if (fclose(file) != 0 && !st) {
        log_error("out of host memory for the canonical form of the plan");
        st = STATUS_MEMORY;
    }
    st = st ? st : ended;
    if (!st) {
        plan->canon = arena_text(arena, text, size);
        st = plan->canon ? STATUS_OK : STATUS_MEMORY;
        hash_sha256(text, size, plan->hash);
    }
    free(text);
    return st;
}
