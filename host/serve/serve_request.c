/* SPDX-License-Identifier: MIT */
/* Reads the members of each kind of request. */
#include "serve/serve_request.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "serve/serve_prompt.h"
#include "serve/serve_reader.h"

#define N_MOST 128
#define TOP_K_MOST 999999
#define TOKENS_DEFAULT 16u /* of a completion, as in OpenAI's interface */
#define WORDS(list) ((struct json_words){list, sizeof(list) / sizeof(*(list))})

/* Members that both kinds of answers know. Those of the second row change nothing here: only the
 * value that says so is taken. */
#define COMMON                                                                                     \
    "model", "n", "max_tokens", "temperature", "top_p", "top_k", "seed", "stop", "stream",         \
        "stream_options", "logprobs", "ignore_eos", "vkfi", "user", "frequency_penalty",           \
        "presence_penalty", "logit_bias", "store", "metadata"

static const char *const COMPLETION[] = {COMMON, "prompt", "echo", "best_of", "suffix"};
static const char *const CHAT[] = {COMMON,         "messages",        "max_completion_tokens",
                                   "top_logprobs", "response_format", "tools",
                                   "tool_choice"};

static void refuse_feature(struct serve_reader *r, const char *key, const char *expected)
{
    if (!r->st && serve_reader_get(r, key))
        serve_reader_refuse(r, serve_reader_get(r, key), expected);
}

/* What this server does not do is refused unless it asks for nothing. */
static void check_neutral(struct serve_reader *r, const struct serve_request *out)
{
    const char *suffix = "";
    double none = 0;
    uint32_t best = out->n;
    const struct json *bias = serve_reader_get(r, "logit_bias");
    const struct json_range zero = {.min = 0, .max = 0};
    serve_reader_number(r, "frequency_penalty", zero, &none);
    serve_reader_number(r, "presence_penalty", zero, &none);
    serve_reader_u32(r, "best_of", (struct json_span){out->n, out->n}, &best);
    serve_reader_text(r, "suffix", &suffix);
    if (suffix[0] != '\0')
        serve_reader_refuse(r, serve_reader_get(r, "suffix"), "none: it is not supported");
    if (bias && (json_type(bias) != JSON_OBJECT || json_count(bias) > 0))
        serve_reader_refuse(r, bias, "an empty object: it is not supported");
    if (json_count(serve_reader_get(r, "tools")) > 0)
        refuse_feature(r, "tools", "none: they are not supported");
    const struct json *format = serve_reader_get(r, "response_format"),
                      *type = json_get(format, "type");
    if (format && (json_type(type) != JSON_TEXT || strcmp(json_text(type), "text") != 0))
        serve_reader_refuse(r, format, "{\"type\": \"text\"}: no other is supported");
}

static void read_model(struct serve_reader *r, const char *name)
{
    const char *model = name;
    serve_reader_text(r, "model", &model);
    if (!r->st && strcmp(model, name) != 0) {
        log_error("%s: found model '%s', expected '%s'",
                  json_where(r->doc, serve_reader_get(r, "model")), model, name);
        r->st = STATUS_INPUT;
    }
}

static void read_sampling(struct serve_reader *r, struct serve_request *out)
{
    const struct json *seed = serve_reader_get(r, "seed");
    int64_t number = 0;
    serve_reader_number(r, "temperature", (struct json_range){.max = 999999}, &out->temperature);
    serve_reader_number(r, "top_p", (struct json_range){.max = 1, .open_min = true}, &out->top_p);
    serve_reader_u32(r, "top_k", (struct json_span){0, TOP_K_MOST}, &out->top_k);
    serve_reader_bool(r, "ignore_eos", &out->ignore_end);
    if (r->st || !seed)
        return;
    if (json_integer(seed, INT64_MIN, INT64_MAX, &number))
        out->seed = (uint64_t)number;
    else
        r->st = json_fields_bits64(r->doc, r->object, "seed", UINT64_MAX, &out->seed);
}

