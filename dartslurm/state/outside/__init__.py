"""State of the process that no object of the program holds: one file a matter."""
