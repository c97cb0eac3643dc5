/* SPDX-License-Identifier: MIT */
/* The protections' tables of parameters as a JSON Schema. */
#include "mitigations/policy.h"

static void put_form(struct json_writer *w, const struct protection_param *param)
{
    switch (param->type) {
    case PROTECTION_U32:
        json_member_text(w, "type", "integer");
        json_member_int(w, "minimum", (int64_t)param->min);
        json_member_int(w, "maximum", (int64_t)param->max);
        break;
    case PROTECTION_NUMBER:
        json_member_text(w, "type", "number");
        json_member_number(w, "minimum", param->min);
        json_member_number(w, "maximum", param->max);
        break;
    case PROTECTION_WORD:
        json_member_array(w, "enum");
        for (size_t i = 0; i < param->words.count; i++)
            json_put_text(w, param->words.text[i]);
        json_array_close(w);
        break;
    default:
        json_take(w, json_put_terse(w, "oneOf",
                                    "[{'type': 'string', 'minLength': 1}, {'type': 'array', "
                                    "'items': {'type': 'string', 'minLength': 1}}]"));
    }
}

static void put_param(struct json_writer *w, const struct protection_param *param)
{
    json_member_object(w, param->name);
    put_form(w, param);
    json_member_text(w, "description", param->what);
    json_take(w, json_put_terse(w, "default", param->fallback));
    json_object_close(w);
}

static void put_protection(struct json_writer *w, const struct protection *p)
{
    json_object_open(w);
    json_member_text(w, "title", p->name);
    json_member_text(w, "description", p->what);
    json_member_text(w, "type", "object");
    json_take(w, json_put_terse(w, "required", "['kind']"));
    json_member_bool(w, "additionalProperties", false);
    json_member_object(w, "properties");
    json_member_object(w, "kind");
    json_member_text(w, "const", p->name);
    json_object_close(w);
    for (size_t i = 0; i < p->n_params; i++)
        put_param(w, &p->param[i]);
    json_object_close(w);
    json_object_close(w);
}

void policy_schema(struct json_writer *w)
{
    size_t n;
    const struct protection *const *all = protections(&n);
    json_object_open(w);
    json_member_text(w, "$schema", "https://json-schema.org/draft/2020-12/schema");
    json_member_text(w, "title", "vkfi policy");
    json_member_text(w, "description", "Which protections guard a run, with which parameters.");
    json_member_text(w, "type", "object");
    json_take(w, json_put_terse(w, "required", "['protect']"));
    json_member_bool(w, "additionalProperties", false);
    json_member_object(w, "properties");
    json_take(w,
              json_put_terse(w, "title", "{'type': 'string', 'description': 'A note, not used.'}"));
    json_take(w, json_put_terse(w, "calibration",
                                "{'type': 'string', 'description': 'File of vkfi protect "
                                "calibrate, beside the policy.'}"));
    json_take(w, json_put_terse(
                     w, "profile",
                     "{'type': 'array', 'items': {'type': 'string', 'minLength': 1}, "
                     "'description': 'Items that the policy was chosen on, as vkfi protect plan "
                     "names them: a campaign that strikes one of them is refused.'}"));
    json_take(w, json_put_terse(w, "most_redone",
                                "{'type': 'integer', 'minimum': 1, 'maximum': 1000000, 'default': "
                                "4096, 'description': 'Columns of a run computed again at most; "
                                "what would need more stands as it is.'}"));
    json_member_object(w, "protect");
    json_member_text(w, "type", "array");
    json_member_int(w, "minItems", 1);
    json_member_int(w, "maxItems", POLICY_MOST);
    json_member_text(w, "description", "The protections, each once.");
    json_member_object(w, "items");
    json_member_array(w, "oneOf");
    for (size_t i = 0; i < n; i++)
        put_protection(w, all[i]);
    json_array_close(w);
    json_object_close(w);
    json_object_close(w);
    json_object_close(w);
    json_object_close(w);
}
