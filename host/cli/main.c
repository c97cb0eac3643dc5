/* SPDX-License-Identifier: MIT */
/* The program: floating-point mode, environment, choice of a command, exit code. */
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fpenv.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/cli_device.h"
#include "shared/numerics.h"

struct command {
    const char *name;
    cli_command *run;
    const char *summary;
};

static const struct command COMMANDS[] = {
    {"run", cli_run, "run a model on a prompt, with faults if asked"},
    {"serve", cli_serve, "answer OpenAI's clients, protected if asked"},
    {"tokenize", cli_tokenize, "text to token ids"},
    {"detokenize", cli_detokenize, "token ids to text"},
    {"devices", cli_devices, "list the devices; probe their arithmetic"},
    {"sites", cli_sites, "list where faults may strike, with sizes"},
    {"model", cli_model, "list, fetch and describe models"},
    {"task", cli_task, "tasks that models are scored on: list, show, get, run, score"},
    {"protect", cli_protect, "policies: what protects a run, and what it costs"},
    {"plan", cli_plan, "check, explain and compare plans of campaigns"},
    {"sweep", cli_sweep, "every op, point and bit of a model once or more"},
    {"bench", cli_bench, "measure speed and memory"},
    {"campaign", cli_campaign, "run a plan's trials; say how far a database is"},
    {"replay", cli_replay, "run one trial of a database again, here"},
    {"export", cli_export, "the trials of a database as CSV or JSON lines"},
    {"merge", cli_merge, "join the databases of a campaign's shards"},
    {"report", cli_report, "tables and pictures of a campaign as one HTML file"},
    {"compare", cli_compare, "do devices, modes or releases agree on the same faults"},
    {"gate", cli_gate, "pass or fail a campaign by the upper bound of a rate"},
    {"artifact", cli_artifact, "pack a campaign for those who want to check it"},
    {"selfcheck", cli_selfcheck, "show that devices agree bit for bit, with and without faults"},
    {"selftest", cli_selftest, "test whether a device computes the right bits"},
};
#define COMMAND_COUNT (sizeof(COMMANDS) / sizeof(*COMMANDS))

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(name, COMMANDS[i].name) == 0)
            return &COMMANDS[i];
    }
    return NULL;
}

static enum status unknown_command(const char *name)
{
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = COMMANDS[i].name;
    const char *nearest = args_nearest(name, names, COMMAND_COUNT);
    if (nearest)
        log_error("found unknown command '%s', did you mean '%s'?", name, nearest);
    else
        log_error("found unknown command '%s', expected one of those that vkfi --help lists", name);
    return STATUS_USAGE;
}

