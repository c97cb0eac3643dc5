/* SPDX-License-Identifier: MIT */
/* The options of `vkfi task` and its page of help. */
#include "cli/cli_device.h"
#include "cli/cli_task.h"

struct cli_task_options cli_task_given = {
    .shots = CLI_TASK_NO_SHOTS, .device = "cpu", .samples = 1};

#define ON(action) (1u << CLI_TASK_##action)

const struct cli_option cli_task_option[] = {
    {ON(LIST) | ON(SHOW) | ON(RUN) | ON(SCORE),
     {0, "data", ARGS_TEXT, &cli_task_given.data, "DIR", "Folder of the data (see DATA), or own.",
      0, 0}},
    {ON(LIST) | ON(SHOW) | ON(RUN) | ON(SCORE),
     {0, "data-file", ARGS_LIST, &cli_task_given.files, "FILE",
      "Your own file of the task's format. Give it again for more.", 0, 0}},
    {ON(SHOW),
     {0, "item", ARGS_UINT, &cli_task_given.item, "N", "show: this item (0).", 0, UINT32_MAX}},
    {ON(SHOW) | ON(RUN),
     {0, "shots", ARGS_UINT, &cli_task_given.shots, "K",
      "Examples before each prompt, if not as many as the task says.", 0, 64}},
    {ON(GET),
     {0, "accept-licence", ARGS_FLAG, &cli_task_given.accept_licence, NULL,
      "get: the use of the data is one that their licence allows.", 0, 0}},
    {ON(RUN),
     {'m', "model", ARGS_TEXT, &cli_task_given.model, "MODEL", "run: path or name of the model.", 0,
      0}},
    {ON(RUN),
     {'n', "limit", ARGS_UINT, &cli_task_given.n, "N",
      "run: at most N items of each task, taken from its groups in turn. Default all.", 1, 999999}},
    {ON(RUN),
     {0, "items", ARGS_TEXT, &cli_task_given.items, "A-B", "run: these items of each task, from 0.",
      0, 0}},
    {ON(RUN),
     {'d', "device", ARGS_TEXT, &cli_task_given.device, "DEVICE",
      "run: " CLI_DEVICE_HELP " Default cpu.", 0, 0}},
    {ON(RUN),
     {0, "samples", ARGS_UINT, &cli_task_given.samples, "K",
      "run: responses to each item. Default 1.", 1, 1000}},
    {ON(RUN),
     {0, "temp", ARGS_REAL, &cli_task_given.temperature, "T",
      "run: temperature of sampling. Default 0: the most likely token.", 0, 999999}},
    {ON(RUN),
     {0, "seed", ARGS_UINT, &cli_task_given.seed, "S",
      "run: seed of sampling; a draw depends on seed, item, sample and step alone. Default 0.", 0,
      0}},
    {ON(RUN),
     {0, "chat", ARGS_FLAG, &cli_task_given.chat, NULL,
      "run: questions are a user's messages, examples turns of the chat (see RUN).", 0, 0}},
    {ON(RUN),
     {0, "plain", ARGS_FLAG, &cli_task_given.plain, NULL,
      "run: each prompt goes to the model as it is.", 0, 0}},
    {ON(RUN),
     {0, "act", ARGS_CHOICE, &cli_task_given.act, "f32|f16|bf16",
      "run: type activations are stored in. Default f32.", 0, 0}},
    {ON(RUN),
     {0, "kv", ARGS_CHOICE, &cli_task_given.kv, "f32|f16|bf16",
      "run: type of the KV cache. Default f32.", 0, 0}},
    {ON(RUN), CLI_THREADS_OPTION(&cli_task_given.threads)},
    {ON(RUN),
     {'o', "output", ARGS_TEXT, &cli_task_given.output, "FILE",
      "run: keeps each item's answer (see LINES).", 0, 0}},
    {ON(SCORE),
     {'i', "input", ARGS_TEXT, &cli_task_given.input, "FILE", "score: responses, an object a line.",
      0, 0}},
    {ON(RUN) | ON(SCORE),
     {0, "dangerously-run-programs-unsandboxed", ARGS_FLAG, &cli_task_given.unsandboxed, NULL,
      "run, score: what a model wrote for coding tasks runs as you, with all that you may read, "
      "write and delete. Without it such tasks are refused where bubblewrap cannot run.",
      0, 0}},
    {ON(LIST) | ON(SHOW) | ON(RUN) | ON(SCORE),
     {0, "json", ARGS_FLAG, &cli_task_given.json, NULL, "list, show, run, score: prints JSON.", 0,
      0}},
    {0}};

const char cli_task_synopsis[] =
    "list [--json]\n"
    "show TASK [--item N] [--shots K] [--data DIR | --data-file FILE...] [--json]\n"
    "get NAME...|all [--accept-licence]\n"
    "schema\n"
    "run TASK... -m MODEL [-n N | --items A-B] [-d DEVICE] [--shots K] [--samples K] [--temp T] "
    "[--seed S] [--threads N] [--chat | --plain] [--act TYPE] [--kv TYPE] [--data DIR | "
    "--data-file "
    "FILE...] [--json] [-o FILE]\n"
    "score TASK -i FILE [--data DIR | --data-file FILE...] [--json]";

