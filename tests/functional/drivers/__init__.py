"""The contract of `objreg.store` on real object stores."""
