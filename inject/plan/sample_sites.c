/* SPDX-License-Identifier: MIT */
/* The sites of a model that a plan's patterns and layers select. */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/args.h"
#include "base/log.h"
#include "inject/plan/plan_read.h"
#include "inject/plan/sample_internal.h"
#include "model/op.h"

/* "attn_q" of "blk.3.attn_q"; outside of layers the name itself. */
static const char *kind_of(const char *name)
{
    if (strncmp(name, "blk.", 4) == 0) {
        const char *dot = strchr(name + 4, '.');
        return dot ? dot + 1 : name;
    }
    return name;
}

/* Marks of patterns that matched some site of the right place, in any layer: of sites, of excluded
 * ones, of all groups in sequence. The names of all sites of the right place. */
struct found {
    bool *glob, *exclude, *group;
    uint32_t room;
    const char **name; /* (names) */
    uint32_t names, name_room;
};

static bool layer_selected(const struct plan_where *where, uint32_t layer)
{
    return !where->layers.given ||
           (layer != GRAPH_NO_LAYER && layer >= where->layers.first && layer <= where->layers.last);
}

static enum status note_name(struct sample *s, struct found *found, const char *name)
{
    if (found->names == found->name_room) {
        const uint32_t room = found->name_room ? 2 * found->name_room : 256;
        const char **more = arena_array(&s->arena, room, sizeof(*more));
        if (!more)
            return STATUS_MEMORY;
        if (found->names > 0)
            memcpy(more, found->name, found->names * sizeof(*more));
        found->name = more;
        found->name_room = room;
    }
    found->name[found->names] = arena_text(&s->arena, name, strlen(name));
    return found->name[found->names++] ? STATUS_OK : STATUS_MEMORY;
}

/* True if any pattern matches; marks all that do. */
static bool matches_any(const struct plan_globs *globs, const char *name, bool *marks)
{
    bool any = false;
    for (uint32_t i = 0; i < globs->count; i++) {
        const bool matches = fnmatch(globs->glob[i], name, 0) == 0;
        marks[i] = marks[i] || matches;
        any = any || matches;
    }
    return any;
}

/* The site's group; a second one is refused. `selected`: it is struck. */
static enum status find_group(const struct sample *s, const char *name, bool selected, bool *marks,
                              uint32_t *out)
{
    const struct plan *plan = s->plan;
    *out = SAMPLE_NONE;
    for (uint32_t g = 0; g < plan->n_groups; g++) {
        const struct plan_globs *globs = &plan->group[g].sites;
        const bool matches = matches_any(globs, name, marks);
        marks += globs->count;
        if (!matches || !selected)
            continue;
        if (*out != SAMPLE_NONE) {
            log_error("%s: found site '%s' in the groups '%s' and '%s', expected groups that share "
                      "no site",
                      plan_place(plan, "/groups"), name, plan->group[*out].name,
                      plan->group[g].name);
            return STATUS_INPUT;
        }
        *out = g;
    }
    return STATUS_OK;
}

/* Adds the site if it is selected; the first pattern that matches gives the weight. */
static enum status add(struct sample *s, struct found *found, const struct sample_site *site)
{
    const struct plan_where *where = &s->plan->where;
    double weight = where->n_sites == 0 ? 1 : 0;
    uint32_t group;
    if (!plan_choices_has(&where->place, site->place))
        return STATUS_OK;
    enum status st = note_name(s, found, site->name);
    if (st)
        return st;
    for (uint32_t i = 0; i < where->n_sites; i++) {
        if (fnmatch(where->site[i].glob, site->name, 0) != 0)
            continue;
        found->glob[i] = true;
        if (!(weight > 0))
            weight = where->site[i].weight;
    }
    const bool excluded = matches_any(&where->exclude, site->name, found->exclude);
    const bool selected = weight > 0 && !excluded && layer_selected(where, site->layer);
    st = find_group(s, site->name, selected, found->group, &group);
    if (st || !selected)
        return st;
    if (s->n_sites == found->room) {
        const uint32_t room = found->room ? 2 * found->room : 256;
        struct sample_site *more = arena_array(&s->arena, room, sizeof(*more));
        if (!more)
            return STATUS_MEMORY;
        if (s->n_sites > 0)
            memcpy(more, s->site, s->n_sites * sizeof(*more));
        s->site = more;
        found->room = room;
    }
    struct sample_site *out = &s->site[s->n_sites++];
    *out = *site;
    out->name = arena_text(&s->arena, site->name, strlen(site->name));
    out->kind = out->name ? kind_of(out->name) : NULL;
    out->weight = weight;
    out->group = group;
    return out->name ? STATUS_OK : STATUS_MEMORY;
}

static enum status add_ops(struct sample *s, struct found *found)
{
    const struct graph *graph = &s->model->graph;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        const struct sample_site site = {
            .name = node->site, .place = PLACE_OP, .source = i, .layer = node->layer};
        if (op_is_site(node->op))
            st = add(s, found, &site);
    }
    return st;
}

static bool read_before(const struct graph *graph, uint32_t end, const struct tensor *t)
{
    for (uint32_t i = 0; i < end; i++) {
        if (graph->node[i].weight == t || graph->node[i].bias == t)
            return true;
    }
    return false;
}

