/* SPDX-License-Identifier: MIT */
/* Each shader's interface, and the shape of its workgroups on a kind of device. */
#include "vk/vk_kernels.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "gpu/device.h"
#include "shader_table.h"
#include "shared/guards.h"
#include "shared/push.h"
#include "shared/push_fused.h"
#include "shared/sums.h"

_Static_assert(QUANT_FIELD_CODE == 0 && QUANT_FIELD_SCALE == 1 && QUANT_FIELD_MIN == 2 &&
                   QUANT_FIELD_SUBSCALE == 3 && QUANT_FIELD_SUBMIN == 4,
               "weights.glsl names the fields by these numbers");

enum {
    HAS_ACT = 1,
    HAS_KV = 2,
    HAS_X = 4,
    HAS_Y = 8,
    HAS_HOOK = 16,
    HAS_NEXT = 32, /* and SPEC_KEEP */
    HAS_REREAD = 64,
    HAS_CAP = 128,
};

struct interface {
    const char *stem;
    uint32_t buffers, texels;  /* bindings before the hooks; bits of those read by FETCH */
    uint32_t same;             /* the binding that reads what another one writes, as a bit; 0: none.
                                  Where it is no texel buffer it is that other one */
    uint32_t push_size, specs; /* specs: HAS_* */
    uint32_t local_size_id[3];
};

#define LITERAL KERNEL_LITERAL
#define X_ONLY                                                                                     \
    {                                                                                              \
        SPEC_LANES_X, LITERAL, LITERAL                                                             \
    }
