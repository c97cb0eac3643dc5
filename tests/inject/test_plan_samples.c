/* SPDX-License-Identifier: MIT */
/* Several samples of an item: identity, order, refusals, strata, and that they are struck apart. */
#include "plan_fixture.h"

#include <math.h>
#include <stdlib.h>

static struct model *model;

#define TEMP ",\"decoding\":{\"temp\":0.5}"
#define REST ",\"population\":\"ops\",\"sampling\":{\"trials\":40}"

/* A plan of `n` questions and members of "items", after prompts if there are any. */
static char *plan_text(uint32_t prompts, uint32_t n, const char *more, const char *rest)
{
    static char text[65536];
    size_t size = (size_t)snprintf(text, sizeof(text), "{\"model\":\"tiny\"");
    for (uint32_t i = 0; i < prompts; i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%s[%u]%s",
                                 i ? "," : ",\"prompts\":{\"ids\":[", i + 1,
                                 i + 1 == prompts ? "]}" : "");
    size += (size_t)snprintf(text + size, sizeof(text) - size, ",\"items\":{%s\"list\":[", more);
    for (uint32_t i = 0; i < n; i++)
        size += (size_t)snprintf(
            text + size, sizeof(text) - size,
            "%s{\"task\":\"t\",\"doc_id\":\"d%u\",\"prompt\":\"p\",\"target\":\"x\",\"n\":4}",
            i ? "," : "", i);
    snprintf(text + size, sizeof(text) - size, "]}%s}", rest);
    return text;
}

static enum status read(struct plan_fixture *f, const char *text)
{
    *f = (struct plan_fixture){0};
    return plan_read(&f->plan, &f->arena,
                     &(struct plan_source){text, strlen(text), "plan.json", "", NULL});
}

static void expect_read(struct plan_fixture *f, const char *text)
{
    if (read(f, text))
        fail_msg("%s", log_last_error());
}

/* One sample is no field of the identity; the text that a database keeps gives the same plan. */
static void test_identity(void **state)
{
    struct plan_fixture none, one, two, again;
    (void)state;
    expect_read(&none, plan_text(2, 3, "", TEMP REST));
    expect_read(&one, plan_text(2, 3, "\"samples\":1,", TEMP REST));
    expect_read(&two, plan_text(2, 3, "\"samples\":2,", TEMP REST));
    assert_string_equal(none.plan.canon, one.plan.canon);
    assert_null(strstr(none.plan.canon, "samples"));
    assert_string_not_equal(none.plan.hash, two.plan.hash);
    assert_int_equal(none.plan.n_items, 5);
    expect_read(&again, two.plan.text);
    assert_string_equal(two.plan.canon, again.plan.canon);
    assert_int_equal(again.plan.n_items, 2 + 3 * 2);
    fixture_finish(&none);
    fixture_finish(&one);
    fixture_finish(&two);
    fixture_finish(&again);
}

/* Those of one item follow each other; prompts stay alone. */
static void test_order(void **state)
{
    (void)state;
    for (uint32_t prompts = 0; prompts <= 5; prompts++) {
        for (uint32_t samples = 1; samples <= 9; samples += 2) {
            char more[32];
            struct plan_fixture f;
            snprintf(more, sizeof(more), "\"samples\":%u,", samples);
            expect_read(&f, plan_text(prompts, 7, more, TEMP REST));
            assert_int_equal(f.plan.n_items, prompts + 7 * samples);
            assert_int_equal(plan_bases(&f.plan), prompts + 7);
            for (uint32_t i = 0; i < f.plan.n_items; i++) {
                const struct plan_item *item = &f.plan.item[i];
                const uint32_t own = i < prompts ? 0 : (i - prompts) % samples;
                assert_int_equal(item->sample, own);
                assert_int_equal(item->base, i < prompts ? i : prompts + (i - prompts) / samples);
                assert_ptr_equal(item->question, f.plan.item[i - own].question);
                assert_int_equal(item->index, i < prompts ? i : (i - prompts) / samples);
            }
            fixture_finish(&f);
        }
    }
}

static void refused(const char *text, const char *words)
{
    struct plan_fixture f;
    assert_int_equal(read(&f, text), STATUS_INPUT);
    if (!strstr(log_last_error(), words))
        fail_msg("'%s' does not say '%s'", log_last_error(), words);
    fixture_finish(&f);
}

