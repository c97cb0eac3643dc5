/* SPDX-License-Identifier: MIT */
/* `vkfi protect plan`: a policy of selective redundancy and kept bits of K and V from a profile. */
#include <inttypes.h>
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sort.h"
#include "cli/cli_manifest.h"
#include "cli/cli_plan.h"
#include "cli/cli_protect.h"
#include "cli/cli_task.h"
#include "inject/plan/plan_overlap.h"
#include "inject/report/report_choose.h"
#include "inject/report/report_choose_bits.h"
#include "inject/report/report_source.h"
#include "mitigations/calibration.h"

#define ROWS 12u      /* of the curve that are shown */
#define MOST_BITS 32u /* of an element of K and V */

struct planning {
    const struct cli_protect_options *o;
    struct report_source source;
    struct model *model;
    struct arena arena;
    struct plan_overlap items; /* of the profile */
    struct site *site;
    struct report_chosen chosen;
    struct report_bits bits;
};

static const char *const PHASE[] = {"prompt", "tokens"};
#define BOTH_PHASES ((1u << REPORT_PROMPT) | (1u << REPORT_TOKENS))

/* Bit of each phase in which one of the first `n` choices takes the site. */
static uint32_t phases_of(const struct report_chosen *chosen, uint32_t n, uint32_t site)
{
    uint32_t phases = 0;
    for (uint32_t i = 0; i < n; i++)
        phases |= chosen->choice[i].site == site ? 1u << chosen->choice[i].phase : 0;
    return phases;
}

/* Sites that are chosen in just these phases, in the order of choice. */
static void put_sites(struct json_writer *w, const struct planning *p, const char *member,
                      uint32_t phases)
{
    const struct report_chosen *c = &p->chosen;
    json_member_array(w, member);
    for (uint32_t i = 0; i < c->n; i++) {
        const uint32_t site = c->choice[i].site;
        if (phases_of(c, c->n, site) == phases && phases_of(c, i, site) == 0)
            json_put_text(w, p->site[site].name);
    }
    json_array_close(w);
}

static void put_redundancy(struct json_writer *w, const struct planning *p)
{
    if (p->chosen.n == 0)
        return;
    json_object_open(w);
    json_member_text(w, "kind", "redundancy");
    put_sites(w, p, "sites", BOTH_PHASES);
    put_sites(w, p, "prefill", 1u << REPORT_PROMPT);
    put_sites(w, p, "decode", 1u << REPORT_TOKENS);
    json_object_close(w);
}

/* The number of bits that most planes keep. */
static uint32_t common_bits(const struct report_bits *bits)
{
    uint32_t planes[MOST_BITS + 1] = {0}, best = 0;
    for (uint32_t i = 0; i < bits->n_planes; i++)
        planes[bits->keep[i]]++;
    for (uint32_t keep = 0; keep <= MOST_BITS; keep++)
        best = planes[keep] > planes[best] ? keep : best;
    return best;
}

static void put_checkpoint(struct json_writer *w, struct planning *p)
{
    const struct report_bits *bits = &p->bits;
    if (!(bits->share > 0))
        return;
    const uint32_t common = common_bits(bits);
    json_object_open(w);
    json_member_text(w, "kind", "kv_checkpoint");
    json_member_int(w, "bits", common);
    json_member_array(w, "planes");
    for (uint32_t i = 0; i < bits->n_planes; i++) {
        if (bits->keep[i] != common)
            json_put_text(w, arena_printf(&p->arena, "blk.%" PRIu32 ".kv_%c=%" PRIu32, i / 2,
                                          i % 2 ? 'v' : 'k', bits->keep[i]));
    }
    json_array_close(w);
    json_object_close(w);
}

static void put_policy(struct json_writer *w, struct planning *p)
{
    json_object_open(w);
    json_member_text(w, "title",
                     arena_printf(&p->arena,
                                  "%s of %s, %.4g %% of a request's work, %.4g %% of K and V",
                                  p->o->random ? "a random choice" : "by harm for its cost",
                                  p->source.path, 100 * p->chosen.work, 100 * p->bits.share));
    json_member_array(w, "protect");
    put_redundancy(w, p);
    put_checkpoint(w, p);
    json_array_close(w);
    json_member_array(w, "profile");
    for (uint32_t i = 0; i < p->items.n; i++)
        json_put_text(w, p->items.name[i]);
    json_array_close(w);
    json_object_close(w);
}

static enum status write_policy(struct planning *p)
{
    struct file_writer file;
    struct json_writer w;
    if (p->chosen.n == 0 && !(p->bits.share > 0)) {
        log_error("%s: not written: no site fits into the budget, and no bit of K and V has to be "
                  "kept",
                  p->o->output);
        return STATUS_INPUT;
    }
    enum status st = file_writer_init(&file, p->o->output);
    if (st)
        return st;
    json_begin(&w, file.file, true);
    put_policy(&w, p);
    st = json_end(&w);
    st = st ? st : file_writer_commit(&file);
    file_writer_finish(&file);
    return st;
}