static const struct interface interfaces[VK_SHADER_COUNT] = {
    [VK_SHADER_EMBED] = {"embed",
                         3,
                         0,
                         0,
                         sizeof(struct push_embed),
                         HAS_ACT | HAS_HOOK,
                         {LITERAL, LITERAL, LITERAL}},
    [VK_SHADER_NORM] = {"norm",
                        3,
                        1 << 1 | 1 << 2,
                        1 << 1,
                        sizeof(struct push_norm),
                        HAS_ACT | HAS_Y | HAS_HOOK,
                        {SPEC_LANES_Y, LITERAL, LITERAL}},
    [VK_SHADER_NORM_LAYER] = {"norm_layer",
                              3,
                              1 << 1 | 1 << 2,
                              1 << 1,
                              sizeof(struct push_norm),
                              HAS_ACT | HAS_Y | HAS_HOOK,
                              {SPEC_LANES_Y, LITERAL, LITERAL}},
    [VK_SHADER_LINEAR] = {"linear",
                          3,
                          1 << 1 | 1 << 2,
                          0,
                          sizeof(struct push_linear),
                          HAS_ACT | HAS_Y | HAS_HOOK | HAS_NEXT | HAS_REREAD | HAS_CAP,
                          {LITERAL, SPEC_LANES_Y, LITERAL}},
    [VK_SHADER_ROPE] = {"rope", 4, 1 << 1 | 1 << 2, 1 << 1, sizeof(struct push_rope),
                        HAS_ACT | HAS_X | HAS_HOOK, X_ONLY},
    [VK_SHADER_STORE] = {"store", 3, 1 << 1, 0, sizeof(struct push_store), HAS_KV | HAS_X, X_ONLY},
    [VK_SHADER_SCORES] = {"scores", 4, 1 << 1 | 1 << 2, 1 << 1, sizeof(struct push_scores),
                          HAS_KV | HAS_X | HAS_HOOK | HAS_CAP, X_ONLY},
    [VK_SHADER_SOFTMAX] = {"softmax",
                           3,
                           1 << 1,
                           1 << 1,
                           sizeof(struct push_softmax),
                           HAS_X | HAS_Y | HAS_HOOK,
                           {SPEC_LANES_X, SPEC_LANES_Y, LITERAL}},
    [VK_SHADER_HEADS] = {"heads",
                         4,
                         1 << 1 | 1 << 2,
                         1 << 1,
                         sizeof(struct push_heads),
                         HAS_ACT | HAS_KV | HAS_X | HAS_Y | HAS_HOOK,
                         {SPEC_LANES_X, SPEC_LANES_Y, LITERAL}},
    [VK_SHADER_GATE] = {"gate", 2, 1 << 1, 1 << 1, sizeof(struct push_gate),
                        HAS_ACT | HAS_X | HAS_HOOK, X_ONLY},
    [VK_SHADER_GATE_ALONE] = {"gate_alone", 2, 1 << 1, 1 << 1, sizeof(struct push_gate),
                              HAS_ACT | HAS_X | HAS_HOOK, X_ONLY},
    [VK_SHADER_ADD] = {"add", 2, 1 << 1, 1 << 1, sizeof(struct push_add),
                       HAS_ACT | HAS_X | HAS_HOOK, X_ONLY},
    [VK_SHADER_CHOOSE] = {"choose", 2, 1 << 1, 1 << 1, sizeof(struct push_choose), HAS_X | HAS_HOOK,
                          X_ONLY},
    [VK_SHADER_ROUTE] = {"route", 2, 1 << 1, 1 << 1, sizeof(struct push_route), HAS_X | HAS_HOOK,
                         X_ONLY},
    [VK_SHADER_EXPERTS] = {"experts",
                           3,
                           1 << 1 | 1 << 2,
                           0,
                           sizeof(struct push_experts),
                           HAS_ACT | HAS_Y | HAS_HOOK | HAS_REREAD,
                           {LITERAL, SPEC_LANES_Y, LITERAL}},
    [VK_SHADER_MIX] = {"mix", 2, 1 << 1, 1 << 1, sizeof(struct push_mix),
                       HAS_ACT | HAS_X | HAS_HOOK, X_ONLY},
    [VK_SHADER_SHARE] = {"share", 2, 1 << 1, 1 << 1, sizeof(struct push_add),
                         HAS_ACT | HAS_X | HAS_HOOK, X_ONLY},
    [VK_SHADER_LOGITS] = {"logits", 3, 1 << 2, 0, sizeof(struct push_logits), HAS_X, X_ONLY},
    [VK_SHADER_FEATURES] = {"features", 3, 1 << 2, 0, sizeof(struct push_features), HAS_X, X_ONLY},
    [VK_SHADER_GUARD] = {"guard", 4, 1 << 3, 1 << 3, sizeof(struct push_guard), HAS_X, X_ONLY},
    [VK_SHADER_STORED_SUMS] = {"stored_sums", 3, 1 << 1, 0, sizeof(struct push_guard),
                               HAS_KV | HAS_X, X_ONLY},
    [VK_SHADER_KV_SUMS] = {"kv_sums", 2, 1 << 1, 0, sizeof(struct push_kv_sums), HAS_X, X_ONLY},
    [VK_SHADER_WEIGHT_SUMS] = {"weight_sums", 2, 1 << 1, 0, sizeof(struct push_weight_sums), HAS_X,
                               X_ONLY},
    [VK_SHADER_GUARD_ABFT] = {"guard_abft", 4, 1 << 1 | 1 << 2, 0, sizeof(struct push_guard), HAS_X,
                              X_ONLY},
    [VK_SHADER_FUSED_ROPE] = {"fused_rope", 5, 1 << 1 | 1 << 2, 1 << 1,
                              sizeof(struct push_fused_rope), HAS_ACT | HAS_KV | HAS_X, X_ONLY},
    [VK_SHADER_FUSED_ATTENTION] = {"fused_attention",
                                   4,
                                   1 << 1 | 1 << 2,
                                   1 << 1,
                                   sizeof(struct push_fused_attention),
                                   HAS_ACT | HAS_KV | HAS_X | HAS_Y | HAS_CAP,
                                   {SPEC_LANES_X, SPEC_LANES_Y, LITERAL}},
};

