/* SPDX-License-Identifier: MIT */
/* Float execution modes put into SPIR-V, as far as a device reports them (NUMERICS.md 5). */
#include "gpu/kernel_patch.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define MODES_MAX 3
#define CAPABILITY_WORDS 2
#define MODE_WORDS 4

/* A capability and the execution mode it allows. */
struct mode {
    SpvCapability capability;
    SpvExecutionMode mode;
};

static size_t choose_modes(struct mode out[MODES_MAX], const struct gpu_float_controls *controls)
{
    size_t n = 0;
    if (controls->denorm_flush_to_zero)
        out[n++] = (struct mode){SpvCapabilityDenormFlushToZero, SpvExecutionModeDenormFlushToZero};
    if (controls->rounding_rte)
        out[n++] = (struct mode){SpvCapabilityRoundingModeRTE, SpvExecutionModeRoundingModeRTE};
    if (controls->signed_zero_inf_nan_preserve)
        out[n++] = (struct mode){SpvCapabilitySignedZeroInfNanPreserve,
                                 SpvExecutionModeSignedZeroInfNanPreserve};
    return n;
}

enum status kernel_patch(uint32_t **out_words, size_t *out_count, const struct spirv *module,
                         uint32_t entry_point, const struct gpu_float_controls *controls)
{
    struct mode modes[MODES_MAX];
    size_t n = choose_modes(modes, controls);
    size_t count = module->count + n * (CAPABILITY_WORDS + MODE_WORDS);
    uint32_t *words = malloc(count * sizeof(*words));
    if (!words) {
        log_error("%s: no memory for %zu words", module->name, count);
        return STATUS_MEMORY;
    }
    /* Capabilities come first in a module, execution modes right after the entry points. */
    memcpy(words, module->words, SPIRV_HEADER_WORDS * sizeof(*words));
    size_t at = SPIRV_HEADER_WORDS;
    for (size_t i = 0; i < n; i++) {
        words[at++] = CAPABILITY_WORDS << SpvWordCountShift | SpvOpCapability;
        words[at++] = modes[i].capability;
    }
    for (struct spirv_ins ins = {0}; spirv_next(module, &ins);) {
        memcpy(words + at, ins.words, ins.count * sizeof(*words));
        at += ins.count;
        for (size_t i = 0; i < n && ins.op == SpvOpEntryPoint; i++) {
            words[at++] = MODE_WORDS << SpvWordCountShift | SpvOpExecutionMode;
            words[at++] = entry_point;
            words[at++] = modes[i].mode;
            words[at++] = 32;
        }
    }
    *out_words = words;
    *out_count = at;
    return STATUS_OK;
}