static void add_command_list(struct text *out)
{
    text_put(out, "COMMANDS\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        text_addf(out, "  %-11s %s\n", COMMANDS[i].name, COMMANDS[i].summary);
    text_put(out,
             "\nvkfi COMMAND --help describes a command.\n\n"
             "ENVIRONMENT\n"
             "  VKFI_VALIDATE=1   run with the Vulkan validation layer\n"
             "  VKFI_MANIFEST     another models.json\n"
             "  VKFI_DATA         folder of the tasks' data\n"
             "  VKFI_THREADS      default of --threads\n"
             "  VKFI_KERNELS      folder that keeps compiled kernels; 0: they are not kept\n"
             "  XDG_CACHE_HOME    models, data, kernels are kept in vkfi there; default ~/.cache\n"
             "  VK_DRIVER_FILES   which Vulkan drivers are loaded (Vulkan loader)\n"
             "\nEXIT CODES\n"
             "  0  done\n"
             "  1  the answer is no: a gate fails, records differ\n"
             "  2  wrong usage or input (a device that is not there too), or output that\n"
             "     could not be written\n"
             "  3  no Vulkan driver, device refused, or driver failure\n"
             "  4  a promise of this program was broken, or host memory is out\n");
}

/* Options before the command: argv[0 .. argc). */
static enum status global_options(int argc, char **argv, bool *out_done)
{
    bool version = false, verbose = false;
    const struct args_option options[] = {
        {.letter = 'v',
         .name = "verbose",
         .type = ARGS_FLAG,
         .target = &verbose,
         .help = "Progress messages even when standard error is no terminal."},
        {.name = "version",
         .type = ARGS_FLAG,
         .target = &version,
         .help = "Prints the program's version and that of its arithmetic contract."},
        {0}};
    struct text details = {0};
    add_command_list(&details);
    const struct args_spec spec = {
        .command = "vkfi",
        .summary = "fault injection into language models, bit for bit on every device",
        .synopsis = "[-v] COMMAND [options]\n--version\n--help",
        .details = details.data,
        .options = options};
    const enum status st = details.st ? details.st : args_parse(&spec, argc, argv, out_done);
    text_finish(&details);
    if (st || *out_done)
        return st;
    if (verbose)
        log_set_level(LOG_INFO);
    if (version) {
        printf("vkfi %s (contract exact-%d)\n", VKFI_VERSION, NM_CONTRACT);
        *out_done = true;
    }
    return STATUS_OK;
}

/* `vkfi help [COMMAND]`; `name` null: the page of the program. */
static enum status print_help(const struct cli_env *env, char *name)
{
    char help[] = "--help";
    char *words[] = {name, help, NULL};
    bool done;
    if (!name)
        return global_options(2, words, &done);
    const struct command *command = find_command(name);
    return command ? command->run(env, 2, words) : unknown_command(name);
}

static enum status dispatch(const struct cli_env *env, int argc, char **argv)
{
    bool done = false;
    int first = 1;
    while (first < argc && argv[first][0] == '-')
        first++;
    enum status st = global_options(first, argv, &done);
    if (st || done)
        return st;
    if (first == argc) {
        log_error("found no command, expected one of those that vkfi --help lists");
        return STATUS_USAGE;
    }
    if (strcmp(argv[first], "help") == 0)
        return print_help(env, argv[first + 1]);
    const struct command *command = find_command(argv[first]);
    return command ? command->run(env, argc - first, argv + first) : unknown_command(argv[first]);
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* HOME, else the system's entry of the user; null if there is neither. */
static const char *home_folder(void)
{
    const char *home = environment("HOME");
    const struct passwd *user = home ? NULL : getpwuid(getuid());
    return user && user->pw_dir && user->pw_dir[0] ? user->pw_dir : home;
}

/* This program's own files: share/vkfi of the prefix it was installed to, or beside it in a build.
 * The installed form if neither exists, so that messages name it. */
static void data_folder(char out[PATH_MAX + sizeof("/../share/vkfi")])
{
    static const char *const places[] = {"share/vkfi", "../share/vkfi"};
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
    program[n > 0 ? n : 0] = '\0';
    char *name = strrchr(program, '/');
    int folder = name ? (int)(name - program) : 0;
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        snprintf(out, PATH_MAX + sizeof("/../share/vkfi"), "%.*s/%s", folder, program, places[i]);
        if (access(out, R_OK) == 0)
            return;
    }
}

/* VKFI_THREADS; 0: not set. */
static enum status default_threads(uint64_t *out)
{
    const char *text = environment("VKFI_THREADS");
    char *end = NULL;
    *out = text ? strtoull(text, &end, 10) : 0;
    if (!text || (strspn(text, "0123456789") == strlen(text) && *out <= CLI_THREADS_MAX))
        return STATUS_OK;
    log_error("VKFI_THREADS: found '%s', expected a number from 0 to %d", text, CLI_THREADS_MAX);
    return STATUS_USAGE;
}

/* VKFI_KERNELS, else a folder of the cache in `room`; null: "0", or there is no home. */
static const char *kernel_folder(const char *cache, const char *home, char room[PATH_MAX])
{
    const char *folder = environment("VKFI_KERNELS");
    if (folder)
        return strcmp(folder, "0") == 0 ? NULL : folder;
    if (!cache && !home)
        return NULL;
    const int n = cache ? snprintf(room, PATH_MAX, "%s/vkfi/kernels", cache)
                        : snprintf(room, PATH_MAX, "%s/.cache/vkfi/kernels", home);
    return n < PATH_MAX ? room : NULL;
}

int main(int argc, char **argv)
{
    char kernels[PATH_MAX];
    char data[PATH_MAX + sizeof("/../share/vkfi")];
    fpenv_set();              /* before any thread and any driver (NUMERICS.md 2) */
    signal(SIGPIPE, SIG_IGN); /* a dead worker must not end this process; see file_check_reader */
    log_set_level(isatty(STDERR_FILENO) ? LOG_INFO : LOG_WARN);

    const char *validate = environment("VKFI_VALIDATE");
    const char *manifest = environment("VKFI_MANIFEST");
    const char *driver_files = environment("VK_DRIVER_FILES");
    const char *cache = environment("XDG_CACHE_HOME"), *home = home_folder();
    data_folder(data);
    uint64_t threads;
    enum status st = default_threads(&threads);
    const struct cli_env env = {
        .data = data,
        .validate = validate && strcmp(validate, "0") != 0,
        .manifest = manifest,
        .task_data = environment("VKFI_DATA"),
        .cache_home = cache,
        .kernels = kernel_folder(cache, home, kernels),
        .home = home,
        .threads = threads,
        .driver_files = driver_files ? driver_files : environment("VK_ICD_FILENAMES"),
    };
    st = st ? st : dispatch(&env, argc, argv);
    st = st ? st : cli_output_flush();
    return status_exit_code(st);
}
