"""torch's ``DataLoader`` with workers: the next batch is the one that would have come.

An iterator asks its workers ahead: it sends each a number and the indices of a batch. The batches
that have come are in the version. For those that have not, their indices are sent again at a
resume, in the same order, to new workers. Two things the parent does not know, and so we see to it
from the start (`prepare`):

* *Which indices.* The iterator forgets them once they are sent. Its sampler is read through a `map`
  that keeps those of the last batches (`Notes`).
* *Where a worker's random numbers stand.* It draws for batches ahead of the parent. So it says
  with a batch how its generators stood behind it, if they have moved (`Told`); the new worker
  begins where the last batch that has come ended.

A worker of an iterable data set has a place in it as well. It is found by reading again up to there
and throwing the batches away, which draws the same random numbers.

Source:
    ``torch/utils/data/dataloader.py`` and ``_utils/worker.py`` of torch 2.
"""

from __future__ import annotations

import functools
import pickle
import random
import sys
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any

from dartslurm.state import services
from dartslurm.state.kinds.instances import fill_dict

if TYPE_CHECKING:
    from dartslurm.state.contract import Reducer, Reduction, Writer

_NAME = "_MultiProcessingDataLoaderIter"
BUSY = frozenset(
    ("torch.utils.data.dataloader", f"{_NAME}.{name}")
    for name in ("__init__", "_reset", "_next_data", "_shutdown_workers")
)
_OF_PROCESS = ("_workers", "_index_queues", "_worker_result_queue", "_data_queue",
               "_workers_done_event")  # fmt: skip
_MOST_ITERATORS = 64
_SKIPPED = -1

_told: OrderedDict[int, dict[int, tuple[int, bytes]]] = OrderedDict()
"""By an iterator's seed and the worker: how many batches it has made, and its random state."""


class Notes:
    """Keeps the indices of the batches that were asked for last, with their numbers."""

    def __init__(self, most: int) -> None:
        self.count = 0
        self.last: deque[tuple[int, Any]] = deque(maxlen=most)

    def note(self, indices: Any) -> Any:
        """Note what comes from the sampler."""
        self.last.append((self.count, indices))
        self.count += 1
        return indices


class Told:
    """A batch's number, which tells at its arrival how the worker stood behind the batch."""

    def __init__(self, *news: Any) -> None:
        self._news = news

    def __reduce__(self) -> Any:
        return arrived, self._news


def arrived(number: int, seed: int, worker: int, made: int, state: bytes) -> int:
    """Take note of a worker's news; return the batch's number, which is all that torch expects."""
    found = _told.setdefault(seed, {})
    _told.move_to_end(seed)
    if len(_told) > _MOST_ITERATORS:
        _told.popitem(last=False)
    found[worker] = made, state or found.get(worker, (0, b""))[1]
    return number


def prepare() -> None:
    """Have iterators keep what is needed, and their workers tell how they stand."""
    loader: Any = sys.modules["torch.utils.data.dataloader"]
    base = loader._BaseDataLoaderIter
    reset = base._reset

    @functools.wraps(reset)
    def _reset(self: Any, *arguments: Any, **named: Any) -> None:
        reset(self, *arguments, **named)
        if type(self).__name__ == _NAME:
            notes = Notes(self._prefetch_factor * self._num_workers + 1)
            self._sampler_iter = map(notes.note, self._sampler_iter)

    base._reset = _reset
    module = loader._utils.worker
    if module._worker_loop is not work:
        _loops.append(module._worker_loop)
        module._worker_loop = work


_loops: list[Any] = []


# --- in the worker -----------------------------------------------------------------------------


def work(*arguments: Any, made: int = 0, state: bytes = b"") -> None:
    """Be a worker of torch's; ``made`` batches were made before, and left ``state`` behind."""
    index_queue, data_queue, seed, worker = arguments[2], arguments[3], *arguments[8:11:2]
    get, put = index_queue.get, data_queue.put
    said, begin = [state], [state]

    def get_indices(*rest: Any, **named: Any) -> Any:
        nonlocal made
        if begin and begin.pop():
            _set_state(state)
        found = get(*rest, **named)
        made = 0 if type(found).__name__ == "_ResumeIteration" else made
        return found

    def put_batch(item: Any) -> None:
        nonlocal made
        number, batch = item
        if type(number) is int:
            made += 1
            if number == _SKIPPED:
                return
            now = _state()
            news = b"" if now == said[0] else now
            said[0] = now
            item = Told(number, seed, worker, made, news), batch
        put(item)

    index_queue.get, data_queue.put = get_indices, put_batch
    if not _loops:  # started anew, not forked
        from torch.utils.data._utils import worker as module

        _loops.append(module._worker_loop)
    _loops[-1](*arguments)


