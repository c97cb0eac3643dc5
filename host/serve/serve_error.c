/* SPDX-License-Identifier: MIT */
/* Error objects and HTTP statuses of failures. */
#include "serve/serve_error.h"

#include "base/json.h"
#include "lib/vkfi.h"

static const char *type_of(unsigned code)
{
    switch (code) {
    case SERVE_NO_KEY:
        return "authentication_error";
    case SERVE_NOT_FOUND:
        return "not_found_error";
    case SERVE_TOO_MANY:
        return "rate_limit_error";
    default:
        return code < SERVE_BROKEN ? "invalid_request_error" : "server_error";
    }
}

void serve_error_put(struct text *out, unsigned code, const char *message)
{
    struct json_memory m;
    struct arena arena = {0};
    const char *line = NULL;
    json_begin_memory(&m, false);
    json_object_open(&m.w);
    json_member_object(&m.w, "error");
    json_member_text(&m.w, "message", message);
    json_member_text(&m.w, "type", type_of(code));
    json_member_null(&m.w, "param");
    json_member_int(&m.w, "code", code);
    json_object_close(&m.w);
    json_object_close(&m.w);
    text_take(out, json_end_line(&line, &m, &arena));
    if (line)
        text_put(out, line);
    arena_finish(&arena);
}

unsigned serve_error_code(enum status st)
{
    switch ((int)st) {
    case VKFI_USAGE:
    case VKFI_INPUT:
        return SERVE_BAD;
    case VKFI_DEVICE:
    case VKFI_DEVICE_LOST:
    case VKFI_DEVICE_MEMORY:
    case VKFI_MEMORY:
        return SERVE_UNAVAILABLE;
    default:
        return SERVE_BROKEN;
    }
}
