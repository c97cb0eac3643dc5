/* SPDX-License-Identifier: MIT */
/* Readers of task data: records of every format, packed and plain, and one line for bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "tasks/task_reader.h"

static char folder[] = "/tmp/vkfi-reader-XXXXXX";

static const char *write_file(const char *name, const char *text, size_t size)
{
    static char path[4][128];
    static int turn;
    char *out = path[turn++ % 4];
    snprintf(out, sizeof(path[0]), "%s/%s", folder, name);
    FILE *file = fopen(out, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return out;
}

/* All records as one JSON text per line, then the error or nothing. */
static const char *read_all(const struct task_source *source)
{
    static char out[1 << 20];
    struct task_reader *reader = NULL;
    struct arena arena = {0};
    out[0] = '\0';
    enum status st = task_reader_create(&reader, source);
    for (bool more = !st; more;) {
        struct json_doc *doc = NULL;
        struct json_memory memory;
        const char *line = NULL;
        st = task_reader_next(reader, &doc);
        more = !st && doc;
        if (!more)
            break;
        json_begin_memory(&memory, false);
        json_put_value(&memory.w, json_root(doc));
        assert_int_equal(json_end_line(&line, &memory, &arena), STATUS_OK);
        snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s\n", line);
        json_destroy(&doc);
    }
    if (st) {
        const char *error = strstr(log_last_error(), folder);
        assert_non_null(error); /* names the file */
        snprintf(out + strlen(out), sizeof(out) - strlen(out), "! %s", error + strlen(folder) + 1);
    }
    task_reader_destroy(&reader);
    arena_finish(&arena);
    return out;
}

struct row {
    enum task_format format;
    const char *columns; /* with blanks between; null: none */
    const char *text;
    const char *records; /* the exact text before "! ", and the start of the text after it */
};

