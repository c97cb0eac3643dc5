/* SPDX-License-Identifier: MIT */
/* The JSON form of `vkfi devices`. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli_device.h"
#include "cli/cli_devices.h"

static void put_hex(struct json_writer *w, const char *key, uint32_t value, int digits)
{
    json_put_key(w, key);
    json_put_hex(w, value, digits);
}

void cli_devices_json_cpu(struct json_writer *w)
{
    json_put_key(w, "cpu");
    json_array_open(w);
    for (int form = CPU_SCALAR; form <= CPU_AVX512; form++) {
        json_object_open(w);
        json_member_text(w, "name", cli_device_form_name((enum cpu_form)form));
        json_member_bool(w, "available", cpu_form_available((enum cpu_form)form));
        json_object_close(w);
    }
    json_array_close(w);
}

static void put_limits(struct json_writer *w, const struct gpu_info *info)
{
    json_put_key(w, "limits");
    json_object_open(w);
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
    json_put_key(w, "float_controls");
    json_object_open(w);
    json_member_bool(w, "denorm_preserve", f->denorm_preserve);
    json_member_bool(w, "denorm_flush_to_zero", f->denorm_flush_to_zero);
    json_member_bool(w, "rounding_rte", f->rounding_rte);
    json_member_bool(w, "rounding_rtz", f->rounding_rtz);
    json_member_bool(w, "signed_zero_inf_nan_preserve", f->signed_zero_inf_nan_preserve);
    json_object_close(w);
}

static void put_case(struct json_writer *w, const struct probe_case *c)
{
    json_object_open(w);
    json_member_text(w, "class", probe_class_name(c->class));
    json_member_text(w, "name", c->name);
    put_hex(w, "expected", c->expected, 8);
    put_hex(w, "device", c->device, 8);
    json_member_int(w, "tried", c->tried);
    json_member_int(w, "differ", c->differ);
    json_member_bool(w, "ok", c->ok);
    json_object_close(w);
}

static void put_probe(struct json_writer *w, const struct cli_devices_probe *probe)
{
    json_put_key(w, "probe");
    json_object_open(w);
    json_member_bool(w, "ran", !probe->st);
    json_member_bool(w, "admitted", probe->admitted);
    json_member_text(w, "reason", probe->reason);
    json_put_key(w, "cases");
    json_array_open(w);
    for (size_t i = 0; !probe->st && i < probe->result.count; i++)
        put_case(w, &probe->result.cases[i]);
    json_array_close(w);
    json_object_close(w);
}

void cli_devices_json_gpu(struct json_writer *w, const struct gpu_info *info,
                          const struct cli_devices_probe *probe)
{
    char version[32];
    snprintf(version, sizeof(version), "%" PRIu32 ".%" PRIu32 ".%" PRIu32,
             info->api_version >> 22 & 0x7fu, info->api_version >> 12 & 0x3ffu,
             info->api_version & 0xfffu);
    json_object_open(w);
    json_member_int(w, "index", info->index);
    json_member_text(w, "name", info->name);
    json_member_text(w, "kind", gpu_kind_name(info->kind));
    json_member_text(w, "driver", info->driver_name);
    json_member_text(w, "driver_info", info->driver_info);
    json_member_text(w, "vulkan", version);
    json_member_text(w, "uuid", info->uuid);
    put_hex(w, "vendor_id", info->vendor_id, 4);
    put_hex(w, "device_id", info->device_id, 4);
    json_member_int(w, "memory", info->memory_size);
    json_member_bool(w, "host_visible", info->host_visible);
    put_limits(w, info);
    put_float_controls(w, &info->float_controls);
    if (probe)
        put_probe(w, probe);
    json_object_close(w);
}
