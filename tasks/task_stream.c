/* SPDX-License-Identifier: MIT */
/* Buffers of unpacked bytes, by zlib and libbz2. */
#include "tasks/task_stream.h"

#include <bzlib.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/json_scan.h"
#include "base/log.h"

#define BUFFER ((size_t)64 << 10)

struct task_stream {
    char *path; /* owned */
    gzFile gz;  /* plain files too; null: bzip2 */
    FILE *file; /* of bz */
    BZFILE *bz; /* null between two of several streams in one file */
    unsigned char *buffer;
    size_t at, have;
    uint32_t line;
    bool ended;
    enum status status;
};

static enum status fail(struct task_stream *s, const char *why)
{
    log_error("%s: cannot be read: %s", s->path, why);
    s->status = STATUS_IO;
    s->ended = true;
    return s->status;
}

static enum status open_bzip2(struct task_stream *s, FILE *file, void *unused, int n_unused)
{
    int code;
    s->file = file;
    s->bz = BZ2_bzReadOpen(&code, file, 0, 0, unused, n_unused);
    return code == BZ_OK ? STATUS_OK : fail(s, "no memory for bzip2");
}

static enum status open_packed(struct task_stream *s)
{
    char magic[3] = "";
    FILE *file = fopen(s->path, "rb");
    if (!file)
        return fail(s, strerror(errno));
    const size_t n = fread(magic, 1, sizeof(magic), file);
    if (n == 3 && memcmp(magic, "BZh", 3) == 0)
        return open_bzip2(s, file, magic, 3);
    const int error = ferror(file) ? errno : 0;
    fclose(file);
    if (error)
        return fail(s, strerror(error));
    s->gz = gzopen(s->path, "rb");
    return s->gz ? STATUS_OK : fail(s, strerror(errno));
}

static const char *bzip2_reason(int code)
{
    return code == BZ_UNEXPECTED_EOF                              ? "the bzip2 data end early"
           : code == BZ_DATA_ERROR || code == BZ_DATA_ERROR_MAGIC ? "the bzip2 data are damaged"
           : code == BZ_MEM_ERROR                                 ? "no memory for bzip2"
                                                                  : strerror(errno);
}

/* The end of a stream: another may follow in the same file. */
static void next_bzip2(struct task_stream *s)
{
    char unused[BZ_MAX_UNUSED];
    void *rest = NULL;
    int n = 0, code;
    BZ2_bzReadGetUnused(&code, s->bz, &rest, &n);
    if (code == BZ_OK && n > 0)
        memcpy(unused, rest, (size_t)n);
    BZ2_bzReadClose(&code, s->bz);
    s->bz = NULL;
    int c = n > 0 ? 0 : fgetc(s->file);
    if (n == 0 && c != EOF) {
        unused[0] = (char)c;
        n = 1;
    }
    if (n == 0 || open_bzip2(s, s->file, unused, n))
        s->ended = true;
}

static void fill(struct task_stream *s)
{
    s->at = s->have = 0;
    while (!s->ended && s->have == 0) {
        int code = 0, n;
        if (s->gz) {
            n = gzread(s->gz, s->buffer, (unsigned)BUFFER);
            const char *why = gzerror(s->gz, &code);
            if (n < 0 || (code != Z_OK && code != Z_STREAM_END))
                fail(s, code == Z_ERRNO       ? strerror(errno)
                        : code == Z_BUF_ERROR ? "the gzip data end early"
                                              : why);
            s->ended = s->ended || n == 0;
        } else {
            n = BZ2_bzRead(&code, s->bz, s->buffer, (int)BUFFER);
            if (code == BZ_STREAM_END)
                next_bzip2(s);
            else if (code != BZ_OK)
                fail(s, bzip2_reason(code));
        }
        if (!s->status && n > 0)
            s->have = (size_t)n;
    }
}

enum status task_stream_open(struct task_stream **out, const char *path)
{
    struct task_stream *s = calloc(1, sizeof(*s));
    *out = s;
    if (s) {
        s->line = 1;
        s->path = strdup(path);
        s->buffer = malloc(BUFFER);
    }
    if (!s || !s->path || !s->buffer) {
        log_error("%s: out of host memory", path);
        task_stream_close(out);
        return STATUS_MEMORY;
    }
    enum status st = open_packed(s);
    if (!st) {
        fill(s);
        s->at = json_scan_mark((const char *)s->buffer, s->have);
        st = s->status;
    }
    if (st)
        task_stream_close(out);
    return st;
}

void task_stream_close(struct task_stream **stream)
{
    struct task_stream *s = *stream;
    int code;
    if (!s)
        return;
    if (s->bz)
        BZ2_bzReadClose(&code, s->bz);
    if (s->file)
        fclose(s->file);
    if (s->gz)
        gzclose(s->gz);
    free(s->buffer);
    free(s->path);
    free(s);
    *stream = NULL;
}

int task_stream_peek(struct task_stream *stream)
{
    if (stream->at == stream->have && !stream->ended)
        fill(stream);
    return stream->at < stream->have ? stream->buffer[stream->at] : -1;
}

int task_stream_next(struct task_stream *stream)
{
    const int c = task_stream_peek(stream);
    if (c >= 0)
        stream->at++;
    stream->line += c == '\n';
    return c;
}

enum status task_stream_status(const struct task_stream *stream)
{
    return stream->status;
}

enum status task_stream_check(const struct task_stream *stream, const struct text *text,
                              uint32_t line)
{
    for (size_t i = 0; i < text->size;) {
        const size_t n = json_scan_utf8(text->data + i, text->size - i);
        if (n == 0 || text->data[i] == '\0') {
            log_error("%s:%u: found the byte 0x%02x, expected UTF-8 text", stream->path, line,
                      (unsigned char)text->data[i]);
            return STATUS_INPUT;
        }
        i += n;
        line += text->data[i - 1] == '\n';
    }
    return STATUS_OK;
}

enum status task_stream_line(struct task_stream *stream, struct text *line, bool *out_end)
{
    const uint32_t number = stream->line;
    enum status st = STATUS_OK;
    bool feed = false;
    line->size = 0;
    *out_end = task_stream_peek(stream) < 0;
    while (!st && !feed && task_stream_peek(stream) >= 0) {
        const unsigned char *from = stream->buffer + stream->at;
        const size_t rest = stream->have - stream->at;
        const unsigned char *end = memchr(from, '\n', rest);
        const size_t n = end ? (size_t)(end - from) : rest;
        if (line->size + n > TASK_STREAM_RECORD_MAX) {
            log_error("%s:%u: found a line of more than %zu bytes", stream->path, number,
                      TASK_STREAM_RECORD_MAX);
            return STATUS_INPUT;
        }
        st = text_add(line, (const char *)from, n);
        feed = end != NULL;
        stream->at += n + feed;
        stream->line += feed;
    }
    if (!st && line->size == 0)
        st = text_add(line, "", 0);
    if (!st && line->size > 0 && line->data[line->size - 1] == '\r')
        line->data[--line->size] = '\0';
    if (!st)
        st = stream->status;
    return st ? st : task_stream_check(stream, line, number);
}

const char *task_stream_path(const struct task_stream *stream)
{
    return stream->path;
}

uint32_t task_stream_line_number(const struct task_stream *stream)
{
    return stream->line;
}
