/* SPDX-License-Identifier: MIT */
/* Items of code in campaigns: texts are programs that run in sandboxes, each text once; without
 * bubblewrap nothing runs. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include <math.h>
#include <sys/stat.h>

#include "campaign_bench.h"

#include "inject/campaign/campaign_score.h"
#include "inject/space/kinds.h"
#include "inject/trial/outcome.h"
#include "tasks/code_run.h"

/* Of both functions the model writes the body. */
#define PLAN_WITH(members, rest)                                                                   \
    "{\"model\":\"tiny\",\"items\":{" members "\"list\":["                                         \
    "{\"task\":\"one\",\"kind\":\"code\",\"prompt\":\"def one():\\n    'One.'\\n\",\"prefix\":"    \
    "\"def one():\\n    'One.'\\n\",\"entry_point\":\"one\",\"test\":"                             \
    "\"def check(f):\\n    assert f() == 1\\n\",\"n\":8,\"format\":\"plain\"},"                    \
    "{\"task\":\"next\",\"kind\":\"code\",\"prompt\":\"def next_of(n):\\n    "                     \
    "'More.'\\n\",\"prefix\":"                                                                     \
    "\"def next_of(n):\\n    'More.'\\n\",\"entry_point\":\"next_of\",\"test\":"                   \
    "\"def check(f):\\n    assert f(3) == 4\\n    assert f(-1) == 0\\n\",\"n\":6,"                 \
    "\"format\":\"plain\"}]},"                                                                     \
    "\"population\":\"ops\",\"where\":{\"point\":\"out\"},\"what\":{\"kind\":\"flip\",\"bits\":"   \
    "[30]},\"seed\":5,\"sampling\":{\"trials\":60}" rest "}"
static const char PLAN[] = PLAN_WITH("", "");
static const char SAMPLES[] = PLAN_WITH("\"samples\":3,", ",\"decoding\":{\"temp\":0.5}");
#define RIGHT "    return n + 1\n"
#define WRONG "    return n + 2\n"

/* A folder in front of PATH whose bwrap notes each start and is the real one. */
static struct {
    char folder[32], program[64], log[64], *path;
} noted = {.folder = "/tmp/vkfi-noted-XXXXXX"};