static void put_interval(struct json_writer *w, const struct stats_interval *interval)
{
    json_member_array(w, "interval");
    json_put_number(w, interval->low);
    json_put_number(w, interval->high);
    json_array_close(w);
}

static void put_bits(struct json_writer *w, const struct report_bits *bits)
{
    json_put_key(w, "kv");
    json_object_open(w);
    json_member_int(w, "events", bits->events);
    json_member_number(w, "share", bits->share);
    json_member_int(w, "planes_unsure", bits->unsure);
    json_member_number(w, "expected", bits->expected);
    put_interval(w, &bits->interval);
    json_member_number(w, "expected_uniform", bits->uniform);
    json_member_array(w, "keep");
    for (uint32_t i = 0; i < bits->n_planes; i++)
        json_put_int(w, bits->keep[i]);
    json_array_close(w);
    json_object_close(w);
}

/* Events that neither meets. */
static uint32_t outside(const struct planning *p)
{
    return p->chosen.outside - p->bits.events;
}

static void print_json(struct json_writer *w, struct planning *p)
{
    const struct report_chosen *c = &p->chosen;
    json_object_open(w);
    json_member_text(w, "event", c->event);
    json_member_int(w, "events", c->events);
    json_member_int(w, "events_outside", outside(p));
    json_member_number(w, "work", c->work);
    json_member_number(w, "expected", c->expected);
    put_interval(w, &c->interval);
    json_member_array(w, "curve");
    for (uint32_t i = 0; i < c->n; i++) {
        json_object_open(w);
        json_member_text(w, "site", p->site[c->choice[i].site].name);
        json_member_text(w, "columns", PHASE[c->choice[i].phase]);
        json_member_number(w, "work", c->choice[i].work);
        json_member_number(w, "harm", c->choice[i].harm);
        json_object_close(w);
    }
    json_array_close(w);
    if (p->bits.n_planes > 0)
        put_bits(w, &p->bits);
    json_put_key(w, "policy");
    put_policy(w, p);
    json_object_close(w);
}

static void print_bits(const struct planning *p)
{
    const struct report_bits *bits = &p->bits;
    printf("kept bits   %.4g %% of K and V, so that flips of the others have at most %.4g %% %s"
           " (upper end, 95 %%); %" PRIu32 " of %" PRIu32 " whole for want of trials\n",
           100 * bits->share, p->o->eps, p->chosen.event, bits->unsure, bits->n_planes);
    if (bits->events > 0)
        printf("expected    meets %.1f %% [%.1f, %.1f] of %" PRIu32
               " events of single flips in K and V; as many bits in all layers alike %.1f %%\n",
               100 * bits->expected, 100 * bits->interval.low, 100 * bits->interval.high,
               bits->events, 100 * bits->uniform);
}

static void print_curve(const struct planning *p)
{
    const struct report_chosen *c = &p->chosen;
    const uint32_t step = c->n > ROWS ? (c->n + ROWS - 1) / ROWS : 1;
    printf("\n%-28s %-8s %8s %8s   (of all events, by the estimates that chose: biased upwards)\n",
           "sites so far", "columns", "work, %", "harm, %");
    for (uint32_t i = 0; i < c->n; i++) {
        const struct report_choice *choice = &c->choice[i];
        if (i % step == 0 || i + 1 == c->n)
            printf("%4" PRIu32 "  %-22s %-8s %8.3f %8.2f\n", i + 1, p->site[choice->site].name,
                   PHASE[choice->phase], 100 * choice->work, 100 * choice->harm);
    }
}

static void print_text(const struct planning *p)
{
    const struct report_chosen *c = &p->chosen;
    printf("profile     %s: %" PRIu32 " %s of single ops, %" PRIu32
           " of single flips in K and V; %" PRIu32 " of others are met by neither\n",
           p->source.path, c->events, c->event, p->bits.events, outside(p));
    if (c->events > 0) {
        printf("policy      %" PRIu32
               " sites of prompt or tokens%s, %.4g %% of a request's work done twice\n",
               c->n, p->o->random ? " at random" : "", 100 * c->work);
        printf("expected    meets %.1f %% [%.1f, %.1f] of these events (95 %%: Wilson, n = %" PRIu32
               "; sites chosen by one half of the items, events of the other)\n",
               100 * c->expected, 100 * c->interval.low, 100 * c->interval.high, c->events);
    }
    if (p->bits.n_planes > 0)
        print_bits(p);
    if (c->n > 0)
        print_curve(p);
}

