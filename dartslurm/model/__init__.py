"""Nouns: frozen descriptions that every station speaks; no input or output here."""
