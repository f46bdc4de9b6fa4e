"""The resources of the storage application: a class a resource, its HTTP verbs as methods."""
