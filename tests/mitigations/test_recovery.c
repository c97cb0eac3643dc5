/* SPDX-License-Identifier: MIT */
/* The state machine of alarms: tables of what columns show, and what has to follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/rng.h"
#include "mitigations/recovery.h"

#define MOST 100u

/* One column, in letters: severity as it is looked at (q quiet, v verify, s soft, h hard), bits
 * (a, b, c), what an audit finds if one is made (- nothing, x damage that it repaired), what has to
 * follow (t taken, r computed again). */
struct scene {
    const char *what, *steps;
    enum decode_damage damage;
    uint32_t alarms;
};

static const struct scene SCENES[] = {
    {"nothing", "qa-t", DECODE_CLEAN, 0},
    {"verified, the same bits", "va-r qa-t", DECODE_CLEAN, 0},
    {"verified, two of three: the first", "va-r qb-r qa-t", DECODE_CORRECTED, 1},
    {"verified, two of three: the second", "va-r qb-r qb-t", DECODE_CORRECTED, 1},
    {"verified, no two alike", "va-r qb-r qc-t", DECODE_UNCORRECTED, 1},
    {"verified, and then damage by proof", "va-r hb-r hb-r ha-t", DECODE_UNCORRECTED, 1},
    {"soft, other bits", "sa-r qb-t", DECODE_CORRECTED, 1},
    {"soft, other bits that are as unlikely", "sa-r sb-t", DECODE_CORRECTED, 1},
    {"soft, the same bits, memory is clean", "sa-r sa-t", DECODE_FALSE_ALARM, 1},
    {"soft, the same bits, memory was not", "sa-r saxr qb-t", DECODE_CORRECTED, 1},
    {"hard, gone", "ha-r qb-t", DECODE_CORRECTED, 1},
    {"hard, gone with the same bits", "ha-r qa-t", DECODE_CORRECTED, 1},
    {"hard, gone after memory was repaired", "ha-r haxr qb-t", DECODE_CORRECTED, 1},
    {"hard, memory is clean, gone at last", "ha-r ha-r ha-r qb-t", DECODE_CORRECTED, 1},
    {"hard, stays", "ha-r ha-r ha-r ha-t", DECODE_UNCORRECTED, 1},
    {"hard, gone, but unlikely", "ha-r sb-r sb-t", DECODE_CORRECTED, 1},
    {"hard, gone with memory, but unlikely", "ha-r haxr sb-r sb-t", DECODE_CORRECTED, 1},
    {"hard, gone at the last try, but unlikely", "ha-r ha-r ha-r sb-t", DECODE_CORRECTED, 1},
    {"hard, unlikely, and hard again", "ha-r sb-r ha-r ha-t", DECODE_UNCORRECTED, 1},
    {"hard after soft", "sa-r hb-r qb-t", DECODE_CORRECTED, 1},
};

static enum protection_severity severity_of(char letter)
{
    switch (letter) {
    case 'v':
        return PROTECTION_VERIFY;
    case 's':
        return PROTECTION_SOFT;
    case 'h':
        return PROTECTION_HARD;
    default:
        return PROTECTION_QUIET;
    }
}

/* What follows from one step of a scene. */
static enum recovery_action play(struct recovery *r, const char *step, uint32_t position)
{
    const struct protection_finding finding = {.severity = severity_of(step[0]), .back = 1};
    const struct protection_finding found = {
        .severity = step[2] == 'x' ? PROTECTION_HARD : PROTECTION_QUIET, .back = step[2] == 'x'};
    const struct protection_finding none = {0};
    const struct recovery_column column = {.position = position,
                                           .hashed = true,
                                           .hash = (uint64_t)step[1],
                                           .finding = step[0] == 'q' ? &none : &finding};
    uint32_t back;
    enum recovery_action action = recovery_look(r, &column, MOST, &back);
    if (action == RECOVERY_AUDIT)
        action = recovery_audited(r, &found, MOST, &back);
    assert_int_equal(action == RECOVERY_REDO, back > 0);
    return action;
}

