/* SPDX-License-Identifier: MIT */
/* `vkfi run`: options, the manual page, opening. */
#include "cli/cli_run.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/outside.h"
#include "cli/cli_manifest.h"
#include "cli/cli_protection.h"
#include "inject/store/trial_row_view.h"
#include "model/chat.h"

/* Parts of the page; a C string is at most 4095 bytes long. */
static const char DESCRIPTION[] =
    "DESCRIPTION\n"
    "Runs a model on a prompt and prints the text it generates, as it is generated. In the exact "
    "mode every logit of every step has the same 32 bits on every device, so two runs are compared "
    "by their hashes alone.\n"
    "\n"
    "Standard output holds the result and nothing else; progress goes to standard error, and only "
    "when that is a terminal. A newline after the text is added only on a terminal.\n"
    "\n"
    "JSON\n"
    "With --json one object is printed:\n"
    "  model, device, driver, mode, act, kv, contract\n"
    "                    what ran where, and the version of the arithmetic\n"
    "  ids, tokens       prompt and generated token ids, an end token included\n"
    "  text              the generated text\n"
    "  stop              \"end\" (an end token), \"stop\" (a text of --stop, which is\n"
    "                    not part of text, while tokens has all) or \"length\"\n"
    "                    (n tokens)\n"
    "  prompt_logprobs   with --logprobs: natural logarithm of the probability\n"
    "                    of each prompt token from the second on\n"
    "  steps             one a token: token; hash of its logit row (16 hex\n"
    "                    digits); logsumexp; with --top also top, the list of\n"
    "                    [id, logit] in falling order\n"
    "  hash              of all step hashes\n"
    "  underflow         true: some value was too small for a normal number and\n"
    "                    was flushed, so a device that flushes elsewhere may give\n"
    "                    other bits; null: a Vulkan device, which cannot tell\n"
    "  nonfinite         only if some logit is Inf or NaN: the site, layer, step\n"
    "                    (null: in the prompt) and position where the first Inf\n"
    "                    or NaN arose\n"
    "  seconds           load, prompt, decode\n"
    "Inf and NaN are written as the texts \"Infinity\", \"-Infinity\", \"NaN\".\n"
    "\n";

static const char FAULTS[] =
    "FAULTS\n"
    "--fault FILE reads one fault, or a list of them, as JSON. First comes the run without a "
    "fault (golden), then one trial a fault, each alone. Every trial proves from the device that "
    "its fault "
    "fired: the bits before and after are read back, and a fault that did not fire as "
    "often as predicted ends the program with exit code 4. The members of a fault:\n"
    "  site      what is struck. An op: \"blk.3.attn_q\", \"blk.3.ffn_norm\",\n"
    "            \"token_embd\", \"output\". A stored weight, from a position on:\n"
    "            \"blk.3.attn_q.weight\". A stored entry of the KV cache:\n"
    "            \"blk.3.kv_k\", \"blk.3.kv_v\". A RoPE table: \"rope\", \"rope_local\".\n"
    "            An integer: \"control.token\", \"control.position\", \"control.slot\",\n"
    "            \"control.length\", \"control.rope\", \"control.sampler\". vkfi sites\n"
    "            lists all of them.\n"
    "  point     where in an op (default \"out\"; stored things: \"mem\"):\n"
    "            operand  its private copy of input element k\n"
    "            weight   the stored bits of one weight field, or of a K or V\n"
    "                     entry, as decoded for this evaluation only\n"
    "            partial  the running sum right after the product of element k\n"
    "            accumulator\n"
    "                     what block k of 32 products has joined: running sum\n"
    "                     k mod 16 of the sixteen that an output has, scale and\n"
    "                     minimum of the block in it; norm, linear, scores\n"
    "            out      the float32 result of output row\n"
    "            mem      its stored form: 16 bits with --act f16 or bf16\n"
    "  kind      flip (default), stuck_at_0, stuck_at_1 (of the bits named),\n"
    "            set (to value), zero, random (bits drawn for each element),\n"
    "            stale (the bits of one position earlier), mix (the bits named\n"
    "            are stale), clamp (into low .. high), scale (times value),\n"
    "            add (plus value), wrong_read (the bits of element from),\n"
    "            wrong_write (element from gets the bits, the place stays\n"
    "            stale), dry (the control: all runs, nothing changes)\n"
    "  bit, bits, mask\n"
    "            the bits named: one bit, a list of bits, or a mask as a number\n"
    "            or a text \"0x...\"; bit 0 is the lowest. random takes all\n"
    "            without it\n"
    "  value     set: the new bits, as mask; scale, add: a number\n"
    "  low, high clamp: numbers. from: the first row (of operands k, of key\n"
    "            positions key) meant instead\n"
    "  only_mask, only_value\n"
    "            fires only where (bits and only_mask) equals only_value\n"
    "  step      decode step whose evaluation is struck (0: the one that gives\n"
    "            the first token); or\n"
    "  position  absolute position, from 0; position = prompt length - 1 + step\n"
    "  row, k, key\n"
    "            coordinates, default 0; one that the op lacks is refused\n"
    "  granularity\n"
    "            element (default), vector (all of a position), feature (the\n"
    "            element at every position of the stage), tensor (all at all),\n"
    "            lane (every lanes-th: 8), tile (the tile, 32, it lies in)\n"
    "  rows, row_step, ks, k_step, keys\n"
    "            instead: how many from row, k, key on, in steps; keys \"all\"\n"
    "  readers   of a weight: column (default), chunk (chunk positions: 512),\n"
    "            stage; of an operand of linear: all (default), row, tile\n"
    "  stage     prefill, first, decode, any: where the fault begins, by default\n"
    "            the stage of its position; without step and position at the\n"
    "            stage's first position that evaluates the site and sees the key\n"
    "  duration  transient (default: once, feature, tensor and readers stage to\n"
    "            the stage's end), intermittent (with rate: the share of\n"
    "            evaluations, to the end of the stage if one is given),\n"
    "            permanent (to the end of the run, whatever the stage); stored\n"
    "            things: persistent\n"
    "  positions how many are struck, from position on as it is given; stored\n"
    "            things: until they are scrubbed\n"
    "  seed, trial\n"
    "            keys of draws (random, rate): 64 bits\n"
    "  field     weights: \"code\" (default), \"scale\", \"min\", \"subscale\",\n"
    "            \"submin\" of the block that holds element k\n"
    "  title     a note, not used\n"
    "\n";

