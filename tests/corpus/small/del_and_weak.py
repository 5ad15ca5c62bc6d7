"""Finalizers run when they would, weak references follow their objects."""
import weakref


class Node:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name)


def use():
    temp = Node("temp")
    ref = weakref.ref(temp)
    print(ref() is temp)
    return Node("kept"), ref


kept, dead = use()
names = weakref.WeakValueDictionary()
names["k"] = kept
link = weakref.proxy(kept)
for i in range(2):
    print(i, link.name, dead(), len(names))
del kept
print(len(names), "end")
