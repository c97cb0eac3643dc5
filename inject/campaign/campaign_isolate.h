/* SPDX-License-Identifier: MIT */
/* Which trial of a batch that ended abnormally is to blame: the rules, without any process.
 *
 * The trials run again one at a time. One that fails alone is run again as the first of a fresh
 * worker; if that fails `retry` times it is `due`. A failure that does not come back is an
 * incident: of the trial that once failed alone, or of the batch if none did (METHOD.md 3). */
#ifndef VKFI_INJECT_CAMPAIGN_ISOLATE_H
#define VKFI_INJECT_CAMPAIGN_ISOLATE_H

#include <stdbool.h>
#include <stdint.h>

#define CAMPAIGN_BATCH_MAX 256

/* Trials of one item that go to a worker together. */
struct campaign_batch {
    bool any;      /* false: there is none */
    uint32_t work; /* how they are run; the owner's own numbers */
    uint32_t item;
    uint32_t count;
    uint64_t id[CAMPAIGN_BATCH_MAX];
};

struct campaign_isolate {
    bool on;
    struct campaign_batch batch; /* suspects: from `at` on */
    uint32_t at;
    uint32_t attempts;       /* of the one at `at`: runs that ended abnormally */
    uint32_t failures;       /* of them, those of it alone */
    uint32_t fresh_failures; /* of them, those that were the first of their worker */
    bool explained;          /* some trial of the batch was found to fail alone */
};

enum campaign_isolate_verdict {
    CAMPAIGN_ISOLATE_NOTHING,
    CAMPAIGN_ISOLATE_AGAIN,          /* the same trial once more, in a fresh worker  */
    CAMPAIGN_ISOLATE_DUE,            /* the trial at hand is due                     */
    CAMPAIGN_ISOLATE_TRIAL_INCIDENT, /* the trial at hand failed, and then did not   */
    CAMPAIGN_ISOLATE_BATCH_INCIDENT, /* the batch failed, and each trial alone did not */
};

/* A batch has failed: its trials are suspects. `fresh`: nothing had run in that worker before. */
void campaign_isolate_begin(struct campaign_isolate *isolate, const struct campaign_batch *batch,
                            bool fresh);

/* The suspect to run now, alone; false: none is left. */
bool campaign_isolate_next(const struct campaign_isolate *isolate, struct campaign_batch *out);

/* The suspect at hand failed: AGAIN or DUE (then the next one is at hand). */
enum campaign_isolate_verdict campaign_isolate_failed(struct campaign_isolate *isolate, bool fresh,
                                                      uint32_t retry);

/* It passed, the next one is at hand: NOTHING or an incident. */
enum campaign_isolate_verdict campaign_isolate_passed(struct campaign_isolate *isolate);

/* The suspects that have not been judged; false: none. */
bool campaign_isolate_rest(const struct campaign_isolate *isolate, struct campaign_batch *out);

#endif
