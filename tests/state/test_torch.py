# ruff: noqa: E501  (programs inside strings)
"""Tensors keep gradients, sharing, hooks and graphs; training goes on as if nothing had happened."""

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch


def test_tensors_keep_storages_gradients_and_flags(round_trip):
    round_trip(
        """
        import torch, numpy as np
        base = torch.arange(5000.0); view = base[10:20].reshape(2, 5); strided = base[::2]; same = base.view(50, 100).t()
        w = torch.nn.Parameter(torch.ones(3)); (w * w).sum().backward(); leaf = torch.ones(2, requires_grad=True)
        loss = (w * w).sum(); loss.backward()
        array = np.arange(3000.0); shared = torch.from_numpy(array); back = base.numpy(); backview = back[5:]
        half = torch.ones(4, dtype=torch.bfloat16); integer = torch.arange(3); boolean = torch.tensor([True]); comp = torch.ones(2, dtype=torch.complex64).conj()
        sparse = torch.eye(3).to_sparse(); csr = torch.eye(3).to_sparse_csr(); quant = torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)
        meta = torch.empty(3, device="meta"); scalar = torch.tensor(5.)
        gen = torch.Generator().manual_seed(4); torch.rand(2, generator=gen); device = torch.device("cpu"); dt = torch.float32; size = base.shape
        calls = []
        hooked = torch.ones(2, requires_grad=True); hooked.register_hook(lambda g: calls.append("h"))
        hooked.register_post_accumulate_grad_hook(lambda t: calls.append("p"))
        note = torch.ones(1); note.tag = "mine"
        class Mine(torch.Tensor): pass
        mine = torch.ones(2).as_subclass(Mine); mine.extra = 1
        empty = torch.empty(0, 4); printed = repr(loss)
        table = {w: 1, base: 2}
        """,
        """
        import torch
        view[0, 0] = -1; assert base[10] == -1; strided[0] = -2; assert base[0] == -2; assert same.stride() == (1, 100); same[0, 1] = -3; assert base[100] == -3
        assert type(w) is torch.nn.Parameter and w.grad.tolist() == [4, 4, 4] and w.requires_grad and w.is_leaf and leaf.requires_grad and leaf.grad is None
        assert repr(loss) == printed, (repr(loss), printed)
        try: loss.backward()
        except RuntimeError as e: assert "second time" in str(e)
        else: raise AssertionError
        array[0] = 9; assert shared[0] == 9; back[1] = 8; assert base[1] == 8; backview[0] = 7; assert base[5] == 7
        assert half.dtype == torch.bfloat16 and integer.dtype == torch.int64 and boolean.item() and comp.is_conj()
        assert sparse.is_sparse and sparse.to_dense().sum() == 3 and csr.layout == torch.sparse_csr and quant.dequantize().sum() > 2.9
        assert meta.device.type == "meta" and scalar == 5 and size == (5000,)
        expected = torch.Generator().manual_seed(4); torch.rand(2, generator=expected); assert torch.rand(1, generator=gen) == torch.rand(1, generator=expected)
        assert dt is torch.float32 and device == torch.device("cpu")
        hooked.sum().backward(); assert calls == ["h", "p"], calls
        assert note.tag == "mine" and type(mine) is Mine and mine.extra == 1 and empty.shape == (0, 4) and table[w] == 1 and table[base] == 2
        """,
    )


TRAINING = """
import torch
torch.manual_seed(0)
data = torch.utils.data.TensorDataset(torch.rand(64, 4), torch.rand(64, 1))
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Dropout(0.5), torch.nn.ReLU(), torch.nn.Linear(8, 1))
opt = torch.optim.Adam(model.parameters(), lr=0.01)
sched = torch.optim.lr_scheduler.StepLR(opt, 3)
handle = model[0].register_forward_hook(lambda m, i, o: None)
loader = torch.utils.data.DataLoader(data, 8, shuffle=True)
def train(batches):
    out = []
    for x, y in batches:
        opt.zero_grad(); loss = ((model(x) - y) ** 2).mean(); loss.backward(); opt.step(); sched.step(); out.append(loss.item())
    return out
"""


