/* SPDX-License-Identifier: MIT */
/* Addresses of the server, and answers that need no model. */
#include <string.h>

#include "base/json.h"
#include "serve/serve_call.h"
#include "serve/serve_error.h"

#define JSON "application/json"
#define MODELS "/v1/models"

/* --- answers --- */

static enum MHD_Result answer_line(struct serve_call *call, unsigned code, struct json_memory *m)
{
    struct arena arena = {0};
    struct text body = {0};
    const char *line = NULL;
    text_take(&body, json_end_line(&line, m, &arena));
    text_put(&body, line ? line : "");
    const enum MHD_Result result = serve_call_answer(call, code, JSON, &body);
    text_finish(&body);
    arena_finish(&arena);
    return result;
}

static enum MHD_Result answer_health(struct serve_call *call, const char *path)
{
    const struct serve_link *link = &call->front->link;
    const bool well = link->ready && !call->front->ends;
    struct json_memory m;
    (void)path;
    json_begin_memory(&m, false);
    json_object_open(&m.w);
    json_member_text(&m.w, "status", well ? "ok" : call->front->ends ? "ending" : "opening");
    json_member_text(&m.w, "device", link->facts.device);
    json_member_text(&m.w, "driver", link->facts.driver);
    if (!well && link->why[0])
        json_member_text(&m.w, "reason", link->why);
    json_object_close(&m.w);
    return answer_line(call, well ? MHD_HTTP_OK : SERVE_UNAVAILABLE, &m);
}

static enum MHD_Result answer_metrics(struct serve_call *call, const char *path)
{
    struct text page = {0};
    (void)path;
    serve_metrics_put(&page, &call->front->metrics);
    const enum MHD_Result result =
        serve_call_answer(call, MHD_HTTP_OK, "text/plain; version=0.0.4", &page);
    text_finish(&page);
    return result;
}

static void put_model(struct json_writer *w, const struct serve_front *front)
{
    json_object_open(w);
    json_member_text(w, "id", front->params->name);
    json_member_text(w, "object", "model");
    json_member_int(w, "created", 0);
    json_member_text(w, "owned_by", "vkfi");
    json_member_int(w, "max_model_len", front->link.facts.positions);
    json_object_close(w);
}

static enum MHD_Result answer_models(struct serve_call *call, const char *path)
{
    struct json_memory m;
    const char *name = path + strlen(MODELS);
    if (name[0] == '/' && strcmp(name + 1, call->front->params->name) != 0)
        return serve_call_refuse(call, SERVE_NOT_FOUND,
                                 "found the name of another model, expected one of " MODELS);
    json_begin_memory(&m, false);
    if (name[0] == '/') {
        put_model(&m.w, call->front);
        return answer_line(call, MHD_HTTP_OK, &m);
    }
    json_object_open(&m.w);
    json_member_text(&m.w, "object", "list");
    json_member_array(&m.w, "data");
    put_model(&m.w, call->front);
    json_array_close(&m.w);
    json_object_close(&m.w);
    return answer_line(call, MHD_HTTP_OK, &m);
}

/* --- addresses --- */

static const struct serve_route ROUTES[] = {
    {"POST", "/v1/completions", NULL, SERVE_COMPLETIONS, false},
    {"POST", "/v1/chat/completions", NULL, SERVE_CHAT, false},
    {"GET", MODELS, answer_models, 0, false},
    {"GET", MODELS "/", answer_models, 0, false}, /* and the name of one */
    {"GET", "/health", answer_health, 0, true},
    {"GET", "/metrics", answer_metrics, 0, false},
    {"POST", "/tokenize", NULL, SERVE_TOKENIZE, false},
    {"POST", "/detokenize", NULL, SERVE_DETOKENIZE, false},
    {"GET", "/tokenizer_info", NULL, SERVE_TOKENIZER_INFO, false},
};
#define ROUTE_COUNT (sizeof(ROUTES) / sizeof(*ROUTES))

static bool leads(const struct serve_route *route, const char *path)
{
    const size_t size = strlen(route->path);
    return route->path[size - 1] == '/' ? strncmp(path, route->path, size) == 0 && path[size]
                                        : strcmp(path, route->path) == 0;
}

const struct serve_route *serve_route_find(const char *method, const char *path, unsigned *out_code,
                                           const char **out_message)
{
    const char *wanted = NULL;
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (!leads(&ROUTES[i], path))
            continue;
        if (strcmp(method, ROUTES[i].method) == 0)
            return &ROUTES[i];
        wanted = ROUTES[i].method;
    }
    *out_code = wanted ? SERVE_METHOD : SERVE_NOT_FOUND;
    *out_message = !wanted            ? "found no such address, expected one as /v1/completions, "
                                        "/v1/chat/completions, /v1/models, /health or /metrics"
                   : wanted[0] == 'P' ? "found another method, expected POST"
                                      : "found another method, expected GET";
    return NULL;
}
