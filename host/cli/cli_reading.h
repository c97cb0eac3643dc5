/* SPDX-License-Identifier: MIT */
/* What commands that read databases have in common. */
#ifndef VKFI_CLI_READING_H
#define VKFI_CLI_READING_H

#include "base/args.h"
#include "base/status.h"
#include "inject/report/report_source.h"

/* Between `least` and `most` operands; STATUS_USAGE, logged, otherwise. */
enum status cli_reading_check(const struct args_list *databases, size_t least,
                              size_t most) STATUS_MUST_USE;

/* The option of all of them for suspect rows; `flag`: bool. */
#define CLI_READING_SUSPECT(flag)                                                                  \
    {                                                                                              \
        0, "allow-suspect", ARGS_FLAG, flag, NULL,                                                 \
            "Goes on with a database that has suspect rows (a control failed behind them): rates " \
            "leave them out, copies keep their mark. Without it such a database is refused.",      \
            0, 0                                                                                   \
    }

/* Opens a database and loads all of it; suspect rows are refused unless they are allowed. */
enum status cli_reading_open(struct report_source *out, const char *path,
                             bool allow_suspect) STATUS_MUST_USE;

#endif
