/* SPDX-License-Identifier: MIT */
/* Work of an executor, and how long it takes on a device on paper. */
#include "cli/cli_bench.h"

#include <math.h>
#include <stdio.h>

#include "model/generate.h"

/* Two devices on paper: memory, multiplications and additions as the exact kernels do them, one
 * after the other, what a dispatch costs with its barrier (at best and at worst), what a submit
 * costs that the host waits for. */
static const struct paper {
    const char *name, *key;
    double bytes, operations; /* a second */
    double dispatch[2], wait; /* seconds */
} PAPERS[] = {{"at 4.8 TB/s", "fast", 4.8e12, 3e13, {2e-6, 6e-6}, 2e-5},
              {"at 0.3 TB/s", "slow", 3e11, 3e12, {2e-6, 6e-6}, 2e-5}};

struct cli_bench_amounts cli_bench_amounts_of(const struct executor *ex)
{
    struct executor_info info;
    executor_info(ex, &info);
    return (struct cli_bench_amounts){
        .dispatches = (double)info.dispatches,
        .barriers = (double)info.barriers,
        .waits = (double)info.waits,
        .recordings = (double)info.recordings,
        .macs = (double)info.macs,
        .bytes = (double)info.bytes,
    };
}

struct cli_bench_amounts cli_bench_amounts_between(const struct cli_bench_amounts *from,
                                                   const struct cli_bench_amounts *to, double parts)
{
    return (struct cli_bench_amounts){
        .dispatches = (to->dispatches - from->dispatches) / parts,
        .barriers = (to->barriers - from->barriers) / parts,
        .waits = (to->waits - from->waits) / parts,
        .recordings = (to->recordings - from->recordings) / parts,
        .macs = (to->macs - from->macs) / parts,
        .bytes = (to->bytes - from->bytes) / parts,
    };
}

static double seconds_on(const struct paper *p, const struct cli_bench_amounts *a, int worst)
{
    return fmax(a->bytes / p->bytes, 2 * a->macs / p->operations) +
           a->dispatches * p->dispatch[worst] + a->waits * p->wait;
}

void cli_bench_print_amounts(const char *name, const struct cli_bench_amounts *a)
{
    char bytes[32];
    if (a->waits > 0)
        printf("  %-30s %.1f dispatches, %.1f barriers, %.1f waits, %s\n", name, a->dispatches,
               a->barriers, a->waits, cli_output_bytes(bytes, a->bytes));
    else
        printf("  %-30s %.1f ops, %s\n", name, a->dispatches, cli_output_bytes(bytes, a->bytes));
}

void cli_bench_print_paper(const struct cli_bench_amounts *a, double units, const char *what)
{
    for (size_t i = 0; i < sizeof(PAPERS) / sizeof(*PAPERS) && a->waits > 0; i++)
        printf("    %-28s %.0f to %.0f %s\n", PAPERS[i].name, units / seconds_on(&PAPERS[i], a, 1),
               units / seconds_on(&PAPERS[i], a, 0), what);
}

void cli_bench_put_amounts(struct json_writer *w, const char *key,
                           const struct cli_bench_amounts *a, double units)
{
    json_member_object(w, key);
    cli_bench_put(w, "dispatches", a->dispatches);
    cli_bench_put(w, "barriers", a->barriers);
    cli_bench_put(w, "waits", a->waits);
    cli_bench_put(w, "recordings", a->recordings);
    cli_bench_put(w, "multiply_adds", a->macs);
    cli_bench_put(w, "bytes", a->bytes);
    for (size_t i = 0; i < sizeof(PAPERS) / sizeof(*PAPERS) && a->waits > 0; i++) {
        json_member_object(w, PAPERS[i].key);
        cli_bench_put(w, "per_second_at_worst", units / seconds_on(&PAPERS[i], a, 1));
        cli_bench_put(w, "per_second_at_best", units / seconds_on(&PAPERS[i], a, 0));
        json_object_close(w);
    }
    json_object_close(w);
}

/* Columns that feed a prompt's tokens again and again, each with its token, in as few passes as the
 * executor allows. */
enum status cli_bench_columns(struct cli_bench_amounts *out, struct executor *ex,
                              const struct generate_params *prompt, uint32_t columns)
{
    struct column column[CLI_BENCH_COLUMNS_MOST];
    struct column_result result[CLI_BENCH_COLUMNS_MOST];
    const struct cli_bench_amounts before = cli_bench_amounts_of(ex);
    struct executor_info info;
    uint32_t branch;
    enum status st = kv_branch(ex->kv, &branch);

    executor_info(ex, &info);
    if (st)
        return st;
    for (uint32_t done = 0, n; done < columns && !st; done += n) {
        n = columns - done < info.max_columns ? columns - done : info.max_columns;
        n = n < CLI_BENCH_COLUMNS_MOST ? n : CLI_BENCH_COLUMNS_MOST;
        for (uint32_t i = 0; i < n; i++)
            column[i] = (struct column){.branch = branch,
                                        .position = done + i,
                                        .token = prompt->ids[(done + i) % prompt->n_ids],
                                        .checkpoint = EXECUTOR_NONE,
                                        .save = EXECUTOR_NONE,
                                        .end_layer = ex->model->hp.n_layers,
                                        .outputs = COLUMN_ARGMAX};
        st = executor_pass(ex, &(struct pass){.columns = column, .n_columns = n}, result);
    }
    kv_release(ex->kv, branch);
    const struct cli_bench_amounts after = cli_bench_amounts_of(ex);
    *out = cli_bench_amounts_between(&before, &after, 1);
    return st;
}
