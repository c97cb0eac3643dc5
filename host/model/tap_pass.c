/* SPDX-License-Identifier: MIT */
/* A pass that several taps share: columns, hooks and words collected, run, and returned. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/op.h"
#include "model/tap_impl.h"

/* What one tap_add added. */
struct added {
    struct tap *tap;
    uint32_t first, n; /* columns in order of tap_add */
    struct column_result *out;
    struct guard *guards; /* (n_guards) the caller's */
    uint32_t n_guards;
    uint32_t hooks, words, guarded; /* of the pass before it */
};

enum role { ROLE_PROOF, ROLE_CHANGED, ROLE_STALE, ROLE_FROM };

/* The purpose of a hook. */
struct owner {
    enum role role; /* the proof counts; changed: only its changed bits; captures: stale, from */
    struct tap *tap;
    uint32_t fault; /* index in the tap */
    uint32_t position;
    uint32_t evaluation; /* guard_evaluation */
};

struct tap_pass {
    struct executor *ex;
    uint32_t max_columns;
    struct column *columns;       /* (max_columns) in order of tap_add */
    struct column *sorted;        /* (max_columns) as the executor gets them */
    struct column_result *result; /* (max_columns) sorted */
    uint32_t *place;              /* (max_columns) of a column in `sorted` */
    uint32_t *source;             /* (max_columns) and back */
    struct added *added;          /* (max_columns) */
    uint32_t n_columns, n_added;
    struct hook *hooks;   /* (room_hooks) */
    struct owner *owners; /* (room_hooks) */
    uint32_t n_hooks, room_hooks;
    uint32_t *words; /* (room_words) */
    uint32_t n_words, room_words;
    struct guard *guards; /* (room_guards) of all columns, one tap_add after the other */
    uint32_t n_guards, room_guards;
    uint32_t most_guards; /* of a column */
    executor_watch *watch;
    void *watch_user;
};

enum status tap_open(struct tap_pass **out, struct executor *ex)
{
    struct executor_info info;
    executor_info(ex, &info);
    struct tap_pass *pass = calloc(1, sizeof(*pass));
    *out = pass;
    if (!pass)
        goto fail;
    const uint32_t n = pass->max_columns = info.max_columns;
    pass->ex = ex;
    pass->columns = calloc(n, sizeof(*pass->columns));
    pass->sorted = calloc(n, sizeof(*pass->sorted));
    pass->result = calloc(n, sizeof(*pass->result));
    pass->place = calloc(n, sizeof(*pass->place));
    pass->source = calloc(n, sizeof(*pass->source));
    pass->added = calloc(n, sizeof(*pass->added));
    if (pass->columns && pass->sorted && pass->result && pass->place && pass->source && pass->added)
        return STATUS_OK;
fail:
    tap_close(out);
    log_error("out of memory for passes of %u columns", info.max_columns);
    return STATUS_MEMORY;
}

void tap_close(struct tap_pass **pass)
{
    struct tap_pass *p = *pass;
    if (p) {
        free(p->columns);
        free(p->sorted);
        free(p->result);
        free(p->place);
        free(p->source);
        free(p->added);
        free(p->hooks);
        free(p->owners);
        free(p->words);
        free(p->guards);
        free(p);
    }
    *pass = NULL;
}

void tap_begin(struct tap_pass *pass)
{
    pass->n_columns = pass->n_added = pass->n_hooks = pass->n_words = pass->n_guards = 0;
}

void tap_guarded(struct tap_pass *pass, uint32_t most)
{
    pass->most_guards = most;
}

uint32_t tap_count(const struct tap_pass *pass)
{
    return pass->n_columns;
}

