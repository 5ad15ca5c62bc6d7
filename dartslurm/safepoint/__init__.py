"""When: triggers that ask for a version, and the gate that finds the instant to take it."""
