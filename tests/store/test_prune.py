"""Pruning frees what it announced, and nothing that a version or a living writer needs."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from dartslurm.cli.prune import main
from dartslurm.errors import ConflictError, NoVersionError, StoreError
from dartslurm.store import prune as pruning
from dartslurm.store import publish
from dartslurm.store.prune import Keep, carry_out, plan_prune, usage_of
from dartslurm.store.repository import Repository
from dartslurm.store.verify import verify_run

NOISE = np.random.default_rng(8)
FIXED = NOISE.standard_normal((300, 150))


def content(number):
    dice = np.random.default_rng(number)
    large = dice.standard_normal((300, 150)) if number % 3 else FIXED * number
    return {"state": b"state %d" % number}, [("f/X", large), ("f/fixed", FIXED)]


def fill(run, stage, numbers, writer=None):
    writer = writer or run.open_writer(attempt=1)
    for number in numbers:
        streams, leaves = content(number)
        assert writer.publish(stage(streams, leaves, writer)).number == number
    return writer


def check_whole(run, numbers):
    assert [version.number for version in run.versions()] == list(numbers)
    assert run.damaged() == {}
    for number in numbers:
        with run.reader(number) as reader:
            assert reader.stream("state") == b"state %d" % number
            for index, (_, array) in enumerate(content(number)[1]):
                assert reader.leaf(index) == array.tobytes()


def prune(run, **rules):
    keep = Keep(**rules)
    return carry_out(plan_prune(run.path, keep), keep)


RULES = {
    "last": ({"last": 3}, [10, 11, 12]),
    "every": ({"every": 5}, [5, 10, 12]),
    "both": ({"last": 2, "every": 4}, [4, 8, 11, 12]),
    "older than the future": ({"older_than_seconds": -1e6}, [12]),
    "older than a year": ({"older_than_seconds": 3e7}, list(range(1, 13))),
    "nothing to do": ({"last": 99}, list(range(1, 13))),
}


@pytest.mark.parametrize("name", RULES)
def test_what_the_rules_keep_stays_whole_and_the_rest_goes(run, stage, name):
    rules, stays = RULES[name]
    fill(run, stage, range(1, 13)).close()
    prune(run, **rules)
    check_whole(run, stays)
    for number in sorted({*range(1, 13)} - {*stays}):
        with pytest.raises(NoVersionError):
            run.reader(number)
    assert run.newest().number == 12
    assert verify_run(run, lambda *_: None).damages == []


def test_tagged_versions_stay(run, stage):
    writer = run.open_writer(attempt=1)
    for number in range(1, 7):
        tags = {"tag": "best"} if number == 3 else {}
        writer.publish(stage({"state": b"%d" % number}, [], writer, **tags))
    prune(run, tagged=True)
    assert [version.number for version in run.versions()] == [3, 6]


def test_exactly_what_was_announced_is_freed(run, stage):
    fill(run, stage, range(1, 31)).close()
    before = usage_of(run.path)
    plan = plan_prune(run.path, Keep(last=2))
    assert usage_of(run.path) == before
    done = carry_out(plan, Keep(last=2))
    after = usage_of(run.path)
    assert (done.bytes_freed, done.files_freed) == (plan.bytes_freed, plan.files_freed)
    assert before[1] - after[1] == plan.files_freed > 50
    assert before[0] - after[0] == plan.bytes_freed > 20 * FIXED.nbytes
    check_whole(run, [29, 30])


def test_inline_chunks_of_a_pruned_version_serve_on(run, stage):
    small = np.arange(100.0)
    writer = run.open_writer(attempt=1)
    for number in range(1, 9):
        writer.publish(stage({"state": b"%d" % number}, [("f/s", small)], writer))
    writer.close()
    prune(run, last=1)
    assert run.reader(8).leaf(0) == small.tobytes()
    assert sorted(os.listdir(f"{run.path}/versions")) == ["0000000001", "0000000008"]


def test_a_mostly_unused_pack_is_rewritten(run, stage):
    writer = run.open_writer(attempt=1)
    big = NOISE.integers(0, 1 << 60, (16, 40_000))
    writer.publish(stage({"state": b"1"}, [("f/X", big)], writer))
    for number in range(2, 8):
        big[1:] += 1
        writer.publish(stage({"state": b"%d" % number}, [("f/X", big)], writer))
    writer.close()
    plan = plan_prune(run.path, Keep(last=2))
    assert plan.rewrites
    before = usage_of(run.path)
    done = carry_out(plan, Keep(last=2))
    after = usage_of(run.path)
    assert before[1] - after[1] == done.files_freed == plan.files_freed
    assert abs(before[0] - after[0] - done.bytes_freed) < 4096  # version files were replaced
    assert run.reader(7).leaf(0) == big.tobytes()
    assert run.reader(6).leaf(0) == np.concatenate([big[:1], big[1:] - 1]).tobytes()
    assert verify_run(run, lambda *_: None).damages == []


def test_numbers_are_never_given_again(run, stage):
    fill(run, stage, range(1, 6)).close()
    prune(run, last=1)
    heir = run.open_writer(attempt=2)
    fill(run, stage, [6], heir)
    heir.close()
    prune(run, last=1)
    fill(run, stage, [7], run.open_writer(attempt=3))
    check_whole(run, [6, 7])


def test_a_stale_writer_still_meets_a_name(run, stage, monkeypatch):
    """Its view of the claims is old, and the numbers after its own were pruned."""
    stale = fill(run, stage, [1, 2])
    heir = fill(run, stage, range(3, 9), run.open_writer(attempt=2))
    heir.close()
    prune(run, last=1)
    monkeypatch.setattr(publish, "refuse_if_fenced", lambda *_: None)
    with pytest.raises(ConflictError):
        stale.publish(stage({"state": b"stale"}, [], stale))
    check_whole(run, [8])


def test_a_living_writer_goes_on_with_chunks_of_what_was_pruned(run, stage):
    writer = fill(run, stage, range(1, 8))
    prune(run, last=1)
    fill(run, stage, [8, 9], writer)
    prune(run, last=1)
    fill(run, stage, [10, 11], writer)
    check_whole(run, [9, 10, 11])


def test_a_writer_that_goes_on_from_a_pruned_version_loses_nothing(run, stage):
    fill(run, stage, range(1, 7)).close()
    heir = run.open_writer(attempt=2, parent=3)
    prune(run, last=1)  # version 3 goes; its chunks are wanted by the claim
    leaves = content(3)[1]
    heir.publish(stage({"state": b"state 7"}, leaves, heir))
    assert run.reader(7).leaf(0) == leaves[0][1].tobytes()
    assert verify_run(run, lambda *_: None).damages == []


def test_an_attempt_that_begins_between_plan_and_deed_is_seen(run, stage, monkeypatch):
    fill(run, stage, range(1, 7)).close()
    real, heirs = pruning._hide, []

    def hide(plan):
        if not heirs:
            heirs.append(run.open_writer(attempt=2, parent=3))
        real(plan)

    monkeypatch.setattr(pruning, "_hide", hide)
    prune(run, last=1)
    leaves = content(3)[1]
    heirs[0].publish(stage({"state": b"state 7"}, leaves, heirs[0]))
    assert run.reader(7).leaf(0) == leaves[0][1].tobytes()


def test_an_attempt_that_begins_after_the_deed_trusts_nothing_that_is_gone(run, stage, monkeypatch):
    fill(run, stage, range(1, 7)).close()
    real, heirs = pruning.carry_out_rewrites, []

    def late(run_path, rewrites):
        heirs.append(run.open_writer(attempt=2, parent=3))
        real(run_path, rewrites)

    monkeypatch.setattr(pruning, "carry_out_rewrites", late)
    prune(run, last=1)
    leaves = content(3)[1]
    heirs[0].publish(stage({"state": b"state 7"}, leaves, heirs[0]))
    assert run.reader(7).leaf(0) == leaves[0][1].tobytes()


@pytest.mark.parametrize("writers", [1, 2])
def test_pruning_all_the_time_while_jobs_write_loses_nothing(run, stage, writers):
    ended = threading.Event()
    failures = []

    def write(attempt):
        writer = run.open_writer(attempt=attempt)
        try:
            for step in range(40):
                number = step + 1
                dice = np.random.default_rng(step // 2)
                leaves = [("f/X", dice.standard_normal((300, 150))), ("f/fixed", FIXED)]
                version = writer.publish(stage({"state": b"%d" % number}, leaves, writer))
                with run.reader(version.number) as reader:
                    reader.check()
        except (ConflictError, NoVersionError):
            pass  # fenced by the other one; pruned already
        except Exception as error:
            failures.append(error)

    def look():
        while not ended.is_set():
            try:
                prune(run, last=1)
            except ConflictError:
                pass
            except Exception as error:
                failures.append(error)

    jobs = [threading.Thread(target=write, args=(n + 1,)) for n in range(writers)]
    watcher = threading.Thread(target=look)
    for thread in (watcher, *jobs):
        thread.start()
    for thread in jobs:
        thread.join()
    ended.set()
    watcher.join()
    assert failures == []
    assert verify_run(run, lambda *_: None).damages == []
    assert run.reader().version.number == run.newest().number
    assert len(os.listdir(f"{run.path}/packs")) < 12


def test_a_damaged_newest_version_keeps_the_one_before(run, stage):
    fill(run, stage, range(1, 5)).close()
    (pack,) = [p for p in Path(run.path, "packs").iterdir() if p.name.startswith("0000000004")]
    pack.unlink()
    prune(run, last=1)
    assert [version.number for version in run.versions()] == [3, 4]
    assert run.reader().version.number == 3


def test_leavings_of_a_crashed_pruning_are_removed_by_the_next(run, stage, monkeypatch):
    fill(run, stage, range(1, 7)).close()
    with monkeypatch.context() as patches:
        patches.setattr(pruning, "carry_out_rewrites", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            prune(run, last=1)
    check_whole(run, [6])
    assert len(os.listdir(f"{run.path}/versions")) == 6
    assert prune(run, last=1).files_freed > 4
    check_whole(run, [6])


def test_two_prunings_at_once_are_one_after_the_other(run, stage):
    fill(run, stage, range(1, 7)).close()
    with pruning._alone(run.path), pytest.raises(ConflictError) as told:
        prune(run, last=1)
    assert told.value.kind == "pruning" and "remove this file" in str(told.value)
    prune(run, last=1)
    check_whole(run, [6])


@pytest.mark.filterwarnings("ignore:.*multi-threaded")
def test_the_mark_of_a_killed_pruning_is_taken_away(run, stage):
    fill(run, stage, range(1, 7)).close()
    child = os.fork()
    if child == 0:
        held = pruning._alone(run.path)
        held.__enter__()
        os._exit(0)
    os.waitpid(child, 0)
    assert os.path.exists(f"{run.path}/pruning")
    prune(run, last=1)
    check_whole(run, [6])
    assert not os.path.exists(f"{run.path}/pruning")


def test_a_damaged_record_of_what_was_pruned_is_no_licence(run, stage):
    """What is gone must not look as if it were there and damaged, nor be given again."""
    fill(run, stage, range(1, 5)).close()
    prune(run, last=1)
    path = Path(run.path, "pruned.json")
    path.write_bytes(path.read_bytes().replace(b"[1, 3]", b"[1, 2]"))
    for act in (run.versions, lambda: run.open_writer(attempt=2), lambda: prune(run, last=1)):
        with pytest.raises(Exception, match="checksum") as failure:
            act()
        assert failure.value.exit_code == 8


@pytest.mark.parametrize("error", [5, 28, 122])
def test_a_failing_call_while_pruning_loses_nothing(run, stage, faulty, error):
    faulty.armed = False
    fill(run, stage, range(1, 9)).close()
    faulty.armed = True
    for fail_at in range(1, 400):
        faulty.armed, faulty.count, faulty.fail_at, faulty.error = True, 0, fail_at, error
        try:
            prune(run, last=3, every=4)
        except StoreError:
            done = False
        else:
            done = faulty.count < fail_at
        faulty.armed = False
        assert verify_run(run, lambda *_: None).damages == []
        assert {6, 7, 8} <= {version.number for version in run.versions()}
        if done:
            break
    assert fail_at > 20
    prune(run, last=3, every=4)
    check_whole(run, [4, 6, 7, 8])


def test_the_command_shows_what_goes_before_it_goes(run, stage, root, capsys):
    fill(run, stage, range(1, 11)).close()
    words = [run.record.run_id, f"--dart-store={root}", "--keep=2", "--keep-every=5"]
    assert main([*words, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "7 of 10 versions go, 5, 9-10 stay: frees" in shown
    check_whole(run, range(1, 11))
    assert main(words) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0] == shown.strip()
    assert said.splitlines()[1].partition("freed ")[2] == shown.strip().partition("frees ")[2]
    check_whole(Repository.open(root).run(run.record.run_id), [5, 9, 10])


@pytest.mark.parametrize(
    "words", [[], ["{run}"], ["--keep=2"], ["{run}", "--keep=0"], ["{run}", "--older-than=3y"]]
)
def test_a_call_that_does_not_say_what_to_keep_removes_nothing(run, stage, root, words, capsys):
    fill(run, stage, range(1, 4)).close()
    called = [word.format(run=run.record.run_id) for word in words]
    assert main([*called, f"--dart-store={root}"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    check_whole(run, [1, 2, 3])
