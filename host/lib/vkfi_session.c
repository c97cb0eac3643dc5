/* SPDX-License-Identifier: MIT */
/* Sessions: options, prompt, policy and faults. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_fields.h"
#include "base/log.h"
#include "lib/lib_prompt.h"
#include "lib/vkfi_impl.h"
#include "model/chat.h"

#define TOP_K_MOST 999999

vkfi_status vkfi_session_enter(struct vkfi_session *session)
{
    log_keep_error("");
    if (!session)
        return vkfi_status_refuse(VKFI_USAGE, "found no session, expected one");
    if (atomic_exchange(&session->used, true))
        return vkfi_status_refuse(VKFI_BUSY, "found the session in use by another call, expected "
                                             "one call at a time");
    return VKFI_OK;
}

vkfi_status vkfi_session_leave(struct vkfi_session *session, enum status st)
{
    atomic_store(&session->used, false);
    return vkfi_status_of(st);
}

/* A call ends that was wrong in itself. */
static vkfi_status refuse(struct vkfi_session *session, const char *message)
{
    log_error("%s", message);
    return vkfi_session_leave(session, STATUS_USAGE);
}

/* --- options --- */

static enum status read_stops(struct vkfi_session *s, const struct json_doc *doc,
                              const struct json *list)
{
    if (!list)
        return STATUS_OK;
    if (json_type(list) != JSON_ARRAY) {
        log_error("%s: found %s, expected a list of texts", json_where(doc, list),
                  json_fields_found(list).text);
        return STATUS_INPUT;
    }
    struct decode_stop *stops = arena_array(&s->arena, json_count(list) + 1, sizeof(*stops));
    enum status st = stops ? STATUS_OK : STATUS_MEMORY;
    for (size_t i = 0; i < json_count(list) && !st; i++) {
        const char *text = NULL;
        st = json_fields_text_of(doc, json_at(list, i), &text);
        if (!st && text[0] == '\0') {
            log_error("%s: found an empty text, expected one to stop at",
                      json_where(doc, json_at(list, i)));
            st = STATUS_INPUT;
        }
        const size_t size = st ? 0 : strlen(text);
        const char *copy = st ? NULL : arena_text(&s->arena, text, size);
        st = st ? st : copy ? STATUS_OK : STATUS_MEMORY;
        if (!st)
            stops[i] = (struct decode_stop){copy, size};
    }
    s->rules.stops = stops;
    s->rules.n_stops = (uint32_t)json_count(list);
    return st;
}

static enum status read_sampler(struct sampler *out, const struct json_doc *doc,
                                const struct json *object)
{
    enum status st = json_fields_number(doc, object, "temperature",
                                        (struct json_range){.max = 999999}, &out->temperature);
    st = st ? st
            : json_fields_u32(doc, object, "top_k", (struct json_span){0, TOP_K_MOST}, &out->top_k);
    st = st ? st
            : json_fields_number(doc, object, "top_p",
                                 (struct json_range){.max = 1, .open_min = true}, &out->top_p);
    return st ? st : json_fields_bits64(doc, object, "seed", UINT64_MAX, &out->seed);
}

static enum status read_options(struct vkfi_session *s, const struct json_doc *doc)
{
    static const char *const known[] = {
        "tokens",     "temperature", "top_k",           "top_p",      "seed", "stop",
        "ignore_end", "logprobs",    "prompt_logprobs", "prompt_top", "top"};
    const struct json *object = json_root(doc);
    const uint32_t n_vocab = s->device->model->model->hp.n_vocab;
    enum status st = json_fields_object(doc, object, "options of a session, an object",
                                        (struct json_words){known, sizeof(known) / sizeof(*known)});
    s->tokens_given = json_get(object, "tokens") != NULL;
    st = st ? st
            : json_fields_u32(doc, object, "tokens",
                              (struct json_span){1, s->device->needs.positions}, &s->rules.n);
    st = st ? st : read_sampler(&s->rules.sampler, doc, object);
    st = st ? st : read_stops(s, doc, json_get(object, "stop"));
    st = st ? st : json_fields_bool(doc, object, "ignore_end", &s->rules.ignore_end);
    st = st ? st : json_fields_bool(doc, object, "logprobs", &s->logprobs);
    st = st ? st : json_fields_bool(doc, object, "prompt_logprobs", &s->prompt_logprobs);
    const struct json_span tops = {0, n_vocab};
    st = st ? st : json_fields_u32(doc, object, "prompt_top", tops, &s->prompt_top);
    return st ? st : json_fields_u32(doc, object, "top", tops, &s->top);
}

