/* SPDX-License-Identifier: MIT */
/* Rules and defaults of a plan that span several fields. */
#include "base/log.h"
#include "inject/plan/plan_contrast.h"
#include "inject/plan/plan_read.h"

#define OTHER_PLACE (1u << PLACE_OP | 1u << PLACE_CONTROL)
#define STORED_PLACE (1u << PLACE_WEIGHT | 1u << PLACE_KV | 1u << PLACE_TABLE)

static uint32_t set_of(const struct plan_choices *choices)
{
    uint32_t set = 0;
    for (uint32_t i = 0; i < choices->count; i++)
        set |= 1u << choices->choice[i].value;
    return set;
}

/* Kinds of the plan that take any of these. */
static uint32_t kinds_that_take(const struct plan *plan, uint32_t any)
{
    uint32_t set = 0;
    for (uint32_t kind = 0; kind < KIND_COUNT; kind++)
        set |= hook_kinds_takes(kind, any) ? 1u << kind : 0;
    return set & set_of(&plan->what.kind);
}

static enum status set_default(const struct plan_reader *r, struct plan_choices *choices,
                               uint32_t value)
{
    if (choices->count > 0)
        return STATUS_OK;
    struct plan_choice *one = arena_array(r->arena, 1, sizeof(*one));
    if (!one)
        return STATUS_MEMORY;
    *one = (struct plan_choice){value, 1};
    *choices = (struct plan_choices){one, 1};
    return STATUS_OK;
}

/* Defaults: op, out, element, flip, any; memory: weight and persistent. */
static enum status set_defaults(const struct plan_reader *r)
{
    struct plan *plan = r->plan;
    struct plan_where *where = &plan->where;
    enum status st =
        set_default(r, &where->place, plan->population == PLAN_BITS ? PLACE_WEIGHT : PLACE_OP);
    const uint32_t places = set_of(&where->place);
    if (!st)
        st = set_default(r, &where->point, places & 1u << PLACE_OP ? HOOK_OUT : HOOK_MEM);
    if (!st)
        st = set_default(r, &where->granularity, GRANULARITY_ELEMENT);
    if (!st)
        st = set_default(r, &plan->what.kind, KIND_FLIP);
    if (!st)
        st = set_default(r, &plan->when.stage, STAGE_ANY);
    if (!st)
        st = set_default(r, &plan->when.scrub, 0);
    if (!st && plan->when.duration.count == 0 && places & STORED_PLACE && places & OTHER_PLACE) {
        struct plan_choice *two = arena_array(r->arena, 2, sizeof(*two));
        if (!two)
            return STATUS_MEMORY;
        two[0] = (struct plan_choice){DURATION_TRANSIENT, 1};
        two[1] = (struct plan_choice){DURATION_PERSISTENT, 1};
        plan->when.duration = (struct plan_choices){two, 2};
    }
    return st ? st
              : set_default(r, &plan->when.duration,
                            places & STORED_PLACE ? DURATION_PERSISTENT : DURATION_TRANSIENT);
}

/* Reports `key` of `object` in `part`; the part itself if the key is absent. */
static enum status wrong(const struct plan_reader *r, const struct json *part, const char *key,
                         const char *what)
{
    const struct json *value = json_get(part, key);
    log_error("%s: %s", json_where(r->doc, value ? value : part ? part : json_root(r->doc)), what);
    return STATUS_INPUT;
}

static enum status check_readers(const struct plan_reader *r, const struct json *where)
{
    const uint32_t of_weight = 1u << READERS_COLUMN | 1u << READERS_CHUNK | 1u << READERS_STAGE;
    const uint32_t of_operand = 1u << READERS_ROW | 1u << READERS_TILE | 1u << READERS_ALL;
    const uint32_t points = set_of(&r->plan->where.point);
    const uint32_t readers = set_of(&r->plan->where.readers);
    const bool op = set_of(&r->plan->where.place) & 1u << PLACE_OP;
    const bool weight = points & 1u << HOOK_WEIGHT, operand = points & 1u << HOOK_OPERAND;
    if (json_get(where, "readers") && (!op || !(weight || operand)))
        return wrong(r, where, "readers",
                     "found 'readers', expected it with the points weight or operand");
    if (readers && weight && !(readers & of_weight))
        return wrong(r, where, "readers", "expected column, chunk or stage for the point weight");
    if (readers && operand && !(readers & of_operand))
        return wrong(r, where, "readers", "expected row, tile or all for the point operand");
    if ((readers & of_weight && !weight) || (readers & of_operand && !operand))
        return wrong(r, where, "readers",
                     "found readers of a point that is not struck: column, chunk, stage belong to "
                     "weight; row, tile, all to operand");
    return STATUS_OK;
}

