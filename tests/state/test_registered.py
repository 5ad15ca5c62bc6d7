"""What a program or a package registers travels by its own two functions, on and on."""

from pathlib import Path

KIND = (Path(__file__).parents[1] / "registered_length.py").read_text()


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
