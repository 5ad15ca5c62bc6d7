"""A report over sales that it first makes: argparse, csv, json, logging to a file, statistics."""
import argparse
import csv
import json
import logging
import random
import statistics
from collections import defaultdict
from pathlib import Path

log = logging.getLogger("report")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("regions", nargs="+")
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--top", type=int, default=3)
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args()


def make(path, rows, regions):
    rng = random.Random(rows)
    with path.open("w", newline="") as target:
        table = csv.DictWriter(target, ["region", "item", "amount"])
        table.writeheader()
        for n in range(rows):
            row = {"region": rng.choice(regions), "item": f"i{rng.randrange(60)}", "amount": rng.randint(1, 500)}
            table.writerow(row)
            if n % 1000 == 0:
                log.info("made %d rows, last %s", n, row)


def read(path):
    amounts = defaultdict(lambda: defaultdict(list))
    with path.open(newline="") as source:
        for number, row in enumerate(csv.DictReader(source)):
            amounts[row["region"]][row["item"]].append(int(row["amount"]))
            if number % 1000 == 0:
                log.debug("read row %d", number)
    return amounts


def summarise(amounts, top):
    result = {}
    for region, items in sorted(amounts.items()):
        rows = []
        for item, values in sorted(items.items()):
            rows.append((sum(values), item, round(statistics.fmean(values), 3), round(statistics.stdev(values), 3) if len(values) > 1 else 0))
        rows.sort(reverse=True)
        result[region] = rows[:top]
        print(region, rows[0])
    return result


def main():
    options = arguments()
    logging.basicConfig(
        filename="report.log", level=logging.DEBUG if options.verbose else logging.INFO,
        format="%(levelname)s %(name)s %(funcName)s %(message)s",
    )
    for part in range(40):
        path = Path(f"sales{part}.csv")
        make(path, options.rows + part, options.regions)
        result = summarise(read(path), options.top)
        Path("summary.json").write_text(json.dumps({"part": part, "result": result}, indent=2))
        print("part", part, path.stat().st_size, flush=True)
    log.info("done")


if __name__ == "__main__":
    main()
