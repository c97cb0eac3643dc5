/* SPDX-License-Identifier: MIT */
/* Simulated devices, each of which breaks one assumption of NUMERICS.md: what they are, their
 * words, and that the probe refuses each for that reason, or admits it where the contract says so.
 */
#ifndef VKFI_TESTS_PROBE_DEVICE_H
#define VKFI_TESTS_PROBE_DEVICE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <xmmintrin.h>

#include "base/fpenv.h"
#include "probe/probe_work.h"

/* A word of a device, from the operands and the right word. */
typedef uint32_t probe_device_edit(const struct probe_operands *set, uint32_t right);

struct probe_device {
    const char *what;
    enum probe_class class;   /* the one it is refused for */
    unsigned control;         /* MXCSR bits flipped while all words are computed anew */
    probe_device_edit *edit;  /* or null */
    enum probe_class also[4]; /* further classes that differ; 0 (PROBE_INTEGER): none */
    bool any;                 /* any later class may differ too */
};

__attribute__((unused)) static float probe_device_float(uint32_t bits)
{
    return lang_float(bits);
}

__attribute__((unused)) static bool probe_device_denormal(uint32_t bits)
{
    return (bits & NM_INF) == 0 && (bits & 0x7fffff) != 0;
}

struct probe_device_bench {
    struct probe_work work;
    struct probe_result result;
};

__attribute__((unused)) static void probe_device_open(struct probe_device_bench *b, uint32_t round)
{
    fpenv_set();
    assert_int_equal(probe_work_init(&b->work, &b->result, round), STATUS_OK);
    memcpy(b->work.device, b->work.expected, b->work.words * sizeof(*b->work.device));
}

/* The words of the device, as the shader would have left them. */
static void probe_device_words(struct probe_work *work, const struct probe_device *device)
{
    if (device->control) {
        const unsigned before = _mm_getcsr();
        _mm_setcsr(before ^ device->control);
        probe_work_expect(work->device, work);
        _mm_setcsr(before);
    }
    for (size_t i = 0; device->edit && i < work->count; i++)
        work->device[i] = device->edit(&work->sets[i], work->expected[i]);
}

static bool probe_device_expects(const struct probe_device *device, enum probe_class class)
{
    bool found = class == device->class || (device->any && class > device->class);
    for (size_t i = 0; i < 4; i++)
        found = found || (device->also[i] != PROBE_INTEGER && device->also[i] == class);
    return found;
}

static void probe_device_check(const struct probe_device *device, const struct probe_result *result)
{
    char reason[PROBE_REASON_SIZE];
    const char *trait = probe_class_trait(device->class);
    const bool admitted = probe_admits(result, reason);
    print_message("%-26s %s: %s\n", device->what, admitted ? "admitted" : "refused", reason);
    if (strncmp(reason, trait, strlen(trait)) != 0)
        fail_msg("%s: expected the reason that %s", device->what, trait);
    assert_int_equal(admitted, probe_class_may_differ(device->class));
    assert_null(strchr(reason, '\n'));
    assert_true(strlen(reason) < PROBE_REASON_SIZE - 1);
    for (enum probe_class class = 0; class < PROBE_CLASS_COUNT; class ++) {
        if (result->differ[class] > 0 && !probe_device_expects(device, class))
            fail_msg("%s: %u cases of %s differ too", device->what, result->differ[class],
                     probe_class_name(class));
    }
}

/* Checks all devices; `classes`: bit c, a device is refused for class c. */
static void probe_device_test(const struct probe_device *device, size_t n, uint32_t classes)
{
    static struct probe_device_bench b;
    for (size_t i = 0; i < n; i++) {
        probe_device_open(&b, (uint32_t)i); /* no round is like another */
        probe_device_words(&b.work, &device[i]);
        probe_work_compare(&b.work, &b.result);
        probe_device_check(&device[i], &b.result);
        classes &= ~(1u << device[i].class);
        probe_work_finish(&b.work);
    }
    assert_int_equal(classes, 0);
}

#endif
