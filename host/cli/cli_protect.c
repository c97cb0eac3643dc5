/* SPDX-License-Identifier: MIT */
/* `vkfi protect`: the actions and their options; list and schema. */
#include "cli/cli_protect.h"

#include <stdio.h>

#include "cli/cli_device.h"
#include "mitigations/policy.h"
#include "tasks/task_split.h"

static enum status list(const struct cli_env *env, const void *options,
                        const struct args_list *operands)
{
    size_t n;
    const struct protection *const *all = protections(&n);
    (void)env, (void)options, (void)operands;
    for (size_t i = 0; i < n; i++) {
        printf("%s: %s%s\n", all[i]->name, all[i]->what,
               all[i]->calibrated ? " (needs a calibration)" : "");
        for (size_t k = 0; k < all[i]->n_params; k++) {
            const struct protection_param *param = &all[i]->param[k];
            printf("  %-12s %s Default %s.\n", param->name, param->what, param->fallback);
        }
    }
    return cli_output_flush();
}

static enum status print_schema(const struct cli_env *env, const void *options,
                                const struct args_list *operands)
{
    struct json_writer w;
    (void)env, (void)options, (void)operands;
    json_begin(&w, stdout, true);
    policy_schema(&w);
    return json_end(&w);
}

static const char DETAILS[] =
    "DESCRIPTION\n"
    "A policy is a JSON file that lists protections with their parameters, "
    "{\"protect\": [{\"kind\": \"nan_trap\"}]}; `vkfi run --protect` runs under one. list prints "
    "the protections with their parameters, schema the JSON Schema of policies "
    "(mitigations/policy.schema.json).\n"
    "\n"
    "BENCH\n"
    "bench runs a clean prompt without and with the policy in pairs, in the order A B B A, so that "
    "a drift of the machine falls on both alike, and prints the overhead of prompt and decoding "
    "apart: the median of the pairs' ratios with its exact 95 % interval (order statistics, no "
    "assumption about the times), the dispatches (CPU: ops) of a run, and the columns computed "
    "again, of which a clean run under a policy of damage by proof has none. Both runs must have "
    "the same bits, or it ends with exit code 4.\n"
    "\n"
    "\n"
    "plan DB [--budget PERCENT] [--random SEED] [-o FILE] "
    "[--json]",