static const struct row ROWS[] = {
    {TASK_JSONL, NULL, "{\"a\": 1}\n\n{\"a\": \"b\"}", "{\"a\":1}\n{\"a\":\"b\"}\n"},
    {TASK_JSONL, NULL, "{\"a\": 1}\r\n{\"a\": 2}\r\n", "{\"a\":1}\n{\"a\":2}\n"},
    {TASK_JSONL, NULL, "\xEF\xBB\xBF{\"a\": 1}", "{\"a\":1}\n"},
    {TASK_JSONL, NULL, "", ""},
    {TASK_JSONL, NULL, "{\"a\": 1}\n{\"a\": }\n", "{\"a\":1}\n! data:2"},
    {TASK_JSONL, NULL, "[1]\n", "! data:1: found no object"},
    {TASK_JSONL, NULL, "{\"a\": \"\xFF\"}\n", "! data:1: found the byte 0xff"},
    {TASK_JSON, NULL, "[]", ""},
    {TASK_JSON, NULL, " [ {\"a\": \"],}\\\"\"} ,\n{\"b\": [1, {}]} ]\n ",
     "{\"a\":\"],}\\\"\"}\n{\"b\":[1,{}]}\n"},
    {TASK_JSON, NULL, "{\"a\": 1}", "! data:1: found '{', expected a list of records"},
    {TASK_JSON, NULL, "[{\"a\": 1}\n{\"b\": 2}]", "! data:1"},
    {TASK_JSON, NULL, "[{\"a\": 1},]", "{\"a\":1}\n! data:1"},
    {TASK_JSON, NULL, "[{\"a\": 1}",
     "! data:1: found the end of the file, expected the end of a list"},
    {TASK_JSON, NULL, "[{\"a\": \"1}", "! data:1: found the end of the file, expected the closing"},
    {TASK_JSON, NULL, "[{\"a\": 1}]\nx", "{\"a\":1}\n! data:2: found 'x', expected nothing after"},
    {TASK_JSON, NULL, "[1]", "! data:1: found no object"},
    {TASK_CSV, NULL, "q,a\n\"x, \"\"y\"\"\nz\",1\n\nw,\r\n",
     "{\"q\":\"x, \\\"y\\\"\\nz\",\"a\":\"1\"}\n{\"q\":\"w\",\"a\":\"\"}\n"},
    {TASK_CSV, "q a", "x,1\n", "{\"q\":\"x\",\"a\":\"1\"}\n"},
    {TASK_CSV, NULL, "", "! data:1: found an empty file"},
    {TASK_CSV, NULL, "q,q\n", "! data:1: found the column 'q' twice"},
    {TASK_CSV, NULL, "q,\n", "! data:1: found the column '' without a name"},
    {TASK_CSV, NULL, "q,a\nx\n", "! data:2: found 1 value, expected 2: there is no 'a'"},
    {TASK_CSV, NULL, "q,a\nx,1,2\n", "! data:2: found more than 2 values"},
    {TASK_CSV, NULL, "q,a\n\"x,1\n", "! data:2: found no closing quote"},
    {TASK_CSV, NULL, "q,a\nx\"y,1\n", "! data:2: found a quote in value 1"},
    {TASK_CSV, NULL, "q,a\n\"x\"y,1\n", "! data:2: found text after a closing quote in value 1"},
    {TASK_TSV, "p h", "a \"b\tc\r\nd\t\n",
     "{\"p\":\"a \\\"b\",\"h\":\"c\"}\n{\"p\":\"d\",\"h\":\"\"}\n"},
    {TASK_TSV, NULL, "p\th\na\tb", "{\"p\":\"a\",\"h\":\"b\"}\n"},
    {TASK_TSV, "p h", "a\tb\nc\n",
     "{\"p\":\"a\",\"h\":\"b\"}\n! data:2: found 1 value, expected 2"},
    {TASK_TSV, "p h", "a\tb\tc\n", "! data:1: found more than 2 values"},
    {TASK_LINES, "c l", "one\n1\ntwo\n2\n",
     "{\"c\":\"one\",\"l\":\"1\"}\n{\"c\":\"two\",\"l\":\"2\"}\n"},
    {TASK_LINES, "c l", "one\n1\ntwo\n", "{\"c\":\"one\",\"l\":\"1\"}\n! data:3: found 1 lines"},
    {TASK_RUBI, NULL, "(* a (* b *) {} *)\n{f[x, {1, 2}], x, 2, \"a}\" + g[x]}\n",
     "{\"integrand\":\"f[x, {1, 2}]\",\"variable\":\"x\",\"steps\":\"2\",\"antiderivative\":"
     "\"\\\"a}\\\" + g[x]\",\"another\":\"\"}\n"},
    {TASK_RUBI, NULL, "{x, x, 1,\n x^2/2 (* half *), y}",
     "{\"integrand\":\"x\",\"variable\":\"x\",\"steps\":\"1\",\"antiderivative\":\"x^2/2\","
     "\"another\":\"y\"}\n"},
    {TASK_RUBI, NULL, "{x, x}", "! data:1: found 2 values, expected 5: there is no 'steps'"},
    {TASK_RUBI, NULL, "\n{x, x, 1, (x]}",
     "! data:2: found ']' in line 2, expected brackets in pairs"},
    {TASK_RUBI, NULL, "{x, x, 1, x",
     "! data:1: found the end of the file, expected the closing '}'"},
    {TASK_RUBI, NULL, "(* x", "! data:1: found the end of the file, expected the end of a comment"},
    {TASK_RUBI, NULL, "x", "! data:1: found 'x', expected a problem"},
    {TASK_RUBI, NULL, "{1, x, 1, x, x, x}", "! data:1: found more than 5 values"},
};

static struct task_source source_of(const struct row *row, char *columns, const char **column)
{
    struct task_source source = {.format = row->format, .column = column};
    strcpy(columns, row->columns ? row->columns : "");
    for (char *word = strtok(columns, " "); word; word = strtok(NULL, " "))
        column[source.n_columns++] = word;
    return source;
}

