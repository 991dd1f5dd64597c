"""Bring your own articles: tasks for annotation tools, judgements back from them, agreement, and into a corpus."""
