"""What the program has told us, abstract classes of libraries, jax and torch about its types."""

from __future__ import annotations

import abc
import sys
import weakref
from typing import Any

from dartslurm.state.kinds.registered import by_program, register
from dartslurm.state.modules import user_modules

_KERAS = "keras.src.saving.object_registration"
_found: dict[Any, list[tuple[weakref.ref[type], weakref.ref[type]]]] = {}
"""Abstract classes of libraries with virtual subclasses, for the newest count of registrations."""


def collect() -> tuple[list[Any], ...]:
    """Return the program's registrations: with us, with abstract classes of libraries, as nodes."""
    return by_program(), _virtual_subclasses(), _tree_nodes(), _torch_nodes(), _of_keras()


def restore(found: tuple[list[Any], ...]) -> None:
    """Register them in this process."""
    types, virtual, nodes, of_torch, of_keras = found
    for name, key, value in of_keras:
        vars(sys.modules[_KERAS])[name].setdefault(key, value)
    for row in types:
        register(*row)
    for base, cls in virtual:
        abc.ABCMeta.register(base, cls)
    for node in nodes:
        _give_node(*node)
    for cls, flatten, unflatten, with_keys in of_torch:
        trees = sys.modules["torch.utils._pytree"]
        if cls not in trees.SUPPORTED_NODES:
            trees.register_pytree_node(cls, flatten, unflatten, flatten_with_keys_fn=with_keys)


def _tree_nodes() -> list[tuple[type, Any, Any]]:
    """Return what jax takes for a node of a tree because the program has said so.

    C++ keeps it, too; Python has the class and its two functions.
    """
    nodes = getattr(sys.modules.get("jax._src.tree_util"), "_registry", {})
    rows = ((cls, entry.to_iter, entry.from_iter) for cls, entry in nodes.items())
    return list(filter(_is_own, rows))


def _torch_nodes() -> list[tuple[type, Any, Any, Any]]:
    """Return what torch takes for a node of a tree because the program has said so."""
    nodes = getattr(sys.modules.get("torch.utils._pytree"), "SUPPORTED_NODES", {})
    rows = ((cls, *node[1:4]) for cls, node in nodes.items() if len(node) == 4)
    return list(filter(_is_own, rows))


def _of_keras() -> list[tuple[str, Any, Any]]:
    """Return what ``register_keras_serializable`` has written down about the program's classes."""
    names = vars(sys.modules[_KERAS]) if _KERAS in sys.modules else {}
    return [
        (name, key, value)
        for name in ("GLOBAL_CUSTOM_OBJECTS", "GLOBAL_CUSTOM_NAMES")
        for key, value in names.get(name, {}).items()
        if getattr(value if type(key) is str else key, "__module__", None) in user_modules()
    ]


def _is_own(row: tuple[Any, ...]) -> bool:
    known = user_modules()
    return row[0].__module__ in known or getattr(row[1], "__module__", None) in known


def _give_node(cls: type, flatten: Any, unflatten: Any) -> None:
    trees = sys.modules["jax._src.tree_util"]
    if cls in trees._registry:
        return
    code = getattr(flatten, "__code__", None)
    names = code.co_freevars if code is not None else ()
    fields = {name: flatten.__closure__[i].cell_contents for i, name in enumerate(names)}
    if {"data_fields", "meta_fields"} <= fields.keys():
        trees.register_dataclass(cls, fields["data_fields"], fields["meta_fields"])
    elif hasattr(cls, "tree_flatten_with_keys"):
        trees.register_pytree_with_keys_class(cls)
    else:
        trees.register_pytree_node(cls, flatten, unflatten)


def _virtual_subclasses() -> list[tuple[type, type]]:
    """Return the program's classes that are registered with a library's (``Number.register``)."""
    token = abc.get_cache_token()
    if token not in _found:
        _found.clear()
        _found[token] = _search()
    rows = [(base(), cls()) for base, cls in _found[token]]
    return [(base, cls) for base, cls in rows if base is not None and cls is not None]


def _search() -> list[tuple[weakref.ref[type], weakref.ref[type]]]:
    known = user_modules()
    todo: list[type] = [object]
    seen = {id(object)}
    rows: list[tuple[weakref.ref[type], weakref.ref[type]]] = []
    while todo:
        below: list[type] = type.__subclasses__(todo.pop())
        for cls in below:
            if id(cls) not in seen:
                seen.add(id(cls))
                todo.append(cls)
                if issubclass(type(cls), abc.ABCMeta) and cls.__module__ not in known:
                    rows += [(weakref.ref(cls), ref) for ref in _registered(cls)]
    return [
        (base, ref)
        for base, ref in rows
        if (found := ref()) is not None and getattr(found, "__module__", None) in known
    ]


def _registered(base: type) -> set[weakref.ref[type]]:
    found: set[weakref.ref[type]] = sys.modules["_abc"]._get_dump(base)[0]
    return found
