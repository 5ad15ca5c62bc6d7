"""``python -m dartslurm`` is ``dart-run``."""

import os
import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # The current folder comes first, and a random.py there is the program's, not ours. What takes
    # its place is replaced by the program's folder.
    sys.path[0] = os.path.dirname(os.__file__)

from dartslurm.cli.run import entry

if __name__ == "__main__":
    entry()