static enum status check_where(const struct plan_reader *r, const struct json *where)
{
    const struct plan *plan = r->plan;
    const uint32_t places = set_of(&plan->where.place), points = set_of(&plan->where.point);
    const bool op = places & 1u << PLACE_OP;
    if (json_get(json_root(r->doc), "point_weight") && plan->population != PLAN_OPS)
        return wrong(r, json_root(r->doc), "point_weight",
                     "found 'point_weight', expected it with population ops: the others count "
                     "faults or bits");
    if (plan->population == PLAN_BITS && places & OTHER_PLACE)
        return wrong(r, where, "place",
                     "population bits counts stored bits; expected weight, kv or table");
    if (plan->population == PLAN_OPS && places & STORED_PLACE)
        return wrong(r, where, "place",
                     "population ops counts evaluations; expected op or control (stored bits: "
                     "population bits; both: equal)");
    if (json_get(where, "point") && !op)
        return wrong(r, where, "point", "found 'point' without place op: memory has only mem");
    if (check_readers(r, where) != STATUS_OK)
        return STATUS_INPUT;
    if (json_get(where, "field") && !(places & 1u << PLACE_WEIGHT) &&
        !(op && points & 1u << HOOK_WEIGHT))
        return wrong(r, where, "field",
                     "found 'field', expected it with stored weights or the point weight");
    if (places & 1u << PLACE_CONTROL &&
        !(set_of(&plan->where.granularity) & 1u << GRANULARITY_ELEMENT))
        return wrong(r, where, "granularity", "expected element: control integers have no other");
    return STATUS_OK;
}

/* Each parameter is given exactly if one of the kinds takes it. */
static enum status check_what(const struct plan_reader *r, const struct json *what)
{
    static const struct {
        const char *key, *missing, *idle;
        uint32_t kinds;
    } parameters[] = {
        {"value", "'value' is missing; kind set takes it", "found 'value' without kind set",
         1u << KIND_SET},
        {"factor", "'factor' is missing; kind scale takes it", "found 'factor' without kind scale",
         1u << KIND_SCALE},
        {"term", "'term' is missing; kind add takes it", "found 'term' without kind add",
         1u << KIND_ADD},
        {"low", "'low' is missing; kind clamp takes it", "found 'low' without kind clamp",
         1u << KIND_CLAMP},
        {"high", "'high' is missing; kind clamp takes it", "found 'high' without kind clamp",
         1u << KIND_CLAMP},
    };
    const struct plan *plan = r->plan;
    const uint32_t kinds = set_of(&plan->what.kind), places = set_of(&plan->where.place);
    for (size_t i = 0; i < sizeof(parameters) / sizeof(*parameters); i++) {
        const bool given = json_get(what, parameters[i].key) != NULL;
        if (given != ((kinds & parameters[i].kinds) != 0))
            return wrong(r, what, parameters[i].key,
                         given ? parameters[i].idle : parameters[i].missing);
    }
    if (!kinds_that_take(plan, KIND_TAKES_MASK) &&
        (json_get(what, "bits") || json_get(what, "pattern")))
        return wrong(r, what, json_get(what, "bits") ? "bits" : "pattern",
                     "found a mask without a kind that takes one: flip, stuck_at_0, stuck_at_1, "
                     "random, mix");
    if ((plan->what.only_value & ~plan->what.only_mask) != 0)
        return wrong(r, json_get(what, "only"), "value",
                     "found bits outside of 'mask', expected a value that the masked bits can "
                     "have");
    if (plan->what.low > plan->what.high)
        return wrong(r, what, "low", "found a 'low' above 'high'");
    if (kinds_that_take(plan, KIND_TAKES_OTHER) && places == 1u << PLACE_CONTROL)
        return wrong(r, what, "kind",
                     "control integers have no other element: expected kinds "
                     "other than wrong_read and wrong_write");
    return STATUS_OK;
}

