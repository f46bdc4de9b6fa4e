"""What objreg promises, as tests: `unit` without any server, `functional` against real ones."""
