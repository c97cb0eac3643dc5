/* SPDX-License-Identifier: MIT */
/* Appends, and keeps the first failure. */
#include "inject/report/report_out.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define OUT_SHORT 512

void report_out_finish(struct report_out *out)
{
    text_finish(&out->text);
    *out = (struct report_out){0};
}

const char *report_out_text(const struct report_out *out)
{
    return out->text.data ? out->text.data : "";
}

void report_out_put_n(struct report_out *out, const char *text, size_t n)
{
    if (!out->status && n > 0)
        out->status = text_add(&out->text, text, n);
}

void report_out_put(struct report_out *out, const char *text)
{
    report_out_put_n(out, text, strlen(text));
}

void report_out_printf(struct report_out *out, const char *fmt, ...)
{
    char small[OUT_SHORT];
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int size = vsnprintf(small, sizeof(small), fmt, args);
    if (size >= 0 && size < (int)sizeof(small)) {
        report_out_put_n(out, small, (size_t)size);
    } else if (size >= 0 && !out->status) {
        char *large = malloc((size_t)size + 1);
        if (large) {
            vsnprintf(large, (size_t)size + 1, fmt, again);
            report_out_put_n(out, large, (size_t)size);
        } else {
            log_error("report: found no memory for a text of %d bytes", size);
            out->status = STATUS_MEMORY;
        }
        free(large);
    }
    va_end(again);
    va_end(args);
}

/* Printable forms of control characters: U+2400 and up. */
static const char PICTURES[][4] = {"␀", "␁", "␂", "␃", "␄", "␅", "␆", "␇", "␈", "␉", "␊", "␋",
                                   "␌", "␍", "␎", "␏", "␐", "␑", "␒", "␓", "␔", "␕", "␖", "␗",
                                   "␘", "␙", "␚", "␛", "␜", "␝", "␞", "␟", "␠", "␡"};
#define PICTURE_DEL 33

/* The escape of a byte; null: itself. */
typedef const char *escape_of(unsigned char byte);

static void put_escaped(struct report_out *out, const char *text, size_t n, escape_of *escape)
{
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        const bool nul = n - i >= 2 && memcmp(text + i, TEXT_NUL, 2) == 0;
        const char *instead = nul ? PICTURES[0] : escape((unsigned char)text[i]);
        if (!instead)
            continue;
        report_out_put_n(out, text + from, i - from);
        report_out_put(out, instead);
        i += nul;
        from = i + 1;
    }
    report_out_put_n(out, text + from, n - from);
}

static const char *html_escape(unsigned char byte)
{
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\t':
    case '\n':
    case '\r':
        return NULL;
    default:
        return byte < 0x20 ? PICTURES[byte] : byte == 0x7f ? PICTURES[PICTURE_DEL] : NULL;
    }
}

void report_out_html_n(struct report_out *out, const char *text, size_t n)
{
    put_escaped(out, text, n, html_escape);
}

void report_out_html(struct report_out *out, const char *text)
{
    report_out_html_n(out, text, strlen(text));
}

static const char *latex_escape(unsigned char byte)
{
    switch (byte) {
    case '\\':
        return "\\textbackslash{}";
    case '^':
        return "\\textasciicircum{}";
    case '~':
        return "\\textasciitilde{}";
    case '&':
        return "\\&";
    case '%':
        return "\\%";
    case '$':
        return "\\$";
    case '#':
        return "\\#";
    case '_':
        return "\\_";
    case '{':
        return "\\{";
    case '}':
        return "\\}";
    case '<':
        return "$<$";
    case '>':
        return "$>$";
    case '|':
        return "$|$";
    default:
        return NULL;
    }
}

void report_out_latex(struct report_out *out, const char *text)
{
    put_escaped(out, text, strlen(text), latex_escape);
}

static const char *csv_escape(unsigned char byte)
{
    return byte == '"' ? "\"\"" : NULL;
}

void report_out_csv(struct report_out *out, const char *text)
{
    const size_t n = strlen(text);
    if (strcspn(text, "\",\r\n") == n) {
        report_out_put(out, text);
        return;
    }
    report_out_put(out, "\"");
    put_escaped(out, text, n, csv_escape);
    report_out_put(out, "\"");
}

static const char *gnuplot_escape(unsigned char byte)
{
    switch (byte) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    default:
        return byte < 0x20 ? " " : NULL;
    }
}

void report_out_gnuplot(struct report_out *out, const char *text)
{
    put_escaped(out, text, strlen(text), gnuplot_escape);
}
