/* SPDX-License-Identifier: MIT */
/* Hostile programs in the sandbox: each gets its expected result and leaves nothing. */
#define _GNU_SOURCE /* memmem, unshare */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "tasks/sandbox.h"

#define MIB (1 << 20)
#define PORT_NAME "vkfi-test-sandbox"

static const struct sandbox_limits LIMITS = {.cpu_seconds = 1,
                                             .wall_seconds = 60,
                                             .memory = 256 * MIB,
                                             .file_bytes = MIB,
                                             .output_bytes = 4096,
                                             .tasks = 8,
                                             .files = 32};
static struct sandbox_host host;

/* Programs carry this marker in their command line. */
static const char *marker(void)
{
    static char text[64];
    snprintf(text, sizeof(text), "vkfi-marker-%d-", (int)getpid());
    return text;
}

/* Processes of this machine with the marker in their command line. */
static int count_left(void)
{
    DIR *proc = opendir("/proc");
    int n = 0;
    assert_non_null(proc);
    for (struct dirent *entry; (entry = readdir(proc));) {
        char path[300], line[8192];
        snprintf(path, sizeof(path), "/proc/%s/cmdline", entry->d_name);
        FILE *file = fopen(path, "r");
        const size_t size = file ? fread(line, 1, sizeof(line), file) : 0;
        if (file)
            fclose(file);
        n += size > 0 && memmem(line, size, marker(), strlen(marker()));
    }
    closedir(proc);
    return n;
}

static struct sandbox *start_in(const struct sandbox_host *where, const char *script,
                                const char *input, struct sandbox_limits limits)
{
    struct sandbox *box;
    const struct sandbox_params params = {
        .argv = (const char *const[]){"/usr/bin/python3", "-s", "-S", "-c", script, marker(), NULL},
        .input = input,
        .input_size = strlen(input),
        .channel = -1,
        .limits = limits};
    assert_int_equal(sandbox_start(&box, where, &params), STATUS_OK);
    return box;
}

static struct sandbox *start(const char *script, const char *input, struct sandbox_limits limits)
{
    assert_false(host.unsandboxed);
    return start_in(&host, script, input, limits);
}

static const struct sandbox_result *finish(struct sandbox *box)
{
    const struct sandbox_result *result;
    while (!(result = sandbox_poll(box)))
        sandbox_wait(&box, 1, 1);
    return result;
}

struct program {
    const char *name, *script;
    enum sandbox_end end;
    int code;
    const char *output; /* all of it; null: not checked */
};

/* Each does its worst, then prints the result. */
#define TRY(what)                                                                                  \
    "def t(f):\n"                                                                                  \
    " try: return f()\n"                                                                           \
    " except BaseException as e: return type(e).__name__\n"                                        \
    "import os, sys, time, ctypes\n"                                                               \
    "c = ctypes.CDLL(None, use_errno=True)\n" what

