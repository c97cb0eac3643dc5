/* SPDX-License-Identifier: MIT */
/* The tree of `vkfi sites --tree`: sums by place, by layers that are alike, by site. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli_layers.h"
#include "cli/cli_sites.h"

struct row {
    uint32_t depth;
    const char *name;
    const struct site *leaf; /* one of the sites that it sums, which are alike; null: they differ */
    uint64_t sites, elements, bits, bytes, macs;
};

struct tree {
    struct arena arena;
    const struct site *site;
    uint32_t count, n_layers;
    struct row *row; /* (rows) */
    uint32_t rows;
};

/* What a branch of the tree takes in; others are passed over. */
struct filter {
    enum place place; /* PLACE_COUNT: any */
    const struct cli_layers *layers;
    uint32_t kind;      /* of layers; UINT32_MAX: any */
    const char *suffix; /* null: any */
};

static bool passes(const struct filter *f, const struct site *site)
{
    if (f->place != PLACE_COUNT && f->place != site->place)
        return false;
    if (f->kind != UINT32_MAX &&
        (site->layer == GRAPH_NO_LAYER || f->layers->kind[site->layer] != f->kind))
        return false;
    return !f->suffix || strcmp(cli_layers_suffix(site->name), f->suffix) == 0;
}

static void add_row(struct tree *t, struct row row, const struct filter *f)
{
    for (uint32_t i = 0; i < t->count; i++) {
        const struct site *site = &t->site[i];
        if (!passes(f, site))
            continue;
        row.sites++;
        row.elements += site->elements;
        row.bits += site->bits;
        row.bytes += site->bytes;
        row.macs += site->macs;
    }
    t->row[t->rows++] = row;
}

/* Layers are alike in a place if they have the same sites of the same sizes there. */
static enum status kinds_of(struct cli_layers *out, struct tree *t, enum place place)
{
    enum status st = cli_layers_begin(out, &t->arena, t->n_layers);
    for (uint32_t i = 0; !st && i < t->count; i++) {
        const struct site *site = &t->site[i];
        if (site->place == place && site->layer != GRAPH_NO_LAYER)
            text_addf(&out->describe[site->layer],
                      "%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIx32 "\n",
                      cli_layers_suffix(site->name), site->elements, site->bits, site->macs,
                      site->points);
    }
    return st ? st : cli_layers_group(out);
}

/* The layers like `site`'s, and under them each of their sites. */
static enum status add_kind(struct tree *t, const struct cli_layers *layers,
                            const struct site *site)
{
    struct text name = {0};
    struct filter f = {site->place, layers, layers->kind[site->layer], NULL};
    text_put(&name, "blk.");
    cli_layers_name(&name, layers, f.kind);
    const char *kept = arena_printf(&t->arena, "%s", text_of(&name));
    const enum status st = name.st ? name.st : kept ? STATUS_OK : STATUS_MEMORY;
    text_finish(&name);
    if (st)
        return st;
    add_row(t, (struct row){.depth = 2, .name = kept}, &f);
    for (uint32_t i = 0; i < t->count; i++) {
        const struct site *leaf = &t->site[i];
        if (leaf->place != site->place || leaf->layer != site->layer)
            continue;
        f.suffix = cli_layers_suffix(leaf->name);
        add_row(t, (struct row){.depth = 3, .name = f.suffix, .leaf = leaf}, &f);
    }
    return STATUS_OK;
}

static enum status add_place(struct tree *t, enum place place)
{
    struct cli_layers layers;
    const struct filter whole = {place, NULL, UINT32_MAX, NULL};
    bool *shown = arena_array(&t->arena, t->n_layers, sizeof(*shown)); /* kinds of layers */
    enum status st = kinds_of(&layers, t, place);
    st = st || shown ? st : STATUS_MEMORY;

    if (!st)
        add_row(t, (struct row){.depth = 1, .name = kinds_text(KINDS_PLACE, place)}, &whole);
    if (!st && t->row[t->rows - 1].sites == 0)
        t->rows--;
    for (uint32_t i = 0; !st && i < t->count; i++) {
        const struct site *site = &t->site[i];
        if (site->place != place)
            continue;
        if (site->layer == GRAPH_NO_LAYER) {
            const struct filter one = {place, NULL, UINT32_MAX, site->name};
            add_row(t, (struct row){.depth = 2, .name = site->name, .leaf = site}, &one);
        } else if (!shown[layers.kind[site->layer]]) {
            shown[layers.kind[site->layer]] = true;
            st = add_kind(t, &layers, site);
        }
    }
    cli_layers_finish(&layers);
    return st;
}

static void print_row(const struct row *row, int width)
{
    const int indent = 2 * (int)row->depth;
    const struct site *leaf = row->leaf;
    const char *op = leaf && leaf->node ? graph_op_name(leaf->node->op) : "-";
    printf("%*s%-*s %-10s %6" PRIu64 " %12" PRIu64 " %14" PRIu64 " %12" PRIu64 " %12" PRIu64,
           indent, "", width - indent, row->name, op, row->sites, row->elements, row->bits,
           row->bytes, row->macs);
    for (uint32_t point = HOOK_OPERAND; leaf && point <= HOOK_LAST; point++) {
        if (leaf->points >> point & 1)
            printf(" %s", kinds_text(KINDS_POINT, point));
    }
    putchar('\n');
}

static void print_tree(const struct tree *t)
{
    int width = 0;
    for (uint32_t i = 0; i < t->rows; i++) {
        const int needed = (int)(2 * t->row[i].depth + strlen(t->row[i].name));
        width = needed > width ? needed : width;
    }
    printf("%-*s %-10s %6s %12s %14s %12s %12s points\n", width, "site", "op", "sites", "elements",
           "bits", "bytes", "MACs");
    for (uint32_t i = 0; i < t->rows; i++)
        print_row(&t->row[i], width);
}

enum status cli_sites_tree(const struct site *sites, uint32_t count, const struct model *model)
{
    struct tree t = {.site = sites, .count = count, .n_layers = model->hp.n_layers};
    const struct filter all = {PLACE_COUNT, NULL, UINT32_MAX, NULL};
    /* Each site is a leaf once at most, beside kinds of layers, places and the root. */
    t.row = arena_array(&t.arena, 2 * (size_t)count + PLACE_COUNT + 2, sizeof(*t.row));
    enum status st = t.row ? STATUS_OK : STATUS_MEMORY;

    if (!st)
        add_row(&t, (struct row){.name = hparams_arch_name(model->hp.arch)}, &all);
    for (int place = 0; !st && place < PLACE_COUNT; place++)
        st = add_place(&t, (enum place)place);
    if (!st)
        print_tree(&t);
    arena_finish(&t.arena);
    return st;
}