static const char COORDINATES[] =
    "COORDINATES\n"
    "What row, k and key mean for each op (heads are query heads):\n"
    "  embed     row: feature\n"
    "  norm      row: feature; operand, partial k: feature within the group\n"
    "  linear    row: output feature; operand, weight, partial k: input feature\n"
    "            (operand has no row: all outputs see it)\n"
    "            accumulator of norm, linear, scores: k is the block of 32\n"
    "  rope      row: feature; operand k: the feature read\n"
    "  scores    row: head; k: feature of the head; key: key position\n"
    "  softmax   row: head; key: key position\n"
    "  heads     row: head * head size + feature; key: key position (not for\n"
    "            out and mem)\n"
    "  gate      row: feature; operand k: 0 gate, 1 up\n"
    "  add       row: feature; operand k: 0 residual, 1 delta\n"
    "  weight    row, k: as stored in the file\n"
    "  kv        k: kv head * head size + feature; key: position of the entry,\n"
    "            before the position at which it is struck\n"
    "A list in the list, [[F, G], H], is one trial of faults that strike together. An example file "
    "with two faults:\n"
    "  [{\"site\": \"blk.3.attn_q\", \"point\": \"out\", \"kind\": \"flip\",\n"
    "    \"bit\": 30, \"step\": 2, \"row\": 17},\n"
    "   {\"site\": \"blk.0.ffn_down.weight\", \"kind\": \"stuck_at_1\",\n"
    "    \"field\": \"scale\", \"bits\": [9, 10], \"position\": 0, \"row\": 4,\n"
    "    \"k\": 64}]\n"
    "\n";

static const char RECORDS[] =
    "RECORDS\n"
    "With --json the object is {\"golden\": the run's object, \"faults\": [...]}, a record a "
    "fault. What is not known or does not apply is null; the members are of the first of several "
    "faults. `due_reason` is range (a control value out of its range), nan_trap, runaway, "
    "device_lost or abort; `flags` are words true of the faulty run and not of golden: repetition, "
    "invalid_token, empty, nan_logits, hit_length_limit, stopped_early. Names and forms are those "
    "of vkfi export, whose page says what stands in brackets:\n";

