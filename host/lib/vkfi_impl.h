/* SPDX-License-Identifier: MIT */
/* What the objects of vkfi.h are, for the library and for the program above it. */
#ifndef VKFI_LIB_IMPL_H
#define VKFI_LIB_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/text.h"
#include "inject/trial/trial.h"
#include "lib/lib_device.h"
#include "lib/lib_protection.h"
#include "lib/lib_text.h"
#include "lib/vkfi.h"
#include "lib/vkfi_engine.h"
#include "model/generate.h"
#include "model/model.h"

/* Objects count who needs them: whoever opened one, and those below. */
struct vkfi_model {
    atomic_uint users;
    struct model *model; /* owned */
    pthread_mutex_t lock;
    uint32_t devices; /* open ones; under the lock, as `alone` */
    bool alone;       /* one of them edits the model's own memory */
};

struct vkfi_device {
    atomic_uint users;
    struct vkfi_model *model;
    struct lib_device device;     /* of the engine's thread, as all below */
    struct executor_params needs; /* of its executor */
    struct golden_shape shape;    /* of records */
    bool records;
    struct executor_info info;   /* of its start */
    uint32_t sessions;           /* most with a run */
    uint32_t running;            /* sessions with a run */
    struct tap_pass *pass;       /* that sessions share */
    struct vkfi_session *holder; /* its faults strike what all sessions read; null: nobody's */
    struct vkfi_engine engine;
};

/* A run of a session, on the engine's thread. */
struct vkfi_run {
    struct arena arena;
    struct generate_params params;
    struct generation g;
    struct generate_run *steps; /* null: there is no run */
    struct decode decode;       /* its rules */
    struct tap tap;
    const struct fault *fault; /* (n_faults) */
    uint32_t n_faults;
    struct tap_proof *proof; /* (n_faults) once it has ended */
    uint64_t passes;         /* and looks at its end */
    bool ended;
    bool underflow; /* a value was flushed in it; CPU devices only */
    bool cut;       /* K and V are gone: the run was searched for its first Inf or NaN */
};

struct vkfi_session {
    struct vkfi_device *device;
    atomic_bool used;   /* a call is at work */
    atomic_bool cancel; /* asked for */
    struct arena arena; /* of the options */
    const char *options;
    struct decode_rules rules;
    uint32_t top, prompt_top;
    bool tokens_given; /* rules.n is of the options */
    bool logprobs, prompt_logprobs;
    int32_t *ids; /* (n_ids) the prompt; owned */
    uint32_t n_ids, room_ids;
    struct text faults;  /* as given; empty: none */
    struct text policy;  /* as given; empty: none */
    bool policy_is_file; /* `policy` is a path or the name of a built-in one */
    struct arena policy_arena;
    struct lib_protection protection; /* of it; its protector is opened with the first run */
    struct vkfi_run run;
    struct generate_prefix kept; /* K and V of the prompt's first positions (0: none), in a branch
                                    of its own */
    struct lib_text stream;      /* text of the tokens given */
    uint32_t given;              /* tokens of the run */
    bool end_given;
    void (*progress)(void *user, int32_t token, uint32_t done); /* generate_params.progress, on the
                                                                   engine's thread; null: none */
    void *progress_user;
    struct arena answers; /* texts and lists given by the last call */
    vkfi_top *given_top;  /* (top) */
};

/* Ends a call of the interface: its status, and a message if it failed. */
vkfi_status vkfi_status_of(enum status st);
/* Logs the message; returns the status. */
vkfi_status vkfi_status_refuse(vkfi_status status, const char *message);

/* A device as the program opens it: with its own settings of Vulkan, and told of each stage. */
struct vkfi_device_setup {
    const char *name;
    struct executor_params needs; /* but for its model, branches and pages */
    struct gpu_params gpu;
    uint32_t sessions;
    bool records;
    struct golden_shape shape; /* n_ids and n of records */
    vkfi_log *log;
    void *log_user;
    void (*stage)(void *user, const struct lib_device *device); /* found; null: nobody is told */
    void *stage_user;
};
enum status vkfi_device_make(struct vkfi_device **out, struct vkfi_model *model,
                             const struct vkfi_device_setup *setup) STATUS_MUST_USE;

/* For the only user that is left: closes, STATUS_INTERNAL if the validation layer complained. */
enum status vkfi_device_finish(struct vkfi_device *device) STATUS_MUST_USE;

/* Users come and go; the last one frees. */
void vkfi_model_keep(struct vkfi_model *model);
void vkfi_device_keep(struct vkfi_device *device);

/* Sessions of one device that share a pass. */
struct vkfi_round {
    struct vkfi_device *device;
    struct vkfi_turn **turn; /* (n) */
    size_t n;
    bool *in; /* (n) room: in the pass */
};

/* On the engine's thread. A pass of the runs in their order, which begins them: each status, and
 * its message; `what` is a struct vkfi_round. */
enum status vkfi_run_round(void *what) STATUS_MUST_USE;
/* `session` is a struct vkfi_session. The same for it alone. */
enum status vkfi_run_pass(void *session) STATUS_MUST_USE;
/* Parts of it: the run begins; its faults are undone and forgotten, but for their proofs, which the
 * run's memory keeps; it has failed, which ends it and keeps the message. */
enum status vkfi_run_begin(struct vkfi_session *session) STATUS_MUST_USE;
enum status vkfi_run_finish_faults(struct vkfi_session *session) STATUS_MUST_USE;
enum status vkfi_run_fail(struct vkfi_session *session, enum status st) STATUS_MUST_USE;
/* Ends the run, if there is one: faults are undone. keep: K and V stay for the next run where
 * nothing has damaged them. */
enum status vkfi_run_keep(void *session) STATUS_MUST_USE;
enum status vkfi_run_drop(void *session) STATUS_MUST_USE;
/* What a run of the session needs: its parameters without faults and policy; whether the device
 * may run it now, with n tokens; the policy, opened, if there is one. */
void vkfi_run_params(struct generate_params *out, const struct vkfi_session *session);
enum status vkfi_run_check(const struct vkfi_session *session, uint32_t n) STATUS_MUST_USE;
enum status vkfi_run_policy(struct vkfi_session *session,
                            struct decode_rules *rules) STATUS_MUST_USE;
/* The same run in another session, without faults or a policy. */
struct vkfi_run_pair {
    struct vkfi_session *to, *from;
};
enum status vkfi_run_fork(void *pair) STATUS_MUST_USE;
/* Checks the faults of a text for this session's prompt: those of one trial. Memory from `arena`.
 */
enum status vkfi_run_faults(struct fault_trial *out, struct arena *arena,
                            const struct vkfi_session *session, const char *text) STATUS_MUST_USE;

/* vkfi_session_protect with a file or a word of policy_builtin. */
vkfi_status vkfi_session_protect_file(struct vkfi_session *session, const char *path);

/* For an ended run: its first Inf or NaN, if it has one and no faults; then what its object is
 * written from, with views into session and `where`. */
struct lib_nonfinite;
struct lib_report;
enum status vkfi_report_search(struct lib_nonfinite *out,
                               struct vkfi_session *session) STATUS_MUST_USE;
void vkfi_report_of(struct lib_report *out, const struct vkfi_session *session,
                    const struct lib_nonfinite *where);

/* A call on a session begins (VKFI_BUSY: another is at work) and ends. */
vkfi_status vkfi_session_enter(struct vkfi_session *session);
vkfi_status vkfi_session_leave(struct vkfi_session *session, enum status st);

#endif
