/* SPDX-License-Identifier: MIT */
/* `vkfi serve`: options and the manual page. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli_device.h"
#include "cli/cli_manifest.h"
#include "cli/cli_protection.h"
#include "serve/serve.h"

#define SESSIONS_MOST 256
#define TOKENS_MOST 1048576
#define STORAGES "f32|f16|bf16"

static const char DETAILS[] =
    "Answers the requests of OpenAI's clients with a model that computes the same bits on every "
    "device. The server forks once: one process speaks HTTP, the other holds the device and is "
    "started anew if it dies.\n"
    "\n"
    "ADDRESSES\n"
    "  POST /v1/completions       prompt (text, ids, or a list of them), echo,\n"
    "                             logprobs, stop, n, seed, stream, ..\n"
    "  POST /v1/chat/completions  messages, logprobs, top_logprobs, stream, ..\n"
    "  GET  /v1/models            the one model\n"
    "  GET  /health               200 if requests would be answered; without key\n"
    "  GET  /metrics              for Prometheus\n"
    "  POST /tokenize, /detokenize; GET /tokenizer_info\n"
    "                             as clients with a remote tokenizer ask\n"
    "temperature is 1 and seed 0 where a request does not say; the same request gives the same "
    "bits. Temperature 0 gives the tokens of `vkfi run`. Members of a request that are unknown or "
    "not supported are refused.\n"
    "\n"
    "EXTENSIONS\n"
    "A request may have a member \"vkfi\": {\"protect\": POLICY}, a policy's name or object, but "
    "not the path of a file. With --allow-faults also \"fault\": a fault as `vkfi run --fault` "
    "reads it, [[F, G]] for several, [] for none, or \"plan\" (an object: where, what, when, "
    "sampling, ..) and \"trial\" (a number or \"random\"); they stand in for the server's own. A "
    "fault in stored weights has the device for itself while its run lasts.\n"
    "\n"
    "Each choice of an answer has a member `vkfi`: hash (of all logits of its run); where it was "
    "protected outcome, alarms and events; where it was struck fault, trial, and record, the "
    "proof of each fault: activations, changed, before and after. Damage that stayed is answered "
    "with status 500 and without a text.\n"
    "\n"
    "SECURITY\n"
    "Only this machine reaches the server unless --listen names another address, which needs "
    "--api-key-file: one key a line, at least 16 characters, sent as 'Authorization: Bearer KEY'. "
    "There is no encryption: put a proxy with TLS in front of it. Bodies must be sent as "
    "application/json, which pages of a browser cannot do for another site.\n"
    "\n"
    "ENDING\n"
    "SIGTERM and SIGINT: new requests are refused, those that run are finished; a second signal "
    "ends at once.\n"
    "\n"
    "EXIT CODES\n"
    "  0  ended by a signal\n"
    "  2  wrong usage, model, policy or key file, or the address is taken\n"
    "  3  no Vulkan driver, device refused, or driver failure at the start\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi serve -m smollm2-135m\n"
    "  vkfi serve -m model.gguf -d vk --protect robust --listen 0.0.0.0:8080 \\\n"
    "      --api-key-file keys.txt\n"
    "  curl http://127.0.0.1:8080/v1/completions \\\n"
    "      -H 'Content-Type: application/json' \\\n"
    "      -d '{\"prompt\": \"The capital of France is\", \"temperature\": 0}'\n";

struct options {
    struct serve_params params;
    const char *model, *name;
    uint64_t positions, sessions, threads;
    int act, kv;
};

/* An option that is a number from 1 to `most`. */
#define COUNT(name, target, most, help)                                                            \
    {                                                                                              \
        0, name, ARGS_UINT, target, "N", help, 1, most                                             \
    }

