"""A working place for one program: start it plainly, under capture, or resumed elsewhere.

Takes a `Subject` and a folder; gives started processes and what their store says. It knows the
capture from outside only: its commands, its exit codes, its store. Keeps: nothing outside the
folder is written; the user's own files are copied into it before each run.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dartslurm.errors import DartError, UsageError
from dartslurm.journal import Journal
from dartslurm.launch.program import check_script, parse_program
from dartslurm.store.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dartslurm.store.repository import Run

PACKAGE_HOME = Path(__file__).resolve().parents[2]
READY_SECONDS = 60.0
COPY_LIMIT_BYTES = 1 << 30
_LEFT_OUT = {".git", ".venv", ".dart", "__pycache__", "node_modules"}
_RESUME = "import sys; from dartslurm.cli.resume import entry; sys.exit(entry())"
_NO_RANDOMIZATION = 0x0040000
_ASK = 0xFFFFFFFF


@dataclass(frozen=True)
class Subject:
    """One program: ``argv`` is what stands behind ``python`` on the command line.

    ``environment`` is added to ours; ``folders`` are copied into the working place before each
    run, under the names given.
    """

    name: str
    argv: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    folders: tuple[tuple[Path, str], ...] = ()


def take_subject(words: list[str], place: Path) -> Subject:
    """Make the subject of a user's command line, with copies in ``place`` of what it may touch.

    Those are the working directory and, where the script lies elsewhere, the script's folder.

    Raises:
        UsageError: if it is no program, or too much would have to be copied.
    """
    program = parse_program(words)
    argv = tuple(program.argv)
    folders = [(_copy_aside(Path.cwd(), place / "given" / "cwd"), "cwd")]
    if program.kind == "script":
        check_script(program.target)
        script = Path(program.target)
        script = script.parent.resolve() / script.name  # without ".." on the way
        if Path.cwd() not in script.parents:
            folders.append((_copy_aside(script.parent, place / "given" / "program"), "program"))
            argv = (str(place / "run" / "program" / script.name), *program.arguments)
        elif Path(program.target).is_absolute():
            inside = script.relative_to(Path.cwd())
            argv = (str(place / "run" / "cwd" / inside), *program.arguments)
    return Subject(" ".join(words), argv, {}, tuple(folders))


def _copy_aside(source: Path, target: Path) -> Path:
    size = 0
    for folder, names, files in os.walk(source):
        names[:] = [name for name in names if name not in _LEFT_OUT]
        size += sum(os.lstat(os.path.join(folder, name)).st_size for name in files)
        if size > COPY_LIMIT_BYTES:
            raise UsageError(
                f"{source} holds more than {COPY_LIMIT_BYTES >> 20} MiB, too much to copy",
                remedy="start the drill in a folder with only what the program reads",
            )
    shutil.copytree(source, target, symlinks=True, ignore=_ignored)
    return target


def _ignored(folder: str, names: list[str]) -> list[str]:
    """Leave out what is no part of a program, and what is neither file, folder nor link."""
    found = []
    for name in names:
        path = os.path.join(folder, name)
        plain = os.path.islink(path) or os.path.isfile(path) or os.path.isdir(path)
        if name in _LEFT_OUT or not plain:
            found.append(name)
    return found


class Bench:
    """One working place: a folder with ``cwd``, ``stdout``, ``stderr`` and the store.

    Every start appends to the same two stream files, as a requeued job does. Each start after
    the first has another hash seed and another address layout, and a resumed one stands in another
    directory: none may matter.
    """

    def __init__(self, folder: Path, subject: Subject) -> None:
        self.folder = folder
        self.subject = subject
        self.store = folder / "store"
        self.starts = 0
        for name in ("cwd", "elsewhere"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def start(
        self, command: list[str], where: str = "cwd", **extra: str
    ) -> subprocess.Popen[bytes]:
        """Start ``command`` with its streams appended to this place's files."""
        self.starts += 1
        streams = [(self.folder / name).open("ab") for name in ("stdout", "stderr")]
        try:
            with layout(fixed=self.starts % 2 == 1):
                return subprocess.Popen(
                    command,
                    cwd=self.folder / where,
                    env=environment(self.subject, hash_seed=self.starts, **extra),
                    stdin=subprocess.DEVNULL,
                    stdout=streams[0],
                    stderr=streams[1],
                )
        finally:
            for stream in streams:
                stream.close()

    def plain(self) -> subprocess.Popen[bytes]:
        """Start the program as its user would without us."""
        return self.start([sys.executable, *self.subject.argv])

    def captured(self, interval: str, **extra: str) -> subprocess.Popen[bytes]:
        """Start the program under capture."""
        options = [f"--dart-store={self.store}", f"--dart-interval={interval}"]
        return self.start(
            [sys.executable, "-m", "dartslurm", *options, *self.subject.argv], **extra
        )

    def resumed(self, interval: str, **extra: str) -> subprocess.Popen[bytes]:
        """Go on with the newest run of the store, in a fresh process that stands elsewhere."""
        command = [sys.executable, "-c", _RESUME, f"--dart-store={self.store}", "--here"]
        return self.start(command, "elsewhere", DART_INTERVAL=interval, **extra)

    def run(self) -> Run | None:
        """Return the run of the store."""
        try:
            repository = Repository.open(str(self.store))
            runs = repository.runs()
            return repository.run(runs[0]) if runs else None
        except DartError:
            return None

    def places(self) -> list[str]:
        """Return ``number cause place`` of every committed version, oldest first."""
        run = self.run()
        try:
            versions = run.versions() if run is not None else []
        except DartError:
            return []
        return [f"version {one.number} ({one.cause}) at {one.place}" for one in versions]

    def journal(self) -> list[dict[str, Any]]:
        """Return the rows of the run's journal."""
        run = self.run()
        return Journal(run.journal_path).read() if run is not None else []

    def clear(self) -> None:
        """Throw away everything: the program begins anew, with fresh copies."""
        for name in ("cwd", "store", *(name for _, name in self.subject.folders)):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for origin, name in self.subject.folders:
            shutil.copytree(origin, self.folder / name, symlinks=True)
        (self.folder / "cwd").mkdir(exist_ok=True)
        for name in ("stdout", "stderr"):
            (self.folder / name).unlink(missing_ok=True)
        self.starts = 0


