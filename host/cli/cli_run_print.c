/* SPDX-License-Identifier: MIT */
/* Output of `vkfi run`: text as it comes, the object, the records of faults. */
#include "cli/cli_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fpenv.h"
#include "base/log.h"
#include "cli/cli_record.h"
#include "model/detokenizer.h"
#include "shared/numerics.h"

#define TEXT_OF(x) TEXT_OF_VALUE(x)
#define TEXT_OF_VALUE(x) #x

static void put_head(struct json_writer *w, const struct cli_run *run)
{
    struct executor_info info;
    executor_info(run->device.ex, &info);
    json_member_text(w, "model", run->options.model);
    json_member_text(w, "device", info.device);
    json_member_text(w, "driver", info.driver);
    json_member_text(w, "mode", "exact");
    json_member_text(w, "act", storage_name(run->needs.act));
    json_member_text(w, "kv", storage_name(run->needs.kv));
    json_member_text(w, "contract", "exact-" TEXT_OF(NM_CONTRACT));
}

static void put_step(struct json_writer *w, const struct generate_params *params,
                     const struct generation *g, uint32_t i)
{
    const struct decode_step *step = &g->step[i];
    json_object_open(w);
    json_member_int(w, "token", g->tokens[i]);
    json_member_hex(w, "hash", step->hash, 16);
    if (params->logsumexp) {
        json_put_key(w, "logsumexp");
        json_put_number(w, step->logsumexp);
    }
    if (step->top) {
        json_member_array(w, "top");
        for (uint32_t t = 0; t < params->top; t++) {
            json_array_open(w);
            json_put_int(w, step->top[t].id);
            json_put_float(w, step->top[t].logit);
            json_array_close(w);
        }
        json_array_close(w);
    }
    json_object_close(w);
}

static void put_nonfinite(struct json_writer *w, const struct cli_run *run,
                          const struct cli_run_nonfinite *where)
{
    json_member_object(w, "nonfinite");
    json_member_text(w, "site", where->site);
    json_member_known(w, "layer", where->node->layer != GRAPH_NO_LAYER, where->node->layer);
    json_member_known(w, "step", !(where->position + 1 < run->n_ids),
                      where->position + 1 - run->n_ids);
    json_member_int(w, "position", where->position);
    json_object_close(w);
}

static void put_seconds(struct json_writer *w, const struct cli_run *run,
                        const struct generation *g)
{
    json_member_object(w, "seconds");
    json_member_number(w, "load", run->load_seconds);
    json_member_number(w, "prompt", g->prompt_seconds);
    json_member_number(w, "decode", g->decode_seconds);
    json_object_close(w);
}

static bool is_damaged(const struct cli_run *run, const struct generation *g)
{
    return g->state && decode_sum(&run->guarded, g).damage == DECODE_UNCORRECTED;
}

static struct cli_findings findings_of(const struct cli_run *run, const struct generation *g)
{
    return (struct cli_findings){decode_sum(&run->guarded, g), g->state, run->n_ids};
}

static void put_text(struct json_writer *w, const struct cli_run *run, const struct generation *g)
{
    struct text text = {0};
    if (is_damaged(run, g)) {
        json_member_null(w, "text");
        return;
    }
    json_take(w,
              decode_answer(&text, &run->decode, &(struct decode_tokens){g->tokens, g->n_tokens}));
    json_put_key(w, "text");
    json_put_text_n(w, text_of(&text), text.size);
    text_finish(&text);
}

/* The members of the run's object, without braces. `where` null: every logit was finite. */
static void put_members(struct json_writer *w, const struct cli_run *run,
                        const struct generation *g, const struct cli_run_nonfinite *where)
{
    put_head(w, run);
    cli_output_ids(w, "ids", run->ids, run->n_ids);
    cli_output_ids(w, "tokens", g->tokens, g->n_tokens);
    put_text(w, run, g);
    json_member_text(w, "stop", decode_end_name(g->end));
    if (g->prompt_logprobs) {
        json_member_array(w, "prompt_logprobs");
        for (uint32_t i = 0; i + 1 < run->n_ids; i++)
            json_put_number(w, g->prompt_logprobs[i]);
        json_array_close(w);
    }
    json_member_array(w, "steps");
    for (uint32_t i = 0; i < g->n_tokens; i++)
        put_step(w, &run->params, g, i);
    json_array_close(w);
    json_member_hex(w, "hash", g->hash, 16);
    if (run->device.gpu)
        json_member_null(w, "underflow");
    else
        json_member_bool(w, "underflow", run->underflow);
    if (where)
        put_nonfinite(w, run, where);
    if (g->state) {
        const struct cli_findings findings = findings_of(run, g);
        cli_protection_json(w, &run->protection, &findings);
    }
    put_seconds(w, run, g);
}

