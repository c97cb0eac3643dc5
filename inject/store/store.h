/* SPDX-License-Identifier: MIT */
/* The database of a campaign (inject/schema.sql): created, continued, written, read.
 *
 * One writer; readers at any time (write-ahead log). A batch is one transaction: once store_put has
 * returned, neither kill -9 nor a power cut undoes it. Errors are one logged line with the path:
 * STATUS_INPUT for a file that is no database of this program, of another version, damaged, or of
 * another plan; STATUS_IO for one that is locked, read-only, or on a full disk. Every row carries a
 * sum of its values, checked whenever it is read: a damaged value is found, never passed on.
 *
 * A store is used by one thread, and not after a fork (store_leave). */
#ifndef VKFI_INJECT_STORE_H
#define VKFI_INJECT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "inject/store/trial_row.h"

struct store;

#define STORE_ARM_NONE "none" /* the arm of rows without protection */

/* The text of inject/schema.sql, which every database holds. */
extern const char store_schema[];

/* What a database belongs to: equal in all shards of a campaign, except for the shard. */
struct store_identity {
    const char *plan_hash;  /* SHA-256 of the canonical plan, 64 hex digits */
    const char *model_hash; /* SHA-256 of the file                          */
    const char *shaders;    /* hash over all shaders of this build          */
    const char *contract;   /* "exact-1"                                    */
    const char *tool;       /* "vkfi 0.1.0"                                 */
    const char *model;      /* its properties, JSON (schema.sql); null, "": none */
    const char *plan;       /* the plan's JSON text as given                */
    const char *waves; /* further waves: "500@3328+200@3848", trials @ first id; null, "": none */
    uint64_t trials;   /* ids 0 .. trials - 1                          */
    uint32_t shard, shards; /* holds the ids with id mod shards == shard    */
};

/* A device or CPU form that ran trials (METHOD.md 6). Texts may be null: not known. */
struct store_device {
    const char *name, *uuid, *driver, *driver_version, *probe, *constants, *cpu_flags;
    uint32_t threads;
};

/* A stratum as drawn. */
struct store_stratum {
    uint32_t id;
    const char *label; /* "layer=3 bit_field=exponent"                   */
    double weight;     /* W_h, sums to 1; NaN with population equal */
    double size;       /* elementary faults in it                   */
    uint64_t planned;  /* trials                                    */
    /* No fault comes twice: 1 - n / size is the share of the stratum that remains. */
    bool distinct_faults;
    double no_fault; /* bit error rate: share of runs without a fault, not drawn; else 0 */
};

/* An item and its golden run; where an item has several samples, one of them. */
#define STORE_ONE_SAMPLE UINT32_MAX
struct store_item {
    uint32_t id;
    const char *prompt, *text; /* golden text          */
    const char *prompt_group;  /* of the plan; "": none */
    const char *prompt_ids;    /* as run (store_prompt.h): a template or tokenizer may change */
    const char *tokens;        /* golden ids, JSON     */
    const char *hash;          /* of golden's step hashes */
    uint32_t n_prompt, n_tokens;
    double weight;
    bool underflow; /* NUMERICS.md 5 */
    /* of an item of a task; null, NaN: no scorer */
    const char *task, *area, *doc_id, *task_group, *target;
    uint32_t sample;         /* of the item's; STORE_ONE_SAMPLE: it has no others */
    const char *answer;      /* golden's */
    const char *choice_logp; /* JSON: golden's log-likelihood of each choice; null: no choices */
    double score, chance;    /* golden's; of a guess */
};

/* An abnormal end that did not recur: never an outcome (METHOD.md 3). */
struct store_incident {
    uint64_t trial;
    uint32_t device;
    const char *what;
};

/* Fault 1, 2, ... of a trial with n_faults > 1: child table. */
struct store_fault {
    uint64_t trial;
    uint32_t number;
    const char *json;
};

/* Creates the database, or continues the one of the same identity and waves (the tool and what the
 * plan's hash omits may differ). A second writer gets STATUS_IO. Killed at any moment, it leaves a
 * state from which the same call goes on. */
enum status store_create(struct store **out, const char *path,
                         const struct store_identity *identity) STATUS_MUST_USE;
/* Opens for reading: all reads see the database as of this call. */
enum status store_open(struct store **out, const char *path) STATUS_MUST_USE;
void store_destroy(struct store **store);
/* Deletes a closed database and the files that SQLite and the lock left beside it. */
void store_remove(const char *path);
/* In a child process after fork: the database stays the parent's, also when the child lives longer.
 * The child calls nothing else. */
