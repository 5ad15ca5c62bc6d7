# ruff: noqa: E501  (programs inside strings)
"""Numpy arrays keep their memory, their views and their flags."""

import pytest

pytest.importorskip("numpy")


def test_arrays_keep_sharing_layout_and_flags(round_trip):
    round_trip(
        """
        import numpy as np
        big = np.arange(10_000.0).reshape(100, 100).copy()
        row, column, back = big[3], big[:, 4], big[::-1, ::2]
        part = big[10:20, 5:9]; flat = big.ravel(); cut = part[1:]
        fort = np.asfortranarray(big); fview = fort[2:]
        axes = np.empty((3, 4, 5)).transpose(1, 0, 2).copy(order="K"); axes[...] = np.arange(60).reshape(4, 3, 5); aview = axes[1:]
        zero = np.array(5.0); empty = np.empty((0, 3), "f4"); scalar = np.float32(2.5)
        frozen = np.ones(1000); fv = frozen[:5]; frozen.flags.writeable = False; ro = big[0]; ro.flags.writeable = False
        objects = np.array([[1, "a"], [[1, 2], None]], dtype=object); oview = objects[1]; objects[0, 0] = objects
        rec = np.zeros(300, dtype=[("a", "i4"), ("b", "f8", (3,))]); field = rec["b"]
        dates = np.arange("2020", "2021", dtype="M8[D]"); text = np.array(["ab", "c"]); comp = np.ones(600, "c16"); half = np.ones(3000, "f2"); boo = np.zeros(5000, bool)
        swapped = np.arange(1000, dtype=">f8")
        raw = bytearray(8000); over = np.frombuffer(raw, "f8"); tail = over[10:]
        const = np.frombuffer(b"x" * 100, "u1")
        class Tagged(np.ndarray):
            def __array_finalize__(self, other): self.tag = getattr(other, "tag", "default")
        tagged = np.arange(5).view(Tagged); tagged.tag = "mine"
        masked = np.ma.masked_array([1, 2, 3], [0, 1, 0]); matrix = np.asmatrix(np.eye(3))
        wide = np.broadcast_to(np.arange(3), (4, 3)); strided = np.lib.stride_tricks.sliding_window_view(np.arange(1000.0), 10)
        rng = np.random.default_rng(3); rng.random(3); old = np.random.RandomState(4); import copy
        next_ = copy.deepcopy(rng).random(); onext = copy.deepcopy(old).random_sample(); bits = rng.bit_generator
        it = iter(big); next(it); dt = rec.dtype
        mm = np.memmap("map.bin", "f8", "w+", shape=(1000,)); mm[:] = 1; mview = mm[5:10]; mm.flush()
        func = np.add; vec = np.vectorize(lambda x: x + 1); nov = np._NoValue
        """,
        """
        import numpy as np
        assert big.flags.owndata and big.base is None and big[3, 7] == 307
        row[0] = -1; assert big[3, 0] == -1 and row.base is big
        column[1] = -2; assert big[1, 4] == -2 and column.strides == (800,)
        assert back.strides == (-800, 16) and back[0, 0] == 9900; back[0, 0] = 7; assert big[99, 0] == 7
        part[0, 0] = 8; assert big[10, 5] == 8; cut[0, 0] = 9; assert big[11, 5] == 9 and part[1, 0] == 9
        assert np.shares_memory(strided, strided.base); flat[0] = 11; assert big[0, 0] == 11
        assert fort.flags.f_contiguous and fort.flags.owndata and fort[1, 2] == 102; fview[0, 0] = 3; assert fort[2, 0] == 3
        assert axes.flags.owndata and axes.shape == (4, 3, 5) and axes.strides == (40, 160, 8) and axes[2, 1, 3] == 38; aview[0, 0, 0] = 5; assert axes[1, 0, 0] == 5
        assert zero.shape == () and zero == 5 and empty.shape == (0, 3) and empty.dtype == "f4" and type(scalar) is np.float32
        assert not frozen.flags.writeable and fv.flags.writeable and not ro.flags.writeable; fv[0] = 4; assert frozen[0] == 4
        assert objects[0, 0] is objects and objects[1, 0] == [1, 2]; oview[1] = 5; assert objects[1, 1] == 5
        field[0] = 1; assert rec["b"][0].tolist() == [1, 1, 1] and rec.dtype == dt
        assert dates[-1] == np.datetime64("2020-12-31") and text[0] == "ab" and comp.sum() == 600 and half.dtype == "f2" and swapped.dtype == ">f8" and swapped[3] == 3
        over[0] = 1.0; assert raw[7] == 63; tail[0] = 2; assert over[10] == 2 and not const.flags.writeable and const[0] == 120
        assert type(tagged) is Tagged and tagged.tag == "mine" and tagged[1:].tag == "mine"
        assert masked.sum() == 4 and masked.mask[1] and type(matrix) is np.matrix and (matrix * matrix)[0, 0] == 1
        assert wide.strides[0] == 0 and strided.shape == (991, 10) and strided[5, 3] == 8
        assert rng.random() == next_ and old.random_sample() == onext and rng.bit_generator is bits
        assert next(it)[0] == 100
        assert isinstance(mm, np.memmap) and mm[3] == 1; mm[5] = 9; assert mview[0] == 9 and mm.filename
        assert func is np.add and vec([1])[0] == 2 and nov is np._NoValue
        """,
    )


