"""PyTorch: tensors with all they hold, and storages shared by their views.

torch's own pickling of a tensor leaves out ``.grad`` and hooks; ours states them. A storage is one
leaf for all tensors (and numpy arrays) over it. A tensor inside a live autograd graph cannot
travel: the graph holds saved values that only C++ can reach; it is a veto until ``backward`` has
freed it. A freed graph is rebuilt so that it prints, and refuses a second ``backward``, as before.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from dartslurm.errors import MismatchError
from dartslurm.state.contract import (
    LATE_ROOTS,
    Reducer,
    Reduction,
    Writer,
    reader,
    veto,
    while_alive,
)
from dartslurm.state.layout import dict_door
from dartslurm.state.memory import LEAF_BYTES

torch: Any = import_module("torch")

_NEVER_NOW = ("RecordFunction", "_RecordFunction", "ScriptObject", "_KinetoProfile", "profile")
_PLAIN = {torch.strided}


def claim(cls: type) -> Reducer | None:
    """Take tensors, parameters, storages, and what only C++ knows."""
    if issubclass(cls, torch.Tensor):
        return reduce_tensor
    if issubclass(cls, torch.optim.Optimizer):
        return reduce_optimizer
    if cls.__name__ in _NEVER_NOW and (cls.__module__ or "").startswith("torch"):
        return reduce_never
    if issubclass(cls, torch.autograd.graph.Node) or _is_node(cls):
        return reduce_node
    return None


def _is_node(cls: type) -> bool:
    return hasattr(cls, "next_functions") and hasattr(cls, "_register_hook_dict")


def reduce_never(obj: Any, _writer: Writer) -> Reduction:
    """Refuse an object that lives for a moment."""
    return veto(f"torch's {type(obj).__name__} is in use", while_alive(obj))


def reduce_tensor(tensor: Any, writer: Writer) -> Reduction:
    """Reduce a tensor of any class and layout."""
    known = writer.known(tensor)
    if known is not None:
        return known
    node = tensor.grad_fn
    if node is not None and is_live(node):
        veto("an autograd graph is in flight", lambda: is_live(node), tensor)
    writer.defer(fill_tensor, tensor, _state(tensor))
    cls = type(tensor)
    if tensor.layout not in _PLAIN or tensor.is_quantized or _is_wrapper(tensor):
        return _reduce_special(tensor, writer)
    shape = tuple(tensor.shape), tensor.stride(), tensor.storage_offset()
    return make_tensor, (
        cls, tensor.untyped_storage(), tensor.dtype, *shape,
        tensor.requires_grad and node is None, tensor.is_inference(),
        (tensor.is_conj(), tensor.is_neg()), type(node).__name__ if node is not None else None,
    )  # fmt: skip


def _is_wrapper(tensor: Any) -> bool:
    return type(tensor).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__ or (
        tensor.device.type == "meta"
    )


def _reduce_special(tensor: Any, writer: Writer) -> Reduction:
    plain = tensor.detach()
    reduction = torch.Tensor.__reduce_ex__(plain, 5) if not _is_wrapper(tensor) else None
    if reduction is None:
        return writer.own(tensor)
    return make_special, (reduction[0], reduction[1], tensor.requires_grad)


def make_special(build: Any, arguments: tuple[Any, ...], requires_grad: bool) -> Any:
    """Rebuild a sparse, quantized or nested tensor."""
    tensor = build(*arguments)
    return tensor.requires_grad_(requires_grad) if requires_grad else tensor


def _state(tensor: Any) -> dict[str, Any]:
    door = dict_door(type(tensor))
    state = {
        "dict": dict(door.__get__(tensor)) if door is not None else None,
        "grad": tensor.grad if tensor.is_leaf or tensor.retains_grad else None,
        "hooks": tensor._backward_hooks,
        "after": getattr(tensor, "_post_accumulate_grad_hooks", None),
    }
    return {name: value for name, value in state.items() if value is not None}


class _Freed:
    """Marks a node that stands for a graph that ``backward`` had freed."""


def is_live(node: Any) -> bool:
    """Tell whether a graph still holds saved values (``backward`` has not freed it)."""
    seen: set[Any] = set()
    todo = [node]
    unknown = True
    while todo:
        at = todo.pop()
        if at is None or at in seen:
            continue
        seen.add(at)
        if isinstance(at, _Freed):
            return False
        saved = _saved_values(at)
        if saved is False:
            return False
        unknown = unknown and saved is None
        todo += [following for following, _ in at.next_functions]
    return True


def _saved_values(node: Any) -> bool | None:
    """Return True for saved values that are there, False for freed ones, None for none at all."""
    names = [name for name in dir(type(node)) if name.startswith("_raw_saved_")]
    for name in names:
        try:
            getattr(node, name)
            getattr(node, "_saved_" + name.removeprefix("_raw_saved_"), None)
        except RuntimeError:
            return False
    return True if names else None


def fill_tensor(tensor: Any, state: dict[str, Any]) -> None:
    """Give a tensor its gradient, hooks and attributes."""
    if state.get("dict"):
        dict_door(type(tensor)).__get__(tensor).update(state["dict"])
    if "hooks" in state:
        tensor._backward_hooks = state["hooks"]
    if "after" in state:
        tensor._post_accumulate_grad_hooks = state["after"]
    if "grad" in state:
        tensor.grad = state["grad"]


def make_tensor(
    cls: Any, storage: Any, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...],
    offset: int, requires_grad: bool, inference: bool, bits: tuple[bool, bool], node: str | None,
) -> Any:  # fmt: skip
    """Rebuild a tensor over its storage; ``node`` names the freed graph that it came from."""
    with torch.inference_mode(inference):
        tensor = torch.empty((0,), dtype=dtype, device=storage.device)
        with torch.no_grad():
            tensor.set_(storage, offset, shape, strides)
    if bits[0]:
        tensor = torch._conj(tensor)
    if bits[1]:
        tensor = torch._neg_view(tensor)
    if issubclass(cls, torch.nn.Parameter):
        return torch.Tensor._make_subclass(cls, tensor, requires_grad)
    if node is not None:
        tensor = _behind_freed_graph(tensor, node)
    if cls is not torch.Tensor:
        tensor = tensor.as_subclass(cls)
    return tensor.requires_grad_(requires_grad) if requires_grad else tensor


def _behind_freed_graph(tensor: Any, name: str) -> Any:
    """Return ``tensor`` as the result of a graph that ``backward`` has freed."""

    class Freed(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(_context: Any, _leaf: Any) -> Any:
            return tensor

        @staticmethod
        def backward(_context: Any, *_gradients: Any) -> Any:
            raise RuntimeError(_second_backward())

    Freed._backward_cls = type(  # what a printed tensor shows
        name, (_Freed, torch.autograd.function.BackwardCFunction), {"_forward_cls": Freed}
    )
    with torch.enable_grad():
        return Freed.apply(torch.zeros((), requires_grad=True))


def _second_backward() -> str:
    """Return torch's own words for a second ``backward``."""
    with torch.enable_grad():
        leaf = torch.ones((), requires_grad=True)
        result = leaf * leaf
        result.backward()
        try:
            result.backward()
        except RuntimeError as error:
            return str(error)
    return "Trying to backward through the graph a second time"


