"""The first version of the API, of Docker up to 1.5 and of ``docker search`` to this day.

The contract, without a request:

image          an image: its id, its JSON, its layer
from_v2, to_v2 the images that a manifest is, and the manifest that images are
tar_reader, tarsum, compression, layer_scan    what has to be known of a layer
tokens         what lets somebody do something with one repository; `sealed`: where no hub signs them

The registry (`objreg.middleware.ancestry`):

images         images in the bucket, and those whose push is under way
view           what a repository holds, seen as images
call, inner    a request, and the requests of the second version that it becomes
reading, writing, layer_upload, tag_facts      what answers it
standalone, announcements                      the index where there is no hub

names       how it spells the names of repositories
routes      its URL grammar as one table, of the index and of the registry
answers     the headers that every answer has
errors      what is wrong with a request, as it says so
"""
