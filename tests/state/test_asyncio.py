# ruff: noqa: E501  (programs inside strings)
"""Futures, tasks and loops travel as the C objects they are, with everything that hangs on them."""

import sys

import pytest


def test_futures_keep_results_exceptions_callbacks_and_attributes(round_trip):
    round_trip(
        """
        import asyncio, contextvars
        loop = asyncio.new_event_loop()
        class Own(asyncio.Future):
            __slots__ = ("extra",)
        log = []
        def note(f): log.append((who.get(), f.cancelled() or f.result()))
        who = contextvars.ContextVar("who", default="nobody")
        plain, done, failed, gone, own = (loop.create_future() for _ in range(4)), 0, 0, 0, Own(loop=loop)
        plain, done, failed, gone = plain
        done.set_result([1, 2]); done.mark = "marked"
        failed.set_exception(KeyError("lost")); gone.cancel("why"); own.extra = plain
        context = contextvars.copy_context(); context.run(who.set, "inside")
        plain.add_done_callback(note, context=context); plain.add_done_callback(note)
        """,
        """
        import asyncio
        assert done.result() == [1, 2] and done.mark == "marked" and type(own).__name__ == "Own" and own.extra is plain
        assert type(failed) is type(plain) is asyncio.Future and repr(failed.exception()) == "KeyError('lost')"
        try: gone.result()
        except asyncio.CancelledError as e: assert e.args == ("why",)
        plain.set_result("now")
        loop.run_until_complete(asyncio.sleep(0))
        assert log == [("inside", "now"), ("nobody", "now")], log
        loop.close()
        """,
    )


def test_tasks_go_on_where_they_wait(round_trip):
    round_trip(
        """
        import asyncio
        loop = asyncio.new_event_loop()
        event, queue, lock = asyncio.Event(), asyncio.Queue(), asyncio.Lock()
        log = []
        async def waits(name):
            async with lock:
                log.append(name)
                try: await event.wait()
                finally: log.append(-name)
            return await queue.get()
        async def sleeps():
            await asyncio.sleep(3600)
        async def shielded(task):
            return await asyncio.wait_for(asyncio.shield(task), 1000)
        async def made():
            global tasks, gathered, sleeper
            tasks = [asyncio.create_task(waits(n), name=f"t{n}") for n in (1, 2)]
            tasks.append(asyncio.create_task(shielded(tasks[0])))
            gathered = asyncio.gather(*tasks)
            sleeper = asyncio.create_task(sleeps())
            await asyncio.sleep(0.01)
        loop.run_until_complete(made())
        cancelled = loop.create_task(waits(3)); cancelled.cancel("early")
        """,
        """
        import asyncio
        assert [t.get_name() for t in tasks[:2]] == ["t1", "t2"] and not sleeper.done()
        assert sleeper.get_coro().cr_await is not None
        event.set(); queue.put_nowait("a"); queue.put_nowait("b")
        assert loop.run_until_complete(gathered) == ["a", "b", "a"]
        assert log == [1, -1, 2, -2], log
        sleeper.cancel(); loop.run_until_complete(asyncio.wait([sleeper, cancelled]))
        assert sleeper.cancelled() and cancelled.cancelled()
        loop.close()
        """,
    )


def test_timers_keep_the_time_that_is_left(round_trip):
    round_trip(
        """
        import asyncio
        loop = asyncio.new_event_loop()
        log = []
        late = loop.call_later(3600, log.append, "late")
        soon = loop.call_later(0.02, log.append, "soon")
        left = late.when() - loop.time()
        """,
        """
        from dartslurm.state.kinds import loops
        loops.go_on()
        assert 0 <= left - (late.when() - loop.time()) < 60, "an hour is still an hour"
        loop.call_later(0.05, loop.stop); loop.run_forever(); loop.close()
        assert log == ["soon"]
        """,
    )


