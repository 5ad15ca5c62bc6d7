"""C code imports on behalf of the caller: it looks for ``__builtins__`` in the caller's module."""

import array
import pickle

for turn in range(3):
    made = array.array("d", [turn, 0.5])
    print(turn, "__builtins__" in globals(), __builtins__.__name__)
    print(pickle.loads(pickle.dumps(made)))
