/* SPDX-License-Identifier: MIT */
/* The model's metadata and the types of its tensors as JSON. */
#include "inject/campaign/campaign_about.h"

#include <sys/stat.h>

#include "base/json.h"

/* "general.file_type" of GGUF, of the types that are supported. */
static const char *file_type_name(uint64_t type)
{
    static const struct {
        uint64_t type;
        const char *name;
    } names[] = {{0, "F32"},     {1, "F16"},   {2, "Q4_0"},    {3, "Q4_1"},    {7, "Q8_0"},
                 {8, "Q5_0"},    {9, "Q5_1"},  {14, "Q4_K_S"}, {15, "Q4_K_M"}, {16, "Q5_K_S"},
                 {17, "Q5_K_M"}, {18, "Q6_K"}, {32, "BF16"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (names[i].type == type)
            return names[i].name;
    }
    return NULL;
}

static enum status put_metadata(struct json_writer *w, const struct gguf *gguf)
{
    const char *name = NULL;
    uint64_t type = 0;
    size_t length = 0;
    enum status st = STATUS_OK;
    if (gguf_has(gguf, "general.name"))
        st = gguf_text(gguf, "general.name", &name, &length);
    if (!st && gguf_has(gguf, "general.file_type"))
        st = gguf_uint(gguf, "general.file_type", UINT32_MAX, &type);
    if (st)
        return st;
    if (name)
        json_member_text(w, "name", name);
    if (gguf_has(gguf, "general.file_type") && file_type_name(type))
        json_member_text(w, "file_type", file_type_name(type));
    return STATUS_OK;
}

static void put_tensors(struct json_writer *w, const struct gguf *gguf)
{
    json_put_key(w, "tensors");
    json_object_open(w);
    for (int type = 0; type < QUANT_COUNT; type++) {
        int64_t count = 0;
        for (uint64_t i = 0; i < gguf_tensor_count(gguf); i++)
            count += gguf_tensors(gguf)[i].type == (enum quant)type;
        if (count > 0)
            json_member_int(w, quant_name((enum quant)type), count);
    }
    json_object_close(w);
}

enum status campaign_about_model(const char **out, struct arena *arena, const struct model *model)
{
    struct json_memory m;
    struct stat info;
    json_begin_memory(&m, false);
    json_object_open(&m.w);
    json_member_text(&m.w, "architecture", hparams_arch_name(model->hp.arch));
    json_take(&m.w, put_metadata(&m.w, model->gguf));
    if (stat(gguf_path(model->gguf), &info) == 0)
        json_member_int(&m.w, "bytes", info.st_size);
    put_tensors(&m.w, model->gguf);
    json_object_close(&m.w);
    return json_end_line(out, &m, arena);
}
