/* SPDX-License-Identifier: MIT */
/* `vkfi plan confirm`: the plan that estimates a campaign's worst strata on fresh trials. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/cli_output.h"
#include "cli/cli_plan.h"
#include "cli/cli_reading.h"
#include "inject/plan/plan_confirm.h"
#include "inject/report/report_worst.h"

static enum status check(const struct report_source *source, const struct cli_plan_options *options)
{
    const enum status st = report_worst_check_first(source);
    if (st || options->seed != source->plan.seed)
        return st;
    log_error("--seed: found %" PRIu64
              ", the seed of %s, expected another: trials of the same seed "
              "are not fresh",
              options->seed, source->path);
    return STATUS_USAGE;
}

/* Labels of the worst strata, and the trials that they had. */
static enum status choose(struct plan_confirm_request *out, struct report_source *source,
                          const struct cli_plan_options *options, struct arena *arena)
{
    struct report_work work;
    struct report_context context = {
        .data = &source->data, .arena = arena, .asked = source->plan.confidence};
    struct report_worst *list = NULL;
    enum status st = report_context_init(&context, &work);
    st = st ? st : report_worst_rank(&list, &out->count, &context, (uint32_t)options->worst);
    if (st)
        return st;
    if (out->count == 0) {
        log_error("%s: found no stratum with any %s, expected one to estimate anew", source->path,
                  context.main_name);
        return STATUS_INPUT;
    }
    const char **label = arena_array(arena, out->count, sizeof(*label));
    if (!label)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < out->count; i++) {
        const struct store_stratum *stratum = &source->data.stratum[list[i].stratum];
        label[i] = stratum->label;
        out->trials += stratum->planned;
    }
    out->label = label;
    out->by_trials = options->trials > 0;
    if (source->plan.population == PLAN_EQUAL) /* sampling.trials is of each stratum */
        out->trials = options->trials > 0 ? options->trials : source->plan.trials;
    else if (options->trials > 0)
        out->trials = options->trials * out->count;
    return STATUS_OK;
}

static enum status write_plan(const struct plan *plan, const char *path)
{
    if (path)
        return file_write(path, plan->text, strlen(plan->text));
    fputs(plan->text, stdout);
    return cli_output_flush();
}

enum status cli_plan_confirm(const char *path, const struct cli_plan_options *options)
{
    struct report_source source = {0};
    struct arena arena = {0};
    struct plan plan;
    struct plan_confirm_request request = {.plan = &source.plan, .seed = options->seed};
    if (options->seed == CLI_PLAN_NO_SEED) {
        log_error("plan confirm: found no --seed, expected that of the fresh trials");
        return STATUS_USAGE;
    }
    enum status st = cli_reading_open(&source, path, options->allow_suspect);
    st = st ? st : check(&source, options);
    st = st ? st : choose(&request, &source, options, &arena);
    st = st ? st : plan_confirm_make(&plan, &arena, &request);
    st = st ? st : write_plan(&plan, options->output);
    report_source_finish(&source);
    arena_finish(&arena);
    return st;
}