/* Exact up to "! ", after it as far as the row goes. */
static void expect(const struct row *row, const char *found)
{
    const bool refused = strstr(row->records, "! ") != NULL;
    if (refused ? strncmp(found, row->records, strlen(row->records)) == 0
                : strcmp(found, row->records) == 0)
        return;
    print_error("%d '%s':\nfound    %s\nexpected %s\n", row->format, row->text, found,
                row->records);
    fail();
}

static void test_formats(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(*ROWS); i++) {
        char columns[64];
        const char *column[8];
        struct task_source source = source_of(&ROWS[i], columns, column);
        source.path[0] = write_file("data", ROWS[i].text, strlen(ROWS[i].text));
        expect(&ROWS[i], read_all(&source));
    }
}

static void test_parallel(void **state)
{
    static const char *const column[] = {"source", "target"};
    struct task_source source = {TASK_PARALLEL, column, 2, {NULL}};
    (void)state;
    source.path[0] = write_file("a", "one\ntwo\n", 8);
    source.path[1] = write_file("b", "eins\r\nzwei", 10);
    assert_string_equal(read_all(&source), "{\"source\":\"one\",\"target\":\"eins\"}\n"
                                           "{\"source\":\"two\",\"target\":\"zwei\"}\n");
    source.path[1] = write_file("c", "eins\n", 5);
    assert_non_null(strstr(read_all(&source), "! c:2: found the end of the file"));
}

static void test_no_file(void **state)
{
    char path[64];
    struct task_source source = {.format = TASK_JSONL};
    (void)state;
    snprintf(path, sizeof(path), "%s/absent", folder);
    source.path[0] = path;
    assert_non_null(strstr(read_all(&source), "! absent: cannot be read"));
    source.path[0] = write_file("nul", "{\"a\":\0 1}", 9);
    assert_non_null(strstr(read_all(&source), "! nul:1: found the byte 0x00"));
}

/* Files packed by the system's gzip and bzip2: whole, two in sequence, cut, changed. */
static void test_packed(void **state)
{
    static const char *const tools[] = {"gzip", "bzip2"};
    char text[200000] = "", command[256], *packed = malloc(400000);
    (void)state;
    for (int i = 0; strlen(text) + 64 < sizeof(text); i++)
        sprintf(text + strlen(text), "{\"n\": %d, \"of\": \"%x\"}\n", i, 2654435761u * (unsigned)i);
    const char *plain = write_file("data", text, strlen(text));
    struct task_source source = {.format = TASK_JSONL, .path = {plain}};
    char *expected = strdup(read_all(&source));
    for (int i = 0; i < 2; i++) {
        snprintf(command, sizeof(command),
                 "cd %s && %s -c data > packed && cat packed packed > two", folder, tools[i]);
        if (system(command) != 0)
            skip();
        char path[64], two[64];
        snprintf(path, sizeof(path), "%s/packed", folder);
        snprintf(two, sizeof(two), "%s/two", folder);
        source.path[0] = path;
        assert_string_equal(read_all(&source), expected);
        struct task_reader *reader = NULL;
        struct json_doc *doc = NULL;
        uint32_t n = 0;
        source.path[0] = two;
        assert_int_equal(task_reader_create(&reader, &source), STATUS_OK);
        for (; task_reader_next(reader, &doc) == STATUS_OK && doc; n++)
            json_destroy(&doc);
        task_reader_destroy(&reader);
        uint32_t lines = 0;
        for (const char *c = text; *c; c++)
            lines += *c == '\n';
        assert_int_equal(n, 2 * lines);
        FILE *file = fopen(path, "rb");
        const size_t size = fread(packed, 1, 400000, file);
        fclose(file);
        source.path[0] = write_file("cut", packed, size / 2);
        assert_non_null(strstr(read_all(&source), "! cut: cannot be read"));
        packed[size / 2] ^= 0x55;
        source.path[0] = write_file("damaged", packed, size);
        assert_non_null(strstr(read_all(&source), "! damaged"));
    }
    free(expected);
    free(packed);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_parallel),
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_packed),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