static void put_bwrap(void)
{
    assert_non_null(mkdtemp(noted.folder));
    assert_int_equal(chmod(noted.folder, 0755), 0);
    snprintf(noted.program, sizeof(noted.program), "%s/bwrap", noted.folder);
    snprintf(noted.log, sizeof(noted.log), "%s/log", noted.folder);
    FILE *file = fopen(noted.log, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(chmod(noted.log, 0666), 0);
    file = fopen(noted.program, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\necho start >>%s\nPATH=${PATH#%s:}\nexec bwrap \"$@\"\n", noted.log,
            noted.folder);
    fclose(file);
    assert_int_equal(chmod(noted.program, 0755), 0);
}

static uint32_t starts(void)
{
    uint32_t n = 0;
    FILE *file = fopen(noted.log, "r");
    assert_non_null(file);
    for (int c = fgetc(file); c != EOF; c = fgetc(file))
        n += c == '\n';
    fclose(file);
    return n;
}

static int setup(void **state)
{
    char more[4096];
    (void)state;
    noted.path = strdup(getenv("PATH"));
    put_bwrap();
    snprintf(more, sizeof(more), "%s:%s", noted.folder, noted.path);
    setenv("PATH", more, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    setenv("PATH", noted.path, 1);
    unlink(noted.program);
    unlink(noted.log);
    rmdir(noted.folder);
    free(noted.path);
    return 0;
}

/* A faulty text of the second item, whose golden text is `golden`. */
static const char *outcome_after(struct campaign_score *score, const char *golden,
                                 const char *faulty)
{
    struct arena arena = {0};
    struct store_item item = {.id = 1, .text = golden};
    struct trial_row row = {.outcome = kinds_text(KINDS_OUTCOME, OUTCOME_SDC_UNSCORED),
                            .faulty_text = faulty};
    assert_int_equal(campaign_score_item(score, &arena, &item), STATUS_OK);
    assert_int_equal(campaign_score_row(score, &arena, &row, &item), STATUS_OK);
    assert_true(row.score_golden == item.score);
    arena_finish(&arena);
    return row.outcome;
}

static void test_programs(void **state)
{
    static const struct {
        const char *text;
        bool passes;
    } rows[] = {{RIGHT, true},
                {WRONG, false},
                {"    return 1 + n\n\nprint(next_of(1))\n", true},
                {"Here it is:\n```python\ndef next_of(n):\n    return n + 1\n```\n", true},
                {"```python\ndef other(n):\n    return n + 1\n```", false},
                {"    return n +\n", false},
                {"    import os\n    os._exit(0)\n", false},
                {"    raise SystemExit(0)\n", false},
                {"", false}};
    struct arena arena = {0};
    struct campaign_score *score;
    struct bench *b = bench_begin_plan(PLAN);
    (void)state;
    assert_int_equal(campaign_score_create(&score, &b->plan), STATUS_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct store_item item = {.id = 1, .text = rows[i].text};
        assert_int_equal(campaign_score_item(score, &arena, &item), STATUS_OK);
        if (item.score != rows[i].passes)
            fail_msg("'%s' scores %g", rows[i].text, item.score);
    }
    const uint32_t before = starts();
    for (int again = 0; again < 3; again++) { /* texts that have been judged */
        assert_string_equal(outcome_after(score, RIGHT, WRONG), "sdc_critical");
        assert_string_equal(outcome_after(score, WRONG, RIGHT), "sdc_improved");
        assert_string_equal(outcome_after(score, WRONG, ""), "sdc_benign");
    }
    assert_int_equal(starts(), before);
    assert_string_equal(outcome_after(score, RIGHT, RIGHT "\n"), "sdc_benign");
    assert_int_equal(starts(), before + 2); /* its tests, and the program */
    campaign_score_destroy(&score);
    bench_end(b);
    arena_finish(&arena);
}

/* A text that another sample of the item gave has been judged, one of another item has not. */
static void test_samples(void **state)
{
    struct arena arena = {0};
    struct campaign_score *score;
    struct bench *b = bench_begin_plan(SAMPLES);
    (void)state;
    assert_int_equal(campaign_score_create(&score, &b->plan), STATUS_OK);
    uint32_t before = starts();
    for (uint32_t id = 0; id < 6; id++) {
        struct store_item item = {.id = id, .text = RIGHT};
        struct trial_row row = {.outcome = kinds_text(KINDS_OUTCOME, OUTCOME_SDC_UNSCORED),
                                .faulty_text = WRONG};
        assert_int_equal(campaign_score_item(score, &arena, &item), STATUS_OK);
        assert_int_equal(campaign_score_row(score, &arena, &row, &item), STATUS_OK);
        assert_true(item.score == (id >= 3) && row.score_faulty == 0);
        assert_string_equal(row.outcome, id >= 3 ? "sdc_critical" : "sdc_benign");
        if (id % 3 > 0)
            assert_int_equal(starts(), before);
        else
            assert_in_range(starts() - before, 4, 8); /* two texts, and that sandboxes run */
        before = starts();
    }
    campaign_score_destroy(&score);
    bench_end(b);
    arena_finish(&arena);
}

struct seen {
    uint32_t rows, changed[2];
    char *text[256]; /* (n) all that were judged */
    uint32_t n;
};

static void add_text(struct seen *seen, const char *text, uint32_t item)
{
    char key[1024];
    snprintf(key, sizeof(key), "%u %s", item, text);
    for (uint32_t i = 0; i < seen->n; i++) {
        if (strcmp(seen->text[i], key) == 0)
            return;
    }
    assert_true(seen->n < 256);
    seen->text[seen->n++] = strdup(key);
}

static enum status look_at(void *user, const struct trial_row *row)
{
    struct seen *seen = user;
    const bool changed = strncmp(row->outcome, "sdc_", 4) == 0;
    assert_true(row->score_golden == 0 && (!changed || row->score_faulty == 0));
    seen->rows += !row->control;
    seen->changed[row->item] += changed;
    assert_true(!changed || strcmp(row->outcome, "sdc_benign") == 0);
    if (changed)
        add_text(seen, row->faulty_text, (uint32_t)row->item);
    return STATUS_OK;
}

/* A whole campaign of a model that writes noise: golden and changed texts are judged once each. */
static void test_campaign(void **state)
{
    struct arena arena = {0};
    struct seen seen = {0};
    struct store *store;
    struct store_item *item;
    uint32_t n;
    struct bench *b = bench_begin_plan(PLAN);
    const uint32_t before = starts();
    (void)state;
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    const uint32_t after = starts();
    assert_int_equal(store_open(&store, b->path), STATUS_OK);
    assert_int_equal(store_read_items(store, &arena, &item, &n), STATUS_OK);
    assert_int_equal(n, 2);
    for (uint32_t i = 0; i < n; i++)
        add_text(&seen, item[i].text, i);
    assert_int_equal(store_each_row(store, look_at, &seen), STATUS_OK);
    store_destroy(&store);
    assert_int_equal(seen.rows, 60);
    assert_true(seen.changed[0] > 2 && seen.changed[1] > 2);
    print_message("%u texts, %u sandboxes\n", seen.n, after - before);
    /* two for each text, and a few at the start, to know that they run */
    assert_in_range(after - before, 2 * seen.n, 2 * seen.n + 4);
    for (uint32_t i = 0; i < seen.n; i++)
        free(seen.text[i]);
    bench_end(b);
    arena_finish(&arena);
}

/* It is told before any golden run is paid for. */
static void test_refused(void **state)
{
    struct bench *b = bench_begin_plan(PLAN);
    char *with = strdup(getenv("PATH"));
    (void)state;
    setenv("PATH", "/nowhere", 1);
    const enum status st = campaign_run(&b->params);
    setenv("PATH", with, 1);
    assert_int_equal(st, STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "found no program bwrap that can be started"));
    assert_int_equal(b->goldens, 0);
    assert_int_equal(b->scene->opened, 0);
    bench_end(b);
    free(with);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs), cmocka_unit_test(test_samples),
        cmocka_unit_test(test_campaign), cmocka_unit_test(test_refused)};
    struct sandbox_host host;
    fpenv_set();
    if (sandbox_host_init(&host) != STATUS_OK || code_check_python(&host) != STATUS_OK) {
        print_message("programs cannot run in a sandbox here\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
