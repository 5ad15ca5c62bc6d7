"""``dart-export``: write the arrays of a version to one HDF5 file or Zarr folder.

Usage: dart-export [options] RUN[@VERSION] --hdf5=FILE
       dart-export [options] RUN[@VERSION] --zarr=FOLDER

Every array of the program stands under its frame and variable. Nothing is unpickled and none of
the program's code runs. Without a version the newest whole one. FILE must not exist; it appears
when it is whole. Dates, texts and records are written as bytes with their dtype as an attribute.

  --hdf5=FILE         write HDF5
  --zarr=FOLDER       write Zarr, format 3
  --dart-store=DIR    where runs live (default $DART_STORE, $SCRATCH/dart, ./.dart)
  --help, --version

Exit codes: 0 written, 2 usage, 3 no such run, 4 no such version, 7 store or target cannot be used,
8 damaged, 9 not yours.
"""

from __future__ import annotations

import sys

from dartslurm.cli.command import Command, Progress, one_run, open_repository, split_version
from dartslurm.errors import UsageError

NAME = "dart-export"


def _export(options: dict[str, str], words: list[str]) -> int:
    from dartslurm.store.export import export_hdf5, export_zarr

    targets = [name for name in ("--hdf5", "--zarr") if name in options]
    if len(words) != 1 or len(targets) != 1:
        raise UsageError(
            "give one RUN[@VERSION] and one of --hdf5 and --zarr", remedy=f"see {NAME} --help"
        )
    run_id, number = split_version(words[0])
    run = one_run(open_repository(options), [run_id] if run_id else [], f"see {NAME} --help")
    write = export_hdf5 if targets == ["--hdf5"] else export_zarr
    with run.reader(number) as reader:
        arrays = write(reader, options[targets[0]], Progress(NAME))
        version = reader.version
    said = f"{arrays} arrays of {version.run_id}@{version.number} in {options[targets[0]]}"
    print(f"{NAME}: {said}", file=sys.stderr)
    return 0


COMMAND = Command(NAME, __doc__ or "", {"--hdf5": True, "--zarr": True}, _export)
main = COMMAND.main
entry = COMMAND.entry
