/* SPDX-License-Identifier: MIT */
/* Arguments of bwrap and prlimit. */
#include "tasks/sandbox_command.h"

#include <inttypes.h>
#include <unistd.h>

#define WORDS_MAX 128

struct words {
    struct arena *arena;
    const char *word[WORDS_MAX];
    size_t n;
    bool failed;
};

static void add(struct words *words, const char *word)
{
    words->failed |= !word || words->n + 1 >= WORDS_MAX;
    if (!words->failed)
        words->word[words->n++] = word;
}

static void add_all(struct words *words, const char *const *word)
{
    for (size_t i = 0; word[i]; i++)
        add(words, word[i]);
}

static void add_limit(struct words *words, const char *name, uint64_t soft, uint64_t hard)
{
    add(words, arena_printf(words->arena, "--%s=%" PRIu64 ":%" PRIu64, name, soft, hard));
}

/* Folders besides /usr, if they are not links on this system. */
static void add_system(struct words *words)
{
    static const char *const folder[] = {"bin", "sbin", "lib", "lib64"};
    add_all(words, (const char *const[]){"--ro-bind", "/usr", "/usr", NULL});
    for (size_t i = 0; i < sizeof(folder) / sizeof(*folder); i++) {
        char *path = arena_printf(words->arena, "/%s", folder[i]), target[64];
        if (!path) {
            words->failed = true;
            return;
        }
        const ssize_t n = readlink(path, target, sizeof(target));
        if (n > 0 && (size_t)n < sizeof(target))
            add_all(words,
                    (const char *const[]){"--symlink", arena_text(words->arena, target, (size_t)n),
                                          path, NULL});
        else
            add_all(words, (const char *const[]){"--ro-bind-try", path, path, NULL});
    }
}

static void add_wrapper(struct words *words, const struct sandbox_limits *limits)
{
    add_all(words,
            (const char *const[]){"bwrap", "--unshare-all", "--unshare-user", "--disable-userns",
                                  "--new-session", "--die-with-parent", "--clearenv", NULL});
    for (char *const *variable = sandbox_command_environment(); *variable; variable++) {
        const char *value = *variable;
        size_t n = 0;
        while (value[n] != '=')
            n++;
        add_all(words, (const char *const[]){"--setenv", arena_text(words->arena, value, n),
                                             value + n + 1, NULL});
    }
    add_system(words);
    /* /dev and / are bwrap's own tmpfs: without the remounts they could be filled. */
    add_all(words, (const char *const[]){"--dev", "/dev", "--remount-ro", "/dev", "--size", NULL});
    add(words, arena_printf(words->arena, "%" PRIu64, limits->file_bytes));
    add_all(words, (const char *const[]){"--tmpfs", "/tmp", "--remount-ro", "/", "--chdir", "/tmp",
                                         "--seccomp", NULL});
    add(words, arena_printf(words->arena, "%d", SANDBOX_COMMAND_FILTER));
    add(words, "--");
}

char *const *sandbox_command(struct arena *arena, const struct sandbox_host *host,
                             const struct sandbox_params *params)
{
    const struct sandbox_limits *limits = &params->limits;
    struct words words = {.arena = arena};
    if (!host->unsandboxed)
        add_wrapper(&words, limits);
    /* Inside, since some limits would count this user's other processes, or stop bwrap itself. */
    add(&words, "/usr/bin/prlimit");
    add_limit(&words, "cpu", limits->cpu_seconds, limits->cpu_seconds + 1);
    add_limit(&words, "as", limits->memory, limits->memory);
    add_limit(&words, "fsize", limits->file_bytes, limits->file_bytes);
    add_limit(&words, "nofile", limits->files, limits->files);
    add_limit(&words, "core", 0, 0);
    add_limit(&words, "msgqueue", 0, 0);
    if (!host->unsandboxed)
        add_limit(&words, "nproc", limits->tasks, limits->tasks);
    add(&words, "--");
    add_all(&words, params->argv);
    char **out = arena_array(arena, words.n + 1, sizeof(*out));
    for (size_t i = 0; out && i < words.n; i++) {
        /* execvp lacks const on arguments that it does not change. */
        union {
            const char *in;
            char *out;
        } word = {.in = words.word[i]};
        out[i] = word.out;
    }
    return words.failed ? NULL : out;
}

char *const *sandbox_command_environment(void)
{
    /* A fixed hash seed: sets iterate in the same order in each run. */
    static char path[] = "PATH=/usr/bin:/bin", home[] = "HOME=/tmp", locale[] = "LC_ALL=C.UTF-8",
                hashes[] = "PYTHONHASHSEED=0";
    static char *const environment[] = {path, home, locale, hashes, NULL};
    return environment;
}
