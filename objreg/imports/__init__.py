"""Takes what other registries hold: their trees in a store, or what they answer."""
