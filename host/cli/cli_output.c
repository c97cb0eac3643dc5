/* SPDX-License-Identifier: MIT */
/* Printing shared by the commands. */
#include "cli/cli_output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/fpenv.h"
#include "base/log.h"

enum status cli_output_flush(void)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return STATUS_OK;
    file_check_reader(stdout);
    log_error("standard output: cannot write: %s",
              errno ? strerror(errno) : "earlier write failed");
    return STATUS_IO;
}

enum status cli_output_tokens(struct text *out, const struct tokenizer *tk, const int32_t *ids,
                              size_t count)
{
    return detokenizer_answer(out, tk, ids, count);
}

void cli_output_quoted(const char *text)
{
    putchar('"');
    for (const char *c = text; *c; c++) {
        if (strncmp(c, TEXT_NUL, 2) == 0) {
            printf("\\x00");
            c++;
        } else if (*c == '\n' || *c == '\r' || *c == '\t') {
            printf("\\%c", *c == '\n' ? 'n' : *c == '\r' ? 'r' : 't');
        } else if (*c == '"' || *c == '\\') {
            printf("\\%c", *c);
        } else if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            printf("\\x%02x", (unsigned char)*c);
        } else {
            putchar(*c);
        }
    }
    putchar('"');
}

const char *cli_output_bytes(char out[32], double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (bytes >= 999.95 && unit + 1 < sizeof(units) / sizeof(*units)) {
        bytes /= 1000;
        unit++;
    }
    snprintf(out, 32, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return out;
}

const char *cli_output_float(char out[32], float value)
{
    snprintf(out, 32, "%.9g", fpenv_widen(value));
    return out;
}

void cli_output_ids(struct json_writer *w, const int32_t *ids, size_t count)
{
    json_array_open(w);
    for (size_t i = 0; i < count; i++)
        json_put_int(w, ids[i]);
    json_array_close(w);
}

void cli_output_measured(struct json_writer *w, const char *key, double value)
{
    json_put_key(w, key);
    if (value < 0)
        json_put_null(w);
    else
        json_put_number(w, value);
}
