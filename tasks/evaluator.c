/* SPDX-License-Identifier: MIT */
/* Formulas for muparser: an expression in pieces within its limit of length. */
#include "tasks/evaluator.h"

#include <inttypes.h>
#include <math.h>
#include <muParserDLL.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "tasks/special.h"

#define PIECE_BYTES 2000 /* a longer text becomes a piece; muparser takes 20,000 bytes */
#define SHARED_BYTES                                                                               \
    200 /* the same for one that several nodes hold, so that all texts stay linear in nodes */

struct evaluator {
    double variable[EXPR_VARIABLES];
    muParserHandle_t *piece; /* owned; each sees the values of earlier ones */
    double *value;           /* of the pieces */
    uint32_t n_pieces, room;
};

/* The text of each node, made once. */
struct evaluator_build {
    struct evaluator *evaluator;
    const struct expr_pool *pool;
    struct arena arena;
    const char **text; /* by id */
    uint32_t *holders; /* by id: nodes that hold it */
};

static void evaluator_count(struct evaluator_build *b, const struct expr *e)
{
    if (b->holders[e->id]++ > 0)
        return;
    for (uint32_t i = 0; i < EXPR_ARGUMENTS && e->arg[i]; i++)
        evaluator_count(b, e->arg[i]);
}

static void evaluator_define(struct evaluator *e, muParserHandle_t h)
{
    mupDefineFun1(h, "gamma", tgamma, 0);
    mupDefineFun1(h, "erf", erf, 0);
    mupDefineFun1(h, "erfi", special_erfi, 0);
    mupDefineFun1(h, "ei", special_ei, 0);
    mupDefineFun1(h, "si", special_si, 0);
    mupDefineFun1(h, "ci", special_ci, 0);
    mupDefineFun2(h, "polylog", special_polylog, 0);
    mupDefineFun2(h, "gammaupper", special_unknown2, 0);
    mupDefineFun2(h, "ellipticf", special_unknown2, 0);
    mupDefineFun2(h, "elliptice", special_unknown2, 0);
    mupDefineFun3(h, "ellipticpi", special_unknown3, 0);
    mupDefineFun1(h, "fresnels", special_unknown1, 0);
    mupDefineFun1(h, "fresnelc", special_unknown1, 0);
    for (uint32_t i = 0; i < EXPR_VARIABLES; i++) {
        char name[16];
        snprintf(name, sizeof(name), "v%" PRIu32, i);
        mupDefineVar(h, name, &e->variable[i]);
    }
}

/* Adds a piece; its index, or UINT32_MAX if out of memory. */
static uint32_t evaluator_add(struct evaluator *e, const char *text)
{
    muParserHandle_t h = e->n_pieces < e->room ? mupCreate(muBASETYPE_FLOAT) : NULL;

    if (!h)
        return UINT32_MAX;
    evaluator_define(e, h);
    /* Defines only the pieces that the text names: all would cost quadratic time. */
    for (const char *at = strchr(text, 't'); at; at = strchr(at + 1, 't')) {
        char name[16];
        const uint32_t i = (uint32_t)strtoul(at + 1, NULL, 10);
        if (at[1] < '0' || at[1] > '9' || i >= e->n_pieces)
            continue;
        snprintf(name, sizeof(name), "t%" PRIu32, i);
        mupDefineVar(h, name, &e->value[i]);
    }
    mupSetExpr(h, text);
    e->piece[e->n_pieces] = h;
    return e->n_pieces++;
}

static const char *evaluator_text(struct evaluator_build *b, const struct expr *e);

