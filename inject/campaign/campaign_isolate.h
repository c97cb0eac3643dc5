/* SPDX-License-Identifier: MIT */
/* The rules for which trial of an abnormally ended batch is to blame, without any process.
 *
 * The trials run again one at a time. One that fails alone is run again as the first of a fresh
 * worker; if that fails `retry` times it is `due`. A failure that does not recur is an incident: of
 * the trial that once failed alone, or of the batch if none did (METHOD.md 3). */
#ifndef VKFI_INJECT_CAMPAIGN_ISOLATE_H
#define VKFI_INJECT_CAMPAIGN_ISOLATE_H

#include <stdbool.h>
#include <stdint.h>

#define CAMPAIGN_BATCH_MAX 256

/* Trials of one item that go to a worker together. */
struct campaign_batch {
    bool any;      /* false: there is none */
    uint32_t work; /* how they are run; numbers of the owner */
    uint32_t item;
    uint32_t count;
    uint64_t id[CAMPAIGN_BATCH_MAX];
};

struct campaign_isolate {
    bool on;
    struct campaign_batch batch; /* suspects: from `at` on */
    uint32_t at;
    uint32_t attempts;       /* of the one at `at`: runs that ended abnormally */
    uint32_t failures;       /* of them, those when alone */
    uint32_t fresh_failures; /* of them, those as the first of a worker */
    bool explained;          /* some trial of the batch has failed alone */
};

enum campaign_isolate_verdict {
    CAMPAIGN_ISOLATE_NOTHING,
    CAMPAIGN_ISOLATE_AGAIN,          /* the same trial once more, in a fresh worker  */
    CAMPAIGN_ISOLATE_DUE,            /* the current trial is due */
    CAMPAIGN_ISOLATE_TRIAL_INCIDENT, /* the current trial failed, and then did not */
    CAMPAIGN_ISOLATE_BATCH_INCIDENT, /* the batch failed, and each trial alone did not */
};

/* A batch has failed: its trials are suspects. `fresh`: nothing had run in that worker before. */
void campaign_isolate_begin(struct campaign_isolate *isolate, const struct campaign_batch *batch,
                            bool fresh);

/* The suspect to run now, alone; false: none is left. */
bool campaign_isolate_next(const struct campaign_isolate *isolate, struct campaign_batch *out);

/* The current suspect failed: AGAIN or DUE (which moves to the next). */
enum campaign_isolate_verdict campaign_isolate_failed(struct campaign_isolate *isolate, bool fresh,
                                                      uint32_t retry);

/* It passed; moves to the next: NOTHING or an incident. */
enum campaign_isolate_verdict campaign_isolate_passed(struct campaign_isolate *isolate);

/* The suspects not yet judged; false: none. */
bool campaign_isolate_rest(const struct campaign_isolate *isolate, struct campaign_batch *out);

#endif
