/* SPDX-License-Identifier: MIT */
/* `vkfi devices`: the devices, and their arithmetic. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli_device.h"
#include "gpu/device.h"
#include "probe/probe.h"

struct probed {
    enum status st; /* not OK: the device could not be probed, and `reason` is the error */
    bool admitted;
    char reason[PROBE_REASON_SIZE];
    struct probe_result result;
};

/* --- JSON --- */

static void put_cpu_forms(struct json_writer *w)
{
    json_member_array(w, "cpu");
    for (int form = CPU_SCALAR; form < CPU_FORMS; form++) {
        json_object_open(w);
        json_member_text(w, "name", lib_device_form_name((enum cpu_form)form));
        json_member_bool(w, "available", cpu_form_available((enum cpu_form)form));
        json_object_close(w);
    }
    json_array_close(w);
}

static void put_limits(struct json_writer *w, const struct gpu_info *info)
{
    json_member_object(w, "limits");
    json_member_int(w, "max_storage_range", info->max_storage_range);
    json_member_int(w, "max_alloc", info->max_alloc);
    json_member_int(w, "storage_alignment", info->storage_alignment);
    json_member_int(w, "max_push_size", info->max_push_size);
    json_member_int(w, "max_shared_size", info->max_shared_size);
    json_member_int(w, "max_bindings", info->max_bindings);
    json_member_int(w, "max_group_invocations", info->max_group_invocations);
    json_member_int(w, "subgroup_size", info->subgroup_size);
    json_member_int(w, "min_subgroup_size", info->min_subgroup_size);
    json_member_int(w, "max_subgroup_size", info->max_subgroup_size);
    json_object_close(w);
}

static void put_float_controls(struct json_writer *w, const struct gpu_float_controls *f)
{
    json_member_object(w, "float_controls");
    json_member_bool(w, "denorm_preserve", f->denorm_preserve);
    json_member_bool(w, "denorm_flush_to_zero", f->denorm_flush_to_zero);
    json_member_bool(w, "rounding_rte", f->rounding_rte);
    json_member_bool(w, "rounding_rtz", f->rounding_rtz);
    json_member_bool(w, "signed_zero_inf_nan_preserve", f->signed_zero_inf_nan_preserve);
    json_object_close(w);
}

void cli_devices_put_case(struct json_writer *w, const struct probe_case *c)
{
    json_object_open(w);
    json_member_text(w, "class", probe_class_name(c->class));
    json_member_text(w, "name", c->name);
    json_member_hex(w, "expected", c->expected, 8);
    json_member_hex(w, "device", c->device, 8);
    json_member_int(w, "tried", c->tried);
    json_member_int(w, "differ", c->differ);
    json_member_bool(w, "ok", c->ok);
    json_object_close(w);
}

static void put_probe(struct json_writer *w, const struct probed *probe)
{
    json_member_object(w, "probe");
    json_member_bool(w, "ran", !probe->st);
    json_member_bool(w, "admitted", probe->admitted);
    json_member_text(w, "reason", probe->reason);
    json_member_array(w, "cases");
    for (size_t i = 0; !probe->st && i < probe->result.count; i++)
        cli_devices_put_case(w, &probe->result.cases[i]);
    json_array_close(w);
    json_object_close(w);
}

void cli_devices_put(struct json_writer *w, const struct gpu_info *info)
{
    char version[32];
    snprintf(version, sizeof(version), "%" PRIu32 ".%" PRIu32 ".%" PRIu32,
             info->api_version >> 22 & 0x7fu, info->api_version >> 12 & 0x3ffu,
             info->api_version & 0xfffu);
    json_member_text(w, "name", info->name);
    json_member_text(w, "kind", gpu_kind_name(info->kind));
    json_member_text(w, "driver", info->driver_name);
    json_member_text(w, "driver_info", info->driver_info);
    json_member_int(w, "driver_version", info->driver_version);
    json_member_text(w, "vulkan", version);
    json_member_hex(w, "vendor_id", info->vendor_id, 4);
    json_member_hex(w, "device_id", info->device_id, 4);
    json_member_int(w, "memory", info->memory_size);
    json_member_bool(w, "host_visible", info->host_visible);
    put_limits(w, info);
    put_float_controls(w, &info->float_controls);
}