static void destroy(struct vkfi_session *s)
{
    arena_finish(&s->arena);
    arena_finish(&s->policy_arena);
    arena_finish(&s->answers);
    text_finish(&s->faults);
    text_finish(&s->policy);
    free(s->ids);
    free(s);
}

vkfi_status vkfi_session_open(vkfi_session **out, vkfi_device *device, const char *options)
{
    struct json_doc *doc = NULL;
    const char *text = options ? options : "{}";
    log_keep_error("");
    if (!out || !device)
        return vkfi_status_refuse(VKFI_USAGE,
                                  "vkfi_session_open: found null, expected `out` and a device");
    struct vkfi_session *s = *out = calloc(1, sizeof(*s));
    if (!s)
        return vkfi_status_refuse(VKFI_MEMORY, "out of memory for a session");
    s->device = device;
    s->options = arena_text(&s->arena, text, strlen(text));
    enum status st = s->options ? json_parse(&doc, text, strlen(text), "options") : STATUS_MEMORY;
    st = st ? st : read_options(s, doc);
    json_destroy(&doc);
    if (!st) {
        s->given_top = arena_array(&s->arena, (size_t)s->top + 1, sizeof(*s->given_top));
        st = s->given_top ? STATUS_OK : STATUS_MEMORY;
    }
    if (st) {
        destroy(s);
        *out = NULL;
        return vkfi_status_of(st);
    }
    vkfi_device_keep(device);
    return VKFI_OK;
}

static enum status close_policy(void *session)
{
    struct vkfi_session *s = session;
    const enum status st = vkfi_run_drop(s);
    lib_protection_close(&s->protection);
    return st;
}

void vkfi_session_close(vkfi_session *session)
{
    if (!session)
        return;
    struct vkfi_device *device = session->device;
    const enum status st = vkfi_engine_do(&device->engine, close_policy, session);
    (void)st; /* closing cannot be refused: the log has what was found */
    destroy(session);
    vkfi_device_close(device);
}

/* --- prompt --- */

/* Appends to the prompt, after the tokens given since. */
static enum status feed(struct vkfi_session *s, const int32_t *ids, size_t count)
{
    const struct vkfi_device *d = s->device;
    const uint32_t n_vocab = d->model->model->hp.n_vocab, before = s->n_ids + s->given;
    if (count > d->needs.positions - (before < d->needs.positions ? before : d->needs.positions)) {
        log_error("found %zu tokens to feed after %" PRIu32
                  ", expected at most the device's %" PRIu32 " positions in all",
                  count, before, d->needs.positions);
        return STATUS_INPUT;
    }
    for (size_t i = 0; i < count; i++) {
        if (ids[i] < 0 || (uint32_t)ids[i] >= n_vocab) {
            log_error("found token id %" PRId32 " at place %zu, expected one from 0 to %" PRIu32,
                      ids[i], i + 1, n_vocab - 1);
            return STATUS_INPUT;
        }
    }
    int32_t *all = malloc((before + count + 1) * sizeof(*all));
    if (!all) {
        log_error("out of memory for a prompt of %zu tokens", before + count);
        return STATUS_MEMORY;
    }
    if (s->n_ids > 0)
        memcpy(all, s->ids, s->n_ids * sizeof(*all));
    if (s->given > 0)
        memcpy(all + s->n_ids, s->run.g.tokens, s->given * sizeof(*all));
    if (count > 0)
        memcpy(all + before, ids, count * sizeof(*all));
    const enum status st = vkfi_engine_do(&s->device->engine, vkfi_run_keep, s);
    free(s->ids);
    s->ids = all;
    s->n_ids = before + (uint32_t)count;
    return st;
}

vkfi_status vkfi_session_feed_ids(vkfi_session *session, const int32_t *ids, size_t count)
{
    const vkfi_status entered = vkfi_session_enter(session);
    if (entered)
        return entered;
    if (!ids && count > 0)
        return refuse(session, "vkfi_session_feed_ids: found null, expected ids");
    return vkfi_session_leave(session, feed(session, ids, count));
}

static enum status feed_prompt(struct vkfi_session *s, const struct lib_prompt *prompt)
{
    struct arena arena = {0};
    const struct model *model = s->device->model->model;
    const int32_t begin = tokenizer_begin(model->tokenizer);
    int32_t *ids = NULL;
    size_t n = 0;
    enum status st = lib_prompt_encode(prompt, model, &arena, &ids, &n);
    const bool skips = !st && n > 0 && s->n_ids > 0 && begin >= 0 && ids[0] == begin;
    st = st ? st : feed(s, ids + skips, n - skips);
    arena_finish(&arena);
    return st;
}

