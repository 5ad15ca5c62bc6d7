"""Files that the kernel writes while they are read; another process gets others."""
import os


def torn():
    with open("/proc/self/maps") as lines:
        for number, line in enumerate(lines):
            if len(line.split()) < 5 or "-" not in line.split()[0]:
                yield line
            if number == 12:
                return


with open("/proc/self/status", "rb", buffering=0) as status, open("/proc/self/statm") as memory:
    for number in range(2):
        status.seek(0)
        memory.seek(0)
        print(number, status.read(5), len(memory.read().split()), *torn())
print(os.path.exists("/proc/self/maps"))
