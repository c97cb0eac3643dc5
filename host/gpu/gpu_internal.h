/* SPDX-License-Identifier: MIT */
/* What the files of this folder share: the open device and the way Vulkan errors become codes. */
#ifndef VKFI_GPU_GPU_INTERNAL_H
#define VKFI_GPU_GPU_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <volk.h>

#include "base/status.h"
#include "gpu/buffer.h"
#include "gpu/device.h"
#include "gpu/kernel.h"
#include "gpu/stream.h"

/* Calls a Vulkan function; on anything but VK_SUCCESS logs it and jumps. Needs `gpu` (may be null),
 * `enum status st` and label `fail` in scope. */
#define VK(call)                                                                                   \
    do {                                                                                           \
        VkResult vk_result = (call);                                                               \
        if (vk_result != VK_SUCCESS) {                                                             \
            st = gpu_fail(gpu, vk_result, #call, __FILE__, __LINE__);                              \
            goto fail;                                                                             \
        }                                                                                          \
    } while (0)

/* What a texel binding sees: quads of words. */
#define GPU_TEXEL_FORMAT VK_FORMAT_R32G32B32A32_UINT

/* Longest the device may take for a copy of ours, in seconds. */
#define GPU_TRANSFER_TIMEOUT 60.0

struct gpu_instance {
    VkInstance instance;
    VkDebugUtilsMessengerEXT messenger;
    _Atomic uint32_t messages; /* of the validation layer; its address is the messenger's user
                                  data */
    uint32_t least_version;    /* of devices: what the program needs, or, to compile only, any */
};

struct gpu {
    struct gpu_instance instance;
    struct gpu_info info;
    VkPhysicalDevice physical;
    VkDevice device;
    struct VolkDeviceTable vk;
    VkQueue queue;
    uint32_t family;
    VkPhysicalDeviceMemoryProperties memory;
    double timestamp_seconds; /* one tick */
    uint64_t timestamp_mask;
    bool compile_only;
    bool lost;      /* nothing works any more */
    bool abandoned; /* work is still in flight that will never be waited for: nothing is freed */

    VkPipelineCache cache;
    char *cache_path;    /* owned; null: not kept */
    uint64_t cache_hash; /* of the bytes that it began with */
    bool compiled;       /* some pipeline was made */

    uint64_t memory_limit, memory_used, memory_peak; /* bytes */
    uint64_t heap_used[VK_MAX_MEMORY_HEAPS];         /* bytes */
    bool told_of_host_memory;
    uint64_t serial;     /* of the next buffer */
    uint64_t generation; /* rises when a buffer or a kernel is destroyed: what names it is stale */

    struct gpu_sets *sets;          /* gpu_sets.c; created on first use */
    struct gpu_pipeline *pipelines; /* gpu_pipelines.c; owned list */

    struct stream *transfer;    /* made when first wanted */
    struct gpu_buffer *staging; /* likewise */
};

struct gpu_buffer {
    struct gpu *gpu;
    uint64_t serial;            /* never used twice */
    uint64_t size, memory_size; /* bytes: as asked, as taken from the device */
    VkBuffer handle;
    VkDeviceMemory memory;
    uint32_t heap;
    uint8_t *mapped;         /* null: not mapped */
    bool cached;             /* the host reads it quickly */
    struct gpu_buffer *copy; /* of a shared buffer, for the host; owned; null: it sees this one */
};

/* Bindings of a kernel by bits: texel buffers if also in `texels`, else storage buffers; bytes of
 * push constants. */
struct gpu_set_shape {
    uint32_t bindings, texels, push_size;
};

/* Shared by all kernels of one shape: SwiftShader finds a compiled program by the pipeline layout's
 * handle, and would compile it again for each equal layout. */
struct gpu_layouts {
    VkDescriptorSetLayout set;
    VkPipelineLayout pipeline;
};

struct kernel {
    struct gpu *gpu;
    const char *name;
    VkPipelineLayout layout; /* borrowed from the device */
    VkPipeline pipeline;     /* the device's, or owned if captured */
    struct gpu_set_shape shape;
    uint32_t aliased; /* bindings that may be one buffer, as bits */
    uint32_t local_size[3];
    bool captured;
};

/* Logs the failed call and gives its code; marks a lost device. */
enum status gpu_fail(struct gpu *gpu, VkResult result, const char *call, const char *file,
                     int line) STATUS_MUST_USE;

const char *gpu_result_name(VkResult result);

/* STATUS_DEVICE_LOST (logged) if the device is lost. */
enum status gpu_check(const struct gpu *gpu) STATUS_MUST_USE;

/* Loads the loader and the drivers. */
enum status gpu_instance_init(struct gpu_instance *out,
                              const struct gpu_params *params) STATUS_MUST_USE;
void gpu_instance_finish(struct gpu_instance *instance);

/* Devices that fit (Vulkan 1.2, a compute queue), in the order of gpu_list; count at most
 * GPU_LIST_MAX. */
enum status gpu_instance_devices(const struct gpu_instance *instance,
                                 VkPhysicalDevice out[GPU_LIST_MAX],
                                 size_t *out_count) STATUS_MUST_USE;

/* Fills in all but `index`. */
void gpu_info_read(struct gpu_info *out, VkPhysicalDevice physical);
bool gpu_info_has_extension(VkPhysicalDevice physical, const char *name);

/* Family with compute, without graphics if there is one, or UINT32_MAX. */
uint32_t gpu_info_family(VkPhysicalDevice physical, VkQueueFamilyProperties *out);

/* STATUS_USAGE, logged: none or several; `selector` null: the best. */
enum status gpu_list_choose(const struct gpu_list *list, const char *selector,
                            size_t *out) STATUS_MUST_USE;

/* What a buffer's memory has to be. */
struct gpu_memory_request {
    enum gpu_buffer_use use;
    uint32_t types; /* bits */
    uint64_t size;  /* bytes */
    const char *name;
};

/* Refuses what is over a limit before the driver is asked: a CPU driver grants more than there is,
 * and the process is killed later. */
enum status gpu_memory_check(const struct gpu *gpu, const char *name,
                             uint64_t size) STATUS_MUST_USE;

/* Memory for a buffer, of the first type by preference that has some. */
enum status gpu_memory_take(struct gpu_buffer *out,
                            const struct gpu_memory_request *request) STATUS_MUST_USE;
void gpu_memory_give(struct gpu_buffer *buffer);

/* Length of a list indexed by binding. */
static inline uint32_t gpu_bindings_end(uint32_t bindings)
{
    return bindings ? 32 - (uint32_t)__builtin_clz(bindings) : 0;
}

/* The layouts of a shape: made on first use, owned by the device. */
enum status gpu_sets_layouts(struct gpu *gpu, struct gpu_set_shape shape,
                             struct gpu_layouts *out) STATUS_MUST_USE;

/* A descriptor set of these bindings (by number), and its views: kept and reused. */
enum status gpu_sets_get(struct gpu *gpu, const struct stream_binding *bindings,
                         struct gpu_set_shape shape, VkDescriptorSet *out) STATUS_MUST_USE;

/* Drops the sets that name a buffer. */
void gpu_sets_forget(struct gpu *gpu, uint64_t serial);
void gpu_sets_finish(struct gpu *gpu);

/* What makes a pipeline another one: the module as the driver gets it, which has the constants and
 * the interface, and the subgroup size that is asked for. */
struct gpu_pipeline_key {
    const uint32_t *words; /* (count) */
    size_t count;
    uint32_t subgroup_size;
};

/* The place of a pipeline, which the caller fills if it is null; the device keeps it to its end. */
enum status gpu_pipelines_find(struct gpu *gpu, const struct gpu_pipeline_key *key,
                               VkPipeline **out) STATUS_MUST_USE;
void gpu_pipelines_finish(struct gpu *gpu);

/* The pipeline cache: read at open, written back at close; `folder` null: not kept. */
enum status gpu_cache_init(struct gpu *gpu, const char *folder) STATUS_MUST_USE;
void gpu_cache_finish(struct gpu *gpu);

#endif
