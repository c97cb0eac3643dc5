/* SPDX-License-Identifier: MIT */
/* `vkfi merge`: joins the databases of a campaign's shards. */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "cli/cli.h"
#include "inject/store/store_merge.h"

struct merge_options {
    const char *out;
    bool complete, allow_suspect;
    struct args_list databases;
};

static enum status check(const struct merge_options *options)
{
    if (options->databases.count == 0) {
        log_error("found no database, expected those of a campaign's shards");
        return STATUS_USAGE;
    }
    if (!options->out) {
        log_error("found no -o, expected the database to write");
        return STATUS_USAGE;
    }
    return STATUS_OK;
}

static const char DETAILS[] =
    "DESCRIPTION\n"
    "Joins what `vkfi campaign run --shard i/n` wrote, on any machines, to the database "
    "that one process would have written: the same trials with the same records, "
    "strata, items, devices and incidents.\n"
    "\n"
    "Everything is checked before OUT is touched. All databases must be of one campaign "
    "(plan, model, shaders, contract, number of trials), each shard may come once, and a "
    "trial that several of them have must be equal in every field that does not depend "
    "on where it ran; the line of an error names the file, the trial and the field. "
    "Merged databases may be merged again, in any order. A merge that was stopped is "
    "finished by the same command, and done twice it adds nothing.\n"
    "\n"
    "Trials that no database has are counted, with the shards they are of.\n"
    "\n"
    "Of a trial that is suspect in one database and trusted in another the trusted row is "
    "taken, whatever the other one holds.\n"
    "\n"
    "EXIT CODES\n"
    "  0  done, also if trials are missing and --complete is not given\n"
    "  2  the databases do not agree, are damaged, or cannot be read or written\n"
    "\n"
    "EXAMPLES\n"
    "  srun -n 4 vkfi campaign run plan.json -o out.db\n"
    "  vkfi merge out.[0-9]*.db -o out.db --complete\n";

static enum status parse(struct merge_options *out, int argc, char **argv, bool *out_done)
{
    const struct args_option options[] = {
        {'o', "output", ARGS_TEXT, &out->out, "OUT",
         "The database to write. If it is there already, it must be a merged database of the same "
         "campaign; what it lacks is added.",
         0, 0},
        {0, "complete", ARGS_FLAG, &out->complete, NULL,
         "Missing trials are an error, and then nothing is written. Without it they are a warning.",
         0, 0},
        CLI_READING_SUSPECT(&out->allow_suspect),
        {0}};
    const struct args_spec spec = {.command = "vkfi merge",
                                   .summary = "join the databases of a campaign's shards",
                                   .synopsis = "DB... -o OUT [--complete] [--allow-suspect]",
                                   .details = DETAILS,
                                   .options = options,
                                   .operands = &out->databases};
    enum status st = args_parse(&spec, argc, argv, out_done);
    return st || *out_done ? st : check(out);
}

enum status cli_merge(const struct cli_env *env, int argc, char **argv)
{
    struct merge_options options = {0};
    struct store_merge_result result;
    bool done = false;
    (void)env;
    enum status st = parse(&options, argc, argv, &done);
    if (st || done)
        return st;
    const struct store_merge_params params = {.paths = options.databases.item,
                                              .n_paths = (uint32_t)options.databases.count,
                                              .out = options.out,
                                              .complete = options.complete,
                                              .allow_suspect = options.allow_suspect};
    st = store_merge(&params, &result);
    if (st)
        return st;
    printf("%s: %" PRIu64 " of %" PRIu64 " trials, %" PRIu64 " added", options.out, result.here,
           result.trials, result.added);
    if (result.overlap > 0)
        printf(", %" PRIu64 " equal in several databases", result.overlap);
    if (result.suspect > 0)
        printf(", %" PRIu64 " suspect", result.suspect);
    putchar('\n');
    return STATUS_OK;
}
