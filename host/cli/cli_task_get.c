/* SPDX-License-Identifier: MIT */
/* `vkfi task get`: runs third_party/fetch_task.py, as setup does. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli_task.h"

/* Returns only if the script could not be started. */
enum status cli_task_get(const struct cli_env *env, const void *options,
                         const struct args_list *operands)
{
    const struct cli_task_options *o = options;
    static const char *argv[ARGS_LIST_MAX + 4];
    struct arena arena = {0};
    size_t n = 0;
    argv[n++] = "python3";
    argv[n] = arena_printf(&arena, "%s/fetch_task.py", env->data);
    if (!argv[n++])
        return STATUS_MEMORY;
    if (o->accept_licence)
        argv[n++] = "--accept-licence";
    for (size_t i = 0; i < operands->count; i++)
        argv[n++] = operands->item[i];
    argv[n] = NULL;
    signal(SIGPIPE, SIG_DFL);
    execvp("python3", (char *const *)argv);
    log_error("cannot start python3 %s: %s", argv[1], strerror(errno));
    arena_finish(&arena);
    return STATUS_IO;
}
