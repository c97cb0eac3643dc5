/* SPDX-License-Identifier: MIT */
/* The table of a definition's fields. */
#include "tasks/task_definition.h"

#define AT(member) offsetof(struct task_definition, member)
#define FIELDS(name, text, list)                                                                   \
    const struct task_fields name = {text, list, sizeof(list) / sizeof(*(list))}
#define WORDS(list)                                                                                \
    {                                                                                              \
        list, sizeof(list) / sizeof(*(list))                                                       \
    }
#define TEXT_LIST(most)                                                                            \
    "{'type': 'array', 'minItems': 1, 'maxItems': " #most ", 'uniqueItems': true, 'items': "       \
    "{'type': 'string', 'minLength': 1}}"

static const struct task_field DATA[] = {
    {.key = "format",
     .type = TASK_FIELD_WORD,
     .at = AT(format),
     .words = WORDS(task_formats),
     .what = "jsonl: a JSON object a line; json: a list of objects; csv: RFC 4180; tsv: tabs "
             "between values, no quotes; lines: a value a line, as many lines a record as there "
             "are columns; parallel: a file for each column, lines of the same number make a "
             "record; rubi: {integrand, variable, steps, antiderivative} in Mathematica syntax. "
             "gzip and bzip2 are unpacked. Must be given.",
     .need = "the format of the data",
     .examples = "['jsonl']"},
    {.key = "files",
     .type = TASK_FIELD_OTHER,
     .read = task_field_read_files,
     .what = "Paths from the data folder, or, of parallel lines, objects with a path for each "
             "column. * and ? in the last part of a path stand for all files there are, in order "
             "of their names; of parallel lines each is paired with each, but none with itself. "
             "Must be given.",
     .need = "a list of paths",
     .examples = "[['mgsm/mgsm_*.tsv'], [{'source': 'a.en', 'target': 'a.de'}]]",
     .form = "{'type': 'array', 'minItems': 1, 'maxItems': 1024, 'items': {'oneOf': [{'type': "
             "'string', 'minLength': 1}, {'type': 'object', 'minProperties': 2, 'maxProperties': "
             "32, 'additionalProperties': {'type': 'string', 'minLength': 1}}]}}"},
    {.key = "columns",
     .type = TASK_FIELD_OTHER,
     .read = task_field_read_columns,
     .what = "Names of the columns of csv and tsv, which their first line gives by default, or "
             "of the lines of a record of lines, which must give them.",
     .examples = "[['question', 'answer']]",
     .form = TEXT_LIST(32)},
};
static FIELDS(DATA_FIELDS, "an object with format and files", DATA);

static const char *const POOLS[] = {"data", "group"};
static const struct task_field FEW_SHOT[] = {
    {.key = "shots",
     .type = TASK_FIELD_U32,
     .at = AT(task.shots),
     .span = {0, TASK_SHOTS_MAX},
     .what = "Examples in front of each prompt, unless --shots says otherwise.",
     .fallback = "0",
     .examples = "[5]"},
    {.key = "pool",
     .type = TASK_FIELD_U32,
     .at = AT(pool),
     .span = {1, TASK_SHOTS_MAX},
     .what = "So many records at the end of the data give the examples, in order, and are no items "
             "while there are any. None by default.",
     .examples = "[8]"},
    {.key = "of",
     .type = TASK_FIELD_WORD,
     .at = AT(pool_of_groups),
     .words = WORDS(POOLS),
     .what = "The end of what gives examples: of all data, or of each group for its own items.",
     .fallback = "'data'",
     .examples = "['group']"},
    {.key = "records",
     .type = TASK_FIELD_OTHER,
     .read = task_field_read_records,
     .what = "Records that give the examples instead of the data's. None by default.",
     .examples = "[[{'question': 'How much is 1 + 1?', 'answer': '2'}]]",
     .form = "{'type': 'array', 'minItems': 1, 'maxItems': 64, 'items': {'type': 'object'}}"},
    {.key = "separator",
     .type = TASK_FIELD_TEXT,
     .at = AT(separator),
     .what = "Text between examples, and between the last and the prompt.",
     .fallback = "'\\n\\n'",
     .examples = "['\\n###\\n']"},
};
static FIELDS(FEW_SHOT_FIELDS, "an object with pool or records", FEW_SHOT);

#define TEMPLATE(name, member, text, example)                                                      \
    {                                                                                              \
        .key = name, .type = TASK_FIELD_TEMPLATE, .at = AT(member), .what = text,                  \
        .examples = example                                                                        \
    }

