"""What is wrong with Redis before anybody asks it: importing this imports no driver."""


class RedisUrlInvalid(Exception):
    """The address has an option that redis-py does not take; the sentence says which."""
