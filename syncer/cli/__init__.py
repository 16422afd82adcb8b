"""The command line: not shipped to Lambda."""
