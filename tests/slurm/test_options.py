"""The command line of sbatch is understood word by word and given on unchanged."""

from __future__ import annotations

import pytest

from dartslurm.errors import UsageError
from dartslurm.slurm.options import sort_words, without_wrap


@pytest.mark.parametrize(
    ("argv", "sbatch", "script", "arguments"),
    [
        (["job.sh"], [], "job.sh", []),
        (["-t", "1", "job.sh", "a", "-b"], ["-t", "1"], "job.sh", ["a", "-b"]),
        (["-t1", "-Jname", "job.sh"], ["-t1", "-Jname"], "job.sh", []),
        (["--time=1", "--mem", "5", "j"], ["--time=1", "--mem", "5"], "j", []),
        (["--parsable", "-WQ", "j", "--time=3"], ["--parsable", "-WQ"], "j", ["--time=3"]),
        (["-Ht", "5", "j"], ["-Ht", "5"], "j", []),
        (["-s", "job.sh"], ["-s"], "job.sh", []),
        (["-k", "-n", "2", "j"], ["-k", "-n", "2"], "j", []),
        (["--exclusive", "j"], ["--exclusive"], "j", []),
        (
            ["--requeue", "--signal", "B:USR1@9", "j"],
            ["--requeue", "--signal", "B:USR1@9"],
            "j",
            [],
        ),
        (["--part", "debug", "j"], ["--part", "debug"], "j", []),
        (["-n1", ":", "-n2", "j"], ["-n1", ":", "-n2"], "j", []),
        (["--wrap", "echo hi"], ["--wrap", "echo hi"], None, []),
        (["--unknown-option", "j"], ["--unknown-option"], "j", []),
        (["--dart-lead=5", "-t", "1", "--dart-interval", "3", "j"], ["-t", "1"], "j", []),
    ],
)
def test_every_word_goes_where_sbatch_would_take_it(argv, sbatch, script, arguments):
    words = sort_words(argv)
    assert (words.sbatch, words.script, words.script_args) == (sbatch, script, arguments)


def test_our_options_are_taken_out():
    words = sort_words(["--dart-lead=5", "--dart-interval", "3", "--dart-rerun-finished", "j"])
    assert words.dart == {"lead": "5", "interval": "3", "rerun-finished": "1"}


@pytest.mark.parametrize("argv", [["--dart-what=1", "j"], ["--dart-lead"]])
def test_an_unknown_or_incomplete_option_of_ours_is_a_usage_error(argv):
    with pytest.raises(UsageError, match=r"--dart-"):
        sort_words(argv)


def test_short_options_are_known_by_their_long_names():
    words = sort_words(["-J", "x", "-t3", "-W", "--job=y", "j"])
    assert words.named["job-name"] == "y"
    assert words.named["time"] == "3"
    assert words.named["wait"] == ""


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (["-t", "1", "--wrap=x y", "--parsable"], ["-t", "1", "--parsable"]),
        (["--wrap", "x y", "-t", "1"], ["-t", "1"]),
        (["-J", "--wrap", "--wra=x"], ["-J", "--wrap"]),
    ],
)
def test_the_wrapped_command_is_dropped_and_nothing_else(options, kept):
    assert without_wrap(options) == kept
