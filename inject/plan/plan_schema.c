/* SPDX-License-Identifier: MIT */
/* The tables of a plan's fields as a JSON Schema, and as text for the manual. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "inject/plan/plan_field.h"

/* Tables of words that choices and forms refer to. */
static const struct {
    const char *name;
    enum kinds_table words;
} WORDS_OF[] = {
    {"place", KINDS_PLACE},     {"point", KINDS_POINT},       {"granularity", KINDS_GRANULARITY},
    {"readers", KINDS_READERS}, {"field", KINDS_FIELD},       {"kind", KINDS_KIND},
    {"stage", KINDS_STAGE},     {"duration", KINDS_DURATION}, {"dimension", KINDS_DIMENSION}};

/* Forms that others refer to. */
static const struct {
    const char *name, *form;
} FORMS[] = {
    {"weight", "{'type': 'number', 'exclusiveMinimum': 0, 'maximum': 1000000000, 'description': "
               "'Multiplies what the population gives.'}"},
    {"bits", "{'oneOf': [{'type': 'integer', 'minimum': 0, 'maximum': 4294967295}, {'type': "
             "'string', 'pattern': '^0x[0-9a-fA-F]{1,8}$'}]}"},
    {"globs", "{'oneOf': [{'type': 'string', 'minLength': 1}, {'type': 'array', 'minItems': 1, "
              "'uniqueItems': true, 'items': {'type': 'string', 'minLength': 1}}]}"}};

static void put_words(struct json_writer *w, enum kinds_table words)
{
    json_put_key(w, "enum");
    json_array_open(w);
    for (uint32_t i = 0; i < kinds_count(words); i++) {
        if (kinds_text(words, i)[0])
            json_put_text(w, kinds_text(words, i));
    }
    json_array_close(w);
}

static void put_integer(struct json_writer *w, struct json_span span)
{
    json_member_text(w, "type", "integer");
    json_member_int(w, "minimum", span.min);
    json_member_int(w, "maximum", span.max);
}

static void put_number(struct json_writer *w, struct json_range range)
{
    json_member_text(w, "type", "number");
    json_member_number(w, range.open_min ? "exclusiveMinimum" : "minimum", range.min);
    json_member_number(w, range.open_max ? "exclusiveMaximum" : "maximum", range.max);
}

/* One of the words, a list of them, or an object of weights. */
static enum status put_choices(struct json_writer *w, enum kinds_table words)
{
    char ref[64], text[512];
    const char *name = "";
    for (size_t i = 0; i < sizeof(WORDS_OF) / sizeof(*WORDS_OF); i++)
        name = WORDS_OF[i].words == words ? WORDS_OF[i].name : name;
    snprintf(ref, sizeof(ref), "{'$ref': '#/$defs/%s'}", name);
    snprintf(text, sizeof(text),
             "[%s, {'type': 'array', 'minItems': 1, 'uniqueItems': true, 'items': %s}, "
             "{'type': 'object', 'minProperties': 1, 'propertyNames': %s, "
             "'additionalProperties': {'$ref': '#/$defs/weight'}}]",
             ref, ref, ref);
    return json_put_terse(w, "oneOf", text);
}

static void put_pair(struct json_writer *w, struct json_span span)
{
    json_member_text(w, "type", "array");
    json_member_int(w, "minItems", 2);
    json_member_int(w, "maxItems", 2);
    json_put_key(w, "items");
    json_object_open(w);
    put_integer(w, span);
    json_object_close(w);
}

static enum status put_object(struct json_writer *w, const struct plan_fields *fields);

static enum status put_form(struct json_writer *w, const struct plan_field *f)
{
    if (f->form)
        return json_put_terse(w, NULL, f->form);
    switch (f->type) {
    case PLAN_FIELD_GROUP:
        return put_object(w, f->members);
    case PLAN_FIELD_TEXT:
        json_member_text(w, "type", "string");
        if (f->need)
            json_member_int(w, "minLength", 1);
        break;
    case PLAN_FIELD_WORD:
        put_words(w, f->words);
        break;
    case PLAN_FIELD_U32:
    case PLAN_FIELD_U64:
    case PLAN_FIELD_MIB:
        put_integer(w, f->span);
        break;
    case PLAN_FIELD_NUMBER:
        put_number(w, f->range);
        break;
    case PLAN_FIELD_FLOAT:
        put_number(w, (struct json_range)PLAN_FINITE);
        break;
    case PLAN_FIELD_BITS:
        json_member_text(w, "$ref", "#/$defs/bits");
        break;
    case PLAN_FIELD_CHOICES:
        return put_choices(w, f->words);
    case PLAN_FIELD_PAIR:
        put_pair(w, f->span);
        break;
    case PLAN_FIELD_GLOBS:
        json_member_text(w, "$ref", "#/$defs/globs");
        break;
    case PLAN_FIELD_OTHER:
        break;
    }
    return STATUS_OK;
}

