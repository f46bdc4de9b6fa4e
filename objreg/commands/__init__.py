"""The commands of `objreg`, a module each."""