static const struct program PROGRAM[] = {
    {"reads its input", "print(input()[::-1])", SANDBOX_EXITED, 0, "olleh\n"},
    {"its exit code", "raise SystemExit(7)", SANDBOX_EXITED, 7, ""},
    {"fork bomb",
     TRY("n = 0\n"
         "for i in range(1000):\n"
         " n += t(os.fork) != 'PermissionError'\n"
         "print(n, t(os.forkpty), t(lambda: os.posix_spawn('/usr/bin/true', ['true'], {})))\n"
         "print(c.syscall(435, 0, 0), ctypes.get_errno())"),
     SANDBOX_EXITED, 0, "0 PermissionError PermissionError\n-1 38\n"},
    {"threads without end",
     TRY("import threading\n"
         "n = 0\n"
         "try:\n"
         " while n < 1000: threading.Thread(target=time.sleep, args=(9,), daemon=True).start(); n "
         "+= 1\n"
         "except RuntimeError: print(n < 8)"),
     SANDBOX_EXITED, 0, "True\n"},
    {"endless loop", "while True: pass", SANDBOX_SIGNAL, SIGXCPU, ""},
    {"endless loop that ignores the signal",
     "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
     SANDBOX_SIGNAL, SIGKILL, ""},
    {"raises its own limits",
     TRY("import resource as r\n"
         "def up(k): r.setrlimit(k, (r.RLIM_INFINITY, r.RLIM_INFINITY)); return 'raised'\n"
         "print({t(lambda: up(k)) for k in (r.RLIMIT_CPU, r.RLIMIT_AS, r.RLIMIT_NPROC, "
         "r.RLIMIT_FSIZE, r.RLIMIT_NOFILE)})"),
     SANDBOX_EXITED, 0, "{'ValueError'}\n"},
    {"memory hog", TRY("print(t(lambda: bytearray(300 << 20)))"), SANDBOX_EXITED, 0,
     "MemoryError\n"},
    {"memory that no process holds",
     TRY("import tempfile\n"
         "print(c.shmget(0, 1 << 20, 0o1600), t(lambda: os.memfd_create('x')), "
         "c.msgget(0, 0o1600), c.semget(0, 9, 0o1600))"),
     SANDBOX_EXITED, 0, "-1 PermissionError -1 -1\n"},
    {"disk filler",
     TRY("import signal\n"
         "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
         "total = 0\n"
         "def fill(p):\n"
         " global total\n"
         " f = os.open(p, os.O_CREAT | os.O_WRONLY)\n"
         " while True: total += os.write(f, b'x' * 65536)\n"
         "for d in ['/', '/tmp', '/dev', '/dev/shm', '/usr', '/var', '/var/tmp', '/run', '/home', "
         "'/proc', '/sys', '/root', '/etc']:\n"
         " for i in range(20): t(lambda: fill(d + '/fill%d' % i))\n"
         "print(0 < total <= 1 << 20)"),
     SANDBOX_EXITED, 0, "True\n"},
    {"network",
     TRY("import socket\n"
         "s = socket.socket()\n"
         "print(t(lambda: s.connect(('127.0.0.1', int(sys.stdin.read())))))\n"
         "u = socket.socket(socket.AF_UNIX)\n"
         "print(t(lambda: u.connect('\\0" PORT_NAME "')))\n"
         "print(t(lambda: socket.socket().connect(('1.1.1.1', 53))))"),
     SANDBOX_EXITED, 0, "ConnectionRefusedError\nConnectionRefusedError\nOSError\n"},
    {"files outside",
     TRY("n = 0\n"
         "for p in ['/etc/passwd', '/proc/1/environ', '/proc/self/environ', '/root', '/home', "
         "'/var', '/sys', '/work', sys.stdin.read()]:\n"
         " n += t(lambda: os.stat(p)) != 'FileNotFoundError'\n"
         "print(n, sorted(os.listdir('/')), os.environ.get('SECRET'), os.listdir('/tmp'))"),
     SANDBOX_EXITED, 0, "0 ['bin', 'dev', 'lib', 'lib64', 'sbin', 'tmp', 'usr'] None []\n"},
    {"kills its parents",
     TRY("for p in (1, -1, 0, os.getppid()):\n"
         " if p: t(lambda: os.kill(p, 9))\n"
         "print('here')"),
     SANDBOX_EXITED, 0, NULL},
    {"writes to all descriptors",
     TRY("print([f for f in range(3, 3000) if t(lambda: os.write(f, b'here')) != 'OSError'])"),
     SANDBOX_EXITED, 0, "[]\n"},
    {"ptrace", TRY("print(c.ptrace(16, 1, 0, 0), ctypes.get_errno(), c.ptrace(0, 0, 0, 0))"),
     SANDBOX_EXITED, 0, "-1 1 -1\n"},
    {"namespaces", TRY("print(c.unshare(0x10000000), c.mount(0, 0, 0, 0, 0))"), SANDBOX_EXITED, 0,
     "-1 -1\n"},
    {"writes without end", "while True: print('x' * 999)", SANDBOX_OUTPUT, 0, NULL},
    {"leaves files", "open('/tmp/vkfi-left-behind', 'w').write('x')", SANDBOX_EXITED, 0, ""},
    {"kills itself", "import os\nos.kill(os.getpid(), 11)", SANDBOX_SIGNAL, SIGSEGV, ""},
    {"outlives its end",
     TRY("import threading\n"
         "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
         "t(os.setsid)\n"
         "t(os.fork)\n"
         "os._exit(0)"),
     SANDBOX_EXITED, 0, ""},
};

static void check(const struct program *program, const char *input)
{
    struct sandbox *box = start(program->script, input, LIMITS);
    const struct sandbox_result *result = finish(box);
    if (result->end != program->end || result->code != program->code ||
        (program->output && strcmp(result->output, program->output) != 0))
        fail_msg("%s: end %d, code %d, output \"%s\", errors \"%s\"", program->name, result->end,
                 result->code, result->output, result->errors);
    assert_true(result->output_size <= LIMITS.output_bytes);
    assert_int_equal(count_left(), 0);
    sandbox_destroy(&box);
}

