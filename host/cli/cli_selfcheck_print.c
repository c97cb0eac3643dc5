/* SPDX-License-Identifier: MIT */
/* The table and the JSON object of `vkfi selfcheck`. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/cli_record.h"
#include "cli/cli_selfcheck.h"
#include "inject/space/fault_bits.h"

#define BITS_TEXT 24
#define VALUE_TEXT 48

static void print_devices(const struct cli_selfcheck *c)
{
    for (size_t i = 0; i < c->options.devices.count; i++) {
        const struct cli_selfcheck_device *d = &c->device[i];
        printf("%-10s %s: %s\n", i == 0 ? "reference" : "device", d->name, d->device);
    }
}

static void print_runs(const struct cli_selfcheck *c)
{
    const struct generation *run = &c->device[0].run;
    printf("steps      %" PRIu32 " logit rows, hash of all %016" PRIx64 "\n", run->n_tokens,
           run->hash);
    for (size_t i = 1; i < c->options.devices.count; i++) {
        const struct cli_selfcheck_device *d = &c->device[i];
        if (d->first_diff == EXECUTOR_NONE)
            printf("           %s: the same bits in every logit of every step (%.2f s; reference "
                   "%.2f s)\n",
                   d->name, d->golden_seconds, c->device[0].golden_seconds);
        else
            printf("           %s: DIFFERS from step %" PRIu32 " on\n", d->name, d->first_diff);
    }
}

/* A float, or the number of an integer code. */
static void format_value(char out[VALUE_TEXT], const struct fault *fault,
                         const struct fault_bounds *bounds, uint32_t bits)
{
    struct fault_bits type;
    char number[32];
    fault_bits_of(&type, fault, bounds);
    if (type.is_float)
        snprintf(out, VALUE_TEXT, "%s", cli_output_float(number, fault_bits_float(&type, bits)));
    else
        snprintf(out, VALUE_TEXT, "%" PRIu32, bits);
}

/* "flip 30", "zero". */
static void format_kind(char *out, size_t size, const struct fault *fault)
{
    char bits[BITS_TEXT];
    cli_record_bits(fault, bits, sizeof(bits));
    snprintf(out, size, "%s%s%s", kinds_text(KINDS_KIND, fault->kind), bits[0] != '\0' ? " " : "",
             bits);
}

static bool all_agree(const struct cli_selfcheck *c, uint32_t fault)
{
    for (size_t i = 1; i < c->options.devices.count; i++) {
        if (!c->device[i].trial[fault].agrees)
            return false;
    }
    return true;
}

static void print_fault(const struct cli_selfcheck *c, uint32_t i)
{
    const struct record *r = &c->device[0].trial[i].record;
    char site[FAULT_SITE_TEXT], kind[48], before[VALUE_TEXT], after[VALUE_TEXT], first[16] = "-";
    fault_site(&r->fault, site);
    format_kind(kind, sizeof(kind), &r->fault);
    format_value(before, &r->fault, &c->bounds, r->before);
    format_value(after, &r->fault, &c->bounds, r->after);
    if (r->first_diff != EXECUTOR_NONE)
        snprintf(first, sizeof(first), "%" PRIu32, r->first_diff);
    printf("%3" PRIu32 "  %-29s %-11s %-14s %4" PRIu32 "  %15s -> %-15s  %-16s %5s  %-5s  %s\n", i,
           site, kinds_text(KINDS_POINT, r->fault.point), kind, r->fault.position, before, after,
           kinds_text(KINDS_OUTCOME, r->outcome), first, c->naive_agrees[i] ? "yes" : "NO",
           all_agree(c, i) ? "agree" : "DIFFER");
}

static void print_reasons(const struct cli_selfcheck *c, uint32_t i)
{
    for (size_t d = 0; d < c->options.devices.count; d++) {
        const struct cli_selfcheck_device *device = &c->device[d];
        if (d == 0 ? c->naive_agrees[i] : device->trial[i].agrees)
            continue;
        printf("     %s: %s\n", device->name, device->trial[i].why);
    }
}

