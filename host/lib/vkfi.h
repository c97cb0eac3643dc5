/* SPDX-License-Identifier: MIT */
/* libvkfi: language models with the same bits on every device, under faults and protections.
 *
 * A model is a file; a device holds a model's weights and runs it; a session is one run on it: a
 * prompt, then token by token. Options, policies and faults are JSON texts. All texts are UTF-8 and
 * end at a null; what takes a size may hold nulls.
 *
 * Every call says by its status how it ended, and vkfi_message what was found, where, and what was
 * expected. The library prints nothing, never ends the process, reads no environment variable
 * itself, and keeps nothing between calls but these objects and each thread's last message.
 *
 * Threads: models and devices may be used by any number of threads at once. A session is used by
 * one thread at a time (another gets VKFI_BUSY), but vkfi_session_cancel by any. A device works for
 * its sessions in turns, pass by pass, on a thread of its own with the arithmetic's floating-point
 * mode; the caller's is never changed. After fork(2) a child uses no object of its parent.
 *
 * Objects may be closed in any order: what still needs one keeps it alive. Closing takes null. */
#ifndef VKFI_H
#define VKFI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define VKFI_API __attribute__((visibility("default")))
#else
#define VKFI_API
#endif

typedef enum vkfi_status {
    VKFI_OK = 0,
    VKFI_USAGE = 1,         /* a call or an option is wrong */
    VKFI_INPUT = 2,         /* a file or a text is wrong */
    VKFI_IO = 3,            /* the system refused to read or write */
    VKFI_DEVICE = 4,        /* no driver, refused device, driver error */
    VKFI_DEVICE_LOST = 5,   /* the device is gone, but its work may still write: close it and its
                               sessions, open it again in another process */
    VKFI_DEVICE_MEMORY = 6, /* device memory or a device limit does not suffice */
    VKFI_MEMORY = 7,        /* host memory does not suffice */
    VKFI_INTERNAL = 8,      /* a promise of this library was broken */
    VKFI_UNCORRECTED = 10,  /* a protection found damage that stayed: do not use the text */
    VKFI_END = 64,          /* the run has ended: no more tokens */
    VKFI_CANCELLED = 65,    /* by vkfi_session_cancel or the callback; the run may go on */
    VKFI_BUSY = 66,         /* in use by another call, or by a session that needs it alone */
    VKFI_PENDING = 67       /* no token yet: step again */
} vkfi_status;

typedef struct vkfi_model vkfi_model;
typedef struct vkfi_device vkfi_device;
typedef struct vkfi_session vkfi_session;

/* "0.1.0", and the number of the arithmetic contract, on which all bits depend. */
VKFI_API const char *vkfi_version(void);
VKFI_API uint32_t vkfi_contract(void);

/* "input", "device_lost", ..; "unknown" for another number. */
VKFI_API const char *vkfi_status_name(vkfi_status status);

/* One line about this thread's last call that failed; valid until its next call. */
VKFI_API const char *vkfi_message(void);

/* Lines of warning and progress, as the program vkfi prints them, at levels 0 (error), 1 (warning),
 * 2 (progress); null: they are dropped. Called by whichever thread works, one at a time for an
 * object; it may not call the library. */
typedef void vkfi_log(void *user, int level, const char *line);

/* --- models --- */

/* A GGUF file by its path. */
VKFI_API vkfi_status vkfi_model_open(vkfi_model **out, const char *path);
VKFI_API void vkfi_model_close(vkfi_model *model);

VKFI_API uint32_t vkfi_model_vocabulary(const vkfi_model *model); /* ids are below it */
VKFI_API uint32_t vkfi_model_context(const vkfi_model *model);    /* most positions */

/* How the text of special tokens is read: as itself, or as those tokens. */
typedef enum vkfi_parse { VKFI_PARSE_PLAIN = 0, VKFI_PARSE_SPECIAL = 1 } vkfi_parse;

/* Ids of a text, with the begin token where the model has one: stored as far as there is room,
 * `count` is the number of all. */
typedef struct vkfi_ids {
    int32_t *id; /* (room), the caller's; null: no room */
    size_t room, count;
} vkfi_ids;
VKFI_API vkfi_status vkfi_model_tokenize(const vkfi_model *model, const char *text, size_t size,
                                         vkfi_parse parse, vkfi_ids *out);

