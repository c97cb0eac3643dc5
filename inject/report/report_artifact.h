/* SPDX-License-Identifier: MIT */
/* The archive for a paper: plan, schemas, database, exports, tables, hashes, the command. */
#ifndef VKFI_INJECT_REPORT_ARTIFACT_H
#define VKFI_INJECT_REPORT_ARTIFACT_H

#include "inject/report/report_page.h"
#include "inject/report/report_source.h"

struct report_artifact_params {
    const char *database, *out; /* suspect rows, if any, are included with their mark */
    const char *plan_schema;    /* path of plan.schema.json; omitted if there is no such file */
    struct report_page *page;   /* of that database */
};

/* A file of the archive, or the archive itself. */
struct report_artifact_file {
    const char *name;
    uint64_t size; /* bytes */
    char sha256[HASH_SHA256_TEXT];
};

struct report_artifact_list {
    struct report_artifact_file archive, *file; /* (n_files) in the order of the archive */
    uint32_t n_files;
};

/* The same bytes for the same database. Files are gathered in a temporary folder beside `out`.
 * `out`: what was packed, in `arena`. */
enum status report_artifact_write(struct report_artifact_list *out, struct arena *arena,
                                  const struct report_artifact_params *params) STATUS_MUST_USE;

#endif