static const char *evaluator_write(struct evaluator_build *b, const struct expr *e)
{
    static const char *const operators[] = {
        [EXPR_ADD] = "+", [EXPR_MULTIPLY] = "*", [EXPR_DIVIDE] = "/", [EXPR_POWER] = "^"};
    const char *part[EXPR_ARGUMENTS] = {NULL};

    for (uint32_t i = 0; i < EXPR_ARGUMENTS && e->arg[i]; i++) {
        part[i] = evaluator_text(b, e->arg[i]);
        if (!part[i])
            return NULL;
    }
    switch (e->op) {
    case EXPR_NUMBER:
        return arena_printf(&b->arena, e->number < 0 ? "(%.17g)" : "%.17g", e->number);
    case EXPR_VARIABLE:
        return arena_printf(&b->arena, "v%" PRIu32, e->variable);
    case EXPR_NEGATE:
        return arena_printf(&b->arena, "(-%s)", part[0]);
    case EXPR_ADD:
    case EXPR_MULTIPLY:
    case EXPR_DIVIDE:
    case EXPR_POWER:
        return arena_printf(&b->arena, "(%s%s%s)", part[0], operators[e->op], part[1]);
    default:
        break;
    }
    return arena_printf(&b->arena, "%s(%s%s%s%s%s)", expr_function(e->op), part[0],
                        part[1] ? "," : "", part[1] ? part[1] : "", part[2] ? "," : "",
                        part[2] ? part[2] : "");
}

static const char *evaluator_text(struct evaluator_build *b, const struct expr *e)
{
    const char *text = b->text[e->id];

    if (text)
        return text;
    text = evaluator_write(b, e);
    const size_t most = b->holders[e->id] > 1 ? SHARED_BYTES : PIECE_BYTES;
    if (text && strlen(text) > most) {
        const uint32_t piece = evaluator_add(b->evaluator, text);
        text = piece == UINT32_MAX ? NULL : arena_printf(&b->arena, "t%" PRIu32, piece);
    }
    b->text[e->id] = text;
    return text;
}

enum status evaluator_create(struct evaluator **out, struct expr_pool *pool, const struct expr *e)
{
    struct evaluator *made = calloc(1, sizeof(*made));
    struct evaluator_build build = {.evaluator = made, .pool = pool};
    const char *text = NULL;

    *out = made;
    if (made) {
        made->room = pool->count + 1;
        made->piece = calloc(made->room, sizeof(made->piece[0]));
        made->value = calloc(made->room, sizeof(made->value[0]));
        build.text = arena_array(&build.arena, pool->count, sizeof(build.text[0]));
        build.holders = arena_array(&build.arena, pool->count, sizeof(build.holders[0]));
        if (made->piece && made->value && build.text && build.holders) {
            evaluator_count(&build, e);
            text = evaluator_text(&build, e);
        }
    }
    enum status st = STATUS_OK;
    if (!text || evaluator_add(made, text) == UINT32_MAX) {
        log_error("evaluator: out of host memory");
        st = STATUS_MEMORY;
    }
    if (!st) {
        /* The first value makes muparser's byte code, or an error. */
        evaluator_at(made, made->variable);
        for (uint32_t i = 0; i < made->n_pieces && !st; i++) {
            if (mupError(made->piece[i])) {
                log_error("evaluator: %s", mupGetErrorMsg(made->piece[i]));
                st = STATUS_INTERNAL;
            }
        }
    }
    arena_finish(&build.arena);
    if (st)
        evaluator_destroy(out);
    return st;
}

void evaluator_destroy(struct evaluator **evaluator)
{
    struct evaluator *e = *evaluator;

    if (e) {
        for (uint32_t i = 0; i < e->n_pieces; i++)
            mupRelease(e->piece[i]);
        free(e->piece);
        free(e->value);
        free(e);
        *evaluator = NULL;
    }
}

double evaluator_at(struct evaluator *evaluator, const double value[EXPR_VARIABLES])
{
    memmove(evaluator->variable, value, sizeof(evaluator->variable));
    for (uint32_t i = 0; i < evaluator->n_pieces; i++)
        evaluator->value[i] = mupEval(evaluator->piece[i]);
    return evaluator->value[evaluator->n_pieces - 1];
}
