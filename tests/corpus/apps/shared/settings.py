"""Values that other modules read and change."""
START = [3, 1, 4, 1, 5]
TURNS = 500000
COUNTS = {"extended": 0}
