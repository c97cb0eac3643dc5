/* SPDX-License-Identifier: MIT */
/* `vkfi run`: options, opening, plain generation. */
#include "cli/cli_run.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/args.h"
#include "base/clock.h"
#include "base/fpenv.h"
#include "base/log.h"
#include "base/outside.h"
#include "cli/cli_commands.h"
#include "cli/cli_manifest.h"
#include "cli/cli_output.h"
#include "cli/cli_progress.h"
#include "cli/cli_run_help.h"

/* Text goes out as soon as a token completes a character, and none of it can be the start of a stop
 * string. */
struct stream {
    struct cli_progress progress;
    const struct decode *decode;
    struct text bytes; /* spelled, not yet gone out */
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

/* What was held back, and what is no whole character. */
static enum status end_stream(struct stream *s)
{
    enum status st = s->st ? s->st : put_bytes(s, s->bytes.size);
    if (!st)
        st = detokenizer_flush(&s->dt, &s->text);
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

static enum status run_text(struct cli_run *run)
{
    struct stream s = {.decode = &run->decode};
    struct generation g;
    struct cli_nonfinite where;
    cli_progress_init(&s.progress, run->n_ids, run->params.rules.n);
    run->params.progress = stream_token;
    run->params.progress_user = &s;
    enum status st = generate(&g, &run->arena, &run->params);
    cli_progress_clear(&s.progress);
    const enum status ended = end_stream(&s);
    st = st ? st : ended;
    if (!st && isatty(STDOUT_FILENO))
        putchar('\n');
    if (st)
        return st;
    say_speed(run, &g);
    kv_release(run->device.ex->kv, g.branch);
    return cli_nonfinite_find(&where, run, &g);
}

void cli_run_take_underflow(struct cli_run *run)
{
    struct executor_info info;
    executor_info(run->device.ex, &info);
    run->underflow = info.underflow;
}

static enum status run_json(struct cli_run *run)
{
    struct cli_progress progress;
    struct generation g;
    struct cli_nonfinite where;
    struct json_writer w;
    cli_progress_init(&progress, run->n_ids, run->params.rules.n);
    run->params.progress = cli_progress_generate;
    run->params.progress_user = &progress;
    fpenv_clear_underflow();
    enum status st = generate(&g, &run->arena, &run->params);
    cli_progress_clear(&progress);
    if (st)
        return st;
    cli_run_take_underflow(run);
    kv_release(run->device.ex->kv, g.branch);
    st = cli_nonfinite_find(&where, run, &g);
    if (st)
        return st;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    st = cli_run_json_members(&w, run, &g, where.found ? &where : NULL);
    if (st)
        return st;
    json_object_close(&w);
    return json_end(&w);
}

/* All that can be checked before a file or a driver is touched. */
static enum status check_options(const struct cli_run_options *o)
{
    if (!o->model) {
        log_error("found no model, expected -m with a path or a name of vkfi model list");
        return STATUS_USAGE;
    }
    if (o->mode != 0) {
        log_error("found --mode native, expected --mode exact: native kernels are not part of "
                  "this version");
        return STATUS_USAGE;
    }
    if (!o->json && (o->top > 0 || o->logprobs)) {
        log_error("found --%s without --json, expected both", o->top > 0 ? "top" : "logprobs");
        return STATUS_USAGE;
    }
    if (o->fault && o->logprobs) {
        log_error("found --logprobs with --fault, expected one of them");
        return STATUS_USAGE;
    }
    if (!o->fault && o->naive) {
        log_error("found --naive without --fault, expected both");
        return STATUS_USAGE;
    }
    return cli_prompt_check(&o->prompt);
}

static enum status take_stops(struct cli_run *run)
{
    const struct args_list *given = &run->options.stops;
    run->stops = arena_array(&run->arena, given->count, sizeof(*run->stops));
    enum status st = run->stops ? STATUS_OK : STATUS_MEMORY;
    for (size_t i = 0; i < given->count && !st; i++) {
        struct outside_text text = {"--stop", given->item[i], strlen(given->item[i])};
        st = outside_take(&text);
        run->stops[i] = (struct decode_stop){text.bytes, text.size};
        if (!st && text.size == 0) {
            log_error("--stop: found an empty text, expected one to stop at");
            st = STATUS_USAGE;
        }
    }
    return st;
}

static void set_params(struct cli_run *run)
{
    const struct cli_run_options *o = &run->options;
    run->params =
        (struct generate_params){.ids = run->ids,
                                 .n_ids = run->n_ids,
                                 .rules = {.n = (uint32_t)o->n,
                                           .ignore_end = o->ignore_end,
                                           .sampler = {o->temperature, (uint32_t)o->top_k, o->seed},
                                           .stops = run->stops,
                                           .n_stops = (uint32_t)o->stops.count},
                                 .columns = (uint32_t)o->columns,
                                 .top = (uint32_t)o->top,
                                 .logsumexp = o->json,
                                 .prompt_logprobs = o->logprobs,
                                 .save_position = EXECUTOR_NONE};
    run->needs = (struct executor_params){.model = run->model,
                                          .act = (enum storage)o->act,
                                          .kv = (enum storage)o->kv,
                                          .positions = run->n_ids + (uint32_t)o->n,
                                          .branches = 1,
                                          .columns = (uint32_t)o->columns,
                                          .threads = (uint32_t)o->threads};
    run->shape = (struct golden_shape){.n_ids = run->n_ids, .n = (uint32_t)o->n};
    if (o->fault)
        golden_needs(&run->needs, &run->shape);
}

static enum status open_run(struct cli_run *run, const struct cli_env *env)
{
    const struct cli_run_options *o = &run->options;
    const double start = clock_seconds();
    struct cli_progress progress;
    cli_progress_init(&progress, 0, 0);
    cli_progress_stage(&progress, "loading the model");
    enum status st = cli_manifest_open(&run->model, env, o->model);
    if (!st)
        st = cli_prompt_ids(&o->prompt, run->model, &run->arena, &run->ids, &run->n_ids);
    if (!st)
        st = cli_prompt_fits(run->model, run->n_ids, o->n);
    if (st)
        return st;
    if (o->top > run->model->hp.n_vocab) {
        log_error("found --top %u, expected at most the model's %u tokens", (uint32_t)o->top,
                  run->model->hp.n_vocab);
        return STATUS_USAGE;
    }
    set_params(run);
    cli_progress_stage(&progress, "opening the device");
    st = cli_device_find(&run->device, env, o->device);
    if (st)
        return st;
    cli_progress_stage(&progress, run->device.gpu ? "compiling kernels" : "preparing weights");
    st = cli_device_start(&run->device, &run->needs);
    if (st)
        return st;
    cli_progress_clear(&progress);
    if (run->device.gpu && o->threads != env->threads)
        log_warn("--threads is for CPU devices, found it with %s", cli_device_name(&run->device));
    run->params.ex = run->device.ex;
    run->load_seconds = clock_seconds() - start;
    return decode_open(&run->decode, &run->arena, &run->params.rules, run->device.ex);
}

enum status cli_run(const struct cli_env *env, int argc, char **argv)
{
    struct cli_run run = {.options = {.device = "cpu", .n = 32, .threads = env->threads}};
    bool done = false;
    enum status st = cli_run_parse(&run.options, argc, argv, &done);
    if (st || done)
        return st;
    st = check_options(&run.options);
    if (!st)
        st = take_stops(&run);
    if (!st)
        st = open_run(&run, env);
    if (!st)
        st = run.options.fault  ? cli_fault_run(&run)
             : run.options.json ? run_json(&run)
                                : run_text(&run);
    const enum status closed = cli_device_finish(&run.device);
    model_close(&run.model);
    arena_finish(&run.arena);
    return st ? st : closed;
}
