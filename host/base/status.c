/* SPDX-License-Identifier: MIT */
/* Names and exit codes of enum status. */
#include "base/status.h"

struct status_row {
    const char *name;
    int exit_code;
};

static const struct status_row rows[STATUS_COUNT] = {
    [STATUS_OK] = {"ok", 0},
    [STATUS_USAGE] = {"usage", 2},
    [STATUS_INPUT] = {"input", 2},
    [STATUS_IO] = {"io", 2},
    [STATUS_DEVICE] = {"device", 3},
    [STATUS_DEVICE_LOST] = {"device_lost", 3},
    [STATUS_DEVICE_MEMORY] = {"device_memory", 3},
    [STATUS_MEMORY] = {"memory", 4},
    [STATUS_INTERNAL] = {"internal", 4},
    [STATUS_GATE] = {"gate", 1},
    [STATUS_UNCORRECTED] = {"uncorrected", 5},
};

int status_exit_code(enum status st)
{
    return (unsigned)st < STATUS_COUNT ? rows[st].exit_code : 4;
}

const char *status_name(enum status st)
{
    return (unsigned)st < STATUS_COUNT ? rows[st].name : "unknown";
}
