"""Values that wait while a finally block runs."""
log = []


def note(word):
    log.append(word)
    print(word)
    return word


def early(n):
    for i in range(n):
        try:
            if i == 1:
                return note("value")
        finally:
            note(f"finally {i}")
    return "never"


def broken():
    while True:
        try:
            note("break")
            break
        finally:
            note("finally break")
    return note("after")


print(early(3), broken())
print(log)
