/* SPDX-License-Identifier: MIT */
/* Arms of plans: identity by content, plans that need no other file, and what is refused. */
#include "plan_fixture.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

#define SAMPLING ",\"population\":\"ops\",\"sampling\":{\"trials\":10}"
#define TRAP "{\"protect\":[{\"kind\":\"nan_trap\"}]}"

static char folder[64]; /* with the files of the tests */

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(file_write(path, text, strlen(text)), STATUS_OK);
}

static enum status read_arms(struct plan_fixture *f, const char *arms)
{
    char text[4096];
    snprintf(text, sizeof(text), "{\"model\":\"tiny\",\"prompts\":{\"ids\":[[1]]}" SAMPLING "%s}",
             arms);
    *f = (struct plan_fixture){0};
    return plan_read(&f->plan, &f->arena,
                     &(struct plan_source){text, strlen(text), "plan.json", folder, NULL});
}

/* The identity of a plan with these arms. */
static void hash_of(const char *arms, char out[HASH_SHA256_TEXT])
{
    struct plan_fixture f;
    assert_int_equal(read_arms(&f, arms), STATUS_OK);
    memcpy(out, f.plan.hash, HASH_SHA256_TEXT);
    fixture_finish(&f);
}

static void expect_same(const char *a, const char *b, bool same)
{
    char x[HASH_SHA256_TEXT], y[HASH_SHA256_TEXT];
    hash_of(a, x);
    hash_of(b, y);
    if ((strcmp(x, y) == 0) != same)
        fail_msg("%s and %s: expected %s identity", a, b, same ? "one" : "another");
}

#define ONE(policy) ",\"arms\":[{\"name\":\"a\",\"policy\":" policy "}]"

/* What a policy says counts, not where it is written or how. */
static void test_identity(void **state)
{
    (void)state;
    write_file("trap.json", TRAP);
    write_file("again.json",
               "{ \"title\": \"of a study\",\n \"protect\": [ {\"kind\": \"nan_trap\"} ] }");
    write_file("less.json", "{\"protect\":[{\"kind\":\"nan_trap\"}],\"most_redone\":3}");
    expect_same(ONE(TRAP), ONE("\"nan_trap\""), true);
    expect_same(ONE(TRAP), ONE("\"trap.json\""), true);
    expect_same(ONE(TRAP), ONE("\"again.json\""), true);
    expect_same(ONE(TRAP), ONE("\"less.json\""), false);
    expect_same(ONE(TRAP), "", false);
    expect_same(ONE(TRAP), ",\"arms\":[{\"name\":\"b\",\"policy\":" TRAP "}]", false);
    expect_same(ONE(TRAP), ",\"arms\":[{\"policy\":\"trap.json\",\"name\":\"a\"}]", true);
}

#define CALIBRATED(path) "{\"protect\":[{\"kind\":\"nan_trap\"}],\"calibration\":\"" path "\"}"

/* A calibration counts by its bytes. */
static void test_calibration(void **state)
{
    (void)state;
    write_file("one.json", "{\"a\": 1}");
    write_file("copy.json", "{\"a\": 1}");
    write_file("two.json", "{\"a\": 2}");
    expect_same(ONE(CALIBRATED("one.json")), ONE(CALIBRATED("copy.json")), true);
    expect_same(ONE(CALIBRATED("one.json")), ONE(CALIBRATED("two.json")), false);
    expect_same(ONE(CALIBRATED("one.json")), ONE(TRAP), false);
    struct plan_fixture f;
    assert_int_equal(read_arms(&f, ONE(CALIBRATED("absent.json"))), STATUS_IO);
    fixture_finish(&f);
}

/* The text that a database keeps gives the same plan without any file; but a calibration that is
 * there must be the same. */
