"""The configuration of the one-node Ceph; the comments say what happens without a setting."""

CONF = """\
[global]
fsid = {fsid}
mon_host = v2:127.0.0.1:{mon_port}/0
mon_initial_members = a
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_msgr1 = false
ms_bind_port_min = {osd_first_port}
ms_bind_port_max = {osd_last_port}
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
pid_file = {folder}/$name.pid
admin_socket = {folder}/$name.asok
log_file = {folder}/log/$name.log
crash_dir = {folder}/crash
mon_cluster_log_file = {folder}/log/cluster.log
# run as the caller, whoever that is
setuser =
setgroup =
# one copy of everything on one OSD, few placement groups: the cluster is ready sooner
osd_pool_default_size = 1
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
osd_crush_chooseleaf_type = 0
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
mon_max_pg_per_osd = 2000

[mon]
mon_data = {folder}/mon/$id
paxos_propose_interval = 0.01
paxos_min_wait = 0.01
# the disk of a developer's machine is often nearly full
mon_data_avail_warn = 1
mon_data_avail_crit = 1
mon_warn_on_pool_no_redundancy = false
mon_allow_pool_delete = true

[osd]
osd_data = {folder}/osd/$id
osd_objectstore = bluestore
osd_crush_initial_weight = 1
osd_memory_target = 939524096
# a sparse file
bluestore_block_size = {size}
bluestore_fsck_on_mkfs = false
osd_scrub_begin_hour = 0
osd_scrub_load_threshold = 0.01

[client]
rgw_data = {folder}/rgw
# the gateway insists on "secure" towards the monitor, which needs authentication
ms_mon_client_mode = crc
# without tcp_nodelay every second answer waits 40 ms for a delayed acknowledgement
rgw_frontends = beast endpoint=127.0.0.1:{rgw_port} tcp_nodelay=1
rgw_thread_pool_size = 32
rgw_num_rados_handles = 1
rgw_rados_pool_pg_num_min = 4
rgw_num_control_oids = 1
# the space of what was deleted comes back within minutes, not hours
rgw_gc_max_objs = 1
rgw_gc_obj_min_wait = 120
rgw_gc_processor_period = 60
rgw_lc_max_objs = 1
rgw_usage_max_shards = 1
rgw_data_log_num_shards = 1
rgw_md_log_max_shards = 1
rgw_objexp_hints_num_shards = 1
rgw_reshard_num_logs = 1
rgw_override_bucket_index_max_shards = 1
rgw_dynamic_resharding = false
rgw_enable_apis = s3, swift, swift_auth, admin
rgw_swift_account_in_url = true
rgw_swift_url = http://127.0.0.1:{rgw_port}
rgw_verify_ssl = false
rgw_enable_usage_log = false
"""