def test_pandas_and_scipy_objects_travel(round_trip):
    pytest.importorskip("pandas")
    pytest.importorskip("scipy")
    round_trip(
        """
        import pandas as pd, numpy as np, scipy.sparse as sp
        frame = pd.DataFrame({"a": np.arange(5000), "b": np.arange(5000.0), "c": ["x", "y"] * 2500})
        frame["d"] = pd.Categorical(frame["c"]); frame["t"] = pd.date_range("2020", periods=5000, freq="h")
        indexed = frame.set_index(["c", "a"]); column = frame["b"]; groups = frame.groupby("c"); nat = pd.NaT
        walk = frame.iterrows(); next(walk); rows = frame.itertuples(); next(rows)
        frame.to_csv("frame.csv", index=False); chunks = pd.read_csv("frame.csv", chunksize=1000); next(chunks)
        csr = sp.random(100, 100, 0.1, "csr", random_state=0); total = csr.sum()
        from scipy.interpolate import interp1d
        f = interp1d([0, 1], [0, 2]); roll = frame["b"].rolling(3)
        """,
        """
        import pandas as pd
        assert frame.shape == (5000, 5) and frame["d"].dtype == "category" and frame["t"].iloc[24].day == 2
        assert indexed.loc[("x", 2), "b"] == 2.0 and groups["b"].sum()["x"] == 6247500.0 and nat is pd.NaT
        frame.loc[0, "b"] = 9.0; assert frame["b"][0] == 9.0
        part = next(chunks); assert part["a"].iloc[0] == 1000 and part.index[0] == 1000 and len(list(chunks)) == 3
        assert next(walk)[0] == 1 and next(rows).a == 1
        assert abs(csr.sum() - total) < 1e-12 and (csr @ csr).shape == (100, 100) and f(0.5) == 1 and roll.mean().iloc[2] > 0
        """,
    )


def test_scikit_learn_estimators_travel(round_trip):
    pytest.importorskip("sklearn")
    round_trip(
        """
        import numpy as np
        from sklearn.ensemble import RandomForestClassifier, HistGradientBoostingRegressor
        from sklearn.cluster import KMeans
        from sklearn.linear_model import SGDClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.neighbors import KDTree
        X = np.random.RandomState(0).rand(200, 5); y = (X[:, 0] > 0.5).astype(int)
        forest = RandomForestClassifier(10, random_state=0).fit(X, y); boost = HistGradientBoostingRegressor(max_iter=5).fit(X, y)
        km = KMeans(3, n_init=1, random_state=0).fit(X); pipe = make_pipeline(StandardScaler(), SGDClassifier(random_state=0)).fit(X, y)
        tree = KDTree(X); expected = [forest.predict(X), boost.predict(X), km.predict(X), pipe.predict(X), tree.query(X[:3], 2)[1]]
        import threadpoolctl
        controller = threadpoolctl.ThreadpoolController()
        limits = threadpoolctl.threadpool_limits(1);
        """,
        """
        import numpy as np
        got = [forest.predict(X), boost.predict(X), km.predict(X), pipe.predict(X), tree.query(X[:3], 2)[1]]
        assert all(np.array_equal(a, b) for a, b in zip(got, expected))
        assert controller.info() and limits.unregister is not None
        limits.restore_original_limits()
        pipe[-1].partial_fit(pipe[0].transform(X), y)
        """,
    )


