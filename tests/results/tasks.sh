#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Scores models on tasks; prints the table of tests/results/tasks.md.
#
#   tests/results/tasks.sh FOLDER [run|table]
#
# FOLDER gets the answers, TASK.MODEL.jsonl. The same command goes on where it was stopped, also
# with more items; `table` prints what is there. Environment: VKFI, the program; VKFI_DATA, the
# data; TASKS, MODELS, of those below; N_CHOICES, N_TEXTS, N_CODE, the items of each task.
set -euo pipefail

folder=${1:?usage: tasks.sh FOLDER [run|table]}
action=${2:-run}
vkfi=${VKFI:-vkfi}
reasoning="arc_challenge hellaswag winogrande mmlu"
multilingual="xnli m_mmlu mgsm flores200"
mathematical="gsm8k math500 integration"
coding="humaneval mbpp"
tasks=${TASKS:-$reasoning $multilingual $mathematical $coding}
models=${MODELS:-smollm2-135m gemma3-270m qwen2.5-coder-0.5b}

# Items come from a task's groups in turn: rounds up to as many of each.
items_of() { # TASK
    local n groups=1
    case $1 in
    arc_challenge | hellaswag | winogrande | mmlu | xnli | m_mmlu) n=${N_CHOICES:-200} ;;
    humaneval | mbpp) n=${N_CODE:-40} ;;
    *) n=${N_TEXTS:-30} ;;
    esac
    case $1 in
    mmlu) groups=27 ;;
    xnli) groups=6 ;;
    m_mmlu) groups=3 ;;
    mgsm) groups=11 ;;
    flores200) groups=14 ;;
    math500) groups=5 ;;
    integration) groups=12 ;;
    esac
    echo $(((n + groups - 1) / groups * groups))
}

# Examples: chat models follow instructions, a base model needs to be shown.
shots_of() { # TASK MODEL
    case $1.$2 in
    mbpp.gemma*) echo 3 ;;
    mgsm.gemma*) echo 2 ;;
    gsm8k.gemma* | math500.gemma* | flores200.gemma* | integration.gemma*) echo 4 ;;
    *) echo 0 ;;
    esac
}

run() {
    local task model
    mkdir -p "$folder"
    for task in $tasks; do
        for model in $models; do
            "$vkfi" task run "$task" -m "$model" -n "$(items_of "$task")" \
                --shots "$(shots_of "$task" "$model")" -d cpu -o "$folder/$task.$model.jsonl"
        done
    done
}

# A line for each model and metric.
table() {
    local task model file
    echo "| task | model | examples | n | metric | score | 95 % interval | chance |"
    echo "|---|---|---|---|---|---|---|---|"
    for task in $tasks; do
        for model in $models; do
            file=$folder/$task.$model.jsonl
            [[ -s $file ]] || continue
            "$vkfi" task score "$task" -i "$file" |
                awk -v task="$task" -v model="$model" -v shots="$(shots_of "$task" "$model")" '
                    /^[^ ]+: [0-9]+ items, chance/ { n = $2; chance = $5; next }
                    /^  [a-z]/ && $3 ~ /^\[/ {
                        printf "| %s | %s | %s | %s | %s | %s | %s %s | %s |\n",
                               task, model, shots, n, $1, $2, $3, $4, chance
                    }'
        done
    done
}

case $action in
run) run && table ;;
table) table ;;
*) echo "tasks.sh: found '$action', expected run or table" >&2 && exit 2 ;;
esac