/* Bytes that a token spells (none: a special token), which may be a part of a character; stored and
 * counted in the same way. */
VKFI_API vkfi_status vkfi_model_spell(const vkfi_model *model, int32_t id, char *bytes, size_t room,
                                      size_t *size);

/* --- devices --- */

/* Puts a model on a device. `options`, null or a JSON object:
 *   device     "cpu" (default), "cpu:scalar", "cpu:avx2", "cpu:avx512", "cpu:mapped" (weights stay
 *              in the file; "cpu" takes it where they do not fit into memory); "vk": any Vulkan
 *              device, a real GPU before one that runs on the processor; or its number, UUID, PCI
 *              address or a piece of its name
 *   act, kv    "f32" (default), "f16", "bf16": how activations, K and V are stored
 *   positions  most of a session, prompt and tokens; default: the model's context, at most 4096
 *   sessions   most with a run at a time; default 1. K and V of each take memory
 *   columns    most positions a pass; default: the device's choice
 *   threads    of CPU devices; default: all cores
 *   records    true: vkfi_session_records can be used, which takes memory
 *   kernels    folder that keeps compiled kernels between runs; default: none
 *   validate   true: with Vulkan's validation layer
 * No result depends on columns, threads or the device. Drivers are tried in a child process first,
 * so that one that crashes is a status. cpu:scalar and cpu:mapped compute on the model's own
 * memory, which their faults strike: they need the model for themselves (else VKFI_BUSY). */
VKFI_API vkfi_status vkfi_device_open(vkfi_device **out, vkfi_model *model, const char *options,
                                      vkfi_log *log, void *log_user);
VKFI_API void vkfi_device_close(vkfi_device *device);

/* The name and driver; they live as long as the device. */
VKFI_API const char *vkfi_device_name(const vkfi_device *device);
VKFI_API const char *vkfi_device_driver(const vkfi_device *device);

/* --- sessions --- */

/* `options`, null or a JSON object:
 *   tokens            most generated; default: as many as the device's positions hold
 *   temperature       of sampling; default 0: the most likely token
 *   top_k             samples among so many; default 0: all
 *   top_p             of these, samples among the fewest that have this share; default 1: all
 *   seed              of sampling (an integer or "0x.."); a draw depends on it and the position
 *   stop              list of texts; the answer ends before the first of them
 *   ignore_end        true: goes on past end tokens
 *   logprobs          true: log-probabilities of the tokens given, which reads whole logit rows
 *   prompt_logprobs   true: of the prompt's tokens too; only in vkfi_session_report
 *   prompt_top        with prompt_logprobs: how many of the most likely tokens are told with each
 *                     of the prompt's; default 0
 *   top               how many of the most likely tokens are told with each; default 0 */
VKFI_API vkfi_status vkfi_session_open(vkfi_session **out, vkfi_device *device,
                                       const char *options);
VKFI_API void vkfi_session_close(vkfi_session *session);

/* Another session in the same state: it goes on with the same bits, on its own. K and V are shared
 * where they can be; with faults or a policy the run is repeated up to here. */
VKFI_API vkfi_status vkfi_session_fork(vkfi_session **out, vkfi_session *session);

/* Adds to the prompt. After tokens were given, these are part of the new prompt: the next step
 * begins a run after all of it. The text of a chat is one message of a user, put into the model's
 * own template (null) or a built-in one: "chatml", "gemma", "llama3", "phi", "plain". A begin token
 * is only put in front of an empty prompt. */
VKFI_API vkfi_status vkfi_session_feed_ids(vkfi_session *session, const int32_t *ids, size_t count);
VKFI_API vkfi_status vkfi_session_feed_text(vkfi_session *session, const char *text, size_t size,
                                            vkfi_parse parse);
VKFI_API vkfi_status vkfi_session_feed_chat(vkfi_session *session, const char *message,
                                            const char *format);

/* Protects the run: a policy as a JSON object (`vkfi protect schema`) or the name of a built-in one
 * ("robust"); never a file, but a policy's calibration is the path of one. Null: no longer. The run
 * begins anew. */
VKFI_API vkfi_status vkfi_session_protect(vkfi_session *session, const char *policy);

