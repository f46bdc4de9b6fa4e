"""The pages of the hub, for people and their browsers: rendered here, and complete without a script."""
