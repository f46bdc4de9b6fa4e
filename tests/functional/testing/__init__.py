"""Mirrors objreg/testing."""
