"""Drivers, without their servers."""
