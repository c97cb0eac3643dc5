/* SPDX-License-Identifier: MIT */
/* `vkfi selftest`: what an owner of a device runs to see whether it computes the right bits. */
#include "cli/cli_selftest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/cli_device.h"

/* --- the verdict --- */

static const struct json *member(const struct cli_selftest_part *part, const char *key)
{
    return part->doc ? json_get(json_root(part->doc), key) : NULL;
}

static double number(const struct cli_selftest_part *part, const char *key)
{
    return json_number(member(part, key));
}

static bool is_exact(const struct cli_selftest_part *part)
{
    return json_type(member(part, "first_diff")) == JSON_NULL &&
           number(part, "faults_differ") == 0 && number(part, "forked_differ") == 0;
}

/* Of the runs: how many have other bits; rows and faults that were compared. */
struct sums {
    uint32_t runs_differ, failed;
    double steps, faults, faults_differ;
    const struct cli_selftest_part *first_failed;
    const char *broken; /* the first promise that a run found broken; null: none */
};

static void add_failed(struct sums *out, const struct cli_selftest_part *part, bool is_run)
{
    if (is_run && part->st == STATUS_INTERNAL) { /* other bits in the same run, for one */
        out->runs_differ++;
        out->broken = out->broken ? out->broken : part->error;
        return;
    }
    out->failed++;
    out->first_failed = out->first_failed ? out->first_failed : part;
}

static void sum_up(struct sums *out, const struct cli_selftest *test)
{
    *out = (struct sums){0};
    for (uint32_t i = 0; i < CLI_SELFTEST_PARTS; i++) {
        const struct cli_selftest_part *part = &test->part[i];
        const bool is_run = i >= CLI_SELFTEST_EXACT && i < CLI_SELFTEST_EXACT + CLI_SELFTEST_RUNS;
        if (part->done && !part->doc)
            add_failed(out, part, is_run);
        if (!part->doc || !is_run)
            continue;
        out->runs_differ += !is_exact(part);
        out->steps += number(part, "steps");
        out->faults += number(part, "faults");
        out->faults_differ += number(part, "faults_differ") + number(part, "forked_differ");
    }
}

static const char *device_name(const struct cli_selftest *test)
{
    const struct cli_selftest_part *part = &test->part[CLI_SELFTEST_DEVICE];
    const char *name = json_text(member(part, "name"));
    return name ? name : test->options.device;
}

static enum status judge(struct cli_selftest *test)
{
    const struct cli_selftest_part *part = &test->part[CLI_SELFTEST_PROBE];
    const struct json *probe = member(part, "probe"), *numerics = member(part, "numerics");
    struct sums s;
    sum_up(&s, test);
    text_addf(&test->line, "%s: ", device_name(test));
    if (probe && !json_bool(json_get(probe, "admitted"))) {
        test->verdict = CLI_SELFTEST_REFUSED;
        text_addf(&test->line, "refused for exact: %s", json_text(json_get(probe, "reason")));
    } else if (numerics && !json_bool(json_get(numerics, "admitted"))) {
        test->verdict = CLI_SELFTEST_DIFFERS;
        text_addf(&test->line, "differs in numerics: %s", json_text(json_get(numerics, "reason")));
    } else if (s.runs_differ > 0) {
        test->verdict = CLI_SELFTEST_DIFFERS;
        text_addf(&test->line, "differs in %u of %d runs and in %.0f of %.0f faults%s%s",
                  s.runs_differ, CLI_SELFTEST_RUNS, s.faults_differ, s.faults, s.broken ? ": " : "",
                  s.broken ? s.broken : "");
    } else if (s.failed > 0) {
        test->verdict = CLI_SELFTEST_FAILED;
        text_addf(&test->line, "failed in %s: %s", s.first_failed->name, s.first_failed->error);
    } else {
        text_addf(&test->line, "passed: %.0f rows of logits and %.0f faults have the CPU's bits",
                  s.steps, s.faults);
    }
    return test->line.st;
}

static enum status status_of(const struct cli_selftest *test)
{
    struct sums s;
    sum_up(&s, test);
    switch (test->verdict) {
    case CLI_SELFTEST_PASSED:
        return STATUS_OK;
    case CLI_SELFTEST_REFUSED:
        return STATUS_DEVICE;
    case CLI_SELFTEST_DIFFERS:
        return STATUS_INTERNAL;
    default:
        return s.first_failed->st ? s.first_failed->st : STATUS_INTERNAL;
    }
}

/* --- text --- */

