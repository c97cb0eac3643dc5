/* SPDX-License-Identifier: MIT */
/* The sizes of types in workgroup memory, and of its variables. */
#include "gpu/kernel_shared.h"

#include <stdlib.h>

#include "base/log.h"

/* What is known of an id; 0: nothing. */
struct fact {
    uint64_t bytes;   /* of a type */
    uint64_t pointee; /* of a pointer to workgroup memory, of what it points to */
    uint32_t value;   /* of a constant of 32 bits */
};

struct walk {
    const struct spirv *module;
    struct fact *facts; /* (bound) that of id 0 stays empty */
    struct spirv_ins ins;
};

/* A word of the instruction, 0 if it is shorter. */
static uint32_t word(const struct walk *w, uint32_t i)
{
    return i < w->ins.count ? w->ins.words[i] : 0;
}

/* What is known of the id in a word. */
static struct fact *fact(const struct walk *w, uint32_t i)
{
    return &w->facts[word(w, i) < w->module->bound ? word(w, i) : 0];
}

/* Members side by side: those of shaders here are words, between which no driver leaves room. */
static uint64_t structure(const struct walk *w)
{
    uint64_t bytes = 0;
    for (uint32_t i = 2; i < w->ins.count; i++) {
        if (fact(w, i)->bytes == 0)
            return 0;
        bytes += fact(w, i)->bytes;
    }
    return bytes;
}

static void learn(const struct walk *w)
{
    switch (w->ins.op) {
    case SpvOpTypeInt:
    case SpvOpTypeFloat:
        fact(w, 1)->bytes = word(w, 2) / 8;
        break;
    case SpvOpTypeBool:
        fact(w, 1)->bytes = 4;
        break;
    case SpvOpTypeVector:
        fact(w, 1)->bytes = fact(w, 2)->bytes * word(w, 3);
        break;
    case SpvOpTypeArray:
        fact(w, 1)->bytes = fact(w, 2)->bytes * fact(w, 3)->value;
        break;
    case SpvOpTypeStruct:
        fact(w, 1)->bytes = structure(w);
        break;
    case SpvOpTypePointer:
        fact(w, 1)->pointee = word(w, 2) == SpvStorageClassWorkgroup ? fact(w, 3)->bytes : 0;
        break;
    case SpvOpConstant:
        fact(w, 2)->value = w->ins.count == 4 ? word(w, 3) : 0;
        break;
    default:
        break;
    }
}

enum status kernel_shared(const struct spirv *module, uint64_t *bytes)
{
    struct walk w = {.module = module, .facts = calloc(module->bound, sizeof(*w.facts))};
    enum status st = STATUS_OK;
    *bytes = 0;
    if (!w.facts) {
        log_error("%s: no memory for %u ids", module->name, module->bound);
        return STATUS_MEMORY;
    }
    while (!st && spirv_next(module, &w.ins)) {
        learn(&w);
        if (w.ins.op != SpvOpVariable || word(&w, 3) != SpvStorageClassWorkgroup)
            continue;
        const uint64_t size = fact(&w, 1)->pointee;
        *bytes += size;
        if (size == 0) {
            log_error("%s: found workgroup memory of unknown size (id %u), expected numbers, "
                      "vectors, arrays and structures of them",
                      module->name, word(&w, 2));
            st = STATUS_INTERNAL;
        }
    }
    free(w.facts);
    return st;
}