static void test_inline(void **state)
{
    struct plan_fixture f, again;
    (void)state;
    write_file("policy.json", CALIBRATED("cal.json"));
    write_file("cal.json", "bounds");
    assert_int_equal(read_arms(&f, ONE("\"policy.json\"")), STATUS_OK);
    assert_int_equal(f.plan.n_arms, 1);
    const struct plan_source source = {f.plan.text, strlen(f.plan.text), "out.db (plan)", "/absent",
                                       NULL};
    for (int there = 1; there >= 0; there--) {
        again = (struct plan_fixture){0};
        assert_int_equal(plan_read(&again.plan, &again.arena, &source), STATUS_OK);
        assert_string_equal(f.plan.hash, again.plan.hash);
        assert_string_equal(f.plan.canon, again.plan.canon);
        assert_string_equal(f.plan.arm[0].calibrated, again.plan.arm[0].calibrated);
        assert_string_equal(f.plan.arm[0].policy, again.plan.arm[0].policy);
        fixture_finish(&again);
        char path[128];
        snprintf(path, sizeof(path), "%s/cal.json", folder);
        unlink(path);
    }
    write_file("cal.json", "other bounds");
    again = (struct plan_fixture){0};
    assert_int_equal(plan_read(&again.plan, &again.arena, &source), STATUS_INPUT);
    fixture_finish(&again);
    fixture_finish(&f);
}

static void test_refused(void **state)
{
    static const char *const bad[] = {
        ",\"arms\":[]",
        ",\"arms\":{}",
        ",\"arms\":\"nan_trap\"",
        ",\"arms\":[null]",
        ",\"arms\":[{}]",
        ",\"arms\":[{\"name\":\"a\"}]",
        ",\"arms\":[{\"policy\":\"nan_trap\"}]",
        ",\"arms\":[{\"name\":\"none\",\"policy\":\"nan_trap\"}]",
        ",\"arms\":[{\"name\":\"\",\"policy\":\"nan_trap\"}]",
        ",\"arms\":[{\"name\":\"a b\",\"policy\":\"nan_trap\"}]",
        ",\"arms\":[{\"name\":\"123456789012345678901234567890123\",\"policy\":\"nan_trap\"}]",
        ",\"arms\":[{\"name\":\"a\",\"policy\":\"nan_trap\",\"weight\":1}]",
        ",\"arms\":[{\"name\":\"a\",\"policy\":\"nan_trap\"},{\"name\":\"a\",\"policy\":\"nan_"
        "trap\"}]",
        ONE("1"),
        ONE("{}"),
        ONE("{\"protect\":[]}"),
        ONE("{\"protect\":[{\"kind\":\"nothing\"}]}"),
        ONE("\"no such file\""),
        ONE("\"\""),
        ",\"arms\":[{\"name\":\"a\",\"policy\":\"nan_trap\",\"calibration\":\"00\"}]",
        ",\"arms\":[{\"name\":\"a\",\"policy\":\"nan_trap\",\"calibration\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\"}]",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct plan_fixture f;
        const enum status st = read_arms(&f, bad[i]);
        if (st != STATUS_INPUT && st != STATUS_IO)
            fail_msg("%s: found status %d, expected a refusal", bad[i], (int)st);
        fixture_finish(&f);
    }
    char most[4096] = ",\"arms\":[";
    for (uint32_t i = 0; i <= PLAN_ARMS_MOST; i++)
        snprintf(most + strlen(most), sizeof(most) - strlen(most),
                 "%s{\"name\":\"a%u\",\"policy\":\"nan_trap\"}", i ? "," : "", i);
    strcat(most, "]");
    struct plan_fixture f;
    assert_int_equal(read_arms(&f, most), STATUS_INPUT);
    fixture_finish(&f);
}

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/vkfi-arms.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    static const char *const names[] = {"trap.json", "again.json", "less.json",   "one.json",
                                        "copy.json", "two.json",   "policy.json", "cal.json"};
    char path[128];
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity), cmocka_unit_test(test_calibration),
        cmocka_unit_test(test_inline), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
