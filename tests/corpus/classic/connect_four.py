"""A game played to the end by alpha-beta search over small boards (connect four)."""
import functools

WIDTH, HEIGHT = 6, 5


@functools.lru_cache(maxsize=None)
def lines():
    found = []
    for x in range(WIDTH):
        for y in range(HEIGHT):
            for dx, dy in ((1, 0), (0, 1), (1, 1), (1, -1)):
                cells = [(x + dx * k, y + dy * k) for k in range(4)]
                if all(0 <= a < WIDTH and 0 <= b < HEIGHT for a, b in cells):
                    found.append(tuple(cells))
    return tuple(found)


class Board:
    def __init__(self):
        self.columns = [[] for _ in range(WIDTH)]
        self.moves = []

    def play(self, column):
        self.columns[column].append("XO"[len(self.moves) % 2])
        self.moves.append(column)

    def undo(self):
        self.columns[self.moves.pop()].pop()

    def at(self, cell):
        column = self.columns[cell[0]]
        return column[cell[1]] if cell[1] < len(column) else "."

    def score(self, mine):
        total = 0
        for line in lines():
            content = [self.at(c) for c in line]
            if mine in content and all(c in (mine, ".") for c in content):
                total += 10 ** content.count(mine)
        return total

    def won(self):
        last = "XO"[(len(self.moves) - 1) % 2]
        return any(all(self.at(c) == last for c in line) for line in lines())

    def __str__(self):
        return "/".join("".join(c).ljust(HEIGHT, ".") for c in self.columns)


def search(board, depth, alpha, beta):
    me = "XO"[len(board.moves) % 2]
    if board.moves and board.won():
        return -100000 - depth, None
    free = [c for c in range(WIDTH) if len(board.columns[c]) < HEIGHT]
    if not free or depth == 0:
        return board.score(me) - board.score("XO"["XO".index(me) ^ 1]), None
    best = None
    for column in sorted(free, key=lambda c: abs(c - WIDTH / 2)):
        board.play(column)
        try:
            value = -search(board, depth - 1, -beta, -alpha)[0]
        finally:
            board.undo()
        if value > alpha:
            alpha, best = value, column
        if alpha >= beta:
            break
    return alpha, best if best is not None else free[0]


board = Board()
while len(board.moves) < 22 and not (board.moves and board.won()):
    value, column = search(board, 4, -10 ** 9, 10 ** 9)
    board.play(column)
    print(len(board.moves), column, value, board, flush=True)
