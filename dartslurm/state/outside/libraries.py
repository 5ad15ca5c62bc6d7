"""Settings of numerical libraries that a program changes by a call."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from dartslurm.state.guard import Lost
from dartslurm.state.quiet import unwarned

if TYPE_CHECKING:
    from collections.abc import Callable


def collect() -> dict[str, Any]:
    """Return the settings of the libraries that are loaded; some warn of those that are old."""
    found: dict[str, Any] = {}
    with unwarned():
        for name, (take, _) in _LIBRARIES.items():
            module = sys.modules.get(name)
            if module is not None:
                found[name] = take(module)
    return found


def restore(found: dict[str, Any]) -> None:
    """Set them again."""
    with unwarned():
        for name, settings in found.items():
            if name in sys.modules:
                _LIBRARIES[name][1](sys.modules[name], settings)


def first() -> list[tuple[Callable[[Any, Any], None], list[Any], list[Any]]]:
    """Return the settings that decide what an object becomes while it is loaded, to be set first.

    Without its 64-bit numbers, jax makes every array of 32 bits, and says nothing.
    """
    jax = sys.modules.get("jax")
    if not hasattr(getattr(jax, "config", None), "_value_holders"):
        return []  # not imported, or not to the end
    return [(give_jax, ["jax"], [_take_jax(jax)])]


def _take_jax(jax: Any) -> dict[str, tuple[Any, tuple[Any, ...]]]:
    """Return each setting for all threads, and what a ``with`` block has set for this one."""
    found = {}
    for name, holder in jax.config._value_holders.items():
        value = holder.get_global() if hasattr(holder, "get_global") else holder.value
        found[name] = value, _local_of(holder)
    return found


def _local_of(holder: Any) -> tuple[Any, ...]:
    """Return the value of this thread, or nothing: jax marks that by an object without a type."""
    local = holder.get_local() if hasattr(holder, "get_local") else None
    return () if local is None or type(local) is object else (local,)


def give_jax(name: str, settings: dict[str, tuple[Any, tuple[Any, ...]]]) -> None:
    """Set what differs from what the import has left."""
    holders = sys.modules[name].config._value_holders
    present = _take_jax(sys.modules[name])
    for key, (value, local) in settings.items():
        if key not in present or type(value) is Lost or (value, local) == present[key]:
            continue
        holder = holders[key]
        if value != present[key][0]:
            holder._set(value)
        if local:
            holder.set_local(*local)
            hook = getattr(holder, "_update_thread_local_hook", None)
            if hook is not None:
                hook(*local)


def _take_numpy(numpy: Any) -> dict[str, Any]:
    return {"errors": numpy.geterr(), "call": numpy.geterrcall(), "size": numpy.getbufsize(),
            "print": numpy.get_printoptions()}  # fmt: skip


def _give_numpy(numpy: Any, settings: dict[str, Any]) -> None:
    numpy.seterrcall(settings["call"])
    numpy.seterr(**settings["errors"])
    numpy.setbufsize(settings["size"])
    options = dict(settings["print"])
    options.pop("override_repr", None)
    numpy.set_printoptions(**options)


def _take_torch(torch: Any) -> dict[str, Any]:
    return {
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "dtype": torch.get_default_dtype(),
        "device": str(torch.get_default_device()) if hasattr(torch, "get_default_device") else None,
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "anomaly": torch.is_anomaly_enabled(),
        "precision": torch.get_float32_matmul_precision(),
        "autocast": {
            device: (torch.is_autocast_enabled(device), torch.get_autocast_dtype(device))
            for device in _DEVICES
        },
        "autocast_cache": torch.is_autocast_cache_enabled(),
        "hook": torch.utils.hooks.RemovableHandle.next_id,
        "cudnn": (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark),
    }  # fmt: skip


_DEVICES = ("cpu", "cuda")


def _give_torch(torch: Any, settings: dict[str, Any]) -> None:
    torch._C._set_grad_enabled(settings["grad"])
    torch.set_default_dtype(settings["dtype"])
    if settings["device"] not in (None, "cpu"):
        torch.set_default_device(settings["device"])
    torch.set_num_threads(settings["threads"])
    torch.use_deterministic_algorithms(settings["deterministic"], warn_only=settings["warn_only"])
    torch.autograd.set_detect_anomaly(settings["anomaly"])
    torch.set_float32_matmul_precision(settings["precision"])
    for device, (enabled, dtype) in settings["autocast"].items():
        torch.set_autocast_enabled(device, enabled)
        torch.set_autocast_dtype(device, dtype)
    torch.set_autocast_cache_enabled(settings["autocast_cache"])
    torch.utils.hooks.RemovableHandle.next_id = settings["hook"]
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = settings["cudnn"]


def _take_pandas(pandas: Any) -> dict[str, Any]:
    config = pandas._config.config
    return {
        name: value
        for name, option in config._registered_options.items()
        if (value := config.get_option(name)) is not option.defval
    }


def _give_pandas(pandas: Any, settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        pandas.set_option(name, value)


def _take_sklearn(sklearn: Any) -> dict[str, Any]:
    found: dict[str, Any] = sklearn.get_config()
    return found


def _give_sklearn(sklearn: Any, settings: dict[str, Any]) -> None:
    sklearn.set_config(**settings)


def _take_matplotlib(matplotlib: Any) -> dict[str, Any]:
    defaults = matplotlib.rcParamsDefault
    changed = {
        name: value
        for name, value in dict.items(matplotlib.rcParams)
        if name not in defaults or dict.__getitem__(defaults, name) != value
    }
    pyplot = sys.modules.get("matplotlib._pylab_helpers")
    return {
        "parameters": changed,
        "figures": dict(pyplot.Gcf.figs) if pyplot is not None else {},
        "groups": [(*place, vars(group)) for place, group in _axes_groups().items()],
    }


def _give_matplotlib(matplotlib: Any, settings: dict[str, Any]) -> None:
    dict.update(matplotlib.rcParams, settings["parameters"])
    if settings["figures"]:
        sys.modules["matplotlib._pylab_helpers"].Gcf.figs.update(settings["figures"])
    groups = _axes_groups()
    for cls, name, axis, state in settings["groups"]:
        if (cls, name, axis) in groups:
            vars(groups[cls, name, axis]).update(state)


def _axes_groups() -> dict[tuple[type, str, str], Any]:
    """Return what classes of axes know about which axes share their limits or their place."""
    base = getattr(sys.modules.get("matplotlib.axes._base"), "_AxesBase", None)
    if base is None:
        return {}
    grouper = sys.modules["matplotlib.cbook"].Grouper
    found = {}
    todo = [base]
    for cls in todo:
        todo += cls.__subclasses__()
        for name, held in vars(cls).items():
            rows = held.items() if type(held) is dict else [("", held)]
            found.update({(cls, name, axis): one for axis, one in rows if type(one) is grouper})
    return found


def _take_mpmath(mpmath: Any) -> dict[str, Any]:
    return {"mp": mpmath.mp.prec, "iv": mpmath.iv.prec}


def _give_mpmath(mpmath: Any, settings: dict[str, Any]) -> None:
    mpmath.mp.prec, mpmath.iv.prec = settings["mp"], settings["iv"]


def _take_tqdm(tqdm: Any) -> bool:
    return hasattr(tqdm.tqdm, "_lock")


def _give_tqdm(tqdm: Any, has_lock: bool) -> None:
    if has_lock:
        tqdm.tqdm.get_lock()  # made with the first bar of a process


_LIBRARIES: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], None]]] = {
    "numpy": (_take_numpy, _give_numpy),
    "torch": (_take_torch, _give_torch),
    "pandas": (_take_pandas, _give_pandas),
    "sklearn": (_take_sklearn, _give_sklearn),
    "matplotlib": (_take_matplotlib, _give_matplotlib),
    "mpmath": (_take_mpmath, _give_mpmath),
    "tqdm": (_take_tqdm, _give_tqdm),
}