/* --- text --- */

/* Text is printed as soon as it is whole characters that cannot start a stop string. */
struct stream {
    struct cli_progress progress;
    const struct decode *decode;
    struct text bytes; /* spelled, not yet printed */
    struct detokenizer dt;
    struct text text;
    enum status st; /* first failure; the callback cannot stop the run */
};

/* The first n bytes. */
static enum status put_bytes(struct stream *s, size_t n)
{
    if (n == 0)
        return STATUS_OK;
    enum status st = detokenizer_put_bytes(&s->dt, s->bytes.data, n, &s->text);
    memmove(s->bytes.data, s->bytes.data + n, s->bytes.size - n);
    s->bytes.size -= n;
    if (st || s->text.size == 0)
        return st;
    fwrite(s->text.data, 1, s->text.size, stdout);
    s->text.size = 0;
    return cli_output_flush();
}

static void stream_token(void *user, int32_t token, uint32_t done)
{
    struct stream *s = user;
    if (token < 0) {
        cli_progress_generate(&s->progress, token, done);
        return;
    }
    cli_progress_clear(&s->progress);
    if (!s->st)
        s->st = decode_spell(&s->bytes, s->decode, token);
    if (s->st)
        return;
    s->bytes.size = decode_text_end(s->decode, s->bytes.data, s->bytes.size);
    s->st = put_bytes(s, s->bytes.size - decode_text_held(s->decode, s->bytes.data, s->bytes.size));
}

static void show_progress(void *user, int32_t token, uint32_t done)
{
    struct stream *s = user;
    cli_progress_generate(&s->progress, token, done);
}

/* Prints what was held back, incomplete characters included. */
static enum status end_stream(struct stream *s)
{
    enum status st = s->st ? s->st : put_bytes(s, s->bytes.size);
    st = st ? st : detokenizer_flush(&s->dt, &s->text);
    if (!st && s->text.size > 0) {
        fwrite(s->text.data, 1, s->text.size, stdout);
        st = cli_output_flush();
    }
    text_finish(&s->bytes);
    text_finish(&s->text);
    return st;
}

static void say_speed(const struct cli_run *run, const struct generation *g)
{
    struct executor_info info;
    executor_info(run->device.ex, &info);
    const uint32_t decoded = g->n_tokens - 1;
    log_info("%s: load %.2f s, prompt %u tokens %.1f tok/s, decode %u tokens %.1f tok/s",
             info.device, run->load_seconds, run->n_ids, run->n_ids / g->prompt_seconds, decoded,
             decoded > 0 ? decoded / g->decode_seconds : 0.0);
}

/* The text of a protected run, whose tokens may be withdrawn, at its end. */
static enum status stream_all(struct stream *s, const struct cli_run *run,
                              const struct generation *g)
{
    const struct cli_findings findings = findings_of(run, g);
    cli_protection_say(&run->protection, &findings, NULL);
    const enum status st = cli_protection_check(&findings);
    for (uint32_t i = 0; i < g->n_tokens && !st; i++)
        stream_token(s, g->tokens[i], i + 1);
    return st;
}

static enum status run_text(struct cli_run *run)
{
    struct stream s = {.decode = &run->decode};
    struct generation g = {0};
    struct cli_run_nonfinite where;
    cli_progress_init(&s.progress, run->n_ids, run->params.rules.n);
    run->params.progress = run->options.protect ? show_progress : stream_token;
    run->params.progress_user = &s;
    enum status st = generate(&g, &run->arena, &run->params);
    cli_progress_clear(&s.progress);
    if (!st && run->options.protect)
        st = stream_all(&s, run, &g);
    const enum status ended = end_stream(&s);
    st = st ? st : ended;
    if (!st && isatty(STDOUT_FILENO))
        putchar('\n');
    if (st)
        return st;
    say_speed(run, &g);
    kv_release(run->device.ex->kv, g.branch);
    return cli_run_nonfinite(&where, run, &g);
}

/* Notes fpenv.h's underflow of the golden run since the last fpenv_clear_underflow. */
static void take_underflow(struct cli_run *run)
{
    struct executor_info info;
    executor_info(run->device.ex, &info);
    run->underflow = info.underflow;
}