uint32_t tap_room(const struct tap_pass *pass, const struct tap *tap, uint32_t position)
{
    const uint32_t guarded = pass->most_guards ? GUARD_MOST / pass->most_guards : UINT32_MAX;
    const uint32_t all = pass->max_columns < guarded ? pass->max_columns : guarded;
    uint32_t most = all > pass->n_columns ? all - pass->n_columns : 0, n = 0;
    for (uint32_t hooks = pass->n_hooks; tap && n < most; n++) {
        hooks += tap_hooks(tap, position + n, pass->most_guards > 0);
        if (hooks > HOOK_MOST)
            return n;
    }
    return most;
}

/* Zeroed words; `out`: 1 + index of the first, as hooks name them. */
static enum status take_words(struct tap_pass *pass, uint64_t n, uint32_t *out)
{
    const uint64_t need = pass->n_words + n;
    if (need > UINT32_MAX - 1) {
        log_error("a pass of faults over %llu elements, expected fewer", (unsigned long long)need);
        return STATUS_INPUT;
    }
    if (need > pass->room_words) {
        uint32_t *words = realloc(pass->words, 2 * need * sizeof(*words));
        if (!words) {
            log_error("out of memory for %llu captured bits", (unsigned long long)need);
            return STATUS_MEMORY;
        }
        pass->words = words;
        pass->room_words = (uint32_t)(2 * need < UINT32_MAX ? 2 * need : UINT32_MAX);
    }
    memset(pass->words + pass->n_words, 0, n * sizeof(*pass->words));
    *out = pass->n_words + 1;
    pass->n_words = (uint32_t)need;
    return STATUS_OK;
}

/* A hook and its purpose. `column` in order of tap_add. */
static enum status take_hook(struct tap_pass *pass, const struct hook *hook,
                             const struct owner *owner)
{
    if (pass->n_hooks == pass->room_hooks) {
        const uint32_t room = 2 * pass->room_hooks + 64;
        struct hook *hooks = realloc(pass->hooks, room * sizeof(*hooks));
        pass->hooks = hooks ? hooks : pass->hooks;
        struct owner *owners = realloc(pass->owners, room * sizeof(*owners));
        pass->owners = owners ? owners : pass->owners;
        if (!hooks || !owners) {
            log_error("out of memory for %u hooks", room);
            return STATUS_MEMORY;
        }
        pass->room_hooks = room;
    }
    pass->owners[pass->n_hooks] = *owner;
    pass->hooks[pass->n_hooks++] = *hook;
    return STATUS_OK;
}

static struct tap_fault *fault_of(const struct owner *owner)
{
    return &owner->tap->faults[owner->fault];
}

/* The hook's node and column; data: the box. */
static struct hook hook_of(const struct tap_fault *fault, uint32_t column,
                           const struct hook_data *box)
{
    return (struct hook){
        .node = fault->node, .column = column, .point = fault->point, .data = *box};
}

/* A capture of the box at a column. */
static enum status add_capture(struct tap_pass *pass, const struct owner *owner, uint32_t column,
                               const struct hook_data *box, uint32_t *out)
{
    struct hook hook = hook_of(fault_of(owner), column, box);
    enum status st = take_words(pass, hook_size(box), out);
    hook.data.capture = *out;
    return st ? st : take_hook(pass, &hook, owner);
}

/* Words of the box from what was held of the previous position; 0 where nothing was. */
static enum status add_held(struct tap_pass *pass, const struct tap_held *held,
                            const struct hook_data *box, uint32_t *out)
{
    enum status st = take_words(pass, hook_size(box), out);
    for (uint32_t i = 0; i < hook_size(box) && !st; i++) {
        const uint32_t index =
            hook_index(held->box, box->row + i / box->keys / box->ks * box->row_step,
                       box->k + i / box->keys % box->ks * box->k_step, box->key + i % box->keys);
        if (index != HOOK_NONE)
            pass->words[*out - 1 + i] = held->words[index];
    }
    return st;
}

