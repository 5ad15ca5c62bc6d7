"""Callables: what a call instruction was about to call, and what its value will be.

Takes the operands of an interrupted call; gives an `Outcome` when the value pushed is known from
the callee's return value. Operands are inspected without running code of the user's.
"""

from __future__ import annotations

import gc
import operator
from functools import partial
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    MethodType,
    MethodWrapperType,
)
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import ref

from dartslurm.errors import NotYetError
from dartslurm.interpreter.caches import CACHED, function_of, remember
from dartslurm.interpreter.code import OPTIMIZED, original
from dartslurm.interpreter.depth import facts
from dartslurm.interpreter.frames import IMPORTLIB, NULL, address, head, position, slot
from dartslurm.interpreter.layouts import LAYOUT, comparison_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dartslurm.stack.links import Call

CALLS = frozenset(("CALL", "PRECALL", "CALL_KW", "CALL_FUNCTION_EX"))
_import = __import__
_MRO = type.__dict__["__mro__"]
_SUBCLASSES = type.__dict__["__subclasses__"]
_NAMESPACE = type.__dict__["__dict__"]


class Outcome(NamedTuple):
    """What becomes of the callee's value; see `FramePlan.after`."""

    after: str
    adapter: Any = None


class Arguments(NamedTuple):
    """What a call instruction passes."""

    positional: tuple[Any, ...]
    keywords: dict[str, Any]


def find_static(cls: type, name: str) -> Any:
    """Look ``name`` up on a class as the interpreter does for special methods."""
    for base in _MRO.__get__(cls):
        found = _NAMESPACE.__get__(base).get(name)
        if found is not None:
            return found
    return None


def code_of(function: Any) -> CodeType | None:
    """Return the code that calling ``function`` runs first, if it is plain Python."""
    for _ in range(8):
        kind = type(function)
        if kind is FunctionType:
            return original(function.__code__)
        if kind in (MethodType, classmethod, staticmethod):
            function = function.__func__
        elif kind is partial:
            function = function.func
        else:
            return None
    return None


def operands(call: Call) -> tuple[Any, Arguments]:
    """Return the callable and the arguments of a call that is running through C."""
    count = call.instruction.arg or 0
    if call.instruction.opname == "CALL_FUNCTION_EX":
        flag = count & 1
        function = call.operand((3 if LAYOUT.null_after_callable else 2) + flag)
        positional = _collected(call, 1 + flag, function)
        return function, Arguments(positional, dict(call.operand(1)) if flag else {})
    names: tuple[str, ...] = ()
    above = 0
    if call.instruction.opname == "CALL_KW":
        names, above = call.operand(1), 1
    elif not LAYOUT.stack_kwnames:
        names = _keyword_names(call)
    function = call.operand(count + above + 2)
    bound = call.operand(count + above + 1)
    values = [call.operand(above + count - index) for index in range(count)]
    if LAYOUT.null_after_callable:
        if bound is not NULL:
            values.insert(0, bound)
    elif function is NULL:
        function = bound
    else:
        values.insert(0, bound)
    split = len(values) - len(names)
    return function, Arguments(tuple(values[:split]), dict(zip(names, values[split:], strict=True)))


def _collected(call: Call, place: int, function: Any) -> tuple[Any, ...]:
    """Return the arguments in ``f(*given)``, if the call can still tell them.

    The call makes a tuple of what is given and lets go of that; the stack goes on naming it, a
    list of ``"a b".split()`` that is long gone. Only a tuple is held as long as the call runs. For
    most functions their own code tells enough, and no argument is asked for.

    Raises:
        NotYetError: if an iterator is still giving the arguments, or they would be asked for.
    """
    may_be, kind = head(call.base, call.first + len(call.kinds) - place)
    if may_be and kind == id(tuple):
        given: tuple[Any, ...] = call.operand(place)
        return given
    if may_be and _is_class(kind) and _is_collecting(call.operand(place), function):
        raise NotYetError("the arguments of a call are being collected")
    if _asks_for_arguments(function):
        raise NotYetError("the arguments of a call are gone")
    return ()


_classes: dict[int, Any] = {}


def _is_class(place: int) -> bool:
    """Tell whether a class that is still in use lies at an address."""
    if place in _classes and _classes[place]() is not None:
        return True
    row: list[type] = [object]
    met = set[int]()
    for cls in row:
        if id(cls) == place:
            _classes[place] = ref(cls)
            return True
        if id(cls) not in met:  # it has several bases
            row += _SUBCLASSES(cls)
        met.add(id(cls))
    return False


def _is_collecting(given: Any, function: Any) -> bool:
    """Tell whether ``given`` may be the iterator that code below the call belongs to.

    What is walked over by C code alone is not. Of a plain function the code tells whether it has
    been called, unless the iterator calls that very function.
    """
    step = find_static(type(given), "__iter__") or find_static(type(given), "__getitem__")
    if find_static(type(given), "__next__") is None and code_of(step) is None:
        return False
    code = code_of(function)
    return code is None or any(code_of(one) is code for one in gc.get_referents(given))


