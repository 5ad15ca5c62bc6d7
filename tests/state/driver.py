"""Dump the state of a program, or load it in this fresh process and check it.

``driver.py dump PROGRAM STATE`` runs the program as ``__main__`` and dumps its namespace;
``driver.py load STATE CHECK`` rebuilds it and runs the check in it; ``driver.py versions STEPS``
takes a version after each step of a program, and prints what each costs, as JSON.
"""

import json
import pickle
import sys
from pathlib import Path
from types import ModuleType

from dartslurm.delta.cuts import Cuts
from dartslurm.delta.stage import Chunking, stage
from dartslurm.delta.staging import Staging
from dartslurm.stack.names import name_objects, scopes_of
from dartslurm.state import modules
from dartslurm.state.pickler import dump_state, load_state
from dartslurm.store.chunks import digest, memory_shape, plan_chunks


def fresh_main():
    main = sys.modules["__main__"] = ModuleType("__main__")
    vars(main)["__builtins__"] = __builtins__
    return main


def dump(program, target):
    namespace = vars(fresh_main())
    namespace["__file__"] = program
    sys.path[0] = str(Path(program).parent)
    with open(program) as file:
        code = compile(file.read(), program, "exec")
    exec(code, namespace)
    items = {name: modules.module_items(found) for name, found in modules.user_modules().items()}
    state = dump_state({"ledger": 1}, scopes=scopes_of([], items))
    for row in state.ledger:
        print(row)
    leaves = [bytes(leaf.view) for leaf in state.leaves]
    parts = (state.stream, leaves, state.header, state.ledger, state.parts)
    with open(target, "wb") as file:
        pickle.dump(parts, file)
    if "check_live" in namespace:
        namespace["check_live"]()


def load(source, check):
    with open(source, "rb") as file:
        stream, leaves, header, ledger, parts = pickle.load(file)
    sys.path += [str(path) for path in Path(source).parent.glob("site-packages")]
    modules.import_recorded(header)
    fresh_main()
    modules.make_user_modules(header)
    root = load_state(stream, lambda index: bytearray(leaves[index]), header, parts.__getitem__)
    assert root == {"ledger": 1}
    namespace = vars(sys.modules["__main__"])
    namespace["ledger"] = ledger
    with open(check) as file:
        code = compile(file.read(), check, "exec")
    exec(code, namespace)


def pickled():
    items = {name: modules.module_items(found) for name, found in modules.user_modules().items()}
    return dump_state({}, path_of=name_objects([], items).get, scopes=scopes_of([], items))


def versions(steps):
    namespace = vars(fresh_main())
    stored, cuts, rows = set(), Cuts(), []
    first, *others = json.loads(Path(steps).read_text())
    exec(compile(first, "step", "exec"), namespace)
    pickled()  # the first capture of a process imports modules of ours
    for step in ("", *others):
        exec(compile(step, "step", "exec"), namespace)
        state = pickled()
        rules = Chunking(plan_chunks, memory_shape, digest, stored.__contains__, cuts, Staging())
        staged = stage(state, rules, {})
        chunks = {leaf.path: leaf.chunks for leaf in staged.leaves}
        rows.append(
            {
                "new": staged.bytes_new,
                "total": staged.bytes_total,
                "leaves": {path: [c.digest.hex() for c in of] for path, of in chunks.items()},
                "new_in": {path: sum(map(new_bytes, of)) for path, of in chunks.items()},
                "streams": [c.digest.hex() for of in staged.streams.values() for c in of],
                "lost": [row["path"] for row in state.ledger if row["lost"]],
            }
        )
        stored.update(c.digest for of in (*chunks.values(), *staged.streams.values()) for c in of)
    print(json.dumps(rows))


def new_bytes(chunk):
    return len(chunk.data or b"")


if __name__ == "__main__":
    {"dump": dump, "load": load, "versions": versions}[sys.argv[1]](*sys.argv[2:])
