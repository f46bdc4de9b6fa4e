"""Drivers: one object store a file, each behind `objreg.store.Store`."""
