"""Files written, read line by line, appended to and closed each time, positions kept."""
with open("in.txt", "w") as f:
    for i in range(4):
        f.write(f"line {i}\n")
out = open("out.txt", "w")
with open("in.txt") as source:
    for number, line in enumerate(source):
        out.write(f"{number}: {line.strip()}\n")
        with open("log.txt", "a") as log:
            log.write(line)
out.close()
with open("data.bin", "wb+") as f:
    f.write(bytes(range(10)))
    f.seek(3)
    print(f.read(2), f.tell())
    f.write(b"XY")
    f.seek(0)
    print(f.read())
with open("out.txt", "r+") as f:
    print(f.readline(), end="")
    rest = f.read()
    print(len(rest))
print(open("log.txt").read())
