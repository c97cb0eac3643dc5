/* SPDX-License-Identifier: MIT */
/* Devices: options, opening on a thread of their own, users. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_fields.h"
#include "base/log.h"
#include "lib/vkfi_impl.h"
#include "shared/order.h"

#define POSITIONS_DEFAULT 4096u
#define SESSIONS_MOST 1024
#define THREADS_MOST 1024
#define COLUMNS_MOST 65536

struct opening {
    struct vkfi_device *device;
    const struct vkfi_device_setup *setup;
    const char *name; /* of the device, resolved */
};

/* Branches and pages for every session and for records; one of each more while a run takes over K
 * and V of another. */
static void size_kv(struct vkfi_device *d)
{
    struct executor_params *needs = &d->needs;
    const uint32_t blocks = order_ceil(needs->positions, KV_PAGE_POSITIONS);
    needs->branches = needs->pages = 0;
    if (d->records)
        golden_needs(needs, &d->shape);
    needs->branches += d->sessions + 1;
    needs->pages += d->sessions * blocks + 1;
}

static enum status open_device(void *what)
{
    const struct opening *o = what;
    struct vkfi_device *d = o->device;
    const struct vkfi_device_setup *setup = o->setup;
    enum status st = lib_device_find(&d->device, o->name, &setup->gpu);
    if (!st && setup->stage)
        setup->stage(setup->stage_user, &d->device);
    st = st ? st : lib_device_admit(&d->device);
    size_kv(d);
    st = st ? st : lib_device_start(&d->device, &d->needs);
    st = st ? st : tap_open(&d->pass, d->device.ex);
    if (!st)
        executor_info(d->device.ex, &d->info);
    return st;
}

static enum status close_device(void *what)
{
    struct vkfi_device *d = what;
    tap_close(&d->pass);
    return lib_device_finish(&d->device);
}

/* The name of a form that computes on the model's mapping, if "cpu" stands for one now; others
 * stay. */
static const char *resolve(const struct vkfi_model *model, const char *name)
{
    if (strcmp(name, lib_device_form_name(CPU_AUTO)) != 0)
        return name;
    const enum cpu_form form = cpu_form_for(CPU_AUTO, model->model);
    return cpu_form_maps(form) ? lib_device_form_name(form) : name;
}

static bool wants_alone(const char *name)
{
    for (int form = CPU_SCALAR; form < CPU_FORMS; form++) {
        if (strcmp(name, lib_device_form_name((enum cpu_form)form)) == 0)
            return cpu_form_maps((enum cpu_form)form);
    }
    return false;
}

static enum status join_model(struct vkfi_model *model, const char *name)
{
    const bool alone = wants_alone(name);
    pthread_mutex_lock(&model->lock);
    const bool free = !model->alone && (!alone || model->devices == 0);
    if (free) {
        model->devices++;
        model->alone = alone;
    }
    pthread_mutex_unlock(&model->lock);
    if (free)
        return STATUS_OK;
    log_error("device %s: found the model on another device, expected a model opened for it alone: "
              "cpu:scalar and cpu:mapped strike the model's own memory",
              name);
    return (enum status)VKFI_BUSY;
}

static void leave_model(struct vkfi_model *model)
{
    pthread_mutex_lock(&model->lock);
    model->devices--;
    model->alone = false;
    pthread_mutex_unlock(&model->lock);
}

/* A sink of the log for the user's function. */
struct line_taker {
    vkfi_log *log;
    void *user;
};

static void take_line(void *user, enum log_level level, const char *line)
{
    const struct line_taker *to = user;
    to->log(to->user, (int)level, line);
}

enum status vkfi_device_make(struct vkfi_device **out, struct vkfi_model *model,
                             const struct vkfi_device_setup *setup)
{
    struct vkfi_device *d = *out = calloc(1, sizeof(*d) + sizeof(struct line_taker));
    struct line_taker *taker = d ? (struct line_taker *)(d + 1) : NULL;
    if (!d) {
        log_error("out of memory for a device");
        return STATUS_MEMORY;
    }
    *taker = (struct line_taker){setup->log, setup->log_user};
    d->needs = setup->needs;
    d->needs.model = model->model;
    d->records = setup->records;
    d->shape = setup->shape;
    d->sessions = setup->sessions;
    d->model = model;
    atomic_init(&d->users, 1);
    const char *name = resolve(model, setup->name);
    enum status st = join_model(model, name);
    if (st) {
        free(d);
        *out = NULL;
        return st;
    }
    vkfi_model_keep(model);
    st = vkfi_engine_start(&d->engine, setup->log ? take_line : NULL, taker);
    if (st) {
        leave_model(model);
        vkfi_model_close(model);
        free(d);
        *out = NULL;
        return st;
    }
    st = vkfi_engine_do(&d->engine, open_device, &(struct opening){d, setup, name});
    if (st) {
        char why[2048];
        snprintf(why, sizeof(why), "%s", log_last_error());
        vkfi_device_close(d);
        log_keep_error(why);
        *out = NULL;
    }
    return st;
}

