"""What would suit any service. Imports nothing of ours."""
