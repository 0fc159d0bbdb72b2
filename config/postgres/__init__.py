"""The embedded PostgreSQL: a Django database backend that starts its own server when it is first asked.

`base` is what Django loads, `cluster` starts and stops servers, `places` says where they live.
"""
