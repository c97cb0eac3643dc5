/* SPDX-License-Identifier: MIT */
/* How fast a device reads its memory and starts work: what a kernel's speed is compared with. */
#ifndef VKFI_GPU_BANDWIDTH_H
#define VKFI_GPU_BANDWIDTH_H

#include <stdint.h>

#include "base/status.h"
#include "gpu/device.h"

/* Bytes per second of a plain read of `size` bytes (at least 4 MiB; 0: 256 MiB, 64 MiB on CPU
 * devices; no more than one binding may see). Best of several submits and of two shapes: one
 * stretch per invocation, or neighbours side by side. */
enum status bandwidth_read(struct gpu *gpu, uint64_t size, double *out) STATUS_MUST_USE;

/* Seconds of one empty dispatch and one barrier, in a stream of many. */
enum status bandwidth_dispatch(struct gpu *gpu, double *out) STATUS_MUST_USE;

#endif
