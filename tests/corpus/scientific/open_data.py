"""Rows into a database, a table into HDF5, lines out of a CSV file, and digests of it all."""

import csv
import hashlib
import hmac
import sqlite3

import h5py
import numpy as np

with open("in.csv", "w", newline="") as file:
    csv.writer(file).writerows([i, f"name {i}", i * i % 97] for i in range(400))

database = sqlite3.connect("rows.db")
database.row_factory = sqlite3.Row
database.execute("create table seen (line int, name text, value int)")
database.commit()
cache = sqlite3.connect(":memory:")
cache.execute("create table total (value int, times int)")
cache.commit()
table = h5py.File("table.h5", "w")
values = table.create_dataset("values", (0, 3), maxshape=(None, 3), chunks=(32, 3), dtype="f8")
digests = [hashlib.blake2b(digest_size=16), hashlib.sha3_256(), hmac.new(b"key", digestmod="sha256")]

with open("in.csv", newline="") as file:
    rows = csv.reader(file)
    for number, name, value in rows:
        database.execute("insert into seen values (?, ?, ?)", (rows.line_num, name, int(value)))
        database.commit()
        cache.execute("insert into total values (?, 1)", (int(value) % 7,))
        cache.commit()
        values.resize(int(number) + 1, 0)
        values[int(number)] = np.array([float(number), float(value), np.sqrt(float(value))])
        for digest in digests:
            digest.update(name.encode())
        if int(number) % 50 == 49:
            counted = database.execute("select count(*), sum(value) from seen").fetchone()
            print(rows.line_num, tuple(counted), float(values[:].sum()), flush=True)

print([digest.hexdigest() for digest in digests])
print(cache.execute("select value, sum(times) from total group by value").fetchall())
print(values.shape, database.execute("select count(distinct line) from seen").fetchone()[0])
table.close()
database.close()
