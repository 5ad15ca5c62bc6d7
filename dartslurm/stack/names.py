"""Names for readers: where an object is found, by frame and variable.

Takes frame images and module items; gives a map from identity to a path such as
``frames/2/X`` or ``modules/__main__/model/weights``. Two levels below a variable are looked at:
attributes of instances and string keys of dicts; nothing of the user's is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dartslurm.interpreter.code import slot_names

if TYPE_CHECKING:
    from dartslurm.stack.image import FrameImage

_PLAIN = frozenset((int, float, complex, str, bytes, bool, type(None)))
_MOST = 10_000


def name_objects(images: list[FrameImage], modules: dict[str, dict[str, Any]]) -> dict[int, str]:
    """Return a path for each object that a reader would look for."""
    found: dict[int, str] = {}
    for module, items in modules.items():
        for name, value in items.items():
            _add(found, f"modules/{module}/{name}", value, 2)
    for number, image in enumerate(images):
        names = slot_names(image.plan.code)
        for slot, value in zip(image.plan.filled, image.values, strict=False):
            _add(found, f"frames/{number}/{names[slot]}", value, 2)
    return found


def _add(found: dict[int, str], path: str, value: Any, levels: int) -> None:
    kind = type(value)  # isinstance would ask the object for its class
    if kind in _PLAIN or len(found) > _MOST:
        return
    if found.setdefault(id(value), path) != path or not levels:
        return
    if kind is dict:
        children: Any = value
    elif issubclass(kind, type):
        return
    else:
        try:
            children = object.__getattribute__(value, "__dict__")
        except Exception:
            return
    if type(children) is dict and len(children) < _MOST:
        for name, child in list(children.items()):
            if type(name) is str and "/" not in name:
                _add(found, f"{path}/{name}", child, levels - 1)