static void test_refusals(void **state)
{
    (void)state;
    refused(plan_text(0, 2, "\"samples\":2,", REST), "expected decoding.temp above 0");
    refused(plan_text(0, 2, "\"samples\":0,", TEMP REST), "expected an integer from 1 to 1000");
    refused(plan_text(0, 2, "\"samples\":1001,", TEMP REST), "expected an integer from 1 to 1000");
    refused(plan_text(0, 2, "\"samples\":2,\"filter\":\"golden_right\",", TEMP REST),
            "expected the filter all");
    refused(plan_text(0, 2, "\"samples\":2,",
                      TEMP ",\"population\":\"ops\",\"sampling\":{\"trials\":40},\"stop\":{"
                           "\"rule\":\"time_uniform\",\"gate\":{\"max\":0.1}}"),
            "expected one sample, or another rule");
    refused("{\"model\":\"tiny\",\"items\":{\"samples\":2,\"list\":[{\"task\":\"c\",\"kind\":"
            "\"choices\",\"prompt\":\"p\",\"choices\":[[\"a\"],[\"b\"]]}]}" TEMP REST "}",
            "found several samples of task 'c'");
    refused("{\"model\":\"tiny\",\"items\":{\"samples\":2,\"list\":[{\"task\":\"tell\",\"metric\":"
            "\"bleu\",\"prompt\":\"p\",\"target\":\"x\"}]}" TEMP REST "}",
            "found several samples of task 'tell'");
}

#define QUESTIONS 50
#define SAMPLES 4

static void expect_sample(struct plan_fixture *f, const char *text)
{
    struct sample_item own[QUESTIONS * SAMPLES];
    expect_read(f, text);
    for (uint32_t i = 0; i < f->plan.n_items; i++)
        own[i] = (struct sample_item){.n_prompt = 5, .n_tokens = 3};
    assert_int_equal(sample_create(&f->sample, &f->plan, model, own), STATUS_OK);
}

/* Pairs of samples of one item of which both are struck by 100 trials on 200 samples: n (n - 1) /
 * (M (M - 1)) of all, as if each were struck by a lot of its own; none or all would be wrong. */
static void test_apart(void **state)
{
    const double share = 100. * 99 / (200. * 199), pairs = QUESTIONS * SAMPLES * (SAMPLES - 1) / 2.;
    double both = 0;
    const uint32_t seeds = 40;
    (void)state;
    for (uint32_t seed = 0; seed < seeds; seed++) {
        char rest[256];
        uint8_t seen[QUESTIONS * SAMPLES] = {0};
        struct plan_fixture f;
        snprintf(rest, sizeof(rest),
                 TEMP
                 ",\"population\":\"ops\",\"sampling\":{\"trials\":100},\"seed\":%u" NO_CONTROLS,
                 seed);
        expect_sample(&f, plan_text(0, QUESTIONS, "\"samples\":4,", rest));
        for (uint64_t id = 0; id < sample_trials(f.sample); id++) {
            const struct sample_draw d = fixture_draw(&f, id);
            assert_int_equal(seen[d.item]++, 0); /* each sample at most once */
        }
        for (uint32_t i = 0; i < QUESTIONS * SAMPLES; i++) {
            for (uint32_t k = i + 1; k < (i / SAMPLES + 1) * SAMPLES; k++)
                both += seen[i] && seen[k];
        }
        fixture_finish(&f);
    }
    const double all = seeds * pairs;
    if (fabs(both / all - share) > 4 * sqrt(share * (1 - share) / all))
        fail_msg("%g of pairs are struck together, expected %g", both / all, share);
}

/* A stratum of an item has all of its samples, and its number. */
static void test_strata(void **state)
{
    struct plan_fixture f;
    (void)state;
    expect_sample(&f, plan_text(2, 3, "\"samples\":4,",
                                TEMP ",\"population\":\"ops\",\"strata\":[\"item\"],\"sampling\":{"
                                     "\"trials\":100}" NO_CONTROLS));
    assert_int_equal(sample_strata(f.sample), 5);
    for (uint64_t id = 0; id < sample_trials(f.sample); id++) {
        const struct sample_draw d = fixture_draw(&f, id);
        const char *value = sample_stratum(f.sample, d.stratum).value[PLAN_BY_ITEM];
        assert_int_equal(strtoul(value, NULL, 10), f.plan.item[d.item].base);
    }
    fixture_finish(&f);
}

/* With a shared fault each sample of each item has it. */
static void test_crossed(void **state)
{
    struct plan_fixture f;
    (void)state;
    expect_sample(&f, plan_text(0, 3, "\"samples\":4,",
                                TEMP ",\"population\":\"ops\",\"design\":\"crossed\",\"sampling\":{"
                                     "\"trials\":120}" NO_CONTROLS));
    const uint64_t n = sample_trials(f.sample);
    assert_int_equal(n, 10 * 12);
    for (uint64_t a = 0; a < n; a++) {
        uint32_t same = 0;
        const struct sample_draw d = fixture_draw(&f, a);
        struct fixture_identity x = fixture_identity_of(&d, d.fault);
        for (uint64_t b = 0; b < n; b++) {
            const struct sample_draw e = fixture_draw(&f, b);
            struct fixture_identity y = fixture_identity_of(&e, e.fault);
            if (e.fault_index != d.fault_index)
                continue;
            x.item = y.item = 0;
            assert_memory_equal(&x, &y, sizeof(x));
            same++;
        }
        assert_int_equal(same, 12);
    }
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity), cmocka_unit_test(test_order),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_apart),
        cmocka_unit_test(test_strata),   cmocka_unit_test(test_crossed),
    };
    return tiny_model_tests(tests, sizeof(tests) / sizeof(*tests), &model);
}
