/* SPDX-License-Identifier: MIT */
/* Output of `vkfi run`: text as it comes, the object, the records of faults. */
#include "cli/cli_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli_protection.h"
#include "cli/cli_record.h"
#include "lib/lib_report.h"
#include "lib/lib_trials.h"

/* Shows progress on the device's thread: of the prompt; of tokens where none are printed. */
static void show_progress(void *user, int32_t token, uint32_t done)
{
    struct cli_run *run = user;
    if (token < 0 || run->options.protect || run->options.json || run->options.fault)
        cli_progress_generate(&run->progress, token, done);
}

static void begin_progress(struct cli_run *run)
{
    cli_progress_init(&run->progress, run->n_ids, (uint32_t)run->options.n);
    run->session->progress = show_progress;
    run->session->progress_user = run;
}

static enum status print_text_of(const vkfi_token *token)
{
    if (token->text_size == 0)
        return STATUS_OK;
    fwrite(token->text, 1, token->text_size, stdout);
    return cli_output_flush();
}

/* Steps to the end; text is printed as soon as it is settled. Uncorrected damage is an end: who
 * prints the events says so. (What fails on the device's thread is logged there.) */
static enum status run_steps(struct cli_run *run)
{
    vkfi_status status = VKFI_OK;
    enum status st = STATUS_OK;
    begin_progress(run);
    while (status == VKFI_OK && !st) {
        vkfi_token token;
        log_hold_errors(run->options.protect != NULL);
        status = vkfi_session_step(run->session, &token);
        log_hold_errors(false);
        cli_progress_clear(&run->progress);
        if (!run->options.json && (status == VKFI_OK || status == VKFI_END))
            st = print_text_of(&token);
    }
    const bool ended = st || status == VKFI_END || status == VKFI_UNCORRECTED;
    return ended ? st : (enum status)status;
}

static void say_speed(const struct cli_run *run)
{
    const struct generation *g = &run->session->run.g;
    const uint32_t decoded = g->n_tokens - 1;
    log_info("%s: load %.2f s, prompt %u tokens %.1f tok/s, decode %u tokens %.1f tok/s",
             vkfi_device_name(run->device), run->load_seconds, run->n_ids,
             run->n_ids / g->prompt_seconds, decoded,
             decoded > 0 ? decoded / g->decode_seconds : 0.0);
}

static struct lib_findings findings_of(const struct cli_run *run)
{
    struct lib_report report;
    vkfi_report_of(&report, run->session, &(struct lib_nonfinite){0});
    return lib_report_findings(&report, &run->session->run.g);
}

/* The text of a protected run, whose tokens may be withdrawn, at its end. */
static enum status print_checked(struct cli_run *run)
{
    const struct lib_findings findings = findings_of(run);
    struct lib_text text = {.decode = &run->session->run.decode};
    const struct generation *g = &run->session->run.g;
    cli_protection_say(&run->session->protection, &findings, NULL);
    enum status st = lib_protection_check(&findings);
    if (st)
        return st;
    for (uint32_t i = 0; i < g->n_tokens && !st; i++)
        st = lib_text_add(&text, g->tokens[i]);
    st = st ? st : lib_text_end(&text);
    if (!st && text.text.size > 0) {
        fwrite(text.text.data, 1, text.text.size, stdout);
        st = cli_output_flush();
    }
    lib_text_finish(&text);
    return st;
}

static enum status run_text(struct cli_run *run)
{
    struct lib_nonfinite where;
    enum status st = run_steps(run);
    if (!st && run->options.protect)
        st = print_checked(run);
    if (!st && isatty(STDOUT_FILENO))
        putchar('\n');
    if (st)
        return st;
    say_speed(run);
    run->session->progress = NULL;
    return vkfi_report_search(&where, run->session);
}

static enum status run_json(struct cli_run *run)
{
    struct lib_nonfinite where;
    struct lib_report report;
    struct json_writer w;
    enum status st = run_steps(run);
    st = st ? st : vkfi_report_search(&where, run->session);
    if (st)
        return st;
    vkfi_report_of(&report, run->session, &where);
    report.model = run->options.model;
    report.load_seconds = run->load_seconds;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    lib_report_put(&w, &report, &run->session->run.g);
    json_object_close(&w);
    st = json_end(&w);
    const struct lib_findings findings = findings_of(run);
    return st ? st : lib_protection_check(&findings);
}

/* --- faults --- */

struct trials {
    struct cli_run *run;
    struct lib_trials_params params;
    struct lib_trials trials;
    struct decode guarded;
    struct lib_nonfinite where; /* of the golden run */
    uint32_t first;             /* of the next batch */
    struct record *record;      /* of it */
};

