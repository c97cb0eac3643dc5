/* SPDX-License-Identifier: MIT */
/* `vkfi sites`: where faults may strike, with the sizes that give strata their weights. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/cli_manifest.h"
#include "cli/cli_sites.h"
#include "inject/space/site.h"

#define STORAGES "f32|f16|bf16"

struct request {
    const char *model;
    uint64_t positions;
    int act, kv;
    bool json, tree;
    struct args_list globs;
};

static const char DETAILS[] =
    "DESCRIPTION\n"
    "Lists the sites of a model, all or those whose names match a PATTERN (as the shell "
    "matches names: * ? [...]; quote it). Faults and plans use the same names.\n"
    "\n"
    "  site      name\n"
    "  place     op: a result computed for each token; weight: a tensor of\n"
    "            the file; kv: K or V entries of a layer; table: a RoPE\n"
    "            table; control: an integer that steers\n"
    "  op        kind of operation; - for what is stored\n"
    "  elements  results of one token; elements stored\n"
    "  bits      that hold them: of the stored form of results, of all\n"
    "            fields of a tensor\n"
    "  bytes     the same; a tensor's size in the file\n"
    "  MACs      of one token: products of two operands that are summed, by\n"
    "            matrices and attention (the clock of plans of stored bits)\n"
    "  points    where a fault may strike: operand (the input as read),\n"
    "            weight (stored bits as read), partial (a partial sum),\n"
    "            out (the result), mem (its stored form), accumulator (a\n"
    "            running sum after a block of 32 products has joined it)\n"
    "\n"
    "With --tree, sites are summed by place, by layers that are alike (\"blk.0-4,6\"), and by "
    "name: "
    "every row has the sums of the sites under it, whose number is in the column sites.\n"
    "\n"
    "A tensor used twice (tied embeddings) is one site. In JSON, layer is null for what "
    "lies outside the layers.\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi sites -m smollm2-135m 'blk.3.*'\n"
    "  vkfi sites -m smollm2-135m --tree\n"
    "  vkfi sites -m smollm2-135m --json 'blk.*.ffn_down*' 'control.*'\n"
    "\n"
    "EXIT CODES\n"
    "  0  done\n"
    "  2  wrong usage, no such model, or no site matches\n";

static enum status parse(struct request *r, int argc, char **argv, bool *out_done)
{
    const struct args_option options[] = {
        {'m', "model", ARGS_TEXT, &r->model, "MODEL",
         "The path of a GGUF file, or a name of `vkfi model list`.", 0, 0},
        {0, "prompt", ARGS_UINT, &r->positions, "N",
         "Positions there are: keys that the token counted here sees, KV entries and rows of the "
         "RoPE tables that are stored. Default 128.",
         1, 1 << 20},
        {0, "act", ARGS_CHOICE, &r->act, STORAGES, "Storage type of activations. Default f32.", 0,
         0},
        {0, "kv", ARGS_CHOICE, &r->kv, STORAGES, "Storage type of K and V. Default f32.", 0, 0},
        {0, "tree", ARGS_FLAG, &r->tree, NULL, "A tree with sums, layers that are alike as one.", 0,
         0},
        {0, "json", ARGS_FLAG, &r->json, NULL, "A JSON array, one object a site.", 0, 0},
        {0}};
    const struct args_spec spec = {.command = "vkfi sites",
                                   .summary = "where faults may strike",
                                   .synopsis = "-m MODEL [options] [PATTERN...]",
                                   .details = DETAILS,
                                   .options = options,
                                   .operands = &r->globs};
    const enum status st = args_parse(&spec, argc, argv, out_done);
    if (!st && r->tree && r->json) {
        log_error("found --tree and --json, expected one of them: in JSON each site has its place "
                  "and layer");
        return STATUS_USAGE;
    }
    return st || *out_done ? st : cli_manifest_check(r->model);
}

static bool wanted(const struct request *r, const struct site *site)
{
    for (size_t i = 0; i < r->globs.count; i++) {
        if (site_matches(site, r->globs.item[i]))
            return true;
    }
    return r->globs.count == 0;
}

static const char *op_of(const struct site *site)
{
    return site->node ? graph_op_name(site->node->op) : "-";
}

static void print_site(const struct site *site)
{
    printf("%-29s %-8s %-8s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " ", site->name,
           kinds_text(KINDS_PLACE, site->place), op_of(site), site->elements, site->bits,
           site->bytes, site->macs);
    for (uint32_t point = HOOK_OPERAND; point <= HOOK_LAST; point++) {
        if (site->points >> point & 1)
            printf(" %s", kinds_text(KINDS_POINT, point));
    }
    putchar('\n');
}

static void put_count(struct json_writer *w, const char *key, uint64_t count)
{
    json_member_int(w, key, count);
}

static void put_site(struct json_writer *w, const struct site *site)
{
    json_object_open(w);
    json_member_text(w, "site", site->name);
    json_member_text(w, "place", kinds_text(KINDS_PLACE, site->place));
    json_put_key(w, "op");
    if (site->node)
        json_put_text(w, op_of(site));
    else
        json_put_null(w);
    json_member_known(w, "layer", site->layer != GRAPH_NO_LAYER, site->layer);
    put_count(w, "elements", site->elements);
    put_count(w, "bits", site->bits);
    put_count(w, "bytes", site->bytes);
    put_count(w, "macs", site->macs);
    json_member_array(w, "points");
    for (uint32_t point = HOOK_OPERAND; point <= HOOK_LAST; point++) {
        if (site->points >> point & 1)
            json_put_text(w, kinds_text(KINDS_POINT, point));
    }
    json_array_close(w);
    json_object_close(w);
}

static void refuse_globs(const struct request *r, const struct site *sites, uint32_t count)
{
    struct arena arena = {0};
    char suggestion[ARGS_SUGGESTION] = "";
    const char *glob = r->globs.item[0];
    const char **names = arena_array(&arena, count, sizeof(*names));
    for (uint32_t i = 0; names && i < count; i++)
        names[i] = sites[i].name;
    if (names && !strpbrk(glob, "*?["))
        args_suggest(suggestion, glob, names, count);
    log_error("none of the %" PRIu32 " sites matches '%s'%s", count, glob, suggestion);
    arena_finish(&arena);
}

static enum status put_sites(const struct site *sites, uint32_t count)
{
    struct json_writer w;
    json_begin(&w, stdout, true);
    json_array_open(&w);
    for (uint32_t i = 0; i < count; i++)
        put_site(&w, &sites[i]);
    json_array_close(&w);
    return json_end(&w);
}

/* Keeps the sites asked for, in their order. */
static enum status choose(const struct request *r, struct site *sites, uint32_t *count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count; i++) {
        if (wanted(r, &sites[i]))
            sites[kept++] = sites[i];
    }
    if (kept == 0) {
        refuse_globs(r, sites, *count);
        return STATUS_INPUT;
    }
    *count = kept;
    return STATUS_OK;
}

