/* SPDX-License-Identifier: MIT */
/* `vkfi selfcheck`: the same run and the same faults on several devices, compared bit for bit. */
#include "cli/cli_selfcheck.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/cli_device.h"
#include "cli/cli_manifest.h"
#include "cli/cli_prompt.h"
#include "inject/space/draw.h"
#include "model/detokenizer.h"

/* One device while it is open. */
struct open_device {
    struct cli_selfcheck *check;
    struct cli_selfcheck_device *out;
    struct lib_device device;
    struct golden_shape shape;
    struct golden golden;
    struct cli_progress progress;
    bool is_reference;
};

static enum status open_device(struct open_device *d)
{
    struct cli_selfcheck *c = d->check;
    struct executor_info info;
    struct golden_shape shape = {.n_ids = c->n_ids, .n = (uint32_t)c->options.n};
    struct executor_params needs = {.model = c->model,
                                    .act = c->bounds.act,
                                    .kv = c->bounds.kv,
                                    .threads = (uint32_t)c->options.threads};
    golden_needs(&needs, &shape);
    c->bounds.positions = needs.positions;
    d->shape = shape;
    const enum status st = cli_device_open(&d->device, c->env, d->out->name, &needs, &d->progress);
    if (st)
        return st;
    executor_info(d->device.ex, &info);
    snprintf(d->out->device, sizeof(d->out->device), "%s", info.device);
    snprintf(d->out->driver, sizeof(d->out->driver), "%s", info.driver);
    return STATUS_OK;
}

static enum status run_golden(struct open_device *d)
{
    struct cli_selfcheck *c = d->check;
    const struct generation *reference = &c->device[0].run;
    const struct golden_params params = {.generate = {.ex = d->device.ex,
                                                      .ids = c->ids,
                                                      .n_ids = c->n_ids,
                                                      .rules = {.n = (uint32_t)c->options.n},
                                                      .save_position = EXECUTOR_NONE,
                                                      .progress = cli_progress_generate,
                                                      .progress_user = &d->progress},
                                         .shape = d->shape,
                                         .level = RECORD_FULL};
    const double start = clock_seconds();
    enum status st = golden_run(&d->golden, &c->arena, &params);
    cli_progress_clear(&d->progress);
    if (st)
        return st;
    d->golden.params.progress = NULL;
    d->out->golden_seconds = clock_seconds() - start;
    d->out->run = d->golden.run;
    d->out->first_diff = EXECUTOR_NONE;
    uint32_t i = 0;
    while (i < d->out->run.n_tokens && i < reference->n_tokens &&
           d->out->run.step[i].hash == reference->step[i].hash &&
           d->out->run.tokens[i] == reference->tokens[i])
        i++;
    if (i < d->out->run.n_tokens || i < reference->n_tokens) {
        d->out->first_diff = i;
        c->disagreements++;
    }
    return STATUS_OK;
}

/* Drawn once, over every position that the reference evaluated. */
static enum status draw_faults(struct open_device *d)
{
    struct cli_selfcheck *c = d->check;
    const struct draw_params draw = {
        .bounds = &c->bounds, .first = 0, .count = d->golden.n_evaluated, .seed = c->options.seed};
    for (uint64_t id = 0; id < c->options.faults; id++)
        draw_fault(&c->faults[id], &draw, id);
    return detokenizer_answer(&c->text, c->model->tokenizer, d->out->run.tokens,
                              d->out->run.n_tokens);
}

/* Records of all faults on this device. */
static enum status run_trials(struct open_device *d, enum trial_path path, struct record *out)
{
    struct cli_selfcheck *c = d->check;
    const struct trial_settings settings = {.level = RECORD_FULL, .path = path};
    const uint32_t n = (uint32_t)c->options.faults;
    struct trial_job *job = arena_array(&c->arena, n + 1, sizeof(*job));
    if (!job)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < n; i++)
        job[i] = (struct trial_job){.fault = &c->faults[i], .n_faults = 1};
    cli_progress_show(&d->progress, "%s: %" PRIu32 " faults%s", d->out->name, n,
                      path == TRIAL_NAIVE ? ", whole inferences" : "");
    return trial_batch(out, &c->arena, &d->golden, &settings, &(struct trial_jobs){job, n});
}

