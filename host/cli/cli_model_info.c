/* SPDX-License-Identifier: MIT */
/* `vkfi model info`: sizes, tensors, tokenizer, and the graph in words. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli_layers.h"
#include "cli/cli_manifest.h"
#include "cli/cli_model.h"
#include "inject/space/fault.h"
#include "model/chat.h"
#include "model/detokenizer.h"
#include "model/op.h"

/* Tensors of one type. */
struct type_total {
    uint64_t count, bytes;
};

struct info {
    const struct model *model;
    struct type_total total[QUANT_COUNT];
    struct type_total all;
    uint32_t sites;              /* nodes that faults can name */
    const char *tokenizer, *pre; /* kinds as named in the file */
    struct text ends;            /* texts of the end tokens, each ended by a null */
    struct chat_format chat;
    struct cli_layers layers; /* kinds of layers */
};

static const char *text_or(const struct gguf *gguf, const char *key, const char *otherwise)
{
    const char *text = NULL;
    size_t len = 0;
    if (!gguf_has(gguf, key) || gguf_text(gguf, key, &text, &len) != STATUS_OK)
        return otherwise;
    return text;
}

/* Texts of the end tokens, each ended by a null, in the order of their ids. */
static enum status end_texts(struct text *out, const struct tokenizer *tokenizer)
{
    uint32_t count;
    const int32_t *ids = tokenizer_end_ids(tokenizer, &count);

    for (uint32_t i = 0; i < count; i++) {
        struct detokenizer dt;
        detokenizer_init(&dt, tokenizer, true);
        text_take(out, detokenizer_put(&dt, ids[i], out));
        text_take(out, detokenizer_flush(&dt, out));
        text_add(out, "", 1);
    }
    return out->st;
}

static enum status gather(struct info *out, const struct model *model)
{
    *out = (struct info){.model = model};
    for (uint64_t i = 0; i < gguf_tensor_count(model->gguf); i++) {
        const struct tensor *tensor = &gguf_tensors(model->gguf)[i];
        out->total[tensor->type].count++;
        out->total[tensor->type].bytes += tensor->size;
        out->all.count++;
        out->all.bytes += tensor->size;
    }
    for (uint32_t i = 0; i < model->graph.count; i++)
        out->sites += op_is_site(model->graph.node[i].op);
    out->tokenizer = text_or(model->gguf, "tokenizer.ggml.model", "none");
    out->pre = text_or(model->gguf, "tokenizer.ggml.pre", "none");
    return end_texts(&out->ends, model->tokenizer);
}

struct number {
    const char *key;
    uint64_t value;
};

#define NUMBERS 14
#define NUMBERS_DENSE 11 /* those of models without experts */
/* Returns how many there are. */
static uint32_t numbers_of(struct number out[NUMBERS], const struct hparams *hp)
{
    const uint32_t period = hp->window_period == ARCH_NO_GLOBAL ? 0 : hp->window_period;
    const struct number numbers[NUMBERS] = {
        {"layers", hp->n_layers},        {"width", hp->n_embd},
        {"heads", hp->n_head},           {"kv_heads", hp->n_head_kv},
        {"head_size", hp->head_dim},     {"feed_forward", hp->n_ff},
        {"vocabulary", hp->n_vocab},     {"context", hp->n_ctx},
        {"rope_features", hp->rope_dim}, {"window", hp->window},
        {"window_period", period},       {"experts", hp->n_expert},
        {"experts_used", hp->n_used},    {"expert_width", hp->n_ff_exp}};
    memcpy(out, numbers, sizeof(numbers));
    return hp->n_expert > 0 ? NUMBERS : NUMBERS_DENSE;
}

/* "operand weight out": the points of a node. */
static void print_points(const struct node *node)
{
    struct op_point c;
    for (uint32_t point = HOOK_OPERAND; point <= HOOK_LAST; point++) {
        if (op_point(&c, node, point))
            printf(" %s", kinds_text(KINDS_POINT, point));
    }
}

static const char *place_name(uint32_t reg)
{
    return reg == OP_PAGES ? "pages of K V" : graph_reg_name((enum reg)reg);
}

static void add_places(struct text *out, uint64_t places)
{
    const char *comma = "";
    for (uint32_t reg = 0; reg <= OP_PAGES; reg++) {
        if (!(places & OP_BIT(reg)))
            continue;
        text_addf(out, "%s%s", comma, place_name(reg));
        comma = ", ";
    }
}

/* "query, pages of K V -> scores": what a node reads and writes. */
static void print_flow(const struct node *node)
{
    const struct op_access access = op_access(node);
    struct text flow = {0};
    add_places(&flow, access.reads);
    text_put(&flow, access.reads ? " -> " : "-> ");
    add_places(&flow, access.writes);
    printf("%-29s", text_of(&flow));
    text_finish(&flow);
}