static enum status check_when(const struct plan_reader *r, const struct json *when)
{
    const struct plan *plan = r->plan;
    const uint32_t places = set_of(&plan->where.place);
    const uint32_t durations = set_of(&plan->when.duration), stages = set_of(&plan->when.stage);
    const uint32_t stored = 1u << DURATION_PERSISTENT;
    if (stages & 1u << STAGE_ANY && plan->when.stage.count > 1)
        return wrong(r, when, "stage", "found 'any' beside others, which it includes");
    if (json_get(when, "stage") && json_get(when, "steps"))
        return wrong(r, when, "steps", "expected 'stage' or 'steps', not both");
    if (json_get(when, "rate") ? !(durations & 1u << DURATION_INTERMITTENT)
                               : (durations & 1u << DURATION_INTERMITTENT) != 0)
        return wrong(r, when, "rate",
                     "expected 'rate' with the duration intermittent, and only with it");
    if (json_get(when, "scrub") && !(durations & stored))
        return wrong(r, when, "scrub", "found 'scrub' without the duration persistent");
    if (places & STORED_PLACE && !(durations & stored))
        return wrong(r, when, "duration",
                     "expected persistent: stored bits stay as they are until "
                     "scrubbed");
    if (places & OTHER_PLACE && !(durations & ~stored))
        return wrong(r, when, "duration",
                     "expected transient, intermittent or permanent for what is evaluated");
    if ((durations & stored && !(places & STORED_PLACE)) ||
        (durations & ~stored && !(places & OTHER_PLACE)))
        return wrong(r, when, "duration",
                     "found a duration of none of the places: persistent belongs to memory, the "
                     "others to evaluations");
    return STATUS_OK;
}

bool plan_shares_sites(const struct plan *plan)
{
    const struct plan_where *where = &plan->where;
    return plan->population == PLAN_OPS && set_of(&where->place) & 1u << PLACE_OP &&
           (where->point.count > 1 ||
            (set_of(&where->point) & 1u << HOOK_WEIGHT && where->field.count != 1));
}

static bool has_strata(const struct plan *plan, enum plan_dimension dimension)
{
    for (uint32_t i = 0; i < plan->n_strata; i++) {
        if (plan->strata[i] == dimension)
            return true;
    }
    return false;
}

/* Groups of sites are for strata, and such strata need groups. */
static enum status check_groups(const struct plan_reader *r, const struct json *root)
{
    const bool strata = has_strata(r->plan, PLAN_BY_SITE_GROUP), groups = r->plan->n_groups > 0;
    if (strata && !groups)
        return wrong(r, root, "strata",
                     "found strata by site_group without 'groups', which names them");
    if (groups && !strata)
        return wrong(r, root, "groups",
                     "found 'groups' without strata by site_group, which they are for");
    return STATUS_OK;
}

static bool equal_weights(const struct plan_choices *choices)
{
    for (uint32_t i = 1; i < choices->count; i++) {
        if (choices->choice[i].weight != choices->choice[0].weight)
            return false;
    }
    return true;
}

static enum status check_census(const struct plan_reader *r, const struct json *root)
{
    const struct plan *plan = r->plan;
    const struct plan_choices *all[] = {
        &plan->where.place,   &plan->where.point,   &plan->where.granularity,
        &plan->where.readers, &plan->where.field,   &plan->what.kind,
        &plan->when.stage,    &plan->when.duration, &plan->when.scrub};
    bool even = true;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        even = even && equal_weights(all[i]);
    for (uint32_t i = 1; i < plan->where.n_sites; i++)
        even = even && plan->where.site[i].weight == plan->where.site[0].weight;
    if (!even)
        return wrong(r, root, "population",
                     "found a census with unequal weights: it strikes each "
                     "fault once");
    if (plan->faults_per_trial != 1)
        return wrong(r, root, "faults_per_trial", "a census strikes each fault alone; expected 1");
    if (plan->item_weight != PLAN_ITEMS_EQUAL)
        return wrong(r, root, "item_weight", "a census has no weights; expected equal");
    return STATUS_OK;
}

static enum status check_design(const struct plan_reader *r, const struct json *root)
{
    const struct plan *plan = r->plan;
    const struct json *when = json_get(root, "when");
    const uint32_t places = set_of(&plan->where.place);
    if (plan->design == PLAN_FAULT_MAJOR) {
        if (places & ~(1u << PLACE_WEIGHT | 1u << PLACE_TABLE))
            return wrong(r, root, "design",
                         "fault_major strikes one stored fault before each "
                         "item; expected place weight or table");
        if (json_get(when, "stage") || json_get(when, "steps") || json_get(when, "scrub"))
            return wrong(r, when, json_get(when, "scrub") ? "scrub" : "stage",
                         "fault_major strikes before the first position; expected no stage, steps "
                         "or scrub");
    }
    for (uint32_t i = 0; plan->design != PLAN_NESTED && i < plan->n_strata; i++) {
        if (plan->strata[i] == PLAN_BY_ITEM || plan->strata[i] == PLAN_BY_GROUP)
            return wrong(r, root, "strata",
                         "strata by item or group need the design nested: "
                         "crossed faults meet all items");
    }
    const double controls =
        plan->control_dry + plan->control_sentinel + plan->control_naive + plan->control_cpu;
    if (controls > 0.5)
        return wrong(r, root, "controls", "found more than half of the trials");
    return plan->population == PLAN_CENSUS ? check_census(r, root) : STATUS_OK;
}

