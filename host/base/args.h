/* SPDX-License-Identifier: MIT */
/* Command lines: one table per command gives parsing, checking and --help. */
#ifndef VKFI_BASE_ARGS_H
#define VKFI_BASE_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

enum args_type { ARGS_FLAG, ARGS_TEXT, ARGS_UINT, ARGS_REAL, ARGS_CHOICE, ARGS_LIST };

#define ARGS_LIST_MAX 1024
#define ARGS_OPTIONS_MAX 64 /* of one command */

struct args_list {
    size_t count;
    const char *item[ARGS_LIST_MAX];
};

/* One option. `target` points to bool, const char *, uint64_t, double, int (index of the choice) or
 * struct args_list by type; it holds the default before parsing. A list gets one item each time the
 * option is given; commas stay in the item. */
struct args_option {
    char letter;      /* 0: long form only */
    const char *name; /* without dashes */
    enum args_type type;
    void *target;
    const char *metavar; /* "MODEL"; for ARGS_CHOICE the choices: "f32|f16|bf16" */
    const char *help;    /* may hold several sentences; default included by hand */
    double min, max;     /* for UINT and REAL; max 0: no upper bound; both 0: none at all */
};

struct args_spec {
    const char *command;  /* "vkfi run" */
    const char *summary;  /* one line */
    const char *synopsis; /* "-m MODEL (-p TEXT | ...) [options]"; a further line is another form */
    const char *details; /* after the options: output, exit codes, examples; or null. Paragraphs are
                            filled, lines that begin with a space are kept, a line of capitals is a
                            heading ("DESCRIPTION" is put before a text without one) */
    const struct args_option *options; /* ends with name == null */
    struct args_list *operands;        /* null: no operands allowed */
    bool *given; /* (ARGS_OPTIONS_MAX) out: which of `options` were given; or null */
};

/* Reads argv[1..]. --help prints the page on standard output and sets *out_done (the caller returns
 * STATUS_OK). Errors name the word, what is wrong and the nearest option; STATUS_USAGE. */
enum status args_parse(const struct args_spec *spec, int argc, char **argv,
                       bool *out_done) STATUS_MUST_USE;

/* Closest word to `text` within edit distance 2, or null: for "did you mean". */
const char *args_nearest(const char *text, const char *const *words, size_t count);

/* "; did you mean 'word'?" after a message, or "" if no word is near. Returns `out`. */
#define ARGS_SUGGESTION 128
const char *args_suggest(char out[ARGS_SUGGESTION], const char *text, const char *const *words,
                         size_t count);

/* NAME, SYNOPSIS, OPTIONS and the details, in 80 columns. */
void args_help_print(const struct args_spec *spec, FILE *out);

#endif