/* Bits one position earlier: of the previous column of this pass, or held from an earlier pass. */
static enum status add_stale(struct tap_pass *pass, const struct owner *struck, uint32_t column,
                             const struct hook_data *box, uint32_t *out)
{
    const struct tap_fault *fault = fault_of(struck);
    const uint32_t position = struck->position;
    const uint32_t first = pass->added[pass->n_added - 1].first;

    if (position <= fault->begins)
        return take_words(pass, hook_size(box), out); /* zeros */
    if (column > first && pass->columns[column - 1].position == position - 1) {
        const struct owner owner = {ROLE_STALE, struck->tap, struck->fault, position - 1, 0};
        return add_capture(pass, &owner, column - 1, box, out);
    }
    const struct tap_held *held = tap_held_at(fault->state, position - 1);
    if (held)
        return add_held(pass, held, box, out);
    log_error("fault of node %u at position %u: the run has not evaluated position %u with it, "
              "expected that for stale bits",
              fault->node, position, position - 1);
    return STATUS_INTERNAL;
}

/* The box moved to the wrong place, `from`. */
static struct hook_data moved_box(const struct tap_fault *fault, const struct hook_data *box)
{
    struct hook_data to = *box;
    if (fault->data.kind == KIND_WRONG_WRITE || fault->from_axis == TAP_FROM_ROW)
        to.row = fault->from;
    else if (fault->from_axis == TAP_FROM_K)
        to.k = fault->from;
    else
        to.key = fault->from;
    return to;
}

/* A hook that edits, in the owner's evaluation of its op. */
static enum status take_edit(struct tap_pass *pass, const struct hook *hook,
                             const struct owner *owner)
{
    const struct node *node = &pass->ex->model->graph.node[hook->node];
    struct tap_rotated all = {.box = {hook->data}, .n = 1};
    enum status st = STATUS_OK;

    if (owner->evaluation == guard_evaluation(GUARD_ROTATED))
        tap_rotate(&all, &hook->data, node, hook->point);
    for (uint32_t i = 0; i < all.n && !st; i++) {
        struct hook one = *hook;
        one.evaluation = owner->evaluation;
        one.data = all.box[i];
        one.data.source += one.data.source != 0 ? all.offset[i] : 0;
        st = take_hook(pass, &one, owner);
    }
    return st;
}

/* The hooks of a fault at a column that it strikes. */
static enum status add_struck(struct tap_pass *pass, const struct owner *owner, uint32_t column)
{
    const struct tap_fault *fault = fault_of(owner);
    const struct node *node = &pass->ex->model->graph.node[fault->node];
    struct owner other = *owner;
    struct hook_data box;
    uint32_t words = 0;
    enum status st = STATUS_OK;

    if (!tap_box(fault, node, column_last(&pass->columns[column]), &box))
        return STATUS_OK;
    box.position = tap_draw_twin(fault, tap_draw_position(owner->tap, fault, owner->position),
                                 owner->evaluation);
    if (!tap_may_fire(&box))
        return STATUS_OK;
    struct hook hook = hook_of(fault, column, &box);
    if (tap_stale(fault))
        st = add_stale(pass, owner, column, &box, &hook.data.source);
    const struct hook_data moved = moved_box(fault, &box);
    other.role = ROLE_FROM;
    if (!st && box.kind == KIND_WRONG_READ)
        st = add_capture(pass, &other, column, &moved, &hook.data.source);
    if (!st && box.kind == KIND_WRONG_WRITE) {
        hook.data.kind = KIND_STALE;
        st = add_capture(pass, &other, column, &box, &words);
    }
    if (!st)
        st = take_edit(pass, &hook, owner);
    if (st || box.kind != KIND_WRONG_WRITE)
        return st;
    hook.data = moved; /* draws and conditions are those of the element that went astray */
    hook.data.source = words;
    other.role = ROLE_CHANGED;
    return take_edit(pass, &hook, &other);
}

/* The last column of an add, if a later pass strikes the next position. */
static enum status add_hold(struct tap_pass *pass, const struct owner *owner, uint32_t column)
{
    const struct tap_fault *fault = fault_of(owner);
    const struct node *node = &pass->ex->model->graph.node[fault->node];
    struct hook_data box;
    uint32_t words;

