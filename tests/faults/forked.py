# ruff: noqa: E402  (the package is imported after its importer)
"""Run a program once for each call site that it passes, with a fault at that site.

    forked.py KIND EVERY SUBJECT[,SUBJECT…] REPORT FOLDER [PART/PARTS]

Importing takes longer than such a program, so this process imports the package, its sites numbered
(see `sites.py`), and forks a child for each run; the child is an interpreter before its program's
first line. The first child has no fault: it tells which sites are passed, in their order. Then each
run gets its fault the first time that the program passes the site, in a folder of its own. So what
only the first version passes is reached, and the end of the program, its failure, a final stop, a
resume. REPORT gets a line of JSON for each run that differs, and the figures last.

What may not differ: standard output, files, exit code, and the lines on standard error that are not
ours. A start or a resume may also fail, in one line and with a documented exit code: then nothing
of the program has run, and the next start without the fault must do all.
"""

import builtins
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
exec(compile((HERE / "sites.py").read_text(), str(HERE / "sites.py"), "exec"))
KINDS, ROOT, Finder, Sites = map(globals().__getitem__, ("KINDS", "ROOT", "Finder", "Sites"))
LIMIT_SECONDS = 40.0
MOST_TRIES = 5  # what one run passes in a thread of ours, another may end before
SUBJECTS = {  # program, what the fault meets, how it may end besides as a plain run
    "wide": ("wide.py", "run", ()),
    "failing": ("failing.py", "run", ()),
    "stopping": ("stopping.py", "run", (85,)),
    "resumed": ("stopping.py", "resume", ()),
    "begun-again": ("wide.py", "resume", ()),
}
DOCUMENTED = {*range(2, 11), 70, 75}
INTERRUPTED = {130, -signal.SIGINT}

for name in [name for name in os.environ if name.startswith("DART_")]:
    del os.environ[name]
if "PYTHONHASHSEED" not in os.environ:  # a child would start this anew to have one
    os.execve(sys.executable, sys.orig_argv, {**os.environ, "PYTHONHASHSEED": "1"})


