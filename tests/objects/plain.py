"""What an object shows, as text that two processes can compare; numpy and torch by their bytes."""

from __future__ import annotations

import hashlib
import re

_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
_LONGEST = 300


def plain(value):
    """Return a text that is equal for equal values and free of addresses and set orders."""
    text = _text(value)
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… {len(text)} characters, {hashlib.md5(text.encode()).hexdigest()}"


def _text(value):
    name = type(value).__name__
    module = str(type(value).__module__).partition(".")[0]
    if isinstance(value, dict):
        return f"{name}{{{', '.join(f'{_text(k)}: {_text(v)}' for k, v in value.items())}}}"
    if isinstance(value, (set, frozenset)):
        return f"{name}{{{', '.join(sorted(map(_text, value)))}}}"
    if isinstance(value, (list, tuple)):
        return f"{name}[{', '.join(map(_text, value))}]"
    if module == "numpy" and hasattr(value, "tobytes"):
        shown = value.tolist() if value.dtype.hasobject else value.tobytes().hex()
        mask = _text(value.mask) if hasattr(value, "mask") else ""
        return f"{name} {value.dtype} {value.shape} {_text(shown)}{mask}"
    if module == "torch" and hasattr(value, "tolist"):
        return f"{name} {value.dtype} {value.requires_grad} {value.tolist()}"
    if module == "pandas" and hasattr(value, "dtypes") and hasattr(value, "to_dict"):
        return f"{name} {value.dtypes} {value.index!r} {value.to_dict()}"
    if module == "scipy" and hasattr(value, "toarray"):
        return f"{name} {_text(value.toarray())}"
    return _ADDRESS.sub("0x", repr(value))
