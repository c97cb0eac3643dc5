/* SPDX-License-Identifier: MIT */
/* What recording and submission of a stream share. */
#ifndef VKFI_GPU_STREAM_INTERNAL_H
#define VKFI_GPU_STREAM_INTERNAL_H

#include "gpu/gpu_internal.h"

#define STREAM_CANARY UINT32_C(0x6b617279)

enum stream_state { STREAM_EMPTY, STREAM_RECORDING, STREAM_READY, STREAM_IN_FLIGHT };

struct stream {
    struct gpu *gpu;
    enum stream_state state;
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkFence fence;
    struct gpu_buffer *canary; /* one word */
    uint32_t dispatches, barriers;

    const struct kernel *kernel; /* last one bound in this recording */
    VkDescriptorSet set;         /* likewise */

    VkQueryPool queries; /* (timing_max, start and end) null: not timed */
    uint32_t timing_max, timed;
    const char **labels; /* (timing_max) */
    uint64_t *ticks;     /* (timing_max, start and end) of the last finished submit */
};

/* STATUS_INTERNAL (logged, naming `call`) if the stream is in another state. */
enum status stream_expect(const struct stream *stream, enum stream_state state,
                          const char *call) STATUS_MUST_USE;

/* Adds the canary and what makes results visible to the host, ends the recording. */
enum status stream_finish_recording(struct stream *stream) STATUS_MUST_USE;

#endif
