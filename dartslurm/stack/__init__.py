"""Whole stacks: which callers can be rebuilt, freezing and thawing all frames of a thread."""
