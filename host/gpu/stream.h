/* SPDX-License-Identifier: MIT */
/* Streams: work recorded once, submitted as often as wanted, waited for with a limit. */
#ifndef VKFI_GPU_STREAM_H
#define VKFI_GPU_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "gpu/buffer.h"
#include "gpu/device.h"
#include "gpu/kernel.h"

/* States: empty, recording (stream_begin), ready (first stream_submit ends the recording),
 * in flight (stream_submit), ready again (stream_wait). Calls out of this order are
 * STATUS_INTERNAL. Buffers and kernels recorded live as long as the recording. */
struct stream;

/* All zeros are the defaults. */
struct stream_params {
    bool timing;         /* GPU timestamps around each dispatch, copy and fill */
    uint32_t timing_max; /* operations timed; later ones are not; 0: 4096 */
};

struct stream_binding {
    const struct gpu_buffer *buffer;
    uint64_t offset; /* bytes, a multiple of info->storage_alignment, or texel_alignment */
    uint64_t range; /* bytes, at most info->max_storage_range, or 16 max_texels; 0: up to the end */
};

struct stream_dispatch {
    const struct kernel *kernel;
    const struct stream_binding *bindings; /* (binding_count) by number, copied */
    uint32_t binding_count; /* up to the highest of layout.bindings; gaps are ignored */
    const void *push;       /* (push_size) bytes, copied */
    uint32_t push_size;
    uint32_t groups[3];
    const char *label; /* for timing; lives as long as the recording; null: the kernel's name */
};

struct stream_copy {
    const struct gpu_buffer *from;
    const struct gpu_buffer *to;
    uint64_t from_offset, to_offset, size; /* bytes */
};

/* One timed operation. */
struct stream_time {
    const char *label;
    double seconds;
};

/* `params` null: defaults. */
enum status stream_create(struct stream **out, struct gpu *gpu,
                          const struct stream_params *params) STATUS_MUST_USE;

/* Does not wait: not to be called in flight (unless the device is lost). */
void stream_destroy(struct stream **stream);

/* Starts anew. A recording that has the operations of one of the last few, and names nothing that
 * was destroyed since, is not recorded again: its command buffer is submitted once more. */
enum status stream_begin(struct stream *stream) STATUS_MUST_USE;

/* Descriptor sets are kept per list of bindings, so recording the same list again is cheap. A range
 * over the device's limit: STATUS_DEVICE_MEMORY; bindings, push size or alignment other than the
 * kernel's: STATUS_INTERNAL. Any group count of 0 records nothing. */
enum status stream_dispatch(struct stream *stream,
                            const struct stream_dispatch *dispatch) STATUS_MUST_USE;

/* All that was recorded before is finished, its writes seen, before what follows starts. */
void stream_barrier(struct stream *stream);

/* Ordered only by stream_barrier, as dispatches are. */
enum status stream_copy(struct stream *stream, const struct stream_copy *copy) STATUS_MUST_USE;

/* Ranges of SHARED buffers, of which each side may have its own: what the host has written to where
 * kernels read it, before what follows; and what was written before to where the host reads it.
 * Records nothing, no barrier either, where both have one. Sizes of 0 are left out. */
struct stream_span {
    const struct gpu_buffer *buffer;
    uint64_t offset, size; /* bytes */
};
enum status stream_push(struct stream *stream, const struct stream_span *spans,
                        uint32_t n) STATUS_MUST_USE;
enum status stream_pull(struct stream *stream, const struct stream_span *spans,
                        uint32_t n) STATUS_MUST_USE;

/* Fills a range (offset and range multiples of 4; range 0: up to the end) with one word. */
enum status stream_fill(struct stream *stream, const struct stream_binding *to,
                        uint32_t word) STATUS_MUST_USE;

/* Starts the recorded work after all work submitted to this device before it. Writes of the host to
 * mapped buffers before this call are seen. */
enum status stream_submit(struct stream *stream) STATUS_MUST_USE;

/* Returns when the work is done and its writes are visible to the host. No answer within `seconds`,
 * or the device gone: STATUS_DEVICE_LOST. Work that a driver cancelled without a word (the canary
 * every submit writes last is missing): STATUS_DEVICE. */
enum status stream_wait(struct stream *stream, double seconds) STATUS_MUST_USE;

/* Both. */
enum status stream_run(struct stream *stream, double seconds) STATUS_MUST_USE;

/* Dispatches and barriers recorded since stream_begin, with those that every recording has. */
uint32_t stream_dispatch_count(const struct stream *stream);
uint32_t stream_barrier_count(const struct stream *stream);

/* Command buffers recorded since the stream's creation. */
uint64_t stream_recording_count(const struct stream *stream);

/* Timed operations of the last finished submit, in order: stores up to `room`, sets *out_count to
 * how many there are. Without timing: none. */
enum status stream_times(struct stream *stream, struct stream_time *out, size_t room,
                         size_t *out_count) STATUS_MUST_USE;

#endif