/* Waves extend a campaign, but not one of all faults or with looks at a fixed size. */
static enum status check_waves(const struct plan_reader *r, const struct json *sampling)
{
    const struct plan *plan = r->plan;
    const bool looked = plan->stop == PLAN_STOP_TIME_UNIFORM || plan->stop == PLAN_STOP_SPENDING;
    if (plan->n_waves == 0 || (plan->population != PLAN_CENSUS && !looked))
        return STATUS_OK;
    if (plan->population == PLAN_CENSUS)
        log_error("%s: found waves with population census, which strikes each fault once; expected "
                  "none",
                  json_where(r->doc, json_get(sampling, "waves")));
    else
        log_error("%s: found waves with the rule %s, whose looks are fixed for one size; expected "
                  "rule fixed or waves",
                  json_where(r->doc, json_get(sampling, "waves")),
                  kinds_text(KINDS_STOP, plan->stop));
    return STATUS_INPUT;
}

/* Exactly one goal, whose key is its kind. */
static enum status check_goal(const struct plan_reader *r, const struct json *sampling)
{
    struct plan *plan = r->plan;
    const bool census = plan->population == PLAN_CENSUS;
    int given = 0;
    if (!sampling && !census)
        return wrong(r, NULL, "sampling",
                     "'sampling' is missing; expected an object such as {\"trials\": 6000}");
    for (uint32_t g = 0; g < PLAN_GOAL_COUNT; g++) {
        if (json_get(sampling, kinds_text(KINDS_GOAL, g))) {
            plan->goal = (enum plan_goal)g;
            given++;
        }
    }
    if (census && given > 0)
        return wrong(r, sampling, kinds_text(KINDS_GOAL, plan->goal),
                     "found a goal with population census, which strikes each fault once; expected "
                     "none");
    if (!census && given != 1)
        return wrong(r, sampling, "",
                     "expected exactly one of 'trials', 'half_width', 'relative_half_width', "
                     "'upper_bound'");
    if (!json_get(sampling, "expected_rate") &&
        (plan->goal == PLAN_GOAL_RELATIVE || plan->goal == PLAN_GOAL_UPPER_BOUND))
        return wrong(r, sampling, "",
                     "'expected_rate' is missing; a relative width or a bound needs the rate of a "
                     "pilot");
    if (plan->goal == PLAN_GOAL_UPPER_BOUND && !(plan->expected_rate < plan->goal_value)) {
        log_error("%s: found an expected rate of %g, expected one below the bound of %g",
                  json_where(r->doc, json_get(sampling, "expected_rate")), plan->expected_rate,
                  plan->goal_value);
        return STATUS_INPUT;
    }
    if (json_get(sampling, "allocation") &&
        (plan->goal != PLAN_GOAL_TRIALS || plan->population == PLAN_EQUAL || census))
        return wrong(r, sampling, "allocation",
                     "found 'allocation', expected it with 'trials' and population ops or bits");
    return check_waves(r, sampling);
}

/* A question that the gate would refuse at the first look is refused before the campaign. */
static enum status check_stop(const struct plan_reader *r, const struct json *stop)
{
    const struct plan *plan = r->plan;
    const struct json *gate = json_get(stop, "gate");
    const bool spending = plan->stop == PLAN_STOP_SPENDING;
    if (spending != (json_get(stop, "looks") != NULL) || (!spending && json_get(stop, "spending")))
        return wrong(r, stop, "",
                     "expected 'looks' with the rule spending, and neither them nor 'spending' "
                     "with another");
    if ((plan->stop == PLAN_STOP_FIXED || plan->stop == PLAN_STOP_WAVES) && gate) {
        log_error("%s: found 'gate' with the rule %s, which looks at all trials of a wave alone; "
                  "expected time_uniform or spending",
                  json_where(r->doc, gate), kinds_text(KINDS_STOP, plan->stop));
        return STATUS_INPUT;
    }
    if (!plan_stops_itself(plan))
        return STATUS_OK;
    if (plan->gate.of == PLAN_GATE_CRITICAL && !plan_scores(plan))
        return wrong(r, gate, "of", "critical SDC needs scores, which 'prompts' do not have");
    if (plan->gate.given == PLAN_GATE_GOLDEN_RIGHT && !plan_scores(plan))
        return wrong(r, gate, "given",
                     "right golden answers need scores, which 'prompts' do not "
                     "have");
    if (plan->stop == PLAN_STOP_TIME_UNIFORM &&
        (plan->design != PLAN_NESTED || plan->item_weight != PLAN_ITEMS_EQUAL))
        return wrong(r, stop, "rule",
                     "time_uniform takes whole items as observations: expected design nested and "
                     "item_weight equal");
    if (plan->population == PLAN_EQUAL && plan->n_strata > 0 && !plan->gate.stratum)
        return wrong(r, stop, "gate",
                     "population equal has no total over strata; expected 'stratum'");
    return STATUS_OK;
}

