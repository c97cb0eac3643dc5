/* SPDX-License-Identifier: MIT */
/* The life of an open GGUF file, and its tensors by name. */
#include "model/gguf.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/gguf_impl.h"

static enum status create(struct gguf **out, const char *path)
{
    struct gguf *gguf = calloc(1, sizeof(*gguf));
    struct gguf_store *store = calloc(1, sizeof(*store));

    *out = NULL;
    if (!gguf || !store) {
        log_error("%s: out of host memory", path);
        goto fail;
    }
    gguf->store = store;
    gguf->path = arena_text(&store->arena, path, strlen(path));
    if (!gguf->path)
        goto fail;
    *out = gguf;
    return STATUS_OK;
fail:
    free(store);
    free(gguf);
    return STATUS_MEMORY;
}

enum status gguf_open(struct gguf **out, const char *path)
{
    enum status st = create(out, path);

    if (st)
        return st;
    st = file_map_init(&(*out)->map, path);
    if (st)
        goto fail;
    (*out)->mapped = true;
    st = gguf_read(*out);
    if (!st)
        return STATUS_OK;
fail:
    gguf_close(out);
    return st;
}

enum status gguf_open_memory(struct gguf **out, uint8_t *data, size_t size, const char *name)
{
    enum status st = create(out, name);

    if (st)
        return st;
    (*out)->map = (struct file_map){.data = data, .size = size};
    st = gguf_read(*out);
    if (st)
        gguf_close(out);
    return st;
}

void gguf_close(struct gguf **gguf)
{
    struct gguf *g = *gguf;

    if (!g)
        return;
    if (g->mapped)
        file_map_finish(&g->map);
    arena_finish(&g->store->arena);
    free(g->store);
    free(g);
    *gguf = NULL;
}

const char *gguf_path(const struct gguf *gguf)
{
    return gguf->path;
}

uint64_t gguf_tensor_count(const struct gguf *gguf)
{
    return gguf->tensor_count;
}

const struct tensor *gguf_tensors(const struct gguf *gguf)
{
    return gguf->store->tensor;
}

static int match_name(const void *name, const void *slot)
{
    return strcmp(name, (*(struct tensor *const *)slot)->name);
}

const struct tensor *gguf_tensor(const struct gguf *gguf, const char *name)
{
    struct tensor **slot = NULL;

    if (gguf->tensor_count > 0)
        slot = bsearch(name, gguf->store->by_name, (size_t)gguf->tensor_count,
                       sizeof(struct tensor *), match_name);
    return slot ? *slot : NULL;
}

int gguf_file(const struct gguf *gguf)
{
    return gguf->map.file;
}

void gguf_release(const struct gguf *gguf)
{
    if (gguf->mapped)
        file_map_release(&gguf->map, 0, gguf->map.size);
}

enum status gguf_stored(const struct gguf *gguf, const struct tensor *tensor, uint64_t offset,
                        void *out, size_t size)
{
    return file_map_read(&gguf->map, tensor->offset + offset, out, size);
}