def reduce_optimizer(optimizer: Any, writer: Writer) -> Reduction:
    """Reduce an optimizer bare: its own pickling drops its hooks."""
    writer.defer(fill_optimizer, optimizer, None)
    return writer.raw(optimizer) or writer.own(optimizer)


def fill_optimizer(optimizer: Any, _state: None) -> None:
    """Wrap the class's ``step`` as the constructor does."""
    reader().late(LATE_ROOTS, optimizer._patch_step_function)


def reduce_storage(storage: Any, writer: Writer) -> Reduction:
    """Reduce untyped memory."""
    if storage.device.type == "meta":
        return make_meta_storage, (storage.nbytes(),)
    if storage.device.type != "cpu":
        content = storage.cpu()
        return make_device_storage, (str(storage.device), content)
    size = storage.nbytes()
    if size < LEAF_BYTES:
        return make_small_storage, (_bytes_of(storage).tobytes(),)
    view = memoryview(_bytes_of(storage)).cast("B")
    return make_storage, (writer.leaf(storage, view, "|u1", (size,)),)


def _bytes_of(storage: Any) -> Any:
    return torch.empty(0, dtype=torch.uint8).set_(storage).numpy()


def make_storage(index: int) -> Any:
    """Rebuild memory from its leaf."""
    data = reader().leaf(index)
    return torch.frombuffer(data, dtype=torch.uint8).untyped_storage()


def make_small_storage(content: bytes) -> Any:
    """Rebuild memory whose bytes lie in the stream."""
    storage = torch.UntypedStorage(len(content))
    if content:
        _bytes_of(storage)[:] = memoryview(content)
    return storage


def make_meta_storage(size: int) -> Any:
    """Rebuild a storage without memory."""
    return torch.UntypedStorage(size, device="meta")


def make_device_storage(device: str, content: Any) -> Any:
    """Rebuild memory on an accelerator.

    Raises:
        MismatchError: if this node has no such device.
    """
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise MismatchError(
            f"a tensor lay on {device}, and this node has no CUDA device",
            remedy="resume on a node with the same accelerators",
        )
    return content.to(device=torch.device(device)) if device != "cpu" else content


def make_array_on_storage(
    cls: Any, storage: Any, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...],
    offset: int,
) -> Any:  # fmt: skip
    """Rebuild a numpy array over a tensor's memory."""
    import numpy as np

    return np.ndarray.__new__(cls, shape, dtype, _bytes_of(storage), offset, strides)


def reduce_generator(generator: Any, writer: Writer) -> Reduction:
    """Reduce a generator of random numbers."""
    known = writer.known(generator)
    if known is not None:
        return known
    if generator is torch.default_generator:
        return getattr, (torch, "default_generator")
    return make_generator, (str(generator.device), generator.get_state())


def make_generator(device: str, state: Any) -> Any:
    """Rebuild a generator of random numbers."""
    generator = torch.Generator(device)
    generator.set_state(state)
    return generator


def reduce_node(node: Any, writer: Writer) -> Reduction:
    """Reduce a node of an autograd graph: only freed ones can be left behind."""
    if is_live(node):
        veto("an autograd graph is in flight", lambda: is_live(node), node)
    return writer.refuse(node, "a node of a freed autograd graph")


def reduce_device(device: Any, _writer: Writer) -> Reduction:
    """Reduce a device."""
    return torch.device, ((device.type,) if device.index is None else (device.type, device.index))


def reduce_limits(limits: Any, _writer: Writer) -> Reduction:
    """Reduce ``torch.finfo`` or ``torch.iinfo``."""
    return type(limits), (getattr(torch, limits.dtype),)


REDUCERS: dict[type, Any] = {
    torch.finfo: reduce_limits,
    torch.iinfo: reduce_limits,
    torch.Tensor: reduce_tensor,
    torch.nn.Parameter: reduce_tensor,
    torch.UntypedStorage: reduce_storage,
    torch.Generator: reduce_generator,
    torch.device: reduce_device,
}
