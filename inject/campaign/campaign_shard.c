/* SPDX-License-Identifier: MIT */
/* Reads --shard and the variables of launchers. */
#include "inject/campaign/campaign_shard.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/log.h"

#define SHARDS_MAX 1000000

/* Rank and size of each launcher, in order of precedence; if two are set, as with mpirun inside a
 * Slurm job, they must agree. */
static const struct {
    const char *index, *count;
} RANKS[] = {
    {"SLURM_PROCID", "SLURM_NTASKS"},
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
    {"PMI_RANK", "PMI_SIZE"},
};
#define RANK_COUNT (sizeof(RANKS) / sizeof(*RANKS))

struct reader {
    campaign_shard_variable *variable;
    void *user;
};

/* Decimal digits alone, at most SHARDS_MAX. */
static bool read_number(const char *text, size_t len, uint32_t *out)
{
    uint64_t value = 0;
    if (len == 0 || len > 9)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = 10 * value + (uint64_t)(text[i] - '0');
    }
    *out = (uint32_t)value;
    return value <= SHARDS_MAX;
}

static enum status read_given(struct campaign_shard *out, const char *text)
{
    const char *slash = strchr(text, '/');
    if (slash && read_number(text, (size_t)(slash - text), &out->index) &&
        read_number(slash + 1, strlen(slash + 1), &out->count) && out->index < out->count) {
        out->source = "--shard";
        return STATUS_OK;
    }
    log_error("--shard: found '%s', expected i/n with i from 0 to n - 1 and n at most %d", text,
              SHARDS_MAX);
    return STATUS_USAGE;
}

/* A variable as a number; *found is false if it is not set. */
static enum status read_variable(const struct reader *r, const char *name, uint32_t *out,
                                 bool *found)
{
    const char *text = r->variable(r->user, name);
    *found = text && *text;
    if (!*found || read_number(text, strlen(text), out))
        return STATUS_OK;
    log_error("%s: found '%s', expected a number from 0 to %d; --shard i/n says the part instead",
              name, text, SHARDS_MAX);
    return STATUS_USAGE;
}

static enum status refuse_pair(const char *index_name, const char *index, const char *count_name,
                               const char *count)
{
    log_error("found %s=%s and %s=%s, expected an index below a count; --shard i/n says the part "
              "instead",
              index_name, index ? index : "(not set)", count_name, count ? count : "(not set)");
    return STATUS_USAGE;
}

/* One launcher's rank and size; out->count stays 0 if it did not start this process. */
static enum status read_rank(struct campaign_shard *out, const struct reader *r, size_t launcher)
{
    const char *index_name = RANKS[launcher].index, *count_name = RANKS[launcher].count;
    uint32_t index = 0, count = 0;
    bool has_index, has_count;
    enum status st = read_variable(r, index_name, &index, &has_index);
    if (!st)
        st = read_variable(r, count_name, &count, &has_count);
    if (st || !has_index)
        return st; /* a size alone belongs to the job, not to this process */
    if (!has_count && index == 0)
        return STATUS_OK; /* a batch script of one task: Slurm omits the count */
    if (!has_count || index >= count)
        return refuse_pair(index_name, r->variable(r->user, index_name), count_name,
                           r->variable(r->user, count_name));
    *out = (struct campaign_shard){.index = index, .count = count, .source = index_name};
    return STATUS_OK;
}

/* The batch script of a job of several tasks is rank 0, but nothing started the others. */
static enum status check_step(const struct reader *r, const struct campaign_shard *rank)
{
    const char *job = r->variable(r->user, "SLURM_JOB_ID");
    const char *step = r->variable(r->user, "SLURM_STEP_ID");
    if (strcmp(rank->source, "SLURM_PROCID") != 0 || rank->count == 1 || !job || (step && *step))
        return STATUS_OK;
    log_error("found a batch script of %" PRIu32 " tasks without srun: one task alone would run; "
              "expected `srun vkfi campaign run ...` in it, or --shard",
              rank->count);
    return STATUS_USAGE;
}

static enum status read_ranks(struct campaign_shard *out, const struct reader *r)
{
    *out = (struct campaign_shard){0};
    for (size_t i = 0; i < RANK_COUNT; i++) {
        struct campaign_shard rank = {0};
        enum status st = read_rank(&rank, r, i);
        if (st)
            return st;
        if (rank.count == 0)
            continue;
        if (out->count == 0) {
            *out = rank;
        } else if (out->index != rank.index || out->count != rank.count) {
            log_error("%s says part %" PRIu32 " of %" PRIu32 ", %s says %" PRIu32 " of %" PRIu32
                      "; expected the same, or --shard",
                      out->source, out->index, out->count, rank.source, rank.index, rank.count);
            return STATUS_USAGE;
        }
    }
    return out->count > 0 ? check_step(r, out) : STATUS_OK;
}

