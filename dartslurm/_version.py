"""The version of the package, written into every manifest."""

__version__ = "0.1.0"
