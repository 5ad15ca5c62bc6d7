"""A package that is started with -m."""
VERSION = "1.2"