const char cli_task_details[] =
    "DESCRIPTION\n"
    "A task is a set of items that models are scored on: what is asked, and what answers are held "
    "against. Thirteen public benchmarks have a name; a task of your own is one JSON file, named "
    "by its path (it has a '/' or ends in .json).\n"
    "\n"
    "list shows the tasks that have a name, and whether their data are there.\n"
    "\n"
    "show prints an item: its choices (> before the right one), or how answers are taken out "
    "(extract) and what ends them (stop); the reference (target). The instruction is for chats "
    "(see RUN).\n"
    "\n"
    "get fetches data into the cache, those of one task, of several, or of all: from the public "
    "repositories of third_party/tasks.json, checked by sha256, a task's folder at once when it is "
    "whole. A fetch that broke off goes on where it stopped. Data for non-commercial use, and "
    "those whose licence asks to share alike, need --accept-licence.\n"
    "\n"
    "run scores a model on tasks (see RUN), score the responses of any engine (see SCORE).\n"
    "\n"
    "schema prints the JSON Schema of definitions, for editors and validators: each field with its "
    "default and examples.\n"
    "\n"
    "DATA\n"
    "Data are no part of the program. They are looked for in the folder of --data, else in that of "
    "VKFI_DATA, else in the cache ($XDG_CACHE_HOME/vkfi/tasks or ~/.cache/vkfi/tasks); those of a "
    "definition given by path beside it, unless --data says otherwise. The word own stands for the "
    "small sets that come with the program, twelve items a task. --data-file names your own "
    "files of the task's format instead; where lines of several files belong together, one for "
    "each column. What a task takes from a file's name (a language, a subject) it takes from yours "
    "too. gzip and bzip2 are unpacked.\n"
    "\n"
    "RUN\n"
    "Asks a model the items of tasks and scores what it answers. Choices are ranked by their "
    "log-likelihood; texts are generated, greedily unless --temp says otherwise, and their answers "
    "taken out by the task's rules. Many items share each pass over the weights; no result depends "
    "on which. Scores come with 95 % intervals: Wilson's where every item is right or wrong, else "
    "by 1,000 bootstrap samples of items.\n"
    "\n"
    "A model whose file has a chat template gets a question as a user's message, without stop "
    "strings, each of --shots as a turn before it; others get the plain prompt. --chat and --plain "
    "force either. Choices are always ranked after the plain prompt.\n"
    "\n"
    "LINES\n"
    "-o FILE keeps each item's answer, a JSON object a line, in the order of the items: task, "
    "doc_id, group, prompt, target; choices, logprobs, is_greedy; or responses, filtered (answers "
    "taken out; null: none was found); metrics; prompt_hash (SHA-256 of model, prompt and "
    "settings: "
    "equal hashes, equal answers). Where the file is there already the run goes on from it, so "
    "that a run that was interrupted, or killed, is taken up by the same command; lines of another "
    "model, prompt or setting are refused.\n"
    "\n"
    "--json prints {\"task\", \"n\", \"metrics\": {name: number}, \"intervals\": {name: [low, "
    "high]}, \"chance\", \"groups\": [{\"group\", \"n\", \"metrics\", \"intervals\"}]}, for "
    "several "
    "tasks a list of them.\n"
    "\n"
    "SCORE\n"
    "Scores responses that were made elsewhere, by the rules that task run uses: answers are taken "
    "out, compared with the references, programs are run in a sandbox.\n"
    "\n"
    "FILE (\"-\": standard input) has a JSON object a line: {\"doc_id\": ID, \"responses\": [TEXT, "
    "...]}. ID is what task show calls doc_id, or the item's number; for FLORES-200 also the "
    "sentence's number with \"pair\": \"eng_Latn-deu_Latn\". A choice task has \"logprobs\": "
    "[number, "
    "...] instead, one a choice. Lines of task run are such lines. Items without a line are left "
    "out of the score.\n"
    "\n"
    "EXIT CODES\n"
    "  0  done\n"
    "  2  no such task, wrong usage, or data that are not there, bad or not to be\n"
    "     fetched\n"
    "  3  run: no such device, or a driver failed\n"
    "     run: interrupted, it ends by the signal\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi task get gsm8k mgsm\n"
    "  vkfi task show gsm8k --item 3 --shots 2\n"
    "  vkfi task show mgsm --data-file mgsm_de.tsv\n"
    "  vkfi task schema > task.schema.json\n"
    "  vkfi task run arc_challenge -m smollm2-135m -n 100 -o scores.jsonl\n"
    "  vkfi task run humaneval -m qwen2.5-coder-0.5b --samples 5 --temp 0.8\n"
    "  vkfi task score gsm8k -i answers.jsonl --json\n";