static const char OUTCOMES_AND_EXAMPLES[] =
    "OUTCOMES\n"
    "The first that holds: not_reached (the run ends before), inert (no bit changed), "
    "due (the run ended abnormally), masked_bitexact (every logit has its golden bits), "
    "masked_tokens (the same text byte for byte; logits differ, or the tokens that spell it),\n"
    "sdc_unscored (another text).\n"
    "\n"
    "EXIT CODES\n"
    "  0  done\n"
    "  2  wrong usage, model, prompt or fault file, or no device of that name or\n"
    "     index; output could not be written\n"
    "  3  no Vulkan driver, device refused, or driver failure\n"
    "  4  a fault did not fire as predicted, or another broken promise\n"
    "  5  --protect: damage was found and could not be corrected\n"
    "\n"
    "EXAMPLES\n"
    "  vkfi run -m smollm2-135m -p 'The capital of France is' -n 24\n"
    "  vkfi run -m smollm2-135m --chat 'What is 17 + 25?' -d vk --json --top 8\n"
    "  vkfi run -m model.gguf --ids 1,2,3 --fault fault.json -d cpu:scalar\n";

static const char PROTECTION[] =
    "PROTECTION\n"
    "--protect POLICY checks each token, and what the policy names besides, before it is given; "
    "where damage is found the run goes back and computes its last columns again. A policy is a "
    "JSON object with a list of protections, {\"protect\": [{\"kind\": \"nan_trap\"}]}; "
    "mitigations/policy.schema.json describes each with its parameters. Each alarm is a line of "
    "standard error, or with --json in the member `protect`:\n"
    "  outcome   clean, false_alarm (what was computed again has the same bits),\n"
    "            corrected, uncorrected (damage that was found is still there)\n"
    "  alarms    how many columns raised one\n"
    "  events    protection; site; position and step of the column; finding:\n"
    "            damage (proven) or doubt (unlikely values); detail, a number of\n"
    "            the protection; repaired: stored bits were written anew; redone:\n"
    "            columns computed again; outcome\n"
    "Text is printed once it has been checked to its end. Where damage is uncorrected the exit "
    "code is 5 and no text is printed; the object's text is null. With --fault the golden run is "
    "unprotected and the trials are protected.\n"
    "\n";

#define SYNOPSIS "-m MODEL (-p TEXT | --chat TEXT | --ids IDS) [options]"
#define STORAGES "f32|f16|bf16"
#define MODEL_HELP "Model: the path of a GGUF file, or a name of `vkfi model list`."
#define TOP_K_MAX 999999
#define TOKENS_MAX 999999

/* The page lists the members of a record from the table of an export's fields. */
static enum status parse_with_page(struct args_spec *spec, int argc, char **argv, bool *out_done)
{
    struct text details = {0};
    text_addf(&details, "%s%s%s%s", DESCRIPTION, FAULTS, COORDINATES, RECORDS);
    text_take(&details, trial_row_view_describe(&details, FIELD_PLACE, FIELD_FULL));
    text_addf(&details, "\n%s%s", PROTECTION, OUTCOMES_AND_EXAMPLES);
    spec->details = details.data;
    const enum status st = details.st ? details.st : args_parse(spec, argc, argv, out_done);
    text_finish(&details);
    return st;
}