/* The reference proves that forked and whole runs give one record; other devices, that their forked
 * record is the reference's. */
static enum status compare_trials(struct open_device *d)
{
    struct cli_selfcheck *c = d->check;
    const size_t n = (size_t)c->options.faults;
    struct record *fast = arena_array(&c->arena, n + 1, sizeof(*fast));
    struct record *naive = arena_array(&c->arena, n + 1, sizeof(*naive));
    if (!fast || !naive)
        return STATUS_MEMORY;
    enum status st = run_trials(d, TRIAL_FAST, fast);
    if (!st && d->is_reference)
        st = run_trials(d, TRIAL_NAIVE, naive);
    for (size_t i = 0; i < n && !st; i++) {
        struct cli_selfcheck_trial *trial = &d->out->trial[i];
        const struct record *other = d->is_reference ? &naive[i] : &c->device[0].trial[i].record;
        const bool agrees = record_equal(&fast[i], other, trial->why);
        trial->record = fast[i];
        trial->agrees = d->is_reference || agrees;
        if (d->is_reference)
            c->naive_agrees[i] = agrees;
        c->disagreements += !agrees;
    }
    return st;
}

static enum status check_device(struct open_device *d)
{
    enum status st = open_device(d);
    st = st ? st : run_golden(d);
    if (!st && d->is_reference)
        st = draw_faults(d);
    const double start = clock_seconds();
    st = st ? st : compare_trials(d);
    cli_progress_clear(&d->progress);
    d->out->fault_seconds = clock_seconds() - start;
    const enum status closed = lib_device_finish(&d->device);
    return st ? st : closed;
}

/* A missing driver or a wrong name is found before the long work on the reference. */
static enum status find_devices(const struct cli_selfcheck *c)
{
    for (size_t i = 0; i < c->options.devices.count; i++) {
        struct lib_device device;
        enum status st = cli_device_find(&device, c->env, c->options.devices.item[i]);
        if (st)
            return st;
        st = lib_device_finish(&device);
        if (st)
            return st;
    }
    return STATUS_OK;
}

static enum status allocate(struct cli_selfcheck *c)
{
    const size_t faults = (size_t)c->options.faults + 1, devices = c->options.devices.count;
    c->faults = arena_array(&c->arena, faults, sizeof(*c->faults));
    c->naive_agrees = arena_array(&c->arena, faults, sizeof(*c->naive_agrees));
    c->device = arena_array(&c->arena, devices, sizeof(*c->device));
    if (!c->faults || !c->naive_agrees || !c->device)
        return STATUS_MEMORY;
    for (size_t i = 0; i < devices; i++) {
        c->device[i].name = c->options.devices.item[i];
        c->device[i].trial = arena_array(&c->arena, faults, sizeof(*c->device[i].trial));
        if (!c->device[i].trial)
            return STATUS_MEMORY;
    }
    return STATUS_OK;
}

static enum status open_check(struct cli_selfcheck *c)
{
    const struct cli_prompt prompt = {.text = c->options.prompt};
    enum status st = cli_manifest_open(&c->model, c->env, c->options.model);
    st = st ? st : cli_prompt_ids(&prompt, c->model, &c->arena, &c->ids, &c->n_ids);
    st = st ? st : cli_prompt_fits(c->model, c->n_ids, c->options.n);
    c->bounds = (struct fault_bounds){.model = c->model,
                                      .act = (enum storage)c->options.act,
                                      .kv = (enum storage)c->options.kv,
                                      .n_prompt = c->n_ids};
    return st ? st : allocate(c);
}

enum status cli_selfcheck_run(struct cli_selfcheck *c)
{
    enum status st = open_check(c);
    for (size_t i = 0; !st && i < c->options.devices.count; i++) {
        struct open_device d = {.check = c, .out = &c->device[i], .is_reference = i == 0};
        cli_progress_init(&d.progress, c->n_ids, (uint32_t)c->options.n);
        st = check_device(&d);
    }
    return st;
}

void cli_selfcheck_finish(struct cli_selfcheck *c)
{
    text_finish(&c->text);
    model_close(&c->model);
    arena_finish(&c->arena);
}

