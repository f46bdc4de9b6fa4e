"""Tries an operator's store: what `objreg.store` promises, what its driver declares, and how fast it is.

`objreg.checking.run` is the list of probes and their running, `objreg.checking.scratch` where they write, and
`objreg.checking.contract` runs the contract suite of `objreg.testing` there.
"""
