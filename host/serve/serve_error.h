/* SPDX-License-Identifier: MIT */
/* Errors in the shape that OpenAI's clients read. */
#ifndef VKFI_SERVE_SERVE_ERROR_H
#define VKFI_SERVE_SERVE_ERROR_H

#include "base/status.h"
#include "base/text.h"

#define SERVE_BAD 400         /* the request is wrong */
#define SERVE_NO_KEY 401      /* no key, or another */
#define SERVE_FORBIDDEN 403   /* asked by another name than this machine's */
#define SERVE_NOT_FOUND 404   /* no such address or model */
#define SERVE_METHOD 405      /* another method was expected */
#define SERVE_TOO_LARGE 413   /* the body exceeds its limit */
#define SERVE_TOO_MANY 429    /* requests at a time */
#define SERVE_BROKEN 500      /* damage that stayed, or a broken promise */
#define SERVE_UNAVAILABLE 503 /* device or worker were lost, or the server ends */
#define SERVE_OUT_OF_TIME 504 /* the answer exceeds its limit */

/* Appends {"error": {"message", "type", "param", "code"}}. */
void serve_error_put(struct text *out, unsigned code, const char *message);

/* The HTTP status of a failure in the worker. */
unsigned serve_error_code(enum status st);

#endif
