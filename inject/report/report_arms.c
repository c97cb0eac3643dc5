/* SPDX-License-Identifier: MIT */
/* Pairs rows of arms with their trials without protection; losses by item. */
#include "inject/report/report_arms.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/sort.h"
#include "mitigations/policy.h"

#define REPLICATES 2000u
#define SEED 20240607u

/* A run under an arm beside its trial. */
struct pair {
    uint32_t trial; /* index in data->trial */
    double weight;
    double without, with;           /* loss */
    double text_without, text_with; /* the same, of texts */
    bool wrong, wrong_with;         /* of a golden-right trial */
    bool masked, alarm;
};

struct work {
    struct report_context *context;
    struct report_arms *out;
    uint32_t *place;   /* (ids) 1 + index of a trial; 0: not counted */
    double *weight;    /* (n_strata) of one trial; NaN: no total */
    struct pair *pair; /* (count, room) of the arm */
    size_t count, room;
    double *delay; /* (delays, delay_room) */
    size_t delays, delay_room;
    uint64_t columns, redone, clean_columns, clean_redone;
    uint32_t arm; /* that is being read */
    struct stats_recovery_item *item;
    uint32_t *times;
    double *scratch;
};

/* --- weights --- */

static enum status weigh_strata(struct work *w)
{
    const struct report_data *data = w->context->data;
    uint64_t most = 0;
    for (size_t i = 0; i < data->n; i++)
        most = data->trial[i].trial > most ? data->trial[i].trial : most;
    w->place = arena_array(w->context->arena, (size_t)most + 2, sizeof(*w->place));
    w->weight = arena_array(w->context->arena, (size_t)data->n_strata + 1, sizeof(*w->weight));
    if (!w->place || !w->weight)
        return STATUS_MEMORY;
    double total = 0;
    for (size_t i = 0; i < data->n; i++) {
        w->place[data->trial[i].trial] = (uint32_t)i + 1;
        w->weight[data->trial[i].stratum]++;
    }
    for (uint32_t h = 0; h < data->n_strata; h++)
        total += data->stratum[h].weight;
    for (uint32_t h = 0; h < data->n_strata; h++) {
        const double share = data->n_strata == 1 ? 1 : data->stratum[h].weight / total;
        w->weight[h] = w->weight[h] > 0 ? share / w->weight[h] : 0;
    }
    return STATUS_OK;
}

/* --- losses --- */

static double score_loss(const struct report_trial *t)
{
    return isnan(t->score_faulty) || isnan(t->score_golden) ? 0 : t->score_golden - t->score_faulty;
}

static enum outcome outcome_of_row(const struct trial_row *row)
{
    return (enum outcome)kinds_find(KINDS_OUTCOME, row->outcome);
}

static struct pair pair_of(const struct work *w, const struct report_trial *t,
                           const struct trial_row *row)
{
    const enum outcome outcome = outcome_of_row(row);
    const bool was_due = t->outcome == OUTCOME_DUE, due = outcome == OUTCOME_DUE && !was_due;
    const double score = isnan(row->score_faulty) ? t->score_golden : row->score_faulty;
    struct pair pair = {.trial = (uint32_t)(t - w->context->data->trial),
                        .weight = w->weight[t->stratum] * row->arm_weight,
                        .masked = report_data_is_masked(t->outcome),
                        .alarm = row->alarms > 0};
    pair.text_without = REPORT_SDC >> t->outcome & 1u;
    pair.text_with = due || (REPORT_SDC >> outcome & 1u);
    pair.without = pair.text_without;
    pair.with = pair.text_with;
    if (w->out->scored) {
        const double own = isnan(t->score_golden) ? 0 : t->score_golden - score;
        pair.without = was_due ? 0 : score_loss(t);
        pair.with = due && !isnan(t->score_golden) ? t->score_golden
                    : outcome == OUTCOME_DUE       ? 0
                                                   : own;
    }
    if (t->golden_right) {
        pair.wrong = !was_due && score_loss(t) > 0 && t->score_faulty < REPORT_RIGHT;
        pair.wrong_with = due || (outcome != OUTCOME_DUE && score < REPORT_RIGHT);
    }
    return pair;
}

/* --- rows --- */

static uint64_t columns_of(const struct work *w, const struct trial_row *row)
{
    const struct store_item *item = &w->context->data->item[row->item];
    const int64_t tokens = row->faulty_len == TRIAL_ROW_NULL ? item->n_tokens : row->faulty_len;
    return item->n_prompt + (uint64_t)(tokens > 0 ? tokens - 1 : 0);
}

