"""Shipped for tests of objreg and of drivers by others.

`objreg.testing.contract`
    What every driver promises, as tests to derive from (needs pytest: ``pip install objreg[testing]``).
`objreg.testing.faults`
    Stores that count, fail, stop or lag behind, to be put around any other.
"""
