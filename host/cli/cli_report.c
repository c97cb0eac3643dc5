/* SPDX-License-Identifier: MIT */
/* `vkfi report`: one HTML file of a campaign, and its data beside it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/args.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/cli_commands.h"
#include "cli/cli_reading.h"
#include "inject/report/report_page.h"
#include "inject/report/report_source.h"

struct report_options {
    struct args_list databases;
    const char *out, *with;
    const char *data; /* folder */
    double confidence;
};

static const char DETAILS[] =
    "DESCRIPTION\n"
    "Writes one self-contained HTML file (no scripts, nothing fetched): the verdict first, then "
    "the "
    "outcomes, the hypotheses of the plan, the pictures that apply, every stratum, the worst "
    "examples with golden and faulty text side by side, the methods paragraph, devices and "
    "provenance, the plan, and the limits. Every rate comes unconditional and conditional on "
    "changed "
    "bits, with its interval, n, effective n and weight. Controls and suspect rows are kept out "
    "and "
    "counted. A total over strata that were drawn with equal n is refused.\n"
    "\n"
    "The same database gives the same file, byte for byte. Pictures are drawn by gnuplot.\n"
    "\n"
    "FILES OF --data\n"
    "  FIGURE.csv .gp .svg   data, script and drawing of each picture\n"
    "  TABLE.csv .tex        each table, for spreadsheets and for LaTeX (booktabs)\n"
    "  methods.txt           the methods paragraph\n"
    "\n"
    "EXIT CODES\n"
    "  0  written\n"
    "  2  wrong usage or database, no gnuplot, or a file could not be written\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi report run.db -o run.html\n"
    "  vkfi report amd.db --with intel.db -o both.html --data figures\n";

static enum status parse(struct report_options *out, int argc, char **argv, bool *out_done)
{
    const struct args_option options[] = {
        {'o', "out", ARGS_TEXT, &out->out, "FILE",
         "The HTML file. Default: the database's name with .html behind it.", 0, 0},
        {0, "data", ARGS_TEXT, &out->data, "DIR",
         "Also writes the data of every picture and table into this folder, which is made if it is "
         "not there.",
         0, 0},
        {0, "with", ARGS_TEXT, &out->with, "DB",
         "A second database of the same faults: adds the table of outcomes here against there.", 0,
         0},
        {0, "confidence", ARGS_REAL, &out->confidence, "C", "Of all intervals. Default 0.95.", 0.5,
         0.9999},
        {0}};
    const struct args_spec spec = {.command = "vkfi report",
                                   .summary = "tables and pictures of a campaign as one HTML file",
                                   .synopsis = "DB [-o FILE] [--data DIR] [--with DB]",
                                   .details = DETAILS,
                                   .options = options,
                                   .operands = &out->databases};
    const enum status st = args_parse(&spec, argc, argv, out_done);
    return st || *out_done ? st : cli_reading_check(&out->databases, 1, 1);
}

static enum status make_folder(const char *path)
{
    struct stat info;
    if (mkdir(path, 0777) == 0 ||
        (errno == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode)))
        return STATUS_OK;
    log_error("%s: the folder could not be made: %s", path, strerror(errno));
    return STATUS_IO;
}

static enum status write_page(struct report_page *page, const struct report_options *options)
{
    struct report_out html = {0};
    const char *path = options->out
                           ? options->out
                           : arena_printf(&page->arena, "%s.html", options->databases.item[0]);
    enum status st = path ? report_page_html(&html, page) : STATUS_MEMORY;
    st = st ? st : file_write(path, report_out_text(&html), html.text.size);
    report_out_finish(&html);
    if (!st && options->data) {
        st = make_folder(options->data);
        st = st ? st : report_page_export(page, report_page_to_folder, (void *)options->data);
    }
    if (!st)
        printf("%s\n", path);
    return st;
}

enum status cli_report(const struct cli_env *env, int argc, char **argv)
{
    struct report_options options = {.confidence = 0.95};
    struct report_source source = {0}, other = {0};
    struct report_page page = {0};
    bool done = false;
    (void)env;
    enum status st = parse(&options, argc, argv, &done);
    if (st || done)
        return st;
    st = report_source_open(&source, options.databases.item[0]);
    st = st ? st : report_source_load(&source, UINT64_MAX);
    if (!st && options.with) {
        st = report_source_open(&other, options.with);
        st = st ? st : report_source_load(&other, UINT64_MAX);
    }
    st = st ? st
            : report_page_init(&page,
                               &(struct report_params){.data = &source.data,
                                                       .other = options.with ? &other.data : NULL,
                                                       .confidence = options.confidence},
                               true);
    if (!st)
        st = write_page(&page, &options);
    report_page_finish(&page);
    report_source_finish(&other);
    report_source_finish(&source);
    return st;
}
