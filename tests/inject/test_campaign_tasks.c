/* SPDX-License-Identifier: MIT */
/* Campaigns on items of tasks: answers and scores, the same rows on all devices and as whole
 * inferences, and what a plan says of its items. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include <math.h>

#include "campaign_bench.h"

#include "inject/campaign/campaign_score.h"

#define SAMPLING                                                                                   \
    "\"population\":\"ops\",\"where\":{\"point\":\"out\"},\"what\":{\"kind\":\"flip\",\"bits\":"   \
    "\"exponent\"},\"seed\":5,\"controls\":{\"dry\":0.05,\"sentinel\":0.1,\"naive\":0.1,\"cpu\":"  \
    "0.1},\"sampling\":{\"trials\":120}"

/* Two items of choices (the second with contexts of its own), a generation, a prompt. */
static char *plan_text(struct arena *arena, const char *more, const char *target, uint32_t gold)
{
    return arena_printf(
        arena,
        "{\"model\":\"tiny\",\"prompts\":{\"ids\":[[5,6,7,8]],\"n\":4},"
        "\"items\":{%s\"list\":["
        "{\"task\":\"pick\",\"kind\":\"choices\",\"metric\":\"acc\",\"prompt\":\"abc def ghi\","
        "\"choices\":[[\" one\"],[\" two three\"],[\" four\"]],\"gold\":%u,\"chance\":0.25},"
        "{\"task\":\"fill\",\"kind\":\"choices\",\"metric\":\"acc_norm\",\"prompt\":\"\","
        "\"choices\":[[\"the cat\",\" sat on it\"],[\"the doggy\",\" sat on it\"]],\"gold\":1},"
        "{\"task\":\"say\",\"kind\":\"generation\",\"metric\":\"exact_match\",\"rule\":"
        "\"first_line\",\"prompt\":\"hello\",\"turns\":[[\"a\",\"b\"],[\"\",\"c\"]],\"target\":\"%"
        "s\",\"n\":8,\"format\":\"plain\"}]}"
        "," SAMPLING "}",
        more, gold, target);
}

/* As a JSON string. */
static void escape(char *out, size_t size, const char *text)
{
    size_t n = 0;
    for (; *text && n + 8 < size; text++) {
        const unsigned char c = (unsigned char)*text;
        n += (size_t)snprintf(out + n, size - n,
                              c < 0x20 || c == '"' || c == '\\' ? "\\u%04x" : "%c", c);
    }
    out[n] = '\0';
}

struct rows {
    const struct bench *bench;
    uint32_t n, item[4], unscored, critical, improved, benign, choice;
};

static enum status look_at(void *user, const struct trial_row *row)
{
    struct rows *r = user;
    const struct plan_question *q = r->bench->plan.item[row->item].question;
    if (row->control)
        return STATUS_OK;
    r->n++;
    r->item[row->item]++;
    r->choice += row->choice != TRIAL_ROW_NULL;
    if (q && q->kind == TASK_CHOICES)
        assert_string_equal(row->mc_target, kinds_text(KINDS_MC_TARGET, r->bench->plan.mc_target));
    else
        assert_null(row->mc_target);
    r->unscored += strcmp(row->outcome, "sdc_unscored") == 0;
    r->critical += strcmp(row->outcome, "sdc_critical") == 0;
    r->improved += strcmp(row->outcome, "sdc_improved") == 0;
    r->benign += strcmp(row->outcome, "sdc_benign") == 0;
    if (!q) {
        assert_true(!row->answer_golden && isnan(row->score_golden));
        return STATUS_OK;
    }
    assert_true(row->score_golden == 0 || row->score_golden == 1);
    assert_true(strcmp(row->outcome, "sdc_unscored") != 0);
    if (strncmp(row->outcome, "sdc_", 4) != 0) {
        assert_true(isnan(row->score_faulty) && !row->answer_faulty);
        return STATUS_OK;
    }
    const double change = row->score_faulty - row->score_golden;
    assert_string_equal(row->outcome, change < 0   ? "sdc_critical"
                                      : change > 0 ? "sdc_improved"
                                                   : "sdc_benign");
    return STATUS_OK;
}

