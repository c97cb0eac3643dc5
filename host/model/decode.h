/* SPDX-License-Identifier: MIT */
/* The decoder step: from a logit row to a token, the end of a text, and the way back.
 *
 * Whole runs (generate.h) and trials (inject/trial/lane.h) take their steps here and nowhere else,
 * so the rules of a run hold for its trials. */
#ifndef VKFI_MODEL_DECODE_H
#define VKFI_MODEL_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/text.h"
#include "model/executor.h"
#include "model/sampler.h"
#include "model/tap.h"

/* Bytes that end a text where its tokens spell them; only the text before them counts. */
struct decode_stop {
    const char *bytes; /* (size), at least one; any, also parts of characters */
    size_t size;
};

/* Changes logits before the pick. It depends on row and position alone: a row with golden's bits
 * gives golden's token. */
struct decode_filter {
    void (*change)(void *user, uint32_t position, float *logits, uint32_t n); /* (n) a copy */
    void *user;
};

#define DECODE_NO_TOKEN UINT32_MAX

/* A column just evaluated, as a check sees it. */
struct decode_view {
    uint32_t branch, position;
    uint32_t prompt; /* positions of the prompt; the last of them gives the first token */
    uint32_t token;  /* as picked, with faults of the sampler's integer; DECODE_NO_TOKEN: the row of
                        this column gives none */
    uint32_t fed; /* token that the column embeds, before faults of it; DECODE_NO_TOKEN: unknown */
    const struct column_result *result; /* decode_check.outputs, if the row gives a token */
    const struct guard *guard;          /* (n_guards) those asked for, with their verdicts */
    uint32_t n_guards;
};

struct decode_verdict {
    uint32_t word; /* the finding, in the check's own bits; kept with the step, 0: nothing */
    uint32_t back; /* columns to compute again, up to this one, whose token is not given; tokens
                      before it are computed again too. 0: the token is taken */
};

/* What a check found in a run, all in all. */
enum decode_damage {
    DECODE_CLEAN,       /* no alarm */
    DECODE_FALSE_ALARM, /* alarms, and what was computed again has the same bits */
    DECODE_CORRECTED,   /* an alarm, and what was computed again has other bits or raised none */
    DECODE_UNCORRECTED  /* damage that was found is still there */
};
struct decode_summary {
    enum decode_damage damage;
    uint32_t alarms;
    uint32_t first; /* position of the first; DECODE_NO_TOKEN: none */
    uint32_t word;  /* of the first */
};

/* Looks at every column of a run once it has been evaluated, positions rising. `state` is its
 * memory of a run, zeroed at the start and kept when the run goes back. Runs on one executor share
 * `user` and have states of their own. */
struct decode_check {
    /* Guards wanted of a column (null: none): fills `out` (most_guards), columns left to the
     * caller, and returns their number. Called before each evaluation of the column. */
    uint32_t (*ask)(void *user, void *state, uint32_t position, uint32_t prompt, struct guard *out);
    /* `out`: all zeros. */
    enum status (*look)(void *user, void *state, const struct decode_view *view,
                        struct decode_verdict *out);
    /* Once the run has ended (null: nothing to do); `view` is its last column, without guards. */
    enum status (*end)(void *user, void *state, const struct decode_view *view,
                       struct decode_verdict *out);
    void (*summary)(void *user, const void *state, struct decode_summary *out); /* null: clean */
    void *user;
    size_t state;         /* bytes */
    uint32_t outputs;     /* COLUMN_* that it reads */
    uint32_t most_guards; /* of a column */
    uint32_t most_back;   /* columns of a run computed again at most: a token that would need more
                             is taken as it is */
};

/* All zeros but n: the most likely tokens, up to an end token or n tokens. */
struct decode_rules {
    uint32_t n;      /* most tokens, at least 1 */
    bool ignore_end; /* go on past end tokens */
    struct sampler sampler;
    const uint32_t *allowed;         /* (n_vocab) bits, 32 a word, lowest id first: ids that may be
                                        picked; null: all */
    const struct decode_stop *stops; /* (n_stops) */
    uint32_t n_stops;
    const struct decode_filter *filter; /* null: none */
    const struct decode_check *check;   /* null: none */
};

/* Rules opened on an executor. Runs that share it share its scratch memory: one thread. */
struct decode {
    struct decode_rules rules; /* what they point to is borrowed */
    const struct model *model;
    struct kv *kv;
    float *row;                    /* (n_vocab) a filter's copy; null without */
    struct sampler_top *candidate; /* (as the sampler needs); null: greedy */
    size_t longest;                /* bytes of the longest stop string */
};

enum decode_end {
    DECODE_OPEN,   /* the run goes on */
    DECODE_LENGTH, /* n tokens */
    DECODE_END,    /* an end token */
    DECODE_STOP,   /* a stop string */
    DECODE_DUE,    /* a fault left an integer out of its range */
    DECODE_TRAP    /* decode_picked.trapped */
};

const char *decode_end_name(enum decode_end end); /* "length", "end", "stop", .. */

struct decode_step {
    uint64_t hash;           /* of the logit row that gave the token */
    bool finite;             /* every logit was finite */
    double logsumexp;        /* NaN unless asked for */
    float logit;             /* of the token given; NaN unless asked for */
    struct sampler_top *top; /* of generate_params.top, or null */
    uint32_t verdict;        /* decode_verdict.word */
};

/* One of the most likely tokens where the prompt goes on. */
struct decode_likely {
    uint32_t id;
    double logprob;
};