static void test_scenes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(SCENES) / sizeof(*SCENES); i++) {
        const struct scene *scene = &SCENES[i];
        struct recovery r = {0};
        for (const char *step = scene->steps; *step; step += step[4] ? 5 : 4) {
            const enum recovery_action action = play(&r, step, 7);
            if ((action == RECOVERY_REDO) != (step[3] == 'r'))
                fail_msg("%s: at '%s' found action %d", scene->what, step, (int)action);
        }
        if (r.open || r.damage != scene->damage || r.alarms != scene->alarms)
            fail_msg("%s: found damage %d, %u alarms", scene->what, (int)r.damage, r.alarms);
        assert_int_equal(r.first, scene->alarms ? 8 : 0);
    }
}

/* Whatever columns show, a run ends, within its budget, and what was proven and is not known to be
 * gone is uncorrected, after which nothing that is found changes anything. */
static void test_any_findings(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 2000; seed++) {
        struct recovery r = {0};
        struct rng rng;
        uint32_t looks = 0;
        rng_init(&rng, seed, 0);
        const uint64_t calm = 1 + rng_below(&rng, 40);
        for (uint32_t position = 0; position < 40; looks++) {
            const struct protection_finding finding = {
                .severity = rng_below(&rng, calm) ? PROTECTION_QUIET
                                                  : (enum protection_severity)rng_below(&rng, 4),
                .back = (uint32_t)rng_below(&rng, 6)};
            const bool given_up = recovery_given_up(&r);
            const struct recovery before = r;
            const struct recovery_column column = {.position = position,
                                                   .hashed = position > 10,
                                                   .hash = rng_below(&rng, 3),
                                                   .finding = &finding};
            uint32_t back;
            if (recovery_look(&r, &column, MOST, &back) == RECOVERY_AUDIT)
                (void)recovery_audited(&r, &finding, MOST, &back);
            assert_true(back <= position + 1);
            if (given_up) {
                assert_int_equal(recovery_end(&r, &column, MOST, &back), RECOVERY_TAKE);
                assert_memory_equal(&r, &before, sizeof(r));
            }
            position = position + 1 - back;
            assert_true(r.redone <= MOST && looks < 40 + MOST + 1);
        }
        assert_true((r.alarms == 0) == (r.first == 0));
    }
}

/* Each column shows the same however often it comes: what is found at most costs a few tries a
 * column, whatever the columns before it show, and never all that the run may compute again. */
static void test_same_again(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 2000; seed++) {
        struct protection_finding finding[40];
        struct recovery r = {0};
        struct rng rng;
        rng_init(&rng, seed, 1);
        const uint64_t calm = 1 + rng_below(&rng, 6);
        for (uint32_t i = 0; i < 40; i++)
            finding[i] = (struct protection_finding){
                .severity = rng_below(&rng, calm) ? PROTECTION_QUIET
                                                  : (enum protection_severity)rng_below(&rng, 4),
                .back = 1 + (uint32_t)rng_below(&rng, 4)};
        bool proven = false;
        for (uint32_t position = 0; position < 40;) {
            const struct recovery_column column = {
                .position = position, .hashed = true, .finding = &finding[position]};
            uint32_t back;
            if (recovery_look(&r, &column, UINT32_MAX, &back) == RECOVERY_AUDIT)
                (void)recovery_audited(&r, &(struct protection_finding){0}, UINT32_MAX, &back);
            proven = proven || finding[position].severity == PROTECTION_HARD;
            position = position + 1 - (back <= position ? back : position + 1);
            assert_true(r.redone < 40 * 40);
        }
        assert_false(r.open);
        assert_int_equal(r.damage == DECODE_UNCORRECTED, proven);
    }
}

/* An alarm of an earlier column, raised while the run goes back, does not hide what becomes of the
 * one that sent it back. */
