"""Stages of the pipeline, one class in each file. `pipeline.py` says in which order they come."""
