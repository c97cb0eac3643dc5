/* SPDX-License-Identifier: MIT */
/* Layout of the --help page. */
#include "base/args.h"

#include <ctype.h>
#include <string.h>

#define HELP_COLUMNS 80
#define HELP_INDENT 4

/* Words of text[0..n) filled into lines; the first line starts after `column` printed columns. */
static void put_filled(FILE *out, const char *text, size_t n, int indent, int column)
{
    bool at_start = column <= indent;

    if (column < indent) {
        fprintf(out, "%*s", indent - column, "");
        column = indent;
    }
    for (size_t i = 0; i < n;) {
        size_t len = 0;
        while (i + len < n && !isspace((unsigned char)text[i + len]))
            len++;
        if (len > 0) {
            if (!at_start && column + 1 + (int)len > HELP_COLUMNS) {
                fprintf(out, "\n%*s", indent, "");
                column = indent;
                at_start = true;
            }
            fprintf(out, "%s%.*s", at_start ? "" : " ", (int)len, text + i);
            column += (int)len + !at_start;
            at_start = false;
        }
        i += len;
        while (i < n && isspace((unsigned char)text[i]))
            i++;
    }
    fputc('\n', out);
}

static void put_option(FILE *out, const struct args_option *o)
{
    char letter[8] = "";

    if (o->letter)
        snprintf(letter, sizeof(letter), "-%c, ", o->letter);
    fprintf(out, "%*s%s--%s", HELP_INDENT, "", letter, o->name);
    if (o->type == ARGS_CHOICE)
        fprintf(out, " %s", o->metavar);
    else if (o->type != ARGS_FLAG)
        fprintf(out, " %s%s", o->metavar, o->type == ARGS_LIST ? " (may be repeated)" : "");
    fputc('\n', out);
    put_filled(out, o->help, strlen(o->help), 2 * HELP_INDENT, 0);
    fputc('\n', out);
}

/* The command and its synopsis; every further line of the synopsis is another form. */
static void put_synopsis(FILE *out, const struct args_spec *spec)
{
    const char *line = spec->synopsis;

    for (;;) {
        const size_t len = strcspn(line, "\n");
        const int column = fprintf(out, "%*s%s ", HELP_INDENT, "", spec->command);
        put_filled(out, line, len, column, column);
        if (line[len] == '\0')
            break;
        line += len + 1;
    }
    fputc('\n', out);
}

static bool is_heading(const char *line, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isupper((unsigned char)line[i]) && line[i] != ' ')
            return false;
    }
    return n > 0 && line[0] != ' ';
}

/* Bytes of the paragraph at `text`: lines up to an empty one, a heading or an indented one. */
static size_t paragraph_length(const char *text)
{
    size_t n = 0;

    while (text[n]) {
        const size_t len = strcspn(text + n, "\n");
        if (n > 0 && (len == 0 || text[n] == ' ' || is_heading(text + n, len)))
            break;
        n += len + (text[n + len] == '\n');
    }
    return n;
}

static void put_details(FILE *out, const char *text)
{
    const size_t first = strcspn(text, "\n");

    if (!is_heading(text, first))
        fputs("DESCRIPTION\n", out);
    while (*text) {
        const size_t len = strcspn(text, "\n");
        if (len == 0) {
            fputc('\n', out);
            text++;
        } else if (is_heading(text, len) || text[0] == ' ') {
            fprintf(out, "%*s%.*s\n", text[0] == ' ' ? HELP_INDENT : 0, "", (int)len, text);
            text += len + (text[len] == '\n');
        } else {
            const size_t n = paragraph_length(text);
            put_filled(out, text, n, HELP_INDENT, 0);
            text += n;
        }
    }
}

void args_help_print(const struct args_spec *spec, FILE *out)
{
    static const struct args_option help = {
        .letter = 'h', .name = "help", .type = ARGS_FLAG, .help = "Prints this page."};

    fputs("NAME\n", out);
    const int column = fprintf(out, "%*s%s -", HELP_INDENT, "", spec->command);
    put_filled(out, spec->summary, strlen(spec->summary), 2 * HELP_INDENT, column);
    fputs("\nSYNOPSIS\n", out);
    put_synopsis(out, spec);
    fputs("OPTIONS\n", out);
    for (const struct args_option *o = spec->options; o->name; o++)
        put_option(out, o);
    put_option(out, &help);
    if (spec->details)
        put_details(out, spec->details);
}
