"""A bench whose captured programs and resumes are forked: a third of the time, for many stops."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path

from dartslurm.drill.bench import Bench, environment, layout

SERVER = Path(__file__).with_name("fork_server.py")


class Forked:
    """A process of the server; what `dartslurm.drill` needs of a ``Popen``."""

    def __init__(self, server: ForkServer) -> None:
        self._server = server
        self.pid = server.answer(None)
        self.returncode = None

    def wait(self, seconds: float | None = None) -> int:
        if self.returncode is None:
            self.returncode = self._server.answer(seconds)
        return self.returncode

    def poll(self) -> int | None:
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None


class ForkServer:
    """One server; ``fixed`` is its layout."""

    def __init__(self, fixed: bool, variables: dict[str, str]) -> None:
        with layout(fixed=fixed):
            self._process = subprocess.Popen(
                [sys.executable, SERVER],
                env=variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
            )

    def start(self, **order: object) -> Forked:
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return Forked(self)

    def answer(self, seconds: float | None) -> int:
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            raise subprocess.TimeoutExpired("a forked program", seconds)
        text = b""
        while not text.endswith(b"\n"):
            got = os.read(self._process.stdout.fileno(), 1)
            assert got, "the fork server has ended"
            text += got
        return int(text)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class FastBench(Bench):
    """Starts are forked by two servers: the layout of one is fixed, that of the other is not.

    Both have the hash seed of the run: a resume with another one starts anew with the run's, and
    would import all again.
    """

    servers: dict[bool, ForkServer]

    def start(self, command, where="cwd", **extra):
        way = {"-m": "run", "-c": "resume"}.get(command[1])
        if way is None or command[2] == "-c":
            return super().start(command, where, **extra)
        self.starts += 1
        variables = environment(self.subject, hash_seed=1, **extra)
        fixed = self.starts % 2 == 1
        if fixed not in self.servers:
            self.servers[fixed] = ForkServer(fixed, variables)
        return self.servers[fixed].start(
            words=[way, *command[3:]],
            folder=str(self.folder / where),
            environment=variables,
            out=str(self.folder / "stdout"),
            err=str(self.folder / "stderr"),
        )