/* CPU drivers: one vector of invocations, nothing shared. GPUs: the partials of a sum side by side,
 * joined through workgroup memory. */
static const struct vk_shape shape_processor = {
    .x = {[VK_SHADER_ROPE] = 8,        [VK_SHADER_STORE] = 8,      [VK_SHADER_SCORES] = 8,
          [VK_SHADER_SOFTMAX] = 8,     [VK_SHADER_HEADS] = 8,      [VK_SHADER_GATE] = 8,
          [VK_SHADER_GATE_ALONE] = 8,  [VK_SHADER_ADD] = 8,        [VK_SHADER_CHOOSE] = 8,
          [VK_SHADER_ROUTE] = 8,       [VK_SHADER_MIX] = 8,        [VK_SHADER_SHARE] = 8,
          [VK_SHADER_LOGITS] = 8,      [VK_SHADER_FEATURES] = 8,   [VK_SHADER_GUARD] = 8,
          [VK_SHADER_STORED_SUMS] = 8, [VK_SHADER_KV_SUMS] = 8,    [VK_SHADER_WEIGHT_SUMS] = 8,
          [VK_SHADER_GUARD_ABFT] = 8,  [VK_SHADER_FUSED_ROPE] = 8, [VK_SHADER_FUSED_ATTENTION] = 8},
    .y = {[VK_SHADER_NORM] = 8,
          [VK_SHADER_NORM_LAYER] = 8,
          [VK_SHADER_LINEAR] = 1,
          [VK_SHADER_EXPERTS] = 1,
          [VK_SHADER_SOFTMAX] = 1,
          [VK_SHADER_HEADS] = 1,
          [VK_SHADER_FUSED_ATTENTION] = 1},
    .patch_y = 1,
    .forms = {{1, 1}, {4, 1}},
    .keys = 1,
};
static const struct vk_shape shape_gpu = {
    .x = {[VK_SHADER_ROPE] = 64,
          [VK_SHADER_STORE] = 64,
          [VK_SHADER_SCORES] = 64,
          [VK_SHADER_SOFTMAX] = 4,
          [VK_SHADER_HEADS] = 16,
          [VK_SHADER_GATE] = 64,
          [VK_SHADER_GATE_ALONE] = 64,
          [VK_SHADER_ADD] = 64,
          [VK_SHADER_CHOOSE] = 64,
          [VK_SHADER_ROUTE] = 8,
          [VK_SHADER_MIX] = 64,
          [VK_SHADER_SHARE] = 64,
          [VK_SHADER_LOGITS] = 64,
          [VK_SHADER_FEATURES] = 64,
          [VK_SHADER_GUARD] = 64,
          [VK_SHADER_STORED_SUMS] = 64,
          [VK_SHADER_KV_SUMS] = 64,
          [VK_SHADER_WEIGHT_SUMS] = 64,
          [VK_SHADER_GUARD_ABFT] = 64,
          [VK_SHADER_FUSED_ROPE] = 64,
          [VK_SHADER_FUSED_ATTENTION] = 16},
    .y = {[VK_SHADER_NORM] = 16,
          [VK_SHADER_NORM_LAYER] = 16,
          [VK_SHADER_LINEAR] = 8,
          [VK_SHADER_EXPERTS] = 8,
          [VK_SHADER_SOFTMAX] = 16,
          [VK_SHADER_HEADS] = 16,
          [VK_SHADER_FUSED_ATTENTION] = 8},
    .patch_y = 16, /* no sums wait then: hooks need the registers */
    .forms = {{1, 1}, {2, 1}},
    .keys = 1,
};

/* CPU drivers whose texel bindings see as much as storage bindings. */
static bool reads_texels(const struct gpu_info *info)
{
    return info->kind == GPU_KIND_CPU && info->max_texel_bindings >= 2 &&
           (uint64_t)info->max_texels * 16 >= info->max_storage_range;
}