static enum status run_json(struct cli_run *run)
{
    struct cli_progress progress;
    struct generation g;
    struct cli_run_nonfinite where;
    struct json_writer w;
    cli_progress_init(&progress, run->n_ids, run->params.rules.n);
    run->params.progress = cli_progress_generate;
    run->params.progress_user = &progress;
    fpenv_clear_underflow();
    enum status st = generate(&g, &run->arena, &run->params);
    cli_progress_clear(&progress);
    if (st)
        return st;
    take_underflow(run);
    kv_release(run->device.ex->kv, g.branch);
    st = cli_run_nonfinite(&where, run, &g);
    if (st)
        return st;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    put_members(&w, run, &g, where.found ? &where : NULL);
    json_object_close(&w);
    st = json_end(&w);
    const struct cli_findings findings = findings_of(run, &g);
    return st ? st : cli_protection_check(&findings);
}

/* --- faults --- */

#define TRIALS_AT_ONCE 64u

struct trials {
    struct cli_run *run;
    struct cli_record_context context;
    struct golden golden;
    struct text golden_text;
    struct fault_trials faults;
    struct json_doc *doc; /* the fault file */
    struct cli_progress progress;
    struct cli_run_nonfinite where; /* of the golden run */
    uint32_t uncorrected;           /* trials */
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
    take_underflow(run);
    cli_progress_clear(&t->progress);
    t->golden.params.progress = NULL;
    if (!st)
        st = decode_answer(&t->golden_text, &run->decode,
                           &(struct decode_tokens){t->golden.run.tokens, t->golden.run.n_tokens});
    t->context.golden = &t->golden;
    t->context.golden_text = t->golden_text.data;
    t->context.protection = run->options.protect ? &run->protection : NULL;
    return st ? st : cli_run_nonfinite(&t->where, run, &t->golden.run);
}

/* Records of faults [first, first + n). */
static enum status run_trials(struct trials *t, uint32_t first, uint32_t n, struct record *out)
{
    const struct trial_settings settings = {
        .level = RECORD_FULL,
        .path = t->run->options.naive ? TRIAL_NAIVE : TRIAL_FAST,
        .decode = t->run->options.protect ? &t->run->guarded : NULL};
    struct trial_job job[TRIALS_AT_ONCE];
    cli_progress_show(&t->progress, "fault %" PRIu32 "/%" PRIu32, first + 1, t->faults.count);
    for (uint32_t i = 0; i < n; i++)
        job[i] = (struct trial_job){.fault = t->faults.trial[first + i].fault,
                                    .n_faults = t->faults.trial[first + i].count};
    const enum status st =
        trial_batch(out, &t->run->arena, &t->golden, &settings, &(struct trial_jobs){job, n});
    cli_progress_clear(&t->progress);
    for (uint32_t i = 0; i < n && !st; i++)
        t->uncorrected += out[i].protection.damage == DECODE_UNCORRECTED;
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
        st = st ? st : cli_output_flush();
    }
    return st;
}

/* All trials first: an object cut off by a failure would not be JSON. */
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
    json_member_object(&w, "golden");
    put_members(&w, t->run, &t->golden.run, t->where.found ? &t->where : NULL);
    json_object_close(&w);
    json_member_array(&w, "faults");
    for (uint32_t i = 0; i < t->faults.count; i++)
        cli_record_json(&w, &t->context, &record[i]);
    json_array_close(&w);
    json_object_close(&w);
    return json_end(&w);
}

static enum status run_faults(struct cli_run *run)
{
    struct trials t = {.run = run};
    t.context.bounds = (struct fault_bounds){.model = run->model,
                                             .act = run->needs.act,
                                             .kv = run->needs.kv,
                                             .n_prompt = run->n_ids,
                                             .positions = run->needs.positions};
    enum status st = json_load(&t.doc, run->options.fault);
    st = st ? st : fault_parse_trials(&t.faults, &run->arena, t.doc, &t.context.bounds);
    st = st ? st : run_golden(&t);
    st = st ? st : run->options.json ? print_json(&t) : print_text(&t);
    if (!st && t.uncorrected > 0) {
        log_error("damage was found and could not be corrected in %" PRIu32 " of %" PRIu32
                  " trials",
                  t.uncorrected, t.faults.count);
        st = STATUS_UNCORRECTED;
    }
    text_finish(&t.golden_text);
    json_destroy(&t.doc);
    return st;
}

enum status cli_run_print(struct cli_run *run)
{
    if (run->options.fault)
        return run_faults(run);
    return run->options.json ? run_json(run) : run_text(run);
}
