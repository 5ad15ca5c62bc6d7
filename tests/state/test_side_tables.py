# ruff: noqa: E501  (programs inside strings)
"""What libraries keep beside the program's objects: weak tables, thread-locals, registries."""

_BESIDE = """
import threading
import weakref
states, alive, by_name = weakref.WeakKeyDictionary(), weakref.WeakSet(), weakref.WeakValueDictionary()
here = threading.local()
here.depth, here.cache = 0, "made by the import"
class Session:
    every = weakref.WeakSet()
class Of:
    pass
states[Of] = "made by the import"
def note(obj, name):
    states[obj] = Of()
    states[obj].name = name
    alive.add(obj); by_name[name] = obj
    Session.every.add(states[obj])
    here.depth += 1; here.last = states[obj]; here.cache = [obj]
"""


def install(place, name, text):
    """Write a library of that name; return the folder to be put on the path."""
    folder = place / "site-packages"
    folder.mkdir()
    (folder / f"{name}.py").write_text(text)
    return str(folder)


def test_what_a_library_keeps_beside_the_programs_objects_and_threads_is_there_again(
    tmp_path, round_trip
):
    folder = install(tmp_path, "beside", _BESIDE)
    round_trip(
        f"""
        import sys
        sys.path.insert(0, {folder!r})
        import beside
        class Task:
            def __hash__(self): return hash(self.number)
            def __eq__(self, other): return self.number == other.number
        tasks = []
        for number in range(3):
            task = Task(); task.number = number
            beside.note(task, str(number)); tasks.append(task)
        gone = tasks.pop()  # the library alone knows it
        """,
        """
        import beside, sys
        tasks = sys.modules["__main__"].tasks
        assert [beside.states[task].name for task in tasks] == ["0", "1"]
        assert all(beside.by_name[str(task.number)] is task for task in tasks)
        assert beside.states[beside.Of] == "made by the import"
        assert len(beside.alive) == 3 and all(task in beside.alive for task in tasks)
        assert len(beside.Session.every) == 3
        assert beside.here.depth == 3 and beside.here.last.name == "2"
        assert beside.here.cache == "made by the import"
        """,
    )


_REGISTRIES = """
class Spec:
    def __init__(self, name, made_by):
        self.name, self.made_by = name, made_by
registry, by_address = {"first": Spec("first", dict)}, {}
class Plugin:
    known = {}
    def __init_subclass__(cls):
        Plugin.known[cls.__name__] = cls
def register(name, made_by):
    registry[name] = Spec(name, made_by)
    by_address[1 << 40] = made_by
"""


def test_what_the_program_has_registered_with_a_library_is_registered_again(tmp_path, round_trip):
    folder = install(tmp_path, "registries", _REGISTRIES)
    round_trip(
        f"""
        import sys
        sys.path.insert(0, {folder!r})
        import registries
        registries.register("own", lambda: 7)
        class Own(registries.Plugin):
            pass
        """,
        """
        import registries, sys
        main = sys.modules["__main__"]
        assert list(registries.registry) == ["first", "own"] and not registries.by_address
        assert registries.registry["own"].made_by() == 7
        assert registries.Plugin.known == {"Own": main.Own}
        """,
    )


def test_no_version_while_an_object_that_stands_for_a_module_is_at_work(tmp_path, round_trip):
    folder = install(
        tmp_path,
        "reactors",
        "import sys\nclass Reactor:\n    def run(self, act):\n        return act(sys._getframe())\n"
        "reactor = sys.modules['reactors.reactor'] = Reactor()\nother = Reactor()\n",
    )
    round_trip(
        f"import sys\nsys.path.insert(0, {folder!r})\nimport reactors",
        """
        import reactors
        from dartslurm.errors import NotYetError
        from dartslurm.state import in_progress
        held = []
        def find(frame):
            values = [frame.f_locals["self"]]
            try:
                in_progress.find([(frame.f_code, frame.f_globals, values)])
            except NotYetError as error:
                held.append(error.still)
                return error.still(), str(error)
        assert reactors.other.run(find) is None
        still, reason = reactors.reactor.run(find)
        assert still and reason.startswith("reactors.reactor is at work") and not held[0]()
        """,
    )
