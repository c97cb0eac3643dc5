/* SPDX-License-Identifier: MIT */
/* Buffers: device memory in four classes of use, written and read from the host. */
#ifndef VKFI_GPU_BUFFER_H
#define VKFI_GPU_BUFFER_H

#include <stdint.h>

#include "base/status.h"
#include "gpu/device.h"

enum gpu_buffer_use {
    GPU_BUFFER_STORAGE,  /* weights, activations: where the device is fastest */
    GPU_BUFFER_READBACK, /* results: mapped, quick to read for the host; kernels may write it */
    GPU_BUFFER_UPLOAD,   /* inputs: mapped, written by the host; kernels may read it */
    GPU_BUFFER_SHARED,   /* read and written by both: in the device's memory, with a mapped copy for
                            the host where it does not see that (stream_push, stream_pull) */
};

/* Every class may be bound to kernels, copied from and to, and filled. Contents start undefined. */
struct gpu_buffer;

/* `size` in bytes, rounded up to 16. Over a limit of the device, or out of memory:
 * STATUS_DEVICE_MEMORY, one line with what was asked and the limit; `name` (a literal or a text
 * that outlives the call) says which buffer in that line. A buffer may be longer than
 * max_storage_range: bind it in pieces. */
enum status gpu_buffer_create(struct gpu_buffer **out, struct gpu *gpu, enum gpu_buffer_use use,
                              uint64_t size, const char *name) STATUS_MUST_USE;
void gpu_buffer_destroy(struct gpu_buffer **buffer);

uint64_t gpu_buffer_size(const struct gpu_buffer *buffer);

/* Host address, coherent, or null when the buffer is not mapped (STORAGE of a device with memory of
 * its own); of SHARED perhaps that of the copy. The host reads it after stream_wait and writes it
 * before stream_submit. */
void *gpu_buffer_mapped(const struct gpu_buffer *buffer);

/* Copies at once and returns when done, through mapped memory or in chunks through a staging
 * buffer. No stream that uses the buffer may be in flight. Unmapped buffers: offset and size are
 * multiples of 4. */
enum status gpu_buffer_write(struct gpu_buffer *buffer, uint64_t offset, const void *data,
                             uint64_t size) STATUS_MUST_USE;
enum status gpu_buffer_read(struct gpu_buffer *buffer, uint64_t offset, void *data,
                            uint64_t size) STATUS_MUST_USE;

#endif
