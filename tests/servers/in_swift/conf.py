"""The configuration files of the one-node Swift."""

SWIFT = """\
[swift-hash]
swift_hash_path_prefix = loop
swift_hash_path_suffix = back
[storage-policy:0]
name = default
default = yes
"""

_COMMON = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {folder}/etc
user = {user}
workers = 0
log_level = WARNING
log_name = {name}-server
"""

STORAGE = _COMMON + """\
devices = {folder}/srv
mount_check = false
fallocate_reserve = 0
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
"""

PROXY = _COMMON + """\
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck proxy-logging cache listing_formats bulk tempurl {auth} copy \
slo dlo versioned_writes symlink proxy-logging proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
conn_timeout = 5
node_timeout = 60
recoverable_node_timeout = 60
# one error must not switch off the only device
error_suppression_interval = 0
error_suppression_limit = 1000000
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:proxy-logging]
use = egg:swift#proxy_logging
[filter:cache]
paste.filter_factory = cache:filter_factory
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:tempurl]
use = egg:swift#tempurl
methods = GET HEAD PUT POST DELETE
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
s3_acl = false
check_bucket_owner = false
dns_compliant_bucket_names = true
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
# without this a GET slows to one small (under 1 MiB) segment a second after the tenth
rate_limit_under_size = 0
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
"""

TEMPAUTH = """\
[filter:tempauth]
use = egg:swift#tempauth
user_admin_admin = admin .admin .reseller_admin
user_test_tester = testing .admin
user_test_tester3 = testing3
user_test2_tester2 = testing2 .admin
"""

KEYSTONE = """\
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
auth_type = password
auth_url = {keystone}
www_authenticate_uri = {keystone}
username = swift
password = servicepassword
project_name = service
user_domain_id = default
project_domain_id = default
# whoever comes without a token may have a signed URL, or something public
delay_auth_decision = true
cache = swift.cache
# a token that was revoked is believed for so many seconds
token_cache_time = 1
include_service_catalog = false
[filter:s3token]
use = egg:swift#s3token
auth_type = password
auth_url = {keystone}
auth_uri = {keystone}
username = swift
password = servicepassword
project_name = service
user_domain_id = default
project_domain_id = default
[filter:keystoneauth]
use = egg:swift#keystoneauth
operator_roles = admin, member
"""
