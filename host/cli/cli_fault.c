/* SPDX-License-Identifier: MIT */
/* `vkfi run --fault`: the golden run and the trials of the file. */
#include <inttypes.h>
#include <stdio.h>

#include "base/fpenv.h"
#include "cli/cli_output.h"
#include "cli/cli_progress.h"
#include "cli/cli_record.h"
#include "cli/cli_run.h"

#define TRIALS_AT_ONCE 64u

struct trials {
    struct cli_run *run;
    struct cli_record_context context;
    struct golden golden;
    struct text golden_text;
    struct fault_trials faults;
    struct json_doc *doc; /* the fault file */
    struct cli_progress progress;
    struct cli_nonfinite where; /* of the golden run */
};

static enum status run_golden(struct trials *t)
{
    struct cli_run *run = t->run;
    struct golden_params params = {
        .generate = run->params, .shape = run->shape, .level = RECORD_FULL};
    cli_progress_init(&t->progress, run->n_ids, run->params.rules.n);
    params.generate.progress = cli_progress_generate;
    params.generate.progress_user = &t->progress;
    fpenv_clear_underflow();
    enum status st = golden_run(&t->golden, &run->arena, &params);
    cli_run_take_underflow(run);
    cli_progress_clear(&t->progress);
    t->golden.params.progress = NULL;
    if (!st)
        st = decode_answer(&t->golden_text, &run->decode,
                           &(struct decode_tokens){t->golden.run.tokens, t->golden.run.n_tokens});
    t->context.golden = &t->golden;
    t->context.golden_text = t->golden_text.data;
    return st ? st : cli_nonfinite_find(&t->where, run, &t->golden.run);
}

/* Records of faults [first, first + n). */
static enum status run_trials(struct trials *t, uint32_t first, uint32_t n, struct record *out)
{
    const struct trial_settings settings = {
        .level = RECORD_FULL, .path = t->run->options.naive ? TRIAL_NAIVE : TRIAL_FAST};
    struct trial_job job[TRIALS_AT_ONCE];
    cli_progress_show(&t->progress, "fault %" PRIu32 "/%" PRIu32, first + 1, t->faults.count);
    for (uint32_t i = 0; i < n; i++)
        job[i] = (struct trial_job){.fault = t->faults.trial[first + i].fault,
                                    .n_faults = t->faults.trial[first + i].count};
    const enum status st =
        trial_batch(out, &t->run->arena, &t->golden, &settings, &(struct trial_jobs){job, n});
    cli_progress_clear(&t->progress);
    return st;
}

static uint32_t next_count(const struct trials *t, uint32_t first)
{
    return t->faults.count - first < TRIALS_AT_ONCE ? t->faults.count - first : TRIALS_AT_ONCE;
}

static enum status print_text(struct trials *t)
{
    struct executor_info info;
    struct record record[TRIALS_AT_ONCE];
    enum status st = STATUS_OK;
    executor_info(t->run->device.ex, &info);
    printf("golden run on %s: %" PRIu32 " tokens, hash %016" PRIx64 "\n\n", info.device,
           t->golden.run.n_tokens, t->golden.run.hash);
    for (uint32_t first = 0, n; first < t->faults.count && !st; first += n) {
        n = next_count(t, first);
        st = run_trials(t, first, n, record);
        for (uint32_t i = 0; i < n && !st; i++)
            st = cli_record_text(&t->context, &record[i], first + i + 1, t->faults.count);
        if (!st)
            st = cli_output_flush();
    }
    return st;
}

/* All trials first: an object cut off by a failure would be no JSON. */
static enum status print_json(struct trials *t)
{
    struct json_writer w;
    enum status st = STATUS_OK;
    struct record *record = arena_array(&t->run->arena, t->faults.count, sizeof(*record));
    if (!record)
        return STATUS_MEMORY;
    for (uint32_t first = 0; first < t->faults.count && !st; first += next_count(t, first))
        st = run_trials(t, first, next_count(t, first), record + first);
    if (st)
        return st;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    json_put_key(&w, "golden");
    json_object_open(&w);
    st = cli_run_json_members(&w, t->run, &t->golden.run, t->where.found ? &t->where : NULL);
    json_object_close(&w);
    json_put_key(&w, "faults");
    json_array_open(&w);
    for (uint32_t i = 0; !st && i < t->faults.count; i++)
        st = cli_record_json(&w, &t->context, &record[i]);
    json_array_close(&w);
    json_object_close(&w);
    const enum status written = json_end(&w);
    return st ? st : written;
}

enum status cli_fault_run(struct cli_run *run)
{
    struct trials t = {.run = run};
    t.context.bounds = (struct fault_bounds){.model = run->model,
                                             .act = run->needs.act,
                                             .kv = run->needs.kv,
                                             .n_prompt = run->n_ids,
                                             .positions = run->needs.positions};
    enum status st = json_load(&t.doc, run->options.fault);
    if (!st)
        st = fault_parse_trials(&t.faults, &run->arena, t.doc, &t.context.bounds);
    if (!st)
        st = run_golden(&t);
    if (!st)
        st = run->options.json ? print_json(&t) : print_text(&t);
    text_finish(&t.golden_text);
    json_destroy(&t.doc);
    return st;
}
