/* SPDX-License-Identifier: MIT */
/* Waves of a plan: each a sample by the same design, earlier ones unchanged by it. */
#include "plan_fixture.h"

#include <math.h>
#include <stdlib.h>

#include "inject/plan/plan_waves.h"

static struct model *model;

/* Plans of all designs and populations; %s: the waves, with a comma before them, or nothing. */
static const char *const PLANS[] = {
    ",\"population\":\"ops\",\"strata\":[\"layer\",\"bit_field\"],\"sampling\":{\"trials\":300%s}",
    ",\"population\":\"ops\",\"strata\":[\"bit\"],\"sampling\":{\"trials\":300,\"allocation\":"
    "\"proportional\"%s},\"controls\":{\"dry\":0.1,\"sentinel\":0.1,\"naive\":0.1,\"cpu\":0.1}",
    ",\"population\":\"bits\",\"where\":{\"place\":\"weight\"},\"faults_per_trial\":3,\"sampling\":"
    "{\"trials\":120%s}",
    ",\"population\":\"ops\",\"design\":\"crossed\",\"strata\":[\"stage\"],\"sampling\":{"
    "\"trials\":"
    "200%s}",
    ",\"population\":\"equal\",\"strata\":[\"kind\"],\"what\":{\"kind\":[\"flip\",\"zero\"]},"
    "\"sampling\":{\"trials\":50%s},\"controls\":{\"dry\":0,\"sentinel\":0,\"naive\":0,\"cpu\":0}",
    ",\"population\":\"ops\",\"strata\":[\"layer\"],\"sampling\":{\"half_width\":0.1%s}",
};
#define PLAN_COUNT (sizeof(PLANS) / sizeof(*PLANS))

static void make(struct plan_fixture *f, size_t which, const char *waves)
{
    char text[1024];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof(text), PLANS[which], waves);
#pragma GCC diagnostic pop
    assert_int_equal(fixture_sample(f, model, 3, text), STATUS_OK);
}

static void expect_same_draw(const struct plan_fixture *a, const struct plan_fixture *b,
                             uint64_t id)
{
    struct arena arena = {0};
    struct sample_draw x, y;
    assert_int_equal(sample_draw(a->sample, id, &arena, &x), STATUS_OK);
    assert_int_equal(sample_draw(b->sample, id, &arena, &y), STATUS_OK);
    assert_int_equal(x.role, y.role);
    assert_int_equal(x.original, y.original);
    assert_int_equal(x.item, y.item);
    assert_int_equal(x.stratum, y.stratum);
    assert_int_equal(x.fault_index, y.fault_index);
    assert_int_equal(x.n_faults, y.n_faults);
    assert_true(x.draw_prob == y.draw_prob || (isnan(x.draw_prob) && isnan(y.draw_prob)));
    for (uint32_t i = 0; i < x.n_faults; i++) {
        assert_string_equal(x.fault[i].site, y.fault[i].site);
        assert_int_equal(x.fault[i].position, y.fault[i].position);
        assert_int_equal(x.fault[i].row, y.fault[i].row);
        assert_int_equal(x.fault[i].k, y.fault[i].k);
        assert_int_equal(x.fault[i].mask, y.fault[i].mask);
        assert_int_equal(x.fault[i].key_high, y.fault[i].key_high);
    }
    arena_finish(&arena);
}

/* A longer plan's draws start with a shorter one's, and both have one identity. */
static void test_longer_plans_begin_alike(void **state)
{
    static const char *const waves[] = {"", ",\"waves\":[90]", ",\"waves\":[90,37]",
                                        ",\"waves\":[90,37,400]"};
    (void)state;
    for (size_t p = 0; p < PLAN_COUNT; p++) {
        struct plan_fixture f[4];
        for (size_t k = 0; k < 4; k++) {
            make(&f[k], p, waves[k]);
            assert_string_equal(f[k].plan.hash, f[0].plan.hash);
        }
        for (size_t k = 1; k < 4; k++) {
            const uint64_t n = sample_trials(f[k - 1].sample);
            assert_int_equal(sample_wave_begin(f[k].sample, (uint32_t)k), n);
            assert_true(sample_trials(f[k].sample) > n);
            for (uint64_t id = 0; id < n; id++)
                expect_same_draw(&f[k - 1], &f[k], id);
        }
        for (size_t k = 0; k < 4; k++)
            fixture_finish(&f[k]);
    }
}

