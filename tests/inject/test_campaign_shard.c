/* SPDX-License-Identifier: MIT */
/* Which part of a campaign the launchers' variables mean: a table of environments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "inject/campaign/campaign_shard.h"

/* An environment is a text "NAME=value NAME=value". */
static const char *variable(void *user, const char *name)
{
    static char value[64];
    const size_t len = strlen(name);
    for (const char *at = user; at && *at; at = strchr(at, ' '), at = at ? at + 1 : NULL) {
        if (strncmp(at, name, len) != 0 || at[len] != '=')
            continue;
        const size_t n = strcspn(at + len + 1, " ");
        assert_true(n < sizeof(value));
        memcpy(value, at + len + 1, n);
        value[n] = '\0';
        return value;
    }
    return NULL;
}

struct shard_case {
    const char *given, *environment;
    uint32_t index, count; /* count 0: refused */
    const char *source;    /* refused: part of the message */
};

static const struct shard_case CASES[] = {
    {NULL, "", 0, 1, NULL},
    {NULL, "HOME=/x SLURM_NTASKS=4", 0, 1, NULL},
    {"0/1", "", 0, 1, "--shard"},
    {"2/3", "", 2, 3, "--shard"},
    {"2/3", "SLURM_PROCID=0 SLURM_NTASKS=9", 2, 3, "--shard"},
    {"999999/1000000", "", 999999, 1000000, "--shard"},
    {"3/3", "", 0, 0, "found '3/3'"},
    {"0/0", "", 0, 0, "found '0/0'"},
    {"1", "", 0, 0, "i/n"},
    {"", "", 0, 0, "i/n"},
    {"/2", "", 0, 0, "i/n"},
    {"1/", "", 0, 0, "i/n"},
    {"-1/2", "", 0, 0, "i/n"},
    {"+1/2", "", 0, 0, "i/n"},
    {" 1/2", "", 0, 0, "i/n"},
    {"1/2x", "", 0, 0, "i/n"},
    {"0/1000001", "", 0, 0, "i/n"},
    {"0/18446744073709551617", "", 0, 0, "i/n"},
    {NULL, "SLURM_PROCID=1 SLURM_NTASKS=2", 1, 2, "SLURM_PROCID"},
    {NULL, "SLURM_PROCID=0 SLURM_NTASKS=1", 0, 1, "SLURM_PROCID"},
    {NULL, "SLURM_PROCID=0", 0, 1, NULL},
    {NULL, "SLURM_PROCID=1", 0, 0, "SLURM_NTASKS=(not set)"},
    {NULL, "SLURM_PROCID=2 SLURM_NTASKS=2", 0, 0, "SLURM_PROCID=2 and SLURM_NTASKS=2"},
    {NULL, "SLURM_PROCID=x SLURM_NTASKS=2", 0, 0, "SLURM_PROCID: found 'x'"},
    {NULL, "SLURM_PROCID=1 SLURM_NTASKS=2.5", 0, 0, "SLURM_NTASKS: found '2.5'"},
    {NULL, "SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_PROCID=1 SLURM_NTASKS=2", 1, 2, "SLURM_PROCID"},
    {NULL, "SLURM_JOB_ID=7 SLURM_PROCID=0 SLURM_NTASKS=2", 0, 0, "without srun"},
    {NULL, "SLURM_JOB_ID=7 SLURM_PROCID=0 SLURM_NTASKS=1", 0, 1, "SLURM_PROCID"},
    {NULL, "OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_SIZE=4", 3, 4, "OMPI_COMM_WORLD_RANK"},
    {NULL, "PMI_RANK=0 PMI_SIZE=4", 0, 4, "PMI_RANK"},
    {NULL, "PMI_RANK=1 PMI_SIZE=4 OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=4", 1, 4,
     "OMPI_COMM_WORLD_RANK"},
    {NULL, "SLURM_PROCID=1 SLURM_NTASKS=4 PMI_RANK=1 PMI_SIZE=4", 1, 4, "SLURM_PROCID"},
    {NULL, "SLURM_PROCID=0 SLURM_NTASKS=1 OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=4", 0, 0,
     "SLURM_PROCID says part 0 of 1, OMPI_COMM_WORLD_RANK says 1 of 4"},
    {NULL, "SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_MIN=0", 2, 4,
     "SLURM_ARRAY_TASK_ID"},
    {NULL, "SLURM_ARRAY_TASK_ID=5 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_MIN=2", 0, 0,
     "--shard 5/N"},
    {NULL,
     "SLURM_ARRAY_TASK_ID=6 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_MIN=0 "
     "SLURM_ARRAY_TASK_MAX=6 SLURM_ARRAY_TASK_STEP=2",
     0, 0, "(0 to 6 by 2)"},
    {NULL, "PBS_ARRAY_INDEX=3", 0, 0, "PBS_ARRAY_INDEX=3"},
    {NULL, "PBS_ARRAYID=0", 0, 0, "--shard i/n"},
    {NULL, "SGE_TASK_ID=1 OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=4", 0, 0, "SGE_TASK_ID=1"},
    {NULL, "SGE_TASK_ID=undefined LSB_JOBINDEX=0", 0, 1, NULL},
    {NULL, "LSB_JOBINDEX=2", 0, 0, "LSB_JOBINDEX=2"},
    {"2/4", "LSB_JOBINDEX=3", 2, 4, "--shard"},
    {NULL, "SLURM_ARRAY_TASK_ID=7 SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_MIN=1", 0, 0,
     "without gaps"},
    {NULL, "SLURM_ARRAY_TASK_ID=1", 0, 0, "without gaps"},
    {NULL,
     "SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_MIN=0 SLURM_PROCID=1 "
     "SLURM_NTASKS=2",
     3, 6, "SLURM_ARRAY_TASK_ID"},
    {NULL,
     "SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_MIN=0 SLURM_PROCID=0 "
     "SLURM_JOB_ID=3",
     1, 3, "SLURM_ARRAY_TASK_ID"},
};

