"""Numbers every call site of the package, before any of it is imported.

``f(x)`` becomes ``(__dart_site__(7) or f(x))``, and an import inside a function gets a call of its
own before it. The harness defines ``__dart_site__``, which raises when its turn has come. This file
is not imported but executed in the harness, so that it is no module of the program's.
"""

import ast
import importlib.machinery
import os
from pathlib import Path
from typing import ClassVar

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = {
    "__del__",  # see `visit_Lambda`
    "entry",  # the console script: nothing stands around it
    "enter", "_run_script", "_run_code",  # what these call is the program
}  # fmt: skip
THE_PROGRAMS = {"hook", "program", "_original_exec"}  # so are its hook, itself, and its imports
LEFT_OUT = {"selfcheck.py"}  # freezes functions of its own, instruction by instruction
KINDS = {
    "Exception": lambda: Exception("injected"),
    "MemoryError": lambda: MemoryError("injected"),
    "OSError": lambda: OSError(28, "injected"),
    "KeyboardInterrupt": lambda: KeyboardInterrupt(),
    "RecursionError": lambda: RecursionError("injected"),
}


class Sites(ast.NodeTransformer):
    """Number the calls and the imports inside functions."""

    names: ClassVar[list] = []

    def __init__(self, name):
        self.name, self.depth = name, 0

    def inside(self, node):
        self.depth += 1
        body = node.body if isinstance(node.body, list) else None
        if body is None:
            node.body = self.visit(node.body)
        else:
            node.body = [made for one in body for made in self.rows(one)]
        self.depth -= 1
        return node

    def rows(self, node):
        made = self.visit(node)
        return made if isinstance(made, list) else [made]

    def visit_FunctionDef(self, node):
        return node if node.name in NOT_OURS else self.inside(node)

    def visit_Lambda(self, node):
        if [one.arg for one in node.args.args] == ["_"]:
            return node  # of a weak reference: it may be called when the interpreter has gone
        return self.inside(node)

    def site(self, node, what):
        self.names.append(f"{self.name}:{node.lineno}: {what[-60:]}")
        name = ast.Name("__dart_site__", ast.Load())
        return ast.Call(name, [ast.Constant(len(self.names) - 1)], [])

    def visit_Import(self, node):
        if not self.depth:
            return node
        return [ast.copy_location(ast.Expr(self.site(node, "import")), node), node]

    visit_ImportFrom = visit_Import

    def visit_Call(self, node):
        self.generic_visit(node)
        what = ast.unparse(node.func)
        if not self.depth or what.endswith("release") or what in THE_PROGRAMS:
            return node  # to release a lock cannot fail
        called = self.site(node, what)
        return ast.copy_location(ast.BoolOp(ast.Or(), [called, node]), node)


codes = {}


def numbered(path):
    """Compile a file of the package with its sites numbered; always with the same numbers."""
    if path not in codes:
        with open(path, "rb") as file:
            tree = ast.parse(file.read(), path)
        if os.path.basename(path) not in LEFT_OUT:
            tree = Sites(os.path.relpath(path, ROOT)).visit(tree)
        codes[path] = compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)
    return codes[path]


class Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname):
        return numbered(self.get_filename(fullname))


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "dartslurm" and not name.startswith("dartslurm."):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = Loader(spec.loader.name, spec.loader.path)
        return spec
