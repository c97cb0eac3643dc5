/* SPDX-License-Identifier: MIT */
/* `vkfi bench campaign`: options, the table and the object of a device's rates. */
#include "cli/cli_bench.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"

static const char *const LEVELS[CLI_BENCH_LEVELS] = {"outcome", "summary", "full"};

/* The fast path must give the records of whole inferences. */
static enum status check(const void *figures, const char *device)
{
    const struct cli_bench_campaign_figures *f = figures;
    if (f->differing == 0)
        return STATUS_OK;
    log_error("device %s: %" PRIu32 " fast records are not those of whole inferences, expected 0",
              device, f->differing);
    return STATUS_INTERNAL;
}

/* Trials per second; negative: not measured. */
static double rate_of(const struct cli_bench_rate *rate)
{
    return rate->trials > 0 && rate->seconds > 0 ? rate->trials / rate->seconds : -1;
}

static double cpu_of(const struct cli_bench_rate *rate)
{
    return rate->trials > 0 ? rate->cpu_seconds / rate->trials : -1;
}

static void print_rate(const char *name, const struct cli_bench_rate *rate)
{
    if (rate->trials > 0)
        printf("  %-30s %8.2f trials/s  (%" PRIu32 " trials, %.1f ms of processor each)\n", name,
               rate_of(rate), rate->trials, 1e3 * cpu_of(rate));
}

/* Shares of the time of the fast path at `record: outcome`. Layers of one pass are shared by
 * columns that feed golden's tokens and by those that decode their own: split by their number. */
static void print_shares(const struct cli_bench_campaign_figures *f)
{
    const struct trial_work *w = &f->work;
    const double all = f->fast[RECORD_OUTCOME].seconds;
    const double columns = (double)w->verified + (double)w->decoded;
    const struct {
        const char *name;
        double seconds;
    } shares[] = {
        {"feeding golden's tokens", w->pass_seconds * (double)w->verified / columns},
        {"decoding after a difference", w->pass_seconds * (double)w->decoded / columns},
        {"output matrix, unsettled tokens", w->output_seconds},
        {"proofs of tokens", w->certify_seconds},
        {"records", w->record_seconds},
    };
    for (size_t i = 0; i < sizeof(shares) / sizeof(*shares); i++)
        printf("  %-30s %8.1f %%\n", shares[i].name, 100 * shares[i].seconds / all);
    printf("  %-30s %8" PRIu64 " (%.1f columns in each layer of a pass on average)\n", "passes",
           w->passes, columns / (30.0 * (double)w->passes));
    printf("  %-30s %8" PRIu64 " certified, %" PRIu64 " computed\n", "tokens", w->certified,
           w->outputs);
}

static void print_figures(const char *device, const void *figures)
{
    const struct cli_bench_campaign_figures *f = figures;
    char name[64], a[32];
    printf("%s: %s\n", device, f->opened.device);
    for (int level = 0; level < CLI_BENCH_LEVELS; level++) {
        snprintf(name, sizeof(name), "fast, record %s", LEVELS[level]);
        print_rate(name, &f->fast[level]);
        snprintf(name, sizeof(name), "naive, record %s", LEVELS[level]);
        print_rate(name, &f->naive[level]);
    }
    for (uint32_t class = 0; class < OUTCOME_COUNT; class ++)
        print_rate(kinds_text(KINDS_OUTCOME, class), &f->by_class[class]);
    print_rate("stored weights, fast", &f->weight_fast);
    print_rate("stored weights, naive", &f->weight_naive);
    print_shares(f);
    cli_bench_print_amounts("work of a trial", &f->trial);
    cli_bench_print_paper(&f->trial, 1, "trials/s");
    printf("  %-30s %8.2f s\n", "golden run", f->golden_seconds);
    printf("  %-30s %8s\n", "held by the executor", cli_output_bytes(a, (double)f->device_bytes));
    printf("  %-30s %8s (resident peak of the process)\n", "peak memory",
           cli_output_bytes(a, (double)f->peak_bytes));
}

static void put_rate(struct json_writer *w, const char *key, const struct cli_bench_rate *rate)
{
    json_member_object(w, key);
    cli_bench_put(w, "trials", rate->trials);
    cli_bench_put(w, "trials_per_second", rate_of(rate));
    cli_bench_put(w, "cpu_seconds_per_trial", cpu_of(rate));
    json_object_close(w);
}

static void put_levels(struct json_writer *w, const char *key,
                       const struct cli_bench_rate rate[CLI_BENCH_LEVELS])
{
    json_member_object(w, key);
    for (int level = 0; level < CLI_BENCH_LEVELS; level++)
        put_rate(w, LEVELS[level], &rate[level]);
    json_object_close(w);
}

