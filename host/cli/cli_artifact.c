/* SPDX-License-Identifier: MIT */
/* `vkfi artifact`: all that goes with a paper, in one archive. */
#include <stdio.h>

#include "base/args.h"
#include "cli/cli_commands.h"
#include "cli/cli_reading.h"
#include "inject/report/report_artifact.h"

struct artifact_options {
    struct args_list databases;
    const char *out;
};

static enum status parse(struct artifact_options *out, int argc, char **argv, bool *out_done)
{
    const struct args_option options[] = {
        {'o', "out", ARGS_TEXT, &out->out, "FILE",
         "The archive. Default: the database's name with .zip behind it.", 0, 0},
        {0}};
    const struct args_spec spec = {
        .command = "vkfi artifact",
        .summary = "pack a campaign for those who want to check it",
        .synopsis = "DB [-o FILE]",
        .details =
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
            "  vkfi artifact run.db -o artifact.zip\n",
        .options = options,
        .operands = &out->databases};
    const enum status st = args_parse(&spec, argc, argv, out_done);
    return st || *out_done ? st : cli_reading_check(&out->databases, 1, 1);
}

enum status cli_artifact(const struct cli_env *env, int argc, char **argv)
{
    struct artifact_options options = {0};
    struct report_source source = {0};
    struct report_page page = {0};
    bool done = false;
    (void)env;
    enum status st = parse(&options, argc, argv, &done);
    if (st || done)
        return st;
    const char *database = options.databases.item[0];
    st = report_source_open(&source, database);
    st = st ? st : report_source_load(&source, UINT64_MAX);
    st = st ? st
            : report_page_init(
                  &page, &(struct report_params){.data = &source.data, .confidence = 0.95}, false);
    const char *out = options.out;
    if (!st && !out) {
        out = arena_printf(&page.arena, "%s.zip", database);
        st = out ? STATUS_OK : STATUS_MEMORY;
    }
    if (!st)
        st = report_artifact_write(&(struct report_artifact_params){
            database, out, VKFI_SOURCE "/inject/plan.schema.json", &page});
    if (!st)
        printf("%s\n", out);
    report_page_finish(&page);
    report_source_finish(&source);
    return st;
}
