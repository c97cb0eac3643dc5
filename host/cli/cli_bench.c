/* SPDX-License-Identifier: MIT */
/* `vkfi bench`: one child process a device, a table or an object of their figures. */
#include "cli/cli_bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/args.h"
#include "cli/cli_bench_campaign.h"
#include "cli/cli_child.h"
#include "cli/cli_commands.h"
#include "cli/cli_device.h"
#include "cli/cli_output.h"
#include "model/storage.h"

struct device_result {
    const char *name; /* as given to -d */
    struct cli_bench_figures figures;
};

/* What the child needs. */
struct child_job {
    const struct cli_bench_options *options;
    const struct cli_env *env;
    const char *device;
};

static enum status measure(void *user, void *out)
{
    const struct child_job *job = user;
    return cli_bench_measure(out, job->options, job->env, job->device);
}

static enum status measure_in_child(struct device_result *out,
                                    const struct cli_bench_options *options,
                                    const struct cli_env *env)
{
    struct child_job job = {options, env, out->name};
    return cli_child_run(&(struct cli_child){.device = out->name,
                                             .out = &out->figures,
                                             .size = sizeof out->figures,
                                             .measure = measure,
                                             .user = &job});
}

static void print_row(const char *name, const char *value)
{
    printf("  %-30s %s\n", name, value);
}

static void print_memory(const struct cli_bench_figures *f)
{
    char a[32], text[96];
    print_row("held by the executor", cli_output_bytes(a, (double)f->device_bytes));
    snprintf(text, sizeof text, "%s (resident peak of the process)",
             cli_output_bytes(a, (double)f->peak_bytes));
    print_row("peak memory", text);
}

static void print_figures(const struct device_result *result)
{
    const struct cli_bench_figures *f = &result->figures;
    char a[32], b[32], text[160];
    printf("%s: %s\n", result->name, f->device);
    print_row("driver", f->driver);
    snprintf(text, sizeof text, "%.1f tok/s", f->prompt_rate);
    print_row("prompt", text);
    snprintf(text, sizeof text, "%.1f tok/s", f->decode_rate);
    print_row("decode", text);
    snprintf(text, sizeof text, "%s/s (%s a token)", cli_output_bytes(a, f->read_rate),
             cli_output_bytes(b, (double)f->token_bytes));
    print_row("weights read while decoding", text);
    if (f->bandwidth > 0) {
        snprintf(text, sizeof text, "%s/s; decoding uses %.0f %% of it",
                 cli_output_bytes(a, f->bandwidth), 100 * f->read_rate / f->bandwidth);
        print_row("plain read of this device", text);
    }
    snprintf(text, sizeof text, "%.1f a token, %.1f us each on average", f->token_dispatches,
             1e6 * f->dispatch_seconds);
    print_row("dispatches", text);
    if (f->empty_seconds >= 0) {
        snprintf(text, sizeof text, "%.2f us", 1e6 * f->empty_seconds);
        print_row("empty dispatch and barrier", text);
    }
    snprintf(text, sizeof text, "%.3f s (load %.3f s)", f->first_seconds, f->load_seconds);
    print_row("start to first token", text);
    print_memory(f);
}

static void print_settings(const struct cli_bench_options *o)
{
    printf("%s, act %s, kv %s: prompt of %" PRIu64 ", %" PRIu64
           " tokens decoded, median of %" PRIu64 "\n",
           o->model, storage_name((enum storage)o->act), storage_name((enum storage)o->kv),
           o->prompt, o->n, o->repeat);
}

static void put_number(struct json_writer *w, const char *key, double value)
{
    json_put_key(w, key);
    cli_output_measured(w, value);
}

static void put_text(struct json_writer *w, const char *key, const char *text)
{
    json_put_key(w, key);
    json_put_text(w, text);
}

static void put_figures(struct json_writer *w, const struct device_result *result)
{
    const struct cli_bench_figures *f = &result->figures;
    json_object_open(w);
    put_text(w, "name", result->name);
    put_text(w, "device", f->device);
    put_text(w, "driver", f->driver);
    put_number(w, "prompt_tokens_per_second", f->prompt_rate);
    put_number(w, "decode_tokens_per_second", f->decode_rate);
    put_number(w, "weight_bytes_per_token", (double)f->token_bytes);
    put_number(w, "weight_bytes_per_second", f->read_rate);
    put_number(w, "read_bytes_per_second", f->bandwidth);
    put_number(w, "read_share", f->bandwidth > 0 ? f->read_rate / f->bandwidth : -1);
    put_number(w, "dispatches_per_token", f->token_dispatches);
    put_number(w, "seconds_per_dispatch", f->dispatch_seconds);
    put_number(w, "seconds_per_empty_dispatch", f->empty_seconds);
    put_number(w, "load_seconds", f->load_seconds);
    put_number(w, "first_token_seconds", f->first_seconds);
    put_number(w, "executor_bytes", (double)f->device_bytes);
    put_number(w, "peak_bytes", (double)f->peak_bytes);
    json_object_close(w);
}

