"""The hub: its parts, each over a store in memory."""
