"""What a library's reduction looks into is whole when its builder is called."""

PROGRAM = """
import copyreg, operator, string

class Holder:
    def __init__(self, value, inner=None):
        self.value, self.inner = value, inner

holder = Holder("outer", Holder("middle", Holder(["inner"])))
x = string.Template("t")
alias, listed = x, [holder, x]
"""


def test_a_builder_is_called_with_whole_objects(round_trip):
    round_trip(
        PROGRAM
        + """
look = operator.attrgetter("inner.inner.value")
copyreg.pickle(string.Template, lambda template: (look, (holder,)))
""",
        """
        assert x == ["inner"] and x is holder.inner.inner.value
        assert alias is x is listed[1] and listed[0] is holder and holder.value == "outer"
        """,
    )


def test_an_object_that_is_met_again_inside_its_own_arguments_comes_back(round_trip):
    round_trip(
        PROGRAM
        + """
holder.inner.inner.inner = x
copyreg.pickle(string.Template, lambda template: (string.Template, (holder,)))
""",
        """
        assert x.template is holder and alias is x is listed[1]
        assert holder.inner.value == "middle" and holder.inner.inner.value == ["inner"]
        """,
    )


def test_states_are_whole_before_a_setter_looks_into_them(round_trip):
    round_trip(
        PROGRAM
        + """
def set_total(template, state):
    template.total = [part.value for part in state]

parts = [holder, holder.inner]
copyreg.pickle(string.Template, lambda t: (string.Template, ("t",), parts, None, None, set_total))
""",
        "assert x.total == ['outer', 'middle'] and parts[0] is holder",
    )
