/* SPDX-License-Identifier: MIT */
/* `vkfi plan show`: a plan's strata, trials, precision and hours. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli_manifest.h"
#include "cli/cli_plan.h"
#include "cli/cli_task.h"
#include "inject/plan/plan_contrast.h"

/* --- a plan with its model and sample --- */

/* "lengths": a list of [prompt tokens, generated tokens], one per item. */
static enum status read_lengths(struct cli_plan *p, const char *path)
{
    struct json_doc *doc = NULL;
    enum status st = json_load(&doc, path);
    if (st)
        return st;
    const struct json *root = json_root(doc);
    if (json_type(root) != JSON_ARRAY || json_count(root) != p->plan.n_items) {
        log_error("%s: expected a list of %" PRIu32 " pairs [prompt tokens, generated tokens]",
                  path, p->plan.n_items);
        st = STATUS_INPUT;
    }
    for (uint32_t i = 0; !st && i < p->plan.n_items; i++) {
        const struct json *pair = json_at(root, i);
        int64_t prompt = 0, tokens = 0;
        if (json_count(pair) != 2 || !json_integer(json_at(pair, 0), 1, 1 << 24, &prompt) ||
            !json_integer(json_at(pair, 1), 1, 1 << 24, &tokens)) {
            log_error("%s: expected a pair [prompt tokens, generated tokens]",
                      json_where(doc, pair));
            st = STATUS_INPUT;
        }
        p->item[i] =
            (struct sample_item){.n_prompt = (uint32_t)prompt, .n_tokens = (uint32_t)tokens};
    }
    json_destroy(&doc);
    return st;
}

static enum status count_tokens(struct cli_plan *p)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < p->plan.n_items; i++) {
        struct plan_input input;
        st = plan_item_input(&p->plan, i, p->model, &p->arena, &input);
        st = st ? st : plan_item_size(&p->item[i], &p->arena, &p->plan, &input, input.n);
    }
    return st;
}

static enum status make_sample(struct cli_plan *p, const struct cli_plan_options *options)
{
    p->item = arena_array(&p->arena, p->plan.n_items, sizeof(*p->item));
    if (!p->item)
        return STATUS_MEMORY;
    enum status st = options->lengths ? read_lengths(p, options->lengths) : count_tokens(p);
    return st ? st : sample_create(&p->sample, &p->plan, p->model, p->item);
}

enum status cli_plan_open(struct cli_plan *out, const struct cli_env *env, const char *path,
                          const struct cli_plan_options *options)
{
    enum status st =
        plan_load(&out->plan, &out->arena, path, &(struct plan_tasks){cli_task_of_plan, env});
    if (st)
        return st;
    st = cli_manifest_open(&out->model, env, options->model ? options->model : out->plan.model);
    return st ? st : make_sample(out, options);
}

void cli_plan_close(struct cli_plan *plan)
{
    sample_destroy(&plan->sample);
    model_close(&plan->model);
    arena_finish(&plan->arena);
}

/* --- speeds --- */

/* Devices of --rate, then those of -d with their pilot. */
struct speeds {
    struct cli_plan_speed *speed; /* (count) */
    size_t count;
    struct cli_plan_pilot pilot;
    uint32_t least; /* prompts needed by the plan's question: plan_stop_least */
};

static const char *const POPULATIONS[] = {
    [PLAN_OPS] = "ops: evaluations, by MACs or elements written",
    [PLAN_BITS] = "bits: stored bits, struck at a time uniform over MACs",
    [PLAN_EQUAL] = "equal: the same trials in each stratum, no total",
    [PLAN_CENSUS] = "census: each fault once"};
static const char *const DESIGNS[] = {[PLAN_NESTED] = "nested: each item its own faults",
                                      [PLAN_CROSSED] = "crossed: the same faults over all items",
                                      [PLAN_FAULT_MAJOR] =
                                          "fault_major: one stored fault over all items"};
static const char *const MEASURES[] = {[PLAN_GOAL_TRIALS] = "half width",
                                       [PLAN_GOAL_HALF_WIDTH] = "half width",
                                       [PLAN_GOAL_RELATIVE] = "relative",
                                       [PLAN_GOAL_UPPER_BOUND] = "bound"};

/* "cpu=20" or "20". */
static enum status parse_rate(const char *text, struct cli_plan_speed *out)
{
    const char *equals = strrchr(text, '='), *number = equals ? equals + 1 : text;
    char *end = NULL;
    *out = (struct cli_plan_speed){.per_second = strtod(number, &end)};
    snprintf(out->name, sizeof(out->name), "%.*s", equals ? (int)(equals - text) : 6,
             equals ? text : "device");
    if (end != number && *end == '\0' && isfinite(out->per_second) && out->per_second > 0)
        return STATUS_OK;
    log_error("--rate: found '%s', expected trials a second, as 20 or cpu=20", text);
    return STATUS_USAGE;
}

