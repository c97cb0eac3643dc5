/* SPDX-License-Identifier: MIT */
/* One writer per database, by a lock that the system drops when the process ends. */
#include "inject/store/store_handle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum { HOST_SIZE = 256, HOLDER_SIZE = HOST_SIZE + 32 };

/* "PID HOST": who holds the lock. */
static void name_self(char out[HOLDER_SIZE])
{
    char host[HOST_SIZE] = "";

    if (gethostname(host, sizeof(host) - 1) != 0)
        host[0] = '\0';
    snprintf(out, HOLDER_SIZE, "%ld %s\n", (long)getpid(), host);
}

/* "process 12 of host n1"; true if it is on another host than this process. */
static bool read_holder(int fd, char out[HOLDER_SIZE])
{
    char text[HOLDER_SIZE] = "", self[HOLDER_SIZE], host[HOLDER_SIZE] = "", own[HOLDER_SIZE] = "";
    long pid = 0, unused = 0;
    const ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

    name_self(self);
    /* A holder that has not yet written its name may be any process. */
    if (n <= 0 || sscanf(text, "%ld %287s", &pid, host) < 1) {
        snprintf(out, HOLDER_SIZE, "another process");
        return false;
    }
    const bool known = sscanf(self, "%ld %287s", &unused, own) == 2;
    snprintf(out, HOLDER_SIZE, "process %ld of host %.200s", pid, host);
    return known && host[0] && strcmp(host, own) != 0;
}

/* True if `fd` is still the file of that name: a writer removes the name at its end. */
static bool is_current(int fd, const char *path)
{
    struct stat held, named;

    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_dev == named.st_dev &&
           held.st_ino == named.st_ino;
}

static enum status open_lock(int *out, const char *path)
{
    *out = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*out >= 0)
        return STATUS_OK;
    log_error("%s: cannot create: %s", path, strerror(errno));
    return STATUS_IO;
}

/* Others must not read a name that is not ours. */
static enum status write_self(int fd, const char *path)
{
    char self[HOLDER_SIZE];

    name_self(self);
    if (ftruncate(fd, 0) == 0 && pwrite(fd, self, strlen(self), 0) == (ssize_t)strlen(self))
        return STATUS_OK;
    log_error("%s: cannot write: %s", path, strerror(errno));
    return STATUS_IO;
}

enum status store_lock_take(struct store_lock *out, struct arena *arena, const char *path)
{
    const double until = clock_seconds() + STORE_LOCK_PATIENCE;
    enum status st = STATUS_OK;

    *out = (struct store_lock){.fd = -1, .path = arena_printf(arena, "%s-lock", path)};
    if (!out->path)
        return STATUS_MEMORY;
    for (;;) {
        int fd;
        st = open_lock(&fd, out->path);
        if (st)
            return st;
        const bool taken = flock(fd, LOCK_EX | LOCK_NB) == 0;
        if (taken && is_current(fd, out->path)) {
            out->fd = fd;
            st = write_self(fd, out->path);
            if (st)
                store_lock_release(out);
            return st;
        }
        if (!taken && (errno != EWOULDBLOCK || clock_seconds() > until)) {
            char holder[HOLDER_SIZE];
            const int reason = errno;
            read_holder(fd, holder);
            if (reason == EWOULDBLOCK)
                log_error("%s: being written by %s, expected one writer", path, holder);
            else
                log_error("%s: cannot lock: %s", out->path, strerror(reason));
            close(fd);
            return STATUS_IO;
        }
        close(fd);
        if (!taken)
            nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
}

void store_lock_release(struct store_lock *lock)
{
    if (lock->fd >= 0) {
        unlink(lock->path);
        close(lock->fd);
        lock->fd = -1;
    }
}

void store_lock_leave(struct store_lock *lock)
{
    if (lock->fd >= 0) {
        close(lock->fd);
        lock->fd = -1;
    }
}

enum status store_lock_check(const char *path, bool *out_writer)
{
    struct arena arena = {0};
    char holder[HOLDER_SIZE];
    enum status st = STATUS_OK;
    const char *name = arena_printf(&arena, "%s-lock", path);
    const int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;

    *out_writer = false;
    if (!name)
        return STATUS_MEMORY;
    *out_writer = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (*out_writer && read_holder(fd, holder)) {
        log_error("%s: being written by %s, expected to be read there, or when it is done", path,
                  holder);
        st = STATUS_IO;
    }
    if (fd >= 0)
        close(fd);
    arena_finish(&arena);
    return st;
}