static void take_clean(struct work *w, struct report_arm *arm, const struct trial_row *row)
{
    const enum outcome outcome = outcome_of_row(row);
    const uint64_t alarms = row->alarms > 0 ? (uint64_t)row->alarms : 0;
    const uint64_t redone = row->redone > 0 ? (uint64_t)row->redone : 0;
    const uint64_t columns = columns_of(w, row);
    arm->clean++;
    arm->tokens += row->faulty_len > 0 ? (uint64_t)row->faulty_len : 0;
    arm->checks += columns + redone;
    arm->by_check.events += alarms;
    arm->by_request.events += alarms > 0;
    arm->other_bits += outcome != OUTCOME_MASKED_BITEXACT;
    arm->other_text += !report_data_is_masked((uint8_t)outcome);
    w->clean_columns += columns;
    w->clean_redone += redone;
}

static enum status take_run(struct work *w, struct report_arm *arm, const struct trial_row *row)
{
    const struct report_data *data = w->context->data;
    const struct report_trial *t = &data->trial[w->place[row->trial] - 1];
    const int worth = row->protection ? kinds_find(KINDS_PROTECTED, row->protection) : -1;
    struct pair *pairs = report_data_grow(w->pair, &w->room, w->count + 1, sizeof(*pairs));
    double *delay = report_data_grow(w->delay, &w->delay_room, w->delays + 1, sizeof(*delay));
    w->pair = pairs ? pairs : w->pair;
    w->delay = delay ? delay : w->delay;
    if (!pairs || !delay)
        return STATUS_MEMORY;
    const struct pair pair = pair_of(w, t, row);
    w->pair[w->count++] = pair;
    arm->runs++;
    arm->masked += pair.masked;
    arm->harm.n += pair.masked;
    arm->harm.events += pair.masked && pair.with > 0;
    if (worth >= 0)
        arm->count[worth]++;
    if (row->alarm_delay != TRIAL_ROW_NULL)
        w->delay[w->delays++] = (double)row->alarm_delay;
    w->columns += columns_of(w, row);
    w->redone += row->redone > 0 ? (uint64_t)row->redone : 0;
    return STATUS_OK;
}

static enum status take_row(void *user, const struct trial_row *row)
{
    struct work *w = user;
    const struct report_data *data = w->context->data;
    struct report_arm *arm = &w->out->arm[w->arm];
    if (strcmp(row->arm, arm->name) != 0 || row->suspect)
        return STATUS_OK;
    if (row->item < 0 || row->item >= data->n_items) {
        log_error("trial %" PRId64 " of arm %s: found item %" PRId64 ", expected below %" PRIu32,
                  row->trial, row->arm, row->item, data->n_items);
        return STATUS_INPUT;
    }
    if (row->trial < 0) {
        take_clean(w, arm, row);
        return STATUS_OK;
    }
    const bool known = data->n > 0 && (uint64_t)row->trial < data->identity->trials &&
                       (uint64_t)row->trial <= w->out->last && w->place[row->trial] > 0;
    return known ? take_run(w, arm, row) : STATUS_OK;
}

/* --- estimates --- */

struct subset {
    int target, duration; /* -1: any */
};

static int target_of(const struct report_trial *t)
{
    switch (t->place) {
    case PLACE_OP:
        return t->point == HOOK_WEIGHT ? REPORT_WEIGHTS : REPORT_COMPUTATION;
    case PLACE_WEIGHT:
        return REPORT_WEIGHTS;
    case PLACE_KV:
        return REPORT_KV;
    case PLACE_CONTROL:
        return REPORT_CONTROL;
    default:
        return REPORT_ROPE;
    }
}

/* What a run loses without its arm and with it. */
enum loss { LOSS, LOSS_OF_TEXT, LOSS_UNSEEN };

static struct stats_recovery_item losses_of(const struct pair *pair, enum loss loss)
{
    if (loss == LOSS)
        return (struct stats_recovery_item){pair->without, pair->with};
    const double text = pair->text_without;
    return (struct stats_recovery_item){text, loss == LOSS_OF_TEXT ? pair->text_with
                                              : pair->alarm        ? 0
                                                                   : text};
}

static int duration_of(const struct report_trial *t)
{
    const bool stuck = t->kind == KIND_STUCK_AT_0 || t->kind == KIND_STUCK_AT_1;
    return stuck && t->duration == DURATION_PERSISTENT ? (int)REPORT_STUCK : t->duration;
}

static bool holds(const struct subset *subset, const struct report_trial *t)
{
    return (subset->target < 0 || target_of(t) == subset->target) &&
           (subset->duration < 0 || duration_of(t) == subset->duration);
}

