"""HTTP and command line: parse, call, answer."""
