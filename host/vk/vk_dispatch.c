/* SPDX-License-Identifier: MIT */
/* Hands one op's dispatch to the stream: kernel, bindings, push constants. */
#include "vk/vk_state.h"

enum status vk_dispatch(const struct vk_rec *rec, const struct vk_dispatch *d)
{
    struct vk *vk = rec->vk;
    const uint32_t has = vk_kernels_bindings(&vk->kernels, &d->key);
    struct stream_binding bindings[KERNEL_BINDINGS_MAX] = {{0}};
    struct stream_dispatch dispatch = {.bindings = bindings,
                                       .push = d->push,
                                       .push_size = d->push_size,
                                       .groups = {d->groups[0], d->groups[1], d->groups[2]},
                                       .label = rec->node ? rec->node->site : NULL};
    enum status st = vk_kernels_get(&vk->kernels, &d->key, &dispatch.kernel);

    for (uint32_t i = 0; has >> i; dispatch.binding_count = ++i)
        bindings[i].buffer = i == HOOK_BINDING ? vk->memory.hooks : d->buffers[i];
    for (uint32_t i = 0; i < 2; i++) {
        bindings[i].offset = d->parts[i].at * VK_QUAD;
        bindings[i].range = d->parts[i].quads * VK_QUAD;
    }
    return st ? st : stream_dispatch(vk->stream, &dispatch);
}
