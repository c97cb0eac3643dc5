/* SPDX-License-Identifier: MIT */
/* `vkfi model`: list, get, path; info is in cli_model_info.c. */
#include "cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli_manifest.h"
#include "cli/cli_model.h"

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
    "tokenizer, chat template, and the graph: what each op of a layer computes from what, for each "
    "kind of layer, which are the sites faults can name. A chat template is \"none\", the "
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
                                                [INFO] = {"info", "model", 1, 1, cli_model_info},
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