static void print_node(const struct node *node)
{
    printf("  %-20s %-10s %8" PRIu32 " %8" PRIu32 "  ", cli_layers_suffix(node->site),
           graph_op_name(node->op), node->rows, node->width);
    print_flow(node);
    print_points(node);
    putchar('\n');
}

/* Layers are alike if their nodes are, but for tensors' types and values. */
static enum status kinds_of(struct cli_layers *out, struct arena *arena, const struct model *model)
{
    enum status st = cli_layers_begin(out, arena, model->hp.n_layers);
    for (uint32_t i = 0; !st && i < model->graph.count; i++) {
        const struct node *node = &model->graph.node[i];
        if (node->layer != GRAPH_NO_LAYER)
            text_addf(&out->describe[node->layer], "%d %s %" PRIu32 " %" PRIu32 " %" PRIu32 "\n",
                      (int)node->op, cli_layers_suffix(node->site), node->rows, node->width,
                      node->window);
    }
    return st ? st : cli_layers_group(out);
}

/* The nodes of one layer, or those before (`from` 0) or after all layers. */
static void print_nodes(const struct graph *graph, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        print_node(&graph->node[i]);
}

static void print_kind(const struct info *info, const struct cli_layers *layers, uint32_t kind)
{
    const struct graph *graph = &info->model->graph;
    const uint32_t first = cli_layers_first(layers, kind);
    const uint32_t from = graph->layer_begin[first], to = graph->layer_begin[first + 1];
    uint32_t window = 0;
    struct text name = {0};
    cli_layers_name(&name, layers, kind);
    for (uint32_t i = from; i < to; i++)
        window = graph->node[i].window ? graph->node[i].window : window;
    printf("blk.%s: %" PRIu32 " ops a layer", text_of(&name), to - from);
    if (window)
        printf(", which sees %" PRIu32 " positions back", window);
    printf("\n");
    text_finish(&name);
    print_nodes(graph, from, to);
}

static void print_graph(const struct info *info)
{
    const struct graph *graph = &info->model->graph;
    const struct cli_layers *layers = &info->layers;
    const uint32_t n_layers = info->model->hp.n_layers;
    printf("%-14s %" PRIu32 " ops, %" PRIu32 " of them sites; stored: every weight by its name in "
           "the file, blk.N.kv_k, blk.N.kv_v\n",
           "graph", graph->count, info->sites);
    printf("  %-20s %-10s %8s %8s  %-29s points\n", "site", "op", "rows", "width",
           "reads -> writes");
    print_nodes(graph, 0, graph->layer_begin[0]);
    for (uint32_t kind = 0; kind < layers->n_kinds; kind++)
        print_kind(info, layers, kind);
    printf("after the layers\n");
    print_nodes(graph, graph->layer_begin[n_layers], graph->count);
}

static void print_ends(const struct info *info)
{
    uint32_t count;
    const int32_t *ids = tokenizer_end_ids(info->model->tokenizer, &count);
    const char *text = info->ends.data;

    printf("%-14s", "end tokens");
    for (uint32_t i = 0; i < count; i++, text += strlen(text) + 1) {
        printf("%s %" PRId32 " ", i > 0 ? "," : "", ids[i]);
        cli_output_quoted(text);
    }
    printf("%s\n", count > 0 ? "" : " none");
}

static void put_ends(struct json_writer *w, const struct info *info)
{
    uint32_t count;
    const int32_t *ids = tokenizer_end_ids(info->model->tokenizer, &count);
    const char *text = info->ends.data;

    json_member_array(w, "end_tokens");
    for (uint32_t i = 0; i < count; i++, text += strlen(text) + 1) {
        json_object_open(w);
        json_member_int(w, "id", ids[i]);
        json_member_text(w, "text", text);
        json_object_close(w);
    }
    json_array_close(w);
}

