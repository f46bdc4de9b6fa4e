"""Of the API of the hub, each through the real layer."""
