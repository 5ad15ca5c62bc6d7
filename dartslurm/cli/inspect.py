"""``dart-inspect``: what a version holds, and what it does not.

Usage: dart-inspect [options] [RUN[@VERSION] | JOBID[@VERSION]]

Place, frames (innermost first) and every variable of every frame and module: its type and size,
and whether it is stored, goes by reference, is re-created at the resume, or is lost and why. Then
what is kept of the outside: working directory, arguments, files with their length. Nothing is
unpickled and none of the program's code runs. Without a version the newest, of a job's last run.

  --all               library frames and by-reference variables too
  --json              one object with "schema": 1
  --dart-store=DIR    where runs live (default $DART_STORE, $SCRATCH/dart, ./.dart)
  --help, --version

Exit codes: 0 shown, 2 usage, 3 no such run or job, 4 no such version, 7 the store cannot be used,
8 damaged, 9 not yours.
"""

from __future__ import annotations

import json
from time import localtime, strftime
from typing import TYPE_CHECKING, Any

from dartslurm.cli.command import (
    Command,
    chosen_runs,
    open_repository,
    show_bytes,
    split_version,
)
from dartslurm.errors import NoVersionError, UsageError

if TYPE_CHECKING:
    from dartslurm.store.reader import VersionReader
    from dartslurm.store.repository import Run

NAME = "dart-inspect"
_ARRAYS = "arrays"


def _inspect(options: dict[str, str], words: list[str]) -> int:
    if len(words) > 1:
        raise UsageError(f"one version at a time, not {len(words)}", remedy=f"see {NAME} --help")
    name, number = split_version(words[0]) if words else (None, None)
    run = chosen_runs(open_repository(options), name)[-1]
    with run.reader(_newest(run) if number is None else number) as reader:
        shown = describe(reader)
    if "--json" in options:
        print(json.dumps(shown, indent=1))
    else:
        print("\n".join(_lines(shown, everything="--all" in options)))
    return 0


def _newest(run: Run) -> int:
    newest = run.newest()
    if newest is None:
        raise NoVersionError(
            f"{run.record.run_id} has no version that can be read", remedy="see dart-log"
        )
    return newest.number


def describe(reader: VersionReader) -> dict[str, Any]:
    """Return what a version holds, as plain JSON."""
    version, meta = reader.version, reader.meta
    ledger = [row for row in meta.get("ledger", []) if isinstance(row, dict)]
    lost = [row["path"] for row in ledger if row.get("lost")]
    arrays = _arrays(reader)
    scopes = meta.get("variables") or [
        {"kind": "frame", "title": place, "prefix": "", "variables": [], "left_out": 0}
        for place in reversed(meta.get("frames", []))
    ]
    depth = len([scope for scope in scopes if scope["kind"] == "frame"])
    for number, scope in enumerate(scopes):
        if scope["kind"] == "frame":
            folder = f"frames/{depth - 1 - number}"
        else:
            folder = f"modules/{scope['title']}"
        for row in scope["variables"]:
            _complete(
                row, f"{scope['prefix']}.{row['name']}", f"{folder}/{row['name']}", lost, arrays
            )
    return {
        "schema": 1,
        "run": version.run_id,
        "version": version.number,
        "time_utc": version.time_utc,
        "cause": version.cause,
        "attempt": version.attempt,
        "node": version.node,
        "place": version.place,
        "python": meta.get("python"),
        "bytes_total": version.bytes_total,
        "bytes_new": version.bytes_new,
        "waited_seconds": meta.get("waited_seconds"),
        "waited_for": meta.get("waited_for"),
        "scopes": scopes,
        "ledger": ledger,
        _ARRAYS: [{"path": path, **facts} for path, facts in arrays],
        "outside": _outside(meta),
    }


def _arrays(reader: VersionReader) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for leaf in reader.manifest.leaves:
        rows = reader.manifest.rows[leaf.first : leaf.first + leaf.count]
        size = sum(row.size_bytes for row in rows)
        found.append((leaf.path, {"dtype": leaf.dtype, "shape": list(leaf.shape), "bytes": size}))
    return found


