/* SPDX-License-Identifier: MIT */
/* Campaigns on a tiny model for tests: devices that can do harm, and rows as text. */
#ifndef VKFI_TESTS_CAMPAIGN_BENCH_H
#define VKFI_TESTS_CAMPAIGN_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fpenv.h"
#include "base/log.h"
#include "base/text.h"
#include "cpu/cpu.h"
#include "gpu/device.h"
#include "inject/campaign/campaign.h"
#include "inject/store/store_doubt.h"
#include "model/schedule.h"
#include "tiny_model.h"
#include "vk/vk.h"

#define BENCH_DEVICES 4

enum bench_harm {
    BENCH_NONE,
    BENCH_ABORT,    /* the process ends             */
    BENCH_HANG,     /* a pass never comes back      */
    BENCH_LOST,     /* a pass says STATUS_DEVICE_LOST */
    BENCH_WRONG,    /* every logit row gets another hash */
    BENCH_NOT_OPEN, /* the device cannot be opened  */
};

/* Shared with the workers. */
struct bench_scene {
    enum bench_harm harm;
    uint32_t device; /* the one that does harm */
    long after;      /* passes, of all its workers together, before the harm */
    long times;      /* how often the harm is done; -1: always */
    long passes;     /* so far */
    long slow_ms;    /* a pause in each pass of the other devices */
    int32_t flushes; /* a column of this token flushes a value; 0: none does */
    int pid[BENCH_DEVICES];
    uint32_t opened; /* workers */
};

struct bench_device {
    struct bench_scene *scene;
    uint32_t index;
    const char *name;
    enum cpu_form form;
    bool vulkan;
    struct gpu *gpu;
};

struct bench {
    struct bench_scene *scene;
    struct arena arena;
    struct plan plan;
    struct model *model;
    struct bench_device user[BENCH_DEVICES];
    struct campaign_device device[BENCH_DEVICES];
    struct campaign_params params;
    volatile sig_atomic_t stop;
    char path[128];

    /* events */
    uint32_t goldens, batches, failed, aside, incidents, due;
    struct campaign_progress end; /* without its list of devices: */
    uint64_t ran[BENCH_DEVICES];
    uint32_t stop_after;            /* batches until `stop` is counted up; 0: never */
    uint32_t stop_after_goldens;    /* the same of golden runs                      */
    unsigned kill_seed;             /* workers are killed at random; 0: not */
    uint32_t killed, killed_at;     /* batches when one was last killed */
    uint32_t in_row[BENCH_DEVICES]; /* kills of a device since its last batch */
};

/* The device of this worker's process, for the pass below. */
static struct bench_device *bench_self;
static const struct executor_ops *bench_real;

