/* SPDX-License-Identifier: MIT */
/* A running template: values, scopes, and what the run may still cost. */
#ifndef VKFI_MODEL_TEMPLATE_IMPL_H
#define VKFI_MODEL_TEMPLATE_IMPL_H

#include "model/template_node.h"

struct template
{
    const struct template_node *body;
};

enum template_type {
    TEMPLATE_IS_UNDEFINED, /* text: its name */
    TEMPLATE_IS_NONE,
    TEMPLATE_IS_BOOL,      /* number */
    TEMPLATE_IS_INT,       /* number */
    TEMPLATE_IS_TEXT,      /* text */
    TEMPLATE_IS_LIST,      /* list */
    TEMPLATE_IS_TUPLE,     /* list */
    TEMPLATE_IS_RANGE,     /* list */
    TEMPLATE_IS_GENERATOR, /* list, whose elements are gone once read */
    TEMPLATE_IS_DICT,      /* dict */
    TEMPLATE_IS_NAMESPACE, /* dict */
    TEMPLATE_IS_LOOP,      /* loop */
    TEMPLATE_IS_MACRO,     /* macro */
    TEMPLATE_IS_METHOD,    /* method */
    TEMPLATE_IS_FUNCTION,  /* text: its name */
    TEMPLATE_IS_COUNT
};

struct template_value {
    enum template_type type;
    union {
        int64_t number;
        struct template_text text;
        struct template_list *list;
        struct template_dict *dict;
        const struct template_loop *loop;
        const struct template_macro *macro;
        const struct template_method *method;
    };
};

struct template_list {
    struct template_value *item; /* (count) */
    size_t count, at;            /* at: the next of a generator */
};

struct template_pair {
    struct template_value key, value;
};

struct template_dict {
    struct template_pair *pair; /* (count of room), in order of insertion */
    size_t count, room;
};

struct template_loop {
    const struct template_list *over;
    size_t index; /* from 0 */
};

struct template_method {
    struct template_value self;
    struct template_text name;
};

struct template_binding {
    struct template_binding *next;
    struct template_text name;
    struct template_value value;
};

struct template_scope {
    struct template_scope *outer; /* null: the outermost */
    struct template_binding *first;
};

struct template_macro {
    const struct template_node *node;
    struct template_scope *scope; /* where it was defined */
};

enum template_jump { TEMPLATE_GOES_ON, TEMPLATE_BREAKS, TEMPLATE_CONTINUES };

struct template_run {
    struct arena *arena;
    struct text *out; /* of the block that is being run */
    struct template_problem *problem;
    uint32_t line; /* of the node that is being run */
    uint32_t depth, steps;
    size_t bytes;
    enum template_jump jump;
    bool strict; /* undefined values may be tested, but not printed or iterated */
};

#define TEMPLATE_MAX_ARGUMENTS 8
#define TEMPLATE_MAX_NESTING 600 /* nodes and macros being run inside each other */

/* Arguments as given. */
struct template_arguments {
    struct template_value value[TEMPLATE_MAX_ARGUMENTS]; /* (count) */
    struct template_text name[TEMPLATE_MAX_ARGUMENTS];   /* size 0: positional */
    size_t count;
};

/* Parameters of one filter, test, function or method; arg[i]: null if not given. */
#define TEMPLATE_BUILTIN                                                                           \
    struct template_run *run, const struct template_value *self,                                   \
        const struct template_value *const *arg, struct template_value *out

struct template_builtin {
    const char *name;
    const char *parameter[4]; /* null after the last; "=x": by name only */
    enum status (*call)(TEMPLATE_BUILTIN);
};

struct template_builtins {
    const char *what; /* "filter" */
    const struct template_builtin *entry;
    size_t count;
};

extern const struct template_builtins template_filters, template_tests, template_functions,
    template_text_methods, template_dict_methods, template_list_methods, template_loop_methods;

/* template_parse.c */
enum status template_parse_source(struct template **out, struct arena *arena,
                                  struct template_text source, enum template_space space,
                                  struct template_problem *problem) STATUS_MUST_USE;

/* template_run.c */
/* Sets a name of this scope only, as in Jinja. */
enum status template_run_bind(struct template_run *run, struct template_scope *scope,
                              struct template_text name,
                              const struct template_value *value) STATUS_MUST_USE;
enum status template_run_body(struct template_run *run, struct template_scope *scope,
                              const struct template_node *body) STATUS_MUST_USE;
/* Runs `body` into a text of its own. */
enum status template_run_captured(struct template_run *run, struct template_scope *scope,
                                  const struct template_node *body,
                                  struct template_value *out) STATUS_MUST_USE;

/* template_eval.c */
enum status template_eval(struct template_run *run, struct template_scope *scope,
                          const struct template_node *node,
                          struct template_value *out) STATUS_MUST_USE;

