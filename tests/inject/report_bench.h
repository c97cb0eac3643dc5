/* SPDX-License-Identifier: MIT */
/* Synthetic campaigns opened as reports, for tests. */
#ifndef VKFI_TESTS_REPORT_BENCH_H
#define VKFI_TESTS_REPORT_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inject/report/report_page.h"
#include "inject/report/report_source.h"
#include "report_fixture.h"

/* A campaign of that fixture, loaded. */
static inline void open_fixture(struct report_source *source, const struct report_fixture *fixture)
{
    unlink(fixture->path);
    assert_int_equal(report_fixture_make(fixture), STATUS_OK);
    assert_int_equal(report_source_open(source, fixture->path), STATUS_OK);
    assert_int_equal(report_source_load(source, UINT64_MAX), STATUS_OK);
}

static inline void open_page(struct report_source *source, struct report_page *page,
                             const struct report_fixture *fixture)
{
    open_fixture(source, fixture);
    assert_int_equal(
        report_page_init(page, &(struct report_params){.data = &source->data, .confidence = 0.95},
                         false),
        STATUS_OK);
}

static inline void close_source(struct report_source *source)
{
    char name[64];
    snprintf(name, sizeof(name), "%s", source->path);
    report_source_finish(source);
    unlink(name);
}

static inline void close_page(struct report_source *source, struct report_page *page)
{
    report_page_finish(page);
    close_source(source);
}

/* The picture with this id. */
static inline struct report_figure *find_figure(struct report_page *page, const char *id)
{
    for (int p = 0; p < REPORT_PICTURES; p++) {
        if (strcmp(page->figure[p].id, id) == 0)
            return &page->figure[p];
    }
    fail_msg("found no picture %s", id);
    return NULL;
}

static inline void assert_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance * fmax(fabs(expected), 1e-12)))
        fail_msg("found %.17g, expected %.17g", found, expected);
}

#endif
