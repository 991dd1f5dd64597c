"""`python -m pactag.cli`."""

from pactag.cli import main

main()
