/* SPDX-License-Identifier: MIT */
/* `vkfi protect plan`: a policy of selective redundancy from a profile. */
#include <inttypes.h>
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/cli_manifest.h"
#include "cli/cli_protect.h"
#include "inject/report/report_choose.h"
#include "inject/report/report_source.h"

#define ROWS 12u /* of the curve that are shown */

struct planning {
    const struct cli_protect_options *o;
    struct report_source source;
    struct model *model;
    struct arena arena;
    struct site *site;
    struct report_chosen chosen;
};

static void put_policy(struct json_writer *w, const struct planning *p)
{
    json_object_open(w);
    json_member_text(w, "title",
                     arena_printf((struct arena *)&p->arena, "%s of %s, %.4g %% of a token's work",
                                  p->o->random ? "random sites" : "sites by harm for their work",
                                  p->source.path, 100 * p->chosen.work));
    json_member_array(w, "protect");
    json_object_open(w);
    json_member_text(w, "kind", "redundancy");
    json_member_array(w, "sites");
    for (uint32_t i = 0; i < p->chosen.n; i++)
        json_put_text(w, p->site[p->chosen.choice[i].site].name);
    json_array_close(w);
    json_object_close(w);
    json_array_close(w);
    json_object_close(w);
}

static enum status write_policy(const struct planning *p)
{
    struct file_writer file;
    struct json_writer w;
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

static void print_json(struct json_writer *w, const struct planning *p)
{
    const struct report_chosen *c = &p->chosen;
    json_object_open(w);
    json_member_text(w, "event", c->event);
    json_member_int(w, "events", c->events);
    json_member_int(w, "events_outside", c->outside);
    json_member_number(w, "work", c->work);
    json_member_number(w, "expected", c->expected);
    json_member_array(w, "interval");
    json_put_number(w, c->interval.low);
    json_put_number(w, c->interval.high);
    json_array_close(w);
    json_member_array(w, "curve");
    for (uint32_t i = 0; i < c->n; i++) {
        json_object_open(w);
        json_member_text(w, "site", p->site[c->choice[i].site].name);
        json_member_number(w, "work", c->choice[i].work);
        json_member_number(w, "harm", c->choice[i].harm);
        json_object_close(w);
    }
    json_array_close(w);
    json_put_key(w, "policy");
    put_policy(w, p);
    json_object_close(w);
}

static void print_text(const struct planning *p)
{
    const struct report_chosen *c = &p->chosen;
    const uint32_t step = c->n > ROWS ? (c->n + ROWS - 1) / ROWS : 1;
    printf("profile     %s: %" PRIu32 " %s of single ops; %" PRIu32
           " of stored bits, control or several sites are not met by redundancy\n",
           p->source.path, c->events, c->event, c->outside);
    printf("policy      %" PRIu32 " sites%s, %.4g %% of a token's work done twice\n", c->n,
           p->o->random ? " at random" : "", 100 * c->work);
    printf("expected    meets %.1f %% [%.1f, %.1f] of these events (95 %%: Wilson, n = %" PRIu32
           "; sites chosen by one half of the items, events of the other)\n\n",
           100 * c->expected, 100 * c->interval.low, 100 * c->interval.high, c->events);
    printf("%-28s %8s %8s   (of all events, by the estimates that chose: biased upwards)\n",
           "sites so far", "work, %", "harm, %");
    for (uint32_t i = 0; i < c->n; i++) {
        if (i % step == 0 || i + 1 == c->n)
            printf("%4" PRIu32 "  %-22s %8.3f %8.2f\n", i + 1, p->site[c->choice[i].site].name,
                   100 * c->choice[i].work, 100 * c->choice[i].harm);
    }
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
    st = site_list(&p->site, &n, &p->arena, &shape);
    return st ? st
              : report_choose(&p->chosen, &p->arena, &p->source.data,
                              &(struct report_choose_params){.site = p->site,
                                                             .n_sites = n,
                                                             .budget = o->budget / 100,
                                                             .random = o->random > 0,
                                                             .seed = o->random,
                                                             .confidence = 0.95});
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
