/* SPDX-License-Identifier: MIT */
/* A plan as one text that needs no other file: as given, with its prompts inline. */
#include <string.h>

#include "inject/plan/plan_read.h"

static void put_item(struct json_writer *w, const struct plan_item *item)
{
    json_object_open(w);
    json_put_key(w, item->ids ? "ids" : "texts");
    json_array_open(w);
    if (item->ids) {
        json_array_open(w);
        for (uint32_t i = 0; i < item->n_ids; i++)
            json_put_int(w, item->ids[i]);
        json_array_close(w);
    } else {
        json_put_text(w, item->prompt);
    }
    json_array_close(w);
    if (item->chat) {
        json_put_key(w, "chat");
        if (item->template)
            json_put_text(w, item->template);
        else
            json_put_bool(w, true);
    }
    json_member_int(w, "n", item->n);
    if (item->group[0])
        json_member_text(w, "group", item->group);
    json_object_close(w);
}

static void put_prompts(struct json_writer *w, const struct plan *plan)
{
    json_array_open(w);
    for (uint32_t i = 0; i < plan->n_items; i++) {
        if (!plan->item[i].question)
            put_item(w, &plan->item[i]);
    }
    json_array_close(w);
}

static void put_plan(struct json_writer *w, const struct plan *plan, const struct json *root)
{
    json_object_open(w);
    for (size_t i = 0; i < json_count(root); i++) {
        const struct json *member = json_at(root, i);
        json_put_key(w, json_key(member));
        if (strcmp(json_key(member), "items") == 0)
            plan_items_inline(w, plan);
        else if (strcmp(json_key(member), "prompts") == 0)
            put_prompts(w, plan);
        else if (strcmp(json_key(member), "arms") == 0)
            plan_arms_inline(w, plan);
        else
            json_put_value(w, member);
    }
    json_object_close(w);
}

enum status plan_inline(struct plan *plan, struct arena *arena, const struct json *root)
{
    struct json_memory m;
    json_begin_memory(&m, true);
    put_plan(&m.w, plan, root);
    const enum status st = json_end_memory(&m, arena);
    plan->text = m.text;
    return st;
}
