# ruff: noqa: E501  (programs inside strings)
"""Iterators and generators go on exactly where they stood, and the live ones are left alone."""


def test_iterators_yield_exactly_the_rest(round_trip):
    round_trip(
        """
        import itertools, collections
        def step(it, n=2):
            for _ in range(n): next(it)
            return it
        data = [1, 2, 3, 4, 5]; table = {k: k * 2 for k in "abcde"}
        its = {
            "list": step(iter(data)), "tuple": step(iter((1, 2, 3, 4))), "range": step(iter(range(9))),
            "big": step(iter(range(10**30, 10**30 + 5))),
            "str": step(iter("abcde")), "uni": step(iter("äbcde")), "bytes": step(iter(b"abcde")),
            "array": step(iter(bytearray(b"abcde"))), "enum": step(enumerate("abcde", 5)),
            "zip": step(zip(data, "abcde")), "map": step(map(str, data)), "filter": step(filter(None, data)),
            "reversed": step(reversed(data)), "rtuple": step(reversed((1, 2, 3, 4))), "rrange": step(reversed(range(7))),
            "call": step(iter(collections.deque([1, 2, 3, 0]).popleft, 0)),
            "keys": step(iter(table)), "values": step(iter(table.values())), "items": step(iter(table.items())),
            "rkeys": step(reversed(table)), "ritems": step(reversed(table.items())),
            "done": step(iter({1: 1}), 1), "deque": step(iter(collections.deque([1, 2, 3, 4]))),
            "odict": step(iter(collections.OrderedDict(a=1, b=2, c=3))),
            "islice": step(itertools.islice(range(100), 3, 50, 4)), "chain": step(itertools.chain([1], "xyz")),
            "from": step(itertools.chain.from_iterable([[1], "xyz"])),
            "repeat": step(itertools.repeat("r", 5)), "accumulate": step(itertools.accumulate(data)),
            "product": step(itertools.product("ab", repeat=3)), "perm": step(itertools.permutations("abc")),
            "comb": step(itertools.combinations("abcd", 2)), "cwr": step(itertools.combinations_with_replacement("abc", 2)),
            "longest": step(itertools.zip_longest(data, "ab")), "pairwise": step(itertools.pairwise(data)),
            "pairwise0": itertools.pairwise(data), "takewhile": step(itertools.takewhile(lambda x: x < 4, data)),
            "dropwhile": step(itertools.dropwhile(lambda x: x < 2, data)), "starmap": step(itertools.starmap(pow, [(2, 3)] * 4)),
            "compress": step(itertools.compress(data, [1, 0, 1, 1, 1])), "filterfalse": step(itertools.filterfalse(None, [0, 1, 0, 0, 1, 0])),
        }
        if hasattr(itertools, "batched"): its["batched"] = step(itertools.batched(range(11), 2))
        count = step(itertools.count(3, 2)); cycle = step(itertools.cycle("abc"), 4)
        left, right = itertools.tee(iter(data)); step(left)
        group = itertools.groupby("aabbbc"); key, inner = next(group); next(inner)
        chars = {"x", "y", "z"}; setit = iter(chars); first = next(setit)
        import re
        found = step(re.finditer(r"\\w+", "one two three four")); empty = step(re.finditer(r"x*", "axb"), 1)
        changed = {1: 1, 2: 2}; broken = iter(changed); next(broken); changed[3] = 3
        shared = iter(data); pair = zip(shared, shared); next(pair)
        views = table.keys(), table.values(), table.items()
        import copy
        expected = {}
        def check_live():
            assert {k: list(v) for k, v in its.items()}["keys"] == ["c", "d", "e"]
        """,
        """
        import itertools
        out = {k: list(v) for k, v in its.items()}
        assert out["list"] == [3, 4, 5] and out["tuple"] == [3, 4] and out["range"] == list(range(2, 9))
        assert out["big"] == [10**30 + 2, 10**30 + 3, 10**30 + 4]
        assert out["str"] == list("cde") == out["uni"] and bytes(out["bytes"]) == b"cde" == bytes(out["array"])
        assert out["enum"] == [(7, "c"), (8, "d"), (9, "e")] and out["zip"] == [(3, "c"), (4, "d"), (5, "e")]
        assert out["map"] == ["3", "4", "5"] and out["filter"] == [3, 4, 5] and out["reversed"] == [3, 2, 1]
        assert out["rtuple"] == [2, 1] and out["rrange"] == [4, 3, 2, 1, 0] and out["call"] == [3]
        assert out["keys"] == list("cde") and out["values"] == ["cc", "dd", "ee"]
        assert out["items"] == [("c", "cc"), ("d", "dd"), ("e", "ee")] and out["rkeys"] == list("cba")
        assert out["ritems"] == [("c", "cc"), ("b", "bb"), ("a", "aa")] and out["done"] == [] and out["deque"] == [3, 4]
        assert out["odict"] == ["c"] and out["islice"][:2] == [11, 15] and out["chain"] == ["y", "z"] == out["from"]
        assert out["repeat"] == ["r"] * 3 and out["accumulate"] == [6, 10, 15] and out["product"][0] == ("a", "b", "a")
        assert out["perm"][0] == ("b", "a", "c") and out["comb"][0] == ("a", "d") and out["cwr"][0] == ("a", "c")
        assert out["longest"] == [(3, None), (4, None), (5, None)] and out["pairwise"] == [(3, 4), (4, 5)]
        assert out["pairwise0"] == [(1, 2), (2, 3), (3, 4), (4, 5)] and out["takewhile"] == [3] and out["dropwhile"] == [4, 5]
        assert out["starmap"] == [8, 8] and out["compress"] == [4, 5] and out["filterfalse"] == [0, 0]
        assert out.get("batched", [(4, 5)])[0] == (4, 5)
        assert next(count) == 7 and [next(cycle) for _ in range(4)] == list("bcab")
        assert list(left) == [3, 4, 5] and list(right) == [1, 2, 3, 4, 5]
        assert list(inner) == ["a"] and [(k, list(g)) for k, g in group] == [("b", list("bbb")), ("c", ["c"])]
        assert {first, *setit} == {"x", "y", "z"}
        assert [m.group() for m in found] == ["three", "four"] and [m.span() for m in empty] == [(1, 2), (2, 2), (3, 3)]
        try: next(broken)
        except RuntimeError as e: assert "changed" in str(e)
        else: raise AssertionError
        assert next(pair) == (3, 4) and next(shared) == 5
        table["f"] = "ff"; assert list(views[0])[-1] == "f" and len(views[2]) == 6
        """,
    )


