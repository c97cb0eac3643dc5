/* SPDX-License-Identifier: MIT */
/* Arms of a plan: policies of protections under which its trials run again. */
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "inject/plan/plan_field.h"
#include "mitigations/policy.h"

#define NAME_MOST 32
#define OF(member) offsetof(struct plan_arm, member)

static const struct plan_field ARM[] = {
    {"name", NULL, PLAN_FIELD_TEXT, .at = OF(name),
     .form = "{'type': 'string', 'pattern': '^(?!none$)[A-Za-z0-9_.+-]{1,32}$'}",
     .need = "1 to 32 letters, digits or _ . + -, and not 'none'", .examples = "['trap']",
     .what = "Names the arm in rows and tables. Must be given."},
    {"policy", .form = "{'oneOf': [{'type': 'string', 'minLength': 1}, {'type': 'object'}]}",
     .need = "a policy", .examples = "[{'protect': [{'kind': 'nan_trap'}]}, 'nan_trap']",
     .what =
         "A policy of protections, the name of a built-in one, or the path of its file beside the "
         "plan. Its content is part of the plan's identity. Must be given."},
    {"calibration", .form = "{'type': 'string', 'pattern': '^[0-9a-f]{64}$'}",
     .examples = "['0000000000000000000000000000000000000000000000000000000000000000']",
     .what =
         "SHA-256 of the calibration file that the policy names: another file is refused. Plans "
         "inside a database have it, so that only trials need the file. That of the file "
         "by default."}};
PLAN_FIELDS(plan_fields_arm, "an object with 'name' and 'policy'", ARM, false);

/* Names are values of rows and words of tables. */
static enum status check_name(const struct plan_reader *r, const struct json *at,
                              const struct plan_arm *arm)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-";
    const size_t n = strlen(arm->name);
    if (n > NAME_MOST || strspn(arm->name, allowed) < n || strcmp(arm->name, PLAN_ARM_NONE) == 0) {
        log_error("%s: found '%s', expected %s", json_where(r->doc, json_get(at, "name")),
                  arm->name, ARM[0].need);
        return STATUS_INPUT;
    }
    for (uint32_t i = 0; i < r->plan->n_arms; i++) {
        if (strcmp(r->plan->arm[i].name, arm->name) == 0) {
            log_error("%s: found the arm '%s' again, expected each name once",
                      json_where(r->doc, json_get(at, "name")), arm->name);
            return STATUS_INPUT;
        }
    }
    return STATUS_OK;
}

/* The path of a policy or calibration is relative to the file that gives it. */
static enum status read_policy(const struct plan_reader *r, const struct json *value,
                               struct plan_arm *out)
{
    struct policy policy;
    char place[PLAN_PLACE_ROOM];
    const char *given = json_text(value);
    const char *path = given && !policy_builtin(given) ? plan_path(r, given) : given;
    enum status st = given && !path ? STATUS_MEMORY : STATUS_OK;
    if (given)
        plan_set_place(place, r, value);
    if (!st)
        st = given ? policy_load(&policy, r->arena, path)
                   : policy_read(&policy, r->arena, r->doc, value);
    log_set_place(NULL);
    if (!st && policy.calibration[0])
        out->calibration = given ? policy.calibration : plan_path(r, policy.calibration);
    if (!st && !out->calibration)
        st = STATUS_MEMORY;
    return st ? st : policy_line(&out->policy, r->arena, &policy);
}