/* A listening socket; the program must not reach it. */
static int listen_at(struct sockaddr *address, socklen_t size)
{
    const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, address, size), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static void hostile_programs_fail(void **state)
{
    (void)state;
    char secret[] = "/tmp/vkfi-secret-XXXXXX", port[16];
    const int file = mkstemp(secret); /* not closed on exec: the sandbox has to */
    assert_true(file >= 0);
    setenv("SECRET", "here", 1);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int tcp = listen_at((struct sockaddr *)&in, sizeof(in));
    socklen_t size = sizeof(in);
    assert_int_equal(getsockname(tcp, (struct sockaddr *)&in, &size), 0);
    snprintf(port, sizeof(port), "%d", ntohs(in.sin_port));
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "\0" PORT_NAME};
    const int local = listen_at((struct sockaddr *)&un, offsetof(struct sockaddr_un, sun_path) +
                                                            sizeof("\0" PORT_NAME) - 1);
    for (size_t i = 0; i < sizeof(PROGRAM) / sizeof(*PROGRAM); i++) {
        const char *name = PROGRAM[i].name;
        const bool is_network = strcmp(name, "network") == 0;
        const bool is_file = strcmp(name, "files outside") == 0;
        check(&PROGRAM[i], is_network ? port : is_file ? secret : "hello");
    }
    struct stat found;
    assert_int_equal(fstat(file, &found), 0);
    assert_int_equal(found.st_size, 0);
    assert_true(accept(tcp, NULL, NULL) < 0 && errno == EAGAIN);
    assert_true(accept(local, NULL, NULL) < 0 && errno == EAGAIN);
    assert_true(access("/tmp/vkfi-left-behind", F_OK) < 0);
    close(tcp);
    close(local);
    close(file);
    unlink(secret);
}

static void wall_clock_ends_sleepers(void **state)
{
    (void)state;
    struct sandbox_limits limits = LIMITS;
    limits.wall_seconds = 0.5;
    struct sandbox *box =
        start("import time\nprint('on', flush=True)\ntime.sleep(600)", "", limits);
    const double begin = clock_seconds();
    const struct sandbox_result *result = finish(box);
    assert_int_equal(result->end, SANDBOX_WALL);
    assert_true(clock_seconds() - begin < 20);
    assert_int_equal(count_left(), 0);
    sandbox_destroy(&box);
}

static void several_run_at_once(void **state)
{
    (void)state;
    enum { N = 6 };
    struct sandbox *box[N];
    for (int i = 0; i < N; i++) {
        char script[128];
        snprintf(script, sizeof(script), "import time\ntime.sleep(0.2)\nprint(%d)", i);
        box[i] = start(script, "", LIMITS);
    }
    for (int left = N; left > 0;) {
        sandbox_wait(box, N, 10);
        left = 0;
        for (int i = 0; i < N; i++)
            left += !sandbox_poll(box[i]);
    }
    for (int i = 0; i < N; i++) {
        assert_int_equal(sandbox_poll(box[i])->output[0], '0' + i);
        sandbox_destroy(&box[i]);
        assert_null(box[i]);
    }
    assert_int_equal(count_left(), 0);
}

/* Stopped at any time, from bwrap's first steps on, it leaves nothing. */
static void stopped_runs_leave_nothing(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, 3, 1);
    for (int i = 0; i < 40; i++) {
        struct sandbox *box = start("import time\ntime.sleep(600)", "", LIMITS);
        usleep((useconds_t)rng_below(&rng, 40000));
        assert_int_equal(sandbox_stop(box)->end, SANDBOX_STOPPED);
        assert_int_equal(count_left(), 0);
        sandbox_destroy(&box);
    }
}

/* So does a program killed while it runs some. */
static void killed_owner_leaves_nothing(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, 3, 2);
    for (int i = 0; i < 10; i++) {
        char name[64];
        snprintf(name, sizeof(name), "%s", marker());
        int ready[2];
        assert_int_equal(pipe(ready), 0);
        const pid_t owner = fork();
        assert_true(owner >= 0);
        if (owner == 0) {
            struct sandbox *box;
            const struct sandbox_params params = {
                .argv = (const char *const[]){"/usr/bin/python3", "-S", "-c",
                                              "import time\ntime.sleep(600)", name, NULL},
                .input = "",
                .channel = -1,
                .limits = LIMITS};
            if (sandbox_start(&box, &host, &params) == STATUS_OK && write(ready[1], "x", 1) == 1)
                pause();
            _exit(1);
        }
        char byte;
        assert_int_equal(read(ready[0], &byte, 1), 1);
        usleep((useconds_t)rng_below(&rng, 60000));
        kill(owner, SIGKILL);
        waitpid(owner, NULL, 0);
        const double begin = clock_seconds();
        while (count_left() > 0 && clock_seconds() - begin < 20)
            usleep(1000);
        assert_int_equal(count_left(), 0);
        close(ready[0]);
        close(ready[1]);
    }
}