/* Hypotheses, and a confirmation, which has none. */
static enum status check_questions(const struct plan_reader *r, const struct json *root)
{
    const struct plan *plan = r->plan;
    for (uint32_t i = 0; i < plan->n_hypotheses; i++) {
        const struct json *given = json_at(json_get(root, "hypotheses"), i);
        if ((plan->hypothesis[i].relation == PLAN_EQUIVALENT) !=
            (json_get(given, "margin") != NULL))
            return wrong(r, given, "", "expected 'margin' with the relation '~', and only with it");
    }
    if (plan->confirm.n_strata > 0 && plan->population == PLAN_CENSUS)
        return wrong(r, root, "confirm",
                     "found 'confirm' with population census, which has struck each fault; "
                     "expected a sample");
    if (plan->confirm.n_strata > 0 && plan->n_hypotheses > 0)
        return wrong(r, root, "confirm",
                     "found 'confirm' with hypotheses, expected none: its strata were chosen by "
                     "their estimates");
    return STATUS_OK;
}

/* Samples of an item: what makes them differ, and whether their number right means something. */
static enum status check_samples(const struct plan_reader *r, const struct json *items)
{
    const struct plan *plan = r->plan;
    if (!(plan->temperature > 0))
        return wrong(r, items, "samples",
                     "found several samples without a temperature, at which they are all alike; "
                     "expected decoding.temp above 0");
    for (uint32_t i = 0; i < plan->n_items; i++) {
        const struct plan_question *q = plan->item[i].question;
        if (!q || (q->kind != TASK_CHOICES && !task_metric_is_corpus(q->metric)))
            continue;
        log_error("%s: found several samples of task '%s', expected tasks of generation or code "
                  "whose answers are right or wrong",
                  json_where(r->doc, json_get(items, "samples")), q->task);
        return STATUS_INPUT;
    }
    if (plan->filter == PLAN_FILTER_GOLDEN_RIGHT)
        return wrong(r, items, "filter",
                     "golden_right leaves samples out, of which pass@k needs all: expected the "
                     "filter all");
    if (plan->stop == PLAN_STOP_TIME_UNIFORM)
        return wrong(r, items, "samples",
                     "time_uniform takes items as independent, which samples of one are not: "
                     "expected one sample, or another rule");
    return STATUS_OK;
}

static enum status check_items(const struct plan_reader *r, const struct json *root)
{
    const struct plan *plan = r->plan;
    if (plan->n_items == 0)
        return wrong(r, root, "",
                     "expected 'prompts', {\"texts\": [...]}, {\"file\": \"prompts.txt\"} or "
                     "{\"ids\": [[...]]}, or 'items' of tasks");
    if (plan->filter == PLAN_FILTER_GOLDEN_RIGHT && plan->design != PLAN_NESTED)
        return wrong(r, json_get(root, "items"), "filter",
                     "golden_right leaves items out: expected the design nested");
    return plan->samples > 1 ? check_samples(r, json_get(root, "items")) : STATUS_OK;
}

enum status plan_check(const struct plan_reader *r, const struct json *root)
{
    enum status st = set_defaults(r);
    if (!st)
        st = check_items(r, root);
    if (!st)
        st = check_where(r, json_get(root, "where"));
    if (!st)
        st = check_what(r, json_get(root, "what"));
    if (!st)
        st = check_when(r, json_get(root, "when"));
    if (!st)
        st = check_groups(r, root);
    if (!st)
        st = check_design(r, root);
    if (!st)
        st = check_goal(r, json_get(root, "sampling"));
    if (!st)
        st = check_stop(r, json_get(root, "stop"));
    return st ? st : check_questions(r, root);
}
