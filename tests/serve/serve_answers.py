#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Answers are those of `vkfi run`: prompts in all forms, log-probabilities, streams, chats, several choices."""

import json
import math
import struct

from serve_bench import MODEL, Server, check, run

PROMPT = "the quick brown fox"


def same(found, expected, what):
    check(found == expected, f"{what}: found {found}, expected {expected}")


def logprob(pair, step):
    """Of an id and its logit, a float whose digits the object of a run shortens."""
    return struct.unpack("f", struct.pack("f", pair[1]))[0] - step["logsumexp"]


def golden(server):
    """Greedy completions have the text and the hash of a run, in each form of a prompt."""
    own = run("-p", PROMPT, "-n", "12", "--ignore-eos")
    ids = own["ids"]
    forms = {"text": PROMPT, "texts": [PROMPT], "ids": ids, "lists": [ids]}
    for name, form in forms.items():
        answer = server.complete(form, max_tokens=12, ignore_eos=True)
        choice = answer["choices"][0]
        same(choice["text"], own["text"], f"text of {name}")
        same(choice["vkfi"]["hash"], own["hash"], f"hash of {name}")
        same(choice["finish_reason"], "length", "reason")
        same(answer["usage"], {"prompt_tokens": len(ids), "completion_tokens": 12, "total_tokens": len(ids) + 12},
             "usage")
        same(answer["object"], "text_completion", "object")
        same(choice["logprobs"], None, "no log-probabilities")
    same(len(server.complete(PROMPT, ignore_eos=True)["choices"][0]["text"]) > 0, True, "16 tokens by default")


def several(server):
    """Each prompt of a list is answered as it is alone; choices are counted prompt after prompt."""
    prompts = ["one", "two and", "the third of them"]
    answer = server.complete(prompts, max_tokens=6, n=2)
    same([c["index"] for c in answer["choices"]], list(range(6)), "indices")
    for i, prompt in enumerate(prompts):
        alone = server.complete(prompt, max_tokens=6)["choices"][0]
        for choice in answer["choices"][2 * i:2 * i + 2]:
            same((choice["text"], choice["vkfi"]), (alone["text"], alone["vkfi"]), f"choice of {prompt}")


def sampled(server):
    """Seeds repeat; choices of one request differ; top_k 1 and a tiny top_p are greedy."""
    body = {"max_tokens": 10, "temperature": 1.3, "seed": 77, "ignore_eos": True, "n": 4}
    first, again = (server.complete(PROMPT, **body)["choices"] for _ in range(2))
    texts = [c["text"] for c in first]
    same([c["text"] for c in again], texts, "the same seed")
    check(len(set(texts)) > 1, f"choices of one request: {texts}")
    alone = server.complete(PROMPT, **{**body, "n": 1})["choices"][0]["text"]
    same(texts[0], alone, "the first choice has the seed itself")
    own = run("-p", PROMPT, "-n", "10", "--ignore-eos", "--temp", "1.3", "--seed", "77")
    same(alone, own["text"], "the seed of a run")
    greedy = server.complete(PROMPT, max_tokens=10, ignore_eos=True)["choices"][0]["text"]
    for cut in ({"top_k": 1}, {"top_p": 1e-9}):
        same(server.complete(PROMPT, **{**body, "n": 1, **cut})["choices"][0]["text"], greedy, str(cut))
    check(len({server.complete(PROMPT, **{**body, "n": 1, "seed": s, "top_p": 0.5})["choices"][0]["text"]
               for s in range(6)}) > 1, "top_p 0.5 still draws")


def scored(server):
    """Log-probabilities of prompt and answer are those of a run; the most likely ones are told."""
    own = run("-p", PROMPT, "-n", "3", "--ignore-eos", "--logprobs", "--top", "4")
    n = len(own["ids"])
    choice = server.complete(PROMPT, max_tokens=3, ignore_eos=True, logprobs=4, echo=True)["choices"][0]
    found = choice["logprobs"]
    same(found["token_logprobs"][0], None, "the first token has none")
    same(found["token_logprobs"][1:n], own["prompt_logprobs"], "of the prompt")
    same(len(found["tokens"]), n + 3, "tokens")
    same(choice["text"], PROMPT + own["text"], "the echo")
    for i, step in enumerate(own["steps"]):
        same(found["token_logprobs"][n + i], logprob(step["top"][0], step), f"of token {i}")
        top = sorted(found["top_logprobs"][n + i].values(), reverse=True)
        same(top, [logprob(t, step) for t in step["top"]], f"the most likely of step {i}")
    for own_logprob, top in zip(found["token_logprobs"][1:n], found["top_logprobs"][1:n]):
        check(4 <= len(top) <= 5 and own_logprob in top.values(), f"of the prompt: {top}")
    ids = server.complete(own["ids"], max_tokens=0, logprobs=1, echo=True)
    same(ids["usage"]["completion_tokens"], 0, "no token was asked for")
    same(ids["choices"][0]["logprobs"]["token_logprobs"], found["token_logprobs"][:n], "echo alone")
    same(ids["choices"][0]["text"], PROMPT, "ids as their text")


