"""sys.exit with a message: printed to standard error, exit code 1."""
import sys


def main():
    done = []
    for step in ("load", "work", "save"):
        done.append(step)
        print(step)
    return f"could not save after {len(done)} steps"


sys.exit(main())
