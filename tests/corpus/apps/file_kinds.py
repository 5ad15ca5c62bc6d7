"""Files open for long: read, write, append, update, binary, gzip, csv writer, iterated in mid-line."""
import csv
import gzip
import hashlib
import os
import tempfile

with open("source.txt", "w", encoding="utf-8") as f:
    for n in range(400000):
        f.write(f"{n} zeile ä {n * n % 997}\n")

source = open("source.txt", encoding="utf-8")
copy = open("copy.txt", "w", encoding="utf-8", buffering=1)
appended = open("appended.txt", "a")
update = open("update.bin", "wb+")
table = csv.writer(open("table.csv", "w", newline=""))
digest = hashlib.md5()
total = 0
scratch = tempfile.TemporaryFile(dir=".")
for number, line in enumerate(source):
    first, word, letter, last = line.split()
    total += int(last)
    digest.update(line.encode())
    if number % 40 == 0:
        copy.write(line.upper())
        table.writerow([number, word, letter, total])
    if number % 500 == 0:
        appended.write(f"{number} {total}\n")
        update.seek(number % 1000)
        update.write(b"%06d" % (total % 1000000))
        scratch.write(b"x")
    if number % 20000 == 0:
        print(number, total, digest.hexdigest(), copy.tell() > 0, flush=True)
        with gzip.GzipFile(f"part{number // 20000 % 3}.gz", "wb", mtime=0) as packed:
            packed.write(line.encode() * 50)
    if number % 9000 == 0:
        os.rename("appended.txt", "moved.txt")
        os.rename("moved.txt", "appended.txt")
print(scratch.tell(), update.tell(), source.read(10) == "", os.path.getsize("source.txt"))
for f in (source, copy, appended, update):
    f.close()
