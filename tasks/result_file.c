/* SPDX-License-Identifier: MIT */
/* Opens, continues and appends to files of result lines. */
#include "tasks/result_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

/* A file's content, and the action on its lines. */
struct lines {
    const char *path;
    const char *text; /* (size) */
    size_t size;
    result_file_line *line;
    void *user;
};

static bool is_blank(const char *text, size_t size)
{
    size_t i = 0;
    while (i < size && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r'))
        i++;
    return i == size;
}

static enum status give_line(const struct lines *l, size_t number, const char *text, size_t size)
{
    struct arena arena = {0};
    struct result_read read;
    enum status st = STATUS_OK;
    const char *where = arena_printf(&arena, "%s line %zu", l->path, number);
    if (!where)
        st = STATUS_MEMORY;
    else if (!is_blank(text, size))
        st = result_parse(&read, &arena, text, size, where);
    if (!st && !is_blank(text, size))
        st = l->line(l->user, &read, where);
    arena_finish(&arena);
    return st;
}

static enum status give_lines(const struct lines *l)
{
    enum status st = STATUS_OK;
    const char *at = l->text;
    size_t left = l->size;
    for (size_t number = 1; left > 0 && !st; number++) {
        const char *end = memchr(at, '\n', left);
        const size_t size = end ? (size_t)(end - at) : left;
        st = give_line(l, number, at, size);
        left -= end ? size + 1 : size;
        at += end ? size + 1 : size;
    }
    return st;
}

static enum status refused(const char *path, const char *what)
{
    log_error("%s: %s: %s", path, what, strerror(errno));
    return STATUS_IO;
}

/* Bytes through the last line feed. */
static size_t whole_lines(const char *text, size_t size)
{
    while (size > 0 && text[size - 1] != '\n')
        size--;
    return size;
}

static enum status take_lines(struct result_file *out, result_file_line *line, void *user)
{
    struct arena arena = {0};
    char *text = NULL;
    size_t size = 0;
    enum status st = file_read(&arena, out->path, &text, &size);
    const size_t whole = st ? 0 : whole_lines(text, size);
    const struct lines lines = {out->path, text, whole, line, user};
    if (!st)
        st = give_lines(&lines);
    if (!st && whole < size) {
        log_warn("%s: half a line at the end, of a run that was killed, is cut off", out->path);
        if (ftruncate(fileno(out->file), (off_t)whole) != 0)
            st = refused(out->path, "cannot be cut");
    }
    arena_finish(&arena);
    return st;
}

enum status result_file_open(struct result_file *out, const char *path, result_file_line *line,
                             void *user)
{
    struct stat info;
    *out = (struct result_file){.path = path};
    const int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0)
        return refused(path, "cannot be opened");
    out->file = fdopen(fd, "a");
    if (!out->file) {
        const enum status st = refused(path, "cannot be opened");
        close(fd);
        return st;
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        log_error("%s: no regular file, expected one that a run can go on with", path);
        return STATUS_INPUT;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        log_error("%s: another run writes this file, expected one that none does", path);
        return STATUS_IO;
    }
    return take_lines(out, line, user);
}

enum status result_file_add(struct result_file *file, const struct result_line *line)
{
    struct json_writer w;
    json_begin(&w, file->file, false);
    result_put(&w, line);
    return json_end(&w);
}

enum status result_file_close(struct result_file *file)
{
    FILE *open = file->file;
    file->file = NULL;
    if (!open || fclose(open) == 0)
        return STATUS_OK;
    return refused(file->path, "cannot be written");
}

enum status result_file_read(const char *path, result_file_line *line, void *user)
{
    struct arena arena = {0};
    char *text = NULL;
    size_t size = 0;
    enum status st = file_read(&arena, path, &text, &size);
    const struct lines lines = {path, text, size, line, user};
    if (!st)
        st = give_lines(&lines);
    arena_finish(&arena);
    return st;
}
