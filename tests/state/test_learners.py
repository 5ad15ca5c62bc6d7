# ruff: noqa: E501  (programs inside strings)
"""Objects of boosting libraries lie in C++; training goes on to the same bytes after a resume."""

import pytest

DATA = """
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(400, 5)).astype("f4"); X[rng.random(X.shape) < 0.1] = np.nan
y = np.nan_to_num(X[:, 0]) * 2 + rng.normal(size=400)
"""


def test_an_xgboost_booster_trains_on_to_the_same_bytes(round_trip):
    pytest.importorskip("xgboost")
    round_trip(
        f"""{DATA}
import xgboost as xgb
def make(parameters):
    labels = np.digitize(y, [-1, 1]) if "num_class" in parameters else y
    matrix = xgb.DMatrix(X, labels, weight=np.linspace(.5, 2, 400), feature_names=list("abcde"))
    other = xgb.DMatrix(X[:100], labels[:100], feature_names=list("abcde"))
    return matrix, other, xgb.Booster({{"nthread": 1, "max_depth": 3, "verbosity": 0, **parameters}}, [matrix, other])
def train(matrix, other, booster, rounds):
    for i in rounds:
        booster.update(matrix, i)
        booster.eval_set([(matrix, "a"), (other, "b")], i)
def look(matrix, other, booster):
    return booster.save_raw("json"), booster.eval(other), booster.save_config(), matrix.num_nonmissing(), matrix.feature_names, matrix.get_weight().tobytes()
kinds = [
    {{}},
    {{"objective": "multi:softprob", "num_class": 3}},
    {{"tree_method": "approx", "objective": "reg:absoluteerror"}},
    {{"tree_method": "exact", "num_parallel_tree": 2}},
    {{"booster": "gblinear", "updater": "coord_descent", "feature_selector": "cyclic"}},
]
whole, halves = [make(kind) for kind in kinds], [make(kind) for kind in kinds]
for row in whole:
    train(*row, range(6))
expected = [look(*row) for row in whole]
for row in halves:
    train(*row, range(3))
halves[0][2].tag = halves[0]
""",
        """
        for row, wanted in zip(halves, expected):
            train(*row, range(3, 6))
            assert look(*row) == wanted
        assert halves[0][2].tag is halves[0]
        """,
    )


def test_what_xgboost_cannot_write_is_named_as_lost(round_trip):
    pytest.importorskip("xgboost")
    round_trip(
        f"""{DATA}
import xgboost as xgb
quantized = xgb.QuantileDMatrix(X, y)
""",
        """
        from dartslurm.errors import UncapturableError
        try: quantized.num_row()
        except UncapturableError as error: assert "does not write" in str(error)
        else: raise AssertionError
        """,
    )


def test_lightgbm_keeps_bins_alignment_and_models(round_trip):
    pytest.importorskip("lightgbm")
    round_trip(
        f"""{DATA}
import io, sys
import lightgbm as lgb
parameters = {{"verbose": -1, "num_threads": 1, "num_leaves": 7, "deterministic": True, "seed": 1, "bagging_fraction": 0.7, "bagging_freq": 1}}
def make():
    train = lgb.Dataset(X, y, weight=np.linspace(.5, 2, 400), init_score=np.full(400, .25), feature_name=list("abcde"), free_raw_data=False)
    valid = train.create_valid(X[:100], y[:100])
    part = train.subset(list(range(50, 300)))
    return train.construct(), valid.construct(), part.construct()
def go_on(train, valid, part, start):
    seen = {{}}
    model = lgb.train(parameters, train, 5, [valid], init_model=start, callbacks=[lgb.record_evaluation(seen)])
    return model.model_to_string(), seen, lgb.train(parameters, part, 3).model_to_string(), model.predict(X).tobytes()
first, second = make(), make()
model = lgb.train(parameters, lgb.Dataset(X, y), 3)
expected = go_on(*first, model)
later = lgb.Dataset(X, y)
model.save_model("model.txt")
borrowed, owned = (lgb.Dataset(X, y, free_raw_data=False) for _ in range(2))
lgb.train(parameters, borrowed, 1, init_model=model)
lgb.train(parameters, owned, 1, init_model="model.txt")
text, best = model.model_to_string(), (model.best_iteration, model.num_trees(), model.params)
del first
""",
        """
        assert model.model_to_string() == text and (model.best_iteration, model.num_trees(), model.params) == best
        train, valid, part = second
        assert valid.reference is train and part.reference is train and train.num_data() == 400
        assert go_on(*second, model) == expected
        assert later.construct().num_feature() == 5
        assert borrowed._predictor.predict(X).tobytes() == owned._predictor.predict(X).tobytes() == model.predict(X).tobytes()
        assert borrowed._predictor._handle is model._handle
        """,
    )


def test_no_version_is_taken_while_lightgbm_trains():
    lightgbm = pytest.importorskip("lightgbm")
    import numpy as np

    from dartslurm.errors import NotYetError
    from dartslurm.state.pickler import dump_state

    data = lightgbm.Dataset(np.arange(80.0).reshape(80, 1), np.arange(80.0))
    booster = lightgbm.Booster({"verbose": -1}, data)
    booster.update()
    with pytest.raises(NotYetError, match="lightgbm trains") as caught:
        dump_state({"booster": booster})
    assert caught.value.still()
    booster.free_dataset()
    assert not caught.value.still()
    assert dump_state({"booster": booster}).stream
