"""A set whose table has been written iterates, pops and grows like the original."""

import random

import pytest

from dartslurm.interpreter.sets import is_plain, read_table, write_table


def grown(seed, size):
    rng = random.Random(seed)
    made = set()
    for _ in range(size):
        made.add(rng.randrange(10**9) if rng.random() < 0.7 else (rng.randrange(99), "x"))
        if rng.random() < 0.4 and made:
            made.discard(rng.choice(list(made)))
    return made


def history(values, seed):
    rng = random.Random(seed)
    seen = list(values)
    for _ in range(30):
        values.add(rng.randrange(10**6))
        seen.append(values.pop())
        seen.extend(values)
    return seen


@pytest.mark.parametrize("size", [0, 1, 4, 7, 60, 3000])
@pytest.mark.parametrize("seed", range(5))
def test_the_same_table_has_the_same_future(size, seed):
    original = grown(seed, size)
    if len(original) > 2:
        original.pop()
    rebuilt = set(sorted(original, key=repr))
    assert write_table(rebuilt, read_table(original))
    assert is_plain(rebuilt) == is_plain(original)
    assert list(rebuilt) == list(original)
    assert rebuilt == set(list(original))
    assert history(rebuilt, seed) == history(original, seed)


def test_a_changed_hash_is_refused():
    class Thing:
        hashed = 1

        def __hash__(self):
            return Thing.hashed

        def __eq__(self, other):
            return self is other

    thing = Thing()
    table = read_table({thing, 5})
    Thing.hashed = 2
    assert not write_table({thing, 5}, table)


def test_a_frozen_set_too():
    original = frozenset(grown(3, 50))
    rebuilt = frozenset(sorted(original, key=repr))
    assert write_table(rebuilt, read_table(original))
    assert list(rebuilt) == list(original)
