"""Checks of stores."""
