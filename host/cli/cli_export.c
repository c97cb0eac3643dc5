/* SPDX-License-Identifier: MIT */
/* `vkfi export`. */
#include <stdio.h>
#include <string.h>

#include "base/args.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/cli_commands.h"
#include "inject/store/store_export.h"

struct export_options {
    const char *file;
    int format; /* enum store_export_format */
    struct args_list databases;
};

static enum status parse(struct export_options *out, int argc, char **argv, bool *out_done)
{
    const struct args_option options[] = {
        {0, "format", ARGS_CHOICE, &out->format, "csv|jsonl",
         "csv (the default): one line a trial below a line of names, as RFC 4180 has it. jsonl: "
         "one JSON object a line.",
         0, 0},
        {'o', "output", ARGS_TEXT, &out->file, "FILE",
         "Writes to FILE instead of standard output. FILE is replaced when all is written, and "
         "stays as it was if that fails.",
         0, 0},
        {0}};
    const struct args_spec spec = {
        .command = "vkfi export",
        .summary = "the trials of a database as CSV or JSON lines",
        .synopsis = "DB [--format csv|jsonl] [-o FILE]",
        .details =
            "DESCRIPTION\n"
            "Writes one line for each trial of DB, controls included, in order of trial. The "
            "fields and their meaning are the columns of table trial in inject/schema.sql, up to "
            "`suspect`. A campaign that is running may be exported: the lines are its state at "
            "the start of the command.\n"
            "\n"
            "What does not apply, was not computed at the campaign's record level, or is NaN, is "
            "null: an empty field in CSV, where an empty text is \"\", and null in JSON. Inf is "
            "Infinity or -Infinity, in JSON as a text. Real numbers have as many digits as it "
            "takes to read back the same 64 bits. Whole numbers need 64 bits.\n"
            "\n"
            "Rates are made from the lines whose `control` and `suspect` are null, and weighted "
            "with `weight` by `stratum` (vkfi report does that).\n"
            "\n"
            "EXIT CODES\n"
            "  0  done\n"
            "  2  DB is no whole database of this version, or FILE cannot be written\n"
            "\n"
            "EXAMPLES\n"
            "  vkfi export out.db -o out.csv\n"
            "  vkfi export out.db --format jsonl | jq -r 'select(.outcome == \"due\") | .site'\n"
            "  python3 -c 'import pandas; print(pandas.read_csv(\"out.csv\", low_memory=False)"
            ".groupby([\"site\", \"outcome\"]).size())'\n",
        .options = options,
        .operands = &out->databases};
    enum status st = args_parse(&spec, argc, argv, out_done);
    if (!st && !*out_done && out->databases.count != 1) {
        log_error("found %zu databases, expected one", out->databases.count);
        st = STATUS_USAGE;
    }
    return st;
}

static enum status export_to_file(const struct store *store, const struct export_options *options)
{
    struct file_writer writer;
    enum status st = file_writer_init(&writer, options->file);
    if (st)
        return st;
    st = store_export(store, (enum store_export_format)options->format, writer.file);
    if (!st)
        st = file_writer_commit(&writer);
    file_writer_finish(&writer);
    return st;
}

enum status cli_export(const struct cli_env *env, int argc, char **argv)
{
    struct export_options options = {0};
    struct store *store = NULL;
    bool done = false;
    (void)env;
    enum status st = parse(&options, argc, argv, &done);
    if (st || done)
        return st;
    st = store_open(&store, options.databases.item[0]);
    if (!st)
        st = options.file ? export_to_file(store, &options)
                          : store_export(store, (enum store_export_format)options.format, stdout);
    store_destroy(&store);
    return st;
}