static struct rows look(const struct bench *b)
{
    struct rows rows = {.bench = b};
    struct store *store;
    assert_int_equal(store_open(&store, b->path), STATUS_OK);
    assert_int_equal(store_each_row(store, look_at, &rows), STATUS_OK);
    store_destroy(&store);
    return rows;
}

static struct store_item *items_of(const struct bench *b, struct arena *arena)
{
    struct store *store;
    struct store_item *item;
    uint32_t n;
    assert_int_equal(store_open(&store, b->path), STATUS_OK);
    assert_int_equal(store_read_items(store, arena, &item, &n), STATUS_OK);
    store_destroy(&store);
    assert_int_equal(n, 4);
    return item;
}

/* What golden answers: the tiny model is random, so its own answers are taken for right ones. */
static char golden_text[256];
static uint32_t golden_choice;

static void test_golden(void **state)
{
    struct arena arena = {0};
    struct bench *b = bench_begin_plan(plan_text(&arena, "", "no such answer", 0));
    (void)state;
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    const struct store_item *item = items_of(b, &arena);
    assert_true(!item[0].task && isnan(item[0].score) && !item[0].answer);
    assert_string_equal(item[1].task, "pick");
    assert_string_equal(item[1].target, "0");
    assert_true(item[1].chance == 0.25 && isnan(item[2].chance));
    assert_int_equal(item[1].score, strcmp(item[1].answer, "0") == 0);
    assert_non_null(item[2].choice_logp);
    assert_true(!item[3].choice_logp && item[3].score == 0);
    golden_choice = (uint32_t)atoi(item[1].answer);
    escape(golden_text, sizeof(golden_text), item[3].answer ? item[3].answer : "");
    const struct rows rows = look(b);
    assert_int_equal(rows.n, 120);
    assert_true(rows.benign > 0); /* other texts, as wrong as golden's */
    bench_end(b);
    arena_finish(&arena);
}

/* All devices, whole inferences and calls that are cut short give the same rows. */
static void test_same_rows(void **state)
{
    static const char *const more[] = {"", "\"mc_target\":\"all\",",
                                       "\"mc_target\":\"one_choice\","};
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct arena arena = {0};
        struct text rows = {0};
        struct bench *b = bench_begin_plan(plan_text(&arena, more[i], golden_text, golden_choice));
        assert_int_equal(campaign_run(&b->params), STATUS_OK);
        bench_rows(&rows, b->path);
        const struct rows seen = look(b);
        assert_true(seen.critical > 0);
        assert_true((seen.choice > 0) == (i == 2));
        bench_end(b);
        b = bench_begin_plan(plan_text(&arena, more[i], golden_text, golden_choice));
        bench_add_device(b, "cpu:scalar", CPU_SCALAR, false);
        b->params.setup.naive = i == 1;
        b->params.limit = 50;
        for (int call = 0; call < 4; call++)
            assert_int_equal(campaign_run(&b->params), STATUS_OK);
        bench_expect_rows(b, &rows);
        bench_end(b);
        text_finish(&rows);
        arena_finish(&arena);
    }
}

/* Only items that golden answers right are struck; those without a score are. */
static void test_golden_right(void **state)
{
    struct arena arena = {0};
    struct bench *b = bench_begin_plan(
        plan_text(&arena, "\"filter\":\"golden_right\",", golden_text, (golden_choice + 1) % 3));
    (void)state;
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    const struct rows rows = look(b);
    assert_int_equal(rows.n, 120);
    assert_int_equal(rows.item[1], 0);
    assert_true(rows.item[0] > 0 && rows.item[3] > 0);
    assert_int_equal(rows.improved, 0);
    bench_end(b);
    arena_finish(&arena);
}

/* A contrast of what the filter left out is told, not refused: the golden runs would be lost. What
 * is wrong in a plan itself is refused before any of them. */
