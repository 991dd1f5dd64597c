"""Tagging of more than fits into one go: into a folder of parts, resumable, shared out among processes and machines."""