static void print_info(const struct info *info)
{
    const struct model *model = info->model;
    struct number numbers[NUMBERS];
    char bytes[32];
    const uint32_t n_numbers = numbers_of(numbers, &model->hp);
    printf("%-14s %s\n%-14s %s\n", "file", gguf_path(model->gguf), "architecture",
           hparams_arch_name(model->hp.arch));
    for (uint32_t i = 0; i < n_numbers; i++)
        printf("%-14s %" PRIu64 "\n", numbers[i].key, numbers[i].value);
    printf("%-14s %" PRIu64 ", %s\n", "tensors", info->all.count,
           cli_output_bytes(bytes, (double)info->all.bytes));
    for (int type = 0; type < QUANT_COUNT; type++) {
        if (info->total[type].count > 0)
            printf("  %-6s %5" PRIu64 "  %s\n", quant_name((enum quant)type),
                   info->total[type].count,
                   cli_output_bytes(bytes, (double)info->total[type].bytes));
    }
    printf("%-14s %s, pre-tokenizer %s, begin token ", "tokenizer", info->tokenizer, info->pre);
    if (tokenizer_begin(model->tokenizer) < 0)
        printf("none\n");
    else
        printf("%" PRId32 "\n", tokenizer_begin(model->tokenizer));
    print_ends(info);
    printf("%-14s %s%s%s\n", "chat template", info->chat.name, info->chat.problem[0] ? ": " : "",
           info->chat.problem);
    print_graph(info);
}

static void put_tensors(struct json_writer *w, const struct info *info)
{
    json_member_object(w, "tensors");
    json_member_int(w, "count", info->all.count);
    json_member_int(w, "bytes", info->all.bytes);
    json_member_object(w, "types");
    for (int type = 0; type < QUANT_COUNT; type++) {
        if (info->total[type].count == 0)
            continue;
        json_member_object(w, quant_name((enum quant)type));
        json_member_int(w, "count", info->total[type].count);
        json_member_int(w, "bytes", info->total[type].bytes);
        json_object_close(w);
    }
    json_object_close(w);
    json_object_close(w);
}

static void put_places(struct json_writer *w, const char *key, uint64_t places)
{
    json_member_array(w, key);
    for (uint32_t reg = 0; reg <= OP_PAGES; reg++) {
        if (places & OP_BIT(reg))
            json_put_text(w, place_name(reg));
    }
    json_array_close(w);
}

static void put_site(struct json_writer *w, const struct node *node)
{
    struct op_point c;
    json_object_open(w);
    json_member_text(w, "site", node->site);
    json_member_text(w, "op", graph_op_name(node->op));
    json_member_known(w, "layer", node->layer != GRAPH_NO_LAYER, node->layer);
    json_member_int(w, "rows", node->rows);
    json_member_int(w, "width", node->width);
    put_places(w, "reads", op_access(node).reads);
    put_places(w, "writes", op_access(node).writes);
    json_member_array(w, "points");
    for (uint32_t point = HOOK_OPERAND; point <= HOOK_LAST; point++) {
        if (op_point(&c, node, point))
            json_put_text(w, kinds_text(KINDS_POINT, point));
    }
    json_array_close(w);
    json_object_close(w);
}

static enum status put_info(const struct info *info, const char *name)
{
    const struct model *model = info->model;
    struct number numbers[NUMBERS];
    struct json_writer w;
    const uint32_t n_numbers = numbers_of(numbers, &model->hp);
    json_begin(&w, stdout, true);
    json_object_open(&w);
    json_member_text(&w, "model", name);
    json_member_text(&w, "file", gguf_path(model->gguf));
    json_member_text(&w, "architecture", hparams_arch_name(model->hp.arch));
    for (uint32_t i = 0; i < n_numbers; i++)
        json_member_int(&w, numbers[i].key, numbers[i].value);
    put_tensors(&w, info);
    json_member_text(&w, "tokenizer", info->tokenizer);
    json_member_text(&w, "pre_tokenizer", info->pre);
    json_member_int(&w, "begin_token", tokenizer_begin(model->tokenizer));
    put_ends(&w, info);
    json_member_text(&w, "chat_template", info->chat.name);
    if (info->chat.problem[0])
        json_member_text(&w, "chat_template_problem", info->chat.problem);
    json_member_array(&w, "sites");
    for (uint32_t i = 0; i < model->graph.count; i++) {
        if (op_is_site(model->graph.node[i].op))
            put_site(&w, &model->graph.node[i]);
    }
    json_array_close(&w);
    json_object_close(&w);
    return json_end(&w);
}

enum status cli_model_info(const struct cli_env *env, const void *options,
                           const struct args_list *operands)
{
    const bool *json = options;
    const char *name = operands->item[0];
    struct model *model = NULL;
    struct info info;
    struct arena arena = {0};
    enum status st = cli_manifest_open(&model, env, name);
    if (st)
        return st;
    st = gather(&info, model);
    st = st ? st : chat_describe(model->gguf, &arena, &info.chat);
    st = st ? st : kinds_of(&info.layers, &arena, model);
    if (!st && *json)
        st = put_info(&info, name);
    else if (!st)
        print_info(&info);
    text_finish(&info.ends);
    cli_layers_finish(&info.layers);
    arena_finish(&arena);
    model_close(&model);
    return st;
}
