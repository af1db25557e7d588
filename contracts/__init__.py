"""The wire language of the profile service: what is sent, what comes back, and on which queue.

Needs pydantic only; `contracts.client` also needs aio-pika (`pip install profile-service[client]`).
"""
