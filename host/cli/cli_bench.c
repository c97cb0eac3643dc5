/* SPDX-License-Identifier: MIT */
/* `vkfi bench`: options, the table and the object of a device's figures. */
#include "cli/cli_bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli_bench_campaign.h"
#include "cli/cli_commands.h"
#include "cli/cli_output.h"
#include "model/storage.h"

static enum status measure(void *figures, const void *options, const struct cli_env *env,
                           const char *device)
{
    return cli_bench_measure(figures, options, env, device);
}

static void print_row(const char *name, const char *value)
{
    printf("  %-30s %s\n", name, value);
}

static void print_memory(const struct cli_bench_figures *f)
{
    char a[32], text[96];
    print_row("held by the executor", cli_output_bytes(a, (double)f->device_bytes));
    snprintf(text, sizeof(text), "%s (resident peak of the process)",
             cli_output_bytes(a, (double)f->peak_bytes));
    print_row("peak memory", text);
}

static void print_figures(const char *name, const void *figures)
{
    const struct cli_bench_figures *f = figures;
    char a[32], b[32], text[160];
    printf("%s: %s\n", name, f->opened.device);
    print_row("driver", f->opened.driver);
    snprintf(text, sizeof(text), "%.1f tok/s", f->prompt_rate);
    print_row("prompt", text);
    snprintf(text, sizeof(text), "%.1f tok/s", f->decode_rate);
    print_row("decode", text);
    snprintf(text, sizeof(text), "%s/s (%s a token)", cli_output_bytes(a, f->read_rate),
             cli_output_bytes(b, (double)f->token_bytes));
    print_row("weights read while decoding", text);
    if (f->bandwidth > 0) {
        snprintf(text, sizeof(text), "%s/s; decoding uses %.0f %% of it",
                 cli_output_bytes(a, f->bandwidth), 100 * f->read_rate / f->bandwidth);
        print_row("plain read of this device", text);
    }
    snprintf(text, sizeof(text), "%.1f a token, %.1f us each on average", f->token_dispatches,
             1e6 * f->dispatch_seconds);
    print_row("dispatches", text);
    if (f->empty_seconds >= 0) {
        snprintf(text, sizeof(text), "%.2f us", 1e6 * f->empty_seconds);
        print_row("empty dispatch and barrier", text);
    }
    snprintf(text, sizeof(text), "%.3f s (load %.3f s)", f->first_seconds, f->load_seconds);
    print_row("start to first token", text);
    print_memory(f);
}

static void print_settings(const void *options)
{
    const struct cli_bench_options *o = options;
    printf("%s, act %s, kv %s: prompt of %" PRIu64 ", %" PRIu64
           " tokens decoded, median of %" PRIu64 "\n",
           o->model, storage_name((enum storage)o->act), storage_name((enum storage)o->kv),
           o->prompt, o->n, o->repeat);
}

static void put_figures(struct json_writer *w, const void *figures)
{
    const struct cli_bench_figures *f = figures;
    cli_output_measured(w, "prompt_tokens_per_second", f->prompt_rate);
    cli_output_measured(w, "decode_tokens_per_second", f->decode_rate);
    cli_output_measured(w, "weight_bytes_per_token", (double)f->token_bytes);
    cli_output_measured(w, "weight_bytes_per_second", f->read_rate);
    cli_output_measured(w, "read_bytes_per_second", f->bandwidth);
    cli_output_measured(w, "read_share", f->bandwidth > 0 ? f->read_rate / f->bandwidth : -1);
    cli_output_measured(w, "dispatches_per_token", f->token_dispatches);
    cli_output_measured(w, "seconds_per_dispatch", f->dispatch_seconds);
    cli_output_measured(w, "seconds_per_empty_dispatch", f->empty_seconds);
    cli_output_measured(w, "load_seconds", f->load_seconds);
    cli_output_measured(w, "first_token_seconds", f->first_seconds);
    cli_output_measured(w, "executor_bytes", (double)f->device_bytes);
    cli_output_measured(w, "peak_bytes", (double)f->peak_bytes);
}

static void put_settings(struct json_writer *w, const void *options)
{
    const struct cli_bench_options *o = options;
    json_member_text(w, "model", o->model);
    json_member_text(w, "act", storage_name((enum storage)o->act));
    json_member_text(w, "kv", storage_name((enum storage)o->kv));
    json_member_int(w, "prompt", (int64_t)o->prompt);
    json_member_int(w, "n", (int64_t)o->n);
    json_member_int(w, "repeat", (int64_t)o->repeat);
}

static const char DETAILS[] =
    "DESCRIPTION\n"
    "Measures each device in a process of its own: a first run that warms up, then the "
    "repetitions, "
    "whose medians are printed. The time to the first token is that of the first run, from the "
    "opening of the model on.\n"
    "\n"
    "Weights read per second are the bytes of the model's file that one decoded token needs, times "
    "the tokens per second; their share is of a plain read of a large buffer on the same device. "
    "Peak memory is the resident peak of the process, the mapped model included. On a CPU device a "
    "dispatch is an op.\n"
    "\n"
    "EXIT CODES\n"
    "  0  done\n"
    "  2  wrong usage or model, or no device of that name or index\n"
    "  3  no Vulkan driver, or a device failed\n"
    "Where a device is not there or fails, the figures of the others are printed all the same.\n"
    "\n"
    "`vkfi bench campaign` measures trials instead of tokens; see its --help.\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi bench -d cpu -d vk\n"
    "  vkfi bench -m model.gguf -d cpu --threads 1 --json\n";

enum status cli_bench(const struct cli_env *env, int argc, char **argv)
{
    struct cli_bench_options o = {
        .model = "smollm2-135m", .prompt = 64, .n = 64, .repeat = 3, .threads = env->threads};
    struct cli_bench_run run = {.json = false};
    bool done = false;
    const struct args_option options[] = {
        {'m', "model", ARGS_TEXT, &o.model, "MODEL",
         "Model: a path or a name of `vkfi model list`. Default smollm2-135m.", 0, 0},
        {0, "prompt", ARGS_UINT, &o.prompt, "N", "Prompt tokens. Default 64.", 1, 999999},
        {'n', "tokens", ARGS_UINT, &o.n, "N", "Tokens to decode. Default 64.", 2, 999999},
        {0, "repeat", ARGS_UINT, &o.repeat, "N", "Repetitions after the first run. Default 3.", 1,
         32},
        {0, "act", ARGS_CHOICE, &o.act, "f32|f16|bf16", "Type of activations. Default f32.", 0, 0},
        {0, "kv", ARGS_CHOICE, &o.kv, "f32|f16|bf16", "Type of the KV cache. Default f32.", 0, 0},
        CLI_BENCH_RUN_OPTIONS(&run, &o.threads),
        {0}};
    const struct args_spec spec = {.command = "vkfi bench",
                                   .summary = "measure speed and memory of devices",
                                   .synopsis = "[-m MODEL] [-d DEVICE]... [options]\n"
                                               "campaign [-d DEVICE]... [options]",
                                   .details = DETAILS,
                                   .options = options};
    if (argc > 1 && strcmp(argv[1], "campaign") == 0)
        return cli_bench_campaign(env, argc - 1, argv + 1);
    const struct cli_bench_task task = {.options = &o,
                                        .size = sizeof(struct cli_bench_figures),
                                        .measure = measure,
                                        .print_head = print_settings,
                                        .print = print_figures,
                                        .put_head = put_settings,
                                        .put = put_figures};
    enum status st = args_parse(&spec, argc, argv, &done);
    return st || done ? st : cli_bench_devices(&task, env, &run);
}