/* Trials, roles and items of one wave. */
struct tally {
    uint64_t stratum[64], role[ROLE_COUNT], item[FIXTURE_ITEMS], trials;
};

static void count(struct tally *out, const struct plan_fixture *f, uint64_t begin, uint64_t end)
{
    *out = (struct tally){0};
    for (uint64_t id = begin; id < end; id++) {
        struct arena arena = {0};
        struct sample_draw draw;
        uint64_t original;
        assert_int_equal(sample_draw(f->sample, id, &arena, &draw), STATUS_OK);
        assert_int_equal(sample_original(f->sample, id, &original), STATUS_OK);
        assert_int_equal(original, draw.original);
        assert_true(draw.original >= begin && draw.original <= id); /* in the same wave */
        out->role[draw.role]++;
        if (draw.role == ROLE_TRIAL) {
            out->trials++;
            out->stratum[draw.stratum]++;
            out->item[draw.item]++;
        }
        arena_finish(&arena);
    }
}

/* Each wave has as many trials as it asks for, in the shares of the first one; its own controls;
 * and the sums are what the strata say. */
static void test_waves_keep_the_design(void **state)
{
    static const uint64_t asked[] = {0, 96, 402};
    (void)state;
    for (size_t p = 0; p < PLAN_COUNT; p++) {
        struct plan_fixture f;
        struct tally first, wave;
        uint64_t planned[64] = {0};
        make(&f, p, ",\"waves\":[96,402]");
        const uint32_t n = sample_strata(f.sample);
        const bool equal = f.plan.population == PLAN_EQUAL;
        assert_true(n <= 64);
        for (uint32_t w = 0; w < 3; w++) {
            struct tally *now = w ? &wave : &first;
            count(now, &f, sample_wave_begin(f.sample, w), sample_wave_begin(f.sample, w + 1));
            for (uint32_t h = 0; h < n; h++) {
                const double share = (double)first.stratum[h] / (double)first.trials;
                const double fair = share * (double)(asked[w] * (equal ? n : 1));
                planned[h] += now->stratum[h];
                /* crossed ones come by whole faults, over three items */
                assert_true(w == 0 || fabs((double)now->stratum[h] - fair) <= 3.01);
            }
            assert_int_equal(now->role[ROLE_DRY],
                             (uint64_t)ceil(f.plan.control_dry * (double)now->trials));
            assert_int_equal(now->role[ROLE_CPU],
                             (uint64_t)ceil(f.plan.control_cpu * (double)now->trials));
        }
        for (uint32_t h = 0; h < n; h++) {
            assert_int_equal(sample_stratum(f.sample, h).trials, planned[h]);
            assert_false(sample_stratum(f.sample, h).distinct);
        }
        fixture_finish(&f);
    }
}

/* Two waves are drawn apart: they share faults by chance only. */
static void test_waves_are_drawn_apart(void **state)
{
    struct plan_fixture f;
    uint64_t same = 0;
    (void)state;
    make(&f, 1, ",\"waves\":[300]");
    const uint64_t begin = sample_wave_begin(f.sample, 1);
    for (uint64_t id = 0; id < begin; id++) {
        struct arena arena = {0};
        struct sample_draw x, y;
        assert_int_equal(sample_draw(f.sample, id, &arena, &x), STATUS_OK);
        assert_int_equal(sample_draw(f.sample, begin + id, &arena, &y), STATUS_OK);
        same += x.fault->node == y.fault->node && x.fault->row == y.fault->row &&
                x.fault->position == y.fault->position;
        arena_finish(&arena);
    }
    assert_true(same < begin / 20);
    fixture_finish(&f);
}

/* Trials that a stratum has no faults for are told, in any wave. */
static void test_cut(void **state)
{
    struct plan_fixture f;
    (void)state;
    const char *plan =
        ",\"population\":\"ops\",\"where\":{\"sites\":[\"output_norm\"]},\"when\":"
        "{\"stage\":\"first\"},\"what\":{\"kind\":\"zero\"},\"sampling\":{\"trials\":"
        "100000%s}";
    char text[512];
    for (int w = 0; w < 2; w++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(text, sizeof(text), plan, w ? ",\"waves\":[90000]" : "");
#pragma GCC diagnostic pop
        assert_int_equal(fixture_sample(&f, model, 3, text), STATUS_OK);
        const uint64_t asked = w ? 190000 : 100000;
        const uint64_t faults = (uint64_t)sample_stratum(f.sample, 0).size;
        assert_true(faults < 90000);
        assert_int_equal(sample_role_trials(f.sample, ROLE_TRIAL), faults * (w ? 2 : 1));
        assert_int_equal(sample_cut(f.sample), asked - faults * (w ? 2 : 1));
        fixture_finish(&f);
    }
    make(&f, 0, ",\"waves\":[300]");
    assert_int_equal(sample_cut(f.sample), 0);
    fixture_finish(&f);
}

