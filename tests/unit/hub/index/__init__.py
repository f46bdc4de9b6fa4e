"""The index of the first version of the API."""
