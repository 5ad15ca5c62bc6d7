"""Context variables, contexts and tokens: a library's variable by name, the program's by value."""

from __future__ import annotations

import gc
from contextvars import Context, ContextVar, Token
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dartslurm.state.contract import Reduction, Writer


def reduce_variable(variable: ContextVar[Any], writer: Writer) -> Reduction:
    """Reduce a context variable."""
    known = writer.known(variable)
    if known is not None:
        return known
    owner = _class_holder(variable)
    if owner is not None:
        return getattr, owner
    return make_variable, (variable.name, *_default(variable))


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


def reduce_context(context: Context, _writer: Writer) -> Reduction:
    """Reduce a context."""
    return make_context, (list(context.items()),)


def make_context(items: list[tuple[ContextVar[Any], Any]]) -> Context:
    """Rebuild a context."""
    context = Context()
    for variable, value in items:
        context.run(variable.set, value)
    return context


def reduce_token(token: Token[Any], _writer: Writer) -> Reduction:
    """Reduce a token: what its variable was before."""
    missing = token.old_value is Token.MISSING
    return make_token, (token.var, missing, None if missing else token.old_value)


def make_token(variable: ContextVar[Any], missing: bool, old: Any) -> Token[Any]:
    """Rebuild a token of the running context; its variables get their values at the end."""
    if not missing:
        variable.set(old)
    return variable.set(old)


REDUCERS: dict[type, Any] = {
    ContextVar: reduce_variable,
    Context: reduce_context,
    Token: reduce_token,
    type(Token.MISSING): lambda _marker, _writer: (getattr, (Token, "MISSING")),
}
