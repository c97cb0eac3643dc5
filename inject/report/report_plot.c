/* SPDX-License-Identifier: MIT */
/* The child process, and the rewriting of its SVG. */
#include "inject/report/report_plot.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "inject/report/report_out.h"

/* Colours of scripts: name of the variable, light (as scripts have it), dark. */
static const struct theme {
    const char *name, *light, *dark;
} THEME[] = {
    {"ink", REPORT_INK, "#e6e8eb"},    {"grey", REPORT_GREY, "#9aa4b2"},
    {"grid", REPORT_GRID, "#39424e"},  {"a", REPORT_A, "#5cb8ee"},
    {"b", REPORT_B, "#ff9a56"},        {"c", REPORT_C, "#3fd0a4"},
    {"d", REPORT_D, "#e0a0d0"},        {"s1", REPORT_SHADE_1, "#1e2a39"},
    {"s2", REPORT_SHADE_2, "#352b1d"}, {"s3", REPORT_SHADE_3, "#1d3026"},
    {"on", REPORT_ON_DARK, "#08121c"}, {"h0", "#f2f6fb", "#1a2530"},
    {"h1", "#d3e2f2", "#1e3b57"},      {"h2", "#a6c8e6", "#28587f"},
    {"h3", "#6aa5d5", "#3f80b3"},      {"h4", "#2f74b0", "#84bce6"},
    {"h5", "#0b4070", "#cbe5f8"},
};
#define THEME_COUNT (sizeof(THEME) / sizeof(*THEME))

extern char **environ;

static enum status say_io(const char *what)
{
    log_error("gnuplot: %s: %s", what, strerror(errno));
    return STATUS_IO;
}

