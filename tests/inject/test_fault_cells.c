/* SPDX-License-Identifier: MIT */
/* One fault, one record: faults drawn over all cells give the same whole record on the CPU device,
 * its scalar form and Vulkan, in shared passes and as whole inferences.
 *
 * Environment: VKFI_CELLS_FAULTS (of a device; from 1000 on over all models and storage types),
 * VKFI_CELLS_FIRST, VKFI_CELLS_LAST (of those settings, from 0), VKFI_CELLS_SEED, VKFI_EVERY_DRIVER
 * (each driver found, else the default one). */
#include "../gpu/gpu_driver.h"
#include "fault_cells.h"
#include "trial_bench.h"
#include "vk/vk.h"

#define CELLS_FAULTS 240u /* of the quick suite */
#define CELLS_SEED 20261129u
#define CELLS_MANY 1000u
#define CELLS_BATCH 48u
#define CELLS_FAILURES 12u /* that are printed of a setting */
#define CELLS_SLOW "SwiftShader"
#define CELLS_SLOW_WHOLE 5u /* there: one batch in this many as whole inferences */
#define CELLS_SLOW_TOKENS 3u

/* CELLS_FORMS: of the CPU device, before the Vulkan device */
enum { CELLS_FORMS = 2, CELLS_DEVICES = 3, CELLS_PROMPT = 70 };

/* A model, storage types, a prompt and how much of golden is kept. */
struct setting {
    const char *file;
    enum storage act, kv;
    uint32_t n_ids, n, lanes;
    uint64_t checkpoint_bytes;
};

struct device {
    const char *name;
    struct executor *ex;
    struct golden golden;
};

struct cells {
    struct setting setting;
    struct model *model;
    struct certify *certify;
    int32_t ids[CELLS_PROMPT];
    struct device device[CELLS_DEVICES];
    uint32_t n_devices;
    struct fault_bounds bounds;
    struct fault_cells faults;
    struct arena arena; /* of the golden runs */
    uint32_t failures;
    struct fault smallest;
    uint64_t smallest_size;
};

/* A way to run a trial; the first of a batch is the reference. */
struct how {
    uint32_t device;
    enum trial_path path;
    enum record_level level;
};

static struct gpu *cells_gpu; /* null: no driver */

/* A driver that takes ten times as long as others. */
static bool slow(void)
{
    return cells_gpu && strstr(gpu_get_info(cells_gpu)->name, CELLS_SLOW);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 0) : otherwise;
}

static uint64_t seed_of(void)
{
    return number_of("VKFI_CELLS_SEED", CELLS_SEED);
}

static void open_device(struct cells *c, const char *name, struct executor *ex,
                        const struct golden_shape *shape)
{
    struct device *device = &c->device[c->n_devices++];
    const struct golden_params golden = {
        .generate = {.ex = ex,
                     .ids = c->ids,
                     .n_ids = c->setting.n_ids,
                     .rules = {.n = c->setting.n, .ignore_end = true},
                     .save_position = EXECUTOR_NONE},
        .shape = *shape,
        .level = RECORD_FULL,
        .certify = c->certify};
    device->name = name;
    device->ex = ex;
    assert_int_equal(golden_run(&device->golden, &c->arena, &golden), STATUS_OK);
    assert_int_equal(device->golden.run.hash, c->device[0].golden.run.hash);
}

static void cells_open(struct cells *c, const struct setting *setting)
{
    char path[1024];
    struct rng rng;
    struct executor *ex = NULL;
    *c = (struct cells){.setting = *setting};
    snprintf(path, sizeof(path), "%s/%s.gguf", VKFI_TINY, setting->file);
    assert_int_equal(model_open(&c->model, path), STATUS_OK);
    assert_int_equal(certify_create(&c->certify, c->model), STATUS_OK);
    rng_init(&rng, CELLS_SEED, setting->n_ids);
    for (uint32_t i = 0; i < setting->n_ids; i++)
        c->ids[i] = (int32_t)rng_below(&rng, c->model->hp.n_vocab);
    struct executor_params needs = {
        .model = c->model, .act = setting->act, .kv = setting->kv, .threads = 1};
    const struct golden_shape shape = {.n_ids = setting->n_ids,
                                       .n = setting->n,
                                       .lanes = setting->lanes,
                                       .checkpoint_bytes = setting->checkpoint_bytes};
    golden_needs(&needs, &shape);
    assert_int_equal(cpu_create(&ex, CPU_AUTO, &needs), STATUS_OK);
    open_device(c, "cpu", ex, &shape);
    assert_int_equal(cpu_create(&ex, CPU_SCALAR, &needs), STATUS_OK);
    open_device(c, "cpu:scalar", ex, &shape);
    if (cells_gpu) {
        assert_int_equal(vk_create(&ex, cells_gpu, &needs), STATUS_OK);
        open_device(c, gpu_get_info(cells_gpu)->name, ex, &shape);
    }
    c->bounds = golden_bounds(&c->device[0].golden);
    fault_cells_init(&c->faults, &c->bounds, c->device[0].golden.n_evaluated, seed_of());
}

