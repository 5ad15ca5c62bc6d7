"""Loops over views of memory, unpacked records, a tree of XML and a folder, in the middle."""
import io
import os
import struct
import xml.etree.ElementTree as ET

stream = io.BytesIO(b"hello world")
with stream.getbuffer() as view:
    view[0] = 72
    view[4:5] = b"O"
print(stream.getvalue())

numbers = bytearray(range(24))
whole = memoryview(numbers)
views = [whole[3:20:3], whole[::-1], whole[8:24].cast("i"), whole[8:24].cast("h")[1::2]]
for i in range(2):
    numbers[9 + i] = 99 - i
    print([one.tolist() for one in views])
for byte in memoryview(b"ab"):
    print(byte)
for pair in struct.iter_unpack("<hb", bytes(range(6))):
    print(pair)

tree = ET.fromstring("<a>t1<b>t2<d/>t3</b>t4<c><d>x</d></c></a>")
for element in tree.iter():
    element.set("n", str(len(element)))
for element in tree.iter("d"):
    element.text = "seen"
for text in tree.itertext():
    print(text)
print(ET.tostring(tree))

os.makedirs("d/e")
for i in range(3):
    open(f"d/f{i}", "w").close()
seen = []
with os.scandir("d") as entries:
    for entry in entries:
        seen.append((entry.name, entry.is_dir(), entry.path))
print(sorted(seen))