def _complete(
    row: dict[str, Any],
    path: str,
    leaf_path: str,
    lost: list[str],
    arrays: list[tuple[str, dict[str, Any]]],
) -> None:
    """Add what lies below a variable: objects that are lost, and the memory of arrays."""
    below = [other for other in lost if other.startswith((f"{path}.", f"{path}["))]
    if below and row["status"] != "lost":
        row["lost_below"] = below
    sizes = [facts["bytes"] for at, facts in arrays if f"{at}/".startswith(f"{leaf_path}/")]
    if sizes and "bytes" not in row:
        row["bytes"] = sum(sizes)


def _outside(meta: dict[str, Any]) -> dict[str, Any]:
    plain = dict(meta.get("surroundings") or {})
    environment = plain.pop("environment", {})
    plain["environment_names"] = sorted(environment.get("set", {}))  # values may be secrets
    plain["environment_withheld"] = environment.get("withheld", [])
    return {**plain, "files": (meta.get("files") or {}).get("lengths", {})}


def _lines(shown: dict[str, Any], *, everything: bool) -> list[str]:
    when = strftime("%Y-%m-%dT%H:%M:%S", localtime(shown["time_utc"]))
    lines = [
        f"{shown['run']}@{shown['version']}  {when}  {shown['cause']}, attempt {shown['attempt']} "
        f"on {shown['node']}, Python {shown['python']}",
        f"at {shown['place']}",
        f"{show_bytes(shown['bytes_total'])}, of which {show_bytes(shown['bytes_new'])} were new",
    ]
    for scope in shown["scopes"]:
        lines += _scope_lines(scope, everything=everything)
    lost = [row for row in shown["ledger"] if row.get("lost")]
    changed = [row for row in shown["ledger"] if not row.get("lost")]
    lines += ["", f"lost: {len(lost) or 'nothing'}"]
    lines += [f"  {row['path']}  {row['type']}: {row['reason']}" for row in lost]
    if changed:
        lines += ["", "not as it was:"]
        lines += [f"  {row['path']}  {row['type']}: {row['reason']}" for row in changed]
    return lines + _outside_lines(shown["outside"])


def _scope_lines(scope: dict[str, Any], *, everything: bool) -> list[str]:
    rows = [row for row in scope["variables"] if everything or row["status"] != "by reference"]
    lines = ["", f"{scope['kind']} {scope['title']}"]
    width = min(24, max((len(row["name"]) for row in rows), default=0))
    kind_width = min(36, max((len(_type(row)) for row in rows), default=0))
    for row in rows:
        text = (
            f"  {row['name']:{width}}  {_type(row):{kind_width}}  {_size(row):>10}  {_status(row)}"
        )
        lines.append(text.rstrip())
    if scope.get("left_out"):
        lines.append(f"  … and {scope['left_out']} more")
    return lines


def _type(row: dict[str, Any]) -> str:
    name = row["type"].removeprefix("builtins.")
    if "shape" in row:
        return f"{name} {row['dtype']} {tuple(row['shape'])}"
    return f"{name}[{row['length']}]" if "length" in row else name


def _size(row: dict[str, Any]) -> str:
    return show_bytes(row["bytes"]) if "bytes" in row else ""


def _status(row: dict[str, Any]) -> str:
    if row.get("lost_below"):
        return f"{row['status']}, but for {', '.join(row['lost_below'])}"
    return f"{row['status']}: {row['why']}" if row.get("why") else str(row["status"])


def _outside_lines(outside: dict[str, Any]) -> list[str]:
    lines = ["", "outside"]
    for name, value in outside.items():
        if name == "files":
            lines += [f"  file {path}, {length} bytes" for path, length in value.items()]
        elif name == "environment_names":
            lines.append(f"  environment: {len(value)} variables set by the program")
        elif name == "environment_withheld" and value:
            lines.append(f"  not kept, as they look like secrets: {', '.join(value)}")
        elif name == "umask":
            lines.append(f"  umask: {value:03o}")
        elif isinstance(value, (str, int, float)):
            lines.append(f"  {name}: {value}")
        elif name == "argv":
            lines.append(f"  argv: {' '.join(map(str, value))}")
    return lines


COMMAND = Command(NAME, __doc__ or "", {"--json": False, "--all": False}, _inspect)
main = COMMAND.main
entry = COMMAND.entry