def test_an_array_that_a_compiled_object_looks_at_is_not_copied():
    import numpy as np

    from dartslurm.state.kinds.sharing import keep_shared

    class Filter:
        """As a Cython class with typed memoryviews, whose own reduction copies."""

        __slots__ = ("design", "gain", "other")

        def __init__(self, other, design):
            self.design, self.other = memoryview(design), memoryview(other)

        def __reduce__(self):
            gain = np.array(self.gain)
            return Filter, (np.array(self.other), np.array(self.design)), {"gain": gain, "t": 1}

    design, other, gain = np.zeros((2, 3)), np.zeros((2, 3)), np.ones(4)
    one = Filter(other, design)
    one.gain = memoryview(gain)
    _, (first, second), state = keep_shared(one, one.__reduce__())
    assert np.shares_memory(first, other)
    assert np.shares_memory(second, design)
    assert np.shares_memory(state["gain"], gain)
    assert state["t"] == 1
    changed = (Filter, (np.ones((2, 3)), np.zeros((3, 2))), {"gain": np.zeros(4)})
    assert keep_shared(one, changed)[1][0] is changed[1][0]


def test_records_that_hold_objects_keep_their_fields_and_views(round_trip):
    round_trip(
        """
        import numpy as np
        x = np.zeros(4, [("a", "i4"), ("b", "f8", (2,)), ("o", "O"), ("n", [("p", "O"), ("q", "i2")])])
        x["o"][1] = shared = [1]; x["n"]["p"][2] = shared; x["b"][3] = 5
        a, b, second, o, q = x["a"], x["b"], x["b"][:, 1], x["o"], x["n"]["q"]
        """,
        """
        a[0], b[0, 0], second[1], q[3] = 7, 8, 9, 4; o[2] = "new"
        assert x["a"][0] == 7 and x["b"][0, 0] == 8 and x["b"][1, 1] == 9 and x["n"]["q"][3] == 4
        assert x["o"][2] == "new" and x["o"][1] is shared is x["n"]["p"][2] and x["b"][3].tolist() == [5, 5]
        """,
    )


def test_walks_over_elements_and_element_wise_functions_go_on(round_trip):
    round_trip(
        """
        import numpy as np
        a = np.arange(12.0).reshape(3, 4); b = np.ones(4, dtype=int)
        flat = a.T.flat; next(flat); next(flat)
        pairs = np.ndenumerate(a); next(pairs)
        both = np.broadcast(a, b); next(both); done = iter(np.arange(2).flat); list(done)
        double = np.vectorize(lambda v: v * 2, otypes=[float]); double([1.0])
        deep = np.frompyfunc(lambda n: 1 if n < 2 else n * deep(n - 1), 1, 1)
        join = np.frompyfunc(lambda x, y: x + y, 2, 1, identity=7); free = np.frompyfunc(max, 2, 1, identity=None)
        functions = [np.add, deep, np.multiply.reduce]
        days = np.busdaycalendar(weekmask="Mon Tue", holidays=["2024-01-01"])
        """,
        """
        import numpy as np
        a[2, 0] = -8
        assert flat.index == 2 and next(flat) == -8 and flat.coords == (1, 0) and np.shares_memory(flat.base, a)
        assert next(pairs) == ((0, 1), 1) and next(both) == (1, 1) and both.iters[0].base is a
        assert list(done) == [] and double([1, 2]).tolist() == [2, 4] and double.__dict__
        assert functions[1] is deep and functions[0] is np.add and deep([5, 6]).tolist() == [120, 720]
        assert join.identity == 7 and join.reduce([], initial=np._NoValue) == 7 and free.identity is None and free(1, 2) == 2
        assert np.busday_offset("2024-01-01", 0, roll="forward", busdaycal=days) == np.datetime64("2024-01-02")
        """,
    )