    if (!tap_box(fault, node, owner->position + 1, &box))
        return STATUS_OK;
    return add_capture(pass, owner, column, &box, &words);
}

static enum status add_hooks(struct tap_pass *pass, struct tap *tap, uint32_t first, uint32_t n)
{
    enum status st = STATUS_OK;
    for (uint32_t column = first; column < first + n; column++) {
        const uint32_t position = pass->columns[column].position;
        for (uint32_t i = 0; i < tap->n_faults && !st; i++) {
            const struct tap_fault *fault = &tap->faults[i];
            const bool last = column + 1 == first + n;
            if (fault->place != TAP_EVALUATION)
                continue;
            if (tap_hits(tap, fault, position))
                st = add_struck(pass, &(struct owner){ROLE_PROOF, tap, i, position, 0}, column);
            if (!st && last && tap_stale(fault) && position >= fault->begins &&
                tap_hits(tap, fault, position + 1))
                st = add_hold(pass, &(struct owner){ROLE_STALE, tap, i, position, 0}, column);
        }
    }
    return st;
}

/* Stale bits go from a column to the next one of the pass, so sorting must not put it after that
 * one. Starting earlier gives the same bits. */
static void level_starts(const struct tap *tap, struct column *columns, uint32_t n)
{
    for (uint32_t i = n; i-- > 1;) {
        for (uint32_t f = 0; f < tap->n_faults; f++) {
            const struct tap_fault *fault = &tap->faults[f];
            if (fault->place == TAP_EVALUATION && tap_stale(fault) &&
                tap_hits(tap, fault, columns[i].position) &&
                columns[i - 1].start_layer > columns[i].start_layer)
                columns[i - 1].start_layer = columns[i].start_layer;
        }
    }
}

void tap_undo(struct tap_pass *pass)
{
    const struct added *last = &pass->added[--pass->n_added];
    pass->n_columns = last->first;
    pass->n_hooks = last->hooks;
    pass->n_words = last->words;
    pass->n_guards = last->guarded;
}

enum status tap_add(struct tap_pass *pass, struct tap *tap, const struct column *columns,
                    uint32_t n, struct column_result *out)
{
    const uint32_t first = pass->n_columns;
    assert(n > 0 && n <= pass->max_columns - pass->n_columns);
    memcpy(pass->columns + first, columns, n * sizeof(*columns));
    pass->added[pass->n_added] =
        (struct added){tap, first, n, out, NULL, 0, pass->n_hooks, pass->n_words, pass->n_guards};
    if (tap && !tap->keeps && columns[0].position > 0)
        tap_release(tap, columns[0].position - 1, UINT32_MAX);
    for (uint32_t i = first; tap && i < first + n; i++) {
        enum status st = tap_control_column(tap, &pass->columns[i]);
        if (st || tap->due)
            return st;
    }
    pass->n_columns += n;
    pass->n_added++;
    if (!tap)
        return STATUS_OK;
    level_starts(tap, pass->columns + first, n);
    enum status st = tap_strike(tap, pass->ex, columns[0].branch, columns[0].position);
    st = st ? st : add_hooks(pass, tap, first, n);
    if (st)
        tap_undo(pass);
    return st;
}

/* What strikes the second evaluation of a guard's op: as the first, but activations are those of
 * the first. */
static enum status add_twin(struct tap_pass *pass, const struct guard *guard)
{
    struct tap *tap = pass->added[pass->n_added - 1].tap;
    const uint32_t position = pass->columns[guard->column].position;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; tap && i < tap->n_faults && !st; i++) {
        const struct owner owner = {ROLE_CHANGED, tap, i, position, guard_evaluation(guard->kind)};
        if (tap->faults[i].node == guard->node && tap_strikes_twin(&tap->faults[i], position))
            st = add_struck(pass, &owner, guard->column);
    }
    return st;
}

