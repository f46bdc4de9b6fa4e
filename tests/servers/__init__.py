"""Real object stores on loopback, for the functional tests and the benchmarks.

`ceph` and `swift` each start a one-node cluster, `azurite` an emulator, in a folder of their own, on free ports,
without systemd; `fixtures` makes pytest fixtures of them; ``python -m tests.servers`` is the same by hand.
"""
