/* SPDX-License-Identifier: MIT */
/* The life of a run: start, what it writes, its end. */
#define _GNU_SOURCE /* pidfd_open, close_range, memfd_create */
#include "tasks/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "tasks/sandbox_command.h"

#define NOBODY 65534 /* root is exempt from process limits */
#define ABOVE_ALL 16 /* descriptors of a child are first moved here */
#define POLLED_PER_BOX 3

struct stream {
    int fd;     /* negative: closed */
    char *data; /* (room + 1) */
    size_t size, room;
};

struct sandbox {
    pid_t pid; /* bwrap; or the program, which leads its group */
    int pidfd;
    bool grouped;
    struct stream stream[2];
    double deadline;
    bool ended;
    struct sandbox_result result;
};

/* Both ends of a child's descriptors. */
struct ends {
    int input, output, errors, channel, news, filter;
};

static enum status say_start(const char *what)
{
    log_error("a sandbox could not be started: %s: %s", what, strerror(errno));
    return errno == ENOMEM || errno == EAGAIN ? STATUS_MEMORY : STATUS_IO;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* A sealed file in memory, at its start; negative on failure. */
static int sealed(const void *data, size_t size)
{
    int fd = memfd_create("input", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    const char *at = data;
    for (size_t left = size; fd >= 0 && left > 0;) {
        const ssize_t n = write(fd, at, left);
        if (n < 0 && errno != EINTR)
            close_fd(&fd);
        at += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0 && (lseek(fd, 0, SEEK_SET) != 0 ||
                    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) != 0))
        close_fd(&fd);
    return fd;
}

/* The reading end, which does not block, and the writing end. */
static bool open_pipe(int *out_read, int *out_write)
{
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) != 0)
        return false;
    *out_read = pair[0];
    *out_write = pair[1];
    return fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0;
}

/* In the child: keeps only descriptors 0 to 5, as in sandbox_command.h. */
static bool place_descriptors(const struct ends *ends)
{
    const int source[] = {ends->input,   ends->output, ends->errors,
                          ends->channel, ends->news,   ends->filter};
    int moved[6];
    for (int i = 0; i < 6; i++)
        moved[i] = source[i] < 0 ? -1 : fcntl(source[i], F_DUPFD_CLOEXEC, ABOVE_ALL);
    for (int i = 0; i < 6; i++) {
        if (source[i] < 0)
            close(i);
        else if (moved[i] < 0 || dup2(moved[i], i) < 0)
            return false;
    }
    return close_range(6, ~0U, 0) == 0 && fcntl(SANDBOX_COMMAND_NEWS, F_SETFD, FD_CLOEXEC) == 0;
}

/* A child's data, made before the fork: after it, only calls that are safe in the copy of a
 * threaded program are allowed. */
struct birth {
    const struct ends *ends;
    char *const *command;
    bool unsandboxed;
    uid_t uid;
    gid_t gid;
    char uid_map[64], gid_map[64];
};

/* A child's message before it becomes the program: the process in its place, or what failed. */
struct news {
    enum step { STEP_CHILD, STEP_SETUP, STEP_USER, STEP_NAMESPACE, STEP_PROGRAM } step;
    int value; /* STEP_CHILD: its process; else errno */
};

static void tell(enum step step, int value)
{
    const struct news news = {step, value};
    /* If nobody reads, the parent has died, and this child with it. */
    if (write(SANDBOX_COMMAND_NEWS, &news, sizeof(news)) < 0)
        return;
}

/* The first process of a namespace cannot kill itself; its parent does. */
static _Noreturn void leave(void)
{
    for (;;) {
        kill(getpid(), SIGKILL);
        pause();
    }
}

static _Noreturn void give_up(enum step step)
{
    tell(step, errno);
    leave();
}

