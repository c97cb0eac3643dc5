/* SPDX-License-Identifier: MIT */
/* Fuzz target: the first byte chooses a format of task data, the rest is such a file.
 *
 * `cmake --preset fuzz` makes a libFuzzer program of it; test_task_hostile feeds it seeded
 * mutations. */
#ifndef _GNU_SOURCE /* memfd_create */
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "tasks/task_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_READER_SENTINEL "fuzz: nothing logged"

static void fuzz_reader_require(int holds, const char *what)
{
    if (!holds) {
        fprintf(stdout, "fuzz_reader: %s\n", what);
        abort();
    }
}

/* Every record is an object with the same columns; a refusal names the file. */
static void fuzz_reader_run(const struct task_source *source)
{
    struct task_reader *reader = NULL;
    struct json_doc *doc = NULL;
    log_error(FUZZ_READER_SENTINEL);
    enum status st = task_reader_create(&reader, source);
    for (size_t columns = 0; !st; json_destroy(&doc)) {
        st = task_reader_next(reader, &doc);
        if (st || !doc)
            break;
        const size_t n = json_count(json_root(doc));
        fuzz_reader_require(json_type(json_root(doc)) == JSON_OBJECT, "a record that is no object");
        fuzz_reader_require(source->format < TASK_CSV || columns == 0 || n == columns,
                            "records with other columns");
        columns = n;
    }
    fuzz_reader_require(!st || st == STATUS_INPUT || st == STATUS_IO,
                        "a refusal that does not blame the input");
    fuzz_reader_require(!st || strstr(log_last_error(), source->path[0]) ||
                            strstr(log_last_error(), source->path[1]),
                        "a refusal without its file");
    task_reader_destroy(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const column[] = {"a", "b"};
    char path[64];
    const int file = memfd_create("fuzz", 0);
    if (size == 0 || file < 0)
        return 0;
    fuzz_reader_require(write(file, data + 1, size - 1) == (ssize_t)(size - 1), "no memory");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    struct task_source source = {
        .format = data[0] % TASK_FORMAT_COUNT, .column = column, .path = {path, path}};
    if (source.format == TASK_LINES || source.format == TASK_PARALLEL ||
        data[0] / TASK_FORMAT_COUNT % 2)
        source.n_columns = 2;
    fuzz_reader_run(&source);
    close(file);
    return 0;
}