static void put_gpu(struct json_writer *w, const struct gpu_info *info, const struct probed *probe)
{
    json_object_open(w);
    json_member_int(w, "index", info->index);
    json_member_text(w, "uuid", info->uuid);
    json_member_text(w, "pci", info->pci[0] ? info->pci : NULL);
    cli_devices_put(w, info);
    if (probe)
        put_probe(w, probe);
    json_object_close(w);
}

/* Opens and probes one device of the list. */
static enum status probe_device(struct probed *out, const struct cli_env *env, uint32_t index)
{
    struct gpu_params params = cli_device_gpu_params(env);
    struct gpu *gpu = NULL;
    char selector[16];
    snprintf(selector, sizeof(selector), "%" PRIu32, index);
    params.selector = selector;
    enum status st = gpu_open(&gpu, &params);
    st = st ? st : probe_run(gpu, &out->result);
    out->st = st;
    if (!st)
        out->admitted = probe_admits(&out->result, out->reason);
    else
        snprintf(out->reason, sizeof(out->reason), "%s", log_last_error());
    gpu_close(&gpu);
    return st;
}

static void print_cpu_forms(void)
{
    printf("CPU devices (exact)\n");
    for (int form = CPU_SCALAR; form < CPU_FORMS; form++)
        printf("  %-12s %s\n", lib_device_form_name((enum cpu_form)form),
               cpu_form_available((enum cpu_form)form) ? "available" : "not on this processor");
}

static void print_version(const char *name, uint32_t version)
{
    /* VK_MAKE_API_VERSION packing */
    printf("    %-12s %" PRIu32 ".%" PRIu32 ".%" PRIu32 "\n", name, version >> 22 & 0x7fu,
           version >> 12 & 0x3ffu, version & 0xfffu);
}

static void print_limits(const struct gpu_info *info)
{
    char a[32], b[32], c[32];
    printf("    memory       %s; one buffer up to %s, one binding up to %s\n",
           cli_output_bytes(a, (double)info->memory_size),
           cli_output_bytes(b, (double)info->max_alloc),
           cli_output_bytes(c, (double)info->max_storage_range));
    printf("    workgroups   up to %" PRIu32 " invocations, %" PRIu32 " bytes shared; %" PRIu32
           " bindings, %" PRIu32 " push bytes\n",
           info->max_group_invocations, info->max_shared_size, info->max_bindings,
           info->max_push_size);
    printf("    subgroups    %" PRIu32, info->subgroup_size);
    if (info->max_subgroup_size > 0)
        printf(" (%" PRIu32 " to %" PRIu32 " on request)", info->min_subgroup_size,
               info->max_subgroup_size);
    printf("\n");
}

static void print_float_controls(const struct gpu_float_controls *f)
{
    const struct {
        bool on;
        const char *name;
    } control[] = {{f->denorm_preserve, "denorm-preserve"},
                   {f->denorm_flush_to_zero, "denorm-flush-to-zero"},
                   {f->rounding_rte, "rounding-rte"},
                   {f->rounding_rtz, "rounding-rtz"},
                   {f->signed_zero_inf_nan_preserve, "signed-zero-inf-nan-preserve"}};
    bool any = false;
    printf("    float32     ");
    for (size_t i = 0; i < sizeof(control) / sizeof(*control); i++) {
        if (control[i].on)
            printf(" %s", control[i].name);
        any = any || control[i].on;
    }
    printf(any ? "\n" : " no controls reported\n");
}

static void print_device(const struct gpu_info *info)
{
    printf("  %" PRIu32 "  %s (%s)\n", info->index, info->name, gpu_kind_name(info->kind));
    printf("    driver       %s %s\n", info->driver_name, info->driver_info);
    print_version("Vulkan", info->api_version);
    printf("    UUID         %s%s%s\n", info->uuid, info->pci[0] ? ", PCI " : "", info->pci);
    print_limits(info);
    print_float_controls(&info->float_controls);
}