static inline void bench_pause(long ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* Token ids of the items. */
static const char *bench_prompts = "[72,105,33,200,7,99,12,250],[3,8,140,2,7,19],[9,41,52]";

static inline void bench_flush(const struct pass *pass, int32_t token)
{
    volatile float tiny = 0x1p-126f, half = 0.5f, result;
    for (uint32_t i = 0; token != 0 && i < pass->n_columns; i++) {
        if (pass->columns[i].token == token && pass->columns[i].checkpoint == EXECUTOR_NONE)
            result = tiny * half;
    }
    (void)result;
}

/* The real pass with the scene's harm before or after it. */
static inline enum status bench_pass(struct executor *ex, const struct schedule *schedule,
                                     struct column_result *out)
{
    const struct pass *pass = schedule->pass;
    struct bench_scene *scene = bench_self->scene;
    const bool concerned = scene->harm != BENCH_NONE && bench_self->index == scene->device;
    bool now = false;
    if (concerned && scene->passes++ >= scene->after && scene->times != 0) {
        scene->times -= scene->times > 0;
        now = true;
    }
    if (now && scene->harm == BENCH_ABORT)
        raise(SIGABRT);
    if (now && scene->harm == BENCH_HANG)
        bench_pause(3600000);
    if (now && scene->harm == BENCH_LOST) {
        log_error("the test lost its device");
        return STATUS_DEVICE_LOST;
    }
    if (scene->slow_ms > 0 && (scene->harm == BENCH_NONE || bench_self->index != scene->device))
        bench_pause(scene->slow_ms);
    bench_flush(pass, scene->flushes);
    enum status st = bench_real->pass(ex, schedule, out);
    for (uint32_t i = 0; now && scene->harm == BENCH_WRONG && i < pass->n_columns; i++)
        out[i].hash ^= 1;
    return st;
}

static inline enum status bench_open(void *user, const struct executor_params *params,
                                     struct campaign_opened *out)
{
    static struct executor_ops ops;
    struct bench_device *d = user;
    struct bench_scene *scene = d->scene;
    signal(SIGABRT, SIG_DFL); /* cmocka's own handlers belong to the parent */
    signal(SIGSEGV, SIG_DFL);
    bench_self = d;
    scene->pid[d->index] = getpid();
    scene->opened++;
    if (scene->harm == BENCH_NOT_OPEN && scene->device == d->index) {
        log_error("the test's device cannot be opened");
        return STATUS_DEVICE;
    }
    enum status st = d->vulkan ? gpu_open(&d->gpu, NULL) : STATUS_OK;
    if (!st)
        st =
            d->vulkan ? vk_create(&out->ex, d->gpu, params) : cpu_create(&out->ex, d->form, params);
    if (st)
        return st;
    bench_real = out->ex->ops;
    ops = *bench_real;
    ops.pass = bench_pass;
    out->ex->ops = &ops;
    out->info = (struct store_device){.name = d->name, .driver = "test"};
    return STATUS_OK;
}

static inline enum status bench_close(void *user, struct campaign_opened *opened)
{
    struct bench_device *d = user;
    executor_destroy(&opened->ex);
    gpu_close(&d->gpu);
    return STATUS_OK;
}

/* At most once between two batches, so that the campaign advances, and no device so often in a row
 * that it is set aside, which takes five times (one more may meet a batch under way). The first few
 * are not random, so that a quick campaign has some. */
static inline void bench_kill_one(struct bench *b)
{
    const unsigned device = (unsigned)rand_r(&b->kill_seed) % b->params.setup.n_devices;
    const bool chance = rand_r(&b->kill_seed) % 2 == 0;
    int *pid = &b->scene->pid[device]; /* 0 until the next worker has opened the device */
    if (b->batches == b->killed_at || *pid == 0 || b->in_row[device] == 3)
        return;
    if ((!chance && b->killed >= 4) || kill(*pid, SIGKILL) != 0)
        return;
    *pid = 0;
    b->killed_at = b->batches;
    b->killed++;
    b->in_row[device]++;
}

static inline void bench_event(void *user, const struct campaign_event *event)
{
    struct bench *b = user;
    b->goldens += event->kind == CAMPAIGN_EVENT_GOLDEN;
    b->stop += b->stop_after_goldens > 0 && b->goldens == b->stop_after_goldens;
    b->failed += event->kind == CAMPAIGN_EVENT_FAILED;
    b->aside += event->kind == CAMPAIGN_EVENT_ASIDE;
    b->incidents += event->kind == CAMPAIGN_EVENT_INCIDENT;
    b->due += event->kind == CAMPAIGN_EVENT_DUE;
    if (event->kind == CAMPAIGN_EVENT_BATCH) {
        b->batches++;
        b->in_row[event->device] = 0;
        b->stop += b->stop_after > 0 && b->batches == b->stop_after;
    }
    if (event->kind == CAMPAIGN_EVENT_END) {
        b->end = *event->progress;
        for (uint32_t i = 0; i < b->end.n_rates; i++)
            b->ran[i] = b->end.rate[i].done;
        b->end.rate = NULL;
    }
    if (b->kill_seed)
        bench_kill_one(b);
}

static inline void bench_add_device(struct bench *b, const char *name, enum cpu_form form,
                                    bool vulkan)
{
    const uint32_t i = b->params.setup.n_devices++;
    b->user[i] = (struct bench_device){
        .scene = b->scene, .index = i, .name = name, .form = form, .vulkan = vulkan};
    b->device[i] = (struct campaign_device){
        .name = name, .user = &b->user[i], .open = bench_open, .close = bench_close};
}

/* Adds a Vulkan device, where there is one. */
static inline void bench_add_vulkan(struct bench *b)
{
    struct gpu_list list;
    if (gpu_list(&list, NULL) == STATUS_OK && list.count > 0)
        bench_add_device(b, "vk", CPU_AUTO, true);
    else
        print_message("no Vulkan device: CPU forms only\n");
}

/* Makes a campaign of a plan in JSON with one device, the CPU. */
static inline struct bench *bench_begin_plan(const char *text)
{
    char path[512];
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->scene =
        mmap(NULL, sizeof(*b->scene), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(b->scene != MAP_FAILED);
    b->scene->times = -1;
    snprintf(path, sizeof(path), "%s/tiny-llama-q4_1.gguf", VKFI_TINY);
    const struct plan_source source = {text, strlen(text), "plan.json", "", NULL};
    assert_int_equal(plan_read(&b->plan, &b->arena, &source), STATUS_OK);
    assert_int_equal(model_open(&b->model, path), STATUS_OK);
    snprintf(b->path, sizeof(b->path), "/tmp/vkfi-campaign.%ld.XXXXXX", (long)getpid());
    const int fd = mkstemp(b->path);
    assert_true(fd >= 0);
    close(fd);
    b->params = (struct campaign_params){
        .setup = {.plan = &b->plan,
                  .model = b->model,
                  .device = b->device,
                  .watchdog = {.start = 60, .base = 20, .factor = 8},
                  .stop = &b->stop,
                  .leave = _exit},
        .database = b->path,
        .identity = {.plan_hash = b->plan.hash,
                     .model_hash =
                         "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                     .shaders = "none",
                     .contract = "exact-1",
                     .tool = "test",
                     .plan = b->plan.text},
        .shard = {.count = 1},
        .event = bench_event,
        .user = b};
    bench_add_device(b, "cpu", CPU_AUTO, false);
    return b;
}

/* `more` are further fields of the plan, after a comma. */
static inline struct bench *bench_begin(const char *more)
{
    char text[4096];
    snprintf(
        text, sizeof(text),
        "{\"model\":\"tiny\",\"decoding\":{\"n\":8,\"stop\":\"none\"},\"prompts\":[{\"ids\":[%s]}],"
        "\"population\":\"ops\"%s}",
        bench_prompts, more);
    return bench_begin_plan(text);
}

static inline void bench_remove(const char *path)
{
    static const char *const ends[] = {
        "",        "-wal",        "-shm",        "-journal",    "-lock",
        "-golden", "-golden-wal", "-golden-shm", "-golden-lock"};
    char name[192];
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        unlink(name);
    }
}

static inline void bench_end(struct bench *b)
{
    bench_remove(b->path);
    model_close(&b->model);
    arena_finish(&b->arena);
    munmap(b->scene, sizeof(*b->scene));
    free(b);
}

static inline enum status bench_put_row(void *user, const struct trial_row *row)
{
    struct text *out = user;
    enum status st = STATUS_OK;
    for (size_t i = 0; !st && i < trial_row_table.count; i++) {
        const struct field *f = &trial_row_table.field[i];
        const struct field_value v = field_get(f, row);
        if (f->level == FIELD_RUN)
            continue;
        if (field_kind(f) == FIELD_KIND_TEXT)
            st = text_addf(out, "%s=%s;", f->name, v.text ? v.text : "-");
        else if (field_kind(f) == FIELD_KIND_NUMBER)
            st = text_addf(out, "%s=%lld;", f->name, (long long)v.number);
        else
            st = text_addf(out, "%s=%a;", f->name, v.real);
    }
    return st ? st : text_add(out, "\n", 1);
}

/* A line for each row, in order, arm none before the others: every field that may not differ. */
static inline void bench_rows(struct text *out, const char *path)
{
    struct store *store = NULL;
    assert_int_equal(store_open(&store, path), STATUS_OK);
    assert_int_equal(text_add(out, "", 0), STATUS_OK);
    assert_int_equal(store_each_row(store, bench_put_row, out), STATUS_OK);
    assert_int_equal(store_each_armed(store, bench_put_row, out), STATUS_OK);
    store_destroy(&store);
}

/* The rows of a whole undisturbed campaign. */
static inline void bench_reference(struct text *out, const char *more)
{
    struct bench *b = bench_begin(more);
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    bench_rows(out, b->path);
    bench_end(b);
}

/* The plan of all tests of a program, and its rows, made before them. */
static struct text reference;
static const char *bench_plan;

static inline int bench_setup(void **state)
{
    (void)state;
    fpenv_set();
    bench_reference(&reference, bench_plan);
    return 0;
}

static inline int bench_teardown(void **state)
{
    (void)state;
    text_finish(&reference);
    return 0;
}

static inline int bench_run_tests(const struct CMUnitTest *tests, size_t n, const char *plan)
{
    bench_plan = plan;
    return _cmocka_run_group_tests("campaign", tests, n, bench_setup, bench_teardown);
}

/* The database holds these rows and no others. */
static inline void bench_expect_rows(const struct bench *b, const struct text *expected)
{
    struct text rows = {0};
    bench_rows(&rows, b->path);
    for (size_t i = 0; i < rows.size && i < expected->size; i++) {
        if (rows.data[i] == expected->data[i])
            continue;
        while (i > 0 && rows.data[i - 1] != '\n' && rows.data[i - 1] != ';')
            i--;
        fail_msg("found %.60s, expected %.60s", rows.data + i, expected->data + i);
    }
    assert_int_equal(rows.size, expected->size);
    text_finish(&rows);
}

/* Milliseconds from start to kill: the least, what chance adds, and what each kill adds. */
struct bench_patience {
    long least, spread, growth;
};

/* Runs the campaign in a process that is killed at random moments and restarted until one ends with
 * STATUS_OK; returns how often it was killed. */
static inline uint32_t bench_kill(const struct bench *b, unsigned *seed,
                                  struct bench_patience patience)
{
    uint32_t killed = 0;
    int how = 0;
    do {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            _exit(campaign_run(&b->params));
        bench_pause(patience.least + rand_r(seed) % patience.spread + patience.growth * killed);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &how, 0), child);
        killed += WIFSIGNALED(how);
    } while (WIFSIGNALED(how));
    assert_int_equal(how, 0);
    print_message("killed %u times\n", killed);
    return killed;
}

#endif
