"""``python -m dartslurm`` is ``dart-run``."""

from dartslurm.cli.run import entry

if __name__ == "__main__":
    entry()
