"""Stores around stores: retries, timing, caching."""
