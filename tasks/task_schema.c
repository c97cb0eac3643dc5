/* SPDX-License-Identifier: MIT */
/* The table of a definition's fields as a JSON Schema. */
#include <string.h>

#include "tasks/extract.h"
#include "tasks/task_definition.h"

static void put_object(struct json_writer *w, const struct task_fields *fields);

static void put_words(struct json_writer *w, struct json_words words)
{
    json_member_array(w, "enum");
    for (size_t i = 0; i < words.count; i++)
        json_put_text(w, words.text[i]);
    json_array_close(w);
}

/* One value of `put`, or a list of them, each once. */
static void put_one_or_list(struct json_writer *w, const struct task_field *f,
                            void (*put)(struct json_writer *w, struct json_words words))
{
    json_member_array(w, "oneOf");
    json_object_open(w);
    put(w, f->words);
    json_object_close(w);
    json_object_open(w);
    json_member_text(w, "type", "array");
    json_member_int(w, "minItems", f->type == TASK_FIELD_TEMPLATES ? 2 : 1);
    json_member_int(w, "maxItems", (int64_t)f->words.count);
    if (f->type != TASK_FIELD_TEMPLATES)
        json_member_bool(w, "uniqueItems", true);
    json_member_object(w, "items");
    put(w, f->words);
    json_object_close(w);
    json_object_close(w);
    json_array_close(w);
}

static void put_text(struct json_writer *w, struct json_words words)
{
    (void)words;
    json_member_text(w, "type", "string");
}

/* Names of rules, and of rules with an argument. */
static void put_rule(struct json_writer *w, struct json_words words)
{
    struct text pattern = {0};
    size_t count;
    const struct extract_rule *rules = extract_rules(&count);
    (void)words;
    for (size_t i = 0; i < count; i++)
        text_addf(&pattern, "%s%s%s", i ? "|" : "^(", rules[i].name,
                  rules[i].name[strlen(rules[i].name) - 1] == ':' ? "(.|\n)*" : "");
    text_put(&pattern, ")$");
    json_member_text(w, "type", "string");
    json_member_text(w, "pattern", text_of(&pattern));
    json_take(w, pattern.st);
    text_finish(&pattern);
}

static void put_form(struct json_writer *w, const struct task_field *f)
{
    switch (f->type) {
    case TASK_FIELD_WORD:
        put_words(w, f->words);
        break;
    case TASK_FIELD_WORDS:
        put_one_or_list(w, f, put_words);
        break;
    case TASK_FIELD_RULES:
        put_one_or_list(w, f, put_rule);
        break;
    case TASK_FIELD_TEMPLATES:
        put_one_or_list(w, f, put_text);
        break;
    case TASK_FIELD_U32:
        json_member_text(w, "type", "integer");
        json_member_int(w, "minimum", f->span.min);
        json_member_int(w, "maximum", f->span.max);
        break;
    case TASK_FIELD_NUMBER:
        json_member_text(w, "type", "number");
        json_member_int(w, "minimum", 0);
        json_member_int(w, "maximum", 1);
        break;
    case TASK_FIELD_GROUP:
        put_object(w, f->members);
        break;
    case TASK_FIELD_TEXTS:
    case TASK_FIELD_OTHER:
        json_put_terse(w, NULL, f->form);
        break;
    default:
        json_member_text(w, "type", "string");
        break;
    }
}

static void put_field(struct json_writer *w, const struct task_field *f)
{
    json_member_object(w, f->key);
    put_form(w, f);
    json_member_text(w, "description", f->what);
    if (f->fallback)
        json_put_terse(w, "default", f->fallback);
    json_put_terse(w, "examples", f->examples);
    json_object_close(w);
}

static void put_object(struct json_writer *w, const struct task_fields *fields)
{
    json_member_text(w, "type", "object");
    json_member_array(w, "required");
    for (const struct task_field *f = fields->field; f < fields->field + fields->count; f++) {
        if (f->need)
            json_put_text(w, f->key);
    }
    json_array_close(w);
    json_member_object(w, "properties");
    for (const struct task_field *f = fields->field; f < fields->field + fields->count; f++)
        put_field(w, f); /* the writer keeps the first failure */
    json_object_close(w);
    json_member_bool(w, "additionalProperties", false);
}

void task_schema_put(struct json_writer *w)
{
    json_object_open(w);
    json_member_text(w, "$schema", "https://json-schema.org/draft/2020-12/schema");
    json_member_text(w, "$id", "urn:vkfi:task");
    json_member_text(w, "title", "Task of vkfi");
    json_member_text(
        w, "description",
        "`vkfi task schema` prints it. It says what each field may be by itself; what "
        "fields must hold together, and templates, are checked when the task is used.");
    put_object(w, &task_fields_root);
    json_object_close(w);
}