static enum status parse(struct cli_run_options *o, int argc, char **argv, bool *out_done)
{
    const struct args_option options[] = {
        {'m', "model", ARGS_TEXT, &o->model, "MODEL", MODEL_HELP, 0, 0},
        {'p', "prompt", ARGS_TEXT, &o->prompt.text, "TEXT",
         "Prompt as plain text; text of special tokens is not parsed.", 0, 0},
        {0, "chat", ARGS_TEXT, &o->prompt.chat, "TEXT",
         "One user message, put into the model's own chat template, which is run here (a model "
         "without one: taken as it is). Dates in it are those of 26 July 2024.",
         0, 0},
        {0, "template", ARGS_TEXT, &o->prompt.template, "NAME",
         "With --chat: a built-in template instead of the model's own: " CHAT_TEMPLATES ".", 0, 0},
        {0, "ids", ARGS_TEXT, &o->prompt.ids, "1,2,3",
         "Prompt as token ids, taken as they are (no begin token is added).", 0, 0},
        {'n', "tokens", ARGS_UINT, &o->n, "N", "Most tokens to generate. Default 32.", 1,
         TOKENS_MAX},
        {'d', "device", ARGS_TEXT, &o->device, "DEVICE", CLI_DEVICE_HELP " Default cpu.", 0, 0},
        {0, "act", ARGS_CHOICE, &o->act, STORAGES, "Type activations are stored in. Default f32.",
         0, 0},
        {0, "kv", ARGS_CHOICE, &o->kv, STORAGES, "Type of the KV cache. Default f32.", 0, 0},
        {0, "mode", ARGS_CHOICE, &o->mode, "exact|native",
         "exact: the same bits everywhere. native is refused in this version. Default exact.", 0,
         0},
        {0, "temp", ARGS_REAL, &o->temperature, "T",
         "Temperature of sampling. Default 0: the most likely token.", 0, 999999},
        {0, "top-k", ARGS_UINT, &o->top_k, "K",
         "Samples among the K most likely tokens. Default 0: all.", 0, TOP_K_MAX},
        {0, "seed", ARGS_UINT, &o->seed, "S",
         "Seed of sampling; a draw depends on the seed and the position alone. Default 0.", 0, 0},
        {0, "stop", ARGS_LIST, &o->stops, "TEXT", "Ends the text before the first TEXT in it.", 0,
         0},
        {0, "ignore-eos", ARGS_FLAG, &o->ignore_end, NULL, "Goes on to N tokens, past end tokens.",
         0, 0},
        {0, "json", ARGS_FLAG, &o->json, NULL, "Prints an object instead of text; see JSON.", 0, 0},
        {0, "top", ARGS_UINT, &o->top, "K",
         "With --json: the K most likely tokens of each step. Default 0.", 0, TOP_K_MAX},
        {0, "logprobs", ARGS_FLAG, &o->logprobs, NULL,
         "With --json and without --fault: log-probabilities of the prompt's tokens.", 0, 0},
        CLI_THREADS_OPTION(&o->threads),
        {0, "columns", ARGS_UINT, &o->columns, "N",
         "Most prompt tokens evaluated in one pass. Default 0: the device's choice. The result "
         "does not depend on it.",
         0, TOKENS_MAX},
        {0, "fault", ARGS_TEXT, &o->fault, "FILE", "Injects faults; see FAULTS.", 0, 0},
        {0, "protect", ARGS_TEXT, &o->protect, "POLICY", CLI_PROTECT_HELP, 0, 0},
        {0, "naive", ARGS_FLAG, &o->naive, NULL,
         "With --fault: every trial is a whole inference instead of a fork of the golden run. "
         "Slower, same record.",
         0, 0},
        {0}};
    struct args_spec spec = {.command = "vkfi run",
                             .summary = "run a model on a prompt, with faults if asked",
                             .synopsis = SYNOPSIS,
                             .options = options};
    return parse_with_page(&spec, argc, argv, out_done);
}

/* All checks that need no file and no driver. */
static enum status check_options(const struct cli_run_options *o)
{
    const enum status st = cli_manifest_check(o->model);
    if (st)
        return st;
    if (o->mode != 0) {
        log_error("found --mode native, expected --mode exact: native kernels are not part of "
                  "this version");
        return STATUS_USAGE;
    }
    if (!o->json && (o->top > 0 || o->logprobs)) {
        log_error("found --%s without --json, expected both", o->top > 0 ? "top" : "logprobs");
        return STATUS_USAGE;
    }
    if (o->fault && o->logprobs) {
        log_error("found --logprobs with --fault, expected one of them");
        return STATUS_USAGE;
    }
    if (!o->fault && o->naive) {
        log_error("found --naive without --fault, expected both");
        return STATUS_USAGE;
    }
    return cli_prompt_check(&o->prompt);
}

static enum status check_stops(const struct args_list *stops)
{
    enum status st = STATUS_OK;
    for (size_t i = 0; i < stops->count && !st; i++) {
        struct outside_text text = {"--stop", stops->item[i], strlen(stops->item[i])};
        st = outside_take(&text);
        if (!st && text.size == 0) {
            log_error("--stop: found an empty text, expected one to stop at");
            st = STATUS_USAGE;
        }
    }
    return st;
}