/* Slurm's variables of a job array. */
struct array {
    uint32_t id, count, first, last, step;
};

/* An array that counts from 0 by 1 is whole. Any other may be part of a larger one, submitted again
 * (3 of 0-7, or 0,2,4 of it), whose size is not known: taken for a whole, it would run wrong
 * parts. */
static enum status check_array(const struct array *a)
{
    if (a->id < a->count && a->first == 0 && a->last == a->count - 1)
        return STATUS_OK;
    log_error("found task %" PRIu32 " of a job array of %" PRIu32 " (%" PRIu32 " to %" PRIu32
              " by %" PRIu32 "), expected a whole one that counts from 0 without gaps, as "
              "--array=0-7; of any other say the part: --shard %" PRIu32
              "/N, with N parts in all and the first of them 0",
              a->id, a->count, a->first, a->last, a->step, a->id);
    return STATUS_USAGE;
}

/* The place of this task in its job array; out->count stays 0 outside one. */
static enum status read_array(struct campaign_shard *out, const struct reader *r)
{
    struct array a = {.step = 1};
    bool has_id, has_count, has_last, found;
    enum status st = read_variable(r, "SLURM_ARRAY_TASK_ID", &a.id, &has_id);
    if (!st)
        st = read_variable(r, "SLURM_ARRAY_TASK_COUNT", &a.count, &has_count);
    if (!st)
        st = read_variable(r, "SLURM_ARRAY_TASK_MIN", &a.first, &found);
    if (!st)
        st = read_variable(r, "SLURM_ARRAY_TASK_MAX", &a.last, &has_last);
    if (!st)
        st = read_variable(r, "SLURM_ARRAY_TASK_STEP", &a.step, &found);
    if (st || !has_id)
        return st;
    if (has_count && a.count > 0 && !has_last)
        a.last = a.first + a.count - 1;
    st = check_array(&a);
    if (!st)
        *out = (struct campaign_shard){
            .index = a.id, .count = a.count, .source = "SLURM_ARRAY_TASK_ID"};
    return st;
}

/* Job arrays of other batch systems are not read: each gives a task's part in its own way or not at
 * all. Without --shard every task would run the whole campaign. */
static enum status refuse_other_arrays(const struct reader *r)
{
    static const struct {
        const char *name, *none; /* `none`: the value outside an array */
    } arrays[] = {{"PBS_ARRAY_INDEX", ""},
                  {"PBS_ARRAYID", ""},
                  {"SGE_TASK_ID", "undefined"},
                  {"LSB_JOBINDEX", "0"}};
    for (size_t i = 0; i < sizeof(arrays) / sizeof(*arrays); i++) {
        const char *text = r->variable(r->user, arrays[i].name);
        if (!text || !*text || strcmp(text, arrays[i].none) == 0)
            continue;
        log_error("found %s=%s, a task of a job array that does not say how many parts there are; "
                  "expected --shard i/n, with i from 0 to n - 1",
                  arrays[i].name, text);
        return STATUS_USAGE;
    }
    return STATUS_OK;
}

enum status campaign_shard_find(struct campaign_shard *out, const char *given,
                                campaign_shard_variable *variable, void *user)
{
    const struct reader r = {variable, user};
    struct campaign_shard array = {0}, rank = {0};
    *out = (struct campaign_shard){.index = 0, .count = 1};
    if (given)
        return read_given(out, given);
    enum status st = refuse_other_arrays(&r);
    if (!st)
        st = read_array(&array, &r);
    if (!st)
        st = read_ranks(&rank, &r);
    if (st || (array.count == 0 && rank.count == 0))
        return st;
    if (array.count == 0 || rank.count == 0) {
        *out = array.count > 0 ? array : rank;
        return STATUS_OK;
    }
    /* Each task of each element of the array is a separate part. */
    if ((uint64_t)array.count * rank.count > SHARDS_MAX) {
        log_error("found %" PRIu32 " tasks in each of %" PRIu32 " elements of a job array, "
                  "expected at most %d parts",
                  rank.count, array.count, SHARDS_MAX);
        return STATUS_USAGE;
    }
    *out = (struct campaign_shard){.index = array.index * rank.count + rank.index,
                                   .count = array.count * rank.count,
                                   .source = array.source};
    return STATUS_OK;
}

char *campaign_shard_path(struct arena *arena, const char *path, const struct campaign_shard *shard)
{
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    const char *dot = strrchr(name, '.');
    if (!shard->source || shard->count == 1 || strcmp(shard->source, "--shard") == 0)
        return arena_text(arena, path, strlen(path));
    if (!dot || dot == name)
        return arena_printf(arena, "%s.%" PRIu32, path, shard->index);
    return arena_printf(arena, "%.*s.%" PRIu32 "%s", (int)(dot - path), path, shard->index, dot);
}
