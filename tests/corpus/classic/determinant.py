"""Exact determinants and inverses with Fractions."""
from fractions import Fraction


def matrix(n, salt):
    return [[Fraction((i * 7 + j * 3 + salt) % 11 - 5, (i + j) % 4 + 1) for j in range(n)] for i in range(n)]


def determinant(rows):
    rows = [row[:] for row in rows]
    result = Fraction(1)
    for k in range(len(rows)):
        pivot = next((i for i in range(k, len(rows)) if rows[i][k]), None)
        if pivot is None:
            return Fraction(0)
        if pivot != k:
            rows[k], rows[pivot] = rows[pivot], rows[k]
            result = -result
        result *= rows[k][k]
        for i in range(k + 1, len(rows)):
            factor = rows[i][k] / rows[k][k]
            if factor:
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k])]
    return result


for n in range(2, 30):
    for salt in range(3):
        print(n, salt, determinant(matrix(n, salt)), flush=True)
