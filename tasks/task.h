/* SPDX-License-Identifier: MIT */
/* A task and its items: what is asked of a model, and what its answers are held against. */
#ifndef VKFI_TASKS_TASK_H
#define VKFI_TASKS_TASK_H

#include <stdint.h>

/* What an item needs of a model. */
enum task_kind {
    TASK_CHOICES,    /* the log-likelihood of each of a few continuations */
    TASK_GENERATION, /* a text, from which an answer is extracted         */
    TASK_CODE        /* a text that is completed to a program and run     */
};

/* Its word in definitions of tasks: "choices", "generation", "code". */
const char *task_kind_name(enum task_kind kind);

/* Texts are UTF-8, ended by zero. */
struct task_choice {
    const char *context; /* null: the item's prompt */
    const char *text;    /* continuation, with the blank before it, if any */
};

struct task_item {
    uint32_t index;     /* in the task's data, from 0 */
    const char *doc_id; /* as the data names it; its index where it has no names */
    const char *group;  /* language, subject, level or pair; "" where the task has none */
    const char *prompt; /* with its examples, if any, not yet in a chat format */

    const struct task_choice *choice; /* (n_choices) TASK_CHOICES */
    uint32_t n_choices, gold;

    const char *target;      /* TASK_GENERATION: the reference answer */
    const char *const *stop; /* (n_stops) texts that end an answer */
    uint32_t n_stops;
    uint32_t max_tokens;

    const char *test;        /* TASK_CODE: what runs after the program */
    const char *entry_point; /* the name that the tests call; null where they name it themselves */
};

#endif