/* The child reads `script` and writes `svg` and `messages`. */
static enum status run_child(FILE *script, FILE *svg, FILE *messages, int *out_code)
{
    char program[] = "gnuplot";
    char *argv[] = {program, NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    int code = posix_spawn_file_actions_init(&actions);
    if (!code)
        code = posix_spawn_file_actions_adddup2(&actions, fileno(script), STDIN_FILENO);
    if (!code)
        code = posix_spawn_file_actions_adddup2(&actions, fileno(svg), STDOUT_FILENO);
    if (!code)
        code = posix_spawn_file_actions_adddup2(&actions, fileno(messages), STDERR_FILENO);
    if (!code)
        code = posix_spawnp(&child, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (code == ENOENT) {
        log_error("found no program gnuplot, expected it in PATH to draw the pictures "
                  "(Debian: apt-get install gnuplot-nox)");
        return STATUS_INPUT;
    }
    errno = code;
    if (code)
        return say_io("could not be started");
    while (waitpid(child, out_code, 0) < 0) {
        if (errno != EINTR)
            return say_io("could not be waited for");
    }
    return STATUS_OK;
}

static enum status read_back(FILE *file, struct text *out)
{
    char block[1 << 16];
    size_t n;
    rewind(file);
    while ((n = fread(block, 1, sizeof(block), file)) > 0)
        text_add(out, block, n);
    return ferror(file) ? say_io("its output could not be read") : out->st;
}

/* gnuplot writes "line 46: warning: ..." and goes on: the picture is valid. */
static bool is_warnings(const char *messages)
{
    while (*messages) {
        const size_t n = strcspn(messages, "\n");
        const char *found = strstr(messages, "arning");
        const size_t blank = strspn(messages, " \t");
        if (blank < n && (!found || found > messages + n))
            return false;
        messages += n + (messages[n] == '\n');
    }
    return true;
}

static enum status check_child(const struct report_figure *figure, int code, FILE *messages)
{
    struct text text = {0};
    enum status st = read_back(messages, &text);
    const bool is_svg = strstr(text_of(&figure->svg), "</svg>") != NULL;
    if (!st &&
        (!WIFEXITED(code) || WEXITSTATUS(code) != 0 || !is_svg || !is_warnings(text_of(&text)))) {
        const char *message = text_of(&text);
        message += strspn(message, "\n ");
        const char *colon = strstr(message, "line ");
        message = colon ? colon : message;
        log_error("figure %s: gnuplot ended with status %d: %.*s", figure->id, code,
                  (int)strcspn(message, "\n"), message);
        st = STATUS_INTERNAL;
    }
    text_finish(&text);
    return st;
}

enum status report_plot_draw(struct report_figure *figure)
{
    int code = 0;
    FILE *script = tmpfile(), *svg = tmpfile(), *messages = tmpfile();
    enum status st = figure->script.st;
    if (!st && (!script || !svg || !messages))
        st = say_io("no temporary file");
    if (!st &&
        (fwrite(figure->script.data, 1, figure->script.size, script) != figure->script.size ||
         fflush(script) != 0 || fseek(script, 0, SEEK_SET) != 0))
        st = say_io("its script could not be written");
    if (!st)
        st = run_child(script, svg, messages, &code);
    if (!st)
        st = read_back(svg, &figure->svg);
    if (!st)
        st = check_child(figure, code, messages);
    if (script)
        fclose(script);
    if (svg)
        fclose(svg);
    if (messages)
        fclose(messages);
    return st;
}

/* "rgb( 0, 114, 178)" at `at`: its length, and the colour's variable; 0: no colour. */
static size_t theme_at(const char *at, const struct theme **out)
{
    unsigned r, g, b;
    int used = 0;
    char hex[8];
    if (strncmp(at, "rgb(", 4) != 0 ||
        sscanf(at, "rgb( %u , %u , %u )%n", &r, &g, &b, &used) != 3 || used == 0)
        return 0;
    snprintf(hex, sizeof(hex), "#%02x%02x%02x", r & 255, g & 255, b & 255);
    *out = NULL;
    for (size_t i = 0; i < THEME_COUNT; i++) {
        if (strcmp(THEME[i].light, hex) == 0)
            *out = &THEME[i];
    }
    return *out ? (size_t)used : 0;
}

static bool skip_word(const char **at, const char *word)
{
    const size_t n = strlen(word);
    if (strncmp(*at, word, n) != 0)
        return false;
    *at += n;
    return true;
}

/* "<g ...>\n</g>\n" and the like, which gnuplot leaves at each change of style. */
static size_t empty_group(const char *at)
{
    if (strncmp(at, "<g ", 3) != 0)
        return 0;
    const char *end = strchr(at, '>');
    if (!end)
        return 0;
    end++;
    end += strspn(end, "\n\t ");
    return strncmp(end, "</g>", 4) == 0 ? (size_t)(end + 4 - at) + strspn(end + 4, "\n") : 0;
}

static const char *after_shapes(const char *svg)
{
    const char *at = strstr(svg, "</defs>");
    return at ? at + strlen("</defs>") : svg;
}

static const char *put_inline(struct text *out, const struct report_figure *figure, const char *at)
{
    const struct theme *theme = NULL;
    const size_t empty = empty_group(at), colour = theme_at(at, &theme);
    if (empty)
        return at + empty;
    if (colour) {
        if (theme == THEME)
            text_put(out, "currentColor");
        else
            text_addf(out, "var(--%s)", theme->name);
        return at + colour;
    }
    if (skip_word(&at, "\"black\""))
        text_put(out, "\"currentColor\"");
    else if (skip_word(&at, "gpPat"))
        text_addf(out, "%s-pat", figure->id);
    else if (skip_word(&at, " font-family=\"sans-serif\" "))
        text_put(out, " ");
    else if (strncmp(at, "<title>", 7) == 0 && strstr(at, "</title>"))
        return strstr(at, "</title>") +
               strlen("</title>"); /* tool tips that name plots by number */
    else
        text_add(out, at++, 1);
    return at;
}

void report_plot_inline(struct text *out, const struct report_figure *figure)
{
    const char *at = after_shapes(text_of(&figure->svg));
    text_addf(out, "<svg viewBox=\"0 0 %u %u\" role=\"img\" aria-label=\"", figure->width,
              figure->height);
    report_out_html(out, figure->title);
    text_put(out, "\">\n<g>");
    while (*at)
        at = put_inline(out, figure, at);
}

void report_plot_shapes(struct text *out, const struct report_figure *figure)
{
    const char *svg = text_of(&figure->svg);
    const char *from = strstr(svg, "<defs>"), *to = strstr(svg, "<filter id='textbox'");
    if (!from || !to || to < from)
        return;
    text_put(out, "<svg class=\"shapes\" width=\"0\" height=\"0\" aria-hidden=\"true\">");
    text_add(out, from, (size_t)(to - from));
    text_put(out, "</defs></svg>\n");
}

void report_plot_colours(struct text *out)
{
    text_put(out, ":root{");
    for (size_t i = 0; i < THEME_COUNT; i++)
        text_addf(out, "--%s:%s;", THEME[i].name, THEME[i].light);
    text_put(out, "}\n@media screen and (prefers-color-scheme:dark){:root{");
    for (size_t i = 0; i < THEME_COUNT; i++)
        text_addf(out, "--%s:%s;", THEME[i].name, THEME[i].dark);
    text_put(out, "}}\n");
}