static void print_probe(const struct cli_selftest_part *part)
{
    const struct json *probe = member(part, "probe"), *numerics = member(part, "numerics");
    if (!probe)
        return;
    const char *reason = json_text(json_get(probe, "reason"));
    printf("probe      %s%s%s\n", json_bool(json_get(probe, "admitted")) ? "admitted" : "refused",
           reason && *reason ? ": " : "", reason ? reason : "");
    if (!numerics)
        return;
    const struct json *classes = json_get(numerics, "classes");
    double tried = 0, differ = 0;
    for (size_t i = 0; i < json_count(classes); i++) {
        const struct json *class = json_at(classes, i);
        tried += json_number(json_get(class, "tried"));
        differ +=
            json_bool(json_get(class, "may_differ")) ? 0 : json_number(json_get(class, "differ"));
    }
    printf("numerics   %.0f words, %.0f differ\n", tried, differ);
}

static void print_run(const struct cli_selftest_part *part)
{
    if (!part->doc) {
        printf("           %s: %s\n", part->name, part->error);
        return;
    }
    printf("           %s, act %s, kv %s: %.0f rows of logits %s; %.0f faults, %.0f differ\n",
           json_text(member(part, "model")), json_text(member(part, "act")),
           json_text(member(part, "kv")), number(part, "steps"),
           json_type(member(part, "first_diff")) == JSON_NULL ? "the same" : "DIFFER",
           number(part, "faults"), number(part, "faults_differ") + number(part, "forked_differ"));
}

static void print_speed(const struct cli_selftest_part *part)
{
    char read[32];
    if (!part->done)
        return;
    if (!part->doc) {
        printf("speed      %s\n", part->error);
        return;
    }
    printf("speed      %s: %.1f tok/s of prompt, %.1f of decoding\n",
           json_text(member(part, "model")), number(part, "prompt_tokens_per_second"),
           number(part, "decode_tokens_per_second"));
    printf("           plain read %s/s",
           cli_output_bytes(read, number(part, "read_bytes_per_second")));
    if (json_type(member(part, "seconds_per_empty_dispatch")) == JSON_NUMBER)
        printf(", empty dispatch and barrier %.2f us",
               1e6 * number(part, "seconds_per_empty_dispatch"));
    printf("\n");
}

static void print_text(const struct cli_selftest *test)
{
    const struct cli_selftest_part *device = &test->part[CLI_SELFTEST_DEVICE];
    printf("device     %s (%s)\n", device_name(test), json_text(member(device, "kind")));
    if (member(device, "driver"))
        printf("driver     %s %s, Vulkan %s\n", json_text(member(device, "driver")),
               json_text(member(device, "driver_info")), json_text(member(device, "vulkan")));
    print_probe(&test->part[CLI_SELFTEST_PROBE]);
    const struct cli_selftest_part *first = &test->part[CLI_SELFTEST_EXACT];
    if (first->done)
        printf("reference  %s\n", first->doc ? json_text(member(first, "reference")) : "cpu");
    for (uint32_t i = 0; i < CLI_SELFTEST_RUNS; i++) {
        if (first[i].done)
            print_run(&first[i]);
    }
    print_speed(&test->part[CLI_SELFTEST_SPEED_PART]);
    if (test->options.bundle)
        printf("bundle     %s\n", test->options.bundle);
    printf("%s\n", text_of(&test->line));
}

/* --- the command --- */

/* Whether the probe ran and let the device go on. */
static bool may_go_on(const struct cli_selftest *test)
{
    const struct cli_selftest_part *part = &test->part[CLI_SELFTEST_PROBE];
    const struct json *probe = member(part, "probe");
    return part->doc && (!probe || json_bool(json_get(probe, "admitted")));
}

static enum status run_parts(struct cli_selftest *test)
{
    enum status st = cli_selftest_part_run(test, &test->part[CLI_SELFTEST_PROBE]);
    for (uint32_t i = CLI_SELFTEST_EXACT; !st && may_go_on(test) && i < CLI_SELFTEST_PARTS; i++) {
        if (i != CLI_SELFTEST_SPEED_PART || !test->options.no_speed)
            st = cli_selftest_part_run(test, &test->part[i]);
    }
    return st;
}

/* One line on standard error, if no part has written it already. */
static void log_verdict(const struct cli_selftest *test)
{
    struct sums s;
    sum_up(&s, test);
    if (test->verdict == CLI_SELFTEST_PASSED ||
        (test->verdict == CLI_SELFTEST_FAILED && s.first_failed->logged))
        return;
    log_error("%s", text_of(&test->line));
}

