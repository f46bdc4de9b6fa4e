"""What real clients do with the registry, each by its own program."""