def test_a_loop_can_be_woken_from_another_thread(round_trip):
    round_trip(
        """
        import asyncio, signal
        loop, closed = asyncio.new_event_loop(), asyncio.new_event_loop()
        closed.close()
        log = []
        loop.add_signal_handler(signal.SIGUSR2, log.append, "signal")
        loop.call_soon_threadsafe(log.append, "before")
        """,
        """
        import asyncio, os, signal, threading
        loop.remove_signal_handler(signal.SIGUSR2); loop.add_signal_handler(signal.SIGUSR2, log.append, "signal")
        threading.Timer(0.02, loop.call_soon_threadsafe, (loop.stop,)).start()
        os.kill(os.getpid(), signal.SIGUSR2)
        loop.run_forever(); loop.close()
        assert log == ["before", "signal"] and closed.is_closed()
        """,
    )


def test_awaitables_of_async_generators_go_on(round_trip):
    round_trip(
        """
        import asyncio
        async def items():
            got = []
            for i in range(4):
                try: got.append((yield i))
                except ValueError: got.append("caught")
            yield got
        a = items()
        try: a.asend(None).send(None)
        except StopIteration: pass
        sent, thrown, closing, last = a.asend("x"), a.athrow(ValueError), items().aclose(), anext(items(), "none")
        wrapped = items().__anext__()
        async def coroutine(): return 5
        c = coroutine(); w = c.__await__()
        """,
        """
        def run(awaitable):
            try:
                while True: awaitable.send(None)
            except (StopIteration, StopAsyncIteration) as e: return getattr(e, "value", None)
        assert [run(sent), run(thrown), run(a.__anext__()), run(last), run(wrapped), run(closing)] == [1, 2, 3, 0, 0, None]
        assert run(w) == 5
        """,
    )


def test_tokens_belong_to_their_context(round_trip):
    round_trip(
        """
        import contextvars
        who = contextvars.ContextVar("who")
        here = who.set("here")
        context = contextvars.Context()
        first, second = context.run(who.set, 1), context.run(who.set, 2)
        used = who.set("used"); who.reset(used)
        """,
        """
        try: who.reset(second)
        except ValueError: pass
        else: raise AssertionError("it was made in another context")
        context.run(who.reset, second); assert context[who] == 1
        context.run(who.reset, first); assert who not in context
        try: context.run(who.reset, first)
        except RuntimeError: pass
        else: raise AssertionError("it has been used")
        try: who.reset(used)
        except RuntimeError: pass
        else: raise AssertionError("it has been used")
        """,
    )


def test_an_idle_pool_of_threads_works_again(round_trip):
    round_trip(
        """
        import asyncio, time
        loop = asyncio.new_event_loop()
        assert loop.run_until_complete(loop.run_in_executor(None, pow, 2, 3)) == 8
        time.sleep(0.2)
        """,
        """
        assert loop.run_until_complete(loop.run_in_executor(None, pow, 2, 4)) == 16
        loop.run_until_complete(loop.shutdown_default_executor()); loop.close()
        """,
    )


def test_names_of_tasks_are_counted_on_without_a_gap():
    import asyncio

    from dartslurm.interpreter.tasks import set_task_number, task_number

    async def names():
        first = asyncio.current_task().get_name()
        number = task_number()
        second = asyncio.create_task(asyncio.sleep(0))
        set_task_number(number + 100)
        third = asyncio.create_task(asyncio.sleep(0))
        await asyncio.gather(second, third)
        return [int(n.removeprefix("Task-")) for n in (first, second.get_name(), third.get_name())]

    first, second, third = asyncio.run(names())
    assert (second, third) == (first + 1, first + 101)


@pytest.mark.skipif(sys.version_info[:2] > (3, 13), reason="no rows for this interpreter")
def test_the_rows_of_this_interpreter_hold():
    from dartslurm.interpreter.tasks import Samples, samples

    assert isinstance(samples(), Samples), samples()
