"""Clusters that lose members: only `make chaos-cluster` runs these."""