static void test_contrast_of_the_left_out(void **state)
{
    static const struct {
        const char *contrast, *where;
        uint32_t filtered;
    } rows[] = {
        {"group: pick > say", NULL, 1},
        {"group: say ~ pick, fill", NULL, 1},
        {"group: pick > sayy", "/hypotheses/0/contrast", 1},
        {"group: pick > sayy", "/hypotheses/0/contrast", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct arena arena = {0};
        const char *more = rows[i].filtered ? "\"filter\":\"golden_right\"," : "";
        char *plan = plan_text(&arena, more, golden_text, (golden_choice + 1) % 3);
        plan[strlen(plan) - 1] = '\0';
        struct bench *b = bench_begin_plan(arena_printf(
            &arena,
            "%s,\"strata\":[\"group\"],\"hypotheses\":[{\"name\":\"a\",\"contrast\":\"%s\"%s}]}",
            plan, rows[i].contrast, strchr(rows[i].contrast, '~') ? ",\"margin\":0.1" : ""));
        assert_int_equal(campaign_run(&b->params), rows[i].where ? STATUS_INPUT : STATUS_OK);
        assert_int_equal(b->goldens, rows[i].where ? 0 : 4);
        if (rows[i].where)
            assert_non_null(strstr(log_last_error(), rows[i].where));
        else
            assert_int_equal(look(b).item[1], 0);
        bench_end(b);
        arena_finish(&arena);
    }
}

/* The text that a database keeps is the same plan, and needs no task. */
static void test_inline(void **state)
{
    struct arena arena = {0};
    struct plan plan;
    struct bench *b =
        bench_begin_plan(plan_text(&arena, "\"mc_target\":\"all\",", golden_text, golden_choice));
    const struct plan_source source = {b->plan.text, strlen(b->plan.text), "stored", "", NULL};
    (void)state;
    assert_int_equal(plan_read(&plan, &arena, &source), STATUS_OK);
    assert_string_equal(plan.hash, b->plan.hash);
    assert_string_equal(plan.canon, b->plan.canon);
    assert_int_equal(plan.mc_target, PLAN_MC_ALL);
    const struct task_item *item = &plan.item[3].question->item;
    assert_int_equal(item->n_turns, 2);
    assert_string_equal(item->turn[1].assistant, "c");
    bench_end(b);
    arena_finish(&arena);
}

/* Answers are taken out by the item's rule, of translations too, as in `task run`. */
static void test_answers(void **state)
{
    static const char plan[] =
        "{\"model\":\"tiny\",\"items\":{\"list\":[{\"task\":\"tell\",\"metric\":\"bleu\",\"rule\":"
        "\"first_line\",\"prompt\":\"p\",\"target\":\"the old "
        "bridge\"},{\"task\":\"tell\",\"metric\":"
        "\"chrf++\",\"prompt\":\"p\",\"target\":\"the old bridge\"},{\"task\":\"count\",\"rule\":"
        "\"gsm8k_flexible\",\"prompt\":\"p\",\"target\":\"1000\"}]}," SAMPLING "}";
    static const struct {
        const char *text, *answer;
        uint32_t item;
        bool whole;
    } rows[] = {{"the old bridge", "the old bridge", 0, true},
                {"\n the old bridge \nis what it says", "the old bridge", 0, true},
                {"the old bridges", "the old bridges", 0, false},
                {" \n", NULL, 0, false},
                {"the old bridge", "the old bridge", 1, true},
                {"the old bridge\nis", "the old bridge\nis", 1, false},
                {"She has 3 of\n 1,000.00 dollars.\n\ndef f():", "1000", 2, true},
                {"18", "18", 2, false},
                {"none", NULL, 2, false}};
    struct arena arena = {0};
    struct campaign_score *score;
    struct bench *b = bench_begin_plan(arena_printf(&arena, "%s", plan));
    (void)state;
    assert_int_equal(campaign_score_create(&score, &b->plan), STATUS_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct store_item item = {.id = rows[i].item, .text = rows[i].text};
        assert_int_equal(campaign_score_item(score, &arena, &item), STATUS_OK);
        if (rows[i].whole != (item.score > 1 - 1e-9))
            fail_msg("'%s' scores %g", rows[i].text, item.score);
        assert_true((item.answer != NULL) == (rows[i].answer != NULL));
        if (item.answer)
            assert_string_equal(item.answer, rows[i].answer);
    }
    campaign_score_destroy(&score);
    bench_end(b);
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),       cmocka_unit_test(test_same_rows),
        cmocka_unit_test(test_golden_right), cmocka_unit_test(test_contrast_of_the_left_out),
        cmocka_unit_test(test_inline),       cmocka_unit_test(test_answers)};
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
