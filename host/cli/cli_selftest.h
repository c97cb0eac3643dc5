/* SPDX-License-Identifier: MIT */
/* Shared by the files of `vkfi selftest`: its parts, each in a process of its own, what they found,
 * and the bundle. */
#ifndef VKFI_CLI_SELFTEST_H
#define VKFI_CLI_SELFTEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/text.h"
#include "cli/cli.h"

struct cli_selftest_options {
    const char *device, *bundle; /* bundle null: none */
    uint64_t faults, rounds, threads;
    bool json, no_speed;
};

/* One part. `write` runs in the child and writes an object; a part that fails has no object. */
struct cli_selftest_part {
    const char *name; /* "llama, act f16" */
    enum status (*write)(struct json_writer *w, const struct cli_selftest_part *part);
    const struct cli_selftest_options *options;
    const struct cli_env *env;
    uint32_t run; /* of the exactness parts: which */

    /* Known once it has run. */
    bool done;            /* the part was tried */
    enum status st;       /* the child's; STATUS_DEVICE if it died */
    struct json_doc *doc; /* owned; the object, null if it failed */
    const char *error;    /* why there is none, without paths */
    bool logged;          /* by the child */
};

#define CLI_SELFTEST_RUNS 4
#define CLI_SELFTEST_PARTS (CLI_SELFTEST_RUNS + 3)
#define CLI_SELFTEST_DEVICE 0 /* indices of parts */
#define CLI_SELFTEST_PROBE 1
#define CLI_SELFTEST_EXACT 2 /* the first of CLI_SELFTEST_RUNS */
#define CLI_SELFTEST_SPEED_PART (CLI_SELFTEST_PARTS - 1)

enum cli_selftest_verdict {
    CLI_SELFTEST_PASSED,
    CLI_SELFTEST_REFUSED, /* by the probe */
    CLI_SELFTEST_DIFFERS, /* admitted, but other bits */
    CLI_SELFTEST_FAILED,  /* some part ended early */
};

struct cli_selftest {
    struct cli_selftest_options options;
    const struct cli_env *env;
    struct arena arena;
    struct cli_selftest_part part[CLI_SELFTEST_PARTS];
    enum cli_selftest_verdict verdict;
    struct text line; /* the verdict in words */
};

/* Fills the parts. */
void cli_selftest_parts(struct cli_selftest *test);

/* Runs one in a child process, which is killed if it says nothing for too long. */
enum status cli_selftest_part_run(struct cli_selftest *test,
                                  struct cli_selftest_part *part) STATUS_MUST_USE;

/* The object of the bundle, from what the parts found. */
void cli_selftest_put(struct json_writer *w, const struct cli_selftest *test);

/* Writes the archive to options.bundle, whole or not at all. */
enum status cli_selftest_bundle(struct cli_selftest *test) STATUS_MUST_USE;

#endif
