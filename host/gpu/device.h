/* SPDX-License-Identifier: MIT */
/* Vulkan devices: what is there, what each can do, and one of them opened. */
#ifndef VKFI_GPU_DEVICE_H
#define VKFI_GPU_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* An open device. Everything made from it (buffers, kernels, streams) is destroyed before it. One
 * thread at a time may use a device and what was made from it. */
struct gpu;

enum gpu_kind {
    GPU_KIND_OTHER,
    GPU_KIND_INTEGRATED,
    GPU_KIND_DISCRETE,
    GPU_KIND_VIRTUAL,
    GPU_KIND_CPU, /* a driver that runs shaders on the processor: lavapipe, SwiftShader */
};

/* VkPhysicalDeviceFloatControlsProperties for 32 bits, as reported. */
struct gpu_float_controls {
    bool denorm_preserve;
    bool denorm_flush_to_zero;
    bool rounding_rte;
    bool rounding_rtz;
    bool signed_zero_inf_nan_preserve;
};

/* Plain data: may be copied. Texts are null-terminated. */
struct gpu_info {
    char name[256];
    char driver_name[256]; /* "llvmpipe", "NVIDIA" */
    char driver_info[256]; /* the driver's own words: "Mesa 22.3.6 (LLVM 15.0.6)" */
    char uuid[33];         /* deviceUUID, 32 hex digits */
    char pci[16];          /* "0000:3a:00.0", empty: not known */
    uint32_t index;        /* index in the list, as numeric selectors mean it */
    uint32_t vendor_id, device_id;
    uint32_t driver_version; /* the driver's own packing */
    uint32_t api_version;    /* VK_MAKE_API_VERSION packing */
    enum gpu_kind kind;

    uint64_t max_storage_range; /* bytes one binding may see */
    uint64_t max_alloc;         /* bytes of one buffer */
    uint64_t memory_size;       /* bytes of the largest device-local heap */
    uint32_t storage_alignment; /* offsets of bindings are multiples of this */
    uint32_t max_texels;        /* quads (four 32-bit words) a texel binding may see, 0: there are
                                   no texel bindings of quads */
    uint32_t texel_alignment;   /* offsets of texel bindings are multiples of this */
    uint32_t max_push_size;     /* bytes */
    uint32_t max_shared_size;   /* bytes of workgroup memory */
    uint32_t max_bindings;      /* storage buffers of one kernel */
    uint32_t max_texel_bindings;
    uint32_t max_group_count[3];
    uint32_t max_group_size[3];
    uint32_t max_group_invocations;

    uint32_t subgroup_size; /* when nothing is asked for */
    uint32_t min_subgroup_size,
        max_subgroup_size;        /* what kernel_params may ask for; 0, 0: nothing */
    uint32_t subgroup_operations; /* VkSubgroupFeatureFlags */

    struct gpu_float_controls float_controls;
    bool host_visible; /* device memory is mapped: gpu_buffer_mapped is not null */
    bool timestamps;   /* stream_params.timing works */
    bool statistics;   /* kernel_params.capture works */
};

#define GPU_LIST_MAX 16

struct gpu_list {
    size_t count;
    struct gpu_info item[GPU_LIST_MAX];
};

/* All zeros are the defaults. Texts live until the call returns. */
struct gpu_params {
    const char *selector;     /* null: best real GPU, else the first CPU device; digits: the index;
                                 a UUID or a PCI address, with or without its domain; else part of
                                 the device's or driver's name, any case */
    const char *driver_files; /* VK_DRIVER_FILES of the process, for messages only; null: not set */
    const char *kernel_folder; /* keeps compiled kernels between runs; null: none does */
    uint64_t memory_limit;     /* bytes buffers may take together; 0: what the heaps have */
    bool validate;     /* Khronos validation layer on; STATUS_DEVICE if it is not installed */
    bool unmapped;     /* leave device memory unmapped where it could be mapped, as on a discrete
                          GPU: for tests */
    bool compile_only; /* kernels only: no memory is touched, nothing can be run; a device may
                          report any version of Vulkan */
};

/* Devices with a compute queue and Vulkan 1.2, in the loader's order. The drivers are loaded in a
 * child process first, so that one that crashes or hangs is an error line and not the end of this
 * process. STATUS_DEVICE with one line when there is no loader, no driver or no such device. */
enum status gpu_list(struct gpu_list *out, const struct gpu_params *params) STATUS_MUST_USE;

/* The same; the line about a failure goes to `why`, not to the log. */
#define GPU_LIST_WHY 1024
enum status gpu_list_try(struct gpu_list *out, const struct gpu_params *params,
                         char why[GPU_LIST_WHY]) STATUS_MUST_USE;

/* The devices that a selector means, in the list's order: stores their places, returns how many. */
size_t gpu_list_fits(const struct gpu_list *list, const char *selector, size_t out[GPU_LIST_MAX]);

/* Call fpenv_set() first: CPU drivers take over this thread's floating-point mode (NUMERICS.md 5).
 * STATUS_USAGE if the selector fits no device or several. `params` null: defaults. */
enum status gpu_open(struct gpu **out, const struct gpu_params *params) STATUS_MUST_USE;
void gpu_close(struct gpu **gpu);

const struct gpu_info *gpu_get_info(const struct gpu *gpu);

/* "cpu", "integrated", ... */
const char *gpu_kind_name(enum gpu_kind kind);

/* One line: name, kind, driver, API version. Returns `text`. */
const char *gpu_describe(const struct gpu_info *info, char *text, size_t size);

/* Warnings and errors of the validation layer so far; each was logged. 0 without `validate`. */
uint32_t gpu_validation_messages(const struct gpu *gpu);

/* True once the device was lost or did not answer in time: every later call says
 * STATUS_DEVICE_LOST. Open it again in a new process. */
bool gpu_is_lost(const struct gpu *gpu);

/* Bytes of all live buffers, and the most there ever were. */
uint64_t gpu_memory_used(const struct gpu *gpu);
uint64_t gpu_memory_peak(const struct gpu *gpu);

#endif