static void expect_refused(const char *rest, const char *words)
{
    struct plan_fixture f;
    enum status st = fixture_plan(&f, 3, rest);
    if (!st)
        st = sample_create(&f.sample, &f.plan, model, fixture_items);
    assert_int_equal(st, STATUS_INPUT);
    if (!strstr(log_last_error(), words))
        fail_msg("found \"%s\", expected \"%s\"", log_last_error(), words);
    fixture_finish(&f);
}

static void test_refused(void **state)
{
    (void)state;
    expect_refused(",\"population\":\"census\",\"sampling\":{\"waves\":[3]}", "census");
    expect_refused(",\"population\":\"ops\",\"sampling\":{\"trials\":9,\"waves\":[]}", "1 to 32");
    expect_refused(",\"population\":\"ops\",\"sampling\":{\"trials\":9,\"waves\":9}", "1 to 32");
    expect_refused(",\"population\":\"ops\",\"sampling\":{\"trials\":9,\"waves\":[0]}",
                   "from 1 to");
    expect_refused(",\"population\":\"ops\",\"sampling\":{\"trials\":9,\"waves\":[1.5]}",
                   "waves/0");
    expect_refused(",\"population\":\"ops\",\"strata\":[\"bit\"],\"sampling\":{\"trials\":90,"
                   "\"waves\":[9]}",
                   "found 9 trials for 32 strata");
    expect_refused(",\"population\":\"ops\",\"sampling\":{\"trials\":9,\"waves\":[9]},\"stop\":"
                   "{\"rule\":\"time_uniform\"}",
                   "looks are fixed for one size");
    expect_refused(",\"population\":\"ops\",\"sampling\":{\"trials\":9,\"waves\":[9]},\"stop\":"
                   "{\"rule\":\"spending\",\"looks\":[0.5,1]}",
                   "looks are fixed for one size");
    expect_refused(
        ",\"population\":\"ops\",\"sampling\":{\"trials\":9},\"stop\":{\"rule\":\"waves\","
        "\"gate\":{\"max\":0.1}}",
        "found 'gate' with the rule waves");
}

/* The plan that extend writes is the one with the longer list, and a plan like any other. */
static void test_extend(void **state)
{
    struct plan_fixture base, one, two;
    (void)state;
    make(&base, 0, "");
    make(&two, 0, ",\"waves\":[500,70]");
    one = (struct plan_fixture){0};
    struct plan_fixture more = {0};
    assert_int_equal(plan_waves_extend(&one.plan, &one.arena, &base.plan, 500), STATUS_OK);
    assert_int_equal(one.plan.n_waves, 1);
    assert_int_equal(plan_waves_extend(&more.plan, &more.arena, &one.plan, 70), STATUS_OK);
    assert_int_equal(more.plan.n_waves, 2);
    assert_true(more.plan.wave[0] == 500 && more.plan.wave[1] == 70);
    assert_string_equal(more.plan.hash, base.plan.hash);
    assert_int_equal(sample_create(&more.sample, &more.plan, model, fixture_items), STATUS_OK);
    assert_int_equal(sample_trials(more.sample), sample_trials(two.sample));
    for (uint64_t id = 0; id < sample_trials(two.sample); id++)
        expect_same_draw(&two, &more, id);
    fixture_finish(&base);
    fixture_finish(&one);
    fixture_finish(&two);
    fixture_finish(&more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longer_plans_begin_alike),
        cmocka_unit_test(test_waves_keep_the_design),
        cmocka_unit_test(test_waves_are_drawn_apart),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_extend),
    };
    fpenv_set();
    assert_int_equal(model_open(&model, FIXTURE_TINY "tiny-llama-q4_1.gguf"), STATUS_OK);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    model_close(&model);
    return failed;
}
