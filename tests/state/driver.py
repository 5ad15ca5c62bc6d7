"""Dump the state of a program, or load it in this fresh process and check it.

``driver.py dump PROGRAM STATE`` runs the program as ``__main__`` and dumps its namespace;
``driver.py load STATE CHECK`` rebuilds it and runs the check in it.
"""

import pickle
import sys
from pathlib import Path
from types import ModuleType

from dartslurm.stack.names import scopes_of
from dartslurm.state import modules
from dartslurm.state.pickler import dump_state, load_state


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


if __name__ == "__main__":
    {"dump": dump, "load": load}[sys.argv[1]](*sys.argv[2:])
