"""Measurements beside a peer in the same run. Machines differ: only the ratios mean something."""
