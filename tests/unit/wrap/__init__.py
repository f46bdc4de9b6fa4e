"""Mirrors objreg/wrap."""
