"""Descriptors that no object owns: of files, of a folder, of both ends of a pipe."""
import os
import tempfile

there = os.open("a.txt", os.O_RDWR | os.O_CREAT | os.O_APPEND)
print(os.write(there, b"one "))
source = os.open(__file__, os.O_RDONLY)
also = os.open(__file__, os.O_RDONLY)
print(os.read(source, 8), os.read(also, 8))
temporary, name = tempfile.mkstemp(dir=".")
os.rename(name, "c.txt")
out, into = os.pipe()
os.set_blocking(out, False)
for word in (b"two ", b"three "):
    os.write(into, word)
    print(os.write(there, word), os.lseek(source, 2, os.SEEK_CUR))
with os.fdopen(os.open("b.txt", os.O_WRONLY | os.O_CREAT), "w") as file:
    print("text", file=file)
    print(os.read(out, 6), os.get_inheritable(into), os.get_blocking(out))
folder = os.open(".", os.O_RDONLY)
print(os.stat("a.txt", dir_fd=folder).st_size, os.pread(there, 3, 4))
os.close(into)
print(os.read(out, 9), os.read(out, 9))
for each in (there, source, also, temporary, out, folder):
    os.close(each)