static const struct task_field ROOT[] = {
    {.key = "$schema",
     .type = TASK_FIELD_OTHER,
     .read = task_field_read_note,
     .what = "This schema, for editors; not read. Nothing by default.",
     .examples = "['https://json-schema.org/draft/2020-12/schema']",
     .form = "{'type': 'string'}"},
    {.key = "name",
     .type = TASK_FIELD_OTHER,
     .read = task_field_read_name,
     .what = "Small letters, digits and '_', at most 64. Must be given.",
     .need = "the task's name",
     .examples = "['my_task']",
     .form = "{'type': 'string', 'pattern': '^[a-z0-9_]{1,64}$'}"},
    {.key = "title",
     .type = TASK_FIELD_TEXT,
     .at = AT(task.title),
     .what = "One line for people.",
     .fallback = "''",
     .examples = "['Capitals of countries']"},
    {.key = "licence",
     .type = TASK_FIELD_TEXT,
     .at = AT(task.licence),
     .what = "Licence of the data.",
     .fallback = "''",
     .examples = "['CC BY 4.0']"},
    {.key = "area",
     .type = TASK_FIELD_WORD,
     .at = AT(task.area),
     .words = WORDS(task_areas),
     .what = "The group of tasks in tables.",
     .fallback = "'other'",
     .examples = "['reasoning']"},
    {.key = "kind",
     .type = TASK_FIELD_WORD,
     .at = AT(task.kind),
     .words = WORDS(task_kinds),
     .what =
         "choices: the log-likelihood of a few continuations; generation: a text, from which an "
         "answer is extracted; code: a text that is completed to a program and run. Must be "
         "given.",
     .need = "choices, generation or code",
     .examples = "['choices']"},
    {.key = "data",
     .type = TASK_FIELD_GROUP,
     .members = &DATA_FIELDS,
     .what = "Where records come from. Must be given.",
     .need = "an object with format and files",
     .examples = "[{'format': 'jsonl', 'files': ['my_task/test.jsonl']}]"},
    {.key = "fields",
     .type = TASK_FIELD_OTHER,
     .read = task_field_read_fields,
     .what =
         "Further variables: a template each, made in this order; a later one may use an "
         "earlier. Templates are Jinja (the same that chat templates are run by), their "
         "variables the record's fields, `words`, `file` (the name of the record's file up to "
         "its first '.'; of parallel lines source_file and so on, one for each column), `row` (in "
         "that file, from 0) and `index` (in all data). None by default.",
     .examples = "[{'language': '{{ file[5:] }}'}]",
     .form = "{'type': 'object', 'maxProperties': 32, 'additionalProperties': {'type': 'string'}}"},
    {.key = "words",
     .type = TASK_FIELD_OTHER,
     .read = task_field_read_words,
     .what = "An object that templates see as `words`: what prompts say in each language, say. "
             "None by default.",
     .examples = "[{'de': {'question': 'Frage'}}]",
     .form = "{'type': 'object'}"},
    TEMPLATE("id", id, "Name of the record. Its index by default.", "['{{ qID }}']"),
    {.key = "leave_out",
     .type = TASK_FIELD_TEXTS,
     .at = AT(leave_out),
     .words = {NULL, TASK_LEFT_OUT_MAX},
     .what = "Names (id) of records that are neither items nor examples, since their reference is "
             "wrong, say, or cannot be checked. None by default.",
     .examples = "[['Q17', 'Q203']]",
     .form = TEXT_LIST(1024)},
    TEMPLATE("group", group,
             "Language, subject, level or pair, for scores of groups. None by default.",
             "['{{ language }}']"),
    TEMPLATE("header", header, "Text before examples and prompt. None by default.",
             "['Answer the questions about {{ subject }}.\\n\\n']"),
    TEMPLATE("template", prompt, "The prompt. It or contexts must be given.",
             "['Question: {{ question }}\\nAnswer:']"),
    TEMPLATE("instruction", instruction,
             "The message instead of the prompt where a model is asked in its chat format and "
             "without examples. The prompt by default.",
             "['{{ question }}']"),
    {.key = "choices",
     .type = TASK_FIELD_TEMPLATES,
     .at = AT(choices),
     .words = {NULL, TASK_CHOICES_MAX},
     .what = "Of kind choices, which must give it: the continuations, a template each, or one "
             "{{ }} whose value is a list. At least two.",
     .examples = "[['A', 'B', 'C', 'D'], '{{ options }}']"},
    {.key = "contexts",
     .type = TASK_FIELD_TEMPLATES,
     .at = AT(contexts),
     .words = {NULL, TASK_CHOICES_MAX},
     .what = "A prompt of its own for each choice, in the same form, instead of the template. None "
             "by default.",
     .examples = "['{{ [sentence + option1, sentence + option2] }}']"},
    {.key = "delimiter",
     .type = TASK_FIELD_TEXT,
     .at = AT(delimiter),
     .what = "Text between prompt and choice, a part of the choice as it is scored, and between "
             "prompt and target in examples.",
     .fallback = "' '",
     .examples = "['']"},
    TEMPLATE("gold", gold,
             "Of kind choices, which must give it: the right choice, its place from 0, or its "
             "label.",
             "['{{ answer }}']"),
    {.key = "labels",
     .type = TASK_FIELD_TEMPLATES,
     .at = AT(labels),
     .words = {NULL, TASK_CHOICES_MAX},
     .what = "What gold calls the choices. Their places by default.",
     .examples = "[['A', 'B', 'C', 'D']]"},
    TEMPLATE("target", target,
             "Of kind generation, which must give it: the right answer; of code: a solution that "
             "passes, none by default.",
             "['{{ answer }}']"),
    TEMPLATE("example", example,
             "The answer in an example. The right choice or the target by default.",
             "['{{ solution }}']"),
    TEMPLATE("reply", reply,
             "Of kinds generation and code: the answer to instruction in an example of a chat. As "
             "in other examples by default.",
             "['```python\\n{{ code }}\\n```']"),
    {.key = "stop",
     .type = TASK_FIELD_TEXTS,
     .at = AT(stop),
     .words = {NULL, TASK_STOPS_MAX},
     .what = "Of kinds generation and code: texts that end an answer and are no part of it. None "
             "by default.",
     .examples = "[['\\n\\n', 'Question:']]",
     .form = TEXT_LIST(64)},
    {.key = "max_tokens",
     .type = TASK_FIELD_U32,
     .at = AT(task.max_tokens),
     .span = {1, 65536},
     .what = "Of kinds generation and code: tokens of an answer, at most.",
     .fallback = "256",
     .examples = "[32]"},
    {.key = "extract",
     .type = TASK_FIELD_RULES,
     .read = task_field_read_extract,
     .words = {NULL, TASK_RULES_MAX},
     .what = "How the answer is taken out of the text, and with that how it is compared with the "
             "target: a rule, or several, of which the first counts. Must be given by kind "
             "generation; code by default by kind code.",
     .examples = "['first_line', ['gsm8k_strict', 'regex:answer: (.*)']]"},
    {.key = "metrics",
     .type = TASK_FIELD_WORDS,
     .read = task_field_read_metrics,
     .words = WORDS(task_metrics),
     .what = "A metric or several, of which reports show the first. By default acc of choices, "
             "exact_match of a generation, pass@1 of code.",
     .examples = "['acc', ['bleu', 'chrf++']]"},
    TEMPLATE("prefix", prefix,
             "Of kind code: program text that the answer goes on from. None by default.",
             "['{{ prompt }}']"),
    TEMPLATE("test", test,
             "Of kind code, which must give it: what runs after the program. With an entry_point "
             "it defines check(candidate).",
             "['{{ test }}']"),
    TEMPLATE("entry_point", entry_point,
             "Of kind code: the function that check is called with. None by default: the tests "
             "name it themselves.",
             "['{{ entry_point }}']"),
    TEMPLATE("integrand", integrand,
             "Of the rule integral, which must give it: what the answer's derivative equals.",
             "['{{ integrand }}']"),
    TEMPLATE("variable", variable,
             "Of the rule integral, which must give it: the variable of integration.",
             "['{{ variable }}']"),
    {.key = "few_shot",
     .type = TASK_FIELD_GROUP,
     .members = &FEW_SHOT_FIELDS,
     .what = "Where examples come from, and how many there are. None by default.",
     .examples = "[{'pool': 5, 'of': 'group'}]"},
    {.key = "chance",
     .type = TASK_FIELD_NUMBER,
     .at = AT(task.chance),
     .what = "Score of a guess. By default 1 / choices, 0 of other kinds.",
     .examples = "[0.25]"},
};
FIELDS(task_fields_root, "a task's definition, an object with name, kind and data", ROOT);
