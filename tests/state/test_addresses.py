"""What ``id()`` gave, and the hash that comes of it, is true of the same object after a resume."""

import pytest

PROGRAM = """
import collections

class Node:
    pass

nodes = [Node() for _ in range(50)]
table = {"made by": collections.deque}
"""


@pytest.mark.parametrize(
    ("kept", "check"),
    [
        ("{id(n): n for n in nodes}", "all(id(n) == k for k, n in kept.items())"),
        ("{hash(n): n for n in nodes}", "all(hash(n) == k for k, n in kept.items())"),
        ("{id(n) for n in nodes}", "all(id(n) in kept for n in nodes) and len(kept) == 50"),
        ("frozenset(map(id, nodes))", "all(id(n) in kept for n in nodes)"),
        ("{(id(a), id(b)): 1 for a in nodes for b in nodes}",
         "(id(nodes[3]), id(nodes[4])) in kept"),
        ("collections.Counter(map(id, nodes * 2))", "kept[id(nodes[7])] == 2"),
        ("[id(n) for n in nodes] * 200", "kept == [id(n) for n in nodes] * 200"),
        ("(lambda number: lambda: number)(id(nodes))", "kept() == id(nodes)"),
        ("[id(Node), id(collections), id(collections.deque)]",
         "kept == [id(Node), id(collections), id(collections.deque)]"),
    ],
    ids=["keys", "hashes", "set", "frozenset", "pairs", "counter", "part", "cell", "libraries"],
)  # fmt: skip
def test_a_kept_address_is_that_of_the_same_object(kept, check, round_trip):
    round_trip(f"{PROGRAM}kept = {kept}", f"assert {check}")


def test_plain_containers_have_their_address_and_what_they_hold(round_trip):
    round_trip(
        PROGRAM
        + """
row, table, group = [1, 2, 3], {"a": nodes[0]}, {"x", "y", "z"}
table["self"] = table
table[id(table)] = row
row.append(id(row))
mid, order = iter(row), list(group)
next(mid)
kept = [id(row), id(table), id(group), id(nodes)]
""",
        """
        assert kept == [id(row), id(table), id(group), id(nodes)]
        assert row == [1, 2, 3, id(row)] and list(mid) == [2, 3, id(row)]
        assert table["self"] is table and table[id(table)] is row and table["a"] is nodes[0]
        assert list(group) == order and len(nodes) == 50
        """,
        same_hashes=True,
    )


def test_numbers_that_are_no_addresses_stay(round_trip):
    round_trip(
        PROGRAM
        + """
numbers = [(1 << 46) + 7919 * k for k in range(20_000)] + [id(nodes[0])]
total = sum(numbers[:-1])
""",
        "assert sum(numbers[:-1]) == total and numbers[-1] == id(nodes[0])",
    )