static enum status print_result(struct cli_selftest *test)
{
    enum status st = judge(test);
    if (!st && test->options.bundle)
        st = cli_selftest_bundle(test);
    if (st)
        return st;
    if (test->options.json) {
        struct json_writer w;
        json_begin(&w, stdout, true);
        cli_selftest_put(&w, test);
        st = json_end(&w);
    } else {
        print_text(test);
    }
    st = st ? st : cli_output_flush();
    if (!st)
        log_verdict(test);
    return st ? st : status_of(test);
}

/* Without a device there is nothing to say of it, and no bundle. */
static enum status run(struct cli_selftest *test)
{
    struct cli_selftest_part *device = &test->part[CLI_SELFTEST_DEVICE];
    enum status st = STATUS_OK;
    if (test->options.bundle)
        st = file_check_writable(test->options.bundle);
    cli_selftest_parts(test);
    cli_device_tell_once();
    st = st ? st : cli_selftest_part_run(test, device);
    if (st)
        return st;
    if (!device->doc) {
        if (!device->logged)
            log_error("device %s: %s", test->options.device, device->error);
        return device->st ? device->st : STATUS_INTERNAL;
    }
    st = run_parts(test);
    return st ? st : print_result(test);
}

static const char DETAILS[] =
    "DESCRIPTION\n"
    "Tests one device without any file or network, for owners of a GPU: whether it computes the "
    "bits that the exact mode promises, and how fast. It runs the probe of its arithmetic, then "
    "with other operands in many rounds; generates with three small random models, made by the "
    "program, of all tensor types and types of storage; injects faults into these runs and "
    "compares every record with that of the CPU; and measures a model of the shape of "
    "SmolLM2-135M, bandwidth and dispatches. The last line says whether it passed, or what "
    "differs.\n"
    "\n"
    "Each part runs in a process of its own: a driver that crashes or hangs (for an hour) ends "
    "that part only. Minutes on drivers that compile slowly.\n"
    "\n"
    "--bundle packs what was found, as JSON, into a zip archive, written at the end, whole or not "
    "at all. It has facts of device and driver, but no UUID, and no name of a user, host or "
    "folder.\n"
    "\n"
    "EXIT CODES\n"
    "  0  the device passed\n"
    "  2  wrong usage, no device of that name, or the bundle could not be written\n"
    "  3  no Vulkan driver, device refused by the probe, or driver failure\n"
    "  4  the device was admitted, but gives other bits than the CPU\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi selftest --bundle out.zip\n"
    "  vkfi selftest -d 1 --faults 1000 --json\n";

static enum status parse(struct cli_selftest_options *o, int argc, char **argv, bool *out_done)
{
    const struct args_option options[] = {
        {'d', "device", ARGS_TEXT, &o->device, "DEVICE", CLI_DEVICE_HELP " Default vk.", 0, 0},
        {0, "bundle", ARGS_TEXT, &o->bundle, "FILE", "Packs the findings into a zip archive.", 0,
         0},
        {0, "faults", ARGS_UINT, &o->faults, "N", "Number of faults. Default 200.", 0, 999999},
        {0, "rounds", ARGS_UINT, &o->rounds, "N",
         "Rounds of the probe with other operands. Default 64; 0: the probe alone.", 0, 9999},
        {0, "no-speed", ARGS_FLAG, &o->no_speed, NULL, "Measures no speed.", 0, 0},
        CLI_THREADS_OPTION(&o->threads),
        {0, "json", ARGS_FLAG, &o->json, NULL, "Prints the bundle's object instead of a table.", 0,
         0},
        {0}};
    const struct args_spec spec = {.command = "vkfi selftest",
                                   .summary = "test whether a device computes the right bits",
                                   .synopsis = "[-d DEVICE] [--bundle FILE] [options]",
                                   .details = DETAILS,
                                   .options = options};
    return args_parse(&spec, argc, argv, out_done);
}

enum status cli_selftest(const struct cli_env *env, int argc, char **argv)
{
    struct cli_selftest test = {
        .env = env,
        .options = {.device = "vk", .faults = 200, .rounds = 64, .threads = env->threads}};
    bool done = false;
    enum status st = parse(&test.options, argc, argv, &done);
    if (!st && !done)
        st = run(&test);
    for (uint32_t i = 0; i < CLI_SELFTEST_PARTS; i++)
        json_destroy(&test.part[i].doc);
    text_finish(&test.line);
    arena_finish(&test.arena);
    return st;
}
