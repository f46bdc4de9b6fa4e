"""objreg: a container registry on a pure object store."""

__version__ = '0.1.0.dev0'
