"""Imports: what other registries hold becomes objreg's."""
