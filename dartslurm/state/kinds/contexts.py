"""Context variables, contexts and tokens: a library's variable by name, the program's by value."""

from __future__ import annotations

import gc
from contextvars import Context, ContextVar, Token
from typing import TYPE_CHECKING, Any

from dartslurm.interpreter import fields

if TYPE_CHECKING:
    from dartslurm.state.contract import Reduction, Writer


def reduce_variable(variable: ContextVar[Any], writer: Writer) -> Reduction:
    """Reduce a context variable."""
    known = writer.known(variable)
    if known is not None:
        return known
    if variable.name == "decimal_context":
        return decimal_variable, ()
    owner = _class_holder(variable)
    if owner is not None:
        return getattr, owner
    return make_variable, (variable.name, *_default(variable))


def decimal_variable() -> ContextVar[Any]:
    """Return the variable that decimal's C code keeps to itself."""
    import decimal

    context = Context()  # no other gets a decimal context by this
    context.run(decimal.getcontext)
    return next(variable for variable in context if variable.name == "decimal_context")


def _class_holder(variable: Any) -> tuple[type, str] | None:
    for namespace in gc.get_referrers(variable):
        if type(namespace) is dict:
            for cls in gc.get_referrers(namespace):
                if isinstance(cls, type):
                    for name, value in cls.__dict__.items():
                        if value is variable:
                            return cls, name
    return None


def _default(variable: ContextVar[Any]) -> tuple[Any, ...]:
    if " default=" not in repr_of(variable):
        return ()
    return (Context().run(variable.get),)


def repr_of(variable: ContextVar[Any]) -> str:
    """Tell whether there is a default without printing it."""
    try:
        Context().run(variable.get)
    except LookupError:
        return ""
    return " default="


def make_variable(name: str, *default: Any) -> ContextVar[Any]:
    """Rebuild a context variable."""
    return ContextVar(name, default=default[0]) if default else ContextVar(name)


def reduce_context(context: Context, writer: Writer) -> Reduction:
    """Reduce a context; the thread's own stays this thread's own."""
    if is_own(context):
        return own_context, ()
    writer.defer(fill_context, context, items_of(context))
    return Context, ()


def is_own(context: Context) -> bool:
    """Tell whether ``context`` is the thread's own, below all that are entered."""
    return context is own_context()


def own_context() -> Context:
    """Return the thread's own context."""
    found: Context = fields.current_contexts()[-1]
    return found


def items_of(context: Context) -> list[tuple[ContextVar[Any], Any]]:
    """Return what travels of a context."""
    return [
        (variable, value)
        for variable, value in context.items()
        if type(value).__name__ != "PyCapsule"
    ]


def fill_context(context: Context, items: list[tuple[ContextVar[Any], Any]]) -> None:
    """Give a context the values of its variables."""
    for variable, value in items:
        context.run(variable.set, value)


def reduce_token(token: Token[Any], writer: Writer) -> Reduction:
    """Reduce a token: what its variable was before, where, and whether it has been used."""
    writer.defer(fill_token, token, fields.read(token, fields.TOKEN))
    return make_token, ()


def make_token() -> Token[Any]:
    """Rebuild a token of no variable yet."""
    variable: ContextVar[None] = ContextVar("token")
    token = variable.set(None)
    variable.reset(token)
    return token


def fill_token(token: Token[Any], state: fields.State) -> None:
    """Give a token its context, its variable and the value before."""
    fields.write(token, fields.TOKEN, *state)


REDUCERS: dict[type, Any] = {
    ContextVar: reduce_variable,
    Context: reduce_context,
    Token: reduce_token,
    type(Token.MISSING): lambda _marker, _writer: (getattr, (Token, "MISSING")),
}