/* GPUs with 64 registers an invocation at most: ARM's. */
static bool has_few_registers(const struct gpu_info *info)
{
    return info->kind != GPU_KIND_CPU && info->vendor_id == 0x13b5;
}

/* LINEAR there: one column, more invocations for a sum, and no codes kept between steps. */
static void take_few_registers(struct vk_shape *shape)
{
    shape->y[VK_SHADER_LINEAR] = 16;
    shape->forms[1] = (struct vk_form){0};
    shape->reread = true;
}

/* Narrows a workgroup to what the device allows: HEADS has 256 invocations, and 128 are guaranteed.
 * Any width gives the same bits. */
static void fit(uint32_t *x, uint32_t y, uint32_t most)
{
    while (*x > 1 && *x * (y > 0 ? y : 1) > most)
        *x /= 2;
}

void vk_kernels_init(struct vk_kernels *out, struct gpu *gpu, enum storage act, enum storage kv)
{
    const struct gpu_info *info = gpu_get_info(gpu);
    const bool processor = info->kind == GPU_KIND_CPU;

    *out = (struct vk_kernels){
        .gpu = gpu, .act = act, .kv = kv, .shape = processor ? shape_processor : shape_gpu};
    if (has_few_registers(info))
        take_few_registers(&out->shape);
    for (int i = 0; i < VK_SHADER_COUNT; i++)
        fit(&out->shape.x[i], out->shape.y[i], info->max_group_invocations);
    if (!reads_texels(info))
        return;
    out->shape.texel = true;
    out->shape.keys = 2;
    out->shape.forms[1] = (struct vk_form){2, 1};
    out->shape.forms[2] = (struct vk_form){4, 2};
}

void vk_kernels_finish(struct vk_kernels *kernels)
{
    struct kernel **all = &kernels->kernels[0][0][0][0][0][0][0];

    for (size_t i = 0; i < sizeof(kernels->kernels) / sizeof(struct kernel *); i++) {
        if (all[i])
            kernel_destroy(&all[i]);
    }
}

static bool has_forms(enum vk_shader shader)
{
    return shader == VK_SHADER_LINEAR || shader == VK_SHADER_EXPERTS;
}

static bool has_types(enum vk_shader shader)
{
    return shader == VK_SHADER_EMBED || has_forms(shader);
}

/* "linear_q4_1_4_texel" */
static const struct shader_code *code_of(const struct vk_kernels *k,
                                         const struct vk_kernel_key *key)
{
    char name[64];
    int n = snprintf(name, sizeof(name), "%s", interfaces[key->shader].stem);

    if (has_types(key->shader)) {
        n += snprintf(name + n, sizeof(name) - (size_t)n, "_%s", quant_name(key->type));
        for (int i = 0; i < n; i++)
            name[i] = (char)tolower((unsigned char)name[i]);
    }
    if (has_forms(key->shader))
        n += snprintf(name + n, sizeof(name) - (size_t)n, "_%u", k->shape.forms[key->form].columns);
    if (k->shape.texel && interfaces[key->shader].texels)
        snprintf(name + n, sizeof(name) - (size_t)n, "_texel");
    return shader_find(name);
}

uint32_t vk_kernels_bindings(const struct vk_kernels *kernels, const struct vk_kernel_key *key)
{
    const struct interface *interface = &interfaces[key->shader];
    const uint32_t hooks = interface->specs & HAS_HOOK && key->form == 0 ? 1u << HOOK_BINDING : 0;
    const uint32_t all = (1u << interface->buffers) - 1;
    return (kernels->shape.texel ? all : all & ~interface->same) | hooks;
}

struct constants {
    uint32_t count;
    uint32_t ids[8];
    struct kernel_constant values[8];
};

static void add(struct constants *c, uint32_t id, uint32_t value)
{
    c->ids[c->count] = id;
    c->values[c->count++] = (struct kernel_constant){id, value};
}

