"""A bare raise after a stop, exceptions raised while handling, chained causes and contexts."""
def work():
    try:
        x = [1, 2]
        x[5]
    except IndexError:
        y = len(x)
        print("handling", y)
        raise


def outer():
    try:
        work()
    except IndexError as first:
        print("outer", first)
        try:
            int("x")
        except ValueError as second:
            print("context", second.__context__ is first)
            raise RuntimeError("third") from second


try:
    outer()
except RuntimeError as error:
    chain = error
    while chain is not None:
        print(type(chain).__name__, chain)
        chain = chain.__cause__ or chain.__context__
for i in range(2):
    try:
        continue
    finally:
        print("finally", i)
print("done")