def stopped(server):
    """An answer ends before a text to stop at, in streams too."""
    whole = server.complete(PROMPT, max_tokens=24, ignore_eos=True)["choices"][0]["text"]
    stop = whole[5:8]
    for given in (stop, [stop, "never there \u2603"]):
        choice = server.complete(PROMPT, max_tokens=24, ignore_eos=True, stop=given)["choices"][0]
        same((choice["text"], choice["finish_reason"]), (whole[:whole.index(stop)], "stop"), "stop")
    events = server.stream("/v1/completions", prompt=PROMPT, max_tokens=24, ignore_eos=True, temperature=0, stop=stop)
    same("".join(e["choices"][0]["text"] for e in events), whole[:whole.index(stop)], "stop in a stream")


def streamed(server):
    """The pieces of a stream are the answer; each choice says once why it ended."""
    body = {"prompt": ["alpha", "beta gamma"], "max_tokens": 9, "temperature": 0.9, "n": 2, "logprobs": 2}
    whole = server.ask("/v1/completions", **body)
    events = server.stream("/v1/completions", **body, stream_options={"include_usage": True})
    same(events[-1]["usage"], whole["usage"], "usage at the end")
    same(events[-1]["choices"], [], "no choice with it")
    for choice in whole["choices"]:
        own = [e["choices"][0] for e in events[:-1] if e["choices"][0]["index"] == choice["index"]]
        same("".join(piece["text"] for piece in own), choice["text"], "text in pieces")
        same([p["finish_reason"] for p in own if p["finish_reason"]], [choice["finish_reason"]], "reason")
        same(own[-1]["vkfi"], choice["vkfi"], "hash")
        for key in ("tokens", "token_logprobs", "top_logprobs"):
            same([x for p in own for x in p["logprobs"][key]], choice["logprobs"][key], key)


def chatted(server):
    """A chat is that of `vkfi run --chat`; roles and turns reach the template."""
    own = run("--chat", "hello there", "-n", "8")
    answer = server.chat("hello there", max_tokens=8)
    choice = answer["choices"][0]
    same((choice["message"]["content"], choice["vkfi"]["hash"]), (own["text"], own["hash"]), "chat")
    same((answer["object"], choice["message"]["role"]), ("chat.completion", "assistant"), "names")
    parts = [{"role": "user", "content": [{"type": "text", "text": "hello "}, {"type": "text", "text": "there"}]}]
    same(server.ask("/v1/chat/completions", messages=parts, temperature=0, max_tokens=8)["choices"], answer["choices"],
         "content in parts")
    scored_chat = server.chat("hello there", max_completion_tokens=4, logprobs=True, top_logprobs=3)
    content = scored_chat["choices"][0]["logprobs"]["content"]
    same(len(content), 4, "a list of tokens")
    for token in content:
        check(len(token["top_logprobs"]) == 3 and token["logprob"] == token["top_logprobs"][0]["logprob"],
              f"greedy tokens are the most likely: {token}")
    events = server.stream("/v1/chat/completions", messages=[{"role": "user", "content": "hello there"}],
                           temperature=0, max_tokens=8)
    same("".join(e["choices"][0]["delta"].get("content", "") for e in events), own["text"], "chat in pieces")
    same([e["choices"][0]["delta"].get("role") for e in events].count("assistant"), 1, "the role once")
    turned = server.chat("hello there", "ok", "and now", max_tokens=8)["choices"][0]
    check(turned["vkfi"] != choice["vkfi"], "turns reach the model")


def told(server):
    """Models, health, tokens; finite numbers only, whatever is asked."""
    models = json.loads(server.send("GET", "/v1/models")[1])
    name = models["data"][0]["id"]
    same(name, MODEL.rsplit("/", 1)[1], "the model's name")
    same(json.loads(server.send("GET", f"/v1/models/{name}")[1]), models["data"][0], "one model")
    same(server.send("GET", "/health")[0], 200, "health")
    ids = run("-p", PROMPT, "-n", "1")["ids"]
    bare = server.ask("/tokenize", prompt=PROMPT, add_special_tokens=False)["tokens"]
    full = server.ask("/tokenize", prompt=PROMPT)["tokens"]
    same(full, ids, "ids of a prompt")
    check(bare in (ids, ids[1:]), "ids without the begin token")
    same(server.ask("/detokenize", tokens=bare)["prompt"].strip(), PROMPT, "ids as text")
    info = json.loads(server.send("GET", "/tokenizer_info")[1])
    check({"bos_token", "eos_token"} <= set(info), f"tokens by name: {info}")
    top = server.complete("a", max_tokens=2, logprobs=20)["choices"][0]["logprobs"]
    check(all(math.isfinite(x) for t in top["top_logprobs"] for x in t.values()), "finite")


def main():
    with Server() as server:
        for test in (golden, several, sampled, scored, stopped, streamed, chatted, told):
            test(server)


main()