/* These run on the device's thread. */
static enum status open_trials(void *what)
{
    struct trials *t = what;
    struct cli_run *run = t->run;
    struct decode_rules rules;
    vkfi_run_params(&t->params.generate, run->session);
    rules = t->params.generate.rules;
    enum status st = vkfi_run_policy(run->session, &rules);
    st = st ? st : decode_open(&t->guarded, &run->arena, &rules, t->params.generate.ex);
    st = st ? st : lib_trials_open(&t->trials, &run->arena, &t->params);
    return st ? st
              : lib_nonfinite_find(&t->where, &run->arena, &t->params.generate,
                                   &t->trials.golden.run);
}

static enum status run_batch(void *what)
{
    struct trials *t = what;
    return lib_trials_run(&t->trials, &t->run->arena, t->first, t->record);
}

static enum status close_trials(void *what)
{
    lib_trials_finish(&((struct trials *)what)->trials);
    return STATUS_OK;
}

static enum status on_device(struct trials *t, vkfi_engine_job *job)
{
    const enum status st = vkfi_engine_do(&t->run->device->engine, job, t);
    cli_progress_clear(&t->run->progress);
    return st;
}

/* The batch from `first` on; `out_n`: how many it has. */
static enum status next_batch(struct trials *t, uint32_t first, struct record *out, uint32_t *out_n)
{
    cli_progress_show(&t->run->progress, "fault %" PRIu32 "/%" PRIu32, first + 1,
                      t->trials.faults.count);
    t->first = first;
    t->record = out;
    *out_n = lib_trials_next(&t->trials, first);
    return on_device(t, run_batch);
}

static enum status print_text(struct trials *t)
{
    struct record record[LIB_TRIALS_BATCH];
    const uint32_t count = t->trials.faults.count;
    enum status st = STATUS_OK;
    printf("golden run on %s: %" PRIu32 " tokens, hash %016" PRIx64 "\n\n",
           vkfi_device_name(t->run->device), t->trials.golden.run.n_tokens,
           t->trials.golden.run.hash);
    for (uint32_t first = 0, n; first < count && !st; first += n) {
        st = next_batch(t, first, record, &n);
        for (uint32_t i = 0; i < n && !st; i++)
            st = cli_record_text(&t->trials.context, &record[i], first + i + 1, count);
        st = st ? st : cli_output_flush();
    }
    return st;
}

/* All trials first: an object cut off by a failure would not be JSON. */
static enum status print_json(struct trials *t)
{
    const struct cli_run *run = t->run;
    const uint32_t count = t->trials.faults.count;
    struct record *record = arena_array(&t->run->arena, count, sizeof(*record));
    struct json_writer w;
    enum status st = record ? STATUS_OK : STATUS_MEMORY;
    for (uint32_t first = 0, n; first < count && !st; first += n)
        st = next_batch(t, first, record + first, &n);
    if (st)
        return st;
    const struct lib_report report = {.model = run->options.model,
                                      .params = &t->params.generate,
                                      .decode = &t->trials.golden.decode,
                                      .where = t->where.found ? &t->where : NULL,
                                      .vulkan = run->device->device.gpu != NULL,
                                      .underflow = t->trials.underflow,
                                      .load_seconds = run->load_seconds};
    json_begin(&w, stdout, true);
    json_object_open(&w);
    json_member_object(&w, "golden");
    lib_report_put(&w, &report, &t->trials.golden.run);
    json_object_close(&w);
    json_member_array(&w, "faults");
    for (uint32_t i = 0; i < count; i++)
        lib_record_json(&w, &t->trials.context, &record[i]);
    json_array_close(&w);
    json_object_close(&w);
    return json_end(&w);
}

static enum status run_faults(struct cli_run *run)
{
    struct trials t = {.run = run};
    struct json_doc *doc = NULL;
    enum status st = json_load(&doc, run->options.fault);
    t.params = (struct lib_trials_params){
        .shape = run->device->shape,
        .doc = doc,
        .protection = run->options.protect ? &run->session->protection : NULL,
        .guarded = &t.guarded,
        .naive = run->options.naive};
    begin_progress(run);
    st = st ? st : on_device(&t, open_trials);
    run->session->progress = NULL;
    st = st ? st : run->options.json ? print_json(&t) : print_text(&t);
    if (!st && t.trials.uncorrected > 0) {
        log_error("damage was found and could not be corrected in %" PRIu32 " of %" PRIu32
                  " trials",
                  t.trials.uncorrected, t.trials.faults.count);
        st = STATUS_UNCORRECTED;
    }
    const enum status closed = on_device(&t, close_trials);
    json_destroy(&doc);
    return st ? st : closed;
}

enum status cli_run_print(struct cli_run *run)
{
    if (run->options.fault)
        return run_faults(run);
    return run->options.json ? run_json(run) : run_text(run);
}
