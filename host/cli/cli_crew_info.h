/* SPDX-License-Identifier: MIT */
/* What the database says of a device: identity, driver, probe, constants, processor. */
#ifndef VKFI_CLI_CREW_INFO_H
#define VKFI_CLI_CREW_INFO_H

#include "base/arena.h"
#include "base/status.h"
#include "cli/cli_device.h"
#include "inject/store/store.h"

/* Of an open device with its executor; texts from `arena`. */
enum status cli_crew_info(struct store_device *out, struct arena *arena,
                          const struct cli_device *device) STATUS_MUST_USE;

#endif
