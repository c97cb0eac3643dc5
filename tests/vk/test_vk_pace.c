/* SPDX-License-Identifier: MIT */
/* Submits on simulated devices: none so long that a watchdog ends it, few once the speed is known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vk/vk_pace.h"
#include "vk/vk_state.h"

#define WATCHDOG 0.6 /* seconds; the strictest known ends submits after a second or two */

struct device {
    double rate;            /* units a second with many columns */
    double latency;         /* seconds of a submit */
    double decoding, noise; /* the rate with one column is that many times lower; and varies so */
};

static uint32_t seed = 5;

static double draw(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (double)(seed >> 8) / (1 << 24);
}

/* A pass of so many units in dispatches of `each`, as vk_run_room splits it. The longest submit. */
static double run_pass(struct vk_pace *pace, const struct device *d, double units, double each,
                       uint32_t *submits)
{
    double longest = 0, recorded = 0, seconds = 0;
    const double slow = each < 1e6 ? d->decoding : 1;
    *submits = 0;
    for (double done = 0; done < units || recorded > 0;) {
        const double next = each < units - done ? each : units - done;
        if (next > 0 && (recorded == 0 || recorded + next <= (double)pace->budget)) {
            recorded += next;
            done += next;
            seconds += next / d->rate * slow * (1 + d->noise * draw());
            continue;
        }
        seconds += d->latency;
        longest = seconds > longest ? seconds : longest;
        vk_pace_learn(pace, (uint64_t)recorded, seconds);
        recorded = seconds = 0;
        ++*submits;
    }
    return longest;
}

static void test_devices(void **state)
{
    (void)state;
    /* a weak embedded GPU, CPU drivers, an old laptop, an integrated and a large GPU, a huge one */
    static const struct device devices[] = {{0.6e9, 1e-3, 2, 0.2}, {3e9, 1e-4, 1, 0.2},
                                            {2e10, 2e-4, 2, 0.1},  {2e11, 1e-4, 3, 0.1},
                                            {2e13, 3e-5, 4, 0.05}, {1e15, 1e-5, 4, 0.05}};
    for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++) {
        const struct device *d = &devices[i];
        struct vk_pace pace;
        vk_pace_begin(&pace, false);
        for (int pass = 0; pass < 200; pass++) {
            uint32_t submits;
            const bool decodes = draw() < 0.5;
            const double units = decodes ? 1e9 * draw() : 3e10 * draw();
            const double each = decodes ? 5e5 : units / 200;
            const double most = units / d->rate * (decodes ? d->decoding : 1) * (1 + d->noise);
            const double longest = run_pass(&pace, d, units, each, &submits);
            assert_true(longest <= WATCHDOG);
            if (pass > 20) /* the speed is known */
                assert_true(submits <= 2 + (uint32_t)(4 * most / VK_PACE_SECONDS));
        }
    }
}

/* A stall makes submits shorter for a while, not for good. */
static void test_stall(void **state)
{
    (void)state;
    const struct device d = {1e11, 1e-4, 2, 0};
    struct vk_pace pace;
    uint32_t submits;
    vk_pace_begin(&pace, false);
    for (int pass = 0; pass < 10; pass++)
        run_pass(&pace, &d, 3e10, 1e8, &submits);
    const uint64_t before = pace.budget;
    vk_pace_learn(&pace, before, 30); /* the machine slept */
    assert_in_range(pace.budget, before / 8, before / 2);
    for (int pass = 0; pass < 4; pass++)
        run_pass(&pace, &d, 3e10, 1e8, &submits);
    assert_true(pace.budget >= before / 2);
    /* and what takes no time at all does no harm */
    vk_pace_learn(&pace, 0, 0);
    vk_pace_learn(&pace, 1, 0);
    assert_true(pace.budget >= before / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_devices),
                                       cmocka_unit_test(test_stall)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