static struct constants constants_of(const struct vk_kernels *k, const struct vk_kernel_key *key)
{
    const uint32_t specs = interfaces[key->shader].specs;
    const bool patch = key->shader == VK_SHADER_LINEAR && key->point != HOOK_OFF;
    struct constants c = {0};

    if (specs & HAS_ACT)
        add(&c, SPEC_ACT, key->unrounded ? (uint32_t)STORAGE_F32 : (uint32_t)k->act);
    if (specs & HAS_KV)
        add(&c, SPEC_KV, k->kv);
    if (specs & HAS_X)
        add(&c, SPEC_LANES_X, k->shape.x[key->shader]);
    if (specs & HAS_Y)
        add(&c, SPEC_LANES_Y, patch ? k->shape.patch_y : k->shape.y[key->shader]);
    if (specs & HAS_NEXT) {
        add(&c, SPEC_KEEP, key->keeps);
        add(&c, SPEC_NEXT, key->next);
    }
    if (specs & HAS_REREAD && !k->shape.texel)
        add(&c, SPEC_REREAD, k->shape.reread);
    if (specs & HAS_CAP)
        add(&c, SPEC_CAP, key->capped);
    if (specs & HAS_HOOK && key->form == 0)
        add(&c, HOOK_SPEC_ID, key->point);
    return c;
}

enum status vk_kernels_get(struct vk_kernels *kernels, const struct vk_kernel_key *key,
                           const struct kernel **out)
{
    const struct interface *interface = &interfaces[key->shader];
    struct kernel **kernel =
        &kernels->kernels[key->shader][key->type][key->form][key->unrounded][key->keeps]
                         [key->capped ? NEXT_GATE + 1 : key->next][key->point];
    enum status st = STATUS_OK;

    if (!*kernel) {
        const struct constants c = constants_of(kernels, key);
        struct kernel_params params = {
            .code = code_of(kernels, key),
            .layout = {.bindings = vk_kernels_bindings(kernels, key),
                       .texels = kernels->shape.texel ? interface->texels : 0,
                       .push_size = interface->push_size,
                       .spec_count = c.count,
                       .spec_ids = c.ids},
            .constants = c.values,
            .constant_count = c.count,
        };
        memcpy(params.layout.local_size_id, interface->local_size_id,
               sizeof(interface->local_size_id));
        if (!params.code) {
            log_error("vk: shader '%s' for %s is not in this build", interface->stem,
                      quant_name(key->type));
            return STATUS_INTERNAL;
        }
        st = kernel_create(kernel, kernels->gpu, &params);
    }
    *out = *kernel;
    return st;
}

/* Appends while there is room. */
__attribute__((format(printf, 3, 4))) static void describe(char *out, size_t size,
                                                           const char *format, ...)
{
    const size_t at = strlen(out);
    va_list args;

    va_start(args, format);
    vsnprintf(out + at, size - at, format, args);
    va_end(args);
}

void vk_kernels_describe(const struct vk_kernels *kernels, char *out, size_t size)
{
    const struct vk_shape *shape = &kernels->shape;

    snprintf(out, size, "{\"texel\":%s,\"lanes\":{", shape->texel ? "true" : "false");
    for (int i = 0; i < VK_SHADER_COUNT; i++)
        describe(out, size, "%s\"%s\":[%" PRIu32 ",%" PRIu32 "]", i > 0 ? "," : "",
                 interfaces[i].stem, shape->x[i], shape->y[i]);
    describe(out, size, "},\"linear\":[");
    for (size_t i = 0; i < sizeof(shape->forms) / sizeof(*shape->forms); i++)
        describe(out, size, "%s[%" PRIu32 ",%" PRIu32 "]", i > 0 ? "," : "",
                 shape->forms[i].columns, shape->forms[i].tiles);
    describe(out, size, "]}");
}