vkfi_status vkfi_session_feed_text(vkfi_session *session, const char *text, size_t size,
                                   vkfi_parse parse)
{
    const vkfi_status entered = vkfi_session_enter(session);
    if (entered)
        return entered;
    if ((!text && size > 0) || (unsigned)parse > VKFI_PARSE_SPECIAL)
        return refuse(session, "vkfi_session_feed_text: found null or an unknown way to parse, "
                               "expected a text");
    const struct lib_prompt prompt = {.text = {"text", text ? text : "", size},
                                      .parse = parse == VKFI_PARSE_SPECIAL ? TOKENIZER_SPECIAL
                                                                           : TOKENIZER_PLAIN};
    return vkfi_session_leave(session, feed_prompt(session, &prompt));
}

vkfi_status vkfi_session_feed_chat(vkfi_session *session, const char *message, const char *format)
{
    const vkfi_status entered = vkfi_session_enter(session);
    if (entered)
        return entered;
    if (!message)
        return refuse(session, "vkfi_session_feed_chat: found null, expected a message");
    if (format && !chat_is_template(format)) {
        char expected[CHAT_EXPECTED];
        log_error("found template '%s', %s", format, chat_expected(expected, format));
        return vkfi_session_leave(session, STATUS_INPUT);
    }
    const struct lib_prompt prompt = {
        .text = {"message", message, strlen(message)}, .parse = TOKENIZER_CHAT, .format = format};
    return vkfi_session_leave(session, feed_prompt(session, &prompt));
}

/* --- policy and faults --- */

/* An object, or the name of a built-in policy. */
static enum status read_policy(struct policy *out, struct arena *arena, const char *text)
{
    struct json_doc *doc = NULL;
    const bool object = text[strspn(text, " \t\r\n")] == '{';
    const char *builtin = object ? text : policy_builtin(text);
    if (!builtin) {
        log_error("found policy '%s', expected a JSON object or the name of a built-in policy: "
                  "robust, nan_trap",
                  text);
        return STATUS_INPUT;
    }
    enum status st = json_parse(&doc, builtin, strlen(builtin), object ? "policy" : text);
    st = st ? st : policy_read(out, arena, doc, json_root(doc));
    json_destroy(&doc);
    return st;
}

/* Takes the policy that was read, null: none, and its memory; the run begins anew. */
static enum status set_policy(struct vkfi_session *s, const struct policy *policy,
                              struct arena *arena, const char *text)
{
    struct text given = {0};
    enum status st = policy ? text_put(&given, text) : STATUS_OK;
    st = st ? st : vkfi_engine_do(&s->device->engine, close_policy, s);
    if (st) {
        text_finish(&given);
        arena_finish(arena);
        return st;
    }
    text_finish(&s->policy);
    arena_finish(&s->policy_arena);
    s->policy = given;
    s->policy_arena = *arena;
    s->protection = (struct lib_protection){0};
    if (policy)
        s->protection.policy = *policy;
    return STATUS_OK;
}

/* `policy` null: none; `is_file`: a path or the name of a built-in one. */
static vkfi_status protect(struct vkfi_session *s, const char *policy, bool is_file)
{
    struct arena arena = {0};
    struct policy read;
    enum status st = STATUS_OK;
    const vkfi_status entered = vkfi_session_enter(s);
    if (entered)
        return entered;
    if (policy)
        st = is_file ? policy_load(&read, &arena, policy) : read_policy(&read, &arena, policy);
    if (st)
        arena_finish(&arena);
    else
        st = set_policy(s, policy ? &read : NULL, &arena, policy);
    if (!st)
        s->policy_is_file = is_file;
    return vkfi_session_leave(s, st);
}

vkfi_status vkfi_session_protect(vkfi_session *session, const char *policy)
{
    return protect(session, policy, false);
}

vkfi_status vkfi_session_protect_file(vkfi_session *session, const char *path)
{
    return protect(session, path, true);
}

vkfi_status vkfi_session_fault(vkfi_session *session, const char *faults)
{
    struct arena arena = {0};
    struct text given = {0};
    struct fault_trial trial;
    const vkfi_status entered = vkfi_session_enter(session);
    if (entered)
        return entered;
    if (faults && session->n_ids == 0)
        return refuse(session, "found a fault without a prompt, expected the prompt first: its "
                               "length says what a fault strikes");
    enum status st = faults ? vkfi_run_faults(&trial, &arena, session, faults) : STATUS_OK;
    if (!st && faults)
        st = text_put(&given, faults);
    st = st ? st : vkfi_engine_do(&session->device->engine, vkfi_run_drop, session);
    arena_finish(&arena);
    if (st) {
        text_finish(&given);
        return vkfi_session_leave(session, st);
    }
    text_finish(&session->faults);
    session->faults = given;
    return vkfi_session_leave(session, STATUS_OK);
}
