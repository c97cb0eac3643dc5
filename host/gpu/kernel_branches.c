/* SPDX-License-Identifier: MIT */
/* Branches on constants and unreachable blocks, for drivers that transform code before they drop
 * it: the copies that ANV makes for the phis behind an idle hook outlive the hook. */
#include "gpu/kernel_branches.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum truth { NOT_CONSTANT, TRUE, FALSE };

/* What is known of an id. */
struct id {
    enum truth truth;   /* of a constant */
    size_t merge, last; /* of a block: its merge instruction, 0: none; its last instruction */
    bool live;          /* a block that is run */
    bool shell;         /* a block that only a merge instruction names: it stays, empty */
    bool gone;          /* what a block defined that is no longer there */
};

struct prune {
    struct spirv module;
    uint32_t *copy; /* owned; the module as it came */
    struct id *ids;
    uint32_t *stack; /* blocks to visit; each enters once */
    size_t depth;
    uint32_t *words; /* what is written */
    size_t count;
};

static bool is_last(SpvOp op)
{
    return (op >= SpvOpBranch && op <= SpvOpUnreachable) || op == SpvOpTerminateInvocation;
}

/* The constant that a block's branch depends on; NOT_CONSTANT for other ends. */
static enum truth condition(const struct prune *p, uint32_t block)
{
    const uint32_t *last = p->copy + p->ids[block].last;
    return (last[0] & SpvOpCodeMask) == SpvOpBranchConditional ? p->ids[last[1]].truth
                                                               : NOT_CONSTANT;
}

/* The i-th block that this one goes to, 0: there are no more. */
static uint32_t target(const struct prune *p, uint32_t block, uint32_t i)
{
    const uint32_t *last = p->copy + p->ids[block].last;
    const uint32_t n = last[0] >> SpvWordCountShift;
    const enum truth truth = condition(p, block);
    switch (last[0] & SpvOpCodeMask) {
    case SpvOpBranch:
        return i == 0 ? last[1] : 0;
    case SpvOpBranchConditional:
        if (truth != NOT_CONSTANT)
            return i == 0 ? last[truth == TRUE ? 2 : 3] : 0;
        return i < 2 ? last[2 + i] : 0;
    case SpvOpSwitch: /* selector, default, then a literal of one word and a block each */
        return 2 + 2 * i < n ? last[2 + 2 * i] : 0;
    default:
        return 0;
    }
}

static bool goes_to(const struct prune *p, uint32_t block, uint32_t to)
{
    uint32_t found;
    for (uint32_t i = 0; (found = target(p, block, i)) != 0; i++) {
        if (found == to)
            return true;
    }
    return false;
}

static void reach(struct prune *p, uint32_t block)
{
    if (p->ids[block].live)
        return;
    p->ids[block].live = true;
    p->stack[p->depth++] = block;
}

/* Constants, and where each block ends; the first block of each function is run. */
static void scan(struct prune *p)
{
    uint32_t block = 0;
    bool entry = false;
    for (struct spirv_ins ins = {0}; spirv_next(&p->module, &ins);) {
        if (ins.op == SpvOpConstantTrue || ins.op == SpvOpConstantFalse) {
            p->ids[spirv_result(&ins)].truth = ins.op == SpvOpConstantTrue ? TRUE : FALSE;
        } else if (ins.op == SpvOpFunction) {
            entry = true;
        } else if (ins.op == SpvOpLabel) {
            block = ins.words[1];
            if (entry)
                reach(p, block);
            entry = false;
        } else if (ins.op == SpvOpSelectionMerge || ins.op == SpvOpLoopMerge) {
            p->ids[block].merge = ins.at;
        } else if (is_last(ins.op)) {
            p->ids[block].last = ins.at;
        }
    }
}

/* Marks what is run, and the merge blocks that have to stay though nothing goes there. False where
 * that is a continue target. */
static bool mark(struct prune *p)
{
    uint32_t to;
    while (p->depth > 0) {
        const uint32_t block = p->stack[--p->depth];
        for (uint32_t i = 0; (to = target(p, block, i)) != 0; i++)
            reach(p, to);
    }
    for (uint32_t block = 1; block < p->module.bound; block++) {
        const struct id *id = &p->ids[block];
        const uint32_t *merge = p->copy + id->merge;
        if (!id->live || id->merge == 0)
            continue;
        const bool loop = (merge[0] & SpvOpCodeMask) == SpvOpLoopMerge;
        if (loop && !p->ids[merge[2]].live)
            return false;
        if (loop || condition(p, block) == NOT_CONSTANT)
            p->ids[merge[1]].shell = !p->ids[merge[1]].live;
    }
    return true;
}

