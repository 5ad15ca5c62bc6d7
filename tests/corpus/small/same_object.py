"""One object seen as local, closure, global, attribute and argument stays one object; cycles too."""
shared = []
cycle = {"self": None}
cycle["self"] = cycle


class Holder:
    default = shared


def outer(arg):
    local = arg

    def inner():
        local.append(len(local))
        shared.append("g")
        Holder.default.append("h")
        return local is shared is arg is Holder.default

    same = inner()
    again = inner() and same
    return again, local


result, back = outer(shared)
print(result, back is shared, shared, cycle["self"]["self"] is cycle)
a = b = [1]
pair = (a, b)
a += [2]
print(pair, pair[0] is pair[1], None is None, True is (1 == 1), Ellipsis is ..., int is type(1))
