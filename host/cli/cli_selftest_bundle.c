/* SPDX-License-Identifier: MIT */
/* The object that `vkfi selftest` prints and packs. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/log.h"
#include "cli/cli_campaign.h"
#include "cli/cli_selftest.h"
#include "inject/report/report_zip.h"
#include "shared/numerics.h"

#define FORMAT 1 /* of the object: a reader refuses others */

static const char *const VERDICTS[] = {
    [CLI_SELFTEST_PASSED] = "passed",
    [CLI_SELFTEST_REFUSED] = "refused",
    [CLI_SELFTEST_DIFFERS] = "differs",
    [CLI_SELFTEST_FAILED] = "failed",
};

static const char README[] =
    "What `vkfi selftest` found on one device: selftest.json, the facts of device and driver, the\n"
    "probe of its arithmetic, runs and faults compared bit for bit with the CPU, and its speed.\n"
    "It has no name of a user, host or folder, and no serial number.\n"
    "\n"
    "To add the device to the project's table: python3 tests/results/devices.py add THIS.zip\n";

/* The value of a member of the part's object under the same or another key; null without it. */
static void put_member(struct json_writer *w, const char *key, const struct cli_selftest_part *part)
{
    const struct json *value = part->doc ? json_get(json_root(part->doc), key) : NULL;
    if (value)
        json_member_value(w, key, value);
    else
        json_member_null(w, key);
}

static void put_date(struct json_writer *w)
{
    const time_t now = time(NULL);
    struct tm day;
    char text[16] = "";
    if (gmtime_r(&now, &day))
        strftime(text, sizeof(text), "%Y-%m-%d", &day);
    json_member_text(w, "date", text);
}

/* A part's object, or its error. */
static void put_part(struct json_writer *w, const struct cli_selftest_part *part)
{
    if (part->doc) {
        json_put_value(w, json_root(part->doc));
        return;
    }
    json_object_open(w);
    json_member_text(w, "part", part->name);
    json_member_text(w, "status", status_name(part->st));
    json_member_text(w, "error", part->error);
    json_object_close(w);
}

static void put_parts(struct json_writer *w, const struct cli_selftest *test)
{
    const struct cli_selftest_part *probe = &test->part[CLI_SELFTEST_PROBE];
    const struct cli_selftest_part *speed = &test->part[CLI_SELFTEST_SPEED_PART];
    json_member_value(w, "device", json_root(test->part[CLI_SELFTEST_DEVICE].doc));
    put_member(w, "probe", probe);
    put_member(w, "numerics", probe);
    json_member_array(w, "exactness");
    for (uint32_t i = CLI_SELFTEST_EXACT; i < CLI_SELFTEST_EXACT + CLI_SELFTEST_RUNS; i++) {
        if (test->part[i].done)
            put_part(w, &test->part[i]);
    }
    json_array_close(w);
    json_put_key(w, "speed");
    if (speed->done)
        put_part(w, speed);
    else
        json_put_null(w);
}

void cli_selftest_put(struct json_writer *w, const struct cli_selftest *test)
{
    struct utsname system = {0};
    struct arena arena = {0};
    const char *shaders = NULL;
    char contract[32];
    uname(&system);
    snprintf(contract, sizeof(contract), "exact-%d", NM_CONTRACT);
    json_take(w, cli_crew_shaders(&shaders, &arena));
    json_object_open(w);
    json_member_int(w, "format", FORMAT);
    json_member_text(w, "verdict", VERDICTS[test->verdict]);
    json_member_text(w, "line", text_of(&test->line));
    json_member_text(w, "tool", "vkfi " VKFI_VERSION);
    json_member_text(w, "contract", contract);
    json_member_text(w, "shaders", shaders);
    put_date(w);
    json_member_text(w, "system", system.sysname);
    json_member_text(w, "machine", system.machine);
    put_parts(w, test);
    json_object_close(w);
    arena_finish(&arena);
}

enum status cli_selftest_bundle(struct cli_selftest *test)
{
    struct json_memory m;
    json_begin_memory(&m, true);
    cli_selftest_put(&m.w, test);
    const enum status st = json_end_memory(&m, &test->arena);
    if (st)
        return st;
    const struct report_zip_entry entries[] = {
        {.name = "selftest.json", .data = m.text, .size = m.size},
        {.name = "README.txt", .data = README, .size = sizeof(README) - 1},
    };
    return report_zip_write(test->options.bundle, entries, sizeof(entries) / sizeof(*entries));
}
