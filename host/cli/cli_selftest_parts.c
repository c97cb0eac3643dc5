/* SPDX-License-Identifier: MIT */
/* What the parts of `vkfi selftest` measure: device and probe, exactness, speed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli_bench.h"
#include "cli/cli_device.h"
#include "cli/cli_record.h"
#include "cli/cli_selfcheck.h"
#include "cli/cli_selftest.h"
#include "cli/cli_selftest_model.h"
#include "model/storage.h"
#include "probe/probe.h"

/* --- device, probe, numerics --- */

static void put_classes(struct json_writer *w, const struct probe_result *result)
{
    json_member_array(w, "classes");
    for (int class = 0; class < PROBE_CLASS_COUNT; class ++) {
        uint64_t cases = 0, tried = 0, differ = 0;
        for (size_t i = 0; i < result->count; i++) {
            const struct probe_case *c = &result->cases[i];
            cases += (int)c->class == class;
            tried += (int)c->class == class ? c->tried : 0;
            differ += (int)c->class == class ? c->differ : 0;
        }
        json_object_open(w);
        json_member_text(w, "class", probe_class_name((enum probe_class) class));
        json_member_bool(w, "may_differ", probe_class_may_differ((enum probe_class) class));
        json_member_int(w, "cases", (int64_t)cases);
        json_member_int(w, "cases_differ", result->differ[class]);
        json_member_int(w, "tried", (int64_t)tried);
        json_member_int(w, "differ", (int64_t)differ);
        json_object_close(w);
    }
    json_array_close(w);
}

static void put_result(struct json_writer *w, const char *key, const struct probe_result *result,
                       uint32_t rounds)
{
    char reason[PROBE_REASON_SIZE];
    json_member_object(w, key);
    json_member_int(w, "rounds", rounds);
    json_member_bool(w, "admitted", probe_admits(result, reason));
    json_member_text(w, "reason", reason);
    put_classes(w, result);
    json_member_array(w, "differ");
    for (size_t i = 0; i < result->count; i++) {
        if (!result->cases[i].ok)
            cli_devices_put_case(w, &result->cases[i]);
    }
    json_array_close(w);
    json_object_close(w);
}

/* A form of the CPU device has no driver and no probe. */
static bool is_form(const struct cli_selftest_part *part)
{
    return strncmp(part->options->device, "cpu", 3) == 0;
}

static enum status write_form(struct json_writer *w, const struct cli_selftest_part *part)
{
    struct lib_device device;
    enum status st = cli_device_find(&device, part->env, part->options->device);
    if (st)
        return st;
    json_member_text(w, "name", lib_device_name(&device));
    json_member_text(w, "kind", "processor");
    return lib_device_finish(&device);
}

static enum status open_gpu(struct gpu **out, const struct cli_selftest_part *part)
{
    struct gpu_params params = cli_device_gpu_params(part->env);
    const char *device = part->options->device;
    params.selector = strcmp(device, "vk") == 0 ? NULL : device;
    return gpu_open(out, &params);
}

static enum status write_device(struct json_writer *w, const struct cli_selftest_part *part)
{
    struct gpu *gpu = NULL;
    if (is_form(part))
        return write_form(w, part);
    const enum status st = open_gpu(&gpu, part);
    if (!st)
        cli_devices_put(w, gpu_get_info(gpu));
    gpu_close(&gpu);
    return st;
}

static enum status write_results(struct json_writer *w, struct gpu *gpu, uint32_t rounds)
{
    struct probe_result *result = calloc(2, sizeof(*result));
    if (!result) {
        log_error("no memory for the results of the probe");
        return STATUS_MEMORY;
    }
    enum status st = probe_run(gpu, &result[0]);
    if (!st && rounds > 0 && probe_admits(&result[0], NULL))
        st = probe_sweep(gpu, rounds, &result[1]);
    if (!st)
        put_result(w, "probe", &result[0], 1);
    if (!st && result[1].count > 0)
        put_result(w, "numerics", &result[1], rounds);
    free(result);
    return st;
}

static enum status write_probe(struct json_writer *w, const struct cli_selftest_part *part)
{
    struct gpu *gpu = NULL;
    if (is_form(part))
        return STATUS_OK;
    enum status st = open_gpu(&gpu, part);
    st = st ? st : write_results(w, gpu, (uint32_t)part->options->rounds);
    gpu_close(&gpu);
    return st;
}

/* --- exactness --- */

static const struct run {
    enum cli_selftest_shape shape;
    enum storage act, kv;
    uint32_t share; /* of the faults, in tenths */
} RUNS[CLI_SELFTEST_RUNS] = {
    {CLI_SELFTEST_LLAMA, STORAGE_F32, STORAGE_F32, 4},
    {CLI_SELFTEST_LLAMA, STORAGE_F16, STORAGE_BF16, 2},
    {CLI_SELFTEST_QWEN2, STORAGE_BF16, STORAGE_F16, 2},
    {CLI_SELFTEST_GEMMA3, STORAGE_F32, STORAGE_F32, 2},
};

#define TOKENS 8 /* of each run */
#define SHOWN 8  /* faults that differ */
#define BITS_TEXT 32

static void put_outcomes(struct json_writer *w, const struct cli_selfcheck *c)
{
    json_member_object(w, "outcomes");
    for (uint32_t outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        int64_t n = 0;
        for (uint64_t i = 0; i < c->options.faults; i++)
            n += c->device[0].trial[i].record.outcome == outcome;
        if (n > 0)
            json_member_int(w, kinds_text(KINDS_OUTCOME, outcome), n);
    }
    json_object_close(w);
}

