"""The first version of the API, of Docker up to 1.5 and of ``docker search`` to this day.

names       how it spells the names of repositories
routes      its URL grammar as one table, of the index and of the registry
answers     the headers that every answer has
errors      what is wrong with a request, as it says so
"""