@contextmanager
def layout(*, fixed: bool) -> Iterator[None]:
    """Let what is started meanwhile lie where it always lies, not at random addresses.

    Source:
        personality(2); it is inherited, and refused in some containers, where all is random.
    """
    library = ctypes.CDLL(None)
    before = library.personality(_ASK)
    if fixed and before >= 0:
        library.personality(before | _NO_RANDOMIZATION)
    try:
        yield
    finally:
        if before >= 0:
            library.personality(before)


def environment(subject: Subject, *, hash_seed: int, **extra: str) -> dict[str, str]:
    """Return the environment of a start: nothing of ours but what ``extra`` says."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DART_")}
    paths = [subject.environment.get("PYTHONPATH", kept.get("PYTHONPATH", ""))]
    if PACKAGE_HOME.name not in ("site-packages", "dist-packages"):
        paths.insert(0, str(PACKAGE_HOME))
    fixed = {
        "PYTHONHASHSEED": str(hash_seed),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
    return {**kept, **subject.environment, **fixed, **extra}


def wait_ready(process: subprocess.Popen[bytes]) -> None:
    """Wait until the process has its own handler for USR1, or has ended.

    Raises:
        TimeoutError: if neither comes to pass.

    Source:
        ``SigCgt`` in ``/proc/PID/status``, proc_pid_status(5).
    """
    limit = time.monotonic() + READY_SECONDS
    bit = 1 << (signal.SIGUSR1 - 1)
    while process.poll() is None and time.monotonic() < limit:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            return
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        if caught & bit:
            return
        time.sleep(0.01)
    if process.poll() is None:
        raise TimeoutError(f"no handler for USR1 in {READY_SECONDS:.0f} s")


def wait_exit(process: subprocess.Popen[bytes], seconds: float) -> int:
    """Wait for the end of the process.

    Raises:
        TimeoutError: if it takes longer; then it is killed.
    """
    code = poll(process, seconds)
    if code is None:
        kill_all(process)
        process.wait()
        raise TimeoutError(f"did not end in {seconds:.0f} s")
    return code


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """Kill a process with all that it has started, as the end of a job does."""
    found = [process.pid] if process.poll() is None else []
    for pid in found:
        for listed in glob(f"/proc/{pid}/task/*/children"):
            with suppress(OSError):
                found += map(int, Path(listed).read_text().split())
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def poll(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """Wait at most so long; return the exit code of a process that has ended."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