static void print_probe(const struct probed *probe)
{
    printf("    probe        %s%s%s\n",
           probe->st         ? "failed"
           : probe->admitted ? "admitted for exact"
                             : "refused for exact",
           probe->reason[0] != '\0' ? ": " : "", probe->reason);
    if (probe->st)
        return;
    int width = 0;
    for (size_t i = 0; i < probe->result.count; i++) {
        const int length = (int)strlen(probe->result.cases[i].name);
        width = length > width ? length : width;
    }
    printf("      %-16s %-*s  %-9s %-9s %s\n", "class", width, "case", "expected", "device",
           "same");
    for (size_t i = 0; i < probe->result.count; i++) {
        const struct probe_case *c = &probe->result.cases[i];
        printf("      %-16s %-*s  %08" PRIx32 "  %08" PRIx32 "  %" PRIu32 "/%" PRIu32 "%s\n",
               probe_class_name(c->class), width, c->name, c->expected, c->device,
               c->tried - c->differ, c->tried, c->ok ? "" : "  DIFFERS");
    }
}

static enum status print_table(const struct cli_env *env, const struct gpu_list *list, bool probe)
{
    enum status worst = STATUS_OK;
    print_cpu_forms();
    if (list->count > 0)
        printf("Vulkan devices\n");
    for (size_t i = 0; i < list->count; i++) {
        struct probed result = {0};
        print_device(&list->item[i]);
        if (!probe)
            continue;
        const enum status st = probe_device(&result, env, list->item[i].index);
        print_probe(&result);
        worst = worst ? worst : st;
    }
    return worst;
}

static enum status print_json(const struct cli_env *env, const struct gpu_list *list, bool probe)
{
    enum status worst = STATUS_OK;
    struct json_writer w;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    put_cpu_forms(&w);
    json_member_array(&w, "vulkan");
    for (size_t i = 0; i < list->count; i++) {
        struct probed result = {0};
        enum status st = STATUS_OK;
        if (probe)
            st = probe_device(&result, env, list->item[i].index);
        put_gpu(&w, &list->item[i], probe ? &result : NULL);
        worst = worst ? worst : st;
    }
    json_array_close(&w);
    json_object_close(&w);
    const enum status written = json_end(&w);
    return written ? written : worst;
}

static const char DETAILS[] =
    "DESCRIPTION\n"
    "Lists the forms of the CPU device and every Vulkan device with a compute queue: name, kind, "
    "driver, version, the limits this program uses, and the float controls it reports. -d takes "
    "the number in front of a Vulkan device, its UUID or PCI address, or a piece of a name that "
    "only "
    "it has.\n"
    "\n"
    "--probe runs on each device the cases that decide whether it computes the bits of the exact "
    "mode: integers, rounding, contraction, order, special values, signs of zero, denormals, "
    "conversion, storage, functions and more. A device that differs in tininess or in literal -0.0 "
    "+ denormal only is admitted, and the difference named; any other difference refuses it. The "
    "same probe runs whenever a device is opened.\n"
    "\n"
    "EXIT CODES\n"
    "  0  done; a device refused for exact is a result\n"
    "  3  no Vulkan driver (the CPU devices are still listed), or one failed\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi devices\n"
    "  vkfi devices --probe --json\n";

enum status cli_devices(const struct cli_env *env, int argc, char **argv)
{
    bool probe = false, json = false, done = false;
    const struct args_option options[] = {
        {0, "probe", ARGS_FLAG, &probe, NULL, "Runs the probe of each Vulkan device.", 0, 0},
        {0, "json", ARGS_FLAG, &json, NULL, "Prints an object instead of a table.", 0, 0},
        {0}};
    const struct args_spec spec = {.command = "vkfi devices",
                                   .summary = "list the devices; probe their arithmetic",
                                   .synopsis = "[--probe] [--json]",
                                   .details = DETAILS,
                                   .options = options};
    enum status st = args_parse(&spec, argc, argv, &done);
    if (st || done)
        return st;
    const struct gpu_params params = cli_device_gpu_params(env);
    struct gpu_list list = {0};
    const enum status listed = gpu_list(&list, &params);
    st = json ? print_json(env, &list, probe) : print_table(env, &list, probe);
    return listed ? listed : st;
}
