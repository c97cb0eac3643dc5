/* SPDX-License-Identifier: MIT */
/* Models by name: the manifest models.json, the cache folder, and opening by path or name. */
#ifndef VKFI_CLI_MANIFEST_H
#define VKFI_CLI_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "cli/cli.h"
#include "model/model.h"

/* Whether the cached file is the manifest's, by its stamp. */
enum cli_verified {
    CLI_VERIFIED_ABSENT,     /* no regular file */
    CLI_VERIFIED_WRONG_SIZE, /* a file that cannot be the right one */
    CLI_VERIFIED_UNKNOWN,    /* of the right size; no stamp has this size, time and sha256 */
    CLI_VERIFIED_STAMPED     /* read whole and right since it was last written */
};

struct cli_manifest_entry {
    const char *name;           /* "smollm2-135m" */
    const struct json *aliases; /* list of texts */
    const char *about;          /* one line */
    const char *architecture, *licence, *sha256;
    uint64_t size;           /* bytes */
    char *path;              /* in the cache folder */
    enum cli_verified state; /* of this file, without reading it */
};

struct cli_manifest {
    struct json_doc *doc; /* owned */
    struct arena arena;
    struct cli_manifest_entry *entry; /* (count) */
    size_t count;
};

/* STATUS_INPUT if the file is not as expected, or if no folder for a cache is known. */
enum status cli_manifest_load(struct cli_manifest *out, const struct cli_env *env) STATUS_MUST_USE;
void cli_manifest_finish(struct cli_manifest *manifest);

/* The cache folder for `what`: "models", "tasks". STATUS_INPUT if none is known. */
enum status cli_manifest_cache(char **out, struct arena *arena, const struct cli_env *env,
                               const char *what) STATUS_MUST_USE;

/* By name or alias; null, logged, if the manifest has no such model. */
const struct cli_manifest_entry *cli_manifest_find(const struct cli_manifest *manifest,
                                                   const char *name);

/* The manifest's text about the file with this SHA-256, up to a semicolon, from `arena`; null
 * without a manifest or such a file: nothing depends on it. */
enum status cli_manifest_about(const char **out, struct arena *arena, const struct cli_env *env,
                               const char *sha256) STATUS_MUST_USE;

/* STATUS_USAGE if the command line names no model (null). */
enum status cli_manifest_check(const char *model) STATUS_MUST_USE;

/* Path of a model given as path or name; a named file must be cached (else STATUS_INPUT, with the
 * command that fetches it) and be the manifest's by the stamp beside it, else by its sha256. A text
 * is a path if it has a '/' or ends in ".gguf". */
enum status cli_manifest_path(char **out, struct arena *arena, const struct cli_env *env,
                              const char *text) STATUS_MUST_USE;

/* The same, opened. */
enum status cli_manifest_open(struct model **out, const struct cli_env *env,
                              const char *text) STATUS_MUST_USE;

#endif