static void cells_close(struct cells *c)
{
    fault_cells_finish(&c->faults);
    for (uint32_t i = 0; i < c->n_devices; i++)
        executor_destroy(&c->device[i].ex);
    certify_destroy(&c->certify);
    model_close(&c->model);
    arena_finish(&c->arena);
}

static enum status run(const struct cells *c, struct how how, const struct trial_jobs *jobs,
                       struct record *out, struct arena *arena)
{
    const struct trial_settings settings = {.level = how.level, .path = how.path};
    return trial_batch(out, arena, &c->device[how.device].golden, &settings, jobs);
}

/* True if the fault alone does not give the reference's record; `why`: what differs. */
static bool fails(const struct cells *c, struct how how, const struct fault *fault,
                  char why[FIELD_DIFFERENCE_TEXT])
{
    const struct how first = {0, TRIAL_FAST, how.level};
    const struct trial_job job = {.fault = fault, .n_faults = 1};
    const struct trial_jobs jobs = {&job, 1};
    struct record expected, found;
    struct arena arena = {0};
    bool bad = run(c, first, &jobs, &expected, &arena) != STATUS_OK ||
               run(c, how, &jobs, &found, &arena) != STATUS_OK;
    if (bad)
        snprintf(why, FIELD_DIFFERENCE_TEXT, "%s", log_last_error());
    else
        bad = !record_equal(&expected, &found, why);
    arena_finish(&arena);
    return bad;
}

static uint64_t size_of(const struct fault *f, uint32_t n_evaluated)
{
    const uint64_t keys = f->key_count == FAULT_ALL_KEYS ? n_evaluated : f->key_count;
    const uint64_t positions =
        f->position_count > n_evaluated ? n_evaluated : f->position_count + 0ull;
    return (uint64_t)f->row_count * f->k_count * keys * (positions ? positions : 1);
}

/* The fault made simpler in one respect; false: there is no such respect. */
static bool simpler(struct fault *f, uint32_t respect)
{
    switch (respect) {
    case 0:
        f->position_count = 1;
        return true;
    case 1:
        f->position_count = f->position_count == FAULT_FOREVER ? 8 : (f->position_count + 1) / 2;
        return true;
    case 2:
        f->key_count = 1;
        return true;
    case 3:
        f->row_count = 1;
        return true;
    case 4:
        f->row_count = (f->row_count + 1) / 2;
        return true;
    case 5:
        f->k_count = 1;
        return true;
    case 6:
        f->only_mask = f->only_value = 0;
        return true;
    case 7:
        f->rate = 0;
        f->duration = f->duration == DURATION_INTERMITTENT ? DURATION_PERMANENT : f->duration;
        return true;
    case 8:
        f->position = f->position > 0 ? f->position - 1 : 0;
        return true;
    default:
        return false;
    }
}

/* Shrinks the fault as long as it fails. */
static void shrink(const struct cells *c, struct how how, struct fault *fault)
{
    char why[FIELD_DIFFERENCE_TEXT];
    const int kept = mute_begin();
    for (uint32_t rounds = 0, changed = 1; changed && rounds < 20; rounds++) {
        struct fault next = *fault;
        changed = 0;
        for (uint32_t i = 0; simpler(&next, i); next = *fault, i++) {
            if (memcmp(&next, fault, sizeof(next)) == 0 ||
                fault_check(&next, &c->bounds, "simpler fault") || !fails(c, how, &next, why))
                continue;
            *fault = next;
            changed = 1;
        }
    }
    mute_end(kept);
}

static void print_fault(const struct fault *fault)
{
    struct json_writer w;
    json_begin(&w, stderr, false);
    fault_put(&w, fault);
    assert_int_equal(json_end(&w), STATUS_OK);
}

static void report(struct cells *c, struct how how, const struct fault *fault, const char *what)
{
    char why[FIELD_DIFFERENCE_TEXT] = "";
    const bool alone = fails(c, how, fault, why);
    const uint64_t size = size_of(fault, c->faults.n_evaluated);
    struct fault small = *fault;
    if (c->failures++ >= CELLS_FAILURES)
        return;
    fprintf(stderr, "%s on %s, %s: %s; granularity %s, %s; fault ", what,
            c->device[how.device].name, how.path == TRIAL_NAIVE ? "whole" : "forked",
            alone ? why : "in a batch alone", kinds_text(KINDS_GRANULARITY, fault->granularity),
            fault->readers ? kinds_text(KINDS_READERS, fault->readers) : "readers column");
    print_fault(fault);
    if (c->failures > 1 && size >= c->smallest_size)
        return;
    if (alone)
        shrink(c, how, &small);
    c->smallest = small;
    c->smallest_size = size;
}

