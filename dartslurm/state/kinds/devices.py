"""jax's devices: the one of the same platform and number in the new process."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dartslurm.state.contract import Reducer, Reduction, Writer


def claim(cls: type) -> Reducer | None:
    """Take the devices that jax gives out."""
    is_device = cls.__name__ == "Device" and cls.__module__.partition(".")[0] == "jaxlib"
    return reduce_device if is_device else None


def reduce_device(device: Any, _writer: Writer) -> Reduction:
    """Reduce a device to its platform and its number."""
    return find_device, (device.platform, device.id)


def find_device(platform: str, number: int) -> Any:
    """Find a device again."""
    devices = importlib.import_module("jax").devices(platform)
    return next(device for device in devices if device.id == number)
