"""Our service beside what engineers would write instead: `make bench`."""