/* template_call.c */
enum status template_call(struct template_run *run, const struct template_value *callee,
                          const struct template_arguments *arguments,
                          struct template_value *out) STATUS_MUST_USE;
const struct template_builtin *template_call_find(const struct template_builtins *table,
                                                  struct template_text name);
struct template_callee {
    const struct template_builtins *table;
    struct template_text name;
    const struct template_value *self;
};
enum status template_call_builtin(struct template_run *run, const struct template_callee *callee,
                                  const struct template_arguments *arguments,
                                  struct template_value *out) STATUS_MUST_USE;
enum status template_call_test(struct template_run *run, struct template_text name,
                               const struct template_value *self,
                               const struct template_value *argument, bool *out) STATUS_MUST_USE;

/* template_value.c: STATUS_INPUT with the reason where Python raises an error. */
__attribute__((format(printf, 2, 3))) enum status template_value_fail(struct template_run *run,
                                                                      const char *fmt, ...);
enum status template_value_step(struct template_run *run, size_t n) STATUS_MUST_USE;
void *template_value_memory(struct template_run *run, size_t bytes); /* null: see _no_memory */
enum status template_value_no_memory(struct template_run *run);
struct template_value template_value_bool(bool is);
struct template_value template_value_int(int64_t number);
struct template_value template_value_word(const char *text); /* text must stay */
struct template_value template_value_undefined(struct template_text name);
/* STATUS_INPUT: names the undefined value. */
enum status template_value_unknown(struct template_run *run,
                                   const struct template_value *value) STATUS_MUST_USE;
enum status template_value_text(struct template_run *run, const char *bytes, size_t size,
                                struct template_value *out) STATUS_MUST_USE; /* a copy */
enum status template_value_list(struct template_run *run, enum template_type type, size_t count,
                                struct template_value *out) STATUS_MUST_USE; /* all undefined */
enum status template_value_dict(struct template_run *run, enum template_type type,
                                struct template_value *out) STATUS_MUST_USE;
enum status template_value_put(struct template_run *run, struct template_dict *dict,
                               const struct template_value *key,
                               const struct template_value *value) STATUS_MUST_USE;
enum status template_value_get(struct template_run *run, const struct template_dict *dict,
                               const struct template_value *key,
                               const struct template_value **out) STATUS_MUST_USE; /* null: none */
const char *template_value_type(const struct template_value *value);               /* in words */
bool template_value_is_true(const struct template_value *value);
enum status template_value_equal(struct template_run *run, const struct template_value *a,
                                 const struct template_value *b, bool *out) STATUS_MUST_USE;
/* "<" and the like: -1, 0, 1. */
enum status template_value_order(struct template_run *run, const struct template_value *a,
                                 const struct template_value *b, int *out) STATUS_MUST_USE;
enum status template_value_in(struct template_run *run, const struct template_value *part,
                              const struct template_value *whole, bool *out) STATUS_MUST_USE;
/* What a loop goes over: elements, keys, characters; empties a generator. */
enum status template_value_elements(struct template_run *run, const struct template_value *value,
                                    struct template_list *out) STATUS_MUST_USE;
enum status template_value_length(struct template_run *run, const struct template_value *value,
                                  size_t *out) STATUS_MUST_USE;
/* template_item.c: value.name, and value[key]. */
enum status template_item_attribute(struct template_run *run, const struct template_value *value,
                                    struct template_text name,
                                    struct template_value *out) STATUS_MUST_USE;
enum status template_item_get(struct template_run *run, const struct template_value *value,
                              const struct template_value *key,
                              struct template_value *out) STATUS_MUST_USE;

/* template_print.c */
enum status template_print(struct template_run *run, struct text *out,
                           const struct template_value *value) STATUS_MUST_USE; /* str() */
enum status template_print_text(struct template_run *run, const struct template_value *value,
                                struct template_value *out) STATUS_MUST_USE; /* str(), as a value */
/* json.dumps without escapes of characters beyond ASCII; indent < 0: on one line. */
enum status template_print_json(struct template_run *run, struct text *out,
                                const struct template_value *value, int indent) STATUS_MUST_USE;

enum status template_sequences_join(TEMPLATE_BUILTIN);
enum status template_sequences_first(TEMPLATE_BUILTIN);
enum status template_sequences_last(TEMPLATE_BUILTIN);
enum status template_sequences_list(TEMPLATE_BUILTIN);
enum status template_sequences_reverse(TEMPLATE_BUILTIN);
enum status template_sequences_items(TEMPLATE_BUILTIN);
enum status template_sequences_dictsort(TEMPLATE_BUILTIN);
enum status template_sequences_map(TEMPLATE_BUILTIN);
enum status template_sequences_select(TEMPLATE_BUILTIN);
enum status template_sequences_reject(TEMPLATE_BUILTIN);
enum status template_sequences_selectattr(TEMPLATE_BUILTIN);
enum status template_sequences_rejectattr(TEMPLATE_BUILTIN);

#endif
