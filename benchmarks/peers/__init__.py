"""What a team would write instead, each as its own documentation teaches, and the floors beneath all of it.

They run in the benchmark's environment, read `AMQP_URL`, `MONGO_URL` and `PORT`, and do what the service is
asked for in the same measurement: read a profile by id from the same collection, or change its last name, and
answer with the same fields. No peer checks who asks, keeps a command from taking effect twice, publishes an
event, or retries.
"""