void store_leave(struct store *store);

/* The campaign goes on with more waves: `identity` has the longer plan, `strata` its trials.
 * Otherwise the strata must be equal: else STATUS_INTERNAL (another draw). STATUS_INPUT, logged,
 * unless its waves start with those of the database. One transaction. */
struct store_extension {
    const struct store_identity *identity;
    const struct store_stratum *strata;
    uint32_t n_strata;
};
enum status store_extend(struct store *store,
                         const struct store_extension *extension) STATUS_MUST_USE;

/* Whether the waves of `longer` start with those of `shorter`. */
bool store_waves_begin(const char *longer, const char *shorter);
/* The first ids of waves 1, 2, ... (at most `most`); returns the number of waves. */
uint32_t store_waves_ids(const struct store_identity *identity, uint64_t *out, uint32_t most);

/* Lives as long as the store. */
const struct store_identity *store_identity(const struct store *store);

/* Ids of the shard: those below trials with id mod shards == shard. */
uint64_t store_planned(const struct store_identity *identity);

/* The row of table device, written if new. */
enum status store_device(struct store *store, const struct store_device *device,
                         uint32_t *out) STATUS_MUST_USE;

/* Existing ones must be equal, else STATUS_INTERNAL (another golden run, another draw). They come
 * before rows that refer to them. */
enum status store_put_strata(struct store *store, const struct store_stratum *strata,
                             uint32_t count) STATUS_MUST_USE;
enum status store_put_item(struct store *store, const struct store_item *item) STATUS_MUST_USE;
enum status store_put_items(struct store *store, const struct store_item *items,
                            uint32_t count) STATUS_MUST_USE;
enum status store_put_incident(struct store *store,
                               const struct store_incident *incident) STATUS_MUST_USE;

/* One transaction: rows, and the further faults of each of arm none, 1 to n_faults - 1. A trial
 * that exists already in its arm, or is not of this shard, is STATUS_INTERNAL, and so is a missing
 * item, stratum or device. A failed control has no row: it stays undone. */
struct store_batch {
    const struct trial_row *rows;
    uint32_t n_rows;
    const struct store_fault *faults;
    uint32_t n_faults;
};
enum status store_put(struct store *store, const struct store_batch *batch) STATUS_MUST_USE;

/* Sets bit `id` of `done` ((trials + 7) / 8 bytes) for each existing trial. */
enum status store_done(const struct store *store, uint8_t *done, uint64_t trials) STATUS_MUST_USE;

/* Calls `visit` for each row of arm none, in order of trial; texts live until it returns. A status
 * from `visit` ends the walk and is returned. */
typedef enum status store_visit_row(void *user, const struct trial_row *row);
enum status store_each_row(const struct store *store, store_visit_row *visit,
                           void *user) STATUS_MUST_USE;
/* The same for the rows of all other arms, the clean runs first. */
enum status store_each_armed(const struct store *store, store_visit_row *visit,
                             void *user) STATUS_MUST_USE;
/* The row of a trial in arm none; in any arm. */
enum status store_find_row(const struct store *store, uint64_t trial, struct arena *arena,
                           struct trial_row *out, bool *found) STATUS_MUST_USE;
struct store_key {
    int64_t trial; /* or that of a clean run */
    const char *arm;
};
enum status store_find_armed(const struct store *store, const struct store_key *key,
                             struct arena *arena, struct trial_row *out,
                             bool *found) STATUS_MUST_USE;
/* The further faults of a trial, in order: n_faults - 1 of them, 0 if there is no such trial. */
enum status store_read_faults(const struct store *store, uint64_t trial, struct arena *arena,
                              struct store_fault **out, uint32_t *count) STATUS_MUST_USE;
enum status store_read_strata(const struct store *store, struct arena *arena,
                              struct store_stratum **out, uint32_t *count) STATUS_MUST_USE;
enum status store_read_items(const struct store *store, struct arena *arena,
                             struct store_item **out, uint32_t *count) STATUS_MUST_USE;
enum status store_read_devices(const struct store *store, struct arena *arena,
                               struct store_device **out, uint32_t *count) STATUS_MUST_USE;
enum status store_read_incidents(const struct store *store, struct arena *arena,
                                 struct store_incident **out, uint32_t *count) STATUS_MUST_USE;

#endif
