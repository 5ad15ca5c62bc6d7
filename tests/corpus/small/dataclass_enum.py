"""Dataclasses with fields and order, slots, generics, abstract classes, protocols, typing names."""
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field, replace
from typing import Generic, NamedTuple, Optional, TypeVar

T = TypeVar("T")


@dataclass(order=True)
class Task:
    priority: int
    name: str = field(compare=False)
    tags: list[str] = field(default_factory=list, compare=False)

    def __post_init__(self):
        self.name = self.name.title()
        print("task", self.name)


@dataclass(frozen=True, slots=True)
class Cell:
    x: int
    y: Optional[int] = None


class Pair(NamedTuple):
    a: int
    b: str = "b"


class Stack(Generic[T]):
    __slots__ = ("items",)

    def __init__(self):
        self.items: list[T] = []

    def push(self, item: T) -> "Stack[T]":
        self.items.append(item)
        return self


class Shape(ABC):
    @abstractmethod
    def area(self): ...


class Square(Shape):
    def area(self):
        side = 3
        return side * side


tasks = sorted([Task(3, "wash"), Task(1, "cook"), Task(2, "eat", ["x"])])
for task in tasks:
    task.tags.append(task.name[0])
    print(task)
cells = {Cell(i, i * 2): i for i in range(2)}
print(cells[Cell(1, 2)], asdict(tasks[0]), replace(Cell(1), y=9), Pair(1)._replace(b="z"))
print(Stack[int]().push(1).push(2).items, Square().area(), isinstance(Square(), Shape))