/* Runs jobs one by one, to find those that end a batch. */
static void find_errors(struct cells *c, struct how how, const struct trial_jobs *jobs)
{
    for (uint32_t i = 0; i < jobs->n; i++) {
        struct record found;
        struct arena arena = {0};
        if (run(c, how, &(struct trial_jobs){&jobs->job[i], 1}, &found, &arena) != STATUS_OK)
            report(c, how, jobs->job[i].fault, "an error");
        arena_finish(&arena);
    }
    if (c->failures == 0)
        report(c, how, jobs->job[0].fault, "an error of the batch that begins with this");
}

/* Runs a batch everywhere; the levels of records take turns. */
static void run_batch(struct cells *c, const struct trial_jobs *jobs, uint32_t turn)
{
    static const enum record_level levels[] = {RECORD_FULL, RECORD_OUTCOME, RECORD_FULL,
                                               RECORD_SUMMARY};
    struct how how = {.level = levels[turn % 4]};
    struct record expected[CELLS_BATCH], found[CELLS_BATCH];
    struct arena arena = {0};
    char why[FIELD_DIFFERENCE_TEXT];
    if (run(c, how, jobs, expected, &arena) != STATUS_OK) {
        find_errors(c, how, jobs);
        arena_finish(&arena);
        return;
    }
    for (uint32_t i = 1; i < 2 * c->n_devices; i++) {
        how.device = i / 2;
        how.path = i % 2 ? TRIAL_NAIVE : TRIAL_FAST;
        if (how.device >= CELLS_FORMS && i % 2 && slow() && turn % CELLS_SLOW_WHOLE)
            continue;
        if (run(c, how, jobs, found, &arena) != STATUS_OK) {
            find_errors(c, how, jobs);
            continue;
        }
        for (uint32_t k = 0; k < jobs->n; k++) {
            if (!record_equal(&expected[k], &found[k], why))
                report(c, how, jobs->job[k].fault, why);
        }
    }
    arena_finish(&arena);
}

/* Bits from other keys or from the previous position. */
static bool takes_from_keys(const struct fault *fault, const struct cells *c)
{
    const bool takes = hook_kinds_takes(fault->kind, KIND_TAKES_EARLIER | KIND_TAKES_OTHER);
    return takes && fault->place == PLACE_OP && fault_axes(fault, &c->bounds).key;
}

/* Every second fault takes its bits from keys: few cells do, and absent elements are where
 * executors differ first. They have their own ids, from `*keyed` on. */
static void draw(struct fault *out, const struct cells *c, uint64_t id, uint64_t *keyed)
{
    if (id % 2 == 0) {
        fault_cells_draw(out, &c->faults, id / 2);
        return;
    }
    do
        fault_cells_draw(out, &c->faults, (*keyed)++);
    while (!takes_from_keys(out, c));
}

static void run_setting(const struct setting *setting, uint64_t first, uint32_t count)
{
    uint64_t keyed = first + (UINT64_C(1) << 40);
    static struct cells c;
    struct fault fault[CELLS_BATCH];
    struct trial_job job[CELLS_BATCH];
    cells_open(&c, setting);
    for (uint32_t done = 0, n; done < count; done += n) {
        n = count - done < CELLS_BATCH ? count - done : CELLS_BATCH;
        for (uint32_t i = 0; i < n; i++) {
            draw(&fault[i], &c, 2 * first + done + i, &keyed);
            job[i] = (struct trial_job){.fault = &fault[i], .n_faults = 1};
        }
        run_batch(&c, &(struct trial_jobs){job, n}, done / CELLS_BATCH);
    }
    if (c.failures > 0) {
        fprintf(stderr, "%u records differ: %s, act %s, kv %s, seed %llu; prompt --ids ",
                c.failures, setting->file, storage_name(setting->act), storage_name(setting->kv),
                (unsigned long long)seed_of());
        for (uint32_t i = 0; i < setting->n_ids; i++)
            fprintf(stderr, "%s%d", i ? "," : "", c.ids[i]);
        fprintf(stderr, " -n %u --ignore-eos; the smallest fault: ", setting->n);
        print_fault(&c.smallest);
    }
    const uint32_t failures = c.failures;
    fprintf(stderr, "%s, act %s, kv %s, %u + %u tokens: %u faults of seed %llu, %u differ\n",
            setting->file, storage_name(setting->act), storage_name(setting->kv), setting->n_ids,
            setting->n, count, (unsigned long long)seed_of(), failures);
    cells_close(&c);
    assert_int_equal(failures, 0);
}

