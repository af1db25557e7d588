"""Profiles in MongoDB."""