def _asks_for_arguments(function: Any) -> bool:
    """Tell whether what becomes of a call's value may depend on its arguments."""
    if code_of(function) is not None:
        return False
    if not isinstance(function, type):
        return code_of(find_static(type(function), "__call__")) is None
    new, initialise = find_static(function, "__new__"), find_static(function, "__init__")
    if code_of(find_static(type(function), "__call__")) is not None:
        return False
    if code_of(new) is not None:
        return initialise is not object.__init__
    return code_of(initialise) is None


def _keyword_names(call: Call) -> tuple[str, ...]:
    code, _ = position(call.frame)
    instructions = facts(code).instructions
    index = instructions.index(call.instruction) - 1
    while index >= 0 and instructions[index].opname == "PRECALL":
        index -= 1
    if index >= 0 and instructions[index].opname == "KW_NAMES":
        names: tuple[str, ...] = code.co_consts[instructions[index].arg or 0]
        return names
    return ()


def outcome(function: Any, arguments: Arguments, inner: FrameType, call: Call) -> Outcome | None:
    """Tell what the call's value is, given that ``inner`` runs below ``function``."""
    code, _ = position(inner)
    function, arguments = _unwrapped(function, arguments)
    if type(function) is CACHED:
        return _cached_outcome(function, arguments, code)
    if code_of(function) is code:
        return Outcome("push")
    if isinstance(function, type):
        return _class_outcome(function, arguments, inner)
    if isinstance(function, BuiltinFunctionType):
        return _builtin_outcome(function, arguments, code)
    if isinstance(function, MethodWrapperType):
        method = find_static(type(function.__self__), function.__name__)
        return Outcome("push") if code_of(method) is code else None
    method = find_static(type(function), "__call__")
    implementation = find_static(type(function), "_implementation")  # numpy's dispatcher
    if implementation is not None and type(function).__module__.startswith("numpy"):
        method = function._implementation
    return Outcome("push") if code_of(method) is code else None


def _unwrapped(function: Any, arguments: Arguments) -> tuple[Any, Arguments]:
    """Return what bound methods and partial functions call, and with which arguments."""
    for _ in range(8):
        kind = type(function)
        if kind is partial:
            keywords = {**function.keywords, **arguments.keywords}
            arguments = Arguments((*function.args, *arguments.positional), keywords)
            function = function.func
        elif kind is MethodType:
            arguments = Arguments((function.__self__, *arguments.positional), arguments.keywords)
            function = function.__func__
        elif kind in (classmethod, staticmethod):
            function = function.__func__
        else:
            break
    return function, arguments


def _cached_outcome(cached: Any, arguments: Arguments, code: CodeType) -> Outcome | None:
    """The wrapper of ``lru_cache`` remembers what its function returns."""
    if code_of(function_of(cached)) is not code:
        return None  # the keys' own methods, perhaps
    return Outcome("apply", partial(remember, cached, arguments.positional, arguments.keywords))


def _class_outcome(cls: type, arguments: Arguments, inner: FrameType) -> Outcome | None:
    code, _ = position(inner)
    if code_of(find_static(type(cls), "__call__")) is code:
        return Outcome("push")
    name = inner.f_code.co_name
    if cls is str and name in ("__str__", "__repr__"):
        return Outcome("push")
    if cls is bool and name in ("__bool__", "__len__"):
        return Outcome("apply", bool)
    if find_static(type(cls), "__call__") is not type.__dict__["__call__"]:
        return None
    initialise = find_static(cls, "__init__")
    if code_of(initialise) is code:
        return Outcome("replace", first_argument(inner))
    if code_of(find_static(cls, "__new__")) is code:
        if initialise is object.__init__:
            return Outcome("push")
        return Outcome("apply", partial(finish_new, cls, arguments.positional, arguments.keywords))
    return None


def first_argument(frame: FrameType) -> Any:
    """Return the first argument of ``frame``, as it is now."""
    value = slot(address(frame), 0)
    return value.cell_contents if type(value) is CellType else value


_SAME_VALUE = frozenset(
    ("iter", "repr", "format", "len", "abs", "round", "divmod", "pow", "reversed", "ascii", "dir")
)


def _builtin_outcome(
    function: BuiltinFunctionType, arguments: Arguments, code: CodeType
) -> Outcome | None:
    name = function.__name__
    if type(function.__self__) is not type(operator):  # a method of some object
        return None
    if function.__self__.__name__ != "builtins":
        return None
    count = len(arguments.positional)
    if name == "__import__":
        return _import_outcome(arguments, code)
    if name in ("exec", "eval") and not code.co_flags & OPTIMIZED:
        return Outcome("replace") if name == "exec" else Outcome("push")
    if name == "getattr" and count == 2:
        guarded = find_static(type(arguments.positional[0]), "__getattr__") is not None
        return None if guarded and code.co_name != "__getattr__" else Outcome("push")
    if name in ("setattr", "delattr"):
        return Outcome("replace")
    if name in ("isinstance", "issubclass") and code.co_name.startswith("__"):
        return Outcome("apply", bool)
    if name == "next" and count == 1:
        return Outcome("push") if _is_next_of(arguments.positional[0], code) else None
    return Outcome("push") if name in _SAME_VALUE and code.co_name.startswith("__") else None