/* Losses of a subset by item, and the share of them that is won back. */
static struct stats_recovery recover(const struct work *w, const struct subset *subset,
                                     enum loss loss)
{
    const struct report_data *data = w->context->data;
    struct stats_recovery out;
    memset(w->item, 0, (data->n_items + 1) * sizeof(*w->item));
    for (size_t i = 0; i < w->count; i++) {
        const struct pair *pair = &w->pair[i];
        const struct report_trial *t = &data->trial[pair->trial];
        const struct stats_recovery_item own = losses_of(pair, loss);
        if (!holds(subset, t))
            continue;
        w->item[t->base].without += pair->weight * own.without;
        w->item[t->base].with += pair->weight * own.with;
    }
    const struct stats_recovery_params params = {.item = w->item,
                                                 .n_items = data->n_bases,
                                                 .level = report_figure_level(w->context),
                                                 .replicates = REPLICATES,
                                                 .seed = SEED,
                                                 .times = w->times,
                                                 .scratch = w->scratch};
    stats_recovery_run(&out, &params);
    return out;
}

static void cover(struct report_cover *out, const struct work *w, struct subset subset)
{
    *out = (struct report_cover){0};
    for (size_t i = 0; i < w->count; i++) {
        const struct pair *pair = &w->pair[i];
        if (!holds(&subset, &w->context->data->trial[pair->trial]))
            continue;
        out->runs++;
        out->lossy += pair->without > 0;
        out->found += pair->without > 0 && pair->alarm;
    }
    if (out->runs == 0)
        return;
    out->recovery = recover(w, &subset, LOSS);
    out->text = w->out->scored ? recover(w, &subset, LOSS_OF_TEXT) : out->recovery;
    out->alarm = recover(w, &subset, LOSS_UNSEEN);
}

static void see(struct report_seen *seen, const struct report_context *context)
{
    struct stats_interval_level level = report_figure_level(context);
    if (seen->n == 0) {
        seen->interval = (struct stats_interval){0, 1};
        return;
    }
    if (seen->events == 0)
        level.side = STATS_INTERVAL_UPPER;
    const double events = (double)(seen->events < seen->n ? seen->events : seen->n);
    seen->interval = stats_interval_clopper_pearson(events, (double)seen->n, level);
}

/* Losses a trial, and right answers that become wrong. */
static void fill_means(struct report_arm *arm, const struct work *w)
{
    const struct report_data *data = w->context->data;
    double right = 0, wrong = 0, wrong_with = 0;
    arm->lost = arm->lost_with = 0;
    for (size_t i = 0; i < data->n; i++) {
        right += data->trial[i].golden_right ? w->weight[data->trial[i].stratum] : 0;
        arm->missing += !report_data_is_masked(data->trial[i].outcome);
    }
    arm->missing -= arm->runs - arm->masked;
    for (size_t i = 0; i < w->count; i++) {
        const struct pair *pair = &w->pair[i];
        arm->lost += pair->weight * pair->without;
        arm->lost_with += pair->weight * pair->with;
        wrong += pair->wrong ? pair->weight : 0;
        wrong_with += pair->wrong_with ? pair->weight : 0;
    }
    arm->wrong = right > 0 ? wrong / right : NAN;
    arm->wrong_with = right > 0 ? wrong_with / right : NAN;
}

static void fill_delays(struct report_arm *arm, const struct work *w)
{
    const size_t n = w->delays;
    arm->delays = n;
    arm->delay[0] = arm->delay[1] = arm->delay[2] = NAN;
    if (n == 0)
        return;
    sort_doubles(w->delay, n);
    arm->delay[0] = w->delay[(n - 1) / 2];
    arm->delay[1] = w->delay[(size_t)ceil(0.9 * (double)n) - 1];
    arm->delay[2] = w->delay[n - 1];
}

static void fill_arm(struct report_arm *arm, struct work *w)
{
    cover(&arm->all, w, (struct subset){-1, -1});
    for (int target = 0; target < REPORT_TARGETS; target++) {
        for (int duration = 0; duration < (int)REPORT_DURATIONS; duration++)
            cover(&arm->cover[target][duration], w, (struct subset){target, duration});
    }
    fill_means(arm, w);
    fill_delays(arm, w);
    arm->by_check.n = arm->checks;
    arm->by_token = (struct report_seen){.events = arm->by_check.events, .n = arm->tokens};
    arm->by_request.n = arm->clean;
    see(&arm->by_check, w->context);
    see(&arm->by_token, w->context);
    see(&arm->by_request, w->context);
    see(&arm->harm, w->context);
    arm->redone_clean =
        w->clean_columns > 0 ? (double)w->clean_redone / (double)w->clean_columns : NAN;
    arm->redone = w->columns > 0 ? (double)w->redone / (double)w->columns : NAN;
}