static void put_fault(struct json_writer *w, const struct cli_selfcheck *c, uint64_t i)
{
    const struct cli_selfcheck_trial *trial = &c->device[1].trial[i];
    const struct fault *fault = &trial->record.fault;
    char site[FAULT_SITE_TEXT], bits[BITS_TEXT];
    fault_site(fault, site);
    cli_record_bits(fault, bits, sizeof(bits));
    json_object_open(w);
    json_member_int(w, "id", (int64_t)i);
    json_member_text(w, "site", site);
    json_member_text(w, "point", kinds_text(KINDS_POINT, fault->point));
    json_member_text(w, "kind", kinds_text(KINDS_KIND, fault->kind));
    json_member_text(w, "bits", bits);
    json_member_int(w, "position", fault->position);
    json_member_text(w, "why", trial->why);
    json_object_close(w);
}

static void put_check(struct json_writer *w, const struct cli_selfcheck *c)
{
    const struct cli_selfcheck_device *device = &c->device[1];
    int64_t differ = 0, split = 0;
    for (uint64_t i = 0; i < c->options.faults; i++) {
        differ += !device->trial[i].agrees;
        split += !c->naive_agrees[i];
    }
    json_member_int(w, "seed", (int64_t)c->options.seed);
    json_member_text(w, "reference", c->device[0].device);
    json_member_int(w, "prompt_tokens", c->n_ids);
    json_member_int(w, "steps", c->device[0].run.n_tokens);
    json_member_hex(w, "hash", c->device[0].run.hash, 16);
    json_member_hex(w, "device_hash", device->run.hash, 16);
    json_member_known(w, "first_diff", device->first_diff != EXECUTOR_NONE, device->first_diff);
    json_member_int(w, "faults", (int64_t)c->options.faults);
    json_member_int(w, "faults_differ", differ);
    json_member_int(w, "forked_differ", split);
    put_outcomes(w, c);
    json_member_array(w, "differ");
    for (uint64_t i = 0, shown = 0; i < c->options.faults && shown < SHOWN; i++) {
        if (device->trial[i].agrees)
            continue;
        put_fault(w, c, i);
        shown++;
    }
    json_array_close(w);
}

static enum status write_run(struct json_writer *w, const struct cli_selftest_part *part)
{
    const struct run *run = &RUNS[part->run];
    struct cli_selftest_model model;
    struct cli_selfcheck check = {
        .env = part->env,
        .options = {.prompt = "The capital of France is",
                    .devices = {.count = 2, .item = {"cpu", part->options->device}},
                    .n = TOKENS,
                    .faults = part->options->faults * run->share / 10,
                    .seed = 5 + part->run,
                    .threads = part->options->threads,
                    .act = (int)run->act,
                    .kv = (int)run->kv}};
    enum status st = cli_selftest_model_init(&model, run->shape);
    if (st)
        return st;
    check.options.model = model.path;
    st = cli_selfcheck_run(&check);
    json_member_text(w, "model", cli_selftest_model_about(run->shape));
    json_member_text(w, "act", storage_name(run->act));
    json_member_text(w, "kv", storage_name(run->kv));
    if (!st)
        put_check(w, &check);
    cli_selfcheck_finish(&check);
    cli_selftest_model_finish(&model);
    return st;
}

/* --- speed --- */

static enum status write_speed(struct json_writer *w, const struct cli_selftest_part *part)
{
    struct cli_selftest_model model;
    struct cli_bench_figures figures;
    struct cli_bench_options options = {
        .prompt = 64, .n = 32, .repeat = 1, .threads = part->options->threads};
    enum status st = cli_selftest_model_init(&model, CLI_SELFTEST_SPEED);
    if (st)
        return st;
    options.model = model.path;
    st = cli_bench_measure(&figures, &options, part->env, part->options->device);
    json_member_text(w, "model", cli_selftest_model_about(CLI_SELFTEST_SPEED));
    json_member_int(w, "prompt_tokens", (int64_t)options.prompt);
    json_member_int(w, "decoded_tokens", (int64_t)options.n);
    if (!st)
        cli_bench_put_figures(w, &figures);
    cli_selftest_model_finish(&model);
    return st;
}

void cli_selftest_parts(struct cli_selftest *test)
{
    static const char *const names[CLI_SELFTEST_RUNS] = {
        "exactness of llama, f32", "exactness of llama, f16 and bf16",
        "exactness of qwen2, bf16 and f16", "exactness of gemma3, f32"};
    for (uint32_t i = 0; i < CLI_SELFTEST_PARTS; i++)
        test->part[i] = (struct cli_selftest_part){.options = &test->options, .env = test->env};
    test->part[CLI_SELFTEST_DEVICE].name = "device";
    test->part[CLI_SELFTEST_DEVICE].write = write_device;
    test->part[CLI_SELFTEST_PROBE].name = "probe";
    test->part[CLI_SELFTEST_PROBE].write = write_probe;
    for (uint32_t i = 0; i < CLI_SELFTEST_RUNS; i++) {
        struct cli_selftest_part *part = &test->part[CLI_SELFTEST_EXACT + i];
        part->name = names[i];
        part->write = write_run;
        part->run = i;
    }
    test->part[CLI_SELFTEST_SPEED_PART].name = "speed";
    test->part[CLI_SELFTEST_SPEED_PART].write = write_speed;
}