def test_generators_go_on_after_their_yield(round_trip):
    round_trip(
        """
        import contextlib
        log = []
        def numbers(n):
            total = 0
            try:
                for i in range(n):
                    got = yield i
                    total += got or i
                    log.append(total)
            finally:
                log.append("closed")
        g = numbers(5); next(g); g.send(10)
        fresh = numbers(3)
        done = numbers(1); list(done); log.clear()
        def outer():
            yield "start"
            r = yield from numbers(4)
            yield "end"
        chain = outer(); next(chain); next(chain); next(chain); log.clear()
        self_aware = None
        def knows():
            me = self_aware
            yield 1
            yield me is self_aware
        self_aware = knows(); next(self_aware)
        gexp = (x * x for x in [1, 2, 3, 4]); next(gexp)
        @contextlib.contextmanager
        def ctx():
            log.append("enter")
            try: yield "value"
            finally: log.append("exit")
        manager = ctx(); entered = manager.__enter__(); log.clear()
        async def co():
            return 5
        coroutine = co()
        async def agen():
            yield 1
            yield 2
        a = agen()
        def handled():
            try: raise KeyError("k")
            except KeyError:
                yield 1
                try: raise
                except KeyError as e: yield e.args
        h = handled(); next(h)
        def check_live():
            coroutine.close()
        """,
        """
        assert g.send(100) == 2 and log == [110] and g.gi_frame.f_locals["n"] == 5
        g.close(); assert log == [110, "closed"]
        assert list(fresh) == [0, 1, 2]
        assert list(done) == []
        assert list(chain) == [2, 3, "end"]
        assert next(self_aware) is True
        assert list(gexp) == [4, 9, 16]
        log.clear(); manager.__exit__(None, None, None); assert log == ["exit"] and entered == "value"
        try: coroutine.send(None)
        except StopIteration as e: assert e.value == 5
        import asyncio
        async def collect(): return [x async for x in a]
        assert asyncio.run(collect()) == [1, 2]
        assert next(h) == ("k",)
        """,
    )


def test_a_group_that_was_left_early_is_not_begun_again(round_trip):
    round_trip(
        """
        import itertools
        groups = itertools.groupby(iter("aaabbbc")); key, inner = next(groups); next(inner)
        unused = itertools.groupby(iter([1, 1, 2])); next(unused)
        fresh = itertools.groupby([3, 3], key=lambda n: -n)
        """,
        """
        assert [(k, list(g)) for k, g in groups] == [("b", list("bbb")), ("c", ["c"])] and list(inner) == []
        assert [(k, list(g)) for k, g in unused] == [(2, [2])]
        assert [(k, list(g)) for k, g in fresh] == [(-3, [3, 3])]
        """,
    )


def test_a_generator_travels_inside_an_iterator_whose_state_leads_to_it(round_trip):
    round_trip(
        """
        import itertools
        rows = itertools.chain.from_iterable(range(3) for _ in range(2)); next(rows)
        longest = itertools.zip_longest((n for n in range(3)), "a"); next(longest); next(longest)
        """,
        """
        assert list(rows) == [1, 2, 0, 1, 2] and list(longest) == [(2, None)]
        """,
    )


def test_paths_are_found_through_tuples_that_c_left_incomplete():
    import itertools

    from dartslurm.state.paths import deep_containers, paths_of

    longest = itertools.zip_longest(range(3), "a")
    assert [next(longest), next(longest)] == [
        (0, "a"),
        (1, None),
    ]  # its second iterator is NULL now
    target = object()
    assert paths_of([("it", longest), ("x", (1, target))], [target]) == ["x[1]"]
    assert deep_containers({"it": longest}) == []