/* Mistyped rates are found before a pilot runs. */
static enum status find_speeds(struct speeds *out, struct cli_plan *p, const struct cli_env *env,
                               const char *path, const struct cli_plan_options *options)
{
    const size_t n = options->rates.count + options->devices.count;
    enum status st = STATUS_OK;
    out->speed = arena_array(&p->arena, n ? n : 1, sizeof(*out->speed));
    if (!out->speed)
        return STATUS_MEMORY;
    for (size_t i = 0; !st && i < options->rates.count; i++) {
        struct cli_plan_speed *speed = &out->speed[out->count++];
        st = parse_rate(options->rates.item[i], speed);
        cli_plan_pilot_hours(speed, p);
    }
    if (!st && options->devices.count > 0)
        st = cli_plan_pilot(&out->pilot, env, path, p, options);
    for (uint32_t i = 0; i < out->pilot.n_speeds; i++)
        out->speed[out->count++] = out->pilot.speed[i];
    return st;
}

/* All devices at once, each as fast as alone. */
static double hours_together(const struct speeds *speeds)
{
    double whole = 0; /* campaigns per hour */
    for (size_t i = 0; i < speeds->count; i++)
        whole += 1 / speeds->speed[i].hours;
    return 1 / whole;
}

/* Half width of the weighted total, strata taken as independent; NaN without a total. */
static double total_half_width(const struct cli_plan *p)
{
    double square = 0;
    if (p->plan.goal == PLAN_GOAL_UPPER_BOUND)
        return NAN;
    for (uint32_t i = 0; i < sample_strata(p->sample); i++) {
        const struct sample_stratum row = sample_stratum(p->sample, i);
        const double half =
            row.expected * (p->plan.goal == PLAN_GOAL_RELATIVE ? p->plan.expected_rate : 1);
        square += row.weight * half * (row.weight * half);
    }
    return sqrt(square);
}

struct lengths {
    uint32_t prompt_low, prompt_high, tokens_low, tokens_high;
};

static struct lengths lengths_of(const struct cli_plan *p)
{
    struct lengths l = {UINT32_MAX, 0, UINT32_MAX, 0};
    for (uint32_t i = 0; i < p->plan.n_items; i++) {
        const struct sample_item *item = &p->item[i];
        l.prompt_low = item->n_prompt < l.prompt_low ? item->n_prompt : l.prompt_low;
        l.prompt_high = item->n_prompt > l.prompt_high ? item->n_prompt : l.prompt_high;
        l.tokens_low = item->n_tokens < l.tokens_low ? item->n_tokens : l.tokens_low;
        l.tokens_high = item->n_tokens > l.tokens_high ? item->n_tokens : l.tokens_high;
    }
    return l;
}

/* `least`: prompts without an event that the question needs. */
static void print_stop(const struct plan *plan, uint32_t least)
{
    const struct plan_gate *gate = &plan->gate;
    if (plan->stop == PLAN_STOP_FIXED)
        return;
    printf("stop        %s", kinds_text(KINDS_STOP, plan->stop));
    if (plan->stop == PLAN_STOP_WAVES)
        printf(": a look at the end of each wave, at 1/2, 1/4, ... of the error");
    for (uint32_t i = 0; i < plan->n_looks; i++)
        printf("%s%g %%", i ? ", " : ": looks at ", 100 * plan->look[i]);
    if (plan_stops_itself(plan))
        printf("; ends once %s of %s%s%s is shown to be below %g, or not, one-sided at %g %%",
               kinds_text(KINDS_GATE_CLASS, gate->of), kinds_text(KINDS_GATE_TRIALS, gate->given),
               gate->stratum ? ", strata " : "", gate->stratum ? gate->stratum : "", gate->max,
               100 * gate->confidence);
    if (least == PLAN_STOP_NEVER)
        printf(", which no number of prompts shows");
    else if (least > 0)
        printf(", by at least %" PRIu32 " prompts without any event", least);
    printf("\n");
}

/* "12 to 16", or "16" if both are equal. */
static const char *range_text(char out[32], uint32_t low, uint32_t high)
{
    if (low == high)
        snprintf(out, 32, "%" PRIu32, low);
    else
        snprintf(out, 32, "%" PRIu32 " to %" PRIu32, low, high);
    return out;
}

