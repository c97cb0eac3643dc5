/* SPDX-License-Identifier: MIT */
/* The list of devices, made in a child process that may crash or hang in place of this one. */
#define _GNU_SOURCE /* pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "gpu/gpu_internal.h"

#define CHILD_TIMEOUT 60.0 /* seconds */
#define WORDS_SIZE 512     /* of the drivers' last output */

/* What the child answers. */
struct reply {
    enum status st;
    char error[512]; /* when st is not STATUS_OK */
    struct gpu_list list;
};

struct child {
    pid_t pid;
    int answer, words; /* its reply; its standard error */
    struct reply *reply;
    size_t got;            /* bytes of the reply so far */
    char last[WORDS_SIZE]; /* last line it printed */
    size_t last_size;
    bool line_ended;
};

static enum status list_here(struct gpu_list *out, const struct gpu_params *params)
{
    struct gpu_instance instance;
    VkPhysicalDevice devices[GPU_LIST_MAX];
    struct gpu_params plain = *params;
    plain.validate = false;
    *out = (struct gpu_list){0};
    enum status st = gpu_instance_init(&instance, &plain);
    if (st)
        return st;
    st = gpu_instance_devices(&instance, devices, &out->count);
    for (size_t i = 0; !st && i < out->count; i++) {
        gpu_info_read(&out->item[i], devices[i]);
        out->item[i].index = (uint32_t)i;
    }
    gpu_instance_finish(&instance);
    return st;
}

/* All that the child does. */
_Noreturn static void live(int answer, int words, const struct gpu_params *params)
{
    struct reply reply = {0};
    dup2(words, STDERR_FILENO);
    reply.st = list_here(&reply.list, params);
    snprintf(reply.error, sizeof(reply.error), "%s", log_last_error());
    const char *at = (const char *)&reply;
    for (size_t left = sizeof(reply); left > 0;) {
        ssize_t n = write(answer, at, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        at += n;
        left -= (size_t)n;
    }
    /* No exit handler, neither a driver's nor ours, has anything to do here. */
    for (;;)
        kill(getpid(), SIGKILL);
}

/* Two pipes at once; ends[0], ends[1] as pipe() has them. */
static bool open_pipes(int answer[2], int words[2])
{
    if (pipe2(answer, O_CLOEXEC) != 0)
        return false;
    if (pipe2(words, O_CLOEXEC) == 0)
        return true;
    close(answer[0]);
    close(answer[1]);
    return false;
}

static enum status start(struct child *child, const struct gpu_params *params,
                         char why[GPU_LIST_WHY])
{
    int answer[2], words[2];
    if (!open_pipes(answer, words)) {
        snprintf(why, GPU_LIST_WHY, "cannot make a pipe to look for Vulkan devices: %s",
                 strerror(errno));
        return STATUS_MEMORY;
    }
    child->pid = fork();
    if (child->pid == 0)
        live(answer[1], words[1], params);
    close(answer[1]);
    close(words[1]);
    if (child->pid < 0) {
        snprintf(why, GPU_LIST_WHY, "cannot start a process to look for Vulkan devices: %s",
                 strerror(errno));
        close(answer[0]);
        close(words[0]);
        return STATUS_MEMORY;
    }
    child->answer = answer[0];
    child->words = words[0];
    return STATUS_OK;
}

static void keep_words(struct child *child, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\n') {
            child->line_ended = true;
            continue;
        }
        if (child->line_ended)
            child->last_size = 0;
        child->line_ended = false;
        if (child->last_size < WORDS_SIZE - 1)
            child->last[child->last_size++] = text[i];
    }
    child->last[child->last_size] = '\0';
}

/* Reads until the child closes its answer; false if it took too long. */
static bool listen(struct child *child)
{
    double end = clock_seconds() + CHILD_TIMEOUT;
    struct pollfd fd[2] = {{.fd = child->answer, .events = POLLIN},
                           {.fd = child->words, .events = POLLIN}};
    while (fd[0].fd >= 0) {
        double left = end - clock_seconds();
        if (left <= 0)
            return false;
        if (poll(fd, 2, (int)(left * 1000) + 1) <= 0)
            continue;
        if (fd[0].revents) {
            ssize_t n = read(child->answer, (char *)child->reply + child->got,
                             sizeof(*child->reply) - child->got);
            if (n > 0)
                child->got += (size_t)n;
            else
                fd[0].fd = -1;
        }
        if (fd[1].revents) {
            char text[512];
            ssize_t n = read(child->words, text, sizeof(text));
            if (n > 0)
                keep_words(child, text, (size_t)n);
            else
                fd[1].fd = -1;
        }
    }
    return true;
}

/* The one line about a child that gave no answer. */
static void blame(char why[GPU_LIST_WHY], const struct child *child, const char *what,
                  const struct gpu_params *params)
{
    snprintf(why, GPU_LIST_WHY, "a Vulkan driver %s while it was loaded (%s%s)%s%s", what,
             params->driver_files ? "VK_DRIVER_FILES=" : "no VK_DRIVER_FILES: any installed one",
             params->driver_files ? params->driver_files : "", child->last[0] ? ": " : "",
             child->last);
}

static enum status judge(struct child *child, bool in_time, const struct gpu_params *params,
                         char why[GPU_LIST_WHY])
{
    int code = 0;
    char what[96];
    if (!in_time)
        kill(child->pid, SIGKILL);
    while (waitpid(child->pid, &code, 0) < 0 && errno == EINTR)
        continue;
    if (child->got == sizeof(*child->reply)) {
        snprintf(why, GPU_LIST_WHY, "%s", child->reply->error);
        return child->reply->st;
    }
    if (!in_time)
        snprintf(what, sizeof(what), "did not answer within %.0f s", CHILD_TIMEOUT);
    else if (WIFSIGNALED(code))
        snprintf(what, sizeof(what), "crashed (signal %d, %s)", WTERMSIG(code),
                 strsignal(WTERMSIG(code)));
    else
        snprintf(what, sizeof(what), "ended the process (exit code %d)", WEXITSTATUS(code));
    blame(why, child, what, params);
    return STATUS_DEVICE;
}

enum status gpu_list_try(struct gpu_list *out, const struct gpu_params *params,
                         char why[GPU_LIST_WHY])
{
    struct reply reply = {0};
    struct child child = {.reply = &reply, .line_ended = true};
    *out = (struct gpu_list){0};
    enum status st = start(&child, params, why);
    if (st)
        return st;
    bool in_time = listen(&child);
    st = judge(&child, in_time, params, why);
    close(child.answer);
    close(child.words);
    if (!st)
        *out = reply.list;
    return st;
}

enum status gpu_list(struct gpu_list *out, const struct gpu_params *params)
{
    static const struct gpu_params defaults;
    char why[GPU_LIST_WHY];
    enum status st = gpu_list_try(out, params ? params : &defaults, why);
    if (st)
        log_error("%s", why);
    return st;
}