static void read_lengths(struct serve_reader *r, struct serve_request *out,
                         const struct serve_request_rules *rules)
{
    const uint64_t limit = rules->limits.tokens;
    const uint32_t most = limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
    const struct json_span span = {0, most};
    serve_reader_u32(r, "n", (struct json_span){1, N_MOST}, &out->n);
    out->tokens_given = serve_reader_get(r, "max_tokens") != NULL ||
                        serve_reader_get(r, "max_completion_tokens") != NULL;
    serve_reader_u32(r, "max_tokens", span, &out->tokens);
    serve_reader_u32(r, "max_completion_tokens", span, &out->tokens);
    if (!r->st && (uint64_t)out->n * out->n_prompts > rules->limits.choices) {
        log_error("%s: found %" PRIu32 " prompts with %" PRIu32 " choices each, expected at most "
                  "%" PRIu64 " choices",
                  json_where(r->doc, r->object), out->n_prompts, out->n, rules->limits.choices);
        r->st = STATUS_INPUT;
    }
}

static void read_stream(struct serve_reader *r, struct serve_request *out)
{
    static const char *const known[] = {"include_usage", "include_obfuscation"};
    const struct json *options = serve_reader_get(r, "stream_options");
    serve_reader_bool(r, "stream", &out->stream);
    if (r->st || !options)
        return;
    if (!out->stream) {
        serve_reader_refuse(r, options, "none without \"stream\": true");
        return;
    }
    struct serve_reader inner = {r->doc, options, STATUS_OK};
    bool ignored = false;
    inner.st = json_fields_object(r->doc, options, "stream_options, an object", WORDS(known));
    serve_reader_bool(&inner, "include_usage", &out->include_usage);
    serve_reader_bool(&inner, "include_obfuscation", &ignored);
    r->st = inner.st;
}

/* --- "vkfi" --- */

/* Whether a calibration is named, anywhere: it is the path of a file. */
static bool names_file(const struct json *value)
{
    bool found = json_key(value) && strcmp(json_key(value), "calibration") == 0;
    const bool inner = json_type(value) == JSON_OBJECT || json_type(value) == JSON_ARRAY;
    for (size_t i = 0; inner && !found && i < json_count(value); i++)
        found = names_file(json_at(value, i));
    return found;
}

static const char *line_of(struct serve_reader *r, struct arena *arena, const struct json *value)
{
    struct json_memory m;
    const char *line = NULL;
    json_begin_memory(&m, false);
    json_put_value(&m.w, value);
    r->st = json_end_line(&line, &m, arena);
    return line;
}

static void read_protect(struct serve_reader *r, struct arena *arena, struct serve_request *out,
                         const struct serve_request_rules *rules)
{
    const struct json *policy = serve_reader_get(r, "protect");
    const enum json_type type = json_type(policy);
    if (r->st || !policy)
        return;
    if (rules->protects && !rules->allow_faults)
        serve_reader_refuse(r, policy, "none: the server protects every request by its own policy");
    else if (type != JSON_TEXT && type != JSON_OBJECT)
        serve_reader_refuse(r, policy, "the name of a built-in policy, or a policy as an object");
    else if (type == JSON_OBJECT && names_file(policy))
        serve_reader_refuse(r, policy, "no calibration in it: a request may not name a file");
    if (!r->st)
        out->protect = type == JSON_TEXT ? json_text(policy) : line_of(r, arena, policy);
}

static void read_extension(struct serve_reader *r, struct arena *arena, struct serve_request *out,
                           const struct serve_request_rules *rules)
{
    static const char *const known[] = {"protect", "fault", "plan", "trial"};
    const struct json *object = serve_reader_get(r, "vkfi");
    if (r->st || !object)
        return;
    struct serve_reader inner = {r->doc, object, STATUS_OK};
    inner.st = json_fields_object(r->doc, object, "the member vkfi, an object", WORDS(known));
    read_protect(&inner, arena, out, rules);
    for (size_t i = 1; i < sizeof(known) / sizeof(*known); i++) {
        const struct json *value = serve_reader_get(&inner, known[i]);
        if (value && !rules->allow_faults)
            serve_reader_refuse(&inner, value,
                                "none: the server was started without "
                                "--allow-faults");
        out->strikes |= value != NULL;
    }
    serve_fault_read(&inner, arena, &out->fault);
    r->st = inner.st;
}

