"""``python -m objreg`` is ``objreg``."""

from objreg.cli import main

main()
