"""A place to try a model in the browser: articles in, highlighted sentences out, corrections down. Needs the extra `demo`."""