/* An ordinary user has the same sandbox as root. */
static void ordinary_user_too(void **state)
{
    (void)state;
    if (getuid() != 0)
        skip();
    const pid_t child = fork();
    if (child == 0) {
        struct sandbox_host own;
        const bool ok = setresgid(12345, 12345, 12345) == 0 && setresuid(12345, 12345, 12345) == 0;
        if (!ok || sandbox_host_init(&own) != STATUS_OK)
            _exit(1);
        struct sandbox *box =
            start("import os\nprint(len(os.listdir('/')), os.getuid())", "", LIMITS);
        _exit(strcmp(finish(box)->output, "7 12345\n") == 0 ? 0 : 2);
    }
    int code = -1;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0);
}

/* Sets PATH to a folder with a program bwrap of that text; null: an empty folder. */
static void with_bwrap(const char *text)
{
    char folder[] = "/tmp/vkfi-path-XXXXXX", path[64];
    char *old = strdup(getenv("PATH"));
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chmod(folder, 0755), 0);
    snprintf(path, sizeof(path), "%s/bwrap", folder);
    if (text) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
        assert_int_equal(chmod(path, 0755), 0);
    }
    struct sandbox_host none;
    setenv("PATH", folder, 1);
    const enum status st = sandbox_host_init(&none);
    setenv("PATH", old, 1);
    assert_int_equal(st, STATUS_INPUT);
    unlink(path);
    rmdir(folder);
    free(old);
}

static void refused_without_bubblewrap(void **state)
{
    (void)state;
    with_bwrap(NULL);
    assert_non_null(strstr(log_last_error(), "found no program bwrap that can be started"));
    with_bwrap("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n");
    assert_non_null(strstr(log_last_error(), "cannot run here (bwrap: No permissions"));
    /* A program bwrap that runs nothing and reports success. */
    with_bwrap("#!/bin/sh\nexit 0\n");
    assert_non_null(strstr(log_last_error(), "cannot run here"));
}

static bool put_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    const bool ok = file && fputs(text, file) >= 0;
    return file && fclose(file) == 0 && ok;
}

/* The system forbids user namespaces. */
static void refused_without_namespaces(void **state)
{
    (void)state;
    if (getuid() != 0)
        skip();
    const pid_t child = fork();
    if (child == 0) {
        struct sandbox_host none;
        if (setresgid(12345, 12345, 12345) != 0 || setresuid(12345, 12345, 12345) != 0 ||
            prctl(PR_SET_DUMPABLE, 1) != 0 || unshare(CLONE_NEWUSER) != 0 ||
            !put_text("/proc/self/uid_map", "12345 12345 1\n") ||
            !put_text("/proc/sys/user/max_user_namespaces", "0\n"))
            _exit(77);
        const bool refused = sandbox_host_init(&none) == STATUS_INPUT &&
                             strstr(log_last_error(), "user namespaces: ");
        _exit(refused ? 0 : 1);
    }
    int code = -1;
    assert_int_equal(waitpid(child, &code, 0), child);
    if (WIFEXITED(code) && WEXITSTATUS(code) == 77)
        skip(); /* bwrap needs the same right: without it the whole test is skipped */
    assert_int_equal(code, 0);
}

/* Only harmless programs: these run directly on this machine. */
static void unsandboxed_where_it_is_said(void **state)
{
    (void)state;
    const struct sandbox_host open_host = {.unsandboxed = true};
    struct sandbox *box = start_in(&open_host, "print(input()[::-1])", "hello", LIMITS);
    assert_string_equal(finish(box)->output, "olleh\n");
    sandbox_destroy(&box);
    box = start_in(&open_host, "while True: pass", "", LIMITS);
    assert_int_equal(finish(box)->end, SANDBOX_SIGNAL);
    sandbox_destroy(&box);
    /* Its children are in its group and are killed with it, a moment later. */
    box = start_in(&open_host, "import os, time\nif os.fork() == 0: time.sleep(60)", "", LIMITS);
    assert_int_equal(finish(box)->end, SANDBOX_EXITED);
    sandbox_destroy(&box);
    const double begin = clock_seconds();
    while (count_left() > 0 && clock_seconds() - begin < 20)
        usleep(1000);
    assert_int_equal(count_left(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_without_bubblewrap),
        cmocka_unit_test(refused_without_namespaces),
        cmocka_unit_test(unsandboxed_where_it_is_said),
        cmocka_unit_test(hostile_programs_fail),
        cmocka_unit_test(wall_clock_ends_sleepers),
        cmocka_unit_test(several_run_at_once),
        cmocka_unit_test(stopped_runs_leave_nothing),
        cmocka_unit_test(killed_owner_leaves_nothing),
        cmocka_unit_test(ordinary_user_too),
    };
    if (sandbox_host_init(&host) != STATUS_OK) {
        fprintf(stderr, "skipped: bubblewrap cannot run here\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