static void test_quick(void **state)
{
    static const struct setting settings[] = {
        {"tiny-llama-q4_k", STORAGE_F32, STORAGE_F32, 36, 6, 0, 0},
        {"tiny-gemma3", STORAGE_F16, STORAGE_BF16, 36, 6, 8, 0},
        {"tiny-qwen2", STORAGE_BF16, STORAGE_F16, 7, 9, 0, 60000},
        {"tiny-falcon-gqa", STORAGE_F16, STORAGE_F32, 7, 6, 0, 0},
        {"tiny-qwen2moe", STORAGE_F32, STORAGE_F16, 7, 6, 0, 0},
    };
    const uint32_t n = sizeof(settings) / sizeof(*settings);
    const uint64_t faults = number_of("VKFI_CELLS_FAULTS", CELLS_FAULTS);
    (void)state;
    for (uint32_t i = 0; i < n; i++)
        run_setting(&settings[i], i * 1000, (uint32_t)(faults / n));
}

/* Every model with three storage types of activations and K/V, prompts of one, two and three pages,
 * all or few of golden's residuals kept. A slow driver has the same models and types, so the same
 * kernels, but prompts of only one and two pages, and fewer tokens: neither a third page nor a
 * later step is anything new to a kernel. */
static void test_all(void **state)
{
    static const char *const files[] = {
        "tiny-llama-f16",    "tiny-llama-bf16",   "tiny-llama-q4_0",  "tiny-llama-q4_1",
        "tiny-llama-q5_0",   "tiny-llama-q5_1",   "tiny-llama-q8_0",  "tiny-llama-q4_k",
        "tiny-llama-q5_k",   "tiny-llama-q6_k",   "tiny-llama-q2_k",  "tiny-llama-q3_k",
        "tiny-llama-iq4_nl", "tiny-llama-iq4_xs", "tiny-llama-mxfp4", "tiny-llama3-rope",
        "tiny-qwen2",        "tiny-gemma3",       "tiny-qwen3",       "tiny-mistral",
        "tiny-falcon-mqa",   "tiny-falcon-gqa",   "tiny-phi3-long",   "tiny-olmo2",
        "tiny-gemma2",       "tiny-mixtral",      "tiny-qwen2moe",    "tiny-qwen3moe"};
    static const uint32_t prompts[] = {7, 36, CELLS_PROMPT}, tokens[] = {9, 6, 5};
    const uint32_t n_files = sizeof(files) / sizeof(*files), n = 3 * n_files;
    const uint64_t faults = number_of("VKFI_CELLS_FAULTS", CELLS_FAULTS);
    const uint64_t first = number_of("VKFI_CELLS_FIRST", 0);
    const uint64_t last = number_of("VKFI_CELLS_LAST", n - 1);
    (void)state;
    for (uint32_t i = (uint32_t)first; i < n && i <= last; i++) {
        const uint32_t m = i % n_files, r = i / n_files, p = (m / 2 + r) % 3;
        const uint32_t shape = p == 2 && slow() ? 1 : p;
        const struct setting setting = {.file = files[m],
                                        .act = (enum storage)((m + r) % 3),
                                        .kv = (enum storage)((m / 3 + r) % 3),
                                        .n_ids = prompts[shape],
                                        .n = slow() ? CELLS_SLOW_TOKENS : tokens[shape],
                                        .lanes = r == 2 ? 3 : 0,
                                        .checkpoint_bytes = r == 1 ? 60000 : 0};
        run_setting(&setting, i * 100000, (uint32_t)((faults + n - 1) / n));
    }
}

static int run_all(void)
{
    const struct CMUnitTest quick[] = {cmocka_unit_test(test_quick)};
    const struct CMUnitTest all[] = {cmocka_unit_test(test_all)};
    const bool many = number_of("VKFI_CELLS_FAULTS", CELLS_FAULTS) >= CELLS_MANY;
    if (gpu_open(&cells_gpu, NULL) != STATUS_OK)
        print_message("no Vulkan device: the forms of the CPU device alone\n");
    const int failed = _cmocka_run_group_tests("cells", many ? all : quick, 1, NULL, NULL);
    gpu_close(&cells_gpu);
    return failed ? 1 : 0;
}

int main(void)
{
    fpenv_set();
    return getenv("VKFI_EVERY_DRIVER") ? gpu_driver_main(run_all) : run_all();
}