static bool put(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    const bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* Continues as the first process of a PID namespace and as a child of `parent`: when it ends, the
 * kernel ends all processes it started. bwrap's own --die-with-parent holds only after its
 * set-up. */
static void enter_namespace(const struct birth *birth)
{
    if (birth->uid != getuid() &&
        (setgroups(0, NULL) != 0 || setresgid(birth->gid, birth->gid, birth->gid) != 0 ||
         setresuid(birth->uid, birth->uid, birth->uid) != 0))
        give_up(STEP_USER);
    /* Changing the user removes the right to write the files below. */
    if (prctl(PR_SET_DUMPABLE, 1) != 0 || unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0 ||
        !put("/proc/self/setgroups", "deny") || !put("/proc/self/uid_map", birth->uid_map) ||
        !put("/proc/self/gid_map", birth->gid_map))
        give_up(STEP_NAMESPACE);
    const pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    if (pid < 0)
        give_up(STEP_SETUP);
    if (pid > 0) {
        tell(STEP_CHILD, pid);
        leave();
    }
}

static _Noreturn void live(const struct birth *birth)
{
    sigset_t none;
    sigemptyset(&none);
    if (setpgid(0, 0) != 0 || signal(SIGPIPE, SIG_DFL) == SIG_ERR ||
        sigprocmask(SIG_SETMASK, &none, NULL) != 0 || !place_descriptors(birth->ends))
        give_up(STEP_SETUP);
    if (!birth->unsandboxed)
        enter_namespace(birth);
    /* A parent that died earlier no longer reads output. */
    struct pollfd output = {.fd = STDOUT_FILENO};
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || chdir(birth->unsandboxed ? "/tmp" : "/") != 0 ||
        (poll(&output, 1, 0) > 0 && (output.revents & POLLERR)))
        give_up(STEP_SETUP);
    if (birth->unsandboxed && close(SANDBOX_COMMAND_FILTER) == 0)
        execve(birth->command[0], birth->command, sandbox_command_environment());
    else if (!birth->unsandboxed)
        execvp(birth->command[0], birth->command);
    give_up(STEP_PROGRAM);
}

static bool has_ended(const struct sandbox *box)
{
    struct pollfd fd = {.fd = box->pidfd, .events = POLLIN};
    return poll(&fd, 1, 0) > 0;
}

static enum status open_ends(struct sandbox *box, struct ends *ends, int *out_news,
                             const struct sandbox_params *params)
{
    size_t filter_size;
    const void *filter = sandbox_filter(&filter_size);
    ends->channel = params->channel;
    ends->input = sealed(params->input, params->input_size);
    ends->filter = sealed(filter, filter_size);
    if (ends->input < 0 || ends->filter < 0 || !open_pipe(&box->stream[0].fd, &ends->output) ||
        !open_pipe(&box->stream[1].fd, &ends->errors) || !open_pipe(out_news, &ends->news))
        return say_start("pipes");
    for (int i = 0; i < 2; i++) {
        box->stream[i].room = params->limits.output_bytes;
        box->stream[i].data = calloc(1, params->limits.output_bytes + 1);
        if (!box->stream[i].data)
            return say_start("memory");
    }
    return STATUS_OK;
}

static enum status fork_child(pid_t *out, const struct sandbox_host *host, char *const *command,
                              const struct ends *ends)
{
    struct birth birth = {.ends = ends,
                          .command = command,
                          .unsandboxed = host->unsandboxed,
                          .uid = getuid() == 0 ? NOBODY : getuid(),
                          .gid = getuid() == 0 ? NOBODY : getgid()};
    snprintf(birth.uid_map, sizeof(birth.uid_map), "%u %u 1", birth.uid, birth.uid);
    snprintf(birth.gid_map, sizeof(birth.gid_map), "%u %u 1", birth.gid, birth.gid);
    *out = fork();
    if (*out == 0)
        live(&birth);
    if (*out < 0)
        return say_start("fork");
    setpgid(*out, *out); /* parent and child both do it: a kill must find the group */
    return STATUS_OK;
}

