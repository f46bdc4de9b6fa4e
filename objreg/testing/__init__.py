"""Shipped for tests of objreg and of drivers by others: the contract suite, fakes, a small client."""
