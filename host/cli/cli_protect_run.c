/* SPDX-License-Identifier: MIT */
/* What the actions of `vkfi protect` that run a model under a policy share. */
#include "base/file.h"
#include "base/hash.h"
#include "cli/cli_manifest.h"
#include "cli/cli_protect.h"

enum status cli_protect_open_model(struct cli_protect_run *run, const struct cli_env *env)
{
    return cli_manifest_open(&run->model, env, run->o->model);
}

enum status cli_protect_open_device(struct cli_protect_run *run, const struct cli_env *env,
                                    uint32_t positions)
{
    const struct cli_protect_options *o = run->o;
    const struct executor_params needs = {.model = run->model,
                                          .act = (enum storage)o->act,
                                          .kv = (enum storage)o->kv,
                                          .positions = positions,
                                          .branches = 1,
                                          .threads = (uint32_t)o->threads};
    struct cli_progress progress;
    cli_progress_init(&progress, 0, 0);
    const enum status st = cli_device_open(&run->device, env, o->device, &needs, &progress);
    return st ? st
              : lib_protection_open(&run->protection, &run->arena, run->policy, run->device.ex);
}

enum status cli_protect_close(struct cli_protect_run *run)
{
    lib_protection_close(&run->protection);
    const enum status st = lib_device_finish(&run->device);
    model_close(&run->model);
    arena_finish(&run->arena);
    return st;
}

enum status cli_protect_json(struct json_writer *w, const struct cli_protect_run *run)
{
    char sum[HASH_SHA256_TEXT];
    struct executor_info info;
    const enum status st = file_sha256(gguf_path(run->model->gguf), sum);
    if (st)
        return st;
    executor_info(run->device.ex, &info);
    json_member_text(w, "policy", run->policy);
    json_put_key(w, "protect");
    policy_put(w, &run->protection.policy);
    json_member_text(w, "model", run->o->model);
    json_member_text(w, "model_sha256", sum);
    json_member_text(w, "device", info.device);
    json_member_text(w, "act", storage_name(run->device.ex->act));
    json_member_text(w, "kv", storage_name(run->device.ex->kv_storage));
    return STATUS_OK;
}
