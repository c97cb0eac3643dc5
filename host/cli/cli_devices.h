/* SPDX-License-Identifier: MIT */
/* What the files of `vkfi devices` share. */
#ifndef VKFI_CLI_DEVICES_H
#define VKFI_CLI_DEVICES_H

#include <stdbool.h>

#include "base/json.h"
#include "base/status.h"
#include "gpu/device.h"
#include "gpu/probe.h"

struct cli_devices_probe {
    enum status st; /* not OK: the device could not be probed, and `reason` is the error */
    bool admitted;
    char reason[512];
    struct probe_result result;
};

/* Member "cpu": the forms. */
void cli_devices_json_cpu(struct json_writer *w);

/* One object; `probe` null: not asked for. */
void cli_devices_json_gpu(struct json_writer *w, const struct gpu_info *info,
                          const struct cli_devices_probe *probe);

#endif
