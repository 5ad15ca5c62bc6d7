"""Secrets of the environment are nowhere in a store, and are asked of the new process."""

from __future__ import annotations

import json

import pytest

GIVEN = {
    "HF_TOKEN": "hf-4f1c09aa77",
    "AWS_SECRET_ACCESS_KEY": "aws-b2019d55e1",
    "PGPASSWORD": "pg-77aa30c1f2",
    "SSH_AUTH_SOCK": "sock-90ab12cd34",
    "OLD_COOKIE": "cookie-5d21e0b7",
    "PLAIN_OF_THE_SHELL": "shell-61c2fe08",
}
MADE = {
    "MADE_API_KEY": "made-0cc175b9c0",
    "JOB_PROXY": "http://me:url-92eb5ffee6@proxy:8080",
    "CURL_HEADER": f"Authorization: {GIVEN['HF_TOKEN']}",
}
KEPT = {"MY_MODE": "mode-4a8a08f09d", "TOKENIZERS_PARALLELISM": "truth-8fa14cdd75"}
SCRIPT = """
import json
import os
from os import environ, environb

found = environ["HF_TOKEN"] == environb[b"HF_TOKEN"].decode()
with open("made.json") as file:
    environ.update(json.load(file))
del environ["OLD_COOKIE"]
for step in range(12):
    print(step, found)
print(environ["HF_TOKEN"][:2], "OLD_COOKIE" in environ, environ.get("MADE_API_KEY", "none")[:4])
print(environ["MY_MODE"], environ["TOKENIZERS_PARALLELISM"], os.environ is environ)
"""


@pytest.fixture
def keeps_secrets(dart, tmp_path):
    """A run whose program reads and makes secrets, stopped twice."""
    (tmp_path / "made.json").write_text(json.dumps({**MADE, **KEPT}))
    script = tmp_path / "job.py"
    script.write_text(SCRIPT)
    for name, *words in (("run", script), ("resume", "--here")):
        said = dart(name, "--dart-store=s", *words, **GIVEN, DART_TEST_STOP_AT="12")
        assert said.code == 85, said
    return tmp_path / "s"


def everything_in(store):
    """Every byte of every file, and of every version what is packed there."""
    from dartslurm.store.repository import Repository

    pieces = [path.read_bytes() for path in store.rglob("*") if path.is_file()]
    repository = Repository.open(str(store))
    for run in map(repository.run, repository.runs()):
        for version in run.versions():
            with run.reader(version.number) as reader:
                pieces.append(json.dumps(reader.meta).encode())
                pieces += [reader.stream(each.name) for each in reader.manifest.streams]
                pieces += [bytes(reader.leaf(index)) for index in range(reader.leaf_count())]
    return b"\n".join(pieces)


def test_no_byte_of_a_store_or_an_export_holds_a_secret(keeps_secrets, dart, tmp_path):
    content = everything_in(keeps_secrets)
    (run,) = keeps_secrets.glob("runs/r-*")
    said = dart("export", "--dart-store=s", run.name, f"--zarr={tmp_path}/out.zarr")
    assert said.code == 0, said
    content += b"".join(path.read_bytes() for path in tmp_path.glob("out.zarr/**/*.json"))
    kept = [value for value in KEPT.values() if value.encode() in content]
    leaked = [v for v in (*GIVEN.values(), *MADE.values()) if v.encode() in content]
    assert kept == list(KEPT.values())
    assert leaked == []


def test_secrets_have_the_values_of_the_new_environment(keeps_secrets, dart):
    said = dart("resume", "--dart-store=s", "--here", HF_TOKEN="new", OLD_COOKIE="still")
    assert said.code == 0, said
    assert said.out.endswith(
        f"ne False none\n{KEPT['MY_MODE']} {KEPT['TOKENIZERS_PARALLELISM']} True\n"
    )


def test_a_secret_that_the_program_made_is_named_as_not_kept(keeps_secrets, dart):
    shown = json.loads(dart("inspect", "--dart-store=s", "--json").out)["outside"]
    assert shown["environment_withheld"] == sorted(MADE)
    assert set(KEPT) <= set(shown["environment_names"])
    given = dart("resume", "--dart-store=s", "--here", HF_TOKEN="new", MADE_API_KEY="given")
    assert "ne False give\n" in given.out
    journal = next(keeps_secrets.rglob("journal.jsonl")).read_text()
    assert "MADE_API_KEY, which the program had set, looks like a secret" in journal


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("OPENAI_API_KEY", True),
        ("github_pat", True),
        ("SSHPASS", True),
        ("XAUTHORITY", True),
        ("MYSQL_PWD", True),
        ("SENTRY_DSN", True),
        ("PATH", False),
        ("PWD", False),
        ("KEYBOARD_LAYOUT", False),
        ("MAX_NEW_TOKENS", False),
        ("AUTHOR", False),
        ("OMP_NUM_THREADS", False),
    ],
)
def test_names_are_judged_by_what_they_say(name, secret, monkeypatch):
    from dartslurm.state.outside import environment

    monkeypatch.setattr(environment, "_begun", {})
    environment.watch()
    monkeypatch.setenv(name, "another value than before")
    found = environment.collect()
    assert (name in found["withheld"]) == secret
    assert (name in found["set"]) != secret
