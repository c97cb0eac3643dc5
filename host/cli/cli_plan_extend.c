/* SPDX-License-Identifier: MIT */
/* `vkfi plan extend`: a plan, or that of a database, with one more wave of trials. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/cli_output.h"
#include "cli/cli_plan.h"
#include "inject/plan/plan_waves.h"
#include "inject/report/report_source.h"

/* What SQLite writes at the head of a file. */
static bool is_database(const char *path)
{
    static const char head[] = "SQLite format 3";
    char found[sizeof(head)] = "";
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    const bool is = fread(found, 1, sizeof(head), file) == sizeof(head) &&
                    memcmp(found, head, sizeof(head)) == 0;
    fclose(file);
    return is;
}

enum status cli_plan_extend(const char *path, const struct cli_plan_options *options)
{
    struct report_source source = {0};
    struct arena arena = {0};
    struct plan base, plan;
    if (options->trials == 0) {
        log_error("plan extend: found no --trials, expected how many the campaign goes on with");
        return STATUS_USAGE;
    }
    const bool database = is_database(path);
    enum status st = database ? report_source_open(&source, path) : plan_load(&base, &arena, path);
    st = st ? st
            : plan_waves_extend(&plan, &arena, database ? &source.plan : &base, options->trials);
    if (!st && options->output)
        st = file_write(options->output, plan.text, strlen(plan.text));
    else if (!st)
        st = fputs(plan.text, stdout) < 0 ? STATUS_IO : cli_output_flush();
    report_source_finish(&source);
    arena_finish(&arena);
    return st;
}