static enum status put_field(struct json_writer *w, const struct plan_field *f)
{
    json_put_key(w, f->key);
    json_object_open(w);
    enum status st = put_form(w, f);
    json_member_text(w, "description", f->what);
    if (!st && f->fallback)
        st = json_put_terse(w, "default", f->fallback);
    if (!st)
        st = json_put_terse(w, "examples", f->examples);
    json_object_close(w);
    return st;
}

static enum status put_object(struct json_writer *w, const struct plan_fields *fields)
{
    enum status st = STATUS_OK;
    bool any = false;
    json_member_text(w, "type", "object");
    json_member_bool(w, "additionalProperties", false);
    json_put_key(w, "properties");
    json_object_open(w);
    for (size_t i = 0; !st && i < fields->count; i++) {
        any = any || fields->field[i].need;
        if (fields->field[i].what)
            st = put_field(w, &fields->field[i]);
    }
    json_object_close(w);
    if (!any)
        return st;
    json_put_key(w, "required");
    json_array_open(w);
    for (size_t i = 0; i < fields->count; i++) {
        if (fields->field[i].need)
            json_put_text(w, fields->field[i].key);
    }
    json_array_close(w);
    return st;
}

static enum status put_definitions(struct json_writer *w)
{
    const struct {
        const char *name;
        const struct plan_fields *fields;
    } lists[] = {{"prompt_set", &plan_fields_prompts},
                 {"task_items", &plan_fields_items},
                 {"task_item", &plan_fields_question},
                 {"hypothesis", &plan_fields_hypothesis},
                 {"arm", &plan_fields_arm}};
    enum status st = STATUS_OK;
    json_put_key(w, "$defs");
    json_object_open(w);
    for (size_t i = 0; i < sizeof(WORDS_OF) / sizeof(*WORDS_OF); i++) {
        json_put_key(w, WORDS_OF[i].name);
        json_object_open(w);
        put_words(w, WORDS_OF[i].words);
        json_object_close(w);
    }
    for (size_t i = 0; !st && i < sizeof(FORMS) / sizeof(*FORMS); i++)
        st = json_put_terse(w, FORMS[i].name, FORMS[i].form);
    for (size_t i = 0; !st && i < sizeof(lists) / sizeof(*lists); i++) {
        json_put_key(w, lists[i].name);
        json_object_open(w);
        st = put_object(w, lists[i].fields);
        json_object_close(w);
    }
    json_object_close(w);
    return st;
}

enum status plan_schema_put(struct json_writer *w)
{
    json_object_open(w);
    json_member_text(w, "$schema", "https://json-schema.org/draft/2020-12/schema");
    json_member_text(w, "$id", "urn:vkfi:plan");
    json_member_text(w, "title", "Plan of a vkfi campaign");
    json_member_text(
        w, "description",
        "`vkfi plan schema` prints it. It says what each field may be by itself; fields that only "
        "make sense together, contrasts, prompt files and what a model has are checked by `vkfi "
        "plan check` and `vkfi plan show`.");
    enum status st = put_object(w, &plan_fields_root);
    st = st ? st
            : json_put_terse(w, "anyOf", "[{'required': ['prompts']}, {'required': ['items']}]");
    if (!st)
        st = put_definitions(w);
    json_object_close(w);
    return st;
}

/* "where.layers: First and last layer ...", one paragraph per field. */
static enum status add_fields(struct text *out, const struct plan_fields *fields, const char *path)
{
    enum status st = STATUS_OK;
    for (size_t i = 0; !st && i < fields->count; i++) {
        const struct plan_field *f = &fields->field[i];
        char key[64];
        if (!f->what)
            continue;
        snprintf(key, sizeof(key), "%s%s", path, f->key);
        const char *fallback = f->type == PLAN_FIELD_GROUP ? NULL : f->fallback;
        st = text_addf(out, "%s: %s%s%s%s\n\n", key, f->what, fallback ? " Default " : "",
                       fallback ? fallback : "", fallback ? "." : "");
        if (st || f->type != PLAN_FIELD_GROUP)
            continue;
        snprintf(key, sizeof(key), "%s%s.", path, f->key);
        st = add_fields(out, f->members, key);
    }
    return st;
}

enum status plan_schema_text(struct text *out)
{
    enum status st = add_fields(out, &plan_fields_root, "");
    if (!st)
        st = add_fields(out, &plan_fields_prompts, "prompts[].");
    if (!st)
        st = add_fields(out, &plan_fields_items, "items.");
    if (!st)
        st = add_fields(out, &plan_fields_question, "items.list[].");
    if (!st)
        st = add_fields(out, &plan_fields_hypothesis, "hypotheses[].");
    return st ? st : add_fields(out, &plan_fields_arm, "arms[].");
}
