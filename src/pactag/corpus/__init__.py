"""The labelled corpus: how it is written, read by annotators, built, checked and loaded."""