static void put_work(struct json_writer *w, const struct trial_work *work)
{
    json_member_object(w, "work");
    cli_bench_put(w, "passes", (double)work->passes);
    cli_bench_put(w, "verified_layer_columns", (double)work->verified);
    cli_bench_put(w, "decoded_layer_columns", (double)work->decoded);
    cli_bench_put(w, "certified_tokens", (double)work->certified);
    cli_bench_put(w, "computed_tokens", (double)work->outputs);
    cli_bench_put(w, "pass_seconds", work->pass_seconds);
    cli_bench_put(w, "output_seconds", work->output_seconds);
    cli_bench_put(w, "certify_seconds", work->certify_seconds);
    cli_bench_put(w, "record_seconds", work->record_seconds);
    json_object_close(w);
}

static void put_figures(struct json_writer *w, const void *figures)
{
    const struct cli_bench_campaign_figures *f = figures;
    put_levels(w, "fast", f->fast);
    put_levels(w, "naive", f->naive);
    json_member_object(w, "by_class");
    for (uint32_t class = 0; class < OUTCOME_COUNT; class ++) {
        if (f->classes[class] > 0)
            put_rate(w, kinds_text(KINDS_OUTCOME, class), &f->by_class[class]);
    }
    json_object_close(w);
    put_rate(w, "weight_fast", &f->weight_fast);
    put_rate(w, "weight_naive", &f->weight_naive);
    put_work(w, &f->work);
    cli_bench_put_amounts(w, "trial", &f->trial, 1);
    cli_bench_put(w, "golden_seconds", f->golden_seconds);
    cli_bench_put(w, "executor_bytes", (double)f->device_bytes);
    cli_bench_put(w, "peak_bytes", (double)f->peak_bytes);
    cli_bench_put(w, "differing_records", f->differing);
}

static const char DETAILS[] =
    "DESCRIPTION\n"
    "Runs a fixed workload on each device, in a process of its own: SmolLM2-135M, a prompt of 36 "
    "tokens, 64 greedy tokens with no stop; a trial flips one random bit of one random element of "
    "one random linear layer's output at one random decode step. The same number of stored-weight "
    "faults (one bit of one code, struck before the prompt) stands beside it.\n"
    "\n"
    "Fast trials share passes; naive ones are whole inferences, and their records are compared "
    "with the fast ones. Trials of each outcome are run once more by themselves. The first run of "
    "a device is not left out: hundreds of trials follow it.\n"
    "\n"
    "EXIT CODES\n"
    "  0  done\n"
    "  2  wrong usage or model, or no device of that name or index\n"
    "  3  no Vulkan driver, or a device failed\n"
    "  4  fast and naive records differ\n"
    "Where a device is not there or fails, the figures of the others are printed all the same.\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi bench campaign -d cpu -d vk\n"
    "  vkfi bench campaign --trials 64 --naive 2 -d 0 --json\n";

enum status cli_bench_campaign(const struct cli_env *env, int argc, char **argv)
{
    struct cli_bench_campaign_options o = {
        .trials = 256, .naive = 8, .weights = 16, .seed = 1, .threads = env->threads};
    struct cli_bench_run run = {.json = false};
    bool done = false;
    const struct args_option options[] = {
        {0, "trials", ARGS_UINT, &o.trials, "N", "Fast trials a level. Default 256.", 1, 999999},
        {0, "naive", ARGS_UINT, &o.naive, "N", "Naive trials a level. Default 8.", 0, 999999},
        {0, "weights", ARGS_UINT, &o.weights, "N", "Stored-weight trials. Default 16.", 0, 999999},
        {0, "lanes", ARGS_UINT, &o.lanes, "N", "Most trials in flight. Default 0: a choice.", 0,
         4096},
        {0, "columns", ARGS_UINT, &o.columns, "N", "Most columns a pass. Default 0: a choice.", 0,
         4096},
        {0, "seed", ARGS_UINT, &o.seed, "S", "Seed of the faults. Default 1.", 0, 0},
        CLI_BENCH_RUN_OPTIONS(&run, &o.threads),
        {0}};
    const struct args_spec spec = {.command = "vkfi bench campaign",
                                   .summary = "measure trials per second of devices",
                                   .synopsis = "[-d DEVICE]... [options]",
                                   .details = DETAILS,
                                   .options = options};
    const struct cli_bench_task task = {.options = &o,
                                        .size = sizeof(struct cli_bench_campaign_figures),
                                        .measure = cli_bench_trials,
                                        .check = check,
                                        .print = print_figures,
                                        .put = put_figures};
    enum status st = args_parse(&spec, argc, argv, &done);
    return st || done ? st : cli_bench_devices(&task, env, &run);
}
