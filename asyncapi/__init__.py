"""The AsyncAPI document of the service: made from the contract, checked by the official parser, shown offline."""
