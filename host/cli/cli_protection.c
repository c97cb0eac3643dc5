/* SPDX-License-Identifier: MIT */
/* Events of runs as lines. */
#include "cli/cli_protection.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"

void cli_protection_say(const struct lib_protection *protection,
                        const struct lib_findings *findings, const char *indent)
{
    uint32_t dropped;
    const uint32_t n = lib_protection_events(protection, findings, &dropped);
    for (uint32_t i = 0; i < n; i++) {
        struct text line = {0};
        const enum status st = lib_protection_line(&line, protection, findings, i);
        if (!st && indent)
            printf("%s%s\n", indent, line.data);
        else if (!st)
            log_warn("%s", line.data);
        text_finish(&line);
    }
    if (dropped > 0 && !indent)
        log_warn("%" PRIu32 " more events", dropped);
}
