# SPDX-License-Identifier: MIT
# `vkfi bench campaign`: form of the figures, and that naive records are the fast ones.
refused 2 bench campaign --trials 0
refused 2 bench campaign --nothing
[ -n "$REAL" ] || skip "no SmolLM2 in the cache"
mkdir -p cache/vkfi/models
ln -s "$REAL" cache/vkfi/models/
good bench campaign -d cpu --trials 6 --naive 1 --weights 2 --json
json 'd["devices"][0]["differing_records"] == 0'
json 'all(d["devices"][0][p][l]["trials_per_second"] > 0 for p in ("fast", "naive")
    for l in ("outcome", "summary", "full"))'
json 'sum(c["trials"] for c in d["devices"][0]["by_class"].values()) == 6'
json 'd["devices"][0]["work"]["certified_tokens"] > d["devices"][0]["work"]["computed_tokens"]'
json 'd["devices"][0]["peak_bytes"] < 1.5 * 2**30'
