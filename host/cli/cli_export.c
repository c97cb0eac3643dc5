/* SPDX-License-Identifier: MIT */
/* `vkfi export`: the trials of a database as CSV or JSON lines. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/cli.h"
#include "inject/store/store_doubt.h"
#include "inject/store/store_export.h"
#include "inject/store/trial_row_view.h"

struct export_options {
    const char *file, *faults;
    bool describe, json;
    int format; /* enum store_export_format */
    bool allow_suspect;
    struct args_list databases;
};

/* A database must not be replaced by its own export. */
static bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static enum status check(const struct export_options *options)
{
    const size_t count = options->databases.count;
    if (options->describe && count == 0 && !options->file && !options->faults)
        return STATUS_OK;
    if (options->describe) {
        log_error("found --describe with a database or a file, expected it alone");
        return STATUS_USAGE;
    }
    if (options->json) {
        log_error("found --json without --describe; expected --format jsonl for trials as JSON");
        return STATUS_USAGE;
    }
    if (options->faults && options->format != STORE_EXPORT_CSV) {
        log_error("found --faults with jsonl, which has them in its lines; expected csv");
        return STATUS_USAGE;
    }
    if (count != 1) {
        log_error("found %zu databases, expected one", count);
        return STATUS_USAGE;
    }
    for (int i = 0; i < 2; i++) {
        const char *file = i ? options->faults : options->file;
        if (file && is_same_file(file, options->databases.item[0])) {
            log_error("%s: found the database itself as the file to write", file);
            return STATUS_USAGE;
        }
    }
    return STATUS_OK;
}

static const char DETAILS[] =
    "DESCRIPTION\n"
    "Writes one line for each trial of DB, controls included, in order of trial. A campaign that "
    "is running may be exported: the lines are its state at the start of the command.\n"
    "\n"
    "What does not apply, was not computed at the campaign's record level, or is NaN is null: an "
    "empty field in CSV, where an empty text is \"\", and null in JSON; only struck values that "
    "are "
    "NaN are the text \"NaN\" there. Inf is Infinity or -Infinity, in JSON as a text. Real numbers "
    "have as many digits as it takes to read back the same 64 bits, struck values the same float; "
    "whole numbers need 64 bits.\n"
    "\n"
    "Names and forms are those of a record of vkfi run --json. Lists and objects are JSON, in a "
    "field of CSV too. `fault` is what vkfi run --fault takes as one trial: a list of them is a "
    "fault file that runs these trials again.\n"
    "\n"
    "Rates are made from the lines whose `control` and `suspect` are null, weighted by stratum; "
    "vkfi report does that.\n"
    "\n"
    "EXIT CODES\n"
    "  0  done\n"
    "  2  DB is not whole or of another version, or the output cannot be written\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi export out.db -o out.csv\n"
    "  vkfi export out.db --format jsonl | jq -r 'select(.kl > 1) | .site'\n"
    "  vkfi export out.db --format jsonl | jq -s '[.[].fault]' >again.json\n"
    "  python3 -c 'import pandas; print(pandas.read_csv(\"out.csv\").outcome)'\n"
    "\n"
    "FIELDS\n"
    "In this order: name, type, unit, level, version of the database's schema since which it is "
    "there, meaning. Level says when a value is known: draw (of a campaign alone), place (by the "
    "fault), outcome, summary, full (what a plan asks for in \"record\"), run (of this run). vkfi "
    "run "
    "--fault --json prints those of place to full, vkfi replay --json those of draw to full. Those "
    "marked * may differ when the trial is run again or elsewhere; all others are "
    "the same on every device.\n"
    "\n";

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
        {0, "faults", ARGS_TEXT, &out->faults, "FILE",
         "csv: also writes the faults one a line (trial, number from 0, fault as JSON).", 0, 0},
        {0, "describe", ARGS_FLAG, &out->describe, NULL,
         "Prints what each field is and ends: name, type, unit, level, version of the database's "
         "schema since which it is there, meaning.",
         0, 0},
        {0, "json", ARGS_FLAG, &out->json, NULL, "With --describe: as a JSON list of objects.", 0,
         0},
        CLI_READING_SUSPECT(&out->allow_suspect),
        {0}};
    struct text details = {0};
    text_put(&details, DETAILS);
    text_take(&details, trial_row_view_describe(&details, FIELD_DRAW, FIELD_RUN));
    const struct args_spec spec = {
        .command = "vkfi export",
        .summary = "the trials of a database as CSV or JSON lines",
        .synopsis = "DB [--format csv|jsonl] [-o FILE] [--faults FILE] [--allow-suspect]\n"
                    "--describe [--json]",
        .details = details.data,
        .options = options,
        .operands = &out->databases};
    const enum status st = details.st ? details.st : args_parse(&spec, argc, argv, out_done);
    text_finish(&details);
    return st || *out_done ? st : check(out);
}

/* Replaces a file only when all is written; `format` null: the faults. */
static enum status export_to(const char *path, const struct store *store,
                             const enum store_export_format *format)
{
    struct file_writer writer;
    enum status st = file_writer_init(&writer, path);
    if (st)
        return st;
    st = format ? store_export(store, *format, writer.file)
                : store_export_faults(store, writer.file);
    st = st ? st : file_writer_commit(&writer);
    file_writer_finish(&writer);
    return st;
}

static enum status describe(void)
{
    struct text text = {0};
    enum status st = trial_row_view_describe(&text, FIELD_DRAW, FIELD_RUN);
    if (!st) {
        fwrite(text.data, 1, text.size, stdout);
        st = cli_output_flush();
    }
    text_finish(&text);
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
    if (options.describe)
        return options.json ? trial_row_view_describe_json(stdout) : describe();
    st = store_open(&store, options.databases.item[0]);
    st = st ? st : store_doubt_check(store, options.allow_suspect);
    const enum store_export_format format = (enum store_export_format)options.format;
    st = st             ? st
         : options.file ? export_to(options.file, store, &format)
                        : store_export(store, format, stdout);
    if (!st && options.faults)
        st = export_to(options.faults, store, NULL);
    store_destroy(&store);
    return st;
}
