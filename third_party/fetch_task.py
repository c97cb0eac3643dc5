#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Puts the data of tasks named in tasks.json into the cache: fetch, check, place.

usage: fetch_task.py [--accept-licence] NAME...|all

A download that broke off goes on where it stopped, also by another call. A task's folder appears
once all its files are there with the sums of tasks.json, and not before. Prints the folder of each
task. Environment: XDG_CACHE_HOME; VKFI_TASK_SOURCE, a server that has the files instead of GitHub
(SOURCE/OWNER/REPOSITORY/COMMIT/PATH); VKFI_TASK_MANIFEST, another tasks.json; VKFI_TASK_TIMEOUT,
seconds without a byte after which an attempt is given up (30).
Exit status: 0 done, 2 wrong name, licence not accepted, wrong data, or no way to get it.
"""

import fcntl
import hashlib
import http.client
import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

CHUNK = 1 << 16
ATTEMPTS = 5


class Refused(Exception):
    """One line for the user."""


class BrokenOff(Exception):
    """An attempt that may be followed by another."""


def load_manifest():
    own = os.environ.get("VKFI_TASK_MANIFEST")
    path = Path(own) if own else Path(__file__).resolve().parent / "tasks.json"
    return json.loads(path.read_text(encoding="utf-8"))


def choose(manifest, names):
    """The entries of these names, each once."""
    known = {task["name"]: task for task in manifest["tasks"]}
    if "all" in names:
        return list(known.values())
    for name in names:
        if name not in known:
            raise Refused(f"found no task '{name}', expected all or one of {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names)]


def check_licences(tasks, accepted):
    """Data that are not for every use are fetched only by who says that the use is theirs."""
    for task in tasks:
        terms = [word for key, word in (("non_commercial", "non-commercial use only"),
                                        ("share_alike", "share-alike")) if task[key]]
        if terms and not accepted:
            raise Refused(f"{task['name']}: its licence is {task['licence']} ({', '.join(terms)}); "
                          "--accept-licence fetches it")


def cache_folder():
    cache = os.environ.get("XDG_CACHE_HOME")
    return Path(cache if cache else Path.home() / ".cache") / "vkfi" / "tasks"


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_right(path, wanted):
    return path.is_file() and path.stat().st_size == wanted["size"] and \
        sha256_of(path) == wanted["sha256"]


def url_of(manifest, task, file):
    base = os.environ.get("VKFI_TASK_SOURCE") or manifest["lfs" if task["lfs"] else "raw"]
    path = urllib.parse.quote(f"{task['repository']}/{task['commit']}/{file['path']}")
    return f"{base.rstrip('/')}/{path}"


def receive(response, part, size):
    """Appends what comes to what is there, never more than the file has."""
    have = part.stat().st_size
    with open(part, "ab") as out:
        while chunk := response.read(CHUNK):
            have += len(chunk)
            if have > size:
                raise Refused(f"{response.url}: found more than {size} bytes")
            out.write(chunk)
    if have < size:
        raise BrokenOff(f"found {have} of {size} bytes")


def attempt(url, part, size):
    """One request for what is missing."""
    part.touch()
    have = part.stat().st_size
    if have > size:
        os.truncate(part, 0)
        have = 0
    if have == size:
        return
    request = urllib.request.Request(url, headers={"User-Agent": "vkfi"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    timeout = float(os.environ.get("VKFI_TASK_TIMEOUT") or 30)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            begin = response.headers.get("Content-Range", "").partition("-")[0]
            if have and not (response.status == 206 and begin == f"bytes {have}"):
                os.truncate(part, 0)  # the server sends all of it, or something else
                if response.status == 206:
                    raise BrokenOff(f"found bytes from {begin!r}, expected from {have}")
            receive(response, part, size)
    except urllib.error.HTTPError as error:
        if error.code == 416:
            os.truncate(part, 0)
        if error.code in (408, 416, 429) or error.code >= 500:
            raise BrokenOff(f"HTTP {error.code}") from None
        raise Refused(f"{url}: HTTP {error.code}") from None
    except (http.client.HTTPException, urllib.error.URLError, OSError) as error:
        raise BrokenOff(str(getattr(error, "reason", error)) or type(error).__name__) from None


def download(url, part, wanted):
    """All bytes of a file with the right sum in `part`; a wrong sum leaves nothing."""
    for number in range(1, ATTEMPTS + 1):
        try:
            attempt(url, part, wanted["size"])
            break
        except BrokenOff as reason:
            if number == ATTEMPTS:
                raise Refused(f"{url}: {reason}, after {ATTEMPTS} attempts; the next call goes on "
                              "from there") from None
            print(f"{url}: {reason}; again", file=sys.stderr)
            time.sleep(min(2 ** number, 10) * float(os.environ.get("VKFI_TASK_TIMEOUT") or 30) / 60)
    if (found := sha256_of(part)) != wanted["sha256"]:
        part.unlink()
        raise Refused(f"{url}: found sha256 {found}, expected {wanted['sha256']}; nothing kept")


def take_lines(part, lines):
    """Leaves lines first to last, counted from 1."""
    first, last = lines
    rest = b"".join(line + b"\n" for line in part.read_bytes().split(b"\n")[first - 1:last])
    part.write_bytes(rest)


def fetch_file(manifest, task, file, staging, place):
    """One file in the staging folder: that of the cache if it is right, else fetched."""
    path = staging / file["file"]
    if is_right(path, file):
        return
    if is_right(place / file["file"], file):
        shutil.copyfile(place / file["file"], path)
        return
    part = staging / (file["file"] + ".part")
    whole = file.get("of", file)
    url = url_of(manifest, task, file)
    download(url, part, whole)
    if "of" in file:
        take_lines(part, whole["lines"])
        if (found := sha256_of(part)) != file["sha256"]:
            part.unlink()
            raise Refused(f"{url}: lines {whole['lines']} have sha256 {found}, expected "
                          f"{file['sha256']}; nothing kept")
    with open(part, "rb") as written:
        os.fsync(written.fileno())
    os.replace(part, path)


def place_folder(staging, place):
    """The whole task at once; what was there before goes."""
    old = staging.with_name(staging.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        os.rename(place, old)
    os.rename(staging, place)
    shutil.rmtree(old, ignore_errors=True)


def fetch(manifest, task, folder):
    """A folder without all the right files is made whole; one fetch of a task at a time."""
    place = folder / task["name"]
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f".{task['name']}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if all(is_right(place / file["file"], file) for file in task["files"]):
            return place
        staging = folder / f".{task['name']}.fetching"
        staging.mkdir(exist_ok=True)
        for file in task["files"]:
            fetch_file(manifest, task, file, staging, place)
        for path in staging.glob("*.part"):
            path.unlink()
        place_folder(staging, place)
    return place


def main():
    accepted = "--accept-licence" in sys.argv[1:]
    names = [word for word in sys.argv[1:] if word != "--accept-licence"]
    if not names or any(name.startswith("-") for name in names):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        manifest = load_manifest()
        tasks = choose(manifest, names)
        check_licences(tasks, accepted)
        for task in tasks:
            print(fetch(manifest, task, cache_folder()), flush=True)
    except Refused as refusal:
        print(f"fetch_task: {refusal}", file=sys.stderr)
        return 2
    except (OSError, ValueError, KeyError) as error:
        print(f"fetch_task: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
