"""What a program or a package registers travels by its own two functions, on and on."""

KIND = """
import array
import dartslurm
UNIT = "m"
class Length(array.array):
    '''A type with a C base of its own; no layout of ours fits.'''
    def __reduce_ex__(self, protocol): raise TypeError("not by pickle")
class Maker:
    def make(self, values): return Length("d", values)
def scale(values): return [v / 2 for v in values]
def rebuild(state):
    made = Maker().make(scale(state["values"]))
    assert state["unit"] == UNIT
    return made
dartslurm.register(Length, lambda x: {"values": [v * 2 for v in x], "unit": UNIT}, rebuild)
"""


def test_a_registered_type_of_the_program_travels_with_its_functions(round_trip):
    round_trip(
        KIND
        + """
first = Length("d", [1.0, 2.0]); both = [first, {"again": first}]
class Holder: pass
holder = Holder(); holder.inner = first
""",
        """
        assert not ledger, ledger
        assert type(first) is Length and list(first) == [1.0, 2.0]
        assert both[0] is first and both[1]["again"] is first and holder.inner is first
        first.append(3.0)
        """,
    )


def test_an_object_whose_rebuilding_fails_is_lost_alone(round_trip):
    round_trip(
        KIND.replace("assert state", "raise OSError('gone'); assert state")
        + """
first = Length("d", [1.0]); good = [1]
""",
        """
        assert good == [1] and "gone" in repr(first) and "Length" in repr(first), repr(first)
        """,
    )