static enum status print_check(const struct cli_selfcheck *c)
{
    enum status st = STATUS_OK;
    if (c->options.json)
        st = cli_selfcheck_json(c);
    else
        cli_selfcheck_print(c);
    st = st ? st : cli_output_flush();
    if (!st && c->disagreements > 0) {
        log_error("%" PRIu32 " comparisons do not agree bit for bit, expected none",
                  c->disagreements);
        st = STATUS_INTERNAL;
    }
    return st;
}

static const char DETAILS[] =
    "DESCRIPTION\n"
    "Generates text on the reference device and on each other one, compares the hash of every "
    "logit row, then draws faults by seed and runs each fault on every device. A fault's record "
    "(bits before and after, activations, outcome, tokens, hashes, deviation by layer) must be the "
    "same everywhere, bit for bit; on the reference it is also compared with that of a whole "
    "inference, without forking from the golden run.\n"
    "\n"
    "The reference is the CPU device. Without -d it is compared with the Vulkan device of this "
    "machine: a GPU if there is one, else a driver that runs on the processor.\n"
    "\n"
    "EXIT CODES\n"
    "  0  everything agrees\n"
    "  2  wrong usage or model\n"
    "  3  no Vulkan driver, device refused, or driver failure\n"
    "  4  something does not agree, or a fault did not fire as predicted\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi selfcheck\n"
    "  vkfi selfcheck -m model.gguf -d cpu:scalar -d 0 -d 1 --faults 50 --seed 7\n";

static enum status parse(struct cli_selfcheck_options *o, int argc, char **argv, bool *out_done)
{
    const struct args_option options[] = {
        {'m', "model", ARGS_TEXT, &o->model, "MODEL",
         "Model: a path or a name of `vkfi model list`. Default smollm2-135m.", 0, 0},
        {'d', "device", ARGS_LIST, &o->devices, "DEVICE", CLI_DEVICE_HELP " Default vk.", 0, 0},
        {'p', "prompt", ARGS_TEXT, &o->prompt, "TEXT",
         "Prompt. Default 'The capital of France is'.", 0, 0},
        {'n', "tokens", ARGS_UINT, &o->n, "N", "Most tokens to generate. Default 16.", 1, 999999},
        {0, "faults", ARGS_UINT, &o->faults, "N", "Number of faults. Default 8.", 0, 999999},
        {0, "seed", ARGS_UINT, &o->seed, "S",
         "Seed of the faults. Default 5: its first faults end in many ways.", 0, 0},
        {0, "act", ARGS_CHOICE, &o->act, "f32|f16|bf16", "Type of activations. Default f32.", 0, 0},
        {0, "kv", ARGS_CHOICE, &o->kv, "f32|f16|bf16", "Type of the KV cache. Default f32.", 0, 0},
        CLI_THREADS_OPTION(&o->threads),
        {0, "json", ARGS_FLAG, &o->json, NULL, "Prints an object instead of a table.", 0, 0},
        {0}};
    const struct args_spec spec = {.command = "vkfi selfcheck",
                                   .summary = "show that devices agree bit for bit, with and "
                                              "without faults",
                                   .synopsis = "[-m MODEL] [-d DEVICE]... [options]",
                                   .details = DETAILS,
                                   .options = options};
    return args_parse(&spec, argc, argv, out_done);
}

enum status cli_selfcheck(const struct cli_env *env, int argc, char **argv)
{
    struct cli_selfcheck check = {.env = env,
                                  .options = {.model = "smollm2-135m",
                                              .prompt = "The capital of France is",
                                              .devices = {.count = 1, .item = {"cpu"}},
                                              .n = 16,
                                              .threads = env->threads,
                                              .faults = 8,
                                              .seed = 5}};
    struct args_list *devices = &check.options.devices;
    bool done = false;
    enum status st = parse(&check.options, argc, argv, &done);
    if (st || done)
        return st;
    if (devices->count == 1)
        devices->item[devices->count++] = "vk";
    st = find_devices(&check);
    st = st ? st : cli_selfcheck_run(&check);
    st = st ? st : print_check(&check);
    cli_selfcheck_finish(&check);
    return st;
}