/* The options of the session, as vkfi.h lists them. */
static enum status session_options(const char **out, struct arena *arena,
                                   const struct cli_run_options *o)
{
    struct json_memory m;
    json_begin_memory(&m, false);
    json_object_open(&m.w);
    json_member_int(&m.w, "tokens", (int64_t)o->n);
    json_member_number(&m.w, "temperature", o->temperature);
    json_member_int(&m.w, "top_k", (int64_t)o->top_k);
    json_put_key(&m.w, "seed");
    json_put_text(&m.w, arena_printf(arena, "0x%" PRIx64, o->seed));
    json_member_array(&m.w, "stop");
    for (size_t i = 0; i < o->stops.count; i++) {
        struct outside_text text = {"--stop", o->stops.item[i], strlen(o->stops.item[i])};
        json_take(&m.w, outside_take(&text));
        json_put_text_n(&m.w, text.bytes, text.size);
    }
    json_array_close(&m.w);
    json_member_bool(&m.w, "ignore_end", o->ignore_end);
    json_member_bool(&m.w, "logprobs", o->json);
    json_member_bool(&m.w, "prompt_logprobs", o->logprobs);
    json_member_int(&m.w, "top", (int64_t)o->top);
    json_object_close(&m.w);
    return json_end_line(out, &m, arena);
}

/* On the device's thread. */
static void found_device(void *user, const struct lib_device *device)
{
    struct cli_run *run = user;
    if (strcmp(run->options.device, "vk") == 0)
        cli_device_explain(device, run->env);
    cli_progress_stage(&run->progress, device->gpu ? "compiling kernels" : "preparing weights");
}

static enum status open_device(struct cli_run *run)
{
    const struct cli_run_options *o = &run->options;
    const struct vkfi_device_setup setup = {.name = o->device,
                                            .needs = {.act = (enum storage)o->act,
                                                      .kv = (enum storage)o->kv,
                                                      .positions = run->n_ids + (uint32_t)o->n,
                                                      .columns = (uint32_t)o->columns,
                                                      .threads = (uint32_t)o->threads},
                                            .gpu = cli_device_gpu_params(run->env),
                                            .sessions = 1,
                                            .records = o->fault != NULL,
                                            .shape = {.n_ids = run->n_ids, .n = (uint32_t)o->n},
                                            .stage = found_device,
                                            .stage_user = run};
    cli_progress_stage(&run->progress, "opening the device");
    const enum status st = vkfi_device_make(&run->device, run->model, &setup);
    cli_progress_clear(&run->progress);
    if (st)
        return st;
    const struct lib_device *device = &run->device->device;
    if (device->gpu && o->threads != run->env->threads)
        log_warn("--threads is for CPU devices, found it with %s", lib_device_name(device));
    return STATUS_OK;
}

static enum status open_session(struct cli_run *run)
{
    const struct cli_run_options *o = &run->options;
    const char *options = NULL;
    enum status st = session_options(&options, &run->arena, o);
    st = st ? st : (enum status)vkfi_session_open(&run->session, run->device, options);
    st = st ? st : (enum status)vkfi_session_feed_ids(run->session, run->ids, run->n_ids);
    return st || !o->protect ? st
                             : (enum status)vkfi_session_protect_file(run->session, o->protect);
}

static enum status open_run(struct cli_run *run)
{
    const struct cli_run_options *o = &run->options;
    const double start = clock_seconds();
    char *path = NULL;
    cli_progress_init(&run->progress, 0, 0);
    cli_progress_stage(&run->progress, "loading the model");
    enum status st = cli_manifest_path(&path, &run->arena, run->env, o->model);
    st = st ? st : (enum status)vkfi_model_open(&run->model, path);
    if (st)
        return st;
    const struct model *model = run->model->model;
    st = cli_prompt_ids(&o->prompt, model, &run->arena, &run->ids, &run->n_ids);
    st = st ? st : cli_prompt_fits(model, run->n_ids, o->n);
    if (st)
        return st;
    if (o->top > model->hp.n_vocab) {
        log_error("found --top %u, expected at most the model's %u tokens", (uint32_t)o->top,
                  model->hp.n_vocab);
        return STATUS_USAGE;
    }
    st = open_device(run);
    st = st ? st : open_session(run);
    run->load_seconds = clock_seconds() - start;
    return st;
}

enum status cli_run(const struct cli_env *env, int argc, char **argv)
{
    struct cli_run run = {.options = {.device = "cpu", .n = 32, .threads = env->threads},
                          .env = env};
    bool done = false;
    enum status st = parse(&run.options, argc, argv, &done);
    if (st || done)
        return st;
    st = check_options(&run.options);
    st = st ? st : check_stops(&run.options.stops);
    st = st ? st : open_run(&run);
    st = st ? st : cli_run_print(&run);
    vkfi_session_close(run.session);
    const enum status closed = run.device ? vkfi_device_finish(run.device) : STATUS_OK;
    vkfi_model_close(run.model);
    arena_finish(&run.arena);
    return st ? st : closed;
}
