"""Modules of the program beside them."""
