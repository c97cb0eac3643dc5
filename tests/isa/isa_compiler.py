# SPDX-License-Identifier: MIT
"""isa_dump on the device of one chip, which need not be there."""

import os
import subprocess
import tempfile


class Compiler:
    """A chip's driver. Raises RuntimeError if it does not open."""

    def __init__(self, program, chip, driver):
        self.program = program
        self.chip = chip
        self.env = dict(os.environ, VK_DRIVER_FILES=driver.manifest,
                        VK_ICD_FILENAMES=driver.manifest, MESA_SHADER_CACHE_DISABLE="true")
        self.env.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
        # leaks of the driver are not this program's
        self.env["ASAN_OPTIONS"] = self.env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        if driver.shim:
            self.env["LD_PRELOAD"] = driver.shim
        for env in chip.environments:
            self.env.update(env)
            heads, _ = self.call([])
            if heads is not None:
                self.device = heads["device"]
                self.controls = set(heads["controls"].split())
                return
        raise RuntimeError(f"{chip.name}: {self.error}")

    def call(self, lines):
        """({name: value} before the first job, one text a job); null, null if it fails."""
        heads, texts, part = {}, [], []
        with tempfile.TemporaryFile("w+", encoding="utf-8") as jobs, \
                tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
            jobs.write("".join(line + "\n" for line in lines))
            jobs.seek(0)
            with subprocess.Popen([self.program], env=self.env, stdin=jobs, stderr=errors,
                                  stdout=subprocess.PIPE, text=True, errors="replace") as process:
                for line in process.stdout:
                    if line.startswith("job = "):
                        self.end_part(part, heads, texts)
                        part = []
                    else:
                        part.append(line)
            if process.returncode == 0:
                self.end_part(part, heads, texts)
                return heads, texts
            errors.seek(0)
            at = lines[len(texts)] if heads else "start"
            self.error = f"{at}: exit {process.returncode}: {errors.read().strip()}"
            return None, None

    def end_part(self, part, heads, texts):
        """The first part are the heads; of the others only what is counted is kept."""
        text = "".join(part)
        if heads:
            texts.append(self.chip.code(text))
        else:
            heads.update(line.rstrip("\n").split(" = ", 1) for line in part)

    def compile(self, jobs):
        """A code for each job: (exact, path, {id: value})."""
        lines = []
        for exact, path, settings in jobs:
            constants = [f"{i}={v}" for i, v in sorted(settings.items())]
            lines.append(" ".join(["exact" if exact else "native", str(path), *constants]))
        _, codes = self.call(lines)
        if codes is None:
            raise RuntimeError(f"{self.chip.name}: {self.error}")
        return codes