static enum status parse(struct options *o, int argc, char **argv, bool *out_done)
{
    struct serve_params *p = &o->params;
    struct serve_limits *l = &p->limits;
    const struct args_option options[] = {
        {'m', "model", ARGS_TEXT, &o->model, "MODEL",
         "Model: the path of a GGUF file, or a name of `vkfi model list`.", 0, 0},
        {'d', "device", ARGS_TEXT, &p->device, "DEVICE", CLI_DEVICE_HELP " Default cpu.", 0, 0},
        {0, "name", ARGS_TEXT, &o->name, "NAME",
         "What clients call the model. Default: MODEL, of a path its last part.", 0, 0},
        {0, "act", ARGS_CHOICE, &o->act, STORAGES, "Type activations are stored in. Default f32.",
         0, 0},
        {0, "kv", ARGS_CHOICE, &o->kv, STORAGES, "Type of the KV cache. Default f32.", 0, 0},
        {0, "protect", ARGS_TEXT, &p->protect, "POLICY",
         "Protects every request: a policy file (mitigations/policy.schema.json), or a built-in "
         "policy: robust, nan_trap. Requests may not say otherwise.",
         0, 0},
        {0, "fault", ARGS_TEXT, &p->fault, "FILE",
         "Strikes every request: one trial, as `vkfi run --fault` reads it.", 0, 0},
        {0, "plan", ARGS_TEXT, &p->plan, "PLAN",
         "Strikes every request with a trial of this plan, drawn as if the request's prompt were "
         "its only one; of the plan where, what and when are taken.",
         0, 0},
        {0, "trial", ARGS_TEXT, &p->trial, "ID|random", "Of --plan.", 0, 0},
        {0, "allow-faults", ARGS_FLAG, &p->allow_faults, NULL,
         "Requests may say what strikes them; see EXTENSIONS.", 0, 0},
        {0, "listen", ARGS_TEXT, &p->listen, "ADDRESS",
         "Where to listen, as 127.0.0.1:8080 (the default), [::1]:8080 or a port. Port 0: any "
         "that is free; standard output says which.",
         0, 0},
        {0, "api-key-file", ARGS_TEXT, &p->key_file, "FILE",
         "Keys that clients must send; see SECURITY.", 0, 0},
        COUNT("positions", &o->positions, TOKENS_MOST,
              "Most positions of a choice, prompt and answer. Default: the model's, at most 4096."),
        COUNT("sessions", &o->sessions, SESSIONS_MOST,
              "Choices that run at a time; others wait. Each takes the memory of its K and V. "
              "Default 16."),
        CLI_THREADS_OPTION(&o->threads),
        COUNT("max-body", &l->body, 1u << 30, "Bytes of a request. Default 4 MiB."),
        COUNT("max-tokens", &l->tokens, TOKENS_MOST, "Generated for a choice. Default 4096."),
        COUNT("max-choices", &l->choices, 4096, "Of a request: prompts times n. Default 128."),
        COUNT("max-connections", &l->connections, 65536, "At a time. Default 256."),
        COUNT("max-requests", &l->requests, 65536,
              "That run or wait at a time; others are answered with 429. Default 256."),
        {0, "receive-timeout", ARGS_REAL, &l->receive, "S",
         "Seconds without a byte from or to a client before its connection is closed; a request "
         "must be there in twice the time. Default 30.",
         1, 86400},
        {0, "answer-timeout", ARGS_REAL, &l->answer, "S",
         "Seconds for an answer; later it is ended with 504. Default 600.", 1, 864000},
        {0}};
    const struct args_spec spec = {
        .command = "vkfi serve",
        .summary = "answer OpenAI's clients, protected if asked",
        .synopsis = "-m MODEL [-d DEVICE] [--protect POLICY] [--listen ADDRESS] [options]",
        .details = DETAILS,
        .options = options};
    return args_parse(&spec, argc, argv, out_done);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

enum status cli_serve(const struct cli_env *env, int argc, char **argv)
{
    struct options o = {.params = {.device = "cpu",
                                   .listen = "127.0.0.1:8080",
                                   .limits = SERVE_LIMITS_DEFAULT,
                                   .leave = _exit},
                        .sessions = 16,
                        .threads = env->threads};
    struct arena arena = {0};
    char *path = NULL;
    bool done = false;
    enum status st = parse(&o, argc, argv, &done);
    if (st || done)
        return st;
    st = cli_manifest_check(o.model);
    st = st ? st : cli_manifest_path(&path, &arena, env, o.model);
    o.params.model = path;
    o.params.name = o.name ? o.name : o.model ? last_part(o.model) : NULL;
    o.params.act = (enum storage)o.act;
    o.params.kv = (enum storage)o.kv;
    o.params.positions = (uint32_t)o.positions;
    o.params.sessions = (uint32_t)o.sessions;
    o.params.threads = (uint32_t)o.threads;
    o.params.gpu = cli_device_gpu_params(env);
    st = st ? st : serve_run(&o.params);
    arena_finish(&arena);
    return st;
}
