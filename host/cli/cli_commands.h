/* SPDX-License-Identifier: MIT */
/* The commands; each reads argv[1..], prints its result on standard output, nothing else there. */
#ifndef VKFI_CLI_COMMANDS_H
#define VKFI_CLI_COMMANDS_H

#include "base/status.h"
#include "cli/cli_env.h"

typedef enum status cli_command(const struct cli_env *env, int argc, char **argv);

enum status cli_run(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_tokenize(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_detokenize(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_devices(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_sites(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_model(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_task(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_bench(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_export(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_merge(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_plan(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_sweep(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_campaign(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_replay(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_selfcheck(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_report(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_gate(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_compare(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;
enum status cli_artifact(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;

#endif
