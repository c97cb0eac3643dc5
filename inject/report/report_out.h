/* SPDX-License-Identifier: MIT */
/* A growing text that remembers the first failure, with the escapes of HTML, LaTeX, CSV and XML. */
#ifndef VKFI_INJECT_REPORT_OUT_H
#define VKFI_INJECT_REPORT_OUT_H

#include <stddef.h>

#include "base/status.h"
#include "base/text.h"

/* All zeros is empty. Once `status` is not STATUS_OK, all further text is dropped. */
struct report_out {
    struct text text; /* owned */
    enum status status;
};

void report_out_finish(struct report_out *out);

/* Null-terminated, "" while empty. */
const char *report_out_text(const struct report_out *out);

void report_out_put(struct report_out *out, const char *text);
void report_out_put_n(struct report_out *out, const char *text, size_t n);
__attribute__((format(printf, 2, 3))) void report_out_printf(struct report_out *out,
                                                             const char *fmt, ...);

/* & < > " ' as entities; control characters that XML forbids become U+FFFD. */
void report_out_html(struct report_out *out, const char *text);
void report_out_html_n(struct report_out *out, const char *text, size_t n);

/* The ten special characters of TeX. */
void report_out_latex(struct report_out *out, const char *text);

/* RFC 4180: in quotes if it holds a comma, quote or line end. */
void report_out_csv(struct report_out *out, const char *text);

/* Between the double quotes of a gnuplot string without enhanced text. */
void report_out_gnuplot(struct report_out *out, const char *text);

#endif