static void test_environments(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        const struct shard_case *c = &CASES[i];
        struct campaign_shard shard;
        const enum status st =
            campaign_shard_find(&shard, c->given, variable, (void *)(uintptr_t)c->environment);
        print_message("%s [%s]\n", c->given ? c->given : "-", c->environment);
        if (c->count == 0) {
            assert_int_equal(st, STATUS_USAGE);
            assert_non_null(strstr(log_last_error(), c->source));
            continue;
        }
        assert_int_equal(st, STATUS_OK);
        assert_int_equal(shard.index, c->index);
        assert_int_equal(shard.count, c->count);
        if (c->source)
            assert_string_equal(shard.source, c->source);
        else
            assert_null(shard.source);
    }
}

/* Every task of an array of steps has a part of its own, and together they are all. */
static void test_parts_are_distinct(void **state)
{
    (void)state;
    bool seen[12] = {false};
    for (unsigned element = 0; element < 4; element++) {
        for (unsigned task = 0; task < 3; task++) {
            char environment[256];
            struct campaign_shard shard;
            snprintf(environment, sizeof(environment),
                     "SLURM_ARRAY_TASK_ID=%u SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_MIN=0 "
                     "SLURM_ARRAY_TASK_MAX=3 SLURM_PROCID=%u SLURM_NTASKS=3",
                     element, task);
            assert_int_equal(campaign_shard_find(&shard, NULL, variable, environment), STATUS_OK);
            assert_int_equal(shard.count, 12);
            assert_false(seen[shard.index]);
            seen[shard.index] = true;
        }
    }
}

/* Resubmitted tasks, in any number, are never a whole: of every array over 0 to 7 only 0, 0-1, ...
 * 0-7 give parts, which are all of one count, and all others are refused in each of their tasks,
 * with the --shard to give. */
static void test_parts_of_arrays(void **state)
{
    (void)state;
    for (unsigned set = 1; set < 256; set++) {
        unsigned count = 0, first = 8, second = 8, last = 0;
        for (unsigned id = 0; id < 8; id++) {
            if (!(set >> id & 1))
                continue;
            second = count == 1 ? id : second;
            first = count == 0 ? id : first;
            last = id;
            count++;
        }
        for (unsigned id = 0; id < 8; id++) {
            char environment[256], word[16];
            struct campaign_shard shard;
            if (!(set >> id & 1))
                continue;
            snprintf(environment, sizeof(environment),
                     "SLURM_ARRAY_TASK_ID=%u SLURM_ARRAY_TASK_COUNT=%u SLURM_ARRAY_TASK_MIN=%u "
                     "SLURM_ARRAY_TASK_MAX=%u SLURM_ARRAY_TASK_STEP=%u",
                     id, count, first, last, count > 1 ? second - first : 1);
            snprintf(word, sizeof(word), "--shard %u/N", id);
            const enum status st = campaign_shard_find(&shard, NULL, variable, environment);
            if (set & (set + 1)) {
                assert_int_equal(st, STATUS_USAGE);
                assert_non_null(strstr(log_last_error(), word));
                continue;
            }
            assert_int_equal(st, STATUS_OK);
            assert_int_equal(shard.index, id);
            assert_int_equal(shard.count, count);
        }
    }
}

static void test_paths(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct campaign_shard task = {3, 8, "SLURM_PROCID"}, given = {3, 8, "--shard"},
                                whole = {0, 1, NULL};
    assert_string_equal(campaign_shard_path(&arena, "out.db", &task), "out.3.db");
    assert_string_equal(campaign_shard_path(&arena, "a.b/out", &task), "a.b/out.3");
    assert_string_equal(campaign_shard_path(&arena, "a.b/.out", &task), "a.b/.out.3");
    assert_string_equal(campaign_shard_path(&arena, "x/y.z.db", &task), "x/y.z.3.db");
    assert_string_equal(campaign_shard_path(&arena, "out.db", &given), "out.db");
    assert_string_equal(campaign_shard_path(&arena, "out.db", &whole), "out.db");
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environments),
        cmocka_unit_test(test_parts_are_distinct),
        cmocka_unit_test(test_parts_of_arrays),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
