"""Pictures of runs: arrays in, a matplotlib figure out. No files, no tracking, no global state; matplotlib is imported on first use."""
