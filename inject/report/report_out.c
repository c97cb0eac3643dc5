/* SPDX-License-Identifier: MIT */
/* Escapes of HTML, XML, LaTeX, CSV and gnuplot. */
#include "inject/report/report_out.h"

#include <stdbool.h>
#include <string.h>

/* Printable forms of control characters: U+2400 and up. */
static const char PICTURES[][4] = {"␀", "␁", "␂", "␃", "␄", "␅", "␆", "␇", "␈", "␉", "␊", "␋",
                                   "␌", "␍", "␎", "␏", "␐", "␑", "␒", "␓", "␔", "␕", "␖", "␗",
                                   "␘", "␙", "␚", "␛", "␜", "␝", "␞", "␟", "␠", "␡"};
#define PICTURE_DEL 33

/* The escape of a byte; null: itself. */
typedef const char *escape_of(unsigned char byte);

static void put_escaped(struct text *out, const char *text, size_t n, escape_of *escape)
{
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        const bool nul = n - i >= 2 && memcmp(text + i, TEXT_NUL, 2) == 0;
        const char *instead = nul ? PICTURES[0] : escape((unsigned char)text[i]);
        if (!instead)
            continue;
        text_add(out, text + from, i - from);
        text_put(out, instead);
        i += nul;
        from = i + 1;
    }
    text_add(out, text + from, n - from);
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

void report_out_html_n(struct text *out, const char *text, size_t n)
{
    put_escaped(out, text, n, html_escape);
}

void report_out_html(struct text *out, const char *text)
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

void report_out_latex(struct text *out, const char *text)
{
    put_escaped(out, text, strlen(text), latex_escape);
}

static const char *csv_escape(unsigned char byte)
{
    return byte == '"' ? "\"\"" : NULL;
}

void report_out_csv(struct text *out, const char *text)
{
    const size_t n = strlen(text);
    if (strcspn(text, "\",\r\n") == n) {
        text_put(out, text);
        return;
    }
    text_put(out, "\"");
    put_escaped(out, text, n, csv_escape);
    text_put(out, "\"");
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

void report_out_gnuplot(struct text *out, const char *text)
{
    put_escaped(out, text, strlen(text), gnuplot_escape);
}