NDITERS = """
import numpy as np
from itertools import islice, product

def shown(walks):
    return [[np.array(one).tolist() for one in walk] for walk in walks]

def made():
    for given, flag, order in product(([a], [a.T], several), flags, "KCF"):
        yield np.nditer(given, flag, [["readwrite"], ["readonly"], ["readonly"]][: len(given)], order=order)

a = np.arange(24.0).reshape(4, 6)
several = [a[::2, ::-1], np.arange(6), np.asfortranarray(np.ones((2, 6)))]
flags = [], ["multi_index"], ["c_index"], ["f_index"], ["external_loop"]
"""


@pytest.mark.parametrize("steps", [0, 1, 3, 100])
def test_an_nditer_goes_on_over_the_same_operands(round_trip, steps):
    round_trip(
        NDITERS
        + f"""
left = [rows[{steps}:] for rows in shown(made())]
walks = list(made())
for walk in walks:
    list(islice(walk, {steps}))
written = np.nditer(a, op_flags=["readwrite"])
""",
        """
        assert shown(walks) == left
        next(written)[...] = -5
        assert a[0, 0] == -5 and written.operands[0] is a
        """,
    )


def test_sparse_factorizations_solve_on_to_the_same_bits(round_trip):
    pytest.importorskip("scipy")
    round_trip(
        """
        import numpy as np, scipy.sparse as sp
        from scipy.sparse.linalg import splu, spilu, factorized
        def system(n, char): return (sp.random(n, n, 0.05, random_state=1, format="csc") + 3 * sp.identity(n)).astype(char).tocsc()
        made = [splu(system(n, char)) for n, char in ((1, "d"), (300, "d"), (50, "f"), (50, "D"))] + [spilu(system(80, "d"), drop_tol=0.1)]
        solve = factorized(system(60, "d")); same = made[1]
        def answers(): return [lu.solve(np.arange(float(lu.shape[0])).astype(lu.L.dtype), way).tobytes() for lu in made for way in "NT"] + [solve(np.ones(60)).tobytes()]
        before = answers(); facts = [(lu.nnz, lu.perm_r.tolist(), lu.U.sum()) for lu in made]
        """,
        """
        assert answers() == before and same is made[1] and type(same).__name__ == "SuperLU"
        assert facts == [(lu.nnz, lu.perm_r.tolist(), lu.U.sum()) for lu in made]
        """,
    )


def test_numbers_of_every_type_keep_type_bits_and_identity(round_trip):
    round_trip(
        """
        import numpy as np, pickle
        kinds = sorted(set(np.sctypeDict.values()) - {np.void, np.object_, np.bytes_}, key=str)
        numbers = [kind(5, "ns") if kind in (np.datetime64, np.timedelta64) else kind(1) for kind in kinds]
        numbers += [np.float64("nan"), -np.float32(0), np.datetime64("NaT"), np.str_("äx"), np.bytes_(b"ab"), np.bool_(0)]
        again = list(reversed(numbers)); inside = {"last": numbers[-3], numbers[3]: 1}
        class Own(np.float64): pass
        own = Own(3); own.name = "mine"; record = np.zeros(1, [("a", "i4"), ("b", "O")])[0]; record["b"] = own
        expected = [(type(n).__name__, n.dtype.str, repr(n)) for n in numbers]
        """,
        """
        import numpy as np
        assert [(type(n).__name__, n.dtype.str, repr(n)) for n in numbers] == expected
        assert all(a is b for a, b in zip(numbers, reversed(again))) and inside["last"] is numbers[-3]
        assert numbers[-1] is np.False_ and own == 3 and own.name == "mine" and type(own) is Own and record["b"] is own
        """,
    )