/* The file that is there must be the one that the plan names by its hash. */
static enum status check_calibration(const struct plan_reader *r, const struct json *at,
                                     struct plan_arm *arm)
{
    const struct json *given = json_get(at, "calibration");
    char place[PLAN_PLACE_ROOM];
    const char *hash = "";
    struct file_map map = {0};
    enum status st = given ? json_fields_text_of(r->doc, given, &hash) : STATUS_OK;
    if (st || (!given && !arm->calibration[0]))
        return st;
    if (given &&
        (strlen(hash) != HASH_SHA256_TEXT - 1 ||
         strspn(hash, "0123456789abcdef") != HASH_SHA256_TEXT - 1 || !arm->calibration[0])) {
        log_error("%s: found '%s', expected 64 hex digits, the SHA-256 of the calibration file of "
                  "a policy that names one",
                  json_where(r->doc, given), hash);
        return STATUS_INPUT;
    }
    memcpy(arm->calibrated, hash, strlen(hash) + 1);
    if (given && access(arm->calibration, R_OK) != 0)
        return STATUS_OK;
    plan_set_place(place, r, given ? given : json_get(at, "policy"));
    st = file_map_init(&map, arm->calibration);
    log_set_place(NULL);
    if (st)
        return st;
    hash_sha256(map.data, map.size, arm->calibrated);
    file_map_finish(&map);
    if (!given || strcmp(hash, arm->calibrated) == 0)
        return STATUS_OK;
    log_error("%s: %s has the SHA-256 %s, expected %s: the campaign's calibration was another file",
              json_where(r->doc, given), arm->calibration, arm->calibrated, hash);
    return STATUS_INPUT;
}

enum status plan_arms_read(const struct plan_reader *r, const struct json *value)
{
    const size_t count = json_count(value);
    enum status st = STATUS_OK;
    if (json_type(value) != JSON_ARRAY || count == 0 || count > PLAN_ARMS_MOST) {
        log_error("%s: found %s, expected a list of 1 to %u arms such as {\"name\": \"trap\", "
                  "\"policy\": \"trap.json\"}",
                  json_where(r->doc, value), json_fields_found(value).text, PLAN_ARMS_MOST);
        return STATUS_INPUT;
    }
    r->plan->arm = arena_array(r->arena, count, sizeof(*r->plan->arm));
    if (!r->plan->arm)
        return STATUS_MEMORY;
    for (size_t i = 0; !st && i < count; i++) {
        const struct json *at = json_at(value, i);
        struct plan_arm arm = {.calibration = ""};
        st = plan_field_read(r, at, &plan_fields_arm, &arm);
        if (!st)
            st = check_name(r, at, &arm);
        if (!st)
            st = read_policy(r, json_get(at, "policy"), &arm);
        if (!st)
            st = check_calibration(r, at, &arm);
        if (!st)
            r->plan->arm[r->plan->n_arms++] = arm;
    }
    return st;
}

/* `path`: whether it says where the calibration is. */
static void put_arm(struct json_writer *w, const struct plan_arm *arm, bool path)
{
    struct json_doc *doc = NULL;
    json_object_open(w);
    json_member_text(w, "name", arm->name);
    json_member_object(w, "policy");
    json_take(w, json_parse(&doc, arm->policy, strlen(arm->policy), arm->name));
    for (size_t i = 0; doc && i < json_count(json_root(doc)); i++) {
        const struct json *member = json_at(json_root(doc), i);
        json_member_value(w, json_key(member), member);
    }
    if (path && arm->calibration[0])
        json_member_text(w, "calibration", arm->calibration);
    json_object_close(w);
    if (arm->calibrated[0])
        json_member_text(w, "calibration", arm->calibrated);
    json_object_close(w);
    json_destroy(&doc);
}

static void put_arms(struct json_writer *w, const struct plan *plan, bool path)
{
    json_array_open(w);
    for (uint32_t i = 0; i < plan->n_arms; i++)
        put_arm(w, &plan->arm[i], path);
    json_array_close(w);
}

void plan_arms_inline(struct json_writer *w, const struct plan *plan)
{
    put_arms(w, plan, true);
}

/* Plans without arms keep the identity from before there were any. */
enum status plan_arms_put(struct json_writer *w, const struct plan *plan)
{
    if (plan->n_arms == 0)
        return STATUS_OK;
    json_put_key(w, "arms");
    put_arms(w, plan, false);
    return STATUS_OK;
}