static enum status choose_all(struct planning *p, uint32_t n_sites)
{
    const struct cli_protect_options *o = p->o;
    const struct report_choose_params sites = {.site = p->site,
                                               .n_sites = n_sites,
                                               .budget = o->budget / 100,
                                               .random = o->random > 0,
                                               .seed = o->random,
                                               .confidence = 0.95};
    const struct report_bits_params bits = {.n_layers = p->model->hp.n_layers,
                                            .width = storage_bits(p->source.plan.kv),
                                            .eps = o->eps / 100,
                                            .random = o->random > 0,
                                            .seed = o->random,
                                            .confidence = 0.95};
    const struct report_data *data = &p->source.data;
    enum status st = report_choose(&p->chosen, &p->arena, data, &sites);
    st = st ? st : report_choose_bits(&p->bits, &p->arena, data, &bits);
    if (!st && p->chosen.events == 0 && p->bits.n_planes == 0) {
        log_error("%s: found no %s of a single op and no flip in K or V among %zu trials, expected"
                  " some to choose by",
                  p->source.path, p->chosen.event, data->n);
        return STATUS_INPUT;
    }
    return st;
}

/* --- what a study must keep apart --- */

/* Items of what the policy will be judged on: a plan or a database. */
static enum status check_evaluation(struct planning *p, const struct cli_env *env, const char *what)
{
    const char *path = p->o->evaluate;
    struct report_source source = {0};
    struct plan_overlap items;
    struct plan plan;
    const bool database = path && cli_plan_is_database(path);
    if (!path)
        return STATUS_OK;
    enum status st =
        database ? report_source_open(&source, path)
                 : plan_load(&plan, &p->arena, path, &(struct plan_tasks){cli_task_of_plan, env});
    st = st ? st : plan_overlap_list(&items, &p->arena, database ? &source.plan : &plan);
    st = st ? st : plan_overlap_check(&items, &p->items, path, what);
    report_source_finish(&source);
    return st;
}

/* Items of the calibration beside which the policy will be used. */
static enum status check_calibration(struct planning *p, const char *what)
{
    const struct calibration_use use = {
        .model = p->model, .act = p->source.plan.act, .kv = p->source.plan.kv};
    struct calibration calibration;
    struct plan_overlap items = {0};
    if (!p->o->calibration)
        return STATUS_OK;
    enum status st = calibration_load(&calibration, &p->arena, p->o->calibration, &use);
    if (st)
        return st;
    items.name = arena_array(&p->arena, calibration.n_items, sizeof(*items.name));
    for (; items.name && items.n < calibration.n_items; items.n++) {
        const struct calibration_item *item = &calibration.item[items.n];
        items.name[items.n] = arena_printf(&p->arena, "%s/%s", item->task, item->doc_id);
        if (!items.name[items.n])
            return STATUS_MEMORY;
    }
    sort_texts(items.name, items.n);
    return items.name ? plan_overlap_check(&items, &p->items, p->o->calibration, what)
                      : STATUS_MEMORY;
}

static enum status check_apart(struct planning *p, const struct cli_env *env)
{
    const char *what = arena_printf(&p->arena, "the profile %s", p->source.path);
    enum status st =
        what ? plan_overlap_list(&p->items, &p->arena, &p->source.plan) : STATUS_MEMORY;
    st = st ? st : check_evaluation(p, env, what);
    return st ? st : check_calibration(p, what);
}

static enum status choose(struct planning *p, const struct cli_env *env, const char *path)
{
    const struct cli_protect_options *o = p->o;
    uint32_t n = 0;
    enum status st = cli_reading_open(&p->source, path, o->allow_suspect);
    st = st ? st : cli_manifest_open(&p->model, env, o->model ? o->model : p->source.plan.model);
    if (st)
        return st;
    const struct site_shape shape = {
        .model = p->model, .act = p->source.plan.act, .kv = p->source.plan.kv, .positions = 64};
    st = check_apart(p, env);
    st = st ? st : site_list(&p->site, &n, &p->arena, &shape);
    return st ? st : choose_all(p, n);
}

enum status cli_protect_plan(const struct cli_env *env, const void *options,
                             const struct args_list *operands)
{
    struct planning p = {.o = options};
    struct json_writer w;
    enum status st = choose(&p, env, operands->item[0]);
    if (!st && p.o->output)
        st = write_policy(&p);
    if (!st && p.o->json) {
        json_begin(&w, stdout, true);
        print_json(&w, &p);
        st = json_end(&w);
    } else if (!st) {
        print_text(&p);
        st = cli_output_flush();
    }
    report_source_finish(&p.source);
    model_close(&p.model);
    arena_finish(&p.arena);
    return st;
}
