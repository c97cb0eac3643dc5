/* SPDX-License-Identifier: MIT */
/* A part of `vkfi selftest` in a child process: a driver that crashes or hangs ends that part, and
 * is a finding of the test. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/cli_selftest.h"
#include "inject/campaign/campaign_process.h"

#define PATIENCE 3600.0 /* seconds for a part: slow devices compile for minutes */
#define REPLY_MAX ((size_t)16 << 20)

/* Words with a slash become "PATH": no name of a folder, and so of a user, leaves the machine. */
static const char *without_paths(struct arena *arena, const char *text)
{
    struct text out = {0};
    while (*text) {
        const size_t gap = strspn(text, " '\"():,;"), word = strcspn(text + gap, " '\"():,;");
        text_add(&out, text, gap);
        if (memchr(text + gap, '/', word))
            text_put(&out, "PATH");
        else
            text_add(&out, text + gap, word);
        text += gap + word;
    }
    const char *copy = out.st ? NULL : arena_text(arena, text_of(&out), out.size);
    text_finish(&out);
    return copy;
}

/* --- in the child --- */

static enum status write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        const ssize_t got = write(fd, bytes, n);
        if (got < 0 && errno != EINTR)
            return STATUS_IO;
        bytes += got > 0 ? got : 0;
        n -= got > 0 ? (size_t)got : 0;
    }
    return STATUS_OK;
}

/* The part's object, or {"error": ...}. */
static enum status run_in_child(void *user, struct campaign_channel *channel)
{
    const struct cli_selftest_part *part = user;
    struct arena arena = {0};
    struct json_memory m;
    json_begin_memory(&m, false);
    json_object_open(&m.w);
    const enum status st = part->write(&m.w, part);
    json_object_close(&m.w);
    enum status written = json_end_memory(&m, &arena);
    if (st && !written) {
        json_begin_memory(&m, false);
        json_object_open(&m.w);
        json_member_text(&m.w, "error", without_paths(&arena, log_last_error()));
        json_object_close(&m.w);
        written = json_end_memory(&m, &arena);
    }
    written = written ? written : write_all(channel->fd, m.text, m.size);
    arena_finish(&arena);
    return st ? st : written;
}

/* --- in the parent --- */

/* False if the child was silent for too long, or said too much. */
static bool read_reply(int fd, struct text *out)
{
    const double end = clock_seconds() + PATIENCE;
    char bytes[4096];
    while (clock_seconds() < end && out->size < REPLY_MAX) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, 1000) <= 0)
            continue;
        const ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n > 0)
            text_add(out, bytes, (size_t)n);
        else if (n == 0 || errno != EINTR)
            return true;
    }
    return false;
}

/* What the child left: its object, or why there is none. */
static enum status take_reply(struct cli_selftest *test, struct cli_selftest_part *part,
                              const struct text *reply, const char *how)
{
    struct json_doc *doc = NULL;
    if (reply->size > 0 && json_parse(&doc, reply->data, reply->size, part->name) == STATUS_OK) {
        const char *error = json_text(json_get(json_root(doc), "error"));
        if (!error && !part->st) {
            part->doc = doc;
            return STATUS_OK;
        }
        if (error)
            part->error = arena_text(&test->arena, error, strlen(error));
        part->logged = part->error != NULL;
        json_destroy(&doc);
    }
    if (!part->error)
        part->error = arena_printf(&test->arena, "its process %s", how);
    return part->error ? STATUS_OK : STATUS_MEMORY;
}

enum status cli_selftest_part_run(struct cli_selftest *test, struct cli_selftest_part *part)
{
    struct campaign_process process;
    struct text reply = {0};
    char how[CAMPAIGN_PROCESS_HOW];
    const struct campaign_process_params params = {
        .body = run_in_child, .user = part, .leave = _exit};
    log_info("selftest: %s", part->name);
    enum status st = campaign_process_start(&process, &params);
    if (st)
        return st;
    const bool complete = read_reply(process.channel.fd, &reply);
    const int code = campaign_process_end(&process, complete ? 60 : 0, how);
    part->done = true;
    part->st = code >= 0 && code < STATUS_COUNT ? (enum status)code : STATUS_DEVICE;
    st = reply.st ? reply.st : take_reply(test, part, &reply, how);
    text_finish(&reply);
    return st;
}
