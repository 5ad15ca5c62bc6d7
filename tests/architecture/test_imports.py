"""Imports go down only, nothing imports the package root, and a user's process stays light."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys

import pytest
from sources import PACKAGE, ROOT, sources

HEAVY = {"numpy", "zarr", "numcodecs", "torch", "pandas", "sklearn", "h5py", "rich", "submitit"}


def lint_imports(folder):
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as l; l()"]
    environ = {**os.environ, "PYTHONPATH": str(folder)}
    config = ["--config", str(folder / "pyproject.toml"), "--no-cache"]
    return subprocess.run(
        [*command, *config], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


def test_imports_go_down_only():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("errors.py", "import dartslurm.disk"),
        ("store/layout.py", "import dartslurm.journal"),
        ("disk.py", "import dartslurm.store.layout"),
    ],
)
def test_the_contract_finds_an_import_that_goes_up_or_sideways(tmp_path, module, line):
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "dartslurm", ignore=skip)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "dartslurm" / module).open("a") as file:
        file.write(f"\n{line}\n")
    done = lint_imports(tmp_path)
    assert done.returncode != 0
    assert line.split()[-1] in done.stdout


def test_nothing_imports_the_package_root():
    found = []
    for source in sources():
        for node in ast.walk(source.tree):
            root_import = isinstance(node, ast.Import) and any(
                alias.name == "dartslurm" for alias in node.names
            )
            root_from = isinstance(node, ast.ImportFrom) and node.module == "dartslurm"
            if root_from:
                stations = {path.name.removesuffix(".py") for path in PACKAGE.iterdir()}
                root_from = any(alias.name not in stations for alias in node.names)
            if root_import or root_from:
                found.append(f"{source.name}:{node.lineno}")
    assert not found


PUBLIC_INITS = {
    "dartslurm/__init__.py": "what people import",
    "dartslurm/store/__init__.py": "the package is also the function dartslurm.store(…)",
}


def test_station_inits_hold_a_docstring_and_nothing_else():
    for source in sources():
        if source.name.endswith("/__init__.py") and source.name not in PUBLIC_INITS:
            [only] = source.tree.body
            assert isinstance(only, ast.Expr), source.name
            assert isinstance(only.value, ast.Constant), source.name


def loaded_by(statement):
    code = f"import sys; {statement}; print(*sorted({{m.partition('.')[0] for m in sys.modules}}))"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["launch", "cli.run", "cli.resume"])
def test_the_users_process_starts_light(module):
    loaded = loaded_by(f"import dartslurm.{module}")
    assert not loaded & (HEAVY | {"subprocess"})


@pytest.mark.parametrize(
    "command", ["run", "resume", "log", "inspect", "drill", "sbatch", "status"]
)
def test_commands_on_the_login_node_import_no_numpy_zarr_or_torch(command):
    loaded = loaded_by(f"import dartslurm.cli.{command}")
    assert not loaded & HEAVY - {"rich"}