static void print_head(const struct cli_plan *p, const char *path, uint32_t least)
{
    const struct plan *plan = &p->plan;
    const struct lengths l = lengths_of(p);
    printf("plan        %s%s%s\n", path, plan->title[0] ? ": " : "", plan->title);
    printf("identity    %s\n", plan->hash);
    printf("model       %s, act %s, kv %s\n", plan->model, storage_name(plan->act),
           storage_name(plan->kv));
    char prompt[32], tokens[32];
    printf("items       %" PRIu32 " prompts of %s tokens, %s generated", plan_bases(plan),
           range_text(prompt, l.prompt_low, l.prompt_high),
           range_text(tokens, l.tokens_low, l.tokens_high));
    if (plan->samples > 1)
        printf(", %" PRIu32 " samples of each item of a task", plan->samples);
    printf("\n");
    printf("population  %s%s\n", POPULATIONS[plan->population],
           !plan_shares_sites(plan)                     ? ""
           : plan->point_weight == PLAN_POINTS_ELEMENTS ? "; points and fields by elements"
                                                        : "; points and fields equally");
    printf("design      %s; items %s\n", DESIGNS[plan->design],
           plan->item_weight == PLAN_ITEMS_EQUAL ? "weigh the same" : "weigh by their exposure");
    printf("interval    %g %%, expected rate %g, design effect %g\n", 100 * plan->confidence,
           plan->expected_rate, plan->design_effect);
    if (plan->confirm.n_strata > 0)
        printf("confirm     %" PRIu32 " strata of plan %.12s..., on fresh trials\n",
               plan->confirm.n_strata, plan->confirm.of);
    for (uint32_t i = 0; i < plan->n_hypotheses; i++)
        printf("hypothesis  %s: %s (alpha %g)\n", plan->hypothesis[i].name,
               plan->hypothesis[i].contrast, plan->hypothesis[i].alpha);
    print_stop(plan, least);
}

static void print_strata(const struct cli_plan *p)
{
    const double items = p->plan.design == PLAN_NESTED ? 1 : p->plan.n_items;
    int width = 7;
    bool repeats = false, whole = false;
    for (uint32_t i = 0; i < sample_strata(p->sample); i++) {
        const int n = (int)strlen(sample_stratum(p->sample, i).label);
        width = n > width ? n : width;
    }
    printf("\n%-*s  %12s  %9s  %9s  %10s\n", width, "stratum", "faults", "weight", "trials",
           MEASURES[p->plan.goal]);
    for (uint32_t i = 0; i < sample_strata(p->sample); i++) {
        const struct sample_stratum row = sample_stratum(p->sample, i);
        printf("%-*s  %12.6g  ", width, row.label, row.size);
        if (isnan(row.weight))
            printf("%9s", "-");
        else
            printf("%9.3g", row.weight);
        const bool all = row.distinct && (double)row.trials >= row.size * items;
        printf("  %9" PRIu64 "%c %10.4g\n", row.trials,
               all            ? '='
               : row.distinct ? ' '
                              : '*',
               row.expected);
        repeats = repeats || !row.distinct;
        whole = whole || all;
    }
    if (whole)
        printf("= each fault of the stratum once\n");
    if (repeats)
        printf("* some faults come more than once, or several a trial: no finite-population "
               "correction\n");
}

static void print_hours(const struct speeds *speeds)
{
    for (size_t i = 0; i < speeds->count; i++) {
        const struct cli_plan_speed *speed = &speeds->speed[i];
        printf("hours       %.3g on %s at %.4g trials/s", speed->hours, speed->name,
               speed->per_second);
        if (speed->prompt_seconds > 0)
            printf(" and %.3g s for each prompt", speed->prompt_seconds);
        printf("\n");
    }
    if (speeds->count > 1)
        printf("hours       %.3g on all of them together\n", hours_together(speeds));
}

static void print_text(const struct cli_plan *p, const char *path, const struct speeds *speeds)
{
    static const enum trial_role roles[] = {ROLE_DRY, ROLE_SENTINEL, ROLE_NAIVE, ROLE_CPU};
    const double total = total_half_width(p);
    print_head(p, path, speeds->least);
    print_strata(p);
    printf("\ntrials      %" PRIu64 " in %" PRIu32 " strata",
           sample_role_trials(p->sample, ROLE_TRIAL), sample_strata(p->sample));
    if (!isnan(total))
        printf("; total within %.4g", total);
    for (uint32_t w = 0; w < p->plan.n_waves; w++)
        printf("\nwave %-6" PRIu32 " %" PRIu64 " of them, from id %" PRIu64, w + 1, p->plan.wave[w],
               sample_wave_begin(p->sample, w + 1));
    if (sample_cut(p->sample) > 0)
        printf("\ncut         %" PRIu64 " more were asked for than strata have faults: no wave "
               "strikes one twice",
               sample_cut(p->sample));
    printf("\ncontrols    ");
    for (int i = 0; i < 4; i++)
        printf("%s%" PRIu64 " %s", i ? ", " : "", sample_role_trials(p->sample, roles[i]),
               kinds_text(KINDS_ROLE, roles[i]));
    printf("\nruns        %" PRIu64 "\n", sample_trials(p->sample));
    if (p->plan.faults_per_trial == 0)
        printf("no fault    %.4g of the trials of stratum 0 would have none and are not drawn\n",
               sample_no_fault(p->sample, 0));
    cli_plan_pilot_print(&speeds->pilot, p);
    print_hours(speeds);
}

