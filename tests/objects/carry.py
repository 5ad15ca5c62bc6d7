"""One side of the round trip of a row of cases: ``carry.py dump|load FOLDER``.

``FOLDER/cases`` holds a case in each line. A fresh ``__main__`` runs each; what it shows after the
capture, and after one more change, is what the other side must show. Each result is written as
soon as it is known, so a crash costs one case.
"""

import json
import logging
import os
import pickle
import shutil
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType

sys.path.insert(0, str(Path(__file__).parent))

from cases import Case
from plain import plain

from dartslurm.errors import DartError
from dartslurm.state import modules
from dartslurm.state.outside import surroundings
from dartslurm.state.pickler import dump_state, load_state


def fresh_main():
    main = sys.modules["__main__"] = ModuleType("__main__")
    vars(main)["__builtins__"] = __builtins__
    return vars(main)


def look(case, names):
    one = names["x"] is names["alias"] is names["holder"]["in"][0]
    return plain((eval(case.view, names), one or "identity lost"))


def change(case, names):
    exec(case.mutate, names)
    names["alias"], names["holder"]["in"][0] = names["x"], names["x"]


def dump(case, folder):
    home = folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    os.chdir(home)
    os.environ["TMPDIR"] = str(home)
    sys.modules["tempfile"].tempdir = None
    names = fresh_main()
    exec(case.source + "\nalias = x\nholder = {'in': [x]}", names)
    change(case, names)
    state = dump_state({"outside": surroundings.collect()[0]})
    leaves = [bytes(leaf.view) for leaf in state.leaves]
    parts = state.stream, leaves, state.header, state.parts
    (folder / "state").write_bytes(pickle.dumps(parts))
    expected = [look(case, names)]
    shutil.copytree(home, folder / "committed", symlinks=True)
    change(case, names)
    expected.append(look(case, names))
    (folder / "expected").write_text(json.dumps(expected))
    lost = [f"{row['path']}: {row['type']}: {row['reason']}" for row in state.ledger if row["lost"]]
    shutil.rmtree(home)
    shutil.copytree(folder / "committed", home, symlinks=True)
    return "; ".join(lost)


def load(case, folder):
    stream, leaves, header, parts = pickle.loads((folder / "state").read_bytes())
    expected = json.loads((folder / "expected").read_text())
    os.chdir(folder / "home")  # as a resume does
    os.environ["TMPDIR"] = str(folder / "home")
    modules.import_recorded(header)
    names = fresh_main()
    modules.make_user_modules(header)
    root = load_state(stream, lambda i: bytearray(leaves[i]), header, parts.__getitem__)
    failed = surroundings.restore_after(root["outside"])
    if failed:
        return "; ".join(failed)
    shown = look(case, names)
    if shown != expected[0]:
        return f"came back as {shown[:300]} instead of {expected[0][:300]}"
    change(case, names)
    shown = look(case, names)
    if shown != expected[1]:
        return f"went on to {shown[:300]} instead of {expected[1][:300]}"
    return ""


def forget_case():
    """Take off what a case has left on the process for the next one."""
    for logger in [logging.getLogger(), logging.getLogger("objects.case")]:
        for handler in logger.handlers[:]:
            logger.removeHandler(handler)
    fileinput = sys.modules.get("fileinput")
    if fileinput is not None:
        fileinput._state = None
    fresh_main()


def describe(error):
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    kind = f"{type(error).__name__}: " if not isinstance(error, DartError) else ""
    return f"{kind}{error} ({where})"


def main(side, folder):
    act = {"dump": dump, "load": load}[side]
    folder = Path(folder)
    cases = [Case(**json.loads(line)) for line in (folder / "cases").read_text().splitlines()]
    with (folder / side).open("a") as results:
        for number, case in enumerate(cases):
            place = folder / str(number)
            place.mkdir(exist_ok=True)
            if side == "load" and not (place / "expected").exists():
                continue
            begun = time.monotonic()
            results.write(json.dumps([number, None, 0]) + "\n")
            results.flush()
            try:
                problem = act(case, place)
            except Exception as error:
                problem = describe(error)
                if os.environ.get("OBJECTS_TRACEBACK"):
                    traceback.print_exc()
            forget_case()
            took = time.monotonic() - begun
            results.write(json.dumps([number, problem, took]) + "\n")
            results.flush()
    os._exit(0)


if __name__ == "__main__":
    import tempfile  # noqa: F401

    main(*sys.argv[1:])
