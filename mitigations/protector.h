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
 * false: there is no such area. `out_owner`: the protection's name. Bytes outside `state` are those
 * of all runs. */
bool protector_area(const struct protector *protector, void *state, uint32_t index,
                    struct protection_area *out, const char **out_owner);

/* The name of the protection that asked for a guard of decode_check.ask. */
const char *protector_asker(const struct protector *protector, const struct guard *guard);

/* An alarm of a run. */
struct protector_event {
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
