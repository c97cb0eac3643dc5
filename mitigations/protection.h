/* SPDX-License-Identifier: MIT */
/* One protection of a run: what it prepares, what it asks of a pass, what it looks at, how it
 * repairs.
 *
 * A protection knows nothing of faults, and of other protections at most that one found damage.
 * protector.h runs several of them as one check of the decoder step (model/decode.h) and decides
 * about alarms (recovery.h). */
#ifndef VKFI_MITIGATIONS_PROTECTION_H
#define VKFI_MITIGATIONS_PROTECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json_fields.h"
#include "base/status.h"
#include "model/decode.h"
#include "model/executor.h"

struct calibration;

/* What a protection is opened for. */
struct protection_setup {
    struct executor *ex;
    const struct calibration *calibration; /* null: none was given */
};

/* What runs need of an open protection. */
struct protection_needs {
    size_t state;     /* bytes of a run's memory */
    uint32_t outputs; /* COLUMN_* of columns that give tokens */
    uint32_t guards;  /* most of a column */
};

enum protection_severity {
    PROTECTION_QUIET,  /* nothing */
    PROTECTION_VERIFY, /* no alarm: the column is computed again to compare bits */
    PROTECTION_SOFT,   /* unlikely, may be right: cleared if the same bits come again */
    PROTECTION_HARD    /* damage by proof: must be gone once computed again */
};

/* What a protection found at a column. */
struct protection_finding {
    enum protection_severity severity;
    uint32_t back;   /* columns to compute again, up to this one; 0: it is repaired already */
    bool repaired;   /* stored bits were written anew */
    uint32_t node;   /* index in the graph; EXECUTOR_NONE: of no op */
    uint32_t detail; /* the protection's own, for events */
};

/* A parameter of a policy, in a struct of the protection. */
enum protection_type {
    PROTECTION_U32,    /* uint32_t in min .. max */
    PROTECTION_NUMBER, /* double in min .. max */
    PROTECTION_WORD,   /* uint32_t: index in `words` */
    PROTECTION_SITES   /* struct protection_sites: globs of site names */
};
struct protection_sites {
    const char *const *glob; /* (n) borrowed */
    uint32_t n;
};
struct protection_param {
    const char *name;
    enum protection_type type;
    size_t at;       /* offset in the params */
    double min, max; /* of numbers */
    struct json_words words;
    const char *fallback; /* the default, as JSON with ' for the double quote */
    const char *what;     /* description */
};

/* Memory of a protection that its faults may strike. */
struct protection_area {
    const char *name; /* "bounds", "shadow", .. */
    uint8_t *bytes;   /* (size) of the host; null: check sums in the device's memory: */
    size_t size;
    uint32_t node; /* all words of its table (executor_abft.h) */
};

/* A column of a run, for which the work of a protection is counted. */
struct protection_column {
    const struct model *model;
    enum storage kv;
    uint32_t seen;    /* key positions that it sees */
    uint32_t columns; /* of its run, which share what is done at its end; 0: that is not counted */
};

/* `self`: one opened for an executor, `state`: its memory of a run, zeroed at the start. */
struct protection {
    const char *name; /* as policies name it */
    const char *what; /* one line: what it covers */
    const struct protection_param *param;
    size_t n_params, params; /* count; bytes of the struct that they fill */
    size_t self;             /* bytes */
    bool calibrated;         /* setup.calibration is needed */

    /* Prepares `self` and fills `needs` (both zeroed); memory from `arena`. Null: nothing to do. */
    enum status (*open)(void *self, struct arena *arena, const void *params,
                        const struct protection_setup *setup, struct protection_needs *needs);
    void (*close)(void *self); /* null: nothing to free but the arena */

    uint32_t (*ask)(const void *self, const void *state, uint32_t position, uint32_t prompt,
                    struct guard *out); /* as decode_check.ask; null without guards */

    /* At each column: view->guard are its own guards. `out` is quiet, its node EXECUTOR_NONE. */
    enum status (*look)(void *self, void *state, const struct decode_view *view,
                        struct protection_finding *out);
    /* An alarm, of whichever protection, was damage, now corrected. Null: no concern of this one.
     */
    void (*heed)(void *self, void *state);
    /* Checks all memory that it covers, and repairs it: at the end of a run (`end`), or since
     * another one's alarm did not go away. Null: it covers none. */
    enum status (*audit)(void *self, void *state, const struct decode_view *view, bool end,
                         struct protection_finding *out);
    /* The run goes back: columns from `position` on will come again. Null: nothing to forget. */
    void (*back)(void *self, void *state, uint32_t position);

    /* Multiply-adds that its checks add to a decoding column; one for each comparison, and for each
     * word summed. What is computed again is not counted. Null: none. */
    double (*work)(const void *params, const struct protection_column *column);

    /* Bytes of `self` and `state` that faults of the protection itself strike: (index from 0;
     * false: there is no such area). Null: none. */
    bool (*area)(void *self, void *state, uint32_t index, struct protection_area *out);
};

/* The first guard of a view that found something, as a finding; null: none did. */
static inline const struct guard *protection_alarm(struct protection_finding *out,
                                                   const struct decode_view *view,
                                                   enum protection_severity severity, uint32_t back)
{
    for (uint32_t i = 0; i < view->n_guards; i++) {
        const struct guard *guard = &view->guard[i];
        if (guard->verdict[0] == 0)
            continue;
        *out = (struct protection_finding){
            .severity = severity, .back = back, .node = guard->node, .detail = guard->verdict[0]};
        return guard;
    }
    return NULL;
}

/* The area of `areas` (n) at `index`; false: there is none. */
static inline bool protection_area_of(const struct protection_area *areas, uint32_t n,
                                      uint32_t index, struct protection_area *out)
{
    if (index < n)
        *out = areas[index];
    return index < n;
}

/* Whether some glob matches the site. */
bool protections_match(const struct protection_sites *sites, const char *site);

/* A `work` for protections that look at a token's features (model/features.h) alone: of logits and
 * hidden state, whatever the parameters. */
double protections_features(const void *params, const struct protection_column *column);

extern const struct protection protection_abft;
extern const struct protection protection_nan_trap;
extern const struct protection protection_range_guard;
extern const struct protection protection_redundancy;
extern const struct protection protection_token_filter;
extern const struct protection protection_adaptive;
extern const struct protection protection_weight_audit;
extern const struct protection protection_kv_checkpoint;

/* All of them (protections.c); `out_n`: their number. */
const struct protection *const *protections(size_t *out_n);
const struct protection *protections_find(const char *name); /* null: there is none */

#endif