static enum status print_json(const struct cli_bench_options *o,
                              const struct device_result *results, size_t count)
{
    struct json_writer w;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    put_text(&w, "model", o->model);
    put_text(&w, "act", storage_name((enum storage)o->act));
    put_text(&w, "kv", storage_name((enum storage)o->kv));
    put_number(&w, "prompt", (double)o->prompt);
    put_number(&w, "n", (double)o->n);
    put_number(&w, "repeat", (double)o->repeat);
    json_put_key(&w, "devices");
    json_array_open(&w);
    for (size_t i = 0; i < count; i++)
        put_figures(&w, &results[i]);
    json_array_close(&w);
    json_object_close(&w);
    return json_end(&w);
}

static enum status run_devices(const struct cli_bench_options *o, const struct cli_env *env,
                               const struct args_list *devices, bool json)
{
    struct device_result results[ARGS_LIST_MAX];
    size_t count = 0;
    enum status worst = STATUS_OK;
    for (size_t i = 0; i < devices->count; i++) {
        struct device_result *result = &results[count];
        *result = (struct device_result){.name = devices->item[i]};
        const enum status st = measure_in_child(result, o, env);
        worst = worst ? worst : st;
        if (st)
            continue;
        if (!json && count == 0)
            print_settings(o);
        if (!json)
            print_figures(result);
        count++;
    }
    const enum status written = json ? print_json(o, results, count) : cli_output_flush();
    return written ? written : worst;
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
    "  2  wrong usage or model\n"
    "  3  a device failed; the others are printed\n"
    "\n"
    "`vkfi bench campaign` measures trials instead of tokens; see its --help.\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi bench -d cpu -d vk\n"
    "  vkfi bench -m model.gguf -d cpu --threads 1 --json\n";

enum status cli_bench(const struct cli_env *env, int argc, char **argv)
{
    struct cli_bench_options o = {.model = "smollm2-135m", .prompt = 64, .n = 64, .repeat = 3};
    struct args_list devices = {0};
    bool json = false, done = false;
    const struct args_option options[] = {
        {'m', "model", ARGS_TEXT, &o.model, "MODEL",
         "Model: a path or a name of `vkfi model list`. Default smollm2-135m.", 0, 0},
        {'d', "device", ARGS_LIST, &devices, "DEVICE", CLI_DEVICE_HELP " Default cpu.", 0, 0},
        {0, "prompt", ARGS_UINT, &o.prompt, "N", "Prompt tokens. Default 64.", 1, 999999},
        {'n', "tokens", ARGS_UINT, &o.n, "N", "Tokens to decode. Default 64.", 2, 999999},
        {0, "repeat", ARGS_UINT, &o.repeat, "N", "Repetitions after the first run. Default 3.", 1,
         32},
        {0, "act", ARGS_CHOICE, &o.act, "f32|f16|bf16", "Type of activations. Default f32.", 0, 0},
        {0, "kv", ARGS_CHOICE, &o.kv, "f32|f16|bf16", "Type of the KV cache. Default f32.", 0, 0},
        {0, "threads", ARGS_UINT, &o.threads, "N", "CPU devices: threads. Default 0: all cores.", 0,
         1024},
        {0, "json", ARGS_FLAG, &json, NULL, "Prints an object instead of a table.", 0, 0},
        {0}};
    const struct args_spec spec = {.command = "vkfi bench",
                                   .summary = "measure speed and memory of devices",
                                   .synopsis = "[-m MODEL] [-d DEVICE]... [options]\n"
                                               "campaign [-d DEVICE]... [options]",
                                   .details = DETAILS,
                                   .options = options};
    if (argc > 1 && strcmp(argv[1], "campaign") == 0)
        return cli_bench_campaign(env, argc - 1, argv + 1);
    enum status st = args_parse(&spec, argc, argv, &done);
    if (st || done)
        return st;
    if (devices.count == 0)
        devices = (struct args_list){.count = 1, .item = {"cpu"}};
    return run_devices(&o, env, &devices, json);
}
