"""Imported in the middle of another import."""
BASE = 0
for number in range(4):
    BASE += number
    print("tables", number)
