/* SPDX-License-Identifier: MIT */
/* A parsed template: its tokens, and a tree of statements and expressions. */
#ifndef VKFI_MODEL_TEMPLATE_NODE_H
#define VKFI_MODEL_TEMPLATE_NODE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/template.h"

#define TEMPLATE_MAX_DEPTH 100 /* of brackets, operators and blocks inside each other */

/* Bytes, not null-terminated. */
struct template_text {
    const char *data;
    size_t size;
};

enum template_token_kind {
    TEMPLATE_TOKEN_DATA,  /* text outside of all marks */
    TEMPLATE_TOKEN_PRINT, /* {{ */
    TEMPLATE_TOKEN_PRINT_END,
    TEMPLATE_TOKEN_TAG, /* {% */
    TEMPLATE_TOKEN_TAG_END,
    TEMPLATE_TOKEN_NAME,
    TEMPLATE_TOKEN_STRING, /* escapes resolved */
    TEMPLATE_TOKEN_INT,
    TEMPLATE_TOKEN_OP, /* operators and brackets, as written */
    TEMPLATE_TOKEN_END
};

struct template_token {
    const struct template_token *next; /* null after the last, which is TEMPLATE_TOKEN_END */
    enum template_token_kind kind;
    uint32_t line;
    struct template_text text;
    int64_t number;
};

/* Treatment of white space around blocks and comments, and of a last line feed. */
enum template_space {
    TEMPLATE_SPACE_CHAT, /* jinja2 with trim_blocks and lstrip_blocks, for chat templates */
    TEMPLATE_SPACE_KEPT  /* jinja2 with keep_trailing_newline: all is text */
};

/* All tokens of a template, in `arena`. */
enum status template_lex(const struct template_token **out, struct arena *arena,
                         struct template_text source, enum template_space space,
                         struct template_problem *problem) STATUS_MUST_USE;

/* Fills in `problem`, returns STATUS_INPUT. */
__attribute__((format(printf, 3, 4))) enum status
template_lex_fail(struct template_problem *problem, uint32_t line, const char *fmt, ...);
enum status template_lex_fail_with(struct template_problem *problem, uint32_t line, const char *fmt,
                                   va_list args);

enum template_node_kind {
    /* Expressions. `list`: arguments or elements, chained by `next`. */
    TEMPLATE_NAME,   /* text */
    TEMPLATE_STRING, /* text */
    TEMPLATE_INT,    /* number */
    TEMPLATE_BOOL,   /* number */
    TEMPLATE_NONE,
    TEMPLATE_LIST,    /* list */
    TEMPLATE_TUPLE,   /* list */
    TEMPLATE_DICT,    /* list of TEMPLATE_PAIR */
    TEMPLATE_PAIR,    /* a: b */
    TEMPLATE_ATTR,    /* a.text */
    TEMPLATE_ITEM,    /* a[b] */
    TEMPLATE_SLICE,   /* a[b:c:d], each of b, c, d may be null */
    TEMPLATE_CALL,    /* a(list) */
    TEMPLATE_FILTER,  /* a | text(list) */
    TEMPLATE_TEST,    /* a is text(list); number: 1 if negated */
    TEMPLATE_KEYWORD, /* an argument text=a */
    TEMPLATE_NOT,     /* not a */
    TEMPLATE_SIGN,    /* text a: + or - */
    TEMPLATE_AND,     /* a and b */
    TEMPLATE_OR,      /* a or b */
    TEMPLATE_IF_ELSE, /* b if a else c; c may be null */
    TEMPLATE_BINARY,  /* a text b */
    TEMPLATE_COMPARE, /* a, then list of TEMPLATE_OPERAND */
    TEMPLATE_OPERAND, /* text a: one step of a chain of comparisons */
    TEMPLATE_CONCAT,  /* list, joined as texts */
    /* Statements. `body`: statements, chained by `next`. */
    TEMPLATE_DATA,      /* text */
    TEMPLATE_PRINT,     /* a */
    TEMPLATE_FOR,       /* list: names; a: over what; b: only if (or null); body; other: else */
    TEMPLATE_IF,        /* list of TEMPLATE_BRANCH */
    TEMPLATE_BRANCH,    /* a (null: else), body */
    TEMPLATE_SET,       /* a: TEMPLATE_NAME or TEMPLATE_ATTR of one; b: value */
    TEMPLATE_SET_BLOCK, /* a; body; b: filters around TEMPLATE_NONE, or null */
    TEMPLATE_MACRO,     /* text; list of TEMPLATE_KEYWORD, a: default or null; body */
    TEMPLATE_BLOCK,     /* body */
    TEMPLATE_BREAK,
    TEMPLATE_CONTINUE
};

struct template_node {
    enum template_node_kind kind;
    uint32_t line;
    struct template_text text;
    int64_t number;
    const struct template_node *a, *b, *c, *d;
    const struct template_node *list, *body, *other, *next;
};

/* One walk over the tokens, which keeps its first failure: from then on nothing is at or skipped,
 * nodes are a spare one, and every loop ends. The caller asks for `st` once, at the end. */
struct template_reader {
    struct arena *arena;
    const struct template_token *token; /* not yet taken */
    struct template_problem *problem;
    uint32_t depth, loops;
    enum status st;
    struct template_node spare;
};

bool template_text_is(struct template_text text, const char *word);

/* True if the next token is of that kind and text; `_skip` takes it then. */
bool template_reader_at(const struct template_reader *r, enum template_token_kind kind,
                        const char *text);
bool template_reader_skip(struct template_reader *r, enum template_token_kind kind,
                          const char *text);

/* Takes the next token: fails unless it is of that kind (and text, if not null). Returns its text.
 */
struct template_text template_reader_expect(struct template_reader *r,
                                            enum template_token_kind kind, const char *text);

/* The first failure: at a line; the next token is not the wanted one; memory that is out. */
__attribute__((format(printf, 3, 4))) void
template_reader_fail(struct template_reader *r, uint32_t line, const char *fmt, ...);
void template_reader_unexpected(struct template_reader *r, const char *wanted);
void template_reader_take(struct template_reader *r, enum status st);

/* One level deeper, refused beyond TEMPLATE_MAX_DEPTH; false: nothing may be read. The caller
 * decrements `depth` again in both cases. */
bool template_reader_enter(struct template_reader *r);

/* A new node at the next token's line; `_over`: with `a`. */
struct template_node *template_reader_node(struct template_reader *r, enum template_node_kind kind);
struct template_node *template_reader_over(struct template_reader *r, enum template_node_kind kind,
                                           const struct template_node *a);

/* An expression; `with_if` takes "a if b else c" too. */
const struct template_node *template_expr_parse(struct template_reader *r, bool with_if);
/* The same, or several with commas between them (a tuple). */
const struct template_node *template_expr_tuple(struct template_reader *r, bool with_if);

/* An operand with its sign and what follows it. */
const struct template_node *template_primary_parse(struct template_reader *r, bool with_filter);
/* `inner` with the filters that follow. */
const struct template_node *template_primary_filters(struct template_reader *r,
                                                     const struct template_node *inner);

#endif
