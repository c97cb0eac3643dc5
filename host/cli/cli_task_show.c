/* SPDX-License-Identifier: MIT */
/* `vkfi task show`: one item as given to a model, with its expected answer. */
#include <stdio.h>

#include "base/log.h"
#include "cli/cli_task.h"

static void print_text(const char *name, const char *text)
{
    if (!text || !text[0])
        return;
    printf("%-12s", name);
    cli_output_quoted(text);
    printf("\n");
}

/* What is shown of a task. */
struct shown {
    const struct task *task;
    const struct task_item *item;
    struct task_count count;
    uint64_t shots;
};

static void print_item(const struct shown *shown)
{
    const struct task *task = shown->task;
    const struct task_item *item = shown->item;
    printf("task        %s: %s\n", task->name, task->title);
    printf("kind        %s, %s\n", task_kind_name(task->kind), task_area_name(task->area));
    printf("licence     %s\n", task->licence[0] ? task->licence : "none stated");
    printf("records     %u", shown->count.records);
    if (shown->count.left_out > 0)
        printf(", of which %u are used and %u left out by the definition",
               shown->count.records - shown->count.left_out, shown->count.left_out);
    printf("\nitem        %u\ndoc_id      %s\n", item->index, item->doc_id);
    if (item->group[0])
        printf("group       %s\n", item->group);
    printf("examples    %u\n", (uint32_t)shown->shots);
    for (uint32_t i = 0; i < item->n_choices; i++) {
        print_text("context", item->choice[i].context);
        printf("choice   %c  ", i == item->gold ? '>' : ' ');
        cli_output_quoted(item->choice[i].text);
        printf("\n");
    }
    for (uint32_t i = 0; i < task->n_extracts; i++)
        printf("extract     %s\n", task->extract[i]);
    for (uint32_t i = 0; i < item->n_stops; i++)
        print_text("stop", item->stop[i]);
    if (item->n_choices == 0)
        printf("tokens      at most %u\n", item->max_tokens);
    for (uint32_t i = 0; i < item->n_turns; i++) {
        print_text("user", item->turn[i].user);
        print_text("assistant", item->turn[i].assistant);
    }
    print_text("instruction", item->instruction);
    print_text("integrand", item->integrand);
    print_text("variable", item->variable);
    print_text("target", item->target);
    print_text("prefix", item->prefix);
    print_text("test", item->test);
    print_text("entry point", item->entry_point);
    printf("prompt\n%s\n", item->prompt);
}

static void put_choices(struct json_writer *w, const struct task_item *item)
{
    json_member_array(w, "choices");
    for (uint32_t i = 0; i < item->n_choices; i++) {
        json_object_open(w);
        if (item->choice[i].context)
            json_member_text(w, "context", item->choice[i].context);
        json_member_text(w, "text", item->choice[i].text);
        json_object_close(w);
    }
    json_array_close(w);
    json_member_int(w, "gold", item->gold);
}

/* Members that do not apply are omitted. */
static void put_item(struct json_writer *w, const struct task_item *item)
{
    const struct {
        const char *key, *text;
    } texts[] = {{"instruction", item->instruction}, {"integrand", item->integrand},
                 {"variable", item->variable},       {"target", item->target},
                 {"prefix", item->prefix},           {"test", item->test},
                 {"entry_point", item->entry_point}};
    json_member_int(w, "item", item->index);
    json_member_text(w, "doc_id", item->doc_id);
    json_member_text(w, "group", item->group);
    json_member_text(w, "prompt", item->prompt);
    task_items_put_turns(w, item);
    if (item->n_choices > 0) {
        put_choices(w, item);
    } else {
        json_member_array(w, "stop");
        for (uint32_t i = 0; i < item->n_stops; i++)
            json_put_text(w, item->stop[i]);
        json_array_close(w);
        json_member_int(w, "max_tokens", item->max_tokens);
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (texts[i].text && texts[i].text[0])
            json_member_text(w, texts[i].key, texts[i].text);
    }
}

static enum status print_json(const struct shown *shown)
{
    struct json_writer w;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    cli_task_put(&w, shown->task);
    json_member_int(&w, "records", shown->count.records);
    json_member_int(&w, "left_out", shown->count.left_out);
    json_member_int(&w, "shots", (int64_t)shown->shots);
    put_item(&w, shown->item);
    json_object_close(&w);
    return json_end(&w);
}

enum status cli_task_show(const struct cli_env *env, const void *options,
                          const struct args_list *operands)
{
    const struct cli_task_options *o = options;
    struct cli_task open;
    struct task_items items = {0};
    struct shown shown = {.task = NULL};
    enum status st = cli_task_open(&open, env, operands->item[0], o);
    open.query.first = (uint32_t)o->item;
    open.query.limit = 1;
    st = st ? st : cli_task_items(&items, &open);
    if (!st && items.count == 0) {
        log_error("task %s: found no item %u%s", open.task->name, open.query.first,
                  open.query.shots > 0 ? " (with examples, the last records are none)" : "");
        st = STATUS_INPUT;
    }
    if (!st)
        st = task_count(&shown.count, open.task, &open.query);
    shown.task = open.task;
    shown.item = items.item;
    shown.shots = open.query.shots;
    if (!st && o->json)
        st = print_json(&shown);
    else if (!st)
        print_item(&shown);
    task_items_finish(&items);
    cli_task_close(&open);
    return st;
}
