"""The load generator: a process of its own, in the benchmark's environment, as lean as Python allows."""
