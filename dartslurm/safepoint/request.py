"""A request for a version: why it is wanted, and what happens after it."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic


@dataclass(slots=True)
class Request:
    """One wish for a version.

    ``exit_code`` is what the process ends with once the version is committed (``None``: the
    program goes on). ``patience_seconds`` is how long only the user's own frames are accepted;
    ``limit_seconds`` how long a request that ends the process is kept up before it ends anyway.
    ``armed_seconds`` is how long line events were on for it, which slows the program down.
    """

    cause: str
    exit_code: int | None = None
    patience_seconds: float = 0.25
    limit_seconds: float = 60.0
    asked: float = 0.0
    attempts: int = 0
    failures: int = 0
    waited_for: str = ""
    is_noted: bool = False
    """Whether the journal says already that it has been waiting for long."""
    armed_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.asked = self.asked or monotonic()

    @property
    def waited_seconds(self) -> float:
        """Return how long the request has been open."""
        return monotonic() - self.asked

    @property
    def is_final(self) -> bool:
        """Whether the process ends after this version."""
        return self.exit_code is not None

    @property
    def any_frame(self) -> bool:
        """Whether library frames are accepted as well as the user's."""
        return self.waited_seconds >= self.patience_seconds
