"""Iterators over trees of XML: ``iter`` and ``itertext`` of an element, in the middle."""

from __future__ import annotations

from ctypes import c_ssize_t
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dartslurm.interpreter.words import object_at, put_object, word
from dartslurm.state.memory import pointer_at, word_at

if TYPE_CHECKING:
    from dartslurm.state.contract import Reduction, Writer

_elementtree: Any = import_module("_elementtree")
_PATH, _DEPTH, _ROOT, _TAG, _IS_TEXT = 16, 24, 40, 48, 56
_STEP_BYTES = 16
"""``ElementIterObject``, ``Modules/_elementtree.c`` (3.11 to 3.13): its path is an array of an
element and the index of its next child, for each level; the root is there until it has begun."""


def reduce_tree_iterator(iterator: Any, writer: Writer) -> Reduction:
    """Reduce an iterator over a tree: its root, or the path to where it is."""
    tag, is_text = pointer_at(iterator, _TAG), bool(word_at(iterator, _IS_TEXT) & 0xFF)
    root, path = pointer_at(iterator, _ROOT), word_at(iterator, _PATH)
    steps = [
        (object_at(place), word(place + 8))
        for place in range(path, path + word_at(iterator, _DEPTH) * _STEP_BYTES, _STEP_BYTES)
    ]
    if root is None:
        writer.defer(fill_tree_iterator, iterator, steps)
        return make_tree_iterator, (tag, is_text, len(steps))
    return start_tree_iterator, (root, tag, is_text)


def start_tree_iterator(root: Any, tag: Any, is_text: bool) -> Any:
    """Rebuild an iterator that has not begun."""
    return root.itertext() if is_text else root.iter(tag)


def make_tree_iterator(tag: Any, is_text: bool, depth: int) -> Any:
    """Rebuild an iterator that has gone ``depth`` levels down, in a tree of nothing else."""
    root = inner = _elementtree.Element(tag if isinstance(tag, str) else "")
    root.text = "text"
    for _ in range(depth - 1):
        inner = _elementtree.SubElement(inner, inner.tag)
        inner.text = "text"
    iterator = start_tree_iterator(root, tag, is_text)
    for _ in range(depth or 2):  # one without a path is exhausted
        next(iterator, None)
    return iterator


def fill_tree_iterator(iterator: Any, steps: list[tuple[Any, int]]) -> None:
    """Put the program's own elements into the path."""
    place = word_at(iterator, _PATH)
    for element, following in steps:
        put_object(place, element)
        c_ssize_t.from_address(place + 8).value = following
        place += _STEP_BYTES


REDUCERS: dict[type, Any] = {
    type(_elementtree.Element("").iter()): reduce_tree_iterator,
}
