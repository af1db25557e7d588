"""The wire language of the profile service: what is sent, what comes back, and on which queue.

Needs pydantic only; `profile_contracts.client` also needs aio-pika (`pip install profile-contracts[client]`).
"""