static enum status show(const struct request *r, const struct site *sites, uint32_t count,
                        const struct model *model)
{
    if (r->json)
        return put_sites(sites, count);
    if (r->tree)
        return cli_sites_tree(sites, count, model);
    printf("%-29s %-8s %-8s %12s %12s %12s %12s  points\n", "site", "place", "op", "elements",
           "bits", "bytes", "MACs");
    for (uint32_t i = 0; i < count; i++)
        print_site(&sites[i]);
    return STATUS_OK;
}

enum status cli_sites(const struct cli_env *env, int argc, char **argv)
{
    struct request r = {.positions = 128};
    struct arena arena = {0};
    struct model *model = NULL;
    struct site *sites;
    uint32_t count;
    bool done = false;
    enum status st = parse(&r, argc, argv, &done);
    if (st || done)
        return st;
    st = cli_manifest_open(&model, env, r.model);
    if (!st)
        st = site_list(&sites, &count, &arena,
                       &(struct site_shape){.model = model,
                                            .act = (enum storage)r.act,
                                            .kv = (enum storage)r.kv,
                                            .positions = (uint32_t)r.positions});
    st = st ? st : choose(&r, sites, &count);
    st = st ? st : show(&r, sites, count, model);
    model_close(&model);
    arena_finish(&arena);
    return st;
}
