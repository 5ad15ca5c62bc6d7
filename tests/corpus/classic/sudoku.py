"""Sudoku by propagation and search; dictionaries of strings."""
import itertools

DIGITS = "123456789"
ROWS = "ABCDEFGHI"
SQUARES = [r + c for r in ROWS for c in DIGITS]
UNITS = (
    [[r + c for r in ROWS] for c in DIGITS]
    + [[r + c for c in DIGITS] for r in ROWS]
    + [[r + c for r in rs for c in cs] for rs in ("ABC", "DEF", "GHI") for cs in ("123", "456", "789")]
)
UNIT_OF = {s: [u for u in UNITS if s in u] for s in SQUARES}
PEERS = {s: sorted(set(itertools.chain(*UNIT_OF[s])) - {s}) for s in SQUARES}


def parse(text):
    values = dict.fromkeys(SQUARES, DIGITS)
    for square, digit in zip(SQUARES, text):
        if digit in DIGITS and not assign(values, square, digit):
            return None
    return values


def assign(values, square, digit):
    others = values[square].replace(digit, "")
    return values if all(eliminate(values, square, d) for d in others) else None


def eliminate(values, square, digit):
    if digit not in values[square]:
        return values
    values[square] = values[square].replace(digit, "")
    if not values[square]:
        return None
    if len(values[square]) == 1 and not all(eliminate(values, p, values[square]) for p in PEERS[square]):
        return None
    for unit in UNIT_OF[square]:
        places = [s for s in unit if digit in values[s]]
        if not places or (len(places) == 1 and not assign(values, places[0], digit)):
            return None
    return values


def search(values):
    if values is None:
        return None
    if all(len(v) == 1 for v in values.values()):
        return values
    _, square = min((len(values[s]), s) for s in SQUARES if len(values[s]) > 1)
    for digit in values[square]:
        found = search(assign(values.copy(), square, digit))
        if found:
            return found
    return None


PUZZLES = [
    "4.....8.5.3..........7......2.....6.....8.4......1.......6.3.7.5..2.....1.4......",
    "52...6.........7.13...........4..8..6......5...........418.........3..2...87.....",
    "6.....8.3.4.7.................5.4.7.3..2.....1.6.......2.....5.....8.6......1....",
    "48.3............71.2.......7.5....6....2..8.............1.76...3.....4......5....",
    "..3.2.6..9..3.5..1..18.64....81.29..7.......8..67.82....26.95..8..2.3..9..5.1.3..",
] * 24
for number, puzzle in enumerate(PUZZLES):
    solved = search(parse(puzzle))
    print(number, "".join(solved[s] for s in SQUARES) if solved else "none", flush=True)
