"""What id() and the usual hash() gave, kept in keys, sets, tuples, locals and attributes."""
import copy


class Node:
    def __init__(self, name):
        self.name, self.links, self.mark = name, [], hash(self)

    def __deepcopy__(self, memo):
        made = memo[id(self)] = Node(self.name)
        made.links = copy.deepcopy(self.links, memo)
        return made


def walk(node, seen):
    if id(node) in seen:
        return
    seen.add(id(node))
    for other in node.links:
        yield from walk(other, seen)
    yield node.name


nodes = [Node(name) for name in "abcd"]
for place, node in enumerate(nodes):
    node.links = [nodes[place - 1], nodes[(place + 1) % 4], node]
names = {id(node): node.name for node in nodes}
pairs = {(id(a), id(b)): a.name + b.name for a in nodes for b in a.links}
rows = [[id(row), row] for row in ([1], {2: 3}, {4}, "text", Node, walk)]
print(list(walk(nodes[0], set())))
twins = copy.deepcopy(nodes)
print([[link.name for link in twin.links] for twin in twins])
print([twin.links[2] is twin for twin in twins], twins[0].links[1] is twins[1])
print([names[id(node)] for node in nodes], sorted(pairs[id(a), id(b)] for a in nodes for b in a.links))
print([number == id(row) for number, row in rows], [node.mark == hash(node) for node in nodes])
