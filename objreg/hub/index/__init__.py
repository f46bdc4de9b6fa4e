"""The index of the first version of the API: what was Docker's hub, over the accounts of this one.

An old client asks it before it asks a registry: it logs in here, announces what it is about to push, and is given a
token for one repository and the names of registries.  ``docker search`` asks it to this day.

app             the routes, in one table, and who answers them
asking          who asks, by whatever he may give, and what he may do
repositories    announcing, listing and deleting
announced       the lists of images that were announced
endpoints       which registries a client is told to go to
people          ``docker login`` up to 1.11
searching       ``/v1/search``
"""