static enum status say_news(const struct news *news)
{
    const char *why = strerrordesc_np(news->value);
    switch (news->step) {
    case STEP_PROGRAM:
        log_error("found no program bwrap that can be started (%s), expected it in PATH to run "
                  "generated code in (Debian: apt-get install bubblewrap)",
                  why);
        return STATUS_INPUT;
    case STEP_USER:
    case STEP_NAMESPACE:
        log_error("%s: %s, expected that this user may make user namespaces, to run generated "
                  "code in them",
                  news->step == STEP_USER ? "user nobody" : "user namespaces", why);
        return STATUS_INPUT;
    default:
        errno = news->value;
        return say_start("set-up");
    }
}

/* Reads until the child has become the program, which closes its end, or has failed. The first
 * process of the namespace replaces the child that made it. */
static enum status hear_news(struct sandbox *box, int fd)
{
    for (;;) {
        struct news news;
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        const ssize_t n = poll(&readable, 1, -1) < 0 ? -1 : read(fd, &news, sizeof(news));
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n != sizeof(news))
            return STATUS_OK;
        if (news.step != STEP_CHILD)
            return say_news(&news);
        while (waitpid(box->pid, NULL, 0) < 0 && errno == EINTR) {
        }
        box->pid = news.value;
    }
}

enum status sandbox_start(struct sandbox **out, const struct sandbox_host *host,
                          const struct sandbox_params *params)
{
    struct arena arena = {0};
    struct ends ends = {-1, -1, -1, -1, -1, -1};
    int news = -1;
    struct sandbox *box = calloc(1, sizeof(*box));
    char *const *command = sandbox_command(&arena, host, params);
    enum status st = box && command ? STATUS_OK : STATUS_MEMORY;
    if (box) {
        box->pidfd = box->stream[0].fd = box->stream[1].fd = -1;
        box->deadline = clock_seconds() + params->limits.wall_seconds;
        box->grouped = host->unsandboxed;
    }
    if (!st)
        st = open_ends(box, &ends, &news, params);
    if (!st)
        st = fork_child(&box->pid, host, command, &ends);
    close_fd(&ends.input);
    close_fd(&ends.output);
    close_fd(&ends.errors);
    close_fd(&ends.news);
    close_fd(&ends.filter);
    if (!st)
        st = hear_news(box, news);
    if (!st && (box->pidfd = pidfd_open(box->pid, 0)) < 0)
        st = say_start("pidfd");
    close_fd(&news);
    arena_finish(&arena);
    if (st)
        sandbox_destroy(&box);
    *out = box;
    return st;
}

/* Reads the available output; false if it exceeds the limit. */
static bool take(struct stream *stream)
{
    while (stream->fd >= 0) {
        char over;
        const size_t left = stream->room - stream->size;
        const ssize_t n = left > 0 ? read(stream->fd, stream->data + stream->size, left)
                                   : read(stream->fd, &over, 1);
        if (n > 0 && left == 0)
            return false;
        if (n > 0)
            stream->size += (size_t)n;
        else if (n == 0)
            close_fd(&stream->fd);
        else if (errno != EINTR)
            break;
    }
    return true;
}

/* Kills and reaps all processes. The first process of a PID namespace can be reaped once all others
 * in it are gone; a group is killed before its leader is reaped, while its number is still its
 * own. */
static int end_processes(struct sandbox *box)
{
    int code = 0;
    kill(box->grouped ? -box->pid : box->pid, SIGKILL);
    while (waitpid(box->pid, &code, 0) < 0 && errno == EINTR) {
    }
    close_fd(&box->pidfd);
    return code;
}