static void print_verdict(const struct cli_selfcheck *c)
{
    if (c->disagreements > 0) {
        printf("FAILED: %" PRIu32 " comparisons do not agree\n", c->disagreements);
        return;
    }
    printf("passed: %" PRIu32 " steps and %" PRIu64 " faults agree bit for bit on %zu devices\n",
           c->device[0].run.n_tokens, c->options.faults, c->options.devices.count);
}

void cli_selfcheck_print(const struct cli_selfcheck *c)
{
    printf("model      %s (%s)\n", c->options.model, hparams_arch_name(c->model->hp.arch));
    print_devices(c);
    printf("prompt     ");
    cli_output_quoted(c->options.prompt);
    printf("\ntext       ");
    cli_output_quoted(c->text.data);
    putchar('\n');
    print_runs(c);
    if (c->options.faults > 0)
        printf("\n%3s  %-29s %-11s %-14s %4s  %15s -> %-15s  %-16s %5s  %-5s  %s\n", "id", "site",
               "point", "kind, bits", "pos", "before", "after", "outcome", "first", "whole",
               "devices");
    for (uint32_t i = 0; i < c->options.faults; i++) {
        print_fault(c, i);
        print_reasons(c, i);
    }
    if (c->options.faults > 0)
        printf("\nfirst: first step with another token; whole: a run without forking gives the "
               "same record\n");
    print_verdict(c);
}

static void put_device(struct json_writer *w, const struct cli_selfcheck *c,
                       const struct cli_selfcheck_device *d)
{
    json_object_open(w);
    json_member_text(w, "name", d->name);
    json_member_text(w, "device", d->device);
    json_member_text(w, "driver", d->driver);
    json_member_ids(w, "tokens", d->run.tokens, d->run.n_tokens);
    json_member_array(w, "hashes");
    for (uint32_t i = 0; i < d->run.n_tokens; i++)
        json_put_hex(w, d->run.step[i].hash, 16);
    json_array_close(w);
    json_member_hex(w, "hash", d->run.hash, 16);
    json_member_known(w, "first_diff", d->first_diff != EXECUTOR_NONE, d->first_diff);
    json_member_number(w, "golden_seconds", d->golden_seconds);
    json_member_number(w, "fault_seconds", d->fault_seconds);
    json_member_array(w, "faults_agree");
    for (uint64_t i = 0; i < c->options.faults; i++)
        json_put_bool(w, d->trial[i].agrees);
    json_array_close(w);
    json_object_close(w);
}

static void put_faults(struct json_writer *w, const struct cli_selfcheck *c)
{
    const struct golden golden = {.run = c->device[0].run, .decode = {.model = c->model}};
    const struct lib_record_context context = {
        .golden = &golden, .bounds = c->bounds, .golden_text = c->text.data};
    json_member_array(w, "naive_agrees");
    for (uint64_t i = 0; i < c->options.faults; i++)
        json_put_bool(w, c->naive_agrees[i]);
    json_array_close(w);
    json_member_array(w, "faults");
    for (uint64_t i = 0; i < c->options.faults; i++)
        lib_record_json(w, &context, &c->device[0].trial[i].record);
    json_array_close(w);
}

enum status cli_selfcheck_json(const struct cli_selfcheck *c)
{
    struct json_writer w;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    json_member_text(&w, "model", c->options.model);
    json_member_text(&w, "prompt", c->options.prompt);
    json_member_text(&w, "text", c->text.data);
    json_member_int(&w, "seed", c->options.seed);
    json_member_bool(&w, "agree", c->disagreements == 0);
    json_member_array(&w, "devices");
    for (size_t i = 0; i < c->options.devices.count; i++)
        put_device(&w, c, &c->device[i]);
    json_array_close(&w);
    put_faults(&w, c);
    json_object_close(&w);
    return json_end(&w);
}