/* A run so far. */
struct generation {
    uint32_t branch;          /* alive: release with kv_release */
    uint32_t prompt;          /* positions of the prompt */
    int32_t *tokens;          /* (n_tokens), then (n_drafts) */
    struct decode_step *step; /* (n_tokens): step[i] gave tokens[i] */
    uint32_t n_tokens;
    uint32_t n_drafts; /* tokens of a run that has gone back: fed again, so that their columns share
                          a pass, as long as the same are picked */
    bool strayed;      /* the last token was not the draft */
    enum decode_end end;
    uint32_t redone;                  /* columns computed again */
    void *state;                      /* the check's; null: it has none */
    double *prompt_logprobs;          /* (n_ids - 1), null unless asked for */
    struct decode_likely *prompt_top; /* (n_ids - 1, generate_params.prompt_top), the same; all
                                         zeros where prompt_logprobs is NaN for a prefix */
    uint64_t hash;                    /* of all step hashes, in order */
    double prompt_seconds, decode_seconds;
};

/* Memory from `arena`. STATUS_USAGE (logged): no token to generate or none allowed, or an empty
 * stop string. */
enum status decode_open(struct decode *out, struct arena *arena, const struct decode_rules *rules,
                        struct executor *ex) STATUS_MUST_USE;

/* An empty run with room for its tokens; its branch is not set. */
struct decode_size {
    uint32_t prompt, n; /* positions, tokens */
};
enum status decode_begin(struct generation *out, struct arena *arena, const struct decode *decode,
                         const struct decode_size *size) STATUS_MUST_USE;

/* A check sees every step of a run: none may be copied from another run. */
bool decode_watches(const struct decode *decode);

/* COLUMN_* of a column whose row gives a token. */
uint32_t decode_outputs(const struct decode *decode);

/* Whether a token may be known without its row (certify.h). If `token` is proven to have the
 * highest logit, decode_proves says whether decode_pick would give it: it would if the pick is
 * greedy, nothing changes the logits, and the token is allowed. Sampling, filters and checks need
 * the row's bits. */
bool decode_provable(const struct decode *decode);
bool decode_proves(const struct decode *decode, uint32_t token);

/* The allowed token that the row of the column at `position` gives, by the rules of
 * sampler_pick. */
uint32_t decode_pick(const struct decode *decode, uint32_t position,
                     const struct column_result *result);

/* A picked step. */
struct decode_picked {
    uint32_t position; /* of its column */
    uint32_t fed;      /* token of its column */
    uint32_t token;
    struct decode_step step;
    bool trapped; /* its row is not to be used: the run ends here, unless a check sends it back */
    const struct column_result *result; /* for the check, as the guards; may be null without one */
    const struct guard *guard;          /* (n_guards) */
    uint32_t n_guards;
};

/* Appends the token after the tap's faults on the sampler's integer (tap may be null), and ends the
 * run as the rules say. Nothing is appended if it ends as due or by a trap. If the token is not the
 * run's draft, there are no drafts any more: columns that were fed them belong to no run.
 *
 * Nothing is appended if the check sends the run back: tokens, KV entries and tap are then as they
 * were `out_back` columns earlier, whose positions have to be run again. 0: the run goes on. */
enum status decode_take(const struct decode *decode, struct generation *run, struct tap *tap,
                        const struct decode_picked *pick, uint32_t *out_back) STATUS_MUST_USE;

/* The same for a column whose row gives no token, or a token that is fed whatever the row says:
 * then decode_feed follows unless the run goes back. */
enum status decode_look(const struct decode *decode, struct generation *run, struct tap *tap,
                        struct decode_picked *pick, uint32_t *out_back) STATUS_MUST_USE;

/* The same once the run has ended (or all its tokens are fed). */
enum status decode_finish(const struct decode *decode, struct generation *run, struct tap *tap,
                          uint32_t *out_back) STATUS_MUST_USE;

/* Guards that the check wants of a column, whose index in its pass is `column`; the number of
 * them: 0 without a check. out (decode_guards). */
uint32_t decode_ask(const struct decode *decode, struct generation *run,
                    const struct column *column, struct guard *out);
uint32_t decode_guards(const struct decode *decode); /* most of a column */

/* The check's findings in a run; DECODE_CLEAN without a check. */
struct decode_summary decode_sum(const struct decode *decode, const struct generation *run);

/* Appends a token that is fed, whatever the rules say. */
void decode_feed(struct generation *run, const struct decode_picked *pick);

/* hash of the first n steps. */
uint64_t decode_hash(const struct decode_step *step, uint32_t n);

/* Tokens and their text. Special tokens and ids beyond the vocabulary spell nothing. */
struct decode_tokens {
    const int32_t *ids; /* (n) */
    uint32_t n;
};

/* How a run of exactly these tokens ends; DECODE_OPEN: it goes on. */
enum status decode_end_of(enum decode_end *out, const struct decode *decode,
                          const struct decode_tokens *tokens) STATUS_MUST_USE;

/* Appends the bytes of a token as they are, which may be a part of a character. */
enum status decode_spell(struct text *out, const struct decode *decode,
                         int32_t token) STATUS_MUST_USE;

/* Appends the bytes before the first stop string, as they are or as detokenizer_answer gives
 * text. */
enum status decode_text(struct text *out, const struct decode *decode,
                        const struct decode_tokens *tokens) STATUS_MUST_USE;
enum status decode_answer(struct text *out, const struct decode *decode,
                          const struct decode_tokens *tokens) STATUS_MUST_USE;

/* Where the first stop string in the bytes of a text starts; `size`: there is none. */
size_t decode_text_end(const struct decode *decode, const char *bytes, size_t size);

/* How many bytes at the end may be the start of a stop string. */
size_t decode_text_held(const struct decode *decode, const char *bytes, size_t size);

#endif
