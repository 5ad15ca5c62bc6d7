"""The attacks of `attacks.py` in small numbers; ``make attack`` has the large ones."""

from __future__ import annotations

import errno

import pytest

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded")


@pytest.fixture(scope="module")
def attacks():
    import importlib.util
    import sys
    from pathlib import Path

    spec = importlib.util.spec_from_file_location(
        "dart_attacks", Path(__file__).parent / "attacks.py"
    )
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def survived(tally):
    assert tally.tries > 0
    assert tally.lost == [] and tally.unseen == [], tally
    return tally


@pytest.mark.parametrize("kills", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_sigkill_of_a_writer_loses_nothing_acknowledged(attacks, tmp_path, kills):
    assert survived(attacks.kill_writers(tmp_path, kills)).acknowledged > kills / 2


@pytest.mark.parametrize("error", [errno.EIO, errno.EDQUOT])
@pytest.mark.slow
def test_a_disk_that_refuses_any_call_loses_nothing(attacks, tmp_path, error):
    assert survived(attacks.fail_every_call(tmp_path, error)).tries > 100


def test_a_full_disk_is_pruned_and_goes_on(attacks, tmp_path):
    tally = attacks.fill_a_small_disk(tmp_path, 3)
    if tally is None:
        pytest.skip("mounting a tmpfs needs root")
    survived(tally)


@pytest.mark.parametrize("writers", [2, 4])
def test_racing_processes_lose_nothing(attacks, tmp_path, writers):
    survived(attacks.race_writers(tmp_path, writers, 3))


def test_no_flipped_bit_goes_unseen(attacks, tmp_path):
    assert survived(attacks.BYTES.flip_bits(tmp_path, 5, attacks)).tries > 300


def test_no_forged_version_is_loaded_with_a_key(attacks, tmp_path):
    assert survived(attacks.BYTES.forge_signed(tmp_path, 30, attacks)).tries == 90


def test_no_parser_breaks_on_mangled_bytes(attacks, tmp_path):
    survived(attacks.BYTES.fuzz_parsers(tmp_path, 40, attacks))
