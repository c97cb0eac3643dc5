/* SPDX-License-Identifier: MIT */
/* The choice of sites to protect, from profiles whose truth is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "inject/report/report_choose.h"

#define N_LAYERS 10u
#define N_KINDS 3u
#define SITES (N_LAYERS * N_KINDS)
#define TRIALS 6000u
#define ITEMS 20u

static const char *const KIND[N_KINDS] = {"attn_q", "ffn_up", "ffn_down"};

struct profile {
    struct arena arena;
    struct site site[SITES + 1]; /* the last is no op */
    struct report_data data;
    struct report_trial trial[TRIALS];
    struct store_stratum stratum;
};

/* ffn_down hurts in two layers, a little elsewhere; nothing else does. */
static double rate_of(uint32_t site)
{
    const uint32_t layer = site / N_KINDS;
    return site % N_KINDS != 2 ? 0 : layer == 3 || layer == 4 ? 0.5 : 0.02;
}

static void make(struct profile *p, uint64_t seed, bool scored)
{
    struct rng rng;
    *p = (struct profile){.stratum = {.weight = 1}};
    rng_init(&rng, seed, 0);
    p->data = (struct report_data){
        .stratum = &p->stratum, .n_strata = 1, .trial = p->trial, .n = TRIALS, .scored = scored};
    for (uint32_t i = 0; i < SITES; i++) {
        char name[32];
        uint32_t number;
        snprintf(name, sizeof(name), "blk.%u.%s", i / N_KINDS, KIND[i % N_KINDS]);
        p->site[i] = (struct site){.name = arena_printf(&p->arena, "%s", name),
                                   .place = PLACE_OP,
                                   .layer = i / N_KINDS,
                                   .elements = 10,
                                   .macs = i % N_KINDS == 0 ? 90 : 290};
        assert_int_equal(report_names_find(&p->data.names, &p->arena, p->site[i].name, &number),
                         STATUS_OK);
        assert_int_equal(number, i);
    }
    p->site[SITES] = (struct site){.name = "blk.0.attn_q.weight", .place = PLACE_WEIGHT};
    for (uint32_t i = 0; i < TRIALS; i++) {
        const uint32_t site = (uint32_t)rng_below(&rng, SITES);
        const bool event = rng_unit(&rng) < rate_of(site);
        p->trial[i] = (struct report_trial){.item = (uint32_t)rng_below(&rng, ITEMS),
                                            .site = site,
                                            .n_faults = 1,
                                            .place = PLACE_OP};
        p->trial[i].outcome = !event   ? OUTCOME_MASKED_TOKENS
                              : scored ? OUTCOME_SDC_CRITICAL
                                       : OUTCOME_SDC_UNSCORED;
    }
}

static struct report_chosen choose(struct profile *p, double budget, uint64_t random)
{
    struct report_chosen out;
    const struct report_choose_params params = {.site = p->site,
                                                .n_sites = SITES + 1,
                                                .budget = budget,
                                                .random = random > 0,
                                                .seed = random,
                                                .confidence = 0.95};
    assert_int_equal(report_choose(&out, &p->arena, &p->data, &params), STATUS_OK);
    return out;
}

static bool has(const struct report_chosen *c, uint32_t site)
{
    for (uint32_t i = 0; i < c->n; i++) {
        if (c->choice[i].site == site)
            return true;
    }
    return false;
}

static void test_truth(void **state)
{
    static struct profile p;
    /* two sites of 300 of 7000: both bad ones fit into 9 % */
    const double truth = 2 * 0.5 / (2 * 0.5 + 8 * 0.02);
    uint32_t covered = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        make(&p, seed, seed % 2);
        const struct report_chosen c = choose(&p, 0.09, 0);
        assert_true(c.work <= 0.09 && has(&c, 3 * N_KINDS + 2) && has(&c, 4 * N_KINDS + 2));
        assert_true(c.choice[c.n - 1].work <= c.work + 1e-12);
        covered += c.interval.low <= truth && truth <= c.interval.high;
        assert_true(fabs(c.expected - truth) < 0.1);
        arena_finish(&p.arena);
    }
    assert_true(covered >= 36); /* of 40 intervals of 95 % */
}

static void test_random(void **state)
{
    static struct profile p;
    double sum = 0;
    (void)state;
    make(&p, 7, true);
    const struct report_chosen best = choose(&p, 0.09, 0);
    for (uint64_t seed = 1; seed <= 50; seed++) {
        const struct report_chosen c = choose(&p, 0.09, seed);
        assert_true(c.work <= best.work + 1e-12);
        sum += c.expected;
    }
    assert_true(sum / 50 < 0.3 && best.expected > 0.7);
    arena_finish(&p.arena);
}

/* Faults that a second evaluation does not show are left out and counted. */
static void test_outside(void **state)
{
    static struct profile p;
    struct report_chosen out;
    uint32_t events = 0;
    (void)state;
    make(&p, 9, true);
    for (uint32_t i = 0; i < TRIALS; i++) {
        p.trial[i].place = i % 2 ? PLACE_OP : PLACE_KV;
        p.trial[i].n_faults = i % 4 == 1 ? 2 : 1;
        events += p.trial[i].outcome == OUTCOME_SDC_CRITICAL;
    }
    const struct report_chosen c = choose(&p, 0.2, 0);
    assert_int_equal(c.events + c.outside, events);
    assert_in_range(c.events, events / 8, events / 2);
    for (uint32_t i = 0; i < TRIALS; i++)
        p.trial[i].outcome = OUTCOME_MASKED_TOKENS;
    assert_int_equal(
        report_choose(&out, &p.arena, &p.data,
                      &(struct report_choose_params){
                          .site = p.site, .n_sites = SITES, .budget = 0.1, .confidence = 0.95}),
        STATUS_INPUT);
    arena_finish(&p.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_truth), cmocka_unit_test(test_random),
                                       cmocka_unit_test(test_outside)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