def test_training_goes_on_identically(round_trip):
    round_trip(
        TRAINING
        + """
train(loader)
batches = iter(loader)
import itertools
train(itertools.islice(batches, 3))
x, y = next(batches)
opt.zero_grad(); loss = ((model(x) - y) ** 2).mean(); loss.backward()   # between backward and step
rng = torch.get_rng_state()
from dartslurm.state.outside import surroundings
outside = surroundings.collect()[0]
def check_live():
    global rest
    opt.step(); sched.step()
    rest = train(batches) + train(loader)
    torch.save((rest, [p.detach() for p in model.parameters()]), "expected.pt")
import os
folder = os.getcwd()
""",
        """
import torch, os
from dartslurm.state.outside import surroundings
failed = surroundings.restore_after(outside); assert failed == [], failed
opt.step(); sched.step()
rest = train(batches) + train(loader)
expected, params = torch.load(os.path.join(folder, "expected.pt"))
assert rest == expected, (rest, expected)
assert all(torch.equal(a, b) for a, b in zip(params, model.parameters()))
handle.remove(); assert not model[0]._forward_hooks
""",
    )


def test_a_live_autograd_graph_is_a_veto():
    import sys

    import torch

    from dartslurm.errors import NotYetError
    from dartslurm.state.pickler import dump_state

    w = torch.ones(3, requires_grad=True)
    loss = (w * w).sum()
    with pytest.raises(NotYetError) as caught:
        dump_state({"loss": loss})
    assert caught.value.still()
    loss.backward()
    assert not caught.value.still()
    assert sys.modules["torch"] is torch


def test_what_only_c_plus_plus_knows_is_a_veto_as_long_as_it_is_there():
    import torch

    from dartslurm.errors import NotYetError
    from dartslurm.state.pickler import dump_state

    with torch.autograd.profiler.record_function("step") as recorded:
        with pytest.raises(NotYetError, match="ScriptObject is in use") as caught:
            dump_state({"record": recorded.record})
        veto = caught.value.with_traceback(None)
        assert veto.still()
    del recorded, caught  # the traceback holds it
    assert not veto.still()


def test_a_veto_that_lasts_names_the_variable_it_comes_from():
    import torch

    from dartslurm.errors import NotYetError
    from dartslurm.model.parts import Scope
    from dartslurm.state import ledger
    from dartslurm.state.pickler import dump_state

    w = torch.ones(3, requires_grad=True)
    root = {"kept": [{"loss": (w * w).sum()}]}
    with pytest.raises(NotYetError) as caught:
        dump_state(root)
    scopes = [Scope("module", "__main__", "__main__", list(root.items()))]
    named = ledger.named(caught.value, scopes, root)
    assert "__main__.kept[0]['loss']" in str(named) and named.still()
    assert caught.value.culprit is None


def test_a_graph_that_was_rebuilt_as_freed_is_no_veto(round_trip):
    round_trip(
        """
        import torch
        w = torch.ones(3, requires_grad=True); loss = (w * w).sum(); loss.backward()
        """,
        """
        from dartslurm.state.pickler import dump_state
        dump_state({"loss": loss})
        """,
    )


def test_nodes_of_trees_that_the_program_has_registered_are_registered_again(round_trip):
    round_trip(
        """
        from dartslurm.state.outside import registrations
        from torch.utils import _pytree as trees
        class Box:
            def __init__(self, held): self.held = held
        trees.register_pytree_node(Box, lambda box: ([box.held], None), lambda held, _: Box(*held))
        box = Box(2)
        outside = registrations.collect()
        """,
        """
        from dartslurm.state.outside import registrations
        from torch.utils import _pytree as trees
        registrations.restore(outside)
        assert trees.tree_map(lambda number: number + 1, [box])[0].held == 3
        """,
    )
