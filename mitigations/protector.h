/* SPDX-License-Identifier: MIT */
/* The protections of a policy, opened for an executor: one check of its runs. */
#ifndef VKFI_MITIGATIONS_PROTECTOR_H
#define VKFI_MITIGATIONS_PROTECTOR_H

#include "mitigations/policy.h"
#include "mitigations/protection.h"

struct protector;

/* Opens the policy's protections, and its calibration unless `setup` has one. The executor and the
 * given calibration outlive the protector, the policy need not. STATUS_INPUT (logged): a protection
 * needs a calibration and there is none. */
enum status protector_open(struct protector **out, const struct policy *policy,
                           const struct protection_setup *setup) STATUS_MUST_USE;
void protector_close(struct protector **protector);

/* For decode_rules.check, as long as the protector lives. */
const struct decode_check *protector_check(const struct protector *protector);

/* Memory of the protections in a run whose memory is `state` (generation.state): index from 0;
 * false: there is no such area. Bytes outside `state`, and the device's, are those of all runs.
 * `out_entry`: whose it is, as an index in the policy. */
bool protector_area(const struct protector *protector, void *state, uint32_t index,
                    struct protection_area *out, uint32_t *out_entry);

/* The entry of the policy that asked for a guard of decode_check.ask, and its protection's name. */
static inline uint32_t protector_asker(const struct guard *guard)
{
    return guard->tag;
}
const char *protector_name(const struct protector *protector, uint32_t entry);

/* An alarm of a run. */
struct protector_event {
    uint32_t entry;         /* of the policy */
    const char *protection; /* its name */
    uint32_t position;      /* of the column */
    enum protection_severity severity;
    uint32_t node, detail; /* as in the finding */
    uint32_t back;         /* columns computed again for it in total */
    bool repaired;         /* stored bits were written anew */
    enum decode_damage outcome;
};

/* Events of a run, oldest first: `out_n` of them, all if *out_dropped is 0; `state` is
 * generation.state. */
const struct protector_event *protector_events(const struct protector *protector, const void *state,
                                               uint32_t *out_n, uint32_t *out_dropped);

#endif