/* Stored tensors that the graph reads, once each: a tied embedding is one site. */
static enum status add_weights(struct sample *s, struct found *found)
{
    const struct graph *graph = &s->model->graph;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        const struct tensor *const tensors[] = {node->weight, node->bias};
        for (int k = 0; !st && k < 2; k++) {
            if (!tensors[k] || read_before(graph, i, tensors[k]))
                continue;
            const struct sample_site site = {.name = tensors[k]->name,
                                             .place = PLACE_WEIGHT,
                                             .source = tensors[k]->index,
                                             .layer = node->layer};
            st = add(s, found, &site);
        }
    }
    return st;
}

static enum status add_kv(struct sample *s, struct found *found)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < 2 * s->model->hp.n_layers; i++) {
        char name[FAULT_SITE_TEXT];
        snprintf(name, sizeof(name), "blk.%u.kv_%c", i / 2, i % 2 ? 'v' : 'k');
        const struct sample_site site = {.name = name,
                                         .place = PLACE_KV,
                                         .source = i / 2,
                                         .value_cache = i % 2 != 0,
                                         .layer = i / 2};
        st = add(s, found, &site);
    }
    return st;
}

static enum status add_tables(struct sample *s, struct found *found)
{
    static const char *const names[] = {"rope", "rope_local"};
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < s->model->hp.rope_tables; i++) {
        const struct sample_site site = {
            .name = names[i], .place = PLACE_TABLE, .source = i, .layer = GRAPH_NO_LAYER};
        st = add(s, found, &site);
    }
    return st;
}

static enum status add_controls(struct sample *s, struct found *found)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < CONTROL_COUNT; i++) {
        char name[FAULT_SITE_TEXT];
        snprintf(name, sizeof(name), "control.%s", kinds_text(KINDS_CONTROL, i));
        const struct sample_site site = {
            .name = name, .place = PLACE_CONTROL, .source = i, .layer = GRAPH_NO_LAYER};
        st = add(s, found, &site);
    }
    return st;
}

/* A pattern that is a plain name, but no site's: suggests the nearest. */
static enum status refuse_glob(const struct sample *s, const struct found *found, const char *glob,
                               const char *pointer)
{
    char suggestion[ARGS_SUGGESTION];
    log_error("%s: no site of the model and of where.place matches '%s'; `vkfi sites -m %s` lists "
              "them%s",
              plan_place(s->plan, pointer), glob, s->plan->model,
              args_suggest(suggestion, glob, found->name, strpbrk(glob, "*?[") ? 0 : found->names));
    return STATUS_INPUT;
}

static enum status check_layers(const struct sample *s)
{
    const struct plan_where *where = &s->plan->where;
    const uint32_t layers = s->model->hp.n_layers;
    if (where->layers.given && where->layers.last >= layers)
        log_error("%s: found layers %u to %u, expected some of the model's, 0 to %u",
                  plan_place(s->plan, "/where/layers"), where->layers.first, where->layers.last,
                  layers - 1);
    else if (s->n_sites == 0 && where->exclude.count > 0)
        log_error("%s: found no site that it leaves, expected some to strike",
                  plan_place(s->plan, "/where/exclude"));
    else if (s->n_sites == 0)
        log_error("%s: found no site in layers %u to %u, expected some that where.sites names",
                  plan_place(s->plan, "/where/layers"), where->layers.first, where->layers.last);
    else
        return STATUS_OK;
    return STATUS_INPUT;
}

/* Every pattern must match a site of the right place. */
static enum status check_patterns(const struct sample *s, const struct found *found)
{
    const struct plan *plan = s->plan;
    const struct plan_where *where = &plan->where;
    char pointer[40];
    for (uint32_t i = 0; i < where->n_sites; i++) {
        snprintf(pointer, sizeof(pointer), "/where/sites/%u", i);
        if (!found->glob[i])
            return refuse_glob(s, found, where->site[i].glob, pointer);
    }
    for (uint32_t i = 0; i < where->exclude.count; i++) {
        snprintf(pointer, sizeof(pointer), "/where/exclude/%u", i);
        if (!found->exclude[i])
            return refuse_glob(s, found, where->exclude.glob[i], pointer);
    }
    const bool *mark = found->group;
    for (uint32_t g = 0; g < plan->n_groups; g++) {
        for (uint32_t i = 0; i < plan->group[g].sites.count; i++) {
            snprintf(pointer, sizeof(pointer), "/groups/%u/%u", g, i);
            if (!*mark++)
                return refuse_glob(s, found, plan->group[g].sites.glob[i], pointer);
        }
    }
    return STATUS_OK;
}

enum status sample_sites_find(struct sample *s)
{
    const struct plan_where *where = &s->plan->where;
    uint32_t in_groups = 0;
    for (uint32_t g = 0; g < s->plan->n_groups; g++)
        in_groups += s->plan->group[g].sites.count;
    struct found found = {
        .glob = arena_array(&s->arena, where->n_sites + 1, sizeof(bool)),
        .exclude = arena_array(&s->arena, (size_t)where->exclude.count + 1, sizeof(bool)),
        .group = arena_array(&s->arena, (size_t)in_groups + 1, sizeof(bool))};
    if (!found.glob || !found.exclude || !found.group)
        return STATUS_MEMORY;
    enum status st = add_ops(s, &found);
    if (!st)
        st = add_weights(s, &found);
    if (!st)
        st = add_kv(s, &found);
    if (!st)
        st = add_tables(s, &found);
    if (!st)
        st = add_controls(s, &found);
    if (!st)
        st = check_patterns(s, &found);
    return st ? st : check_layers(s);
}
