/* SPDX-License-Identifier: MIT */
/* Prints the driver's statistics and ISA of SPIR-V files; nothing is run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/fpenv.h"
#include "base/log.h"
#include "base/text.h"
#include "gpu/device.h"
#include "gpu/kernel.h"
#include "gpu/spirv_reflect.h"

#define CONSTANTS_MAX 32

static const char usage[] = "usage: isa_dump < JOBS\n"
                            "A job is a line: exact|native FILE.spv [ID=VALUE ...], specialization "
                            "constants by id.\n"
                            "Prints \"device = ...\", \"controls = ...\" (float modes that the "
                            "device can be asked for),\n"
                            "then per job \"job = N\" and what kernel_statistics says.\n";

struct job {
    bool exact;
    const char *path;
    struct kernel_constant constant[CONSTANTS_MAX];
    uint32_t constants;
};

static enum status parse(struct job *out, char *line)
{
    char *rest = line, *word = strtok_r(rest, " ", &rest);
    *out = (struct job){.exact = word && strcmp(word, "exact") == 0};
    if (out->exact || (word && strcmp(word, "native") == 0))
        out->path = strtok_r(rest, " ", &rest);
    while (out->path && (word = strtok_r(rest, " ", &rest)) != NULL) {
        char *end, *value_end = NULL;
        unsigned long id = strtoul(word, &end, 10), value = 0;
        if (*end == '=')
            value = strtoul(end + 1, &value_end, 0);
        if (!value_end || *value_end != '\0' || out->constants == CONSTANTS_MAX) {
            log_error("found '%s', expected up to %d ID=VALUE", word, CONSTANTS_MAX);
            return STATUS_USAGE;
        }
        out->constant[out->constants++] =
            (struct kernel_constant){.id = (uint32_t)id, .value = (uint32_t)value};
    }
    if (out->path)
        return STATUS_OK;
    log_error("found a job that starts '%s', expected exact or native and a file", line);
    return STATUS_USAGE;
}

/* The shader's own layout, which this tool trusts and executors do not. */
static enum status describe(struct kernel_layout *out, struct spirv_reflect *reflect,
                            const struct shader_code *code)
{
    struct spirv module;
    enum status st = spirv_init(&module, code->words, code->size / sizeof(uint32_t), code->name);
    if (!st)
        st = spirv_reflect(reflect, &module);
    if (st)
        return st;
    *out = (struct kernel_layout){
        .bindings = reflect->bindings,
        .push_size = reflect->push_size,
        .texels = reflect->texels,
        .spec_count = reflect->spec_count,
        .spec_ids = reflect->spec_ids,
    };
    for (int i = 0; i < 3; i++)
        out->local_size_id[i] = reflect->local_size_id[i];
    return STATUS_OK;
}

static enum status dump(struct gpu *gpu, struct arena *arena, const struct job *job)
{
    struct kernel *kernel = NULL;
    struct spirv_reflect reflect;
    struct text text = {0};
    char *bytes;
    size_t size;
    enum status st = file_read(arena, job->path, &bytes, &size);
    if (st)
        return st;
    const struct shader_code code = {
        .name = job->path,
        .words = (const uint32_t *)(const void *)bytes,
        .size = size,
        .exact = job->exact,
    };
    struct kernel_params params = {
        .code = &code,
        .constants = job->constant,
        .constant_count = job->constants,
        .capture = true,
    };
    if ((st = describe(&params.layout, &reflect, &code)) != STATUS_OK ||
        (st = kernel_create(&kernel, gpu, &params)) != STATUS_OK ||
        (st = kernel_statistics(kernel, &text)) != STATUS_OK)
        goto fail;
    puts(text.data);
fail:
    text_finish(&text);
    kernel_destroy(&kernel);
    return st;
}

static enum status dump_all(struct gpu *gpu, struct arena *arena)
{
    struct job job;
    char *lines, *line;
    size_t size, number = 0;
    enum status st = file_read(arena, "-", &lines, &size);
    const struct gpu_info *info = gpu_get_info(gpu);
    const struct gpu_float_controls *c = &info->float_controls;
    printf("device = %s, %s %s\n", info->name, info->driver_name, info->driver_info);
    printf("controls = %s%s%s\n", c->denorm_flush_to_zero ? "flush " : "",
           c->rounding_rte ? "nearest " : "", c->signed_zero_inf_nan_preserve ? "preserve" : "");
    while (!st && (line = strtok_r(lines, "\n", &lines)) != NULL) {
        printf("job = %zu\n", number++);
        st = parse(&job, line);
        if (!st)
            st = dump(gpu, arena, &job);
    }
    return st;
}

int main(int argc, char **argv)
{
    struct arena arena = {0};
    struct gpu *gpu = NULL;
    const struct gpu_params params = {.selector = "0", .compile_only = true};
    fpenv_set();
    (void)argv;
    if (argc != 1) {
        fputs(usage, stderr);
        return status_exit_code(STATUS_USAGE);
    }
    enum status st = gpu_open(&gpu, &params);
    if (!st)
        st = dump_all(gpu, &arena);
    if (fflush(stdout) != 0) {
        log_error("standard output cannot be written");
        st = st ? st : STATUS_IO;
    }
    /* The device is not closed: what a driver submits as it opens may crash in its own thread on a
     * shim, as in V3DV, where closing waits for it. */
    _exit(status_exit_code(st));
}
