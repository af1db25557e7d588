"""The AsyncAPI document of the service: made from the contract, and shown offline."""
