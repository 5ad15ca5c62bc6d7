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


def test_what_a_library_keeps_with_a_class_of_the_program_needs_no_whole_class(
    round_trip, tmp_path
):
    library = tmp_path / "site-packages"
    library.mkdir()
    (library / "mapping.py").write_text("""
class Path:
    def __init__(self, owner): self.owner = owner
    def __reduce__(self): return find, (self.owner.maps,)
class Mapper:
    def __init__(self, maps): self.maps, self.path, maps.mapper = maps, Path(self), self
def find(maps): return maps.mapper.path

class Noted:
    def __new__(cls, *args): return object.__new__(cls)
    def __init__(self, of, marks):
        self.__dict__ = dict(of.__dict__)
        self.of, self.marks, self.key = of, marks, hash(of)
    def __reduce__(self): return Noted, (self.of, self.marks)
    def __hash__(self): return self.key
    def __eq__(self, other): return hash(other) == self.key
""")
    round_trip(
        f"""
import sys
sys.path.insert(0, {str(library)!r})
from mapping import Mapper, Noted

class User: pass
path = Mapper(User).path
class Column: pass
column = Column()
column.name = "id"
column.noted = [Noted(column, {{"by": column}}) for _ in range(3)]
known = {{column.noted[0]: 7}}
""",
        """
assert path is User.mapper.path and path.owner is User.mapper and path.owner.maps is User
assert [one.name for one in column.noted] == ["id"] * 3
assert all(one.of is column and one.marks["by"] is column for one in column.noted)
assert known[column.noted[0]] == known[column.noted[1]] == 7
""",
    )
