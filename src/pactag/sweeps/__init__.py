"""Searches for good settings: a file says where to look, each trial is a training run, and the best one can be written as a config."""