/* --- kinds of requests --- */

static void read_answer(struct serve_reader *r, struct arena *arena, struct serve_request *out,
                        const struct serve_request_rules *rules)
{
    read_model(r, rules->name);
    read_lengths(r, out, rules);
    read_sampling(r, out);
    serve_prompt_read_stop(r, out);
    read_stream(r, out);
    check_neutral(r, out);
    read_extension(r, arena, out, rules);
}

static void read_completion(struct serve_reader *r, struct arena *arena, struct serve_request *out,
                            const struct serve_request_rules *rules)
{
    out->tokens = TOKENS_DEFAULT;
    r->st = json_fields_object(r->doc, r->object, "a request, an object with a prompt",
                               WORDS(COMPLETION));
    serve_prompt_read(r, arena, out, rules);
    read_answer(r, arena, out, rules);
    serve_reader_bool(r, "echo", &out->echo);
    out->logprobs = serve_reader_get(r, "logprobs") != NULL;
    serve_reader_u32(r, "logprobs", (struct json_span){0, SERVE_TOP_MOST}, &out->top);
    if (!r->st && out->stream && out->echo)
        serve_reader_refuse(r, serve_reader_get(r, "echo"), "no echo in a stream");
}

static void read_chat(struct serve_reader *r, struct arena *arena, struct serve_request *out,
                      const struct serve_request_rules *rules)
{
    out->n_prompts = 1;
    r->st =
        json_fields_object(r->doc, r->object, "a request, an object with messages", WORDS(CHAT));
    serve_prompt_read_messages(r, arena, out);
    read_answer(r, arena, out, rules);
    serve_reader_bool(r, "logprobs", &out->logprobs);
    serve_reader_u32(r, "top_logprobs", (struct json_span){0, SERVE_TOP_MOST}, &out->top);
    if (!r->st && out->top > 0 && !out->logprobs)
        serve_reader_refuse(r, serve_reader_get(r, "top_logprobs"),
                            "none without \"logprobs\": true");
}

static void read_tokenize(struct serve_reader *r, struct arena *arena, struct serve_request *out,
                          const struct serve_request_rules *rules)
{
    static const char *const known[] = {"model", "prompt", "add_special_tokens"};
    r->st =
        json_fields_object(r->doc, r->object, "a request, an object with a prompt", WORDS(known));
    read_model(r, rules->name);
    out->echo = true; /* the begin token is told */
    serve_reader_bool(r, "add_special_tokens", &out->echo);
    serve_prompt_read(r, arena, out, rules);
    if (!r->st && (out->n_prompts != 1 || !out->prompt->text))
        serve_reader_refuse(r, serve_reader_get(r, "prompt"), "a text");
}

static void read_detokenize(struct serve_reader *r, struct arena *arena, struct serve_request *out,
                            const struct serve_request_rules *rules)
{
    static const char *const known[] = {"model", "tokens"};
    r->st = json_fields_object(r->doc, r->object, "a request, an object with tokens", WORDS(known));
    read_model(r, rules->name);
    serve_prompt_read_ids(r, arena, out, rules, "tokens");
}

enum status serve_request_read(struct serve_request *out, struct arena *arena,
                               const struct json_doc *doc, enum serve_endpoint endpoint,
                               const struct serve_request_rules *rules)
{
    struct serve_reader r = {doc, json_root(doc), STATUS_OK};
    *out = (struct serve_request){.n = 1, .temperature = 1, .top_p = 1};
    switch (endpoint) {
    case SERVE_COMPLETIONS:
        read_completion(&r, arena, out, rules);
        break;
    case SERVE_CHAT:
        read_chat(&r, arena, out, rules);
        break;
    case SERVE_TOKENIZE:
        read_tokenize(&r, arena, out, rules);
        break;
    default:
        read_detokenize(&r, arena, out, rules);
        break;
    }
    return r.st;
}
