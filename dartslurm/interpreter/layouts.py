"""What differs from one CPython to the next: a row of facts a version, no branches elsewhere.

Takes nothing; gives `LAYOUT`, the row of the running interpreter (``None`` when it is not
supported), and `unsupported_reason`. Adding a Python is adding a row, after reading its headers.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from platform import python_implementation
from sysconfig import get_config_var


@dataclass(frozen=True, slots=True)
class Layout:
    """Byte offsets in ``_PyInterpreterFrame`` and facts about the bytecode of one minor version.

    Source:
        ``Include/internal/pycore_frame.h`` and ``Include/cpython/pystate.h`` of each version;
        `selfcheck` proves them at attach.
    """

    previous: int
    local_namespace: int
    """Offset of the pointer to the namespace of a module's or class body's frame."""
    stacktop: int
    owner: int
    is_entry: int | None
    """Offset of the flag "called from C" (3.11); later versions have a C-owned frame between."""
    localsplus: int
    """Offset of the first slot: locals, cells, free variables, then the value stack."""
    null_after_callable: bool
    """3.13 pushes the callable first, then NULL; before, NULL came first."""
    has_precall: bool
    stack_kwnames: bool
    """Keyword names lie on the stack (``CALL_KW``) instead of in a register (``KW_NAMES``)."""
    end_for_units: int
    """Code units after the target of ``FOR_ITER`` that an exhausted iterator skips."""
    monitoring: bool
    """``sys.monitoring`` exists; without it line events come from ``sys.settrace``."""
    generator_exception: int
    """Offset in a generator of the exception that its body is handling (``exc_state``)."""
    comparison_shift: int
    """Bits below the operator in the argument of ``COMPARE_OP``."""
    comparison_bool: int
    """The bit of that argument that asks for a bool."""
    c_frame: int | None
    """Offset in ``PyThreadState`` of the chain of C frames (3.11); later a frame marks them."""
    generator_pushes_on_return: bool
    """``RETURN_GENERATOR`` leaves one value although ``dis.stack_effect`` says none."""
    exit_before_enter: bool
    """``BEFORE_WITH`` puts the bound ``__exit__`` into its slot before it calls ``__enter__``."""
    thread_ident: int
    """Offset in ``PyThreadState`` of ``thread_id``; the next four are offsets there as well."""
    thread_dict: int
    thread_context: int
    thread_local_key: int | None
    """What a ``threading.local`` knows the thread by (3.13); before, its ``dict`` has it."""
    thread_trace: int | None
    """``c_tracefunc`` where line events come from tracing; ``c_traceobj`` is two words on."""
    last_instruction: int | None
    """Offset of the pointer that tells an incomplete frame; from 3.13 on its owner does."""
    first_traced: int | None
    """Offset in a code object of the first instruction of a complete frame."""
    keeps_way_down: bool
    """A frame that ends with only incomplete ones below keeps its pointer to them (3.11)."""
    warns_of_threads: bool
    """A fork of a process that has several threads is warned of."""


_ROWS = {
    (3, 11): Layout(
        previous=48, local_namespace=24, stacktop=64, owner=69, is_entry=68, localsplus=72,
        null_after_callable=False, has_precall=True, stack_kwnames=False, end_for_units=0,
        monitoring=False, generator_exception=48,
        comparison_shift=0, comparison_bool=0, c_frame=56, generator_pushes_on_return=True,
        exit_before_enter=True, thread_ident=152, thread_dict=128, thread_context=224,
        thread_local_key=None, thread_trace=72, last_instruction=56, first_traced=168,
        keeps_way_down=True, warns_of_threads=False,
    ),
    (3, 12): Layout(
        previous=8, local_namespace=40, stacktop=64, owner=70, is_entry=None, localsplus=72,
        null_after_callable=False, has_precall=False, stack_kwnames=False, end_for_units=1,
        monitoring=True, generator_exception=40,
        comparison_shift=4, comparison_bool=0, c_frame=None, generator_pushes_on_return=True,
        exit_before_enter=False, thread_ident=136, thread_dict=112, thread_context=208,
        thread_local_key=None, thread_trace=None, last_instruction=56, first_traced=176,
        keeps_way_down=False, warns_of_threads=True,
    ),
    (3, 13): Layout(
        previous=8, local_namespace=40, stacktop=64, owner=70, is_entry=None, localsplus=72,
        null_after_callable=True, has_precall=False, stack_kwnames=True, end_for_units=2,
        monitoring=True, generator_exception=40,
        comparison_shift=5, comparison_bool=16, c_frame=None, generator_pushes_on_return=False,
        exit_before_enter=False, thread_ident=152, thread_dict=128, thread_context=208,
        thread_local_key=288, thread_trace=None, last_instruction=None, first_traced=None,
        keeps_way_down=False, warns_of_threads=True,
    ),
}  # fmt: skip

FRAME_POINTER = 24
"""Offset of ``PyFrameObject.f_frame``, the pointer to the interpreter's own frame."""
OWNED_BY_GENERATOR = 1
OWNED_BY_C_STACK = 3


def unsupported_reason() -> str | None:
    """Tell why this interpreter cannot be captured, or ``None`` when it can."""
    version = "{}.{}.{}".format(*sys.version_info[:3])
    if python_implementation() != "CPython":
        return f"{python_implementation()} is not CPython"
    if sys.version_info[:2] not in _ROWS:
        return f"CPython {version} has no row in dartslurm.interpreter.layouts"
    if get_config_var("Py_GIL_DISABLED"):
        return f"CPython {version} is a free-threaded build"
    if get_config_var("Py_DEBUG") or hasattr(sys, "gettotalrefcount"):
        return f"CPython {version} is a debug build"
    if sys.maxsize != 2**63 - 1 or sys.byteorder != "little":
        return "only 64-bit little-endian machines are supported"
    return None


LAYOUT: Layout = _ROWS.get(sys.version_info[:2], _ROWS[3, 13])
SUPPORTED = unsupported_reason() is None
PYTHON_VERSION = "{}.{}.{}".format(*sys.version_info[:3])
PYTHON_MINOR = "{}.{}".format(*sys.version_info[:2])


def comparison_of(argument: int) -> tuple[int, bool]:
    """Split the argument of ``COMPARE_OP`` into the operator's index and "push a bool"."""
    return argument >> LAYOUT.comparison_shift, bool(argument & LAYOUT.comparison_bool)