class Run:
    """One child: where it runs, what it runs, which site fails."""

    def __init__(self, folder, words, site=-1, *, fresh=True):
        self.folder, self.words, self.site = Path(folder), words, site
        self.store = self.folder.parent / (self.folder.name + ".store")
        if fresh:
            shutil.rmtree(self.folder, ignore_errors=True)
            shutil.rmtree(self.store, ignore_errors=True)
            self.folder.mkdir(parents=True)

    def start(self):
        """Fork; returns the process id here, 0 in the child."""
        pid = os.fork()
        if pid:
            return pid
        out = os.open(self.folder / "stdout", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        err = os.open(self.folder / "stderr", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        campaign.log = os.open(str(self.folder) + ".sites", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        campaign.armed = self.site
        os.chdir(self.folder)
        return 0


class Campaign:
    """What the sites ask in a child."""

    def __init__(self):
        self.armed, self.log = -1, -1
        self.seen = bytearray(1 << 16)  # of one size: a capture may meet it while it is filled
        self.phase = b"s"
        self.gate = None
        self.until = 0.0

    def site(self, number):
        if self.seen[number] or self.log < 0:
            return
        self.seen[number] = 1
        if self.armed < 0:
            os.write(self.log, b"%d%s\n" % (number, self.phase))
        elif number == self.armed:
            os.write(self.log, b"%d%s\n" % (number, self.phase))
            raise KINDS[KIND]()  # noqa: RSE102  a function

    def begun(self):
        self.phase = b"r"

    def ended(self):
        self.phase = b"e"

    def ask(self):
        """Ask for a version, where the trigger would catch what fails."""
        self.until = time.monotonic() + 1.0
        try:
            self.gate.ask(Request("interval"))
        except Exception:
            return

    def busy(self):
        """Tell whether it is still being taken or written."""
        if time.monotonic() > self.until:
            return False
        session = self.gate._attempt.__self__
        return self.gate.request is not None or session.publisher.is_writing

    def stop(self):
        os.kill(os.getpid(), signal.SIGUSR1)


def wait(pid):
    """Return the exit code, ``None`` for a run that had to be killed."""
    watched = os.pidfd_open(pid)
    try:
        ready = select.select([watched], [], [], LIMIT_SECONDS)[0]
        if not ready:
            os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        return os.waitstatus_to_exitcode(status) if ready else None
    finally:
        os.close(watched)


def left_by(folder):
    """Return what a run has left: its files, and what it wrote on standard error itself."""
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    err = found.pop("stderr", b"").decode(errors="replace").splitlines()
    return found, [line for line in err if not OURS.match(line)], [x for x in err if OURS.match(x)]


OURS = re.compile(r"dart(-run|-resume)?: ")


class Subject:
    """One program and one way of starting it; yields the runs to be made."""

    def __init__(self, name, folder):
        self.name, self.folder = name, Path(folder) / name
        program, self.way, self.also = SUBJECTS[name]
        self.folder.mkdir(parents=True, exist_ok=True)
        self.program = Path(shutil.copy(HERE / program, self.folder))  # it may change meanwhile
        self.plain = self.learnt = self.base = None

    def words(self, run, way):
        options = ["--dart-store=" + str(run.store), "--dart-interval=0.05"]
        return [way, *options, *(["--here"] if way == "resume" else [str(self.program)])]

    def make(self, site, *, way=None):
        """Prepare a run, always in the same folder: a version names its files."""
        run = Run(self.folder / "run", [], site)
        if self.base is not None:
            shutil.rmtree(run.folder)
            shutil.copytree(self.base / "run", run.folder)
            shutil.copytree(self.base / "run.store", run.store)
        run.words = self.words(run, way or self.way)
        return run


def perform(run):
    """Run to the end; in the child this raises `Child`."""
    pid = run.start()
    if not pid:
        raise Child(run)
    return wait(pid)


class Child(Exception):
    def __init__(self, run):
        self.run = run


def prepare(subject):
    """Run plainly, and up to where the faults begin; return the sites, and those always passed."""
    plain = Run(subject.folder / "plain", [])
    with open(plain.folder / "stdout", "wb") as out, open(plain.folder / "stderr", "wb") as err:
        command = [sys.executable, str(subject.program)]
        done = subprocess.run(
            command, cwd=plain.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err, check=False
        )
    subject.plain = (done.returncode, *left_by(plain.folder)[:2])
    if subject.way == "resume":
        killed = subject.name == "begun-again"
        for _ in range(MOST_TRIES):  # it may end before it is stopped
            base = subject.make(-1, way="killed" if killed else "run")
            code = perform(base)
            if code == (-9 if killed else 85):
                break
        else:
            raise AssertionError((code, (base.folder / "stderr").read_text()))
        subject.base = subject.folder / "base"
        shutil.copytree(base.folder, subject.base / "run")
        shutil.copytree(base.store, subject.base / "run.store")
    first, second = learn(subject), learn(subject)
    return first | second, first.keys() & second.keys()


def learn(subject):
    """Run without a fault; return the phase in which each site was first passed."""
    run = subject.make(-1)
    seen = Path(str(run.folder) + ".sites")
    seen.unlink(missing_ok=True)
    code = perform(run)
    rows = seen.read_text().split()
    difference = judge(subject, run, code, "r")
    assert not difference, (subject.name, difference)
    return {int(row[:-1]): row[-1] for row in rows}


def judge(subject, run, code, phase):
    """Return what is wrong with a run, "" if nothing."""
    if code is None:
        return "hangs"
    files, theirs, ours = left_by(run.folder)
    if (code, files, theirs) == subject.plain:
        return ""
    if KIND == "KeyboardInterrupt" and code in INTERRUPTED:
        if phase == "r" and theirs[-1:] == ["KeyboardInterrupt"] and is_beginning(files, subject):
            return ""  # it reached the program, as a Ctrl-C does, and that does not catch it
        theirs, ours = [], ["interrupted"]
    again = False
    if phase == "s" and code in (DOCUMENTED | INTERRUPTED) and len(ours) == 1 and not theirs:
        again = subject.way == "resume"
        if not again and not files.get("stdout"):
            return ""
    if code in subject.also and not theirs:
        again = True
    if again:
        (run.folder / "stderr").unlink(missing_ok=True)
        then = Run(run.folder, subject.words(run, "resume"), fresh=False)
        for _ in range(3):  # a version before the stop meets the stop again
            code = perform(then)
            if code not in subject.also:
                break
        files, theirs, _ = left_by(run.folder)
        if (code, files, theirs) == subject.plain:
            return ""
    return describe(subject, code, files, theirs, ours)


def is_beginning(files, subject):
    return subject.plain[1].get("stdout", b"").startswith(files.get("stdout", b""))


def describe(subject, code, files, theirs, ours):
    wrong = [f"exit code {code} for {subject.plain[0]}"] if code != subject.plain[0] else []
    names = files.keys() | subject.plain[1].keys()
    wrong += [f"{n} differs" for n in sorted(names) if files.get(n) != subject.plain[1].get(n)]
    if theirs != subject.plain[2]:
        wrong.append("stderr: " + " | ".join(theirs[-4:]))
    return "; ".join(wrong + ours)


def campaign_of(subject, report, done):
    """Run the subject with a fault at each site; return the figures.

    ``done`` are sites that another subject passes in starting: here they are passed the same way.
    """
    found, always = prepare(subject)
    fresh = (one for one in sorted(found) if found[one] != "s" or (subject.way, one) not in done)
    chosen = list(fresh)[PART::PARTS][::EVERY]
    done.update((subject.way, site) for site in found if found[site] == "s")
    wrong = hit = missed = 0
    for site in chosen:
        for _ in range(MOST_TRIES):
            run = subject.make(site)
            fired = Path(str(run.folder) + ".sites")
            fired.unlink(missing_ok=True)
            code = perform(run)
            rows = fired.read_text().split() if fired.exists() else []
            phase = rows[0][-1] if rows else found[site]
            difference = judge(subject, run, code, phase)
            if rows or difference:
                break
        hit += bool(rows)
        missed += not rows and site in always
        if difference:
            wrong += 1
            row = {"subject": subject.name, "kind": KIND, "site": Sites.names[site],
                   "phase": phase, "wrong": difference}  # fmt: skip
            with open(report, "a") as out:
                print(json.dumps(row), file=out)
            kept = subject.folder / f"wrong-{site}"
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(run.folder, kept)
    return {"subject": subject.name, "kind": KIND, "sites": len(found), "runs": len(chosen),
            "always": len(always.intersection(chosen)), "missed": missed, "fired": hit,
            "wrong": wrong}  # fmt: skip


def serve():
    """Make all runs; raises `Child` in each."""
    done = set()
    for name in sys.argv[3].split(","):
        begun = time.monotonic()
        figures = campaign_of(Subject(name, sys.argv[5]), REPORT, done)
        figures["seconds"] = round(time.monotonic() - begun, 1)
        with open(REPORT, "a") as out:
            print(json.dumps(figures), file=out)


KIND, EVERY, REPORT = sys.argv[1], int(sys.argv[2]), Path(sys.argv[4])
PART, PARTS = map(int, (sys.argv[6] if len(sys.argv) > 6 else "0/1").split("/"))
own = str(ROOT / "dartslurm" / "site.py")  # an error from there is one of ours
Campaign.site.__code__ = Campaign.site.__code__.replace(co_filename=own)
campaign = Campaign()
builtins.__dart_site__ = campaign.site
sys.path.insert(0, str(ROOT))
sys.meta_path.insert(0, Finder)
for path in sorted((ROOT / "dartslurm").rglob("*.py")):
    globals()["numbered"](str(path))

import dartslurm.launch.runs
from dartslurm.cli.resume import entry as resume_entry
from dartslurm.cli.run import entry as run_entry
from dartslurm.safepoint.gate import Gate
from dartslurm.safepoint.request import Request

enter, opened = dartslurm.launch.program.enter, Gate.open


def open_gate(gate):
    campaign.gate = gate
    return opened(gate)


Gate.open = open_gate
try:
    serve()
except Child as child:
    way, *words = child.run.words
else:
    sys.exit()
sys.argv[1:] = words
__name__ = "dartslurm"  # an error from here must look like one of ours, not of the program's
for name in ("begun", "ended", "ask", "busy", "stop"):
    setattr(builtins, "tell_" + name, getattr(campaign, name))
builtins.tell_turns = 20_000
if way == "killed":
    builtins.tell_begun = lambda: os.kill(os.getpid(), signal.SIGKILL)
{"run": run_entry, "killed": run_entry, "resume": resume_entry}[way]()
