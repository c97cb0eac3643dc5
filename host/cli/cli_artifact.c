/* SPDX-License-Identifier: MIT */
/* `vkfi artifact`: everything for a paper, in one archive. */
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/cli_manifest.h"
#include "inject/report/report_artifact.h"

struct artifact_options {
    struct args_list databases;
    const char *out;
    bool json, allow_suspect;
};

static const char DETAILS[] =
    "DESCRIPTION\n"
    "Writes a zip archive: the plan and its schema, the database and its schema, the "
    "trials as CSV and JSON lines, all tables of the report with the data and scripts "
    "of its pictures, SHA-256 sums of all of it, and a README with the commands that "
    "reproduce one table, one trial, and the campaign. The same database gives the "
    "same archive, byte for byte.\n"
    "\n"
    "EXIT CODES\n"
    "  0  written\n"
    "  2  wrong usage or database, or the archive could not be written\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi artifact run.db -o artifact.zip\n";

static enum status parse(struct artifact_options *out, int argc, char **argv, bool *out_done)
{
    const struct args_option options[] = {
        {'o', "out", ARGS_TEXT, &out->out, "FILE",
         "The archive. Default: the database's name with .zip after it.", 0, 0},
        {0, "json", ARGS_FLAG, &out->json, NULL,
         "Prints one JSON object: the archive, and the name, size and SHA-256 of each file in it.",
         0, 0},
        CLI_READING_SUSPECT(&out->allow_suspect),
        {0}};
    const struct args_spec spec = {.command = "vkfi artifact",
                                   .summary = "pack a campaign for those who want to check it",
                                   .synopsis = "DB [-o FILE] [--json] [--allow-suspect]",
                                   .details = DETAILS,
                                   .options = options,
                                   .operands = &out->databases};
    const enum status st = args_parse(&spec, argc, argv, out_done);
    return st || *out_done ? st : cli_reading_check(&out->databases, 1, 1);
}

static void put_file(struct json_writer *w, const char *key,
                     const struct report_artifact_file *file)
{
    json_member_text(w, key, file->name);
    json_member_int(w, "size", file->size);
    json_member_text(w, "sha256", file->sha256);
}

static enum status print_json(const struct report_artifact_list *list)
{
    struct json_writer w;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    put_file(&w, "file", &list->archive);
    json_member_array(&w, "entries");
    for (uint32_t i = 0; i < list->n_files; i++) {
        json_object_open(&w);
        put_file(&w, "name", &list->file[i]);
        json_object_close(&w);
    }
    json_array_close(&w);
    json_object_close(&w);
    return json_end(&w);
}

/* The file of `out`, or if null of the database's name; from the page's arena. */
static enum status find_target(const char **out_target, const char **out, struct arena *arena,
                               const char *database)
{
    if (!*out)
        *out = arena_printf(arena, "%s.zip", database);
    const enum status st = *out ? file_find_target(out_target, arena, *out) : STATUS_MEMORY;
    if (st || *out_target)
        return st;
    log_error("%s: found no place for an archive, expected a regular file", *out);
    return STATUS_INPUT;
}

static enum status write_archive(const struct cli_env *env, struct artifact_options *o,
                                 struct report_page *page)
{
    const char *database = o->databases.item[0], *target = NULL;
    struct report_artifact_list list;
    enum status st = find_target(&target, &o->out, &page->arena, database);
    const char *schema = arena_printf(&page->arena, "%s/plan.schema.json", env->data);
    st = st ? st : schema ? STATUS_OK : STATUS_MEMORY;
    st = st ? st
            : report_artifact_write(
                  &list, &page->arena,
                  &(struct report_artifact_params){database, target, schema, page});
    if (st || o->json)
        return st ? st : print_json(&list);
    printf("%s\n", o->out);
    return STATUS_OK;
}

enum status cli_artifact(const struct cli_env *env, int argc, char **argv)
{
    struct artifact_options options = {0};
    struct report_source source = {0};
    struct report_page page = {0};
    struct report_params params = {.data = &source.data, .confidence = 0.95};
    struct arena arena = {0};
    bool done = false;
    enum status st = parse(&options, argc, argv, &done);
    if (st || done)
        return st;
    st = cli_reading_open(&source, options.databases.item[0], options.allow_suspect);
    st =
        st ? st
           : cli_manifest_about(&params.model_about, &arena, env, source.data.identity->model_hash);
    st = st ? st : report_page_init(&page, &params, false);
    st = st ? st : write_archive(env, &options, &page);
    report_page_finish(&page);
    report_source_finish(&source);
    arena_finish(&arena);
    return st;
}
