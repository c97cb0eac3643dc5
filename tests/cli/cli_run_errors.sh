# SPDX-License-Identifier: MIT
# What `vkfi run` refuses, and how it says so.
need_tiny
try run
try run -m "$LLAMA"
try run -p a
try run -m "$LLAMA" -p a --chat b
try run -m "$LLAMA" -p a --ids 1
try run -m "$LLAMA" -p ''
try run -m "$LLAMA" --ids ''
try run -m "$LLAMA" --ids 1,,2
try run -m "$LLAMA" --ids 1,320
try run -m "$LLAMA" --ids 1,-2
try run -m "$LLAMA" --ids '1, 2'
try run -m "$LLAMA" --ids 99999999999999999999
try run -m "$LLAMA" -p a -n 257
try run -m "$LLAMA" -p a --mode native
try run -m "$LLAMA" -p a --top 3
try run -m "$LLAMA" -p a --stop ''
try run -m "$LLAMA" -p a --stop $'ab\xc3'
try run -m "$LLAMA" -p a --logprobs
try run -m "$LLAMA" -p a --json --top 321
try run -m "$LLAMA" -p a --naive
try run -m "$LLAMA" -p a -d cpu:avx
try run -m "$LLAMA" -p a -d ''
try run -m "$LLAMA" -p a -d cpu:sse9000
try run -m nothing.gguf -p a
try run -m . -p a
try run -m ./ -p a
try run -m smolm2-135m -p a
try run -m smollm2-135m -p a
printf 'GGUF' >short.gguf
try run -m short.gguf -p a
: >empty.gguf
try run -m empty.gguf -p a
mv empty.gguf named-like-nothing # a file whose name looks like no path
try run -m named-like-nothing -p a
mkfifo pipe.gguf # nobody writes to it
try run -m pipe.gguf -p a
LC_ALL=C sed 's/llama/bloom/' "$LLAMA" >other.gguf
try run -m other.gguf -p a
refused 2 run -m "$LLAMA" -p "$(printf 'a%.0s' $(seq 257))"
cat err
# The option parser's messages are one line, with exit code 2.
refused 2 run -m "$LLAMA" -p a -n 0
refused 2 run -m "$LLAMA" -p a -n -1
refused 2 run -m "$LLAMA" -p a -n x
refused 2 run -m "$LLAMA" -p a -n
refused 2 run -m "$LLAMA" -p a --act f64
refused 2 run -m "$LLAMA" -p a --kv q8
refused 2 run -m "$LLAMA" -p a --mode fast
refused 2 run -m "$LLAMA" -p a --temp hot
refused 2 run -m "$LLAMA" -p a --temp -1
refused 2 run -m "$LLAMA" -p a --akt f16
refused 2 run -m "$LLAMA" -p a extra
refused 2 run -m "$LLAMA" -p a --threads 1000000
