/* SPDX-License-Identifier: MIT */
/* `vkfi model`: list, get, path and info. */
#include "cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/cli_manifest.h"
#include "inject/space/fault.h"
#include "model/chat.h"
#include "model/detokenizer.h"
#include "model/op.h"

/* --- info: sizes, tensors, tokenizer, sites --- */

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

#define NUMBERS 11
static void numbers_of(struct number out[NUMBERS], const struct hparams *hp)
{
    const uint32_t period = hp->window_period == ARCH_NO_GLOBAL ? 0 : hp->window_period;
    const struct number numbers[NUMBERS] = {
        {"layers", hp->n_layers},    {"width", hp->n_embd},       {"heads", hp->n_head},
        {"kv_heads", hp->n_head_kv}, {"head_size", hp->head_dim}, {"feed_forward", hp->n_ff},
        {"vocabulary", hp->n_vocab}, {"context", hp->n_ctx},      {"rope_features", hp->rope_dim},
        {"window", hp->window},      {"window_period", period}};
    memcpy(out, numbers, sizeof(numbers));
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

/* Layer 0 stands for all: their sites differ only in the number. */
static void print_sites(const struct info *info)
{
    const struct graph *graph = &info->model->graph;
    printf("sites          %" PRIu32 " ops; every layer has those of layer 0\n", info->sites);
    printf("  %-29s %-8s %8s %8s  %s\n", "site", "op", "rows", "width", "points");
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        if (node->op == OP_STORE || (node->layer != GRAPH_NO_LAYER && node->layer > 0))
            continue;
        printf("  %-29s %-8s %8" PRIu32 " %8" PRIu32 " ", node->site, graph_op_name(node->op),
               node->rows, node->width);
        print_points(node);
        putchar('\n');
    }
    printf("  and, stored: every weight by its name in the file; blk.N.kv_k, blk.N.kv_v\n");
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
    numbers_of(numbers, &model->hp);
    printf("%-14s %s\n%-14s %s\n", "file", gguf_path(model->gguf), "architecture",
           hparams_arch_name(model->hp.arch));
    for (size_t i = 0; i < NUMBERS; i++)
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
    print_sites(info);
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

static void put_site(struct json_writer *w, const struct node *node)
{
    struct op_point c;
    json_object_open(w);
    json_member_text(w, "site", node->site);
    json_member_text(w, "op", graph_op_name(node->op));
    json_member_known(w, "layer", node->layer != GRAPH_NO_LAYER, node->layer);
    json_member_int(w, "rows", node->rows);
    json_member_int(w, "width", node->width);
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
    numbers_of(numbers, &model->hp);
    json_begin(&w, stdout, true);
    json_object_open(&w);
    json_member_text(&w, "model", name);
    json_member_text(&w, "file", gguf_path(model->gguf));
    json_member_text(&w, "architecture", hparams_arch_name(model->hp.arch));
    for (size_t i = 0; i < NUMBERS; i++)
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

static enum status describe(const struct cli_env *env, const void *options,
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
    if (!st && *json)
        st = put_info(&info, name);
    else if (!st)
        print_info(&info);
    text_finish(&info.ends);
    arena_finish(&arena);
    model_close(&model);
    return st;
}

/* --- the other actions --- */

/* States of the file in `list`: as a word and in JSON. */
static const char *const STATES[][2] = {[CLI_VERIFIED_ABSENT] = {"-", "absent"},
                                        [CLI_VERIFIED_WRONG_SIZE] = {"wrong size", "wrong_size"},
                                        [CLI_VERIFIED_UNKNOWN] = {"not verified", "not_verified"},
                                        [CLI_VERIFIED_STAMPED] = {"cached", "cached"}};

static void print_entry(const struct cli_manifest_entry *entry)
{
    char size[32];
    printf("%-20s %-8s %10s  %-12s %-20s %s\n", entry->name, entry->architecture,
           cli_output_bytes(size, (double)entry->size), STATES[entry->state][0], entry->licence,
           entry->about);
}

static void put_entry(struct json_writer *w, const struct cli_manifest_entry *entry)
{
    const char *const texts[][2] = {
        {"name", entry->name},       {"about", entry->about},
        {"licence", entry->licence}, {"architecture", entry->architecture},
        {"sha256", entry->sha256},   {"path", entry->path}};
    json_object_open(w);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        json_member_text(w, texts[i][0], texts[i][1]);
    json_member_int(w, "size", entry->size);
    json_member_bool(w, "cached", entry->state == CLI_VERIFIED_STAMPED);
    json_member_text(w, "state", STATES[entry->state][1]);
    json_object_close(w);
}

static enum status list_models(const struct cli_env *env, const void *options,
                               const struct args_list *operands)
{
    const bool *json = options;
    struct cli_manifest manifest;
    struct json_writer w;
    (void)operands;
    enum status st = cli_manifest_load(&manifest, env);
    if (st)
        return st;
    if (!*json) {
        for (size_t i = 0; i < manifest.count; i++)
            print_entry(&manifest.entry[i]);
    } else {
        json_begin(&w, stdout, true);
        json_array_open(&w);
        for (size_t i = 0; i < manifest.count; i++)
            put_entry(&w, &manifest.entry[i]);
        json_array_close(&w);
        st = json_end(&w);
    }
    cli_manifest_finish(&manifest);
    return st;
}

/* Returns only if the script could not be started. */
static enum status get_model(const struct cli_env *env, const void *options,
                             const struct args_list *operands)
{
    struct cli_manifest manifest;
    (void)options;
    enum status st = cli_manifest_load(&manifest, env);
    if (st)
        return st;
    const struct cli_manifest_entry *entry = cli_manifest_find(&manifest, operands->item[0]);
    if (entry) {
        const char *script = arena_printf(&manifest.arena, "%s/fetch_model.py", env->data);
        signal(SIGPIPE, SIG_DFL);
        if (script)
            execlp("python3", "python3", script, entry->name, (char *)NULL);
        log_error("cannot start python3 %s/fetch_model.py: %s", env->data, strerror(errno));
    }
    cli_manifest_finish(&manifest);
    return entry ? STATUS_IO : STATUS_INPUT;
}

static enum status print_path(const struct cli_env *env, const void *options,
                              const struct args_list *operands)
{
    struct arena arena = {0};
    char *path = NULL;
    (void)options;
    enum status st = cli_manifest_path(&path, &arena, env, operands->item[0]);
    if (!st)
        printf("%s\n", path);
    arena_finish(&arena);
    return st;
}

static const char DETAILS[] =
    "DESCRIPTION\n"
    "list shows the models that have a name, their licences, and which are in the cache "
    "($XDG_CACHE_HOME/vkfi/models, or ~/.cache/vkfi/models). A file is \"cached\" if it has not "
    "changed since it was found right, and \"not verified\" if nothing tells so: the command that "
    "uses it next checks its sha256 and refuses a wrong one.\n"
    "\n"
    "get fetches a model into the cache, checks its sha256, and prints its path. A model that is "
    "already there is only checked.\n"
    "\n"
    "path prints where a model lies, once it is known to be right.\n"
    "\n"
    "info describes a model, given by name or as the path of a GGUF file: sizes, tensor types, "
    "tokenizer, chat template, and the sites faults can name. A chat template is \"none\", the "
    "built-in one that gives the same prompt, \"own\" (the file's, which is run here), or "
    "\"refused\" with the line and what is not run.\n"
    "\n"
    "EXIT CODES\n"
    "  0  done\n"
    "  2  no such model, not in the cache, a wrong file, or fetching failed\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi model get smollm2-135m\n"
    "  vkfi model info model.gguf --json\n";

enum status cli_model(const struct cli_env *env, int argc, char **argv)
{
    enum { LIST, GET, INFO, PATH };
    static const struct cli_action actions[] = {[LIST] = {"list", NULL, 0, 0, list_models},
                                                [GET] = {"get", "model", 1, 1, get_model},
                                                [INFO] = {"info", "model", 1, 1, describe},
                                                [PATH] = {"path", "model", 1, 1, print_path}};
    bool json = false;
    const struct cli_option options[] = {
        {1u << LIST | 1u << INFO,
         {0, "json", ARGS_FLAG, &json, NULL, "list and info: prints JSON.", 0, 0}},
        {0}};
    struct args_spec spec = {.command = "vkfi model",
                             .summary = "list, fetch and describe models",
                             .synopsis = "list [--json]\nget NAME\npath NAME\n"
                                         "info MODEL [--json]",
                             .details = DETAILS};
    const struct cli_actions all = {"model", actions, 4, options, &json};
    return cli_actions_run(&all, &spec, env, argc, argv);
}