def _import_outcome(arguments: Arguments, code: CodeType) -> Outcome | None:
    if not code.co_filename.startswith(IMPORTLIB):
        return None
    defaults = (None, None, None, (), 0)
    names = ("name", "globals", "locals", "fromlist", "level")
    given = (*arguments.positional, *defaults[len(arguments.positional) :])
    given = tuple(
        arguments.keywords.get(key, value) for key, value in zip(names, given, strict=True)
    )
    name, namespace, _, fromlist, level = given
    return Outcome("apply", partial(finish_import, name, namespace, fromlist, level))


def _is_next_of(iterator: Any, code: CodeType) -> bool:
    return code_of(find_static(type(iterator), "__next__")) is code


def stepping(function: Any, arguments: Arguments, generator: Any) -> Any:
    """Return what advances ``generator`` once, if that is all that the call does.

    The value sent, or the exception thrown, is already inside the generator's frozen body: its
    continuation is entered by a plain step.
    """
    if not isinstance(function, BuiltinFunctionType | MethodWrapperType):
        return _unbound_step(function, arguments, generator)
    if getattr(function, "__self__", None) is generator:
        return step_of(generator) if function.__name__ in ("send", "throw", "__next__") else None
    first = arguments.positional[0] if arguments.positional else None
    if function is next and first is generator:
        return partial(next, *arguments.positional)
    return None


def _unbound_step(function: Any, arguments: Arguments, generator: Any) -> Any:
    """A method call passes the descriptor, and the generator as first argument."""
    name = getattr(function, "__name__", "")
    if name not in ("send", "throw", "__next__") or not arguments.positional:
        return None
    same = find_static(type(generator), name) is function
    return step_of(generator) if same and arguments.positional[0] is generator else None


def step_of(generator: Any) -> Any:
    """Return a function of no arguments that enters the continuation of ``generator``."""
    return partial(type(generator).send, generator, None)


def describe(function: Any) -> str:
    """Name a callable for the journal without running code of the user's."""
    if isinstance(function, type | FunctionType | BuiltinFunctionType | MethodType):
        return str(getattr(function, "__qualname__", type(function).__name__))
    return type(function).__name__


def finish_new(cls: type, positional: tuple[Any, ...], keywords: dict[str, Any], made: Any) -> Any:
    """Do what a class call does after ``__new__``."""
    if isinstance(made, cls):
        type(made).__init__(made, *positional, **keywords)
    return made


def finish_import(name: str, namespace: dict[str, Any], names: Any, level: int, _: object) -> Any:
    """Do what an import does once the module is loaded: it is found among the loaded ones."""
    return _import(name, namespace, None, names, level)


def iterator_of_awaitable(value: Any) -> Any:
    """Return what ``async for`` sends to, given what ``__anext__`` returned."""
    if type(value) is CoroutineType:
        return value
    return type(value).__await__(value)


def or_redo(redo: Callable[[Any, Any], Any], left: Any, right: Any, value: Any) -> Any:
    """Return the operator method's value, or let the operator try its other ways."""
    return redo(left, right) if value is NotImplemented else value


_OPERATORS: tuple[Callable[[Any, Any], Any], ...] = (
    operator.add, operator.and_, operator.floordiv, operator.lshift, operator.matmul,
    operator.mul, operator.mod, operator.or_, operator.pow, operator.rshift, operator.sub,
    operator.truediv, operator.xor,
    operator.iadd, operator.iand, operator.ifloordiv, operator.ilshift, operator.imatmul,
    operator.imul, operator.imod, operator.ior, operator.ipow, operator.irshift, operator.isub,
    operator.itruediv, operator.ixor,
)  # fmt: skip
_COMPARISONS = (operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge)


def binary_operator(argument: int) -> Callable[[Any, Any], Any] | None:
    """Return the function behind ``BINARY_OP argument`` (order of ``NB_ADD`` and following)."""
    return _OPERATORS[argument] if argument < len(_OPERATORS) else None


def is_operator_method(name: str) -> bool:
    """Tell whether ``name`` looks like ``__add__``, ``__radd__`` or ``__iadd__``."""
    return name.startswith("__") and name.endswith("__") and name not in ("__index__", "__len__")


def comparison(argument: int) -> tuple[Callable[[Any, Any], Any], bool]:
    """Return the function behind ``COMPARE_OP argument``, and whether a bool is pushed."""
    index, to_bool = comparison_of(argument)
    return _COMPARISONS[index], to_bool


def as_bool_or_redo(redo: Callable[[Any, Any], Any], left: Any, right: Any, value: Any) -> bool:
    """As `or_redo`, where the instruction pushes the truth of the value."""
    return bool(or_redo(redo, left, right, value))
