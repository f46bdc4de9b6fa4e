"""Measurements against the registry that people would otherwise install: commands, not tests; they print ratios.

``python -m benchmarks.calls`` counts object-store calls, ``python -m benchmarks.speed`` compares speed, and
``python -m benchmarks.memory`` watches the memory of transfers.  docs/benchmarks.md says what was seen.
"""