void vkfi_device_keep(struct vkfi_device *device)
{
    atomic_fetch_add(&device->users, 1);
}

void vkfi_device_close(vkfi_device *device)
{
    if (!device || atomic_fetch_sub(&device->users, 1) != 1)
        return;
    const enum status st = vkfi_device_finish(device);
    (void)st; /* closing cannot be refused: the log has what was found */
}

enum status vkfi_device_finish(struct vkfi_device *device)
{
    const enum status st = vkfi_engine_do(&device->engine, close_device, device);
    vkfi_engine_stop(&device->engine);
    leave_model(device->model);
    vkfi_model_close(device->model);
    free(device);
    return st;
}

const char *vkfi_device_name(const vkfi_device *device)
{
    return device ? device->info.device : "";
}

const char *vkfi_device_driver(const vkfi_device *device)
{
    return device ? device->info.driver : "";
}

/* --- options --- */

static enum status read_sizes(struct vkfi_device_setup *out, const struct json_doc *doc,
                              const struct json *object, uint32_t context)
{
    struct executor_params *needs = &out->needs;
    needs->positions = context < POSITIONS_DEFAULT ? context : POSITIONS_DEFAULT;
    out->sessions = 1;
    enum status st = json_fields_u32(doc, object, "positions", (struct json_span){1, context},
                                     &needs->positions);
    st = st ? st
            : json_fields_u32(doc, object, "sessions", (struct json_span){1, SESSIONS_MOST},
                              &out->sessions);
    st = st ? st
            : json_fields_u32(doc, object, "columns", (struct json_span){0, COLUMNS_MOST},
                              &needs->columns);
    return st ? st
              : json_fields_u32(doc, object, "threads", (struct json_span){0, THREADS_MOST},
                                &needs->threads);
}

static enum status read_storage(enum storage *out, const struct json_doc *doc,
                                const struct json *object, const char *key)
{
    static const char *const names[] = {"f32", "f16", "bf16"}; /* enum storage */
    uint32_t index = STORAGE_F32;
    const enum status st = json_fields_word(
        doc, object, key, (struct json_words){names, sizeof(names) / sizeof(*names)}, &index);
    *out = (enum storage)index;
    return st;
}

static enum status read_options(struct vkfi_device_setup *out, const struct json_doc *doc,
                                uint32_t context)
{
    static const char *const known[] = {"device",  "act",     "kv",      "positions", "sessions",
                                        "columns", "threads", "records", "kernels",   "validate"};
    const struct json *object = json_root(doc);
    enum status st = json_fields_object(doc, object, "options of a device, an object",
                                        (struct json_words){known, sizeof(known) / sizeof(*known)});
    st = st ? st : json_fields_text(doc, object, "device", &out->name);
    st = st ? st : read_storage(&out->needs.act, doc, object, "act");
    st = st ? st : read_storage(&out->needs.kv, doc, object, "kv");
    st = st ? st : read_sizes(out, doc, object, context);
    st = st ? st : json_fields_bool(doc, object, "records", &out->records);
    st = st ? st : json_fields_text(doc, object, "kernels", &out->gpu.kernel_folder);
    st = st ? st : json_fields_bool(doc, object, "validate", &out->gpu.validate);
    const uint32_t positions = out->needs.positions;
    out->shape = (struct golden_shape){.n_ids = positions - positions / 2, .n = positions / 2};
    if (!st && out->records && positions < 2) {
        log_error("%s: found 1 position, expected at least 2 with 'records'",
                  json_where(doc, object));
        st = STATUS_INPUT;
    }
    return st;
}

vkfi_status vkfi_device_open(vkfi_device **out, vkfi_model *model, const char *options,
                             vkfi_log *log, void *log_user)
{
    struct vkfi_device_setup setup = {.name = "cpu", .log = log, .log_user = log_user};
    struct json_doc *doc = NULL;
    const char *text = options ? options : "{}";
    log_keep_error("");
    if (!out || !model)
        return vkfi_status_refuse(VKFI_USAGE,
                                  "vkfi_device_open: found null, expected `out` and a model");
    *out = NULL;
    enum status st = json_parse(&doc, text, strlen(text), "options");
    st = st ? st : read_options(&setup, doc, model->model->hp.n_ctx);
    st = st ? st : vkfi_device_make(out, model, &setup);
    json_destroy(&doc);
    return vkfi_status_of(st);
}
