/* SPDX-License-Identifier: MIT */
/* `vkfi protect`: the actions and their options; list, show and schema. */
#include "cli/cli_protect.h"

#include <stdio.h>
#include <string.h>

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
            printf("  %-12s %s; default %s\n", param->name, param->what, param->fallback);
        }
    }
    const struct policy_named *named = policy_builtins(&n);
    for (size_t i = 0; i < n; i++)
        printf("built-in policy %s: %s\n", named[i].name, named[i].what);
    return cli_output_flush();
}

/* With all parameters, as it is read. */
static enum status show(const struct cli_env *env, const void *options,
                        const struct args_list *operands)
{
    struct arena arena = {0};
    struct policy policy;
    struct json_writer w;
    (void)env, (void)options;
    enum status st = policy_load(&policy, &arena, operands->item[0]);
    if (!st) {
        json_begin(&w, stdout, true);
        policy_put(&w, &policy);
        st = json_end(&w);
    }
    arena_finish(&arena);
    return st;
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
    "the protections with their parameters and the built-in policies, whose names stand for a file "
    "wherever one is asked for; show prints a policy with all its parameters, schema the JSON "
    "Schema of policies (mitigations/policy.schema.json).\n"
    "\n"
    "BENCH\n"
    "bench runs a clean prompt without and with the policy in pairs, in the order A B B A, so that "
    "a drift of the machine falls on both alike, and prints the overhead of prompt and decoding "
    "apart: each step's median over the pairs, summed, with a bootstrap interval of 95 % by pair; "
    "what was counted for a "
    "token: multiply-adds of matrices, attention and checks, bytes of operands and results, "
    "dispatches (CPU: evaluations); and the columns computed again. The end of a run counts as "
    "decoding. Runs with other bits end with exit code 4. --recovery N draws faults until the "
    "policy has corrected N of them: time and columns from alarm to right token, quantiles with "
    "intervals of 95 % by order statistics (?: N is too small for this end).\n"
    "\n"
    "STRIKE\n"
    "strike flips one bit of the protections' own memory in each of --trials clean runs, before a "
    "random column is evaluated: bounds, references, shadows and controllers, on the host for "
    "every device, or check sums and verdict words, in the device's memory. Areas "
    "have equal trials; a total weighs them by bits. A run is silent (golden's text, no alarm), a "
    "false alarm (golden's text), refused (golden's text, said to be damaged) or harmed (another "
    "text). A trial depends on its number and the seed alone (--trial ID runs one again), on every "
    "device alike but for the weight audit, whose memory has the device's size. vkfi report --own "
    "adds them to a report.\n"
    "\n"
    "CLEAN\n"
    "clean runs held-out items (-n of each task, of the split evaluate) without and with the "
    "policy, 16 tokens after each prompt, and counts alarms of each protection: of damage, which "
    "must never be (exit code 4, as are other bits), and of doubt; intervals of 95 % are exact.\n"
    "\n"
    "CALIBRATE\n"
    "calibrate runs a model on items of tasks and writes what clean runs look like, which some "
    "protections need: the smallest and largest output of each site, with position 0 apart from "
    "all others; quantiles of each token's features (largest logit, margin of it above the second, "
    "logsumexp and entropy of the row, norm of the hidden state), first tokens apart from later "
    "tokens; and the margin below which a token is in doubt. A policy names the file as "
    "\"calibration\". It belongs to one model and one pair of storage types, and says which items "
    "it has seen: those "
    "of the split calibrate, a fifth of each task, which no study should contain.\n"
    "\n"
    "PLAN\n"
    "plan reads a finished campaign, the profile, and chooses what to protect by its critical SDC "
    "(SDC where items have no scores). Of faults of ops: the sites whose results are to be "
    "computed twice (protection redundancy), in columns of the prompt and in those that give "
    "tokens apart, with most harm for their work, within the budget. A site's rate is drawn "
    "towards that of its kind in all layers, by as much as ten trials weigh. Of flips in K and V: "
    "the fewest top bits of each layer's K and V to keep (kv_checkpoint) such that flips of the "
    "others do harm in at most --eps percent, by the upper end of 95 %; it takes 60 flips of "
    "these bits at 5 %. What the policy is expected to meet is "
    "measured on items that did not choose: chosen by one half of the items, events of the "
    "other, both ways. The policy lists the profile's items: campaigns that strike one refuse it. "
    "--random gives a policy of as much work, and of as many bits, without a "
    "choice, to compare.\n"
    "\n"
    "EXIT CODES\n"
    "  0  done\n"
    "  2  a policy, model or calibration that is not good, or wrong usage\n"
    "  3  a device failed\n"
    "  4  a protected clean run has other bits\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi protect list\n"
    "  vkfi protect show robust\n"
    "  vkfi protect bench robust -m smollm2-135m\n"
    "  vkfi protect calibrate -m smollm2-135m -o cal.json --data own --tasks xnli\n"
    "  vkfi protect bench policy.json -m smollm2-135m -d vk --pairs 60 --json\n";

enum { LIST, SHOW, SCHEMA, BENCH, STRIKE, CLEAN, CALIBRATE, PLAN, ACTIONS };
static const struct cli_action ACTION[ACTIONS] = {
    [LIST] = {"list", NULL, 0, 0, list},
    [SHOW] = {"show", "policy", 1, 1, show},
    [SCHEMA] = {"schema", NULL, 0, 0, print_schema},
    [BENCH] = {"bench", "policy", 1, 1, cli_protect_bench},
    [STRIKE] = {"strike", "policy", 1, 1, cli_protect_strike},
    [CLEAN] = {"clean", "policy", 1, 1, cli_protect_clean},
    [CALIBRATE] = {"calibrate", NULL, 0, 0, cli_protect_calibrate},
    [PLAN] = {"plan", "database", 1, 1, cli_protect_plan}};

#define OPTIONS_MOST 40
#define STORAGES "f32|f16|bf16"
#define RUNS (1u << BENCH | 1u << CALIBRATE | 1u << STRIKE | 1u << CLEAN)

static enum status run_action(const struct cli_actions *actions, const struct cli_env *env,
                              int argc, char **argv)
{
    struct args_spec spec = {
        .command = "vkfi protect",
        .summary = "policies: what protects a run, and what it costs",
        .synopsis = "list\n"
                    "show POLICY\n"
                    "schema\n"
                    "bench POLICY -m MODEL [-d DEVICE] [--pairs N] [--recovery N] "
                    "[--json]\n"
                    "strike POLICY -m MODEL [-d DEVICE] [--trials N] [--seed SEED] "
                    "[--trial ID] [-o FILE] [--json]\n"
                    "clean POLICY -m MODEL --tasks TASK... [-n N] [--data DIR] "
                    "[--json]\n"
                    "calibrate -m MODEL -o FILE [--tasks TASK...] [--split "
                    "SPLIT] [-n N] [--data DIR] [-d DEVICE]\n"
                    "plan DB [--budget PERCENT] [--eps PERCENT] [--random SEED] [-o FILE] "
                    "[--json]",
        .details = DETAILS};
    return cli_actions_run(actions, &spec, env, argc, argv);
}

static const struct cli_protect_options DEFAULTS = {.device = "cpu",
                                                    .n = 32,
                                                    .split = TASK_SPLIT_CALIBRATE,
                                                    .pairs = 30,
                                                    .budget = 3,
                                                    .eps = 5,
                                                    .trials = 200,
                                                    .trial = CLI_PROTECT_ALL,
                                                    .seed = 1};

/* Those of plan alone; their number. */
static size_t plan_options(struct cli_option *out, struct cli_protect_options *o)
{
    const struct cli_option options[] = {
        {1u << PLAN,
         {0, "budget", ARGS_REAL, &o->budget, "PERCENT",
          "plan: of a request's multiply-adds that may be done twice (3).", 0.001, 100}},
        {1u << PLAN,
         {0, "eps", ARGS_REAL, &o->eps, "PERCENT",
          "plan: of flips of bits of K and V that are not kept, that may do harm (5).", 0.001,
          100}},
        {1u << PLAN,
         {0, "random", ARGS_UINT, &o->random, "SEED",
          "plan: a random choice, for as much work and as many bits.", 1, 9e18}},
        {1u << PLAN,
         {0, "evaluate", ARGS_TEXT, &o->evaluate, "PLAN",
          "plan: a plan or database on which the policy will be judged; the profile must share no "
          "item with it.",
          0, 0}},
        {1u << PLAN,
         {0, "calibration", ARGS_TEXT, &o->calibration, "FILE",
          "plan: the same of a calibration that will be used beside.", 0, 0}},
        {1u << PLAN, CLI_READING_SUSPECT(&o->allow_suspect)}};
    memcpy(out, options, sizeof(options));
    return sizeof(options) / sizeof(*options);
}

enum status cli_protect(const struct cli_env *env, int argc, char **argv)
{
    struct cli_protect_options o = DEFAULTS;
    o.threads = env->threads;
    struct cli_option all[OPTIONS_MOST];
    const struct cli_option options[] = {
        {RUNS | 1u << PLAN,
         {'m', "model", ARGS_TEXT, &o.model, "MODEL",
          "A model's name or path; plan: another than the campaign's.", 0, 0}},
        {RUNS,
         {'d', "device", ARGS_TEXT, &o.device, "DEVICE", CLI_DEVICE_HELP " Default cpu.", 0, 0}},
        {1u << STRIKE, {0, "trials", ARGS_UINT, &o.trials, "N", "strike: runs (200).", 1, 1e6}},
        {1u << BENCH | 1u << STRIKE,
         {0, "seed", ARGS_UINT, &o.seed, "SEED", "bench, strike: of the draws (1).", 0, 9e18}},
        {1u << STRIKE,
         {0, "trial", ARGS_UINT, &o.trial, "ID", "strike: this trial alone.", 0, 1e6}},
        {1u << BENCH | 1u << STRIKE,
         {'p', "prompt", ARGS_TEXT, &o.prompt, "TEXT",
          "bench, strike: the prompt (a paragraph of 60 words).", 0, 0}},
        {RUNS,
         {'n', "number", ARGS_UINT, &o.n, "N",
          "bench, strike: tokens (32); calibrate, clean: items of each task (32).", 2, 1e5}},
        {1u << BENCH, {0, "pairs", ARGS_UINT, &o.pairs, "N", "bench: pairs of runs (30).", 6, 1e5}},
        {1u << BENCH,
         {0, "recovery", ARGS_UINT, &o.recovery, "N", "bench: faults to correct (0).", 1, 1e5}},
        {1u << BENCH,
         {0, "clock", ARGS_CHOICE, &o.processor, "wall|processor", "bench: default wall.", 0, 0}},
        {RUNS, {0, "act", ARGS_CHOICE, &o.act, STORAGES, "Type activations are stored in.", 0, 0}},
        {RUNS, {0, "kv", ARGS_CHOICE, &o.kv, STORAGES, "Type of the KV cache.", 0, 0}},
        {RUNS, CLI_THREADS_OPTION(&o.threads)},
        {1u << CALIBRATE | 1u << CLEAN,
         {0, "tasks", ARGS_LIST, &o.tasks, "TASK",
          "calibrate, clean: a task's name or definition; give it again for more. Default of "
          "calibrate: arc_challenge, xnli, gsm8k and mbpp.",
          0, 0}},
        {1u << CALIBRATE,
         {0, "split", ARGS_CHOICE, &o.split, "all|calibrate|profile|evaluate",
          "calibrate: which of a task's items. Default calibrate.", 0, 0}},
        {1u << CALIBRATE | 1u << CLEAN,
         {0, "data", ARGS_TEXT, &o.data, "DIR",
          "calibrate, clean: folder of the data (vkfi task --help), or own.", 0, 0}},
        {1u << CALIBRATE | 1u << PLAN | 1u << STRIKE,
         {'o', "output", ARGS_TEXT, &o.output, "FILE",
          "calibrate, plan: the file to write; strike: what --json prints.", 0, 0}},
        {1u << BENCH | 1u << STRIKE | 1u << PLAN | 1u << CLEAN,
         {0, "json", ARGS_FLAG, &o.json, NULL, "Prints JSON.", 0, 0}},
        {0}};
    memcpy(all + plan_options(all, &o), options, sizeof(options));
    const struct cli_actions actions = {"protect", ACTION, ACTIONS, all, &o};
    return run_action(&actions, env, argc, argv);
}
