"""Buffers over streams in memory and objects of the program: what they hold, they hold on."""

import io


class Raw(io.RawIOBase):
    def __init__(self):
        self.parts = []

    def writable(self):
        return True

    def write(self, data):
        self.parts.append(bytes(data))
        return len(data)


class Source(io.RawIOBase):
    def __init__(self):
        self.given = 0

    def readable(self):
        return True

    def readinto(self, room):
        self.given += 1
        piece = b"%d, " % self.given * 3
        room[: len(piece)] = piece
        return len(piece)


class Keeper:
    def __init__(self):
        self.sink = io.BytesIO()  # pickled before its writer
        self.writer = io.BufferedWriter(self.sink, 64)


keeper = Keeper()
both_sink = io.BytesIO(b"0123456789" * 20)
both = io.BufferedRandom(both_sink, 32)
raw = Raw()
over = io.BufferedWriter(raw, 40)
words = io.TextIOWrapper(io.BufferedWriter(Raw(), 30), encoding="utf-8", write_through=True)
source = Source()
reader = io.BufferedReader(source, 50)
text_sink = io.BytesIO()
text = io.TextIOWrapper(io.BufferedWriter(text_sink, 48), encoding="utf-8", write_through=True)
for step in range(9):
    keeper.writer.write(b"<%d>" % (step * 37))
    both.seek(step * 3)
    both.read(2)
    both.write(b"ab")
    over.write(b"%05d" % step)
    text.write(f"line {step} ä\n")
    words.write(f"{step} words\n")
    print(step, len(keeper.sink.getvalue()), both.tell(), len(raw.parts), keeper.writer.tell())
    print(len(text_sink.getvalue()), reader.read(5), source.given, words.buffer.raw.parts)
for file in (keeper.writer, both, over, text, words):
    file.flush()
print(keeper.sink.getvalue(), both_sink.getvalue(), raw.parts, text_sink.getvalue().decode())
print(words.buffer.raw.parts, words.encoding, reader.peek())
