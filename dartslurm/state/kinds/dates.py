"""Dates and times: by their own rule, and with nothing looked for behind those without a zone.

Their rule forgets the attributes of instances of the program's classes; those travel by layout.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from dartslurm.state.kinds import instances
from dartslurm.state.kinds.small import reduce_plain

if TYPE_CHECKING:
    from dartslurm.state.contract import Reduction, Writer

_PROTOCOL = 4
"""From here on the state holds which of two equal hours it is (``fold``)."""


def reduce_time(moment: Any, writer: Writer) -> Reduction:
    """Reduce a time or a date with a time; its zone may be an object of the program's."""
    if moment.tzinfo is not None:
        return writer.own(moment)
    known: Reduction | None = writer.known(moment)
    return known if known is not None else moment.__reduce_ex__(_PROTOCOL)


instances.VALUES.update({
    datetime.date: lambda obj: datetime.date.__reduce__(obj)[1],
    datetime.timedelta: lambda obj: datetime.timedelta.__reduce__(obj)[1],
    datetime.time: lambda obj: datetime.time.__reduce_ex__(obj, _PROTOCOL)[1],
    datetime.datetime: lambda obj: datetime.datetime.__reduce_ex__(obj, _PROTOCOL)[1],
})  # fmt: skip
REDUCERS: dict[type, Any] = {
    datetime.date: reduce_plain,
    datetime.timedelta: reduce_plain,
    datetime.time: reduce_time,
    datetime.datetime: reduce_time,
}
