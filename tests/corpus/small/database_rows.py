"""Rows of a data base, read one by one while the program does something with each."""
import sqlite3

con = sqlite3.connect("a.db")
con.execute("create table t(a integer primary key, b text, c real, d blob)")
rows = [("xyx"[i % 3], i / 3, bytes([i]) * i) for i in range(5)]
cur = con.executemany("insert into t(b, c, d) values (?, ?, ?)", rows)
print(cur.rowcount, cur.lastrowid)
cur = con.execute("insert into t(b) values ('z')")
con.commit()
print(cur.rowcount, cur.lastrowid)

cur = con.cursor()
cur.execute("select a, c * 2 as twice from t where a < ? and b like ?", (5, "%"))
print(cur.fetchone())
print(cur.description)
for row in cur:
    print(row)
con.row_factory = sqlite3.Row
for row in con.execute("select b, d from t order by a"):
    print(row["b"], row["d"])
con.row_factory = None
for row in con.execute("select b from t order by b"):
    for inner in con.execute("select count(*) from t where b = ?", row):
        print(row, inner)


def large():
    for b, c in con.execute("select b, c from t where c > 0.5"):
        yield b, round(c, 3)


class Longest:
    def __init__(self):
        self.found = 0

    def step(self, value):
        self.found = max(self.found, len(value or b""))

    def finalize(self):
        return self.found


print(list(large()))
con.create_function("shout", 1, lambda text: text.upper() + "!", deterministic=True)
con.create_function("joined", -1, lambda *parts: "-".join(map(str, parts)))
con.create_aggregate("longest", 1, Longest)
con.create_collation("backwards", lambda a, b: (a < b) - (a > b))
with con:
    con.execute("update t set b = shout(b) where a > 3")
for name in ("a", "b"):
    print(con.execute(f"select joined({name}, 1, 2) from t order by b collate backwards, a").fetchall())
print(con.execute("select longest(d), last_insert_rowid() from t").fetchone(), con.total_changes)
con.create_function("round", 1, lambda number: f"<{number:.1f}>")  # another was there
for row in con.execute("select shout(b), round(c) from t where c > 0.5 order by a").fetchall():
    print(row)
con.close()
