/* SPDX-License-Identifier: MIT */
/* A device that is played: what the real driver's device answers, changed as VKFI_TEST_PLAY says.
 */
#ifndef VKFI_TESTS_PLAYED_DEVICE_H
#define VKFI_TESTS_PLAYED_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <vulkan/vulkan.h>

/* VKFI_TEST_PLAY, settings with commas between them:
 *   discrete          a discrete GPU: its own memory is not visible to the host, and the first type
 *                     of the host's memory is not coherent, with atoms of 256 bytes
 *   local=N, host=N   bytes of its heap, and of the host's
 *   full=N            bytes after which its heap is full, whatever its size
 *   invocations=N, range=N, bindings=N, shared=N, push=N   limits, if the real ones are not lower
 *   vendor=N      who made it
 *   slow=N            nanoseconds of a workgroup
 *   watchdog=N        milliseconds of a submit after which the device is lost
 *   lost=N            the device is lost at the N-th submit
 *   late              and tells it when that is waited for
 *   equal             two devices that differ in UUID and PCI address
 *   same              two drivers of one device: equal in these too
 *   denormals, tozero denormals are kept, results rounded to zero: of lavapipe, by MXCSR
 *   wrong             kernels other than the probe's add where they should subtract
 *   families          a family of queues with graphics before one without */
bool played_device_has(const char *setting);
uint64_t played_device_number(const char *setting, uint64_t otherwise);

/* What is called in place of `real`: null: that itself. */
PFN_vkVoidFunction played_device_instance(const char *name, PFN_vkVoidFunction real);
PFN_vkVoidFunction played_calls_find(const char *name, PFN_vkVoidFunction real);

/* A new device: nothing was submitted. */
void played_calls_begin(void);

/* A call that is replaced, and where the real one is kept. */
struct played_device_entry {
    const char *name;
    PFN_vkVoidFunction play;
    PFN_vkVoidFunction *real;
};

/* Keeps `real` under its name; the one that plays it, null: none does. */
PFN_vkVoidFunction played_device_find(const struct played_device_entry *entries, size_t n,
                                      const char *name, PFN_vkVoidFunction real);

#endif
