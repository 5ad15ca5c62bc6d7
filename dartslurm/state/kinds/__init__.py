"""One file a family of types; each holds how it is reduced *and* how it is rebuilt."""
