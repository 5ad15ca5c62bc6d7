"""Names for readers: where an object is found, by frame and variable.

Takes frame images and module items; gives their variables as `Scope`, and a map from identity to
a path such as ``frames/2/X`` or ``modules/__main__/model/weights``. For the map two levels below a
variable are looked at: attributes of instances and string keys of dicts; nothing of the user's is
called.
"""

from __future__ import annotations

from types import CellType
from typing import TYPE_CHECKING, Any

from dartslurm.interpreter.code import slot_names
from dartslurm.model.parts import Scope

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


def scopes_of(images: list[FrameImage], modules: dict[str, dict[str, Any]]) -> list[Scope]:
    """Return every frame, innermost first, and every module with its variables.

    The body of a module has none but the module's.
    """
    found = [
        Scope("frame", image.place, image.qualname.replace(".<locals>", ""), _variables(image))
        for image in reversed(images)
    ]
    for module, items in modules.items():
        shown = [(name, value) for name, value in items.items() if not _is_dunder(name)]
        found.append(Scope("module", module, module, shown))
    return found


def _variables(image: FrameImage) -> list[tuple[str, Any]]:
    if image.local_namespace is not None:
        body = image.local_namespace is not image.namespace
        return list(image.local_namespace.items()) if body else []
    names = slot_names(image.plan.code)
    return [
        (names[slot], _content(value))
        for slot, value in zip(image.plan.filled, image.values, strict=False)
        if slot < len(names)
    ]


def _content(value: Any) -> Any:
    """Return what a variable holds that inner functions share."""
    try:
        return value.cell_contents if type(value) is CellType else value
    except ValueError:  # nothing yet
        return value


def _is_dunder(name: Any) -> bool:
    return type(name) is not str or (name.startswith("__") and name.endswith("__"))


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
