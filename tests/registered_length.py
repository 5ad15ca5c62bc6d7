"""A type of a program, with the kind that it registers: read as text by the tests of `register`."""

import array

import dartslurm

UNIT = "m"


class Length(array.array):
    """A type with a C base of its own; no layout of ours fits."""

    def __reduce_ex__(self, protocol):
        raise TypeError("not by pickle")


class Maker:
    def make(self, values):
        return Length("d", values)


def scale(values):
    return [v / 2 for v in values]


def rebuild(state):
    made = Maker().make(scale(state["values"]))
    assert state["unit"] == UNIT
    return made


dartslurm.register(Length, lambda x: {"values": [v * 2 for v in x], "unit": UNIT}, rebuild)
