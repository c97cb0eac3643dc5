/* SPDX-License-Identifier: MIT */
/* Widths of letters by classes; lines are filled greedily. */
#include "inject/report/report_label.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "inject/report/report_out.h"

#define LABEL_LINE 256 /* bytes; no label's line is longer */

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* In units of the letters' size, rounded up. */
static double letter_width(char c)
{
    if (is_continuation(c))
        return 0;
    if ((unsigned char)c >= 0x80)
        return 1; /* as wide as an ideograph's square */
    if (strchr("ijl' ", c))
        return 0.32;
    if (strchr(".,:;|I()[]-/\\fr!t", c))
        return 0.42;
    if (strchr("mW@%", c))
        return 1;
    if (strchr("Mw&+=<>~^#", c))
        return 0.87;
    return c >= 'A' && c <= 'Z' ? 0.79 : 0.64;
}

double report_label_width(const char *text, size_t n, double size)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += letter_width(text[i]);
    return sum * size;
}

/* Bytes of the longest prefix that fits, at least a letter. */
static size_t fitting(const char *text, double width, double size)
{
    size_t n = 0;
    while (text[n]) {
        size_t next = n + 1;
        while (is_continuation(text[next]))
            next++;
        if (n > 0 && (next >= LABEL_LINE || report_label_width(text, next, size) > width))
            break;
        n = next;
    }
    return n;
}

/* Bytes of the first line: as many whole parts as fit. */
static size_t line_of(const char *text, double width, double size)
{
    const size_t fits = fitting(text, width, size);
    if (!text[fits])
        return fits;
    for (size_t n = fits; n > 1; n--) {
        if (text[n - 2] == ',' && text[n - 1] == ' ')
            return n;
    }
    return text[fits] == ' ' && text[fits - 1] == ',' ? fits + 1 : fits;
}

static uint32_t count_lines(const char *text, double width, double size)
{
    uint32_t lines = 0;
    do {
        text += line_of(text, width, size);
        lines++;
    } while (*text);
    return lines;
}

/* Width of the widest part between commas. */
static double widest_part(const char *text, double size)
{
    double most = 0;
    for (const char *end; *text; text = end) {
        end = strstr(text, ", ");
        end = end ? end + 2 : text + strlen(text);
        most = fmax(most, report_label_width(text, (size_t)(end - text), size));
    }
    return most;
}

struct report_label report_label_put(struct text *out, const char *text, double width, double size)
{
    struct report_label label = {count_lines(text, width, size), 0};
    const double least = widest_part(text, size);
    while (label.lines > 1 && 0.95 * width >= least &&
           count_lines(text, 0.95 * width, size) == label.lines)
        width *= 0.95;
    text_put(out, "\"");
    for (uint32_t i = 0; i < label.lines; i++) {
        char line[LABEL_LINE + 8];
        const size_t n = line_of(text, width, size);
        const size_t shown = n > 0 && text[n] && text[n - 1] == ' ' ? n - 1 : n;
        label.width = fmax(label.width, report_label_width(text, shown, size));
        snprintf(line, sizeof(line), "%.*s", (int)shown, text);
        text_put(out, i ? "\\n" : "");
        report_out_gnuplot(out, line);
        text += n;
    }
    text_put(out, "\" ");
    return label;
}
