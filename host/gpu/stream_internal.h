/* SPDX-License-Identifier: MIT */
/* What recording and submission of a stream share. */
#ifndef VKFI_GPU_STREAM_INTERNAL_H
#define VKFI_GPU_STREAM_INTERNAL_H

#include "gpu/gpu_internal.h"

#define STREAM_CANARY UINT32_C(0x6b617279)

enum stream_state { STREAM_EMPTY, STREAM_RECORDING, STREAM_READY, STREAM_IN_FLIGHT };

/* Operations one after the other (stream_log.c): what a command buffer is recorded from, and found
 * by. */
struct stream_log {
    uint8_t *bytes; /* (room) owned */
    size_t size, room;
};

/* A command buffer that was recorded from a log. */
struct stream_recording {
    VkCommandBuffer commands;
    struct stream_log log;
    uint64_t generation; /* of the device: later ones lack something that it names */
    uint64_t used;       /* the submit that used it last; 0: never */
};

#define STREAM_KEPT 4

struct stream {
    struct gpu *gpu;
    enum stream_state state;
    VkCommandPool pool;
    struct stream_log log; /* being recorded, or in flight or ready as `current` */
    struct stream_recording kept[STREAM_KEPT];
    struct stream_recording *current;
    enum status st; /* of the log */
    uint64_t submits, recordings;
    VkFence fence;
    struct gpu_buffer *canary; /* one word */
    uint32_t dispatches, barriers;

    VkQueryPool queries; /* (timing_max, start and end) null: not timed */
    uint32_t timing_max, timed;
    const char **labels; /* (timing_max) */
    uint64_t *ticks;     /* (timing_max, start and end) of the last finished submit */
};

/* STATUS_INTERNAL (logged, naming `call`) if the stream is in another state. */
enum status stream_expect(const struct stream *stream, enum stream_state state,
                          const char *call) STATUS_MUST_USE;

enum stream_op { STREAM_OP_DISPATCH, STREAM_OP_COPY, STREAM_OP_FILL, STREAM_OP_BARRIER };

/* Members are set one by one on zeros: logs are compared as bytes. */
struct stream_op_dispatch {
    VkPipeline pipeline;
    VkPipelineLayout layout;
    VkDescriptorSet set;
    const char *label;
    uint32_t groups[3], push_size; /* the bytes of push constants follow */
};
struct stream_op_copy {
    VkBuffer from, to;
    VkBufferCopy region;
};
struct stream_op_fill {
    VkBuffer to;
    uint64_t offset, size;
    uint32_t word;
    bool timed;
};
struct stream_op_barrier {
    bool host; /* what follows is the host */
};

/* Appends an operation: its members, then `extra` bytes. Without memory: STATUS_MEMORY, logged. */
struct stream_part {
    const void *bytes;
    size_t size;
};
enum status stream_log_add(struct stream_log *log, enum stream_op op, struct stream_part members,
                           struct stream_part extra) STATUS_MUST_USE;

/* The kept command buffer of the log of the stream, recorded unless it was before, becomes
 * `current`. */
enum status stream_log_record(struct stream *stream) STATUS_MUST_USE;

void stream_log_finish(struct stream *stream);

/* Adds the canary and what makes results visible to the host, ends the recording. */
enum status stream_finish_recording(struct stream *stream) STATUS_MUST_USE;

#endif
