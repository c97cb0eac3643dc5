#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A model of 8 billion parameters in bounded memory: packed, and left in its file.

usage: large_model.py VKFI

Makes a sparse file in the shape of Llama 3 8B in Q4_K, whose first and last layers and embeddings have random
weights, runs it on `cpu` and `cpu:mapped`, compares bits and peaks of anonymous memory, and shows what a campaign on it
comes to. Exit status 77: not
enough memory or disk here.
"""
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "model"))
import tiny_models  # noqa: E402

SHAPE = {"layers": 32, "embd": 4096, "ff": 14336, "heads": 32, "kv": 8, "head": 128, "eps": 1e-5, "base": 5e5}
VOCAB = 32000
RANDOM = ("token_embd.", "blk.0.", "blk.%d." % (SHAPE["layers"] - 1))
MIB = 1 << 20
# Beside packed weights: the executor's registers and scratch, K and V, a tile a thread, the tokenizer.
OWN = 64 * MIB


def sizes():
    """Names, types, shapes and bytes of all tensors."""
    for name, kind, shape in tiny_models.shapes("llama", SHAPE, "q4_k"):
        real = "f32" if kind == "norm" else kind
        _, elements, size, _ = tiny_models.TYPES[real]
        count = 1
        for n in shape:
            count *= n
        yield name, kind, real, shape, count // elements * size


def write(path):
    """Returns the bytes of all tensors."""
    tiny_models.VOCAB = VOCAB
    values = tiny_models.metadata("llama", "large", SHAPE, "q4_k")
    tensors = list(sizes())
    directory, at = b"", 0
    for name, _, real, shape, size in tensors:
        directory += tiny_models.text(name) + struct.pack("<I", len(shape))
        directory += b"".join(struct.pack("<Q", n) for n in shape)
        directory += struct.pack("<IQ", tiny_models.TYPES[real][0], at)
        at += size + -size % 32
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    head += b"".join(tiny_models.entry(k, v) for k, v in values.items()) + directory
    head += bytes(-len(head) % 32)
    rng = random.Random("large")
    with open(path, "wb") as file:
        file.write(head)
        for name, kind, _, shape, size in tensors:
            end = file.tell() + size + -size % 32
            if kind == "norm":
                file.write(tiny_models.tensor(kind, rng, shape, 0.1)[1])
            elif name.startswith(RANDOM):  # one row's bytes over and over would be one row: draw 64, repeat these
                rows = tiny_models.tensor(kind, rng, (shape[0], 64), shape[0] ** -0.5)[1]
                file.write((rows * (shape[1] // 64 + 1))[:size])
            file.seek(end)
        file.truncate(end)
    return sum(size for *_, size in tensors)


def peak(process):
    """The most anonymous memory of a process until it ends."""
    most = [0]

    def watch():
        while process.poll() is None:
            try:
                with open("/proc/%d/status" % process.pid, encoding="utf-8") as file:
                    for line in file:
                        if line.startswith("RssAnon"):
                            most[0] = max(most[0], int(line.split()[1]) * 1024)
            except OSError:
                pass
            done.wait(0.02)

    done = threading.Event()
    thread = threading.Thread(target=watch)
    thread.start()
    output = process.communicate()[0]
    done.set()
    thread.join()
    return most[0], output


def run(vkfi, model, device):
    command = [vkfi, "run", "-m", model, "-p", "hello", "-n", "2", "--json", "-d", device]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    most, output = peak(process)
    if process.returncode != 0:
        sys.exit("%s: exit code %d" % (" ".join(command), process.returncode))
    return most, json.loads(output)["hash"]


def show_plan(vkfi, folder, model):
    """What a campaign of 300 faults comes to, by a pilot."""
    plan = os.path.join(folder, "plan.json")
    with open(plan, "w", encoding="utf-8") as file:
        json.dump({"model": model, "prompts": [{"texts": ["hello", "rivers"]}], "decoding": {"n": 4}, "population": "ops",
                   "where": {"sites": "blk.*.ffn_*", "point": "out"}, "what": {"kind": "flip"},
                   "sampling": {"trials": 300}}, file)
    subprocess.run([vkfi, "plan", "show", plan, "-d", "cpu"], check=True)


def main():
    vkfi = sys.argv[1]
    with open("/proc/meminfo", encoding="utf-8") as file:
        available = next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
    folder = tempfile.mkdtemp(prefix="vkfi-large-")
    try:
        if available < 8 << 30 or shutil.disk_usage(folder).free < 2 << 30:
            print("found %.1f GB of memory, expected 8" % (available / 1e9))
            return 77
        model = os.path.join(folder, "large.gguf")
        weights = write(model)
        print("weights             %8.1f MB, %.1f MB on disk" % (weights / 1e6, os.stat(model).st_blocks * 512 / 1e6))
        found = {}
        for device in ("cpu", "cpu:mapped"):
            found[device] = run(vkfi, model, device)
            print("%-12s anonymous %8.1f MB at most" % (device, found[device][0] / 1e6))
        assert found["cpu"][1] == found["cpu:mapped"][1], "other bits"
        assert weights < found["cpu"][0] < weights + OWN, "packed weights are held once"
        assert found["cpu:mapped"][0] < OWN, "mapped weights are not held"
        show_plan(vkfi, folder, model)
        return 0
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