/* --- policies --- */

static double work_of(const struct policy *policy, const struct report_context *context)
{
    const struct report_data *data = context->data;
    double prompt = 0, columns = 0;
    if (!context->model || data->n_items == 0)
        return NAN;
    for (uint32_t i = 0; i < data->n_items; i++) {
        prompt += (double)data->item[i].n_prompt / data->n_items;
        columns += (double)(data->item[i].n_prompt + data->item[i].n_tokens) / data->n_items;
    }
    const struct protection_column column = {.model = context->model,
                                             .kv = data->plan->kv,
                                             .seen = (uint32_t)((prompt + columns) / 2) + 1,
                                             .columns = (uint32_t)columns + 1};
    return policy_work(policy, &column);
}

/* Kinds of protections as bits. */
static uint32_t kinds_of(const struct policy *policy)
{
    size_t n;
    uint32_t kinds = 0;
    const struct protection *const *all = protections(&n);
    for (uint32_t i = 0; i < policy->n; i++) {
        for (size_t k = 0; k < n; k++)
            kinds |= all[k] == policy->entry[i].protection ? 1u << k : 0;
    }
    return kinds;
}

static enum report_arm_role role_of(uint32_t kinds, uint32_t most)
{
    size_t n;
    const bool control = kinds == 1 && protections(&n)[0] == &protection_nan_trap;
    if (__builtin_popcount(kinds) == 1)
        return control ? REPORT_ARM_CONTROL : REPORT_ARM_ALONE;
    if (kinds == most)
        return REPORT_ARM_ALL;
    return (kinds & ~most) == 0 && __builtin_popcount(most & ~kinds) == 1 ? REPORT_ARM_BUT_ONE
                                                                          : REPORT_ARM_SOME;
}

/* Roles, and work where the model is known. */
static enum status read_policies(struct report_arms *out, struct report_context *context)
{
    const struct plan *plan = context->data->plan;
    uint32_t most = 0;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < plan->n_arms; i++) {
        const char *text = plan->arm[i].policy;
        struct json_doc *doc = NULL;
        struct policy policy = {.n = 0};
        st = json_parse(&doc, text, strlen(text), plan->arm[i].name);
        st = st ? st : policy_read(&policy, context->arena, doc, json_root(doc));
        json_destroy(&doc);
        out->arm[i].work = st ? NAN : work_of(&policy, context);
        const uint32_t kinds = out->arm[i].kinds = kinds_of(&policy);
        most = __builtin_popcount(kinds) > __builtin_popcount(most) ? kinds : most;
    }
    for (uint32_t i = 0; !st && i < plan->n_arms; i++)
        out->arm[i].role = role_of(out->arm[i].kinds, most);
    return st;
}

static enum status read_arm(struct work *w, uint32_t index)
{
    struct report_arm *arm = &w->out->arm[index];
    w->arm = index;
    w->count = w->delays = 0;
    w->columns = w->redone = w->clean_columns = w->clean_redone = 0;
    arm->name = w->context->data->plan->arm[index].name;
    const enum status st = store_each_armed(w->context->data->store, take_row, w);
    if (!st)
        fill_arm(arm, w);
    return st;
}

enum status report_arms_make(struct report_arms *out, struct report_context *context)
{
    const struct report_data *data = context->data;
    struct arena *arena = context->arena;
    struct work w = {.context = context, .out = out};
    *out = (struct report_arms){.scored = data->scored};
    const uint32_t n = data->plan->n_arms;
    if (n == 0)
        return STATUS_OK;
    for (size_t i = 0; i < data->n; i++)
        out->last = data->trial[i].trial > out->last ? data->trial[i].trial : out->last;
    out->arm = arena_array(arena, n, sizeof(*out->arm));
    w.item = arena_array(arena, (size_t)data->n_items + 1, sizeof(*w.item));
    w.times = arena_array(arena, (size_t)data->n_items + 1, sizeof(*w.times));
    w.scratch = arena_array(arena, REPLICATES, sizeof(*w.scratch));
    enum status st = out->arm && w.item && w.times && w.scratch ? weigh_strata(&w) : STATUS_MEMORY;
    st = st ? st : read_policies(out, context);
    for (uint32_t i = 0; !st && i < n; i++)
        st = read_arm(&w, i);
    out->count = st ? 0 : n;
    free(w.pair);
    free(w.delay);
    return st;
}
