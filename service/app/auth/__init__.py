"""Who asks, what they may do, and the ports for passwords and tokens."""