static const struct sandbox_result *end(struct sandbox *box, enum sandbox_end how)
{
    struct sandbox_result *result = &box->result;
    const int code = end_processes(box);
    for (int i = 0; i < 2; i++) {
        if (!take(&box->stream[i]) && how == SANDBOX_EXITED)
            how = SANDBOX_OUTPUT;
        close_fd(&box->stream[i].fd);
    }
    result->end = how;
    if (how == SANDBOX_EXITED) {
        /* bwrap reports a signal as shells do. */
        const int told = WIFEXITED(code) ? WEXITSTATUS(code) : 128 + WTERMSIG(code);
        result->end = told > 128 && told < 128 + NSIG ? SANDBOX_SIGNAL : SANDBOX_EXITED;
        result->code = result->end == SANDBOX_SIGNAL ? told - 128 : told;
    }
    result->output = box->stream[0].data;
    result->output_size = box->stream[0].size;
    result->errors = box->stream[1].data;
    result->errors_size = box->stream[1].size;
    box->ended = true;
    return result;
}

const struct sandbox_result *sandbox_poll(struct sandbox *box)
{
    if (box->ended)
        return &box->result;
    const bool over = clock_seconds() >= box->deadline, gone = has_ended(box);
    if (!take(&box->stream[0]) || !take(&box->stream[1]))
        return end(box, SANDBOX_OUTPUT);
    if (gone)
        return end(box, SANDBOX_EXITED);
    return over ? end(box, SANDBOX_WALL) : NULL;
}

void sandbox_wait(struct sandbox *const *box, size_t n, double seconds)
{
    struct pollfd fd[POLLED_PER_BOX * SANDBOX_WAIT_MAX];
    nfds_t count = 0;
    assert(n <= SANDBOX_WAIT_MAX);
    const double now = clock_seconds();
    for (size_t i = 0; i < n; i++) {
        if (!box[i] || box[i]->ended)
            continue;
        seconds = box[i]->deadline - now < seconds ? box[i]->deadline - now : seconds;
        fd[count++] = (struct pollfd){.fd = box[i]->pidfd, .events = POLLIN};
        for (int s = 0; s < 2; s++)
            fd[count++] = (struct pollfd){.fd = box[i]->stream[s].fd, .events = POLLIN};
    }
    /* An interruption by a signal counts as news. */
    if (count > 0 && seconds > 0)
        poll(fd, count, (int)(seconds * 1000) + 1);
}

const struct sandbox_result *sandbox_stop(struct sandbox *box)
{
    return box->ended ? &box->result : end(box, SANDBOX_STOPPED);
}

void sandbox_destroy(struct sandbox **box)
{
    struct sandbox *old = *box;
    *box = NULL;
    if (!old)
        return;
    if (old->pid > 0 && !old->ended)
        end(old, SANDBOX_STOPPED);
    for (int i = 0; i < 2; i++) {
        close_fd(&old->stream[i].fd);
        free(old->stream[i].data);
    }
    free(old);
}

enum status sandbox_host_init(struct sandbox_host *out)
{
    static const char *const word[] = {"/usr/bin/echo", "ready", NULL};
    const struct sandbox_params params = {.argv = word,
                                          .input = "",
                                          .channel = -1,
                                          .limits = {.cpu_seconds = 5,
                                                     .wall_seconds = 30,
                                                     .memory = 1 << 28,
                                                     .file_bytes = 1 << 20,
                                                     .output_bytes = 4096,
                                                     .tasks = 8,
                                                     .files = 16}};
    struct sandbox *box;
    *out = (struct sandbox_host){0};
    enum status st = sandbox_start(&box, out, &params);
    if (st)
        return st;
    const struct sandbox_result *result;
    while (!(result = sandbox_poll(box)))
        sandbox_wait(&box, 1, 1);
    const char *why = result->errors_size > 0 ? result->errors : "it does not say why";
    if (result->end != SANDBOX_EXITED || strcmp(result->output, "ready\n") != 0) {
        log_error("found bwrap, which cannot run here (%.*s), expected bubblewrap 0.8 or later and "
                  "user namespaces that this user may make, to run generated code in",
                  (int)strcspn(why, "\n"), why);
        st = STATUS_INPUT;
    }
    sandbox_destroy(&box);
    return st;
}