static void put_strata(struct json_writer *w, const struct cli_plan *p)
{
    json_member_array(w, "strata");
    for (uint32_t i = 0; i < sample_strata(p->sample); i++) {
        const struct sample_stratum row = sample_stratum(p->sample, i);
        json_object_open(w);
        json_member_text(w, "label", row.label);
        for (uint32_t d = 0; d < p->plan.n_strata; d++)
            json_member_text(w, kinds_text(KINDS_DIMENSION, p->plan.strata[d]),
                             row.value[p->plan.strata[d]]);
        json_member_number(w, "size", row.size);
        json_member_number(w, "weight", row.weight);
        json_member_int(w, "trials", row.trials);
        json_member_bool(w, "distinct", row.distinct);
        json_member_number(w, "expected", row.expected);
        json_member_number(w, "no_fault", sample_no_fault(p->sample, i));
        json_object_close(w);
    }
    json_array_close(w);
}

static void put_devices(struct json_writer *w, const struct speeds *speeds)
{
    json_member_array(w, "devices");
    for (size_t i = 0; i < speeds->count; i++) {
        const struct cli_plan_speed *speed = &speeds->speed[i];
        json_object_open(w);
        json_member_text(w, "name", speed->name);
        json_member_number(w, "rate", speed->per_second);
        json_member_number(w, "prompt_seconds", speed->prompt_seconds);
        json_member_number(w, "hours", speed->hours);
        json_object_close(w);
    }
    json_array_close(w);
    json_member_number(w, "hours_together", speeds->count ? hours_together(speeds) : NAN);
}

static void put_stop(struct json_writer *w, const struct plan *plan, uint32_t least)
{
    json_member_text(w, "stop", kinds_text(KINDS_STOP, plan->stop));
    if (!plan_stops_itself(plan)) {
        json_member_null(w, "gate");
        return;
    }
    json_member_object(w, "gate");
    json_member_number(w, "max", plan->gate.max);
    json_member_text(w, "of", kinds_text(KINDS_GATE_CLASS, plan->gate.of));
    json_member_text(w, "given", kinds_text(KINDS_GATE_TRIALS, plan->gate.given));
    json_member_number(w, "confidence", plan->gate.confidence);
    json_member_text(w, "stratum", plan->gate.stratum);
    json_member_number(w, "least_prompts", least == 0 || least == PLAN_STOP_NEVER ? NAN : least);
    json_object_close(w);
}

static enum status print_json(const struct cli_plan *p, const struct speeds *speeds)
{
    struct json_writer w;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    json_member_text(&w, "identity", p->plan.hash);
    json_member_text(&w, "title", p->plan.title);
    json_member_int(&w, "items", plan_bases(&p->plan));
    json_member_int(&w, "samples", p->plan.samples > 1 ? p->plan.samples : 1);
    json_member_text(&w, "confirm", p->plan.confirm.n_strata > 0 ? p->plan.confirm.of : NULL);
    put_stop(&w, &p->plan, speeds->least);
    put_strata(&w, p);
    json_member_int(&w, "trials", (int64_t)sample_role_trials(p->sample, ROLE_TRIAL));
    json_member_int(&w, "runs", (int64_t)sample_trials(p->sample));
    json_member_object(&w, "controls");
    for (int role = ROLE_DRY; role < ROLE_COUNT; role++)
        json_member_int(&w, kinds_text(KINDS_ROLE, (uint32_t)role),
                        (int64_t)sample_role_trials(p->sample, (enum trial_role)role));
    json_object_close(&w);
    json_member_number(&w, "total_half_width", total_half_width(p));
    cli_plan_pilot_json(&w, &speeds->pilot);
    put_devices(&w, speeds);
    json_object_close(&w);
    return json_end(&w);
}

enum status cli_plan_show(const struct cli_env *env, const void *options,
                          const struct args_list *operands)
{
    const struct cli_plan_options *o = options;
    const char *path = operands->item[0];
    struct cli_plan plan = {0};
    struct speeds speeds = {.count = 0};
    enum status st = cli_plan_open(&plan, env, path, o);
    st = st ? st : plan_stop_least(&plan.plan, &speeds.least);
    st = st ? st : plan_stop_warn(&plan.plan);
    st = st ? st : find_speeds(&speeds, &plan, env, path, o);
    if (!st && o->json)
        st = print_json(&plan, &speeds);
    else if (!st)
        print_text(&plan, path, &speeds);
    cli_plan_close(&plan);
    return st;
}