enum status tap_guard(struct tap_pass *pass, struct guard *guards, uint32_t n)
{
    struct added *added = &pass->added[pass->n_added - 1];
    if (pass->n_guards + n > pass->room_guards) {
        const uint32_t room = 2 * (pass->n_guards + n);
        struct guard *all = realloc(pass->guards, room * sizeof(*all));
        if (!all) {
            log_error("out of memory for %u guards", room);
            return STATUS_MEMORY;
        }
        pass->guards = all;
        pass->room_guards = room;
    }
    added->guards = guards;
    added->n_guards = n;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < n && !st; i++) {
        struct guard *own = &pass->guards[pass->n_guards++];
        assert(guards[i].column < added->n);
        *own = guards[i];
        own->column += added->first;
        if (guard_evaluation(own->kind) != 0)
            st = add_twin(pass, own);
    }
    return st;
}

/* Stable: columns of one branch keep their order. */
static void sort_columns(struct tap_pass *pass)
{
    const uint32_t n_layers = pass->ex->model->hp.n_layers;
    uint32_t n = 0;
    for (uint32_t layer = 0; layer <= n_layers && n < pass->n_columns; layer++) {
        for (uint32_t i = 0; i < pass->n_columns; i++) {
            if (pass->columns[i].start_layer != layer)
                continue;
            pass->place[i] = n;
            pass->source[n] = i;
            pass->sorted[n++] = pass->columns[i];
        }
    }
    for (uint32_t i = 0; i < pass->n_hooks; i++)
        pass->hooks[i].column = pass->place[pass->hooks[i].column];
    for (uint32_t i = 0; i < pass->n_guards; i++)
        pass->guards[i].column = pass->place[pass->guards[i].column];
}

static void watch_sorted(void *user, const struct node *node, uint32_t column, const float *values,
                         uint32_t count)
{
    const struct tap_pass *pass = user;
    pass->watch(pass->watch_user, node, pass->source[column], values, count);
}

static enum status collect(struct tap_pass *pass)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0, guard = 0; i < pass->n_added; i++) {
        const struct added *a = &pass->added[i];
        for (uint32_t j = 0; j < a->n; j++)
            a->out[j] = pass->result[pass->place[a->first + j]];
        for (uint32_t j = 0; j < a->n_guards; j++, guard++)
            memcpy(a->guards[j].verdict, pass->guards[guard].verdict, sizeof(a->guards->verdict));
    }
    for (uint32_t i = 0; i < pass->n_hooks && !st; i++) {
        const struct owner *owner = &pass->owners[i];
        const struct hook *hook = &pass->hooks[i];
        struct hook_data proof = hook->data;
        proof.count = owner->role == ROLE_PROOF ? proof.count : 0;
        /* the executor moves rows that name a group to its first */
        proof.row = owner->role == ROLE_STALE ? fault_of(owner)->data.row : proof.row;
        proof.stray = owner->evaluation == 0 ? proof.stray : 0;
        if (owner->role == ROLE_PROOF || owner->role == ROLE_CHANGED)
            st = tap_note(owner->tap, owner->fault, owner->position, &proof);
        else if (owner->role == ROLE_STALE)
            st = tap_hold(fault_of(owner)->state, owner->position, &proof,
                          pass->words + proof.capture - 1);
    }
    return st;
}

enum status tap_go(struct tap_pass *pass, executor_watch *watch, void *watch_user)
{
    if (pass->n_columns == 0)
        return STATUS_OK;
    sort_columns(pass);
    pass->watch = watch;
    pass->watch_user = watch_user;
    const struct pass full = {.columns = pass->sorted,
                              .n_columns = pass->n_columns,
                              .hooks = pass->hooks,
                              .n_hooks = pass->n_hooks,
                              .words = pass->words,
                              .n_words = pass->n_words,
                              .guards = pass->guards,
                              .n_guards = pass->n_guards,
                              .watch = watch ? watch_sorted : NULL,
                              .watch_user = pass};
    enum status st = executor_pass(pass->ex, &full, pass->result);
    return st ? st : collect(pass);
}
