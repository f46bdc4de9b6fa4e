"""Tests against real stores, servers and clients."""