def _state() -> bytes:
    torch: Any = sys.modules["torch"]
    numpy: Any = sys.modules.get("numpy")
    found = numpy.random.get_state() if numpy is not None else None
    return pickle.dumps((random.getstate(), bytes(torch.get_rng_state().numpy()), found))


def _set_state(state: bytes) -> None:
    torch: Any = sys.modules["torch"]
    own, torchs, numpys = pickle.loads(state)
    random.setstate(own)
    torch.set_rng_state(torch.frombuffer(bytearray(torchs), dtype=torch.uint8))
    if numpys is not None:
        sys.modules["numpy"].random.set_state(numpys)


# --- out and back ------------------------------------------------------------------------------


def reduce_iterator(iterator: Any, writer: Writer) -> Reduction:
    """Reduce an iterator with workers."""
    namespace = vars(iterator)
    notes = _notes_of(namespace)
    if iterator._pin_memory or (notes is None and not iterator._shutdown):
        return writer.refuse(iterator, "a loader that pins memory, or was made before the capture")
    state = {name: value for name, value in namespace.items() if name not in _OF_PROCESS}
    method = next((getattr(w, "_start_method", None) for w in namespace["_workers"]), None)
    told = _told.get(iterator._base_seed, {})
    writer.defer(fill_iterator, iterator, (state, method, dict(told)))
    return object.__new__, (type(iterator),)


def _notes_of(namespace: dict[str, Any]) -> Notes | None:
    reader = namespace.get("_sampler_iter")
    function = reader.__reduce__()[1][0] if type(reader) is map else None
    found = getattr(function, "__self__", None)
    return found if type(found) is Notes else None


def fill_iterator(iterator: Any, found: tuple[dict[str, Any], Any, dict[int, Any]]) -> None:
    """Give an iterator its state; its workers are started when the program is about to go on."""
    state, method, told = found
    fill_dict(iterator, {**state, "_workers": [], "_index_queues": []})
    if not iterator._shutdown:
        _told[iterator._base_seed] = told
        services.later(functools.partial(_start_workers, iterator, method, told))


def _start_workers(iterator: Any, method: str | None, told: dict[int, Any]) -> None:
    loader: Any = sys.modules["torch.utils.data.dataloader"]
    ctx: Any = sys.modules["torch.multiprocessing"]
    ctx = ctx if method is None else ctx.get_context(method)
    results = iterator._worker_result_queue = iterator._data_queue = ctx.Queue()
    done = iterator._workers_done_event = ctx.Event()
    reads_again = iterator._dataset_kind == loader._DatasetKind.Iterable
    for number in range(iterator._num_workers):
        queue = ctx.Queue()
        queue.cancel_join_thread()
        made, state = told.get(number, (0, b""))
        news = {} if reads_again else {"made": made, "state": state}
        worker = ctx.Process(
            target=work,
            args=(
                iterator._dataset_kind, iterator._dataset, queue, results, done,
                iterator._auto_collation, iterator._collate_fn, iterator._drop_last,
                iterator._base_seed, iterator._worker_init_fn, number, iterator._num_workers,
                iterator._persistent_workers, iterator._shared_seed,
            ),
            kwargs=news,
        )  # fmt: skip
        worker.daemon = True
        worker.start()
        iterator._workers.append(worker)
        iterator._index_queues.append(queue)
        for _ in range(made if reads_again else 0):
            queue.put((_SKIPPED, next(iter(iterator._index_sampler))))
        if not (iterator._workers_status[number] or iterator._persistent_workers):
            queue.put(None)
    signals = loader._utils.signal_handling
    signals._set_worker_pids(id(iterator), tuple(one.pid for one in iterator._workers))
    signals._set_SIGCHLD_handler()
    _ask_again(iterator)


def _ask_again(iterator: Any) -> None:
    """Send the indices of the batches that have not come."""
    notes = _notes_of(vars(iterator))
    asked = dict(notes.last) if notes is not None else {}
    for number, info in sorted(iterator._task_info.items()):
        if len(info) == 1:
            iterator._index_queues[info[0]].put((number, asked[number]))


def claim(cls: type) -> Reducer | None:
    """Take iterators of loaders with workers."""
    return reduce_iterator if cls.__name__ == _NAME else None
