/* SPDX-License-Identifier: MIT */
/* Available memory from made-up /proc and /sys: the least of machine and groups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"

static char root[64];

/* A file under `root`, with its folders. */
static void put(const char *path, const char *text)
{
    char full[512];
    snprintf(full, sizeof(full), "%s%s", root, path);
    for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        mkdir(full, 0700);
        *at = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int begin(void **state)
{
    (void)state;
    strcpy(root, "/tmp/test_memory_XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int end(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", root);
    return system(command);
}

static void nothing_is_said(void **state)
{
    (void)state;
    assert_true(memory_available(root) == UINT64_MAX);
    put("/proc/meminfo", "MemTotal: 5 kB\nMemAvailableX: 7 kB\nMemAvailable: none\n");
    put("/proc/self/cgroup", "0::/\n10::/a\nbad\n");
    put("/sys/fs/cgroup/memory.max", "max\n");
    put("/sys/fs/cgroup/a/memory.max", "12\n");
    assert_true(memory_available(root) == UINT64_MAX);
}

static void machine(void **state)
{
    (void)state;
    put("/proc/meminfo", "MemTotal:  9000 kB\nMemFree: 1 kB\nMemAvailable:    7000 kB\n");
    assert_int_equal(memory_available(root), 7000 * 1024);
}

static void groups(void **state)
{
    (void)state;
    put("/proc/meminfo", "MemAvailable: 7000 kB\n");
    put("/proc/self/cgroup", "4:memory:/a/b\n2:cpu:/c\n0::/d/e\n");
    put("/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
    assert_int_equal(memory_available(root), 7000 * 1024);
    /* A group around it limits too; cached files do not count. */
    put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "5000000\n");
    put("/sys/fs/cgroup/memory/a/memory.stat", "cache 77\nrss 5\ntotal_cache 99\ntotal_rss 200\n");
    assert_int_equal(memory_available(root), 5000000 - 200);
    put("/sys/fs/cgroup/d/e/memory.max", "3000000\n");
    put("/sys/fs/cgroup/d/e/memory.stat", "anon 1000\nfile 500000\n");
    assert_int_equal(memory_available(root), 3000000 - 1000);
    put("/sys/fs/cgroup/d/e/memory.stat", "anon 4000000\n");
    assert_int_equal(memory_available(root), 0);
}

static void this_machine(void **state)
{
    (void)state;
    const uint64_t bytes = memory_available("");
    assert_true(bytes > 1 << 20);
    assert_true(bytes < (uint64_t)1 << 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(nothing_is_said, begin, end),
                                       cmocka_unit_test_setup_teardown(machine, begin, end),
                                       cmocka_unit_test_setup_teardown(groups, begin, end),
                                       cmocka_unit_test(this_machine)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