/* Marks what the removed blocks defined. */
static void forget(struct prune *p)
{
    const struct id *block = NULL;
    for (struct spirv_ins ins = {0}; spirv_next(&p->module, &ins);) {
        const uint32_t result = spirv_result(&ins);
        if (ins.op == SpvOpLabel)
            block = &p->ids[result];
        else if (ins.op == SpvOpFunctionEnd)
            block = NULL;
        if (block && result && !block->live)
            p->ids[result].gone = ins.op != SpvOpLabel || !block->shell;
    }
}

static void put(struct prune *p, SpvOp op, const uint32_t *operands, uint32_t n)
{
    p->words[p->count++] = (n + 1) << SpvWordCountShift | (uint32_t)op;
    memcpy(p->words + p->count, operands, n * sizeof(*operands));
    p->count += n;
}

/* The values that still come in; one alone is a copy. */
static void put_phi(struct prune *p, const struct spirv_ins *ins, uint32_t block)
{
    const size_t at = p->count;
    put(p, SpvOpPhi, ins->words + 1, 2);
    for (uint32_t i = 3; i + 1 < ins->count; i += 2) {
        const uint32_t from = ins->words[i + 1];
        if (!p->ids[from].live || !goes_to(p, from, block))
            continue;
        memcpy(p->words + p->count, ins->words + i, 2 * sizeof(*p->words));
        p->count += 2;
    }
    if (p->count - at == 5) {
        p->words[at] = SpvOpCopyObject;
        p->count--;
    }
    p->words[at] = (uint32_t)(p->count - at) << SpvWordCountShift | (p->words[at] & SpvOpCodeMask);
}

/* One instruction of a block that is run. */
static void put_live(struct prune *p, const struct spirv_ins *ins, uint32_t block)
{
    const enum truth truth = condition(p, block);
    if (ins->op == SpvOpPhi)
        put_phi(p, ins, block);
    else if (ins->op == SpvOpBranchConditional && truth != NOT_CONSTANT)
        put(p, SpvOpBranch, &ins->words[truth == TRUE ? 2 : 3], 1);
    else if (ins->op != SpvOpSelectionMerge || truth == NOT_CONSTANT)
        put(p, ins->op, ins->words + 1, ins->count - 1);
}

static bool names_gone(const struct prune *p, const struct spirv_ins *ins)
{
    switch (ins->op) {
    case SpvOpName:
    case SpvOpDecorate:
    case SpvOpDecorateId:
    case SpvOpDecorateString:
        return p->ids[ins->words[1]].gone;
    default:
        return false;
    }
}

static void write_all(struct prune *p)
{
    uint32_t block = 0;
    p->count = SPIRV_HEADER_WORDS;
    for (struct spirv_ins ins = {0}; spirv_next(&p->module, &ins);) {
        if (ins.op == SpvOpLabel)
            block = ins.words[1];
        else if (ins.op == SpvOpFunctionEnd)
            block = 0;
        if (block == 0 || (ins.op == SpvOpLabel && p->ids[block].shell)) {
            if (!names_gone(p, &ins))
                put(p, ins.op, ins.words + 1, ins.count - 1);
        } else if (p->ids[block].live) {
            put_live(p, &ins, block);
        } else if (p->ids[block].shell && is_last(ins.op)) {
            put(p, SpvOpUnreachable, NULL, 0);
        }
    }
}

enum status kernel_branches(uint32_t *words, size_t *count, const char *name)
{
    struct prune p = {.words = words, .count = *count, .copy = malloc(*count * sizeof(*words))};
    enum status st = STATUS_MEMORY;
    if (!p.copy)
        goto fail;
    memcpy(p.copy, words, *count * sizeof(*words));
    if ((st = spirv_init(&p.module, p.copy, *count, name)) != STATUS_OK)
        goto fail;
    p.ids = calloc(p.module.bound, sizeof(*p.ids));
    p.stack = calloc(p.module.bound, sizeof(*p.stack));
    if (!p.ids || !p.stack) {
        st = STATUS_MEMORY;
        goto fail;
    }
    scan(&p);
    if (mark(&p)) {
        forget(&p);
        write_all(&p);
    }
    *count = p.count;
fail:
    if (st == STATUS_MEMORY)
        log_error("%s: no memory for a module of %zu words", name, *count);
    free(p.stack);
    free(p.ids);
    free(p.copy);
    return st;
}
