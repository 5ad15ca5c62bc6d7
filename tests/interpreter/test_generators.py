"""A rebuilt generator goes on as the original would, from every state and place."""

import ctypes
import sys

import pytest

from dartslurm.interpreter.generators import fill_generator, freeze_generator, shell_generator

_kept = []


@pytest.fixture(autouse=True, scope="module")
def leave_them_open():
    yield
    for generator in _kept:  # for ever: closing an original would run its finally blocks
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(generator))


def copy_of(generator):
    plan, values = freeze_generator(generator)
    made = shell_generator(plan)
    fill_generator(made, list(values))
    _kept.append(generator)  # closing the original would run its finally blocks
    return made


def make(name):
    def body(count, *args, scale=3, **keywords):
        log = []
        try:
            for i in range(count):
                got = 1 + (yield i) * 2 if i % 2 else (yield -i)
                log.append((got, name, args, scale, sorted(keywords)))
                try:
                    raise ValueError(i)
                except ValueError as error:
                    again = yield "caught", str(error), sys.exc_info()[1] is error
                    log.append((again, sys.exc_info()[1] is error))
                    try:
                        raise
                    except ValueError as same:
                        log.append(same is error)
                finally:
                    yield "finally"
        finally:
            log.append("done")
        return log

    return body(4, 7, 8, other=1)


def drain(generator, start):
    produced = []
    try:
        produced.append(next(generator) if start == 0 else generator.send(start))
        while True:
            produced.append(generator.send(start + len(produced)))
    except StopIteration as stop:
        produced.append(stop.value)
    return produced


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("steps", range(13))
def test_a_copy_goes_on_from_every_yield(steps, times):
    expected = drain(make("K"), 0)
    generator = make("K")
    before = [generator.send(step or None) for step in range(steps)]
    for _ in range(times):
        generator = copy_of(generator)
    assert before + drain(generator, steps) == expected


def test_an_ended_generator_stays_ended():
    generator = (i for i in range(2))
    list(generator)
    assert list(copy_of(generator)) == []


def test_delegation_goes_on_inside_the_inner_generator():
    def inner():
        got = yield 1
        yield got
        return "value"

    def outer():
        result = yield from inner()
        yield result

    generator = outer()
    next(generator)
    made = copy_of(generator)
    assert [made.send("sent"), next(made)] == ["sent", "value"]


def test_a_coroutine_goes_on_at_its_await():
    class Pause:
        def __await__(self):
            return (yield "paused")

    async def work():
        first = await Pause()
        return first, await Pause()

    coroutine = work()
    assert coroutine.send(None) == "paused"
    made = copy_of(coroutine)
    assert made.send("a") == "paused"
    with pytest.raises(StopIteration) as stop:
        made.send("b")
    assert stop.value.value == ("a", "b")


def test_an_async_generator_goes_on_at_its_yield():
    async def items():
        for i in range(3):
            yield i

    def step(generator):
        try:
            generator.asend(None).send(None)
        except StopIteration as stop:
            return stop.value

    generator = items()
    assert step(generator) == 0
    made = copy_of(generator)
    assert [step(made), step(made)] == [1, 2]
