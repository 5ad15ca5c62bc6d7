"""The grammar of sbatch's command line, as far as we must know it.

Takes the words a user typed; gives them in three groups: options for sbatch (unchanged and in
order), options of ours (``--dart-…``), and the script with its arguments. Keeps: no word for
sbatch is changed, dropped or moved past another.

Source:
    sbatch(1) and ``src/common/slurm_opt.c`` of Slurm 22.05 to 25.05; parsing stops at the first
    word that is no option, as ``getopt_long`` with ``+`` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dartslurm.errors import UsageError

_SHORT_WITH_VALUE = frozenset("AaBbCcDdeFGiJLMmNnopqStwx")
_SHORT_WITH_GLUED_VALUE = frozenset("ks")
_VALUED = """
    account acctg-freq array batch bb bbf bcast begin chdir clusters cluster-constraint comment
    constraint container container-id core-spec cores-per-socket cpu-freq cpus-per-gpu
    cpus-per-task deadline delay-boot dependency distribution error exclude export export-file
    extra extra-node-info gid gpu-bind gpu-freq gpus gpus-per-node gpus-per-socket gpus-per-task
    gres gres-flags hint input job-name kill-on-invalid-dep licenses mail-type mail-user mcs-label
    mem mem-bind mem-per-cpu mem-per-gpu mincpus network nodefile nodelist nodes ntasks
    ntasks-per-core ntasks-per-gpu ntasks-per-node ntasks-per-socket open-mode output partition
    power prefer priority profile qos reservation segment signal sockets-per-node switches
    thread-spec threads-per-core time time-min tmp tres-bind tres-per-task uid wait-all-nodes
    wckey workdir wrap
"""
_BARE = """
    consolidate-segments contiguous exclusive get-user-env help hold ignore-pbs nice no-kill
    no-requeue oom-kill-step overcommit oversubscribe parsable propagate quiet reboot requeue
    resv-ports share spread-job stepmgr test-only usage use-min-nodes verbose version wait x11
"""
_LONG_WITH_VALUE = frozenset(_VALUED.split())
_LONG_WITHOUT_VALUE = frozenset(_BARE.split())
LONG_OF_SHORT = {
    "J": "job-name",
    "t": "time",
    "p": "partition",
    "a": "array",
    "x": "exclude",
    "w": "nodelist",
    "o": "output",
    "e": "error",
    "W": "wait",
    "Q": "quiet",
    "h": "help",
    "V": "version",
    "D": "chdir",
    "A": "account",
    "M": "clusters",
}
OURS_IN_JOB = (
    "interval", "overhead", "memory", "quota", "lead", "max-attempts", "max-noprogress",
)  # fmt: skip
_OURS_WITH_VALUE = ("store", *OURS_IN_JOB)
_OURS_WITHOUT_VALUE = ("rerun-finished", "print-script", "explain")


@dataclass(slots=True)
class Words:
    """One command line, sorted. ``named`` has the long name and value of every sbatch option."""

    sbatch: list[str] = field(default_factory=list)
    dart: dict[str, str] = field(default_factory=dict)
    script: str | None = None
    script_args: list[str] = field(default_factory=list)
    named: dict[str, str] = field(default_factory=dict)


def sort_words(argv: list[str]) -> Words:
    """Sort a ``dart-sbatch`` command line.

    Raises:
        UsageError: for an option of ours that does not exist or lacks its value.
    """
    words = Words()
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--":
            break
        if word.startswith("--dart-"):
            _take_ours(words, word, rest)
        elif word.startswith("--"):
            _take_long(words, word, rest)
        elif word.startswith("-") and word != "-":
            _take_short(words, word, rest)
        elif word == ":":  # the next component of a heterogeneous job
            words.sbatch.append(word)
        else:
            rest.insert(0, word)
            break
    if rest:
        words.script, words.script_args = rest[0], rest[1:]
    return words


def _take_ours(words: Words, word: str, rest: list[str]) -> None:
    name, equals, value = word[len("--dart-") :].partition("=")
    if name in _OURS_WITHOUT_VALUE and not equals:
        words.dart[name] = "1"
        return
    if name not in _OURS_WITH_VALUE:
        known = ", ".join(f"--dart-{each}" for each in (*_OURS_WITH_VALUE, *_OURS_WITHOUT_VALUE))
        raise UsageError(f"{word} is no option of dart-sbatch", remedy=f"there are {known}")
    if not equals:
        if not rest:
            raise UsageError(f"{word} needs a value", remedy=f"write {word}=VALUE")
        value = rest.pop(0)
    words.dart[name] = value


def _take_long(words: Words, word: str, rest: list[str]) -> None:
    words.sbatch.append(word)
    name, equals, value = word[2:].partition("=")
    name = _whole_name(name)
    if not equals and name in _LONG_WITH_VALUE and rest:
        value = rest.pop(0)
        words.sbatch.append(value)
    words.named[name] = value


def _whole_name(name: str) -> str:
    """Complete an abbreviated long option, as getopt does."""
    if name in _LONG_WITH_VALUE or name in _LONG_WITHOUT_VALUE:
        return name
    every = [each for each in _LONG_WITH_VALUE | _LONG_WITHOUT_VALUE if each.startswith(name)]
    return every[0] if len(every) == 1 else name


def _take_short(words: Words, word: str, rest: list[str]) -> None:
    words.sbatch.append(word)
    for place, letter in enumerate(word[1:], 2):
        name = LONG_OF_SHORT.get(letter, letter)
        value = word[place:]
        if letter in _SHORT_WITH_VALUE and not value and rest:
            value = rest.pop(0)
            words.sbatch.append(value)
        if letter in _SHORT_WITH_VALUE or letter in _SHORT_WITH_GLUED_VALUE:
            words.named[name] = value
            return
        words.named[name] = ""


def without_wrap(options: list[str]) -> list[str]:
    """Drop ``--wrap`` and its value: its text has become a script."""
    kept: list[str] = []
    rest = list(options)
    while rest:
        word = rest.pop(0)
        name, equals, _ = word[2:].partition("=")
        if word.startswith("--") and _whole_name(name) == "wrap":
            if not equals and rest:
                rest.pop(0)
            continue
        kept.append(word)
        one = Words()
        before = len(rest)
        if word.startswith("--"):
            _take_long(one, word, rest)
        elif word.startswith("-"):
            _take_short(one, word, rest)
        if len(rest) < before:
            kept.append(one.sbatch[1])
    return kept