static void test_nested(void **state)
{
    const struct protection_finding soft = {.severity = PROTECTION_SOFT, .back = 1};
    const struct protection_finding hard = {.severity = PROTECTION_HARD, .back = 2};
    const struct protection_finding none = {0};
    struct recovery_column early = {.position = 6, .hashed = true, .finding = &none};
    struct recovery_column late = {.position = 7, .hashed = true, .finding = &hard};
    struct recovery r = {0};
    uint32_t back;
    (void)state;
    assert_int_equal(recovery_look(&r, &early, MOST, &back), RECOVERY_TAKE);
    assert_int_equal(recovery_look(&r, &late, MOST, &back), RECOVERY_REDO);
    early.finding = &soft;
    assert_int_equal(recovery_look(&r, &early, MOST, &back), RECOVERY_REDO);
    assert_int_equal(back, 1);
    assert_int_equal(recovery_look(&r, &early, MOST, &back), RECOVERY_AUDIT);
    assert_int_equal(recovery_audited(&r, &none, MOST, &back), RECOVERY_TAKE);
    assert_int_equal(r.damage, DECODE_FALSE_ALARM);
    late.finding = &none;
    assert_int_equal(recovery_look(&r, &late, MOST, &back), RECOVERY_TAKE);
    assert_false(r.open);
    assert_int_equal(r.damage, DECODE_CORRECTED);
    assert_int_equal(r.last, DECODE_CORRECTED);
    assert_int_equal(r.alarms, 2);
}

/* Stored damage is met again by each earlier column that comes again: once an audit has repaired it
 * all of them are computed again, however deep the run has gone back. */
static void test_cascade(void **state)
{
    const struct protection_finding hard = {.severity = PROTECTION_HARD, .back = 2};
    const struct protection_finding found = {
        .severity = PROTECTION_HARD, .back = 1, .repaired = true};
    const struct protection_finding none = {0};
    (void)state;
    for (uint32_t depth = 1; depth < 12; depth++) {
        struct recovery r = {0};
        struct recovery_column column = {.position = 20, .hashed = true, .finding = &hard};
        uint32_t back;
        enum recovery_action action = recovery_look(&r, &column, MOST, &back);
        while (action == RECOVERY_REDO) {
            column.position -= column.position > 21 - depth;
            action = recovery_look(&r, &column, MOST, &back);
        }
        assert_int_equal(action, RECOVERY_AUDIT);
        assert_int_equal(recovery_audited(&r, &found, MOST, &back), RECOVERY_REDO);
        column.finding = &none;
        for (column.position += 1 - back; column.position <= 20; column.position++)
            assert_int_equal(recovery_look(&r, &column, MOST, &back), RECOVERY_TAKE);
        assert_int_equal(r.damage, DECODE_CORRECTED);
        assert_false(r.open);
    }
}

static void test_end(void **state)
{
    const struct protection_finding found = {.severity = PROTECTION_HARD, .back = 5};
    const struct protection_finding none = {0};
    struct recovery_column last = {.position = 20, .finding = &none};
    struct recovery r = {0};
    uint32_t back;
    (void)state;
    assert_int_equal(recovery_end(&r, &last, MOST, &back), RECOVERY_TAKE);
    assert_int_equal(r.damage, DECODE_CLEAN);
    last.finding = &found;
    for (uint32_t i = 0; i < RECOVERY_TRIES; i++) {
        assert_int_equal(recovery_end(&r, &last, MOST, &back), RECOVERY_REDO);
        assert_int_equal(back, 5);
        for (last.finding = &none, last.position = 16; last.position <= 20; last.position++)
            assert_int_equal(recovery_look(&r, &last, MOST, &back), RECOVERY_TAKE);
        last.position = 20;
        last.finding = &found;
        assert_int_equal(r.damage, DECODE_CORRECTED);
    }
    assert_int_equal(recovery_end(&r, &last, MOST, &back), RECOVERY_TAKE);
    assert_int_equal(r.damage, DECODE_UNCORRECTED);
    assert_true(recovery_given_up(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenes),     cmocka_unit_test(test_any_findings),
        cmocka_unit_test(test_same_again), cmocka_unit_test(test_nested),
        cmocka_unit_test(test_cascade),    cmocka_unit_test(test_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