/* Faults of the run, as `vkfi run --fault` reads them, of one trial: an object, or [[F, G]] for
 * faults that strike together; or a plan's trial as `vkfi plan expand --json` prints it, an object
 * with `faults`. They are checked against the prompt fed so far and again when it
 * grows. Null: none. The run begins anew. While a fault in stored weights or tables lasts, the
 * device is this session's alone: others get VKFI_BUSY. */
VKFI_API vkfi_status vkfi_session_fault(vkfi_session *session, const char *faults);

typedef struct vkfi_top {
    int32_t id;
    float logit;
} vkfi_top;

typedef struct vkfi_token {
    int32_t id;     /* -1: the run has ended, `text` is what was held back */
    uint32_t index; /* from 0. With a policy the run may go back: an index that comes again replaces
                       that token and all after it */
    uint32_t position;   /* of the column that gave it */
    uint32_t finite;     /* 1: every logit was a number, none infinite */
    uint64_t hash;       /* of all logits' bits: equal on every device */
    double logprob;      /* natural logarithm of its probability; NaN without `logprobs` */
    double logsumexp;    /* of its logits; NaN without `logprobs` */
    const vkfi_top *top; /* (n_top) in falling order; valid until the next call */
    uint32_t n_top;
    const char *text; /* (text_size) whole characters that this token has settled, which may come
                         later than the token; with a policy empty: see vkfi_session_text. Valid
                         until the next call */
    size_t text_size;
} vkfi_token;

/* The next token. VKFI_END: there is none, all is checked. VKFI_UNCORRECTED: the same, and damage
 * that a protection found is still there. Any other failure but VKFI_CANCELLED and VKFI_BUSY ends
 * the run: the next step begins it anew. */
VKFI_API vkfi_status vkfi_session_step(vkfi_session *session, vkfi_token *token);

/* One session's share of vkfi_session_step_all. */
typedef struct vkfi_turn {
    vkfi_session *session;
    vkfi_status status; /* out: as of vkfi_session_step, or VKFI_PENDING */
    vkfi_token token;   /* out */
    char message[512];  /* out: what vkfi_message would say of it */
} vkfi_turn;

/* A step of each of these sessions, different ones of one device (most likely fewer than all their
 * passes: those that need one share it, as columns, in this order as far as there is room). A
 * session's bits do not depend on what else runs beside it. VKFI_OK: look at each `status`;
 * VKFI_PENDING there: a part of the prompt has run, or the pass was full. A session whose fault
 * strikes stored weights runs alone: the others get VKFI_BUSY. */
VKFI_API vkfi_status vkfi_session_step_all(vkfi_turn *turns, size_t count);

/* Steps to the end; `give` (null: nobody) gets each token, and the end. It returns 0 to go on, else
 * the call says VKFI_CANCELLED. It may not use this session. VKFI_OK at the end. */
typedef int vkfi_give(void *user, const vkfi_token *token);
VKFI_API vkfi_status vkfi_session_run(vkfi_session *session, vkfi_give *give, void *user);

/* Makes the step that runs, or else the next one, return VKFI_CANCELLED after the pass at hand. */
VKFI_API void vkfi_session_cancel(vkfi_session *session);

/* "length", "end", "stop", "due" (a fault left an integer out of its range); "open": it has not
 * ended. */
VKFI_API const char *vkfi_session_end(const vkfi_session *session);

/* The text so far, before the first stop text; (size) bytes and a null. Valid until the session's
 * next call, as the others. */
VKFI_API vkfi_status vkfi_session_text(vkfi_session *session, const char **out, size_t *size);

/* The run as the object that `vkfi run --json` prints: ids, tokens, text, steps with their hashes,
 * `protect` with all events of a policy, and `struck`: of each fault how often it fired, and the
 * bits before and after. Only once it has ended. */
VKFI_API vkfi_status vkfi_session_report(vkfi_session *session, const char **out);

/* A trial for each fault of a file's text, each alone against the run without a fault (golden) of
 * this prompt and these options; a policy protects the trials. `out`: a JSON list of their records,
 * those of `vkfi run --fault --json`. The session's own run is left as it is. Needs a device with
 * `records`. */
VKFI_API vkfi_status vkfi_session_records(vkfi_session *session, const char *faults,
                                          const char **out);

#ifdef __cplusplus
}
#endif

#endif
