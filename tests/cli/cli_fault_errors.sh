# SPDX-License-Identifier: MIT
# A refused fault file gives one line, exit code 2 and nothing on standard output.
need_tiny
fault() {
    printf '%s\n' "$1" >fault.json
    refused 2 run -m "$LLAMA" -p hello -n 4 --fault fault.json
    cat err
}
refused 2 run -m "$LLAMA" -p hello --fault nothing.json
fault ''
fault '{'
fault '[]'
fault '3'
fault '{}'
fault '{"site": 3}'
fault '{"site": "blk.1.attn_q", "kind": "dry"}'
fault '{"site": "blk.0.attn_q", "kind": "flop"}'
fault '{"site": "blk.0.attn_q", "kind": "flip"}'
fault '{"site": "blk.0.attn_q", "kind": "flip", "bit": 32}'
fault '{"site": "blk.0.attn_q", "kind": "flip", "bit": 1, "mask": 2}'
fault '{"site": "blk.0.attn_q", "kind": "set"}'
fault '{"site": "blk.0.attn_q", "kind": "dry", "point": "middle"}'
fault '{"site": "blk.0.attn_q", "kind": "dry", "rwo": 3}'
fault '{"site": "blk.0.attn_q", "kind": "dry", "row": 256}'
fault '{"site": "blk.0.attn_q", "kind": "dry", "row": -1}'
fault '{"site": "blk.0.attn_q", "kind": "dry", "key": 1}'
fault '{"site": "blk.0.attn_q", "kind": "dry", "step": 1, "position": 3}'
fault '{"site": "blk.0.attn_q", "kind": "dry", "position": 400}'
fault '{"site": "output", "kind": "dry", "position": 0}'
fault '{"site": "blk.0.attn_q.weight", "bit": 4}'
fault '{"site": "blk.0.attn_q.weight", "field": "submin", "bit": 0}'
fault '{"site": "blk.0.kv_k", "bit": 1, "key": 4, "position": 4}'
fault '[{"site": "blk.0.attn_q", "kind": "dry"},
 {"site": "blk.0.attn_q", "kind": "dry", "k": 9}]'
